"""Properties of operations: P27, P31 to P44, P59, P60, P72."""

from __future__ import annotations

from collections.abc import Sequence

from unionfs_sim.teaching.generate import UNIVERSE
from unionfs_sim.teaching.generate import path as draw_path
from unionfs_sim.teaching.lab import (
    File,
    Lab,
    Layer,
    Op,
    Path,
    Stack,
    Tree,
    outcome,
    put,
)
from unionfs_sim.teaching.properties import given
from unionfs_sim.teaching.properties.law import Case, equal, hold, law
from unionfs_sim.teaching.source import Source, choose

#: A union that somebody has worked on: layers, then a few operations and commits.
USED = {"layers": given.stack, "program": given.program(steps=4, commit=True)}


def used(lab: Lab, layers: Sequence[Layer], program: Sequence[Op]) -> Stack:
    """Give a union after operations."""
    union = lab.stack(layers)
    for op in program:
        outcome(union, op)
    return union


def without(tree: Tree, at: Path) -> Tree:
    """Give a tree without a path and what is under it."""
    return {p: shown for p, shown in tree.items() if p[: len(at)] != at}


@law(
    "P27",
    "Lower layers never change",
    "Whatever is done, every read-only layer is what it was.",
    "invariant",
    "layers untouched",
    {"layers": given.stack_of_some, "program": given.program()},
)
def _p27(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    before = [layer.snapshot() for layer in layers]
    union = used(lab, layers, program)
    equal("layers untouched", before, union.lowers)


@law(
    "P31",
    "What is written can be read",
    "After a write that succeeds, the file holds just these bytes and is listed.",
    "invariant",
    "content, listing",
    {"layers": given.stack, "at": given.hot_path, "data": given.content},
)
def _p31(lab: Lab, layers: list[Layer], at: Path, data: bytes) -> None:
    union = lab.stack(layers)
    if outcome(union, Op("write", at, data)) == "ok":
        equal("content", data, union.read(at))
        hold("listing", at[-1] in union.readdir(at[:-1]), f"{at[-1]!r} is not listed")


@law(
    "P32",
    "A write touches only its path",
    "After a write that succeeds, all other paths show what they showed.",
    "metamorphic",
    "frame",
    {"layers": given.stack_of_some, "at": given.hot_path},
)
def _p32(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack(layers)
    before = union.tree()
    if outcome(union, Op("write", at, b"z")) == "ok":
        equal("frame", without(before, at), without(union.tree(), at))


@law(
    "P33",
    "An unlink removes only its path",
    "After an unlink that succeeds, the path is gone and all others show what they did.",
    "metamorphic",
    "gone, frame",
    {**USED, "at": given.hot_path},
)
def _p33(lab: Lab, layers: list[Layer], program: list[Op], at: Path) -> None:
    union = used(lab, layers, program)
    before = union.tree()
    if outcome(union, Op("unlink", at)) == "ok":
        hold("gone", union.lookup(at) is None, f"{at} shows")
        after = union.tree()
        hold("gone", at not in after, f"{at} is listed")
        equal("frame", {p: x for p, x in before.items() if p != at}, after)


@law(
    "P34",
    "A second unlink is ENOENT",
    "What was removed cannot be removed again.",
    "algebraic",
    "errors",
    {**USED, "at": given.shown_file},
)
def _p34(lab: Lab, layers: list[Layer], program: list[Op], at: Path) -> None:
    union = used(lab, layers, program)
    if outcome(union, Op("unlink", at)) == "ok":
        equal("errors", "ENOENT", outcome(union, Op("unlink", at)))


@law(
    "P35",
    "Write, unlink, write shows the second content",
    "Between the two writes the path is absent; after them it shows the second alone.",
    "algebraic",
    "gone, content",
    {**USED, "at": given.hot_path},
)
def _p35(lab: Lab, layers: list[Layer], program: list[Op], at: Path) -> None:
    union = used(lab, layers, program)
    if outcome(union, Op("write", at, b"1")) == "ok":
        union.unlink(at)
        hold("gone", union.lookup(at) is None, f"{at} shows")
        union.write(at, b"2")
        equal("content", File(b"2"), union.lookup(at))


@law(
    "P36",
    "Append is concatenation",
    "Appending a and then b leaves the old content, a and b, also across the copy-up.",
    "algebraic",
    "content",
    {
        "layers": given.stack,
        "at": given.shown_file,
        "a": given.content,
        "b": given.content,
    },
)
def _p36(lab: Lab, layers: list[Layer], at: Path, a: bytes, b: bytes) -> None:
    union = lab.stack(layers)
    old = union.read(at)
    union.append(at, a)
    union.append(at, b)
    equal("content", old + a + b, union.read(at))


@law(
    "P37",
    "Copying up keeps what was not changed",
    "Appending keeps the permissions; changing the permissions keeps the content.",
    "invariant",
    "mode, content",
    {"layers": given.stack, "at": given.shown_file, "to": given.mode},
)
def _p37(lab: Lab, layers: list[Layer], at: Path, to: int) -> None:
    union = lab.stack(layers)
    mode, data = union.mode(at), union.read(at)
    union.append(at, b"z")
    equal("mode", mode, union.mode(at))
    equal("content", data + b"z", union.read(at))
    union.chmod(at, to)
    equal("mode", to, union.mode(at))
    equal("content", data + b"z", union.read(at))


@law(
    "P38",
    "Reads are pure",
    "No lookup, read or listing writes anything.",
    "invariant",
    "nothing written",
    {"layers": given.stack_of_some},
    looks_at="upper",
)
def _p38(lab: Lab, layers: list[Layer]) -> None:
    union = lab.stack(layers)
    before = union.upper.snapshot()
    read_all(union)
    equal("nothing written", before, union.upper)


def read_all(union: Stack) -> None:
    """Ask a union everything that can be asked."""
    for at in ((), *UNIVERSE):
        kind = union.kind(at)
        if kind == "file":
            union.read(at)
            union.mode(at)
        elif kind == "dir":
            union.readdir(at)


@law(
    "P39",
    "What fails changes nothing",
    "After an operation that fails, the same shows as before; and a tidy implementation "
    "has written nothing.",
    "invariant",
    "same tree, nothing written",
    {**USED, "op": given.operation},
    looks_at="upper",
)
def _p39(lab: Lab, layers: list[Layer], program: list[Op], op: Op) -> None:
    union = used(lab, layers, program)
    tree, upper = union.tree(), union.upper.snapshot()
    if op.verb != "rmtree" and outcome(union, op) != "ok":
        equal("same tree", tree, union.tree())
        if lab.tidy:
            equal("nothing written", upper, union.upper)


@law(
    "P40",
    "Rename is copy and unlink",
    "After a rename that succeeds the new name shows the old file, the old name nothing, "
    "and all else what it showed.",
    "metamorphic",
    "gone, content, frame",
    {**USED, "old": given.shown_file, "new": given.hot_path},
)
def _p40(
    lab: Lab, layers: list[Layer], program: list[Op], old: Path, new: Path
) -> None:
    union = used(lab, layers, program)
    expected = union.tree()
    if outcome(union, Op("rename", old, new)) == "ok":
        moved = expected.pop(old, None)
        hold("gone", old == new or union.lookup(old) is None, f"{old} shows")
        got = union.tree()
        equal("content", moved, got.get(new))
        expected[new] = moved
        equal("frame", expected, got)


@law(
    "P41",
    "Mkdir, then rmdir, is the identity",
    "A new directory is empty, also where an older one was deleted; without it all is as "
    "before.",
    "algebraic",
    "empty, same tree",
    {**USED, "at": given.hot_path},
)
def _p41(lab: Lab, layers: list[Layer], program: list[Op], at: Path) -> None:
    union = used(lab, layers, program)
    before = union.tree()
    if outcome(union, Op("mkdir", at)) == "ok":
        equal("empty", [], union.readdir(at))
        union.rmdir(at)
        equal("same tree", before, union.tree())


@law(
    "P42",
    "Rmdir succeeds exactly on directories that show nothing",
    "If names show in a directory rmdir is ENOTEMPTY and it stays; if none does it goes.",
    "invariant",
    "errors, gone",
    {**USED, "at": given.shown_dir},
)
def _p42(lab: Lab, layers: list[Layer], program: list[Op], at: Path) -> None:
    union = used(lab, layers, program)
    if union.kind(at) == "dir":
        names = union.readdir(at)
        expected = "ENOTEMPTY" if names else "ok"
        equal("errors", expected, outcome(union, Op("rmdir", at)))
        hold("gone", (union.lookup(at) is None) == (not names), f"{at} {names}")


@law(
    "P43",
    "No whiteouts over nothing",
    "Over an empty base no operations leave a whiteout.",
    "invariant",
    "no whiteouts",
    {"program": given.program(steps=8)},
    looks_at="upper",
    tidy=True,
)
def _p43(lab: Lab, program: list[Op]) -> None:
    union = used(lab, [Layer()], program)
    equal("no whiteouts", [], union.upper.whiteouts)


@law(
    "P44",
    "The writable layer stays well formed",
    "Every entry of the writable layer lies in directories of the same layer.",
    "invariant",
    "well formed",
    {"layers": given.stack, "program": given.program()},
    looks_at="upper",
)
def _p44(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    union = used(lab, layers, program)
    hold("well formed", union.upper.is_well_formed(), repr(union.upper))


@law(
    "P59",
    "A deleted tree that is made again is empty, also after commit and archive",
    "Delete a directory with all in it and make it again: it lists nothing, in the union, "
    "in the image that is committed, and in the archive of what was written.",
    "algebraic",
    "live, archive, committed",
    {"layers": given.stack, "at": given.shown_dir},
)
def _p59(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack(layers)
    union.rmtree(at)
    union.mkdir(at)
    equal("live", [], union.readdir(at))
    unpacked = lab.from_archive(lab.to_archive(union.diff()))
    equal("archive", [], lab.stack([*union.lowers, unpacked]).readdir(at))
    equal("committed", [], lab.stack(union.commit()).readdir(at))


def _other(source: Source, case: Case) -> Path:
    """Draw a path that is not over or under the one drawn before."""
    at = case["a"]
    assert isinstance(at, tuple)
    free = [p for p in UNIVERSE if p[: len(at)] != at and at[: len(p)] != p]
    return choose(source, free)


@law(
    "P60",
    "Renaming onto a deleted name",
    "With files a and b: after removing b and renaming a to b, b shows what a showed, and "
    "a shows nothing.",
    "algebraic",
    "content, gone",
    {
        "layers": given.stack,
        "a": given.plain(draw_path),
        "b": _other,
    },
)
def _p60(lab: Lab, layers: list[Layer], a: Path, b: Path) -> None:
    union = lab.stack([*layers, put(a, File(b"A")), put(b, File(b"B"))])
    union.unlink(b)
    union.rename(a, b)
    equal("content", File(b"A"), union.lookup(b))
    hold("gone", union.lookup(a) is None, f"{a} shows")


@law(
    "P72",
    "A new directory can be renamed, and takes its own names along",
    "Make a directory with a file and rename it onto a deleted directory: it shows the "
    "file alone, and nothing of what was deleted.",
    "algebraic",
    "names, gone",
    {"layers": given.stack, "at": given.shown_dir},
)
def _p72(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack(layers)
    union.rmtree(at)
    new = ("new",)
    union.mkdir(new)
    union.write((*new, "file"), b"n")
    union.rename(new, at)
    equal("names", ["file"], union.readdir(at))
    equal("names", b"n", union.read((*at, "file")))
    hold("gone", union.lookup(new) is None, "the old name shows")
