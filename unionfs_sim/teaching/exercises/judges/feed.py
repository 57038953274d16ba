"""Judges a generator by what it draws, and by how soon bugs are found with it."""

from __future__ import annotations

from typing import Any

from unionfs_sim.teaching.exercises.grading import Grading, first_fault
from unionfs_sim.teaching.exercises.report import Part, Report, Status


def judge(grading: Grading) -> Report:
    """Judge a generator."""
    settings, say = grading.exercise.settings, grading.say
    bugs, examples = settings["bugs"], settings["examples"]
    base = {"seed": grading.options.seed, "examples": examples}
    tasks: list[dict[str, Any]] = [base | {"do": "measure", "test": "measure"}]
    tasks += [
        base
        | {"do": "find", "test": bug, "subject": bug, "seed": base["seed"] + further}
        for bug in bugs
        for further in range(settings["seeds"])
    ]
    run = grading.run("feed", tasks, file=grading.exercise.edit[0])
    if run.loading is not None:
        return grading.failed(run.loading, output=run.output)
    fault = first_fault(run.results)
    if fault is not None:
        return grading.failed(fault[1], output=run.output, tested="cases")
    measured, *found = [dict(result.data or {}) for result in run.results]
    means = {
        bug: sum(each["examples"] for each in found[at : at + settings["seeds"]])
        / settings["seeds"]
        for at, bug in zip(range(0, len(found), settings["seeds"]), bugs, strict=True)
    }
    mean = sum(means.values()) / len(means)
    soon = sum(each <= settings["mean"] for each in means.values()) / len(means)
    met = {
        "formed": 1.0 if not measured["unformed"] else 0.0,
        "hit": min(1.0, measured["hit"] / settings["hit"]),
        "whiteout": min(1.0, measured["whiteout"] / settings["whiteout"]),
        "mean": 1.0 if mean <= settings["mean"] else soon * 0.9,
    }
    points = {"formed": 20, "hit": 20, "whiteout": 20, "mean": 40}
    parts = [
        Part(
            name=say(f"feed.part.{name}"),
            score=round(points[name] * share, 1),
            max_score=points[name],
            status=_status(share == 1),
            text=str(round(mean, 1) if name == "mean" else measured.get(name, "")),
        )
        for name, share in met.items()
    ]
    passed = all(part.status == "passed" for part in parts)
    lines = [
        say(
            "feed.good",
            hit=measured["hit"],
            whiteout=measured["whiteout"],
            found=sum(each["found"] for each in found[:: settings["seeds"]]),
            total=len(bugs),
            mean=round(mean, 1),
        )
    ]
    missing = next((name for name, share in met.items() if share < 1), "")
    if missing == "formed":
        lines.append(say("feed.formed", example=measured["unformed"][:160]))
        lines.append(say("feed.formed.advice"))
    elif missing:
        lines.append(say(f"feed.{missing}", wanted=settings[missing]))
    lines += [say("done")] if passed else []
    return grading.report(
        passed=passed,
        parts=parts,
        lines=lines,
        output=run.output,
        measured=measured,
        mean_examples={bug: round(each, 1) for bug, each in means.items()},
    )


def _status(good: bool) -> Status:  # noqa: FBT001
    return "passed" if good else "failed"
