"""
Run random programs on a real mount and on the simulator, and tell where they differ.

Programs are numbered: number and seed make a program, however many processes share
the work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.testing.conformance.cases import JSON, Case
from unionfs_sim.testing.conformance.driver import (
    Difference,
    Driver,
    Outcome,
    compare,
    observe,
    recorded,
)
from unionfs_sim.testing.conformance.generate import draw_case
from unionfs_sim.testing.conformance.shrink import shrink

#: A kind of difference is shrunk once; so many kinds are, by default.
FINDINGS_MAX: Final = 40

#: Shrinking one takes no longer than this.
SHRINK_SECONDS: Final = 3.0

#: What makes two differences one kind.
Signature: TypeAlias = tuple[str, str, str]


@final
@attrs.frozen
class Finding:
    """
    A difference between kernel and simulator, as small as it could be made.

    Attributes:
        case: The case, which expects what the kernel answered.
        differences: Where the simulator differs.
        number: The number of the program that it was found with.
    """

    case: Case
    differences: tuple[Difference, ...]
    number: int


@final
@attrs.define
class FuzzReport:
    """
    What a run of the fuzzer came to.

    Attributes:
        programs: How many programs ran.
        failed: How many of them showed a difference.
        calls: How many calls were compared.
        unsteady: How many showed a difference that was gone when the kernel was asked
            again: it answers some programs in two ways, by what it still remembers.
        findings: One difference of each kind.
    """

    programs: int = 0
    failed: int = 0
    calls: int = 0
    unsteady: int = 0
    findings: dict[Signature, Finding] = attrs.field(factory=dict)
    counts: dict[Signature, int] = attrs.field(factory=dict)

    def add(self, other: FuzzReport) -> None:
        """Take in what another process found."""
        self.programs += other.programs
        self.failed += other.failed
        self.calls += other.calls
        self.unsteady += other.unsteady
        for signature, finding in other.findings.items():
            self.findings.setdefault(signature, finding)
        for signature, count in other.counts.items():
            self.counts[signature] = self.counts.get(signature, 0) + count


def signature_of(difference: Difference) -> Signature:
    """
    Give the kind of a difference: the call or the part of a tree, and both answers.

    Answers that carry values are told by their form alone.
    """
    return (
        difference.kind,
        _form(difference.expected),
        _form(difference.got),
    )


def _form(answer: JSON) -> str:
    if not isinstance(answer, dict):
        return type(answer).__name__
    if "errno" in answer and "ok" not in answer and "type" not in answer:
        return str(answer["errno"])
    return str(answer.get("type", "ok"))


def differences(case: Case, expected: Outcome, driver: Driver) -> list[Difference]:
    """Carry a case out with a driver and compare with an outcome."""
    return list(compare(case, expected, observe(case, driver)))


def check(
    case: Case, kernel: Driver, simulator: Driver
) -> tuple[Outcome, list[Difference]]:
    """Carry a case out on both sides."""
    outcome = observe(case, kernel)
    return outcome, differences(case, outcome, simulator)


def minimal(
    first: Finding,
    kernel: Driver,
    simulator: Driver,
    *,
    seconds: float,
    narrow: Callable[[Case], Case],
) -> Finding:
    """
    Shrink a case that differs, keeping the kind of its first difference.

    A difference that does not show again is given as it was found.

    Args:
        first: The finding as it was drawn.
        kernel: What is right.
        simulator: What differs.
        seconds: How long this may take.
        narrow: Keeps a case to what can be done here.
    """
    until = time.monotonic() + seconds
    wanted = signature_of(first.differences[0])

    def still_fails(candidate: Case) -> bool:
        if time.monotonic() >= until:
            return False
        _, found = check(narrow(candidate), kernel, simulator)
        return bool(found) and signature_of(found[0]) == wanted

    small = narrow(shrink(first.case.bare(), still_fails))
    outcome, found = check(small, kernel, simulator)
    if not found:
        return first
    return Finding(recorded(small, outcome), tuple(found), first.number)


def numbers(first: int, step: int) -> Iterator[int]:
    """Count from *first* on in steps."""
    number = first
    while True:
        yield number
        number += step


def fuzz(
    kernel: Driver,
    simulator: Driver,
    *,
    seed: int,
    until: float,
    programs: Iterable[int],
    narrow: Callable[[Case], Case] = lambda case: case,
    findings_max: int = FINDINGS_MAX,
    progress: Callable[[FuzzReport], None] = lambda _: None,
) -> FuzzReport:
    """
    Run programs until a time, or until they come to an end.

    Args:
        kernel: What is right.
        simulator: What is to be compared with it.
        seed: What the programs are drawn from, with their numbers.
        until: When to stop, by `time.monotonic`.
        programs: The numbers of the programs.
        narrow: Keeps a case to what can be done here.
        findings_max: How many kinds of differences are shrunk.
        progress: Called after each program.
    """
    report = FuzzReport()
    for number in programs:
        if time.monotonic() >= until:
            break
        rng = Random(f"{seed}/{number}")  # noqa: S311 - to be had again, not secret
        case = narrow(draw_case(rng, f"fuzz-{seed}-{number}"))
        outcome, found = check(case, kernel, simulator)
        report.programs += 1
        report.calls += len(outcome.results)
        if found and not check(case, kernel, simulator)[1]:
            report.unsteady += 1
        elif found:
            report.failed += 1
            signature = signature_of(found[0])
            report.counts[signature] = report.counts.get(signature, 0) + 1
            if signature not in report.findings and len(report.findings) < findings_max:
                finding = Finding(recorded(case, outcome), tuple(found), number)
                report.findings[signature] = minimal(
                    finding, kernel, simulator, seconds=SHRINK_SECONDS, narrow=narrow
                )
        progress(report)
    return report
