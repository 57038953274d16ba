"""
Proves that exercises are fair, by grading what each of them ships.

The solution must get full marks and the starter less; each wrong solution must get the
feedback that ``exercise.toml`` states for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import attrs

from unionfs_sim.teaching.exercises.grading import Options, grade
from unionfs_sim.teaching.exercises.ladder import Exercise
from unionfs_sim.teaching.exercises.report import MAX_SCORE, Report


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
    jobs = [
        (exercise, folder, executor.submit(grade, exercise, folder, Options()))
        for exercise in exercises
        for folder in (exercise.starter, exercise.solution, *exercise.wrong)
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
