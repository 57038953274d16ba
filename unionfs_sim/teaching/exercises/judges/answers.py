"""Judges answers to questions: those of the reference solution are the right ones."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from unionfs_sim.teaching.exercises.faults import Fault
from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.report import Report, shares


def judge(grading: Grading) -> Report:
    """Judge a file of answers."""
    exercise = grading.exercise
    name = exercise.edit[0]
    try:
        given = read(grading.folder / name)
    except ValueError as error:
        return unreadable(grading, name, error)
    right = read(exercise.solution / name)
    questions = exercise.settings["question"]
    parts, trouble = [], ""
    for number, (question, points) in enumerate(
        zip(questions, shares(questions), strict=True), 1
    ):
        key = question["key"]
        mine, theirs = _normal(given.get(key)), _normal(right[key])
        told = ""
        if mine != theirs and not any(mine.values()):
            told = grading.say("answers.empty", number=number)
        elif mine != theirs:
            asked = f"[ {question['stack']} ] {question['path']}"
            told = grading.say("answers.wrong", number=number, question=asked)
        name = grading.say("answers.part", number=number)
        parts.append(grading.part(name, points, told))
        trouble = trouble or told
    count = sum(part.status == "passed" for part in parts)
    passed = count >= exercise.settings["bar"]["right"]
    lines = [grading.say("answers.good", right=count, total=len(parts))]
    lines += [trouble] if trouble else []
    lines += [grading.say("done")] if passed else []
    return grading.report(
        passed=passed,
        parts=parts,
        lines=lines,
        right=[count, len(parts)],
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
