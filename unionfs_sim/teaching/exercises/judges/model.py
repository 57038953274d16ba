"""
Judges a model: correct implementations must agree with it, and broken ones differ.

Each verb is looked at by itself first, so half a model gets its half of the points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.process import Result
from unionfs_sim.teaching.exercises.report import Part, Report, shares
from unionfs_sim.teaching.subjects import quick_variants

_FOR_VERBS: Final = 60.0
_FOR_KILLS: Final = 40.0
#: How many of the verbs are looked at first: those that others build on.
_FIRST: Final = 2


def judge(grading: Grading) -> Report:
    """Judge a model."""
    exercise, say = grading.exercise, grading.say
    settings, file = exercise.settings, exercise.edit[0]
    verbs, bugs = settings["verbs"], settings["bugs"]
    base: dict[str, Any] = {"seed": grading.options.seed}
    first = [
        base | {"test": verb, "subject": quick_variants()[0], "verbs": [verb]}
        for verb in verbs[:_FIRST]
    ]
    for task in first:
        task["examples"] = settings["verb_examples"]
    run = grading.run("model", first, file=file)
    if run.loading is not None:
        return grading.failed(run.loading, output=run.output)
    results = list(run.results)
    # What a verb does shows best in trees on which others have been at work.
    helping = [
        verb
        for verb, result in zip(verbs, results, strict=False)
        if not _told(grading, verb, result)
    ]
    others = [
        first[0] | {"test": verb, "verbs": [verb, *helping]} for verb in verbs[_FIRST:]
    ]
    results += grading.run("model", others, file=file).results
    parts: list[Part] = []
    done: list[str] = []
    trouble: list[str] = []
    for verb, result, points in zip(
        verbs, results, shares(verbs, _FOR_VERBS), strict=True
    ):
        told = _told(grading, verb, result)
        parts.append(
            grading.part(say("model.verb", verb=verb), points, told[0] if told else "")
        )
        done += [] if told else [verb]
        trouble = trouble or told
    accepted, killed = _classify(grading, done) if done else ({}, [])
    for name, result in accepted.items():
        told = _told(grading, name, result)
        if told:
            trouble = trouble or told
            killed = []
    parts.append(
        Part(
            name=say("model.kills"),
            score=round(_FOR_KILLS * len(killed) / len(bugs), 1),
            max_score=_FOR_KILLS,
            status="passed" if len(killed) == len(bugs) else "failed",
            text=say("score.killed", killed=len(killed), total=len(bugs)),
        )
    )
    passed = len(killed) >= settings["bar"]["killed"] and not trouble
    lines = [
        say(
            "model.good",
            done=len(done),
            verbs=len(verbs),
            killed=len(killed),
            total=len(bugs),
        )
    ]
    lines += trouble
    lines += [say("done")] if passed else []
    return grading.report(
        passed=passed,
        parts=parts,
        lines=lines,
        output=run.output,
        kills=[len(killed), len(bugs)],
        verbs=done,
        alive=sorted(set(bugs) - set(killed)),
    )


def _classify(
    grading: Grading, verbs: list[str]
) -> tuple[Mapping[str, Result], list[str]]:
    """Try the verbs that work on all correct variants, and on the planted bugs."""
    settings = grading.exercise.settings
    base = {"seed": grading.options.seed + 1, "verbs": verbs}
    tasks = [
        base | {"test": name, "subject": name, "examples": settings["accept_examples"]}
        for name in quick_variants()
    ]
    tasks += [
        base | {"test": bug, "subject": bug, "examples": settings["examples"]}
        for bug in settings["bugs"]
    ]
    results = grading.run("model", tasks, file=grading.exercise.edit[0]).results
    count = len(quick_variants())
    killed = [
        result.task["subject"]
        for result in results[count:]
        if result.data and result.data.get("status") == "differs"
    ]
    return {r.task["subject"]: r for r in results[:count]}, killed


def _told(grading: Grading, name: str, result: Result) -> list[str]:
    """Tell how a model differs from a correct implementation; nothing if it does not."""
    data = result.data or {}
    fault = result.fault
    if fault is not None:
        if fault.type == "NotImplementedError":
            return [grading.say("own.todo", name=name)]
        file = grading.exercise.edit[0]
        return [
            grading.fault(fault, test=f"{file}, {name}"),
            grading.say(f"advice.{fault.kind}"),
        ]
    if data["status"] == "agrees":
        return []
    return [
        grading.say(
            "model.differs",
            verb=data["verb"],
            mine=data["expected"],
            theirs=data["got"],
        ),
        grading.say("own.case", case=data["example"]),
    ]
