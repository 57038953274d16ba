"""Run many cases on the simulator, in one process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from unionfs_sim.testing.conformance.cases import Case
from unionfs_sim.testing.conformance.driver import CaseResult, run_case
from unionfs_sim.testing.conformance.simulator import SimulatorDriver

#: So many cases are handed to a process at once.
BATCH_CASES: Final = 50


def run_batch(cases: Sequence[Case]) -> list[CaseResult]:
    """Run cases on the simulator, one after the other."""
    driver = SimulatorDriver()
    return [run_case(case, driver) for case in cases]


def run_cases(
    cases: Sequence[Case],
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[CaseResult]:
    """
    Run cases on the simulator, and give their results in order.

    Args:
        cases: The cases.
        jobs: How many processes share the work.
        progress: Called with the number of cases done, and of all.
    """
    batches = [
        cases[start : start + BATCH_CASES]
        for start in range(0, len(cases), BATCH_CASES)
    ]
    results: list[CaseResult] = []
    for batch in _mapped(batches, jobs):
        results.extend(batch)
        progress(len(results), len(cases))
    return results


def _mapped(batches: Sequence[Sequence[Case]], jobs: int) -> Iterator[list[CaseResult]]:
    if jobs <= 1 or len(batches) <= 1:
        yield from map(run_batch, batches)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run_batch, batches)
