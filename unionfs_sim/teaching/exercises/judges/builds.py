"""Judges layers that are to show a goal."""

from __future__ import annotations

from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.report import Part, Report, shares
from unionfs_sim.teaching.exercises.texts import pick


def judge(grading: Grading) -> Report:
    """Judge a file of functions that give layers."""
    exercise, say = grading.exercise, grading.say
    goals = exercise.settings["goal"]
    run = grading.run(
        "builds",
        [{"test": goal["function"], **goal} for goal in goals],
        file=exercise.edit[0],
    )
    if run.loading is not None:
        return grading.failed(run.loading, output=run.output)
    parts: list[Part] = []
    trouble: list[str] = []
    entries = 0
    for number, (goal, result, points) in enumerate(
        zip(goals, run.results, shares(goals), strict=True), 1
    ):
        data = dict(result.data or {})
        fault = result.fault
        told = [say("score.right")]
        if fault is not None:
            told = [
                grading.fault(fault, test=goal["function"]),
                say(f"advice.{fault.kind}"),
            ]
        elif data["status"] != "right":
            told = [
                say(
                    f"builds.{data['status']}",
                    number=number,
                    got=data.get("got", ""),
                    goal=goal["tree"],
                    rule=pick(goal["rule"], grading.options.lang),
                )
            ]
        good = fault is None and data["status"] == "right"
        entries += data.get("entries", 0) if good else 0
        parts.append(
            Part(
                name=say("builds.part", number=number, goal=goal["tree"]),
                score=points if good else 0,
                max_score=points,
                status="passed" if good else "failed" if fault is None else "error",
                text=told[0],
            )
        )
        if not good and not trouble:
            trouble = told
    right = sum(part.status == "passed" for part in parts)
    passed = right >= exercise.settings["bar"]["right"]
    par = sum(goal["par"] for goal in goals)
    lines = [
        say("builds.good", right=right, total=len(goals), entries=entries, par=par)
    ]
    lines += trouble
    if passed and entries > par:
        lines.append(say("builds.golf", entries=entries, par=par))
    lines += [say("done")] if passed else []
    return grading.report(
        passed=passed,
        parts=parts,
        lines=lines,
        output=run.output,
        right=[right, len(goals)],
        entries=entries,
    )
