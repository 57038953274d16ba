"""Properties that compare a union with a plain tree: P28 to P30, P61."""

from __future__ import annotations

from unionfs_sim.teaching.generate import UNIVERSE
from unionfs_sim.teaching.lab import (
    Lab,
    Layer,
    Model,
    Op,
    Path,
    Stack,
    outcome,
    replay,
)
from unionfs_sim.teaching.properties import given
from unionfs_sim.teaching.properties.changing import read_all, used
from unionfs_sim.teaching.properties.law import equal, hold, law


@law(
    "P28",
    "Operations agree with a plain tree",
    "From any stack, each operation has the outcome that it has on a plain tree, errors "
    "included, and at the end the trees are equal.",
    "model",
    "errors, same tree",
    {"layers": given.stack, "program": given.program()},
)
def _p28(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    union = lab.stack(layers)
    model = Model(union.tree())
    for op in program:
        equal("errors", outcome(model, op), outcome(union, op))
    equal("same tree", model.files, union.tree())


@law(
    "P29",
    "Commits are invisible",
    "From nothing, with commits among the operations, a union shows after every step what "
    "a plain tree does that knows no commits.",
    "model",
    "errors, same tree",
    {"program": given.program(steps=8, least=1, commit=True)},
)
def _p29(lab: Lab, program: list[Op]) -> None:
    union, model = lab.stack(), Model()
    for op in program:
        equal("errors", outcome(model, op), outcome(union, op))
        equal("same tree", model.files, union.tree())


@law(
    "P30",
    "One operation agrees, whatever came before",
    "After any operations and commits, one more has the outcome and the effect that it "
    "has on a plain tree.",
    "model",
    "errors, same tree",
    {
        "layers": given.stack,
        "program": given.program(steps=4, commit=True),
        "op": given.operation,
    },
)
def _p30(lab: Lab, layers: list[Layer], program: list[Op], op: Op) -> None:
    union = used(lab, layers, program)
    union.commit()
    model = Model(union.tree())
    equal("errors", outcome(model, op), outcome(union, op))
    equal("same tree", model.files, union.tree())


@law(
    "P61",
    "The full machine",
    "From any stack, after every step, commits among them: outcome and tree are those of a "
    "plain tree, lower layers are untouched, the writable layer is well formed, reads "
    "write nothing; and a tidy implementation leaves nothing when it fails, and no "
    "whiteout above nothing.",
    "model",
    "errors, same tree, layers untouched, well formed, nothing written, whiteouts needed",
    {
        "layers": given.stack_of_many,
        "program": given.program(steps=12, least=1, commit=True),
    },
    looks_at="upper",
)
def _p61(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    union, model = lab.stack(layers), Model(replay(layers))
    equal("same tree", model.files, union.tree())
    for op in program:
        lowers = [layer.snapshot() for layer in union.lowers]
        upper = union.upper.snapshot()
        expected, got = outcome(model, op), outcome(union, op)
        equal("errors", expected, got)
        equal("same tree", model.files, union.tree())
        equal("layers untouched", lowers, union.lowers[: len(lowers)])
        hold("well formed", union.upper.is_well_formed(), repr(union.upper))
        if op.verb == "commit":
            equal("layers untouched", Layer(), union.upper)
        elif got != "ok" and op.verb != "rmtree" and lab.tidy:
            equal("nothing written", upper, union.upper)
        if lab.tidy:
            _whiteouts_needed(union)
        upper = union.upper.snapshot()
        read_all(union)
        equal("nothing written", upper, union.upper)
        _listing_agrees(union, model)


def _whiteouts_needed(union: Stack) -> None:
    """A whiteout stands only above something that would show without it."""
    below = replay(union.lowers)
    for at in union.upper.whiteouts:
        hold("whiteouts needed", at in below, f"~{at} over nothing")


def _listing_agrees(union: Stack, model: Model) -> None:
    """Lookup finds nothing but what the tree has, listings are in order."""
    for at in UNIVERSE:
        shown = at in model.files
        hold("same tree", (union.lookup(at) is not None) == shown, f"{at}: {shown}")
        if _is_dir(model, at):
            equal("same tree", model.readdir(at), union.readdir(at))
    equal("same tree", model.readdir(()), union.readdir(()))


def _is_dir(model: Model, at: Path) -> bool:
    return at in model.files and model.files[at] is None
