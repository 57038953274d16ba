"""Child's half of the exercises whose answer is functions that give layers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from unionfs_sim.teaching.exercises.child import load_module
from unionfs_sim.teaching.lab import WHITEOUT, Dir, Layer, Stack, layer, show
from unionfs_sim.teaching.lab.stack import plain


def load(folder: Path, settings: dict[str, Any]) -> tuple[ModuleType, dict[str, Any]]:
    """Load the file."""
    return load_module(folder, settings["file"]), {}


def carry_out(module: ModuleType, task: dict[str, Any]) -> dict[str, Any]:
    """Call one function; tell whether its layers show the goal and keep the rule."""
    made = getattr(module, task["function"])()
    if not isinstance(made, list) or not all(isinstance(each, Layer) for each in made):
        return {"status": "type", "got": repr(made)[:80]}
    if not all(each.is_well_formed() for each in made):
        return {"status": "unformed"}
    given = {int(number): layer(text) for number, text in task["given"].items()}
    shown = plain(Stack(made).tree())
    if shown != layer(task["tree"]):
        return {"status": "tree", "got": show(shown)}
    own = [each for number, each in enumerate(made) if number not in given]
    entries = [entry for each in own for entry in each.values()]
    kept = (
        len(made) == task["layers"]
        and all(made[number] == each for number, each in given.items())
        and not ("whiteout" in task["forbid"] and WHITEOUT in entries)
        and not ("opaque" in task["forbid"] and Dir(opaque=True) in entries)
    )
    return {"status": "right" if kept else "rule", "entries": len(entries)}
