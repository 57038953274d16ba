"""
How time is measured: CPU time of the thread, interleaved batches, ratios, intervals.

Machines drift, so that no time is stated alone: beside every batch stands one of
`dict.get` over as many other keys, and what counts is the median over the rounds of
the ratio within a round.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Final, Protocol, TypeAlias, final

import attrs

from unionfs_sim.bench.workload import KEYS_MAX

#: Runs all keys once.
Batch: TypeAlias = Callable[[Sequence[str]], None]

#: Gives nanoseconds.
Timer: TypeAlias = Callable[[], int]

#: How many rounds a median is taken over.
ROUNDS: Final = 21

#: How long one batch should take: long against the timer, short against the drift.
BATCH_NS: Final = 1_000_000

#: Up to which length batches are gone through once more, untimed, before each time.
WARMED_NS_MAX: Final = 20_000_000

#: How many keys a slow batch keeps at least.
KEYS_MIN: Final = 10

#: How many times a result is drawn again for its interval of confidence.
DRAWS: Final = 1_000


class Looker(Protocol):
    """Whatever looks a path up by a method."""

    def lookup(self, path: str, /) -> object:
        """Look a path up."""
        ...  # pragma: no cover


@final
class OneCall:
    """The least that a public method over a dictionary can cost."""

    __slots__ = ("_table",)

    def __init__(self, table: dict[str, object]) -> None:
        self._table = table

    def lookup(self, path: str, /) -> object:
        """Look a path up."""
        return self._table.get(path)


def calls(function: Callable[[str], object]) -> Batch:
    """Make a batch: one call for each key, and nothing else in the loop."""

    def batch(keys: Sequence[str]) -> None:
        for key in keys:
            function(key)

    return _own_code(batch)


def lookups(looker: Looker) -> Batch:
    """Make a batch of `looker.lookup`, found anew for each key as callers do."""

    def batch(keys: Sequence[str]) -> None:
        for key in keys:
            looker.lookup(key)

    return _own_code(batch)


def _own_code(batch: Batch) -> Batch:
    """
    Give a batch code of its own.

    The interpreter adapts code to the types that it meets; loops that share their
    code would adapt it back and forth, and each would pay for the others.
    """
    assert isinstance(batch, FunctionType)
    return FunctionType(
        batch.__code__.replace(),
        batch.__globals__,
        batch.__name__,
        batch.__defaults__,
        batch.__closure__,
    )


@final
@attrs.frozen(eq=False)
class Task:
    """
    What is timed.

    Attributes:
        batch: Runs all keys once.
        keys: The keys.
        prepare: Called before each batch, outside the time.
        timer: Which time counts; wall time where another process does the work, and
            then that of the quietest batch.
    """

    batch: Batch
    keys: Sequence[str]
    prepare: Callable[[], None] | None = None
    timer: Timer = time.thread_time_ns


@final
@attrs.frozen
class Timing:
    """
    What came of timing one task.

    Attributes:
        ns: Median time of one key, in nanoseconds; for scale only.
        x_dict_get: Median over the rounds of the ratio to a `dict.get`.
        x_call: The same to one method call with a `dict.get` in it.
        ratios: The ratio to `dict.get` in each round.
        keys: How many keys a batch had.
        repeats: How many times a batch went through them.
    """

    ns: float
    x_dict_get: float
    x_call: float
    ratios: tuple[float, ...]
    keys: int
    repeats: int

    def to_json(self) -> dict[str, object]:
        """Give the figures as a value for ``json.dumps``."""
        low, high = interval(self.ratios)
        return {
            "ns": round(self.ns, 1),
            "x_dict_get": round(self.x_dict_get, 3),
            "x_dict_get_95": [round(low, 3), round(high, 3)],
            "x_call": round(self.x_call, 3),
            "keys": self.keys,
            "repeats": self.repeats,
            "ratios": [round(ratio, 3) for ratio in self.ratios],
        }


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the collector of cycles out of what is timed, as `timeit` does."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def spend(
    batch: Batch, keys: Sequence[str], repeats: int, timer: Timer = time.thread_time_ns
) -> float:
    """Give the nanoseconds that one key takes."""
    rounds = range(repeats)
    began = timer()
    for _ in rounds:
        batch(keys)
    return (timer() - began) / (len(keys) * repeats)


@final
class Yardstick:
    """
    A dictionary of 400 keys that are asked for by `dict.get`, and through one method.

    Attributes:
        keys: The keys.
    """

    def __init__(self) -> None:
        table: dict[str, object] = dict.fromkeys(
            (f"/other/key{n:03d}" for n in range(KEYS_MAX)), 1
        )
        self.keys = list(table)
        self._get = calls(table.get)
        self._call = lookups(OneCall(table))

    def get(self, repeats: int) -> float:
        """Give the CPU nanoseconds of one `dict.get`, its loop included."""
        return spend(self._get, self.keys, repeats)

    def call(self, repeats: int) -> float:
        """Give the CPU nanoseconds of one method call with a `dict.get` in it."""
        return spend(self._call, self.keys, repeats)


@attrs.define
class _Plan:
    task: Task
    keys: Sequence[str]
    repeats: int
    warms: bool = False
    rows: list[tuple[float, float, float]] = attrs.field(factory=list)


def time_tasks(
    tasks: Mapping[str, Task],
    *,
    rounds: int = ROUNDS,
    batch_ns: int = BATCH_NS,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Timing]:
    """
    Time tasks, interleaved: every round goes through all of them.

    Each batch stands between its own two batches of the yardsticks, and is gone
    through once before its time starts.  Of the two of `dict.get` the quieter counts,
    of the two of one method call their mean: a control reads 1.

    Args:
        tasks: The tasks by name.
        rounds: How many rounds.
        batch_ns: How long a batch should take; keys and repeats are chosen for it.
        tick: Called after each round.

    >>> timings = time_tasks({"get": Task(calls({}.get), ["a"])}, rounds=1, batch_ns=1)
    >>> timings["get"].repeats
    1
    """
    yardstick = Yardstick()
    plans = {name: _planned(task, batch_ns) for name, task in tasks.items()}
    yards = max(1, round(batch_ns / 2 / (max(yardstick.get(1), 1.0) * KEYS_MAX)))
    with quiet():
        for _ in range(rounds):
            for plan in plans.values():
                plan.rows.append(_round(plan, yardstick, yards))
            tick()
    return {name: _timing(plan) for name, plan in plans.items()}


def _planned(task: Task, batch_ns: int) -> _Plan:
    """Choose how many keys, and how many times."""
    keys = list(task.keys)
    if task.prepare is not None:
        task.prepare()
        return _Plan(task, keys, 1)
    few = _spread(keys, KEYS_MIN)
    task.batch(few)  # what is only done once is not what is measured
    one = max(min(spend(task.batch, few, 1, task.timer) for _ in range(3)), 1.0)
    wanted = batch_ns / one
    if len(keys) < KEYS_MAX < wanted:  # else the call of the batch would weigh
        keys *= -(-KEYS_MAX // len(keys))
    if wanted < len(keys):
        some = _spread(keys, max(KEYS_MIN, int(wanted)))
        return _Plan(task, some, 1, warms=one * len(some) < WARMED_NS_MAX)
    task.batch(keys)
    return _Plan(task, keys, max(1, round(wanted / len(keys))), warms=True)


def _spread(keys: list[str], count: int) -> list[str]:
    """Give some of the keys, evenly spread."""
    if count >= len(keys):
        return keys
    return [keys[index * len(keys) // count] for index in range(count)]


def _round(plan: _Plan, yardstick: Yardstick, yards: int) -> tuple[float, float, float]:
    task = plan.task
    if task.prepare is not None:
        task.prepare()
    elif plan.warms:
        task.batch(plan.keys)
    get, call = yardstick.get(yards), yardstick.call(yards)
    took = spend(task.batch, plan.keys, plan.repeats, task.timer)
    again, after = yardstick.call(yards), yardstick.get(yards)
    return took, min(get, after), (call + again) / 2


def _timing(plan: _Plan) -> Timing:
    if plan.task.timer is not time.thread_time_ns:
        plan.rows = [min(plan.rows)]  # wall time counts where it was quietest
    ratios = tuple(took / max(get, 1e-9) for took, get, _ in plan.rows)
    return Timing(
        ns=statistics.median(took for took, _, _ in plan.rows),
        x_dict_get=statistics.median(ratios),
        x_call=statistics.median(took / max(call, 1e-9) for took, _, call in plan.rows),
        ratios=ratios,
        keys=len(plan.keys),
        repeats=plan.repeats,
    )


def plain(value: float) -> str:
    """
    Write an exponent with two digits; nothing is nothing, without a sign.

    >>> plain(-0.001), plain(-0.5)
    ('0.00', '-0.50')
    """
    return f"{round(value, 2) + 0.0:.2f}"


@final
@attrs.frozen
class Growth:
    """
    How something grows with the number of layers: as N to the power of *exponent*.

    Attributes:
        exponent: The slope of a line through the points, both axes logarithmic.
        low: The lower end of its interval of confidence (95 %).
        high: The upper end.
    """

    exponent: float
    low: float
    high: float

    def __str__(self) -> str:
        """
        Show it.

        >>> str(Growth(1.0, 0.98, 1.03))
        'N^1.00 [0.98, 1.03]'
        """
        return f"N^{plain(self.exponent)} [{plain(self.low)}, {plain(self.high)}]"

    def to_json(self) -> dict[str, object]:
        """Give the figures as a value for ``json.dumps``."""
        return {
            "exponent": round(self.exponent, 4),
            "exponent_95": [round(self.low, 4), round(self.high, 4)],
        }


def growth(
    samples: Mapping[int, Sequence[float]], *, seed: int = 0, draws: int = DRAWS
) -> Growth | None:
    """
    Fit the exponent of growth by least squares through the logarithms of the medians.

    The interval of confidence is that of a bootstrap: the samples of each N are drawn
    again, with replacement.

    Args:
        samples: What was measured for each number of layers.
        seed: Makes the draws the same in every run.
        draws: How many.

    Returns:
        The growth; ``None`` if there are fewer than two numbers of layers.

    >>> str(growth({1: [2.0, 2.0], 10: [20.0, 20.0], 100: [200.0, 200.0]}))
    'N^1.00 [1.00, 1.00]'
    """
    counts = sorted(count for count, values in samples.items() if values)
    if len(counts) < 2:
        return None
    logs = [math.log(count) for count in counts]
    chosen = random.Random(seed)  # noqa: S311 - draws, not secrets

    def slope(medians: Sequence[float]) -> float:
        return statistics.linear_regression(logs, [math.log(m) for m in medians]).slope

    found = sorted(
        slope(
            [
                statistics.median(chosen.choices(samples[n], k=len(samples[n])))
                for n in counts
            ]
        )
        for _ in range(draws)
    )
    fitted = slope([statistics.median(samples[n]) for n in counts])
    return Growth(fitted, *_middle(found))


def interval(
    samples: Sequence[float],
    below: Sequence[float] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> tuple[float, float]:
    """
    Give the interval of confidence (95 %) of a median, or of the ratio of two.

    >>> interval([2.0, 2.0, 2.0], [1.0, 1.0])
    (2.0, 2.0)
    """
    chosen = random.Random(seed)  # noqa: S311 - draws, not secrets
    found = []
    for _ in range(draws):
        value = statistics.median(chosen.choices(samples, k=len(samples)))
        if below is not None:
            value /= statistics.median(chosen.choices(below, k=len(below)))
        found.append(value)
    return _middle(sorted(found))


def _middle(ordered: Sequence[float]) -> tuple[float, float]:
    """Cut 2.5 % off either end."""
    cut = int(len(ordered) * 0.025)
    return ordered[cut], ordered[-1 - cut]
