"""The kernel at hand answers as the recorded one, and as the simulator."""

from __future__ import annotations

import time
from random import Random
from typing import ClassVar

import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conformance import corpus
from unionfs_sim.testing.conformance import fuzz, workers
from unionfs_sim.testing.conformance.driver import (
    Difference,
    Driver,
    Outcome,
    compare,
    run_case,
)
from unionfs_sim.testing.conformance.generate import draw_case
from unionfs_sim.testing.conformance.kernel import KernelDriver
from unionfs_sim.testing.conformance.programs import ProgramMaker, Sketch
from unionfs_sim.testing.conformance.simulator import SimulatorDriver
from unionfs_sim.testing.conformance.spare import spare

pytestmark = [pytest.mark.oracle, pytest.mark.slow]


def test_kernel_answers_as_recorded(kernel: KernelDriver) -> None:
    """A sample of the recorded cases comes out the same on the kernel at hand."""
    results = [run_case(case, kernel) for case in corpus.recorded()[::9]]

    assert [] == [
        f"{each.case.id}: {each.differences[0]}" for each in results if not each.passed
    ]


def test_recording_again_gives_the_same(mountable: None) -> None:
    """What `record` writes is what was recorded."""
    cases = corpus.recorded()[::60]

    assert cases == workers.record([case.bare() for case in cases])


def test_fuzzer_finds_no_difference(kernel: KernelDriver) -> None:
    """Some seconds of random programs show no difference."""
    report = fuzz.fuzz(
        kernel,
        SimulatorDriver(),
        seed=20_240_229,
        until=time.monotonic() + 10,
        programs=range(2_000),
        findings_max=3,
    )
    stories = [
        f"{finding.case.to_json()}\n{finding.differences[0]}"
        for finding in report.findings.values()
    ]

    assert report.calls
    assert not stories, "\n".join(stories)


class Machine(RuleBasedStateMachine):
    """A mount of the kernel and one of the simulator, side by side."""

    driver: ClassVar[Driver]

    def __init__(self) -> None:
        super().__init__()
        self.kernel = self.driver
        self.simulator = SimulatorDriver()
        self.program: ProgramMaker | None = None

    @initialize(rng=st.randoms(use_true_random=False))
    def mount(self, rng: Random) -> None:
        """Draw a stack and mount it on both sides."""
        self.case = attrs.evolve(draw_case(rng, "machine"), ops=())
        failure = self.kernel.mount(self.case)
        assert failure == self.simulator.mount(self.case)
        if failure is None:
            sketch = Sketch.of((self.case.upper or {}, *self.case.lower))
            self.program = ProgramMaker(rng, sketch, remounts=False)

    @precondition(lambda self: self.program is not None)
    @rule(rng=st.randoms(use_true_random=False))
    def call(self, rng: Random) -> None:
        """Make one call on both sides."""
        assert self.program is not None
        op = self.program.op(rng)
        longer = attrs.evolve(self.case, ops=[*self.case.ops, op])
        if spare(longer) != longer:
            return  # a listed deviation
        self.case = longer
        expected = Outcome({"ok": None}, [self.kernel.run(op)])
        got = Outcome({"ok": None}, [self.simulator.run(op)])
        one = attrs.evolve(self.case, ops=[op])
        self._same(list(compare(one, expected, got)))

    def _same(self, differences: list[Difference]) -> None:
        assert not differences, f"{self.case.to_json()}\n{differences[0]}"

    def _outcome(self, driver: Driver) -> Outcome:
        upper = driver.upper_tree() if self.case.upper is not None else None
        return Outcome({"ok": None}, (), upper, driver.merged_tree())

    def teardown(self) -> None:
        """Compare the trees, and unmount."""
        try:
            if self.program is not None:
                one = attrs.evolve(self.case, ops=())
                expected = self._outcome(self.kernel)
                got = self._outcome(self.simulator)
                self._same(list(compare(one, expected, got)))
        finally:
            self.kernel.close()
            self.simulator.close()


def test_machine_finds_no_difference(kernel: KernelDriver) -> None:
    """Side by side, kernel and simulator answer the same and end up the same."""

    class OnKernel(Machine):
        driver: ClassVar[Driver] = kernel

    run_state_machine_as_test(
        OnKernel,
        settings=settings(
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
