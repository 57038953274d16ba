"""
Sweeps: lists of independent tasks, on any executor, with deterministic results.

A task is a function of a module and its argument, so that it can be sent anywhere.
Results come in the order of the tasks, whoever finished first; a task whose worker is
lost is sent again, and no task counts twice.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from multiprocessing import get_context
from typing import Any, Final, Generic, TypeAlias, TypeVar, final

import attrs

from unionfs_sim.bench.peer import load
from unionfs_sim.errors import SpecError

T = TypeVar("T")
R = TypeVar("R")

#: How many times a task is sent again after its worker was lost.
RETRIES: Final = 3

#: What Dask raises for a task whose worker was lost, or whose scheduler went away.
_LOST_NAMES: Final = frozenset(
    {"KilledWorker", "CommClosedError", "FutureCancelledError"}
)


@final
@attrs.frozen
class Done(Generic[R]):
    """
    What became of one task.

    Attributes:
        index: Its place in the list.
        value: What its function gave; ``None`` if it failed.
        error: What its function raised, as text, or why it was given up; or ``None``.
        attempts: How many times it was sent.
    """

    index: int
    value: R | None
    error: str | None = None
    attempts: int = 1


#: Makes an executor; called again when one broke.
MakeExecutor: TypeAlias = Callable[[], contextlib.AbstractContextManager[Executor]]


def run(
    function: Callable[[T], R],
    tasks: Sequence[T],
    make_executor: MakeExecutor,
    *,
    retries: int = RETRIES,
    window: int = 64,
    finished: Callable[[Done[R]], None] = lambda _: None,
    known: Mapping[int, R] | None = None,
) -> list[Done[R]]:
    """
    Run a function on each task, and give what became of them in the order of the tasks.

    The results do not depend on the executor, on the number of its workers, nor on how
    often one is lost.  What the function itself raises is a result, not tried again.

    Args:
        function: A function that can be pickled.
        tasks: What it is called with.
        make_executor: Makes an executor; called again if one breaks.
        retries: How many times a task is sent again whose worker was lost.
        window: How many tasks are on their way at most.
        finished: Called once for each task, in the order in which they finish.
        known: Values of tasks that an earlier run finished, by their place.

    >>> found = run(abs, [3, -4, "x"], executor_maker("thread"))
    >>> [done.value for done in found], found[2].error
    ([3, 4, None], "TypeError: bad operand type for abs(): 'str'")
    """
    work = _Sweep(function, tasks, retries, window, finished, known or {})
    while work.unfinished():
        with make_executor() as executor:
            work.go(executor)
    return work.results()


class _Sweep(Generic[T, R]):
    """A sweep under way."""

    def __init__(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        retries: int,
        window: int,
        finished: Callable[[Done[R]], None],
        known: Mapping[int, R],
    ) -> None:
        self._function = function
        self._tasks = tasks
        self._retries = retries
        self._window = window
        self._finished = finished
        self._attempts = [0] * len(tasks)
        self._done: dict[int, Done[R]] = {
            index: Done(index, value, attempts=0)
            for index, value in known.items()
            if index < len(tasks)
        }

    def unfinished(self) -> list[int]:
        """Give the places of the tasks that are not done, in order."""
        return [index for index in range(len(self._tasks)) if index not in self._done]

    def results(self) -> list[Done[R]]:
        """Give what became of all tasks, in order."""
        return [self._done[index] for index in range(len(self._tasks))]

    def go(self, executor: Executor) -> None:
        """Send tasks until all are done or the executor breaks."""
        waiting = self.unfinished()
        waiting.reverse()
        sent: dict[Future[Any], int] = {}
        try:
            while waiting or sent:
                while waiting and len(sent) < self._window:
                    index = waiting.pop()
                    future = executor.submit(
                        _guarded, self._function, self._tasks[index]
                    )
                    self._attempts[index] += 1
                    sent[future] = index
                finished, _ = wait(sent, return_when=FIRST_COMPLETED)
                for future in finished:
                    index = sent[future]
                    if self._settle(index, future):
                        waiting.append(index)
                    del sent[future]
        except BrokenExecutor:
            self._broke(sent)

    def _settle(self, index: int, future: Future[Any]) -> bool:
        """Take a result in; tell whether the task has to be sent again."""
        try:
            value, error = future.result()
        except BrokenExecutor:
            raise  # all that were on their way are lost
        except (Exception, CancelledError) as lost:
            if not _is_lost(lost):
                self._add(Done(index, None, _text(lost), self._attempts[index]))
                return False
            return not self._given_up(index, lost)
        self._add(Done(index, value, error, self._attempts[index]))
        return False

    def _broke(self, sent: Mapping[Future[Any], int]) -> None:
        """Keep what was finished before a pool broke; count the rest as lost once."""
        for future, index in sent.items():
            if index in self._done:
                continue
            lost: BaseException | None = None
            try:
                value, error = future.result(timeout=60)
            except (Exception, CancelledError) as problem:
                lost = problem
            else:
                self._add(Done(index, value, error, self._attempts[index]))
            if lost is not None:
                self._given_up(index, lost)

    def _given_up(self, index: int, lost: BaseException) -> bool:
        """Give a task up that took too many workers with it; tell whether it was."""
        if self._attempts[index] <= self._retries:
            return False
        error = f"given up after {self._attempts[index]} attempts: {_text(lost)}"
        self._add(Done(index, None, error, self._attempts[index]))
        return True

    def _add(self, done: Done[R]) -> None:
        assert done.index not in self._done, "no task counts twice"
        self._done[done.index] = done
        self._finished(done)


def _guarded(function: Callable[[T], R], task: T) -> tuple[R | None, str | None]:
    """Call a function where the worker is, and tell its errors from a lost worker."""
    try:
        return function(task), None
    except Exception as error:
        return None, _text(error)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _is_lost(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, CancelledError) or bool(names & _LOST_NAMES)


def executor_maker(text: str, workers: int | None = None) -> MakeExecutor:
    """
    Read which executor is wanted.

    Args:
        text: ``thread``, ``process``, ``dask`` for a cluster on this machine, or
            ``dask://HOST:PORT`` for the scheduler of one that runs.
        workers: How many workers; as many as there are processors by default.

    Raises:
        SpecError: It is none of these, or `distributed` is not installed.
    """
    count = workers or os.cpu_count() or 1
    if text == "thread":
        return lambda: ThreadPoolExecutor(count)
    if text == "process":
        return lambda: ProcessPoolExecutor(count, mp_context=get_context("spawn"))
    if text != "dask" and not text.startswith("dask://"):
        msg = f"{text!r} is no executor: thread, process, dask or dask://HOST:PORT"
        raise SpecError(msg)
    try:
        distributed = load("distributed")
    except ImportError as error:
        msg = f"--executor {text} needs pip install 'unionfs-sim[distributed]'"
        raise SpecError(msg) from error
    if text == "dask":
        return lambda: _local_cluster(distributed, count)
    return lambda: dask_executor(distributed.Client(f"tcp://{text[len('dask://') :]}"))


@contextlib.contextmanager
def _local_cluster(distributed: Any, workers: int) -> Iterator[Executor]:  # noqa: ANN401
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        dask_executor(distributed.Client(cluster)) as executor,
    ):
        yield executor


@contextlib.contextmanager
def dask_executor(client: Any) -> Iterator[Executor]:  # noqa: ANN401 - untyped
    """Give the executor of a Dask client, which is closed at the end."""
    with client:
        # No result is to be shared between tasks that look alike.
        yield client.get_executor(pure=False, retries=RETRIES)
