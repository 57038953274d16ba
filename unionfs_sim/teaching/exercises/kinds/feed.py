"""Child's half of the exercise whose answer is what a property is fed with."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
from hypothesis import given

from unionfs_sim.teaching.exercises.child import load_module
from unionfs_sim.teaching.exercises.kinds.model import differs
from unionfs_sim.teaching.exercises.kinds.running import made_settings
from unionfs_sim.teaching.lab import WHITEOUT, Layer, Model, Op, show
from unionfs_sim.teaching.subjects import subject


class _FoundError(Exception):
    """The property failed: no more examples are wanted."""


def load(folder: Path, settings: dict[str, Any]) -> tuple[ModuleType, dict[str, Any]]:
    """Load the file."""
    module = load_module(folder, settings["file"])
    module.cases()  # so that a missing one is told at once
    return module, {}


def carry_out(module: ModuleType, task: dict[str, Any]) -> dict[str, Any]:
    """Measure what is drawn, or count the examples until a bug is found."""
    if task["do"] == "measure":
        return _measure(module, task)
    return _find(module, task)


def _each(module: ModuleType, task: dict[str, Any], see: Any) -> None:  # noqa: ANN401
    """Hand each case to a function."""

    @made_settings(task["examples"], shrink=False)
    @given(module.cases())
    def run(case: tuple[list[Layer], list[Op]]) -> None:
        see(*case)

    hypothesis.seed(task["seed"])(run)()


def _measure(module: ModuleType, task: dict[str, Any]) -> dict[str, Any]:
    total = hit = whiteout = 0
    unformed = ""

    def see(layers: list[Layer], program: list[Op]) -> None:
        nonlocal total, hit, whiteout, unformed
        total += 1
        if not unformed and not all(layer.is_well_formed() for layer in layers):
            unformed = show(list(layers))
        known = {at for layer in layers for at in layer}
        hit += any(word in known for op in program for word in op.arguments)
        whiteout += any(WHITEOUT in layer.values() for layer in layers)

    _each(module, task, see)
    return {
        "hit": round(100 * hit / max(total, 1)),
        "whiteout": round(100 * whiteout / max(total, 1)),
        "unformed": unformed,
    }


def _find(module: ModuleType, task: dict[str, Any]) -> dict[str, Any]:
    lab = subject(task["subject"])
    count = 0

    def see(layers: list[Layer], program: list[Op]) -> None:
        nonlocal count
        count += 1
        if differs(Model, lab.stack(layers), layers, program) is not None:
            raise _FoundError

    try:
        _each(module, task, see)
    except _FoundError:
        return {"found": True, "examples": count}
    return {"found": False, "examples": task["examples"]}
