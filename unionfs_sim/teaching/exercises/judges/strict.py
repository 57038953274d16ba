"""Judges repairs: tests that forbade too much must accept all variants, with teeth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unionfs_sim.teaching import mutants
from unionfs_sim.teaching.exercises.grading import Grading, first_fault
from unionfs_sim.teaching.exercises.process import Result
from unionfs_sim.teaching.exercises.report import Part, Report, shares
from unionfs_sim.teaching.subjects import quick_variants


def judge(grading: Grading) -> Report:
    """Judge a file with marks and repairs."""
    settings, say = grading.exercise.settings, grading.say
    file, strict = grading.exercise.edit[0], settings["strict"]
    base = {
        "do": "test",
        "seed": grading.options.seed,
        "examples": settings["examples"],
    }
    start = grading.run("properties", [], file=file)
    if start.loading is not None:
        return grading.failed(start.loading, output=start.output)
    names, marked = start.about["tests"], start.about["marked"]
    tasks: list[dict[str, Any]] = []
    for each in strict:
        if each["test"] in names:
            tasks += [
                base | {"test": each["test"], "subject": subject}
                for subject in (*quick_variants(), each["bug"])
            ]
    results = grading.run("properties", tasks, file=file).results
    known = {each["test"] for each in strict}
    extra = [name for name in marked if name not in known]
    parts, trouble, repaired = [], [], 0
    if extra:
        trouble.append(say("strict.false", test=extra[0]))
    for each, points in zip(strict, shares(strict), strict=True):
        test = each["test"]
        half = round(points / 2, 1)
        is_marked = test in marked and not extra
        told = _told(grading, each, [r for r in results if r.task["test"] == test])
        parts += [
            Part(
                name=say("strict.part.mark", test=test),
                score=half if is_marked else 0,
                max_score=half,
                status="passed" if is_marked else "failed",
            ),
            Part(
                name=say("strict.part.repair", test=test),
                score=0 if told else round(points - half, 1),
                max_score=round(points - half, 1),
                status="failed" if told else "passed",
                text=told,
            ),
        ]
        repaired += not told
        if told and test in marked and not trouble:
            trouble.append(told)
    right = len(known & set(marked))
    if not trouble and right < len(strict):
        trouble.append(say("strict.unmarked", count=len(strict) - right))
    bar = settings["bar"]
    passed = right >= bar["marked"] and repaired >= bar["repaired"] and not extra
    lines = [say("strict.good", marked=right, total=len(strict), repaired=repaired)]
    lines += trouble
    lines += [say("done")] if passed else []
    return grading.report(
        passed=passed,
        parts=parts,
        lines=lines,
        output=start.output,
        marked=marked,
        repaired=repaired,
    )


def _told(grading: Grading, each: Mapping[str, str], results: Sequence[Result]) -> str:
    """Tell what is wrong with a test still; nothing if it is repaired."""
    test = each["test"]
    if not results:
        return grading.say("strict.gone", test=test)
    fault = first_fault(results)
    if fault is not None:
        return grading.fault(fault[1], test=test)
    *accepted, rejected = results
    for result in accepted:
        assert result.data is not None
        if result.data["status"] != "passed":
            variant = result.task["subject"]
            freedom = grading.say(f"variant.{variant}")
            return grading.say(
                "strict.alarm", test=test, variant=variant, freedom=freedom
            )
    assert rejected.data is not None
    if rejected.data["status"] == "passed":
        return grading.say(
            "strict.weak", test=test, bug=mutants.find(each["bug"]).title.rstrip(".")
        )
    return ""
