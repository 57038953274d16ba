"""
Figures of the grader: is it fair, what does it cost, does it say the same each time.

The letters are those of the rubric in ``docs/reference/teaching.md``.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs

from unionfs_sim.teaching.exercises.formats import to_json
from unionfs_sim.teaching.exercises.grading import Options, grade
from unionfs_sim.teaching.exercises.ladder import Exercise
from unionfs_sim.teaching.exercises.report import Report
from unionfs_sim.teaching.exercises.verifying import EXAMPLES_MAX, judge

#: What a report says of the machine that it was made on.
_OF_THE_MACHINE: Final = frozenset({"versions", "limits"})


@attrs.frozen
class Cost:
    """
    What a grading took: seconds of CPU time, and MiB of the grader and its child.

    Attributes:
        seconds: CPU time of the grader and of all processes that it started.
        mib: Peak of the grader and of the largest of these processes, added.
    """

    seconds: float
    mib: float


def figures(
    exercises: Sequence[Exercise], tell: Callable[[str], None] = lambda _: None
) -> dict[str, object]:
    """
    Grade what exercises ship, one by one, and work out the figures.

    Args:
        exercises: The exercises.
        tell: Is told what is graded next.
    """
    bad: list[str] = []
    costs: dict[str, Cost] = {}
    counts = {"solution": 0, "starter": 0, "wrong": 0}
    reports: dict[bool, list[Report]] = {False: [], True: []}
    for exercise in exercises:
        for folder in (exercise.solution, exercise.starter, *exercise.wrong):
            tell(f"{exercise.id} {folder.name}")
            report, cost = graded(exercise, folder)
            finding = judge(exercise, folder, report)
            counts[folder.name.partition("-")[0]] += finding.good
            if not finding.good:
                bad.append(f"{finding.what}: {finding.told}")
            if folder == exercise.solution:
                costs[exercise.id] = cost
            reports[bool(exercise.settings.get("hypothesis", True))].append(report)
    dearest = max(costs, key=lambda number: costs[number].seconds)
    return {
        "T9 as stated": counts,
        "T9 not as stated": bad,
        "T11 CPU seconds of a solution": {
            number: cost.seconds for number, cost in costs.items()
        },
        "T11 largest": [dearest, costs[dearest].seconds],
        "T11 MiB at most": max(cost.mib for cost in costs.values()),
        "T13 digest of reports without Hypothesis": digest(reports[False]),
        "T13 digest of reports with it": digest(reports[True]),
    }


def graded(exercise: Exercise, folder: Path) -> tuple[Report, Cost]:
    """Grade one of the submissions that an exercise ships, and measure what it takes."""
    options = Options(
        examples_max=None if folder == exercise.solution else EXAMPLES_MAX
    )
    before = _used()
    report = grade(exercise, folder, options)
    after = _used()
    seconds = round(after.seconds - before.seconds, 1)
    return report, Cost(seconds, round(after.mib, 1))


def _used() -> Cost:
    """Give what this process and those it started used up to now."""
    if sys.platform == "win32":  # nobody counts it there
        return Cost(0.0, 0.0)
    import resource  # noqa: PLC0415 - not on every system

    both = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(
        sum(one.ru_utime + one.ru_stime for one in both),
        sum(one.ru_maxrss for one in both) * unit / (1 << 20),
    )


def digest(reports: Sequence[Report]) -> str:
    """
    Give a digest of reports that does not depend on the machine.

    >>> digest([]) == digest([])
    True
    """
    found = hashlib.sha256()
    for report in reports:
        data = {k: v for k, v in report.data.items() if k not in _OF_THE_MACHINE}
        found.update(to_json(attrs.evolve(report, data=data)).encode())
    return found.hexdigest()
