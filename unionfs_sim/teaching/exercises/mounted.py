"""
Grades a student's own program through its mount point.

Any union of two directories will do, in any language.  For each program of file calls
the lower directory gets a directory of its own; the calls are made behind the mount
point, and compared with what they do to a plain tree.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from unionfs_sim.teaching.exercises.grading import Grading, first_fault
from unionfs_sim.teaching.exercises.kinds.mounted import fill, program
from unionfs_sim.teaching.exercises.report import Part, Report

PROGRAMS: Final = 60
BAR: Final = 0.85
PARTS: Final = ("hides", "shows", "frame", "errors", "lowers")


def judge(grading: Grading, mount: Path, *, lower: Path) -> Report:
    """
    Fill the lower directory, carry programs out behind the mount point, and report.

    Args:
        grading: The submission; its own files are not looked at.
        mount: Where the student's union is mounted.
        lower: Its lower directory.
    """
    say = grading.say
    if not _is_mounted(mount):
        return grading.refused(say("mount.unmounted", path=mount))
    seed = grading.options.seed
    first = 1 + max(
        (int(each.name[1:]) for each in lower.iterdir() if each.name[1:].isdigit()),
        default=0,
    )
    tasks = []
    for number in range(PROGRAMS):
        name = f"p{first + number}"
        fill(lower / name, program(seed, number)[0])
        tasks.append({"test": "mount", "seed": seed, "number": number, "name": name})
    run = grading.run(
        "mounted", tasks, mount=str(mount.resolve()), lower=str(lower.resolve())
    )
    fault = first_fault(run.results)
    if fault is not None:
        return grading.failed(fault[1], tested=str(mount), output=run.output)
    found = [dict(result.data or {}) for result in run.results]
    failed = [data for data in found if data["status"] != "same"]
    share = 100 / len(PARTS)
    parts = []
    for name in PARTS:
        wrong = [data for data in failed if data["part"] == name]
        parts.append(
            Part(
                name=say(f"mount.part.{name}"),
                score=round(share * (1 - len(wrong) / len(found)), 1),
                max_score=share,
                status="failed" if wrong else "passed",
                text=say("mount.program", program=wrong[0]["program"]) if wrong else "",
            )
        )
    good = len(found) - len(failed)
    passed = good >= BAR * len(found)
    lines = [say("mount.good", passed=good, total=len(found))]
    if failed:
        worst = min(failed, key=lambda data: len(data["program"]))
        lines.append(
            say(
                "mount.differs",
                step=worst["step"],
                expected=worst["expected"],
                got=worst["got"],
            )
        )
        lines.append(say("mount.program", program=worst["program"]))
    lines += [say("done")] if passed else []
    return grading.report(
        score=100 * good / len(found) if failed else 100,
        passed=passed,
        parts=parts,
        lines=lines,
        programs=[good, len(found)],
    )


def _is_mounted(place: Path) -> bool:
    """Tell whether something is mounted; a bind mount is told by the system's table."""
    if os.path.ismount(place):
        return True
    try:
        table = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return str(place.resolve()) in {line.split(" ")[4] for line in table.splitlines()}
