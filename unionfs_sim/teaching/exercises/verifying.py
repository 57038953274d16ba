"""
Proves that exercises are fair, by grading what each of them ships.

The solution must get full marks and the starter less; each wrong solution must get the
feedback that ``exercise.toml`` states for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final

import attrs

from unionfs_sim.teaching.exercises.grading import Options, grade
from unionfs_sim.teaching.exercises.ladder import Exercise
from unionfs_sim.teaching.exercises.report import MAX_SCORE, Report
from unionfs_sim.teaching.matrix import measure, tasks

#: How many examples each reference property is tried with on each implementation.
CATALOG_EXAMPLES: Final = 120
#: How many examples starters and wrong solutions are tried with at most: what they miss
#: they miss for a reason, not for want of examples.
EXAMPLES_MAX: Final = 60


@attrs.frozen
class Finding:
    """
    Something that was to be so.

    Attributes:
        what: What was looked at.
        good: Whether it is so.
        told: The figures.
    """

    what: str
    good: bool
    told: str


def verify(exercises: Sequence[Exercise], executor: Executor) -> Iterator[Finding]:
    """
    Grade all that exercises ship, and say of each submission whether it is as stated.

    Args:
        exercises: The exercises.
        executor: Where the gradings run.
    """
    quick = Options(examples_max=EXAMPLES_MAX)
    jobs = [
        (exercise, folder, executor.submit(grade, exercise, folder, options))
        for exercise in exercises
        for folder, options in (
            (exercise.solution, Options()),
            (exercise.starter, quick),
            *((wrong, quick) for wrong in exercise.wrong),
        )
    ]
    for exercise, folder, future in jobs:
        yield judge(exercise, folder, future.result())


def judge(exercise: Exercise, folder: Path, report: Report) -> Finding:
    """Say whether a submission that an exercise ships got what it should."""
    what = f"{exercise.id} {folder.name}"
    told = f"{report.score:g} points"
    match folder.name:
        case "solution":
            return Finding(what, report.score == MAX_SCORE and report.passed, told)
        case "starter":
            return Finding(what, report.score < MAX_SCORE and not report.passed, told)
        case _:
            pass
    name = folder.name.removeprefix("wrong-")
    stated: dict[str, Any] = exercise.settings.get("wrong", {}).get(name, {})
    said = " ".join(report.lines)
    good = (
        not report.passed
        and report.score <= stated.get("score_max", -1)
        and stated["says"] in said
    )
    return Finding(what, good, told if good else f"{told}; it said: {said}")


def catalog(executor: Executor) -> list[Finding]:
    """
    Try the reference properties on all planted bugs and on all correct variants.

    Args:
        executor: Where they run; processes, as they compute.
    """
    table = measure(tasks(examples=CATALOG_EXAMPLES), executor)
    alive = [name for name in table.mutants if not table.killers(name)]
    killed = len(table.mutants) - len(alive)
    return [
        Finding(
            "planted bugs",
            not alive,
            f"{killed} of {len(table.mutants)} are rejected; alive: {alive}",
        ),
        Finding(
            "correct variants",
            not table.alarms,
            f"{len(table.alarms)} false alarms of {len(table.properties)} properties",
        ),
    ]
