"""Judges reports on faults: the kind must be right, and the example short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.judges.answers import judge_each
from unionfs_sim.teaching.exercises.report import Report
from unionfs_sim.teaching.lab import Lab, Layer, Op, Path, ops, outcome, path, stack
from unionfs_sim.teaching.subjects import subject

_EXAMPLE_MAX = 200


def judge(grading: Grading) -> Report:
    """Judge a report on faults."""

    def tell(number: int, case: Mapping[str, Any], given: object) -> tuple[str, float]:
        mine = given if isinstance(given, dict) else {}
        return _told(grading, number, case, mine)

    return judge_each(grading, grading.exercise.settings["case"], tell)


def _told(
    grading: Grading, number: int, case: Mapping[str, Any], mine: dict[str, object]
) -> tuple[str, float]:
    """Tell what is wrong with one report, and what share of its points it gets."""
    say = grading.say
    if not any(mine.values()):
        return say("answers.empty", number=number), 0
    kind = str(mine.get("fault", "")).strip().lower() == case["fault"]
    try:
        layers = stack(str(mine.get("layers", "")))
        program = ops(str(mine.get("ops", "")))
    except (ValueError, IndexError) as error:
        return say("detective.notation", number=number, text=error), kind / 2
    size = sum(map(len, layers)) + len(program)
    bug, best = str(case["bug"]), int(str(case["best"]))
    if size > _EXAMPLE_MAX or not tells_apart(subject(bug), layers, program):
        return say("detective.example", number=number), kind / 2
    if size > best + 1:
        return say("detective.long", number=number, size=size, best=best), kind / 2
    if not kind:
        return say("detective.class", number=number), 0.5
    return "", 1


def tells_apart(lab: Lab, layers: list[Layer], program: list[Op]) -> bool:
    """
    Tell whether an implementation answers otherwise than the correct one.

    >>> from unionfs_sim.teaching.lab import stack
    >>> tells_apart(subject("wh_ignored"), stack("a=1 | ~a"), [])
    True
    """
    return _seen(lab, layers, program) != _seen(subject("A"), layers, program)


def _seen(lab: Lab, layers: list[Layer], program: list[Op]) -> object:
    """Give all that an implementation answers."""
    union = lab.stack([layer.snapshot() for layer in layers])
    known: set[Path] = {at for layer in layers for at in layer}
    answers: list[object] = []
    for op in program:
        answers += [outcome(union, op), union.tree()]
        known |= {
            path(word) for word in op.arguments[:2] if isinstance(word, (str, tuple))
        }
    shown = [union.kind(at) for at in sorted(known)]
    return answers, union.tree(), shown
