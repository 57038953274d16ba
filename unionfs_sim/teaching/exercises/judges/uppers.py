"""Judges writable layers written down by hand: what any correct variant has is right."""

from __future__ import annotations

from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.judges.answers import read, unreadable
from unionfs_sim.teaching.exercises.report import Part, Report, shares
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
    exercise, say = grading.exercise, grading.say
    name = exercise.edit[0]
    try:
        given = read(grading.folder / name)
    except ValueError as error:
        return unreadable(grading, name, error)
    cases = exercise.settings["case"]
    parts: list[Part] = []
    trouble = ""
    for number, (case, points) in enumerate(zip(cases, shares(cases), strict=True), 1):
        told = _told(grading, number, given.get(case["key"]), case)
        named = say("uppers.part", number=number, ops=case["ops"])
        parts.append(grading.part(named, points, told))
        trouble = trouble or told
    right = sum(part.status == "passed" for part in parts)
    passed = right >= exercise.settings["bar"]["right"]
    lines = [say("uppers.good", right=right, total=len(cases))]
    lines += [trouble] if trouble else []
    lines += [say("done")] if passed else []
    return grading.report(
        passed=passed,
        parts=parts,
        lines=lines,
        right=[right, len(cases)],
    )


def _told(grading: Grading, number: int, given: object, case: dict[str, str]) -> str:
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
