"""Judges answers to questions: those of the reference solution are the right ones."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from unionfs_sim.teaching.exercises.faults import Fault
from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.report import Report, shares

#: Tells what is wrong with an answer, and gives the share of its points that it gets:
#: its number, its case, what was answered.
Tell: TypeAlias = Callable[[int, Mapping[str, Any], Any], tuple[str, float]]


def judge(grading: Grading) -> Report:
    """Judge a file of answers."""
    exercise, say = grading.exercise, grading.say
    right = read(exercise.solution / exercise.edit[0])

    def tell(
        number: int, question: Mapping[str, Any], given: object
    ) -> tuple[str, int]:
        mine, theirs = _normal(given), _normal(right[question["key"]])
        if mine == theirs:
            return "", 1
        if not any(mine.values()):
            return say("answers.empty", number=number), 0
        asked = f"[ {question['stack']} ] {question['path']}"
        return say("answers.wrong", number=number, question=asked), 0

    return judge_each(grading, exercise.settings["question"], tell)


def judge_each(
    grading: Grading, cases: Sequence[Mapping[str, Any]], tell: Tell
) -> Report:
    """
    Judge a file that has an answer for each of some cases, under the case's key.

    Args:
        grading: The submission.
        cases: The cases.
        tell: Judges one answer.
    """
    exercise, say = grading.exercise, grading.say
    name = exercise.edit[0]
    try:
        given = read(grading.folder / name)
    except ValueError as error:
        return unreadable(grading, name, error)
    parts, trouble = [], ""
    for number, (case, points) in enumerate(zip(cases, shares(cases), strict=True), 1):
        told, share = tell(number, case, given.get(case["key"]))
        named = say(f"{exercise.kind}.part", number=number, ops=case.get("ops", ""))
        part = grading.part(named, points, told)
        parts.append(attrs.evolve(part, score=round(points * share, 1)))
        trouble = trouble or told
    count = sum(part.status == "passed" for part in parts)
    passed = count >= exercise.settings["bar"]["right"]
    lines = [say(f"{exercise.kind}.good", right=count, total=len(parts))]
    lines += [trouble] if trouble else []
    lines += [say("done")] if passed else []
    return grading.report(
        passed=passed, parts=parts, lines=lines, right=[count, len(parts)]
    )


def read(file: Path) -> dict[str, Any]:
    """
    Read a file of answers.

    Raises:
        ValueError: It is no TOML.
    """
    return tomllib.loads(file.read_text(encoding="utf-8"))


def unreadable(grading: Grading, name: str, error: ValueError) -> Report:
    """Report a file of answers that is no TOML."""
    fault = Fault(kind="syntax", type=type(error).__name__, text=str(error))
    return grading.refused(
        grading.say("answers.toml", file=name, text=error), fault=fault.to_json()
    )


def _normal(answer: object) -> dict[str, str]:
    """Give an answer without differences that do not matter."""
    if not isinstance(answer, dict):
        return {}
    return {key: str(value).strip().upper() for key, value in answer.items()}
