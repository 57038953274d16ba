"""``conformance``: run recorded cases, fuzz against a real mount, record new cases."""

from __future__ import annotations

import platform
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from unionfs_sim.cli import progress
from unionfs_sim.cli.report import (
    FAILED,
    GOOD,
    Line,
    Lines,
    Report,
    UsageError,
    line,
    tally,
)
from unionfs_sim.core.render import printable
from unionfs_sim.testing.conformance import runner, workers
from unionfs_sim.testing.conformance.cases import (
    Case,
    case_lines,
    read_cases,
    write_cases,
)
from unionfs_sim.testing.conformance.driver import Difference

#: How long ``fuzz`` runs if it is not said.
SECONDS: Final = 60.0


def conformance(options: Namespace, _: ExitStack) -> Report:
    """Do what the first argument says."""
    action: Callable[[Namespace], Report] = _ACTIONS[options.action]
    return action(options)


def _files(options: Namespace, count: int) -> list[Path]:
    if len(options.files) != count:
        wanted = {0: "no file", 1: "one file", 2: "two files, IN and OUT"}[count]
        msg = f"conformance {options.action} takes {wanted}"
        raise UsageError(msg)
    return [Path(name) for name in options.files]


def _run(options: Namespace) -> Report:
    (path,) = _files(options, 1)
    cases = read_cases(path)
    if options.case is not None:
        cases = [case for case in cases if case.id == options.case]
        if not cases:
            msg = f"{path}: no case has the id {options.case!r}"
            raise UsageError(msg)
    with progress.line() as tell:
        results = runner.run_cases(
            cases,
            jobs=options.jobs,
            progress=lambda done, of: tell(f"{done} of {of} cases"),
        )
    failures = [result for result in results if not result.passed]
    passed = len(results) - len(failures)

    def lines() -> Iterator[Line]:
        for failure in failures:
            yield from _story(failure.case, failure.differences)
        yield tally(passed, len(failures))

    return Report(
        blocks=[Lines(lines())],
        data=lambda: {
            "passed": passed,
            "failed": len(failures),
            "total": len(results),
            "failures": [
                {
                    "id": failure.case.id,
                    "title": failure.case.title,
                    "differences": _documents(failure.differences),
                }
                for failure in failures
            ],
        },
        status=FAILED if failures else GOOD,
    )


def _fuzz(options: Namespace) -> Report:
    _files(options, 0)
    with progress.line() as tell:
        try:
            report = workers.run_fuzz(
                seed=options.seed,
                seconds=options.seconds,
                jobs=options.jobs,
                progress=lambda found: tell(
                    f"{found.programs} programs, {found.calls} calls, "
                    f"{found.failed} with a difference"
                ),
            )
        except workers.WorkerError as error:
            raise UsageError(_failure(error)) from error
    findings = list(report.findings.items())
    cases = [finding.case for _, finding in findings]
    if options.save is not None:
        write_cases(Path(options.save), cases, _about())

    def lines() -> Iterator[Line]:
        for signature, finding in findings:
            times = report.counts.get(signature, 1)
            yield from _story(finding.case, finding.differences, f"seen {times} times")
        if cases:
            for text in case_lines(cases, _about()):
                yield line(printable(text))
        yield line(f"seed {options.seed}: {report.calls} calls compared")
        if report.unsteady:
            yield line(f"{report.unsteady} programs the kernel answered in two ways")
        yield tally(report.programs - report.failed, report.failed)

    return Report(
        blocks=[Lines(lines())],
        data=lambda: {
            "seed": options.seed,
            "calls": report.calls,
            "unsteady": report.unsteady,
            "passed": report.programs - report.failed,
            "failed": report.failed,
            "total": report.programs,
            "findings": [
                {
                    "count": report.counts.get(signature, 1),
                    "differences": _documents(finding.differences),
                    "case": finding.case.to_json(),
                }
                for signature, finding in findings
            ],
        },
        status=FAILED if report.failed else GOOD,
    )


def _record(options: Namespace) -> Report:
    source, target = _files(options, 2)
    cases = [case.bare() for case in read_cases(source)]
    try:
        recorded = workers.record(cases)
    except workers.WorkerError as error:
        raise UsageError(_failure(error)) from error
    write_cases(target, recorded, _about())
    text = f"{len(recorded)} cases recorded on Linux {platform.release()}"
    return Report(
        blocks=[Lines([line(text)])], data=lambda: {"recorded": len(recorded)}
    )


_ACTIONS: Final = {"run": _run, "fuzz": _fuzz, "record": _record}


def _failure(error: Exception) -> str:
    return f"conformance: {printable(str(error))}"


def _about() -> dict[str, Any]:
    return {"kernel": platform.release(), "lower_order": "top first", "umask": "0022"}


def _story(
    case: Case, differences: Sequence[Difference], note: str = ""
) -> Iterator[Line]:
    title = f" {case.title}" if case.title else ""
    yield line(printable(f"{case.id}{title}" + (f" ({note})" if note else "")), "title")
    for difference in differences:
        yield line(f"  {printable(difference.where)}")
        yield line(f"    expected {printable(str(difference.expected))}")
        yield line(f"    got      {printable(str(difference.got))}")


def _documents(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    return [
        {"where": each.where, "expected": each.expected, "got": each.got}
        for each in differences
    ]
