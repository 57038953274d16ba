"""What the fuzzer counts, told by simulators that play the kernel."""

from __future__ import annotations

import time

from unionfs_sim.testing.conformance import fuzz
from unionfs_sim.testing.conformance.cases import Case, Op, Result, Tree
from unionfs_sim.testing.conformance.simulator import SimulatorDriver


class Lying:
    """
    A driver that fails every call in some of its mounts.

    Args:
        lies: The numbers of the mounts, from 0 on, or nothing for all of them.
    """

    def __init__(self, *lies: int) -> None:
        self._lies = lies
        self._driver = SimulatorDriver()
        self._mounts = -1

    def mount(self, case: Case) -> str | None:
        """Mount as the simulator does."""
        self._mounts += 1
        return self._driver.mount(case)

    def run(self, op: Op) -> Result:
        """Lie or not."""
        lies = not self._lies or self._mounts in self._lies
        return {"errno": "EIO"} if lies else self._driver.run(op)

    def upper_tree(self) -> Tree:
        """Read the upper."""
        return self._driver.upper_tree()

    def merged_tree(self) -> Tree:
        """Read everything."""
        return self._driver.merged_tree()

    def close(self) -> None:
        """Unmount."""
        self._driver.close()


def _report(kernel: Lying) -> fuzz.FuzzReport:
    return fuzz.fuzz(
        kernel,
        SimulatorDriver(),
        seed=5,
        until=time.monotonic() + 60,
        programs=range(4),
    )


def test_a_difference_is_a_failure() -> None:
    """What differs again is counted and kept."""
    report = _report(Lying())

    assert (4, 0) == (report.failed, report.unsteady)
    assert report.findings


def test_an_answer_that_is_not_given_twice_is_counted_apart() -> None:
    """What the kernel answers in two ways is no failure, and is told."""
    report = _report(Lying(0))

    assert (4, 0, 1) == (report.programs, report.failed, report.unsteady)
    assert not report.findings
