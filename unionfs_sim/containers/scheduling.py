"""
Processes without threads: programs that wait are generators, and time is simulated.

A program that has to wait yields a `Wait`.  The scheduler goes on with another one,
always in the same order, and lets time pass only when all of them wait.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Generator
from typing import Final, Protocol, TypeAlias, TypeVar, final

import attrs

from unionfs_sim.core.clock import EPOCH_NS, Clock, TickClock

SECOND_NS: Final = 1_000_000_000

#: How many turns programs get before whoever started them goes on regardless.
TURNS_MAX: Final = 10_000

#: After how many turns others get the lock, and for how long, where time is real.
_TURNS_AT_ONCE: Final = 1_000
_BREATH_SECONDS: Final = 0.001

_Result = TypeVar("_Result")


@final
class Timeline:
    """
    A clock that can be put forward, over one that goes on by itself.

    Args:
        clock: The clock below; by default the same in every run.
        real: Whether time cannot be put forward, but has to be waited for.

    >>> timeline = Timeline(TickClock(start_ns=0))
    >>> timeline.advance_to(5 * SECOND_NS)
    >>> timeline() > 5 * SECOND_NS
    True
    """

    __slots__ = ("_clock", "_offset_ns", "real")

    def __init__(self, clock: Clock | None = None, *, real: bool = False) -> None:
        self._clock = clock or TickClock(start_ns=EPOCH_NS)
        self.real = real
        self._offset_ns = 0

    def __call__(self) -> int:
        """Give the time, in nanoseconds since the epoch."""
        return self._clock() + self._offset_ns

    def advance_to(self, when_ns: int) -> None:
        """Go on to a time; one that has gone by changes nothing."""
        self._offset_ns += max(0, when_ns - self())


class Advancing(Protocol):
    """A clock that can be put forward, such as a `Timeline`."""

    def __call__(self) -> int:
        """Give the time, in nanoseconds since the epoch."""
        ...  # pragma: no cover

    def advance_to(self, when_ns: int) -> None:
        """Go on to a time."""
        ...  # pragma: no cover


@final
class Event:
    """Something that processes wait for; whoever makes it happen calls `notify`."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Task] = []

    def add(self, task: Task) -> None:
        """Note that a task waits for this."""
        self._waiting.append(task)

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it."""
        return any(not task.done for task in self._waiting)

    def notify(self) -> None:
        """Let all that wait look again."""
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            task.wake()


@final
@attrs.frozen
class Wait:
    """
    What a program yields when it cannot go on: events, or a time.

    Attributes:
        events: The program goes on when one of them happens.
        until_ns: It goes on at this time in any case; ``None`` waits for ever.
    """

    events: tuple[Event, ...] = ()
    until_ns: int | None = None


#: A program that waits: it yields what for, and returns its exit code in the end.
Steps: TypeAlias = Generator[Wait, None, _Result]


def at_once(value: _Result) -> Steps[_Result]:
    """Give a value without waiting, where one might have to be waited for."""
    yield from ()
    return value


class Killed(BaseException):
    """
    Thrown into a program when a signal ends it.

    Attributes:
        code: The exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Interrupted(Killed):
    """Thrown into a program that a key on its terminal interrupts."""

    def __init__(self, code: int = 130) -> None:
        super().__init__(code)


