"""Grades a submission: finds the judge, and never fails by the student's fault."""

from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import attrs

import unionfs_sim
from unionfs_sim.teaching.exercises.faults import Fault
from unionfs_sim.teaching.exercises.ladder import Exercise
from unionfs_sim.teaching.exercises.limits import Limits, enforced
from unionfs_sim.teaching.exercises.process import Result, Run, run
from unionfs_sim.teaching.exercises.report import LINES_MAX, Part, Report, Status
from unionfs_sim.teaching.exercises.sealed import Sealed
from unionfs_sim.teaching.exercises.texts import say

#: What checks draw from if nobody says anything else.
SEED: Final = 11


@attrs.frozen(kw_only=True)
class Options:
    """
    How a submission is graded.

    Attributes:
        lang: The language of the report.
        seed: What examples are drawn from; the same seed, the same report.
        limits: What the submission may take.
        examples_max: How many examples a test is tried with at most, if fewer than the
            exercise says; for a quick look.
        sealed: The sealed sets that there are, one an exercise.
    """

    lang: str = "en"
    seed: int = SEED
    limits: Limits = attrs.field(factory=Limits)
    examples_max: int | None = None
    sealed: Sequence[Sealed] = ()

    def examples(self, stated: int) -> int:
        """
        Give how many examples are tried where an exercise states a number.

        >>> Options().examples(200), Options(examples_max=60).examples(200)
        (200, 60)
        """
        return min(stated, self.examples_max or stated)


@attrs.frozen
class Grading:
    """
    One submission on its way to a report; what all judges share.

    Attributes:
        exercise: The exercise.
        folder: The submission.
        options: How it is graded.
    """

    exercise: Exercise
    folder: Path
    options: Options

    def say(self, key: str, **values: object) -> str:
        """Give a text in the report's language."""
        return say(self.options.lang, key, **values)

    @property
    def sealed(self) -> Sequence[str]:
        """The names of the sealed bugs of this exercise."""
        of = self.exercise.id
        return [
            bug for one in self.options.sealed if one.exercise == of for bug in one.bugs
        ]

    def run(
        self, kind: str, tasks: Sequence[Mapping[str, Any]], **settings: Any
    ) -> Run:
        """Carry out tasks in a process."""
        return run(
            self.folder, kind, tasks, settings=settings, limits=self.options.limits
        )

    def report(
        self,
        *,
        passed: bool,
        parts: Sequence[Part],
        lines: Sequence[str],
        score: float | None = None,
        output: str = "",
        broken: bool = False,
        **data: Any,
    ) -> Report:
        """
        Make the report.

        Args:
            passed: Whether the bar is reached.
            parts: The sub-properties.
            lines: What to tell; those beyond the first few are left out.
            score: The points, if not the sum of the parts'.
            output: The beginning of what the submission printed.
            broken: Whether it could not be graded as it stands.
            data: Figures.
        """
        if score is None:
            score = sum(part.score for part in parts)
        return Report(
            exercise=self.exercise.id,
            title=self.exercise.title(self.options.lang),
            score=score,
            passed=passed,
            parts=parts,
            lines=[line.replace("\n", " ") for line in lines[:LINES_MAX]],
            output=output,
            broken=broken,
            data={
                "seed": self.options.seed,
                "versions": versions(),
                "limits": self.options.limits.to_json() | {"held": list(enforced())},
                **data,
            },
        )

    def failed(
        self, fault: Fault, *, file: str = "", output: str = "", tested: str = ""
    ) -> Report:
        """Make the report of a submission that cannot be graded as it stands."""
        told = self.fault(fault, file=file, test=tested)
        return self.refused(
            told, self.say(f"advice.{fault.kind}"), output=output, fault=fault.to_json()
        )

    def refused(
        self, *lines: str, status: Status = "error", output: str = "", **data: Any
    ) -> Report:
        """Make the report of a submission of which nothing is graded, and why."""
        part = Part(
            name=self.say("part.loads"),
            score=0,
            max_score=100,
            status=status,
            text=lines[0],
        )
        return self.report(
            passed=False,
            parts=[part],
            lines=lines,
            output=output,
            broken=status == "error",
            **data,
        )

    def part(
        self, name: str, points: float, told: str, *, hidden: bool = False
    ) -> Part:
        """Give all points for a sub-property, or none and what is wrong."""
        return Part(
            name=name,
            score=0 if told else points,
            max_score=points,
            status="failed" if told else "passed",
            text=told or self.say("score.right"),
            hidden=hidden,
        )

    def fault(self, fault: Fault, *, file: str = "", test: str = "") -> str:
        """Tell a fault in one line."""
        place = "" if fault.place is None else self.say("at.place", place=fault.place)
        where = test or file or self.exercise.edit[0]
        return self.say(
            f"fault.{fault.kind}",
            where=where,
            type=fault.type,
            text=fault.text,
            place=place,
            function=fault.place.function if fault.place else "",
        )


def grade(
    exercise: Exercise,
    folder: Path,
    options: Options = Options(),
) -> Report:
    """
    Grade a submission.

    Args:
        exercise: The exercise that it is of; nothing in the folder is asked for that.
        folder: Where the submission is; it is copied, and not changed.
        options: How to grade.

    Returns:
        A report, whatever the submission does.
    """
    grading = Grading(exercise, folder, options)
    for name in exercise.edit:
        file = folder / name
        if file.is_symlink() or not file.is_file():
            there = file.is_symlink() or file.exists()
            fault = Fault(kind="odd" if there else "absent", text=_name(folder))
            return grading.failed(fault, file=name)
    judge = importlib.import_module(
        f"unionfs_sim.teaching.exercises.judges.{exercise.kind}"
    )
    report: Report = judge.judge(grading)
    return report


def _name(folder: Path) -> str:
    """Give the name of a folder, without the path to it, as any encoding takes it."""
    return os.fsencode(folder.resolve().name).decode("utf-8", errors="replace")


def versions() -> dict[str, str]:
    """Give the versions that examples depend on."""
    try:
        hypothesis = version("hypothesis")
    except PackageNotFoundError:
        hypothesis = "none"
    return {
        "unionfs_sim": unionfs_sim.__version__,
        "hypothesis": hypothesis,
        "python": platform.python_version(),
    }


def first_fault(results: Sequence[Result]) -> tuple[Result, Fault] | None:
    """Find the first task that a fault ended, and the fault."""
    for result in results:
        if result.fault is not None:
            return result, result.fault
    return None
