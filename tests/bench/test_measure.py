"""The arithmetic of measuring: medians, ratios, growth, intervals."""

from __future__ import annotations

import gc
import math

import pytest

from unionfs_sim.bench.measure import (
    Growth,
    OneCall,
    Task,
    Timing,
    calls,
    growth,
    interval,
    lookups,
    quiet,
    time_tasks,
)

KEYS = [f"k{n}" for n in range(50)]


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 1.0, 1.26])
def test_growth_finds_the_exponent(exponent: float) -> None:
    """The exponent of a power of N comes back, with an interval around it."""
    samples = {n: [3 * n**exponent * f for f in (0.98, 1.0, 1.02)] for n in (1, 8, 64)}
    found = growth(samples)

    assert found is not None
    assert math.isclose(exponent, found.exponent, abs_tol=1e-9)
    assert found.low <= found.exponent <= found.high
    assert found.high - found.low < 0.03


def test_growth_is_the_same_for_the_same_seed() -> None:
    """The draws of the bootstrap depend on the seed alone."""
    samples = {1: [1.0, 2.0, 3.0, 5.0], 9: [2.0, 2.5, 6.0, 7.0]}

    assert growth(samples, seed=7) == growth(samples, seed=7)
    assert growth(samples, seed=7) != growth(samples, seed=8)


@pytest.mark.parametrize("samples", [{}, {4: [1.0]}, {4: [1.0], 5: []}])
def test_growth_needs_two_points(samples: dict[int, list[float]]) -> None:
    """A line through one point says nothing."""
    assert growth(samples) is None


def test_interval_is_around_the_median() -> None:
    """The interval holds the median, and that of a ratio the ratio."""
    low, high = interval([1.0, 1.1, 1.2, 1.3, 9.0])

    assert 1.0 <= low <= 1.2 <= high <= 9.0
    low, high = interval([2.0, 2.2], [1.0, 1.1])
    assert low <= 2.0 <= high


def test_tasks_are_interleaved() -> None:
    """Every round goes through all tasks, and each is gone through before its time."""
    order: list[str] = []
    tasks = {
        name: Task(lambda _, name=name: order.append(name), KEYS)  # type: ignore[misc]
        for name in "ab"
    }
    timings = time_tasks(tasks, rounds=3, batch_ns=1)
    rounds = "".join(order)[-12:]

    assert "aabbaabbaabb" == rounds
    assert 3 == len(timings["a"].ratios)


def test_slower_work_reads_as_slower() -> None:
    """Ten lookups take longer than one, by the ratio to `dict.get`."""
    table = dict.fromkeys(KEYS, 1)

    def ten(key: str) -> None:
        for _ in range(10):
            table.get(key)

    one_task, ten_task = Task(calls(table.get), KEYS), Task(calls(ten), KEYS)
    timings = time_tasks({"one": one_task, "ten": ten_task}, rounds=5)

    assert timings["ten"].x_dict_get > 2 * timings["one"].x_dict_get
    assert timings["one"].keys >= len(KEYS)


def test_preparation_is_done_before_each_batch() -> None:
    """What has to be fresh is made anew before each batch, outside the time."""
    made: list[int] = []
    task = Task(calls(made.count), KEYS, prepare=lambda: made.append(1))  # type: ignore[arg-type]
    time_tasks({"fresh": task}, rounds=4)

    assert 5 == len(made)


def test_timings_are_json() -> None:
    """A timing as a document has its interval and every round."""
    document = Timing(80.0, 2.5, 1.0, (2.4, 2.5, 2.6), 400, 10).to_json()

    assert [2.4, 2.5, 2.6] == document["ratios"]
    assert [2.4, 2.6] == document["x_dict_get_95"]
    assert {"exponent": 1.0, "exponent_95": [0.9, 1.1]} == Growth(
        1.0, 0.9, 1.1
    ).to_json()


def test_the_collector_is_kept_out_and_comes_back() -> None:
    """Nothing is collected while something is timed, even if that fails."""
    states = []

    def fail() -> None:
        with quiet():
            states.append(gc.isenabled())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [False] == states
    assert gc.isenabled()


def test_yardstick_is_a_method_over_a_dictionary() -> None:
    """The yardstick of one call does nothing but ask a dictionary."""
    looker = OneCall({"a": 1})
    lookups(looker)(["a", "b"])

    assert 1 == looker.lookup("a")
    assert looker.lookup("b") is None
