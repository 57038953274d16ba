"""Child's half of the exercises whose answer is a file of properties."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import attrs

from unionfs_sim.teaching.exercises.child import load_module
from unionfs_sim.teaching.exercises.kinds import running
from unionfs_sim.teaching.lab import Lab
from unionfs_sim.teaching.mutants import recording
from unionfs_sim.teaching.subjects import subject

#: What an example can meet, and the switches of which the lab asks one there.
MET: Final = {
    "whiteout": {"wh_ignored"},
    "opaque": {"opaque_ignored"},
    "copy_up": {"alias_mutation"},
    "removal": {"wh_always", "wh_at_root"},
}


@attrs.frozen
class Submission:
    """
    A file of properties.

    Attributes:
        module: What it holds.
        tests: Its tests, by name.
        folder: Where it lies.
    """

    module: ModuleType
    tests: dict[str, running.Test]
    folder: Path


def load(folder: Path, settings: dict[str, Any]) -> tuple[Submission, dict[str, Any]]:
    """Load the file, and tell the names of its tests."""
    module = load_module(folder, settings["file"])
    tests = running.collect(module, folder)
    about = {
        "tests": list(tests),
        "marked": sorted(map(str, getattr(module, "FORBIDS_TOO_MUCH", ()))),
    }
    return Submission(module, tests, folder), about


def carry_out(submission: Submission, task: dict[str, Any]) -> dict[str, Any]:
    """Run one test against one implementation, or measure how useful it is."""
    test = submission.tests[task["test"]]
    make = partial(subject, task["subject"])
    if task["do"] == "useful":
        asked: list[set[str]] = []

        def watched() -> Lab:
            asked.append(set())
            return Lab("A", recording(asked[-1]))

        share = running.useful_share(
            test,
            submission.module,
            watched,
            seed=task["seed"],
            examples=task["examples"],
        )
        met = {
            name: sum(bool(switches & each) for each in asked) / max(len(asked), 1)
            for name, switches in MET.items()
        }
        return {"useful": share, "met": met}
    shrink = task.get("shrink", False)
    return test.run(make, task["seed"], task["examples"], shrink).to_json()