@final
class Task:
    """
    One running program.

    Attributes:
        code: Its exit code, once it has ended.
    """

    __slots__ = (
        "_awake",
        "_doom",
        "_ended",
        "_frozen",
        "_running",
        "_scheduler",
        "_steps",
        "_thrown",
        "code",
        "on_end",
    )

    def __init__(
        self,
        scheduler: Scheduler,
        steps: Steps[int],
        on_end: Callable[[int], object] | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._steps = steps
        self._awake = False
        self._frozen = False
        self._running = False
        self._doom: int | None = None
        self._thrown: BaseException | None = None
        self._ended: Event | None = None
        self.code: int | None = None
        self.on_end = on_end

    @property
    def ended(self) -> Event:
        """Happens when the program ends."""
        if self._ended is None:
            self._ended = Event()
        return self._ended

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.code is not None

    def wake(self) -> None:
        """Let it look again whether it can go on."""
        if not self._awake and self.code is None and not self._frozen:
            self._awake = True
            self._scheduler.ready.append(self)

    def interrupt(self, error: BaseException) -> None:
        """Throw something into the program where it waits, when it has its turn."""
        self._thrown = error
        self.wake()

    def freeze(self) -> None:
        """Give it no more turns, whatever happens, until `thaw`."""
        self._frozen = True

    def thaw(self) -> None:
        """Let it go on after `freeze`; it looks again at what it waits for."""
        self._frozen = False
        self.wake()

    def step(self) -> None:
        """Let it go on until it waits or ends."""
        self._awake = False
        if self.code is not None or self._frozen:
            return
        self._running = True
        try:
            thrown, self._thrown = self._thrown, None
            wait = next(self._steps) if thrown is None else self._steps.throw(thrown)
        except StopIteration as end:
            self._finish(int(end.value or 0))
            return
        except Killed as end:
            self._finish(end.code)
            return
        finally:
            self._running = False
        if self._doom is not None:
            self.kill(self._doom)
            return
        for event in wait.events:
            event.add(self)
        if wait.until_ns is not None:
            self._scheduler.at(wait.until_ns, self)
        elif not wait.events:
            self.wake()  # it only lets others have a turn

    def kill(self, code: int) -> None:
        """End it with an exit code; one that runs just now ends when it waits."""
        if self.code is not None:
            return
        if self._running:
            self._doom = code
            return
        with contextlib.suppress(Killed):
            self._steps.close()
        self._finish(code)

    def _finish(self, code: int) -> None:
        self.code = code
        if self._ended is not None:
            self._ended.notify()
        if self.on_end is not None:
            self.on_end(code)


@final
class Scheduler:
    """
    Lets programs take turns, in the order in which they became ready.

    Attributes:
        now: The clock.
        ready: Who is to have the next turns.
        pause: Waits for so many seconds of real time, or until another thread did
            something; without it time is put forward instead.

    >>> scheduler = Scheduler(Timeline(TickClock(start_ns=0)))
    >>> def nap():
    ...     yield Wait(until_ns=scheduler.now() + 3 * SECOND_NS)
    ...     return 7
    >>> task = scheduler.start(nap())
    >>> scheduler.run_ready()
    >>> task.done
    False
    >>> scheduler.run_until(lambda: task.done), task.code
    (True, 7)
    """

    def __init__(self, timeline: Advancing) -> None:
        self.now = timeline
        self.ready: deque[Task] = deque()
        self.pause: Callable[[float | None], object] | None = None
        self._timers: list[tuple[int, int, Task]] = []
        self._order = itertools.count()

    def at(self, when_ns: int, task: Task) -> None:
        """Wake a task at a time."""
        heapq.heappush(self._timers, (when_ns, next(self._order), task))

    def start(
        self, steps: Steps[int], on_end: Callable[[int], object] | None = None
    ) -> Task:
        """Take on a program; it gets its first turn when the others had theirs."""
        task = Task(self, steps, on_end)
        task.wake()
        return task

    def run_ready(self, turns_max: int = TURNS_MAX) -> None:
        """Let all programs go on that can without time passing, for some turns."""
        self.wake_due()
        while self.ready and turns_max > 0:
            self.ready.popleft().step()
            turns_max -= 1

    def wake_due(self) -> None:
        """Wake those whose time has come."""
        timers = self._timers
        if not timers:
            return
        now_ns = self.now()
        while timers and timers[0][0] <= now_ns:
            heapq.heappop(timers)[2].wake()

    def run_until(
        self, done: Callable[[], bool], *, until_ns: int | None = None
    ) -> bool:
        """
        Let programs go on, and time pass, until something is true.

        Args:
            done: Whether it is.
            until_ns: When to give up.

        Returns:
            Whether it became true; false if all wait for what can never happen.
        """
        turns = 0
        while not done():
            if self.ready:
                self.ready.popleft().step()
                turns += 1
                if turns % _TURNS_AT_ONCE == 0 and self._over(until_ns):
                    return done()
            elif self.pause is not None:
                if not self._wait(self.pause, until_ns):
                    return done()
            elif not self._pass_time(until_ns):
                return False
        return True

    @property
    def next_ns(self) -> int | None:
        """When the next program wakes by itself; now, if one is ready to go on."""
        if self.ready:
            return self.now()
        timers = self._timers
        while timers and timers[0][2].done:
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def _over(self, until_ns: int | None) -> bool:
        """Let other threads in, and tell whether it is time to give up."""
        if self.pause is not None:
            self.pause(_BREATH_SECONDS)
        self.wake_due()
        return until_ns is not None and self.now() >= until_ns

    def _wait(
        self, pause: Callable[[float | None], object], until_ns: int | None
    ) -> bool:
        """Wait for real, until the next time that somebody waits for at most."""
        now_ns = self.now()
        times = [each[0] for each in self._timers[:1]]
        if until_ns is not None:
            if now_ns >= until_ns:
                return False
            times.append(until_ns)
        seconds = (min(times) - now_ns) / SECOND_NS if times else None
        if seconds is None or seconds > 0:
            pause(seconds)
        self.wake_due()
        return True

    def _pass_time(self, until_ns: int | None) -> bool:
        """Go on to the next time that somebody waits for."""
        timers = self._timers
        while timers and timers[0][2].done:
            heapq.heappop(timers)
        if not timers or (until_ns is not None and timers[0][0] > until_ns):
            if until_ns is not None:
                self.now.advance_to(until_ns)
            return False
        when_ns = timers[0][0]
        self.now.advance_to(when_ns)
        while timers and timers[0][0] <= when_ns:
            heapq.heappop(timers)[2].wake()
        return True
