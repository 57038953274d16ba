"""Sweeps: the same results from any executor, whatever happens to workers."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

from unionfs_sim.bench import depth_sweep, lookup_depth, sweep
from unionfs_sim.errors import SpecError


@attrs.frozen
class Deadly:
    """A task; one that has a file to make kills its worker before the file is there."""

    number: int
    mark: str = ""
    always: bool = False


def square(task: Deadly) -> int:
    """Give the square, unless this task is to lose its worker first."""
    if task.always or (task.mark and not Path(task.mark).exists()):
        if task.mark:
            Path(task.mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if task.number == 13:
        msg = "unlucky"
        raise ValueError(msg)
    return task.number**2


def run(tasks: list[Deadly], kind: str, **options: Any) -> tuple[list[Any], list[int]]:
    """Run tasks; give their results, and the places in the order they finished."""
    order: list[int] = []
    found = sweep.run(
        square,
        tasks,
        sweep.executor_maker(kind, workers=2),
        finished=lambda done: order.append(done.index),
        **options,
    )
    return found, order


@pytest.mark.parametrize("window", [1, 3, 64])
def test_results_come_in_the_order_of_the_tasks(window: int) -> None:
    """Results are in order, each task finishes once, and an error is a result."""
    found, order = run([Deadly(n) for n in range(20)], "thread", window=window)

    assert [n**2 for n in range(20) if n != 13] == [
        done.value for done in found if done.index != 13
    ]
    assert "ValueError: unlucky" == found[13].error
    assert list(range(20)) == sorted(order)


def test_what_is_known_is_not_done_again() -> None:
    """A sweep that goes on calls nothing for tasks that have a value."""
    found, order = run([Deadly(13), Deadly(2)], "thread", known={0: 169})

    assert [169, 4] == [done.value for done in found]
    assert [1] == order


def test_nothing_to_do() -> None:
    """A sweep of no tasks gives no results, and starts no executor."""
    assert ([], []) == run([], "thread")


@pytest.mark.slow
def test_a_broken_pool_is_survived(tmp_path: Path) -> None:
    """A worker process that is killed loses no task and doubles none."""
    mark = tmp_path / "killed"
    tasks = [Deadly(n, str(mark) if n == 5 else "") for n in range(12)]
    found, order = run(tasks, "process")

    assert mark.exists()
    assert [n**2 for n in range(12)] == [done.value for done in found]
    assert Counter(range(12)) == Counter(order)
    assert found[5].attempts > 1


@pytest.mark.slow
def test_a_task_that_kills_every_worker_is_given_up() -> None:
    """A task that takes its worker with it each time ends as an error, alone."""
    tasks = [Deadly(n, always=n == 2) for n in range(4)]
    found, _ = run(tasks, "process", window=1)

    assert [0, 1, None, 9] == [done.value for done in found]
    assert found[2].error is not None
    assert found[2].error.startswith("given up after 4 attempts")


@pytest.mark.slow
def test_a_killed_dask_worker_is_survived(tmp_path: Path) -> None:
    """On a real cluster, killing a worker mid-way loses nothing and doubles nothing."""
    pytest.importorskip("distributed")
    mark = tmp_path / "killed"
    tasks = [Deadly(n, str(mark) if n == 7 else "") for n in range(30) if n != 13]
    found, order = run(tasks, "dask")

    assert mark.exists()
    assert [task.number**2 for task in tasks] == [done.value for done in found]
    assert Counter(range(len(tasks))) == Counter(order)


@pytest.mark.slow
def test_dask_gives_what_threads_give() -> None:
    """Counts do not depend on where a sweep runs."""
    pytest.importorskip("distributed")
    settings = lookup_depth.Settings(
        layers=(1, 3), where=("bottom", "whiteout"), rounds=1, batch_ns=1
    )
    tasks = depth_sweep.tasks([(None, None)], settings)
    keys = ("way", "where", "layers", "layer_probes", "dictionary_probes")
    counts = []
    for kind in ("thread", "dask"):
        found = sweep.run(
            depth_sweep.measure, tasks, sweep.executor_maker(kind, workers=2)
        )
        counts.append(
            [
                [each.value[key] for key in keys]
                for each in found
                if each.value is not None
            ]
        )

    assert len(tasks) == len(counts[0])
    assert counts[0] == counts[1]


@pytest.mark.parametrize("text", ["", "threads", "dask:/x", "mpi"])
def test_unknown_executors(text: str) -> None:
    """What is no executor is refused with those that are."""
    with pytest.raises(SpecError, match="is no executor"):
        sweep.executor_maker(text)


def test_dask_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `distributed` the text names the extra."""
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(SpecError, match=r"unionfs-sim\[distributed\]"):
        sweep.executor_maker("dask")
