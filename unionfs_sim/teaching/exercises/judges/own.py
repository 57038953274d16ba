"""Judges an implementation by the reference properties, each with its own points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.process import Result
from unionfs_sim.teaching.exercises.report import Part, Report, shares
from unionfs_sim.teaching.properties import PROPERTIES


def judge(grading: Grading) -> Report:
    """Judge an implementation."""
    exercise, say = grading.exercise, grading.say
    settings = exercise.settings
    hidden = settings.get("hidden", [])
    names = [*settings["visible"], *hidden]
    titles: Mapping[str, str] = settings.get("titles", {}) if _chinese(grading) else {}
    tasks = [
        {
            "test": name,
            "seed": grading.options.seed,
            "examples": settings["examples"],
        }
        for name in names
    ]
    run = grading.run("own", tasks, file=exercise.edit[0], makes=settings["makes"])
    if run.loading is not None:
        return grading.failed(run.loading, output=run.output)
    parts: list[Part] = []
    trouble: list[str] = []
    for name, result, points in zip(names, run.results, shares(names), strict=True):
        title = titles.get(name) or PROPERTIES[name].title
        told = _told(grading, title, result)
        first = told[0] if told else ""
        parts.append(
            grading.part(f"{name} {title}", points, first, hidden=name in hidden)
        )
        trouble = trouble or told
    count = sum(part.status == "passed" for part in parts)
    seen = [part for part in parts if not part.hidden]
    bar = settings["bar"]
    enough = count >= bar["share"] * len(parts)
    passed = enough and all(part.status == "passed" for part in seen if bar["visible"])
    lines = [say("own.good", passed=count, total=len(parts))]
    lines += trouble[:2]
    lines += [say("done")] if passed else []
    return grading.report(
        passed=passed,
        parts=parts,
        lines=lines,
        output=run.output,
        passed_properties=[part.name[:3] for part in parts if part.status == "passed"],
    )


def _chinese(grading: Grading) -> bool:
    return grading.options.lang == "zh"


def _told(grading: Grading, title: str, result: Result) -> list[str]:
    """Tell how a property is broken; nothing if it holds."""
    data: Mapping[str, Any] = result.data or {}
    fault = result.fault
    if fault is not None:
        if fault.type == "NotImplementedError":
            name = fault.place.function if fault.place else ""
            return [grading.say("own.todo", name=name)]
        case = [grading.say("own.case", case=data["case"])] if "case" in data else []
        return [grading.fault(fault, test=title), *case]
    if data["status"] == "passed":
        return []
    message = f"{data['part']}: {data['message']}".strip(": ")
    return [
        grading.say("own.broken", title=title, message=message[:200]),
        grading.say("own.case", case=data["case"]),
    ]
