"""Child's half of the exercise whose answer is a model of a file system."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from unionfs_sim.teaching import generate
from unionfs_sim.teaching.exercises.child import load_module
from unionfs_sim.teaching.lab import (
    Layer,
    Model,
    Op,
    Stack,
    Tree,
    outcome,
    replay,
    show,
)
from unionfs_sim.teaching.source import RandomSource
from unionfs_sim.teaching.subjects import subject

#: What a model does not do yet.
_TODO: Final = "NotImplementedError"


def load(folder: Path, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Load the file, and take the class from it."""
    return load_module(folder, settings["file"]).Model, {}


def carry_out(model: Any, task: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """
    Hold an implementation against the model, in random programs, until they differ.

    Programs hold only operations whose verbs the task names, and rename only files:
    whether a directory may be renamed is no matter of a plain tree.
    """
    lab = subject(task["subject"])
    for number in range(1, task["examples"] + 1):
        source = RandomSource.example("model", seed=task["seed"], number=number)
        layers = generate.layers(source)
        known = generate.known_paths(layers)
        program = generate.program(source, known, steps_max=8, steps_min=1)
        program = allowed(program, layers, task["verbs"])
        different = differs(model, lab.stack(layers), layers, program)
        if different is not None:
            step, expected, got = different
            example = f"{show(layers)} {show(program[: step + 1])}"
            return {
                "status": "differs",
                "examples": number,
                "example": example,
                "verb": program[step].verb,
                "expected": expected,
                "got": got,
            }
    return {"status": "agrees", "examples": task["examples"]}


def allowed(
    program: Sequence[Op], layers: Sequence[Layer], verbs: Sequence[str]
) -> list[Op]:
    """Leave out what the task does not name, and renames of directories."""
    reference, kept = Model(replay(layers)), []
    for op in program:
        if op.verb not in verbs:
            continue
        if op.verb == "rename" and any(
            (at in reference.files and reference.files[at] is None) or not at
            for at in op.arguments
        ):
            continue
        kept.append(op)
        outcome(reference, op)
    return kept


def differs(
    model: Any,  # noqa: ANN401 - the student's class
    union: Stack,
    layers: Sequence[Layer],
    program: Sequence[Op],
) -> tuple[int, str, str] | None:
    """Find the first step at which a union and a model differ, and how."""
    before = [layer.snapshot() for layer in layers]
    plain = model(replay(layers))
    for step, op in enumerate(program):
        expected, got = outcome(plain, op), _outcome(union, op)
        if expected != got:
            return step, expected, got
        wanted, shown = dict(plain.tree()), union.tree()
        if wanted != shown:
            at = min(p for p in {*wanted, *shown} if _at(wanted, p) != _at(shown, p))
            path = show(at)
            return step, f"{path} {_at(wanted, at)}", f"{path} {_at(shown, at)}"
        if list(layers) != before:
            return step, "lower layers as they were", "a change"
    return None


def _outcome(union: Stack, op: Op) -> str:
    """Carry an operation out; a broken implementation may raise anything."""
    try:
        return outcome(union, op)
    except Exception as error:
        return type(error).__name__


def _at(tree: Tree, path: tuple[str, ...]) -> str:
    if path not in tree:
        return "is not there"
    entry = tree[path]
    return "is a directory" if entry is None else f"has {entry[0]!r}, mode {entry[1]:o}"
