"""Would our tests find a bug? Each planted one makes recorded cases fail."""

from __future__ import annotations

import time

import pytest

from tests.conformance import corpus
from tests.conformance.mutations import MUTATIONS
from unionfs_sim.testing.conformance import fuzz
from unionfs_sim.testing.conformance.cases import Case
from unionfs_sim.testing.conformance.driver import run_case
from unionfs_sim.testing.conformance.kernel import KernelDriver
from unionfs_sim.testing.conformance.simulator import SimulatorDriver

pytestmark = pytest.mark.slow

#: Each of these is found by every fourth case at the latest.
STEP = 4


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Give cases that pass: hand-written ones, and every fourth of the matrix."""
    known = corpus.known_differences()
    everything = [case for case in corpus.recorded() if case.id not in known]
    written = [case for case in everything if "matrix" not in case.tags]
    matrix = [case for case in everything if "matrix" in case.tags]
    return [*written, *matrix[::STEP]]


def first_failure(cases: list[Case]) -> str | None:
    """Give the id of the first case that fails."""
    driver = SimulatorDriver()
    for case in cases:
        if not run_case(case, driver).passed:
            return case.id
    return None


def test_there_are_enough() -> None:
    """Twenty planted bugs are asked for."""
    assert len(MUTATIONS) >= 20


def test_nothing_fails_without_a_bug(cases: list[Case]) -> None:
    """The cases pass as the core is."""
    assert first_failure(cases) is None


@pytest.mark.parametrize("name", MUTATIONS)
def test_planted_bug_is_found(
    name: str, cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a bug in the core, a recorded case fails."""
    MUTATIONS[name](monkeypatch)

    assert first_failure(cases) is not None


@pytest.mark.oracle
@pytest.mark.parametrize(
    "name", ["a whiteout forgotten", "opaque ignored", "mode lost in copy-up"]
)
def test_fuzzer_finds_a_planted_bug(
    name: str, kernel: KernelDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fuzzer finds a bug within two hundred programs, and makes it small."""
    MUTATIONS[name](monkeypatch)

    report = fuzz.fuzz(
        kernel,
        SimulatorDriver(),
        seed=1,
        until=time.monotonic() + 60,
        programs=range(200),
        findings_max=1,
    )

    assert report.failed
    assert min(len(finding.case.ops) for finding in report.findings.values()) <= 2
