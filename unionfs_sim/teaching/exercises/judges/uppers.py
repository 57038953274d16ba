"""Judges writable layers written down by hand: what any correct variant has is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.judges.answers import judge_each
from unionfs_sim.teaching.exercises.report import Report
from unionfs_sim.teaching.lab import Layer, layer, ops, outcome, show, stack
from unionfs_sim.teaching.subjects import quick_variants, subject


def possible(lowers: str, program: str) -> list[Layer]:
    """
    Give what the writable layer may hold after a program, the plainest first.

    >>> [show(each) for each in possible("a=1", "unlink a")]
    ['~a']
    """
    found: list[Layer] = []
    for name in quick_variants():
        union = subject(name).stack(stack(lowers))
        for op in ops(program):
            outcome(union, op)
        if union.upper not in found:
            found.append(union.upper.snapshot())
    return found


def judge(grading: Grading) -> Report:
    """Judge a file of writable layers."""

    def tell(number: int, case: Mapping[str, Any], given: object) -> tuple[str, int]:
        told = _told(grading, number, given, case)
        return told, 0 if told else 1

    return judge_each(grading, grading.exercise.settings["case"], tell)


def _told(grading: Grading, number: int, given: object, case: Mapping[str, Any]) -> str:
    """Tell what is wrong with one answer; nothing if it is right."""
    text = str(given.get("upper", "")) if isinstance(given, dict) else ""
    if not text.strip():
        return grading.say("answers.empty", number=number)
    try:
        mine = layer("" if text.strip() == "-" else text)
    except ValueError as error:
        return grading.say("answers.format", number=number, text=error)
    right = possible(case["stack"], case["ops"])
    if mine in right:
        return ""
    best = max(right, key=lambda each: _alike(each, mine))
    at = min(at for at in {*best, *mine} if best.get(at) != mine.get(at))
    nothing = grading.say("uppers.nothing")
    return grading.say(
        "uppers.wrong",
        number=number,
        path="/" + "/".join(at),
        yours=show(Layer({at: mine[at]})) if at in mine else nothing,
        right=show(Layer({at: best[at]})) if at in best else nothing,
    )


def _alike(one: Layer, other: Layer) -> int:
    return sum(other.get(at) == entry for at, entry in one.items())
