"""
What courses use instead: a script of three checks, and a suite of nine scenarios.

Both are written down here as properties without random values, so that the matrix can
show what they find.  The first is the script that comes with a well-known assignment
("mini-unionfs"); the second is the most careful hand-written suite that was met for it,
scenario for scenario, with all that it asks and nothing that it does not.  Two of its
checks look different: the lab has no truncate; and that nothing can be made in a
directory which is not there is the kernel's doing on a mount, which looks it up first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from unionfs_sim.teaching.lab import (
    WHITEOUT,
    File,
    Lab,
    Layer,
    Op,
    Stack,
    layer,
    outcome,
    path,
    stack,
)
from unionfs_sim.teaching.properties.law import Check, Property, equal, hold


def _mounted(lab: Lab, lower: str, upper: str = "") -> Stack:
    """Mount one lower directory under an upper one, as the assignment has it."""
    union = lab.stack(stack(lower))
    union.upper.update(layer(upper))
    return union


def _data(layer: Layer, name: str) -> bytes:
    """Read a file in a directory that a layer is kept in."""
    entry = layer.get(path(name))
    return entry.data if isinstance(entry, File) else b""


def _whited_out(union: Stack, name: str) -> bool:
    """Tell whether there is a file ``.wh.NAME``."""
    return union.upper.get(path(name)) is WHITEOUT


def _fails(union: Stack, verb: str, *arguments: str | bytes) -> bool:
    """Tell whether a command fails; the suite does not ask how."""
    return outcome(union, Op(verb, *arguments)) != "ok"


def _three_checks(lab: Lab) -> None:
    union = _mounted(lab, "base.txt=base delete_me.txt=gone")
    hold("visibility", b"base" in union.read("base.txt"))
    union.append("base.txt", b"modified")
    hold("copy on write", b"modified" in union.read("base.txt"))
    hold("copy on write", b"modified" in _data(union.upper, "base.txt"))
    hold("copy on write", b"modified" not in _data(union.lowers[0], "base.txt"))
    union.unlink("delete_me.txt")
    hold("whiteout", union.kind("delete_me.txt") != "file")
    hold("whiteout", ("delete_me.txt",) in union.lowers[0])
    hold("whiteout", _whited_out(union, "delete_me.txt"))


def _layer_visibility(lab: Lab) -> None:
    union = _mounted(lab, "lower=l shared=old", "upper=u shared=new")
    equal("visibility", b"l", union.read("lower"))
    equal("visibility", b"u", union.read("upper"))
    equal("visibility", b"new", union.read("shared"))
    equal("visibility", b"old", _data(union.lowers[0], "shared"))
    hold("visibility", union.lookup("missing") is None)


def _copy_on_write(lab: Lab) -> None:
    union = _mounted(lab, "target=original", "own=existing")
    union.append("target", b"appended")
    equal("copy on write", b"originalappended", _data(union.upper, "target"))
    equal("copy on write", b"original", _data(union.lowers[0], "target"))
    hold("copy on write", b"appended" in union.read("target"))
    union.write("target", b"over")
    equal("copy on write", b"over", union.read("target"))
    equal("copy on write", b"original", _data(union.lowers[0], "target"))
    union.append("own", b"more")
    equal("copy on write", b"existingmore", _data(union.upper, "own"))


def _whiteouts(lab: Lab) -> None:
    union = _mounted(lab, "victim=v innocent=i", "own=u")
    union.unlink("victim")
    hold("whiteout", union.lookup("victim") is None)
    hold("whiteout", ("victim",) in union.lowers[0])
    hold("whiteout", _whited_out(union, "victim"))
    hold("whiteout", union.lookup("innocent") is not None)
    hold("whiteout", "victim" not in union.readdir(""))
    union.unlink("own")
    hold("whiteout", ("own",) not in union.upper)


def _listing(lab: Lab) -> None:
    union = _mounted(lab, "a=l b=l c=l", "b=u d=u ~c")
    equal("listing", ["a", "b", "d"], sorted(union.readdir("")))


def _new_files(lab: Lab) -> None:
    union = _mounted(lab, "existing=l")
    for name in ("new", "empty", "multi1", "multi2", "multi3"):
        union.write(name, b"" if name == "empty" else name.encode())
        hold("new files", path(name) in union.upper)
        hold("new files", path(name) not in union.lowers[0])
    equal("new files", b"new", union.read("new"))
    equal("new files", b"l", union.read("existing"))
    hold("new files", ("existing",) not in union.upper)


def _nested(lab: Lab) -> None:
    union = _mounted(lab, "s/nested=n s/deep/file=d s/only=o")
    equal("nested", b"n", union.read("s/nested"))
    equal("nested", b"d", union.read("s/deep/file"))
    union.append("s/nested", b"more")
    equal("nested", b"nmore", _data(union.upper, "s/nested"))
    equal("nested", b"n", _data(union.lowers[0], "s/nested"))
    union.unlink("s/only")
    hold("nested", union.lookup("s/only") is None)
    hold("nested", _whited_out(union, "s/only"))
    hold("nested", ("s", "only") in union.lowers[0])
    union.write("s/new", b"new")
    hold("nested", ("s", "new") in union.upper)
    equal("nested", b"new", union.read("s/new"))


def _directories(lab: Lab) -> None:
    union = _mounted(lab, "low/file=f")
    union.mkdir("new")
    hold("directories", ("new",) in union.upper)
    hold("directories", ("new",) not in union.lowers[0])
    hold("directories", union.lookup("new") is not None)
    union.write("new/child", b"c")
    hold("directories", ("new", "child") in union.upper)
    union.unlink("new/child")
    union.rmdir("new")
    hold("directories", union.lookup("new") is None)
    hold("directories", ("new",) not in union.upper)
    hold("directories", "file" in union.readdir("low"))
    hold("directories", _fails(union, "rmdir", "low"))


def _made_again(lab: Lab) -> None:
    union = _mounted(lab, "phoenix=original")
    for content in (b"reborn", b"third"):
        union.unlink("phoenix")
        hold("made again", _whited_out(union, "phoenix"))
        hold("made again", union.lookup("phoenix") is None)
        hold("made again", ("phoenix",) in union.lowers[0])
        union.write("phoenix", content)
        hold("made again", not _whited_out(union, "phoenix"))
        equal("made again", content, union.read("phoenix"))
    union.mkdir("new")
    union.rmdir("new")
    union.mkdir("new")
    hold("made again", union.lookup("new") is not None)


def _errors(lab: Lab) -> None:
    union = _mounted(lab, "real=r empty= hidden=h", "~hidden")
    hold("errors", union.lookup("ghost") is None)
    hold("errors", _fails(union, "unlink", "ghost"))
    hold("errors", union.lookup("none") is None)  # so no file can be made in it
    equal("errors", b"", union.read("empty"))
    hold("errors", union.lookup("hidden") is None)
    equal("errors", b"r", union.read("real"))


def _nine_scenarios(lab: Lab) -> None:
    for scenario in (
        _layer_visibility,
        _copy_on_write,
        _whiteouts,
        _listing,
        _new_files,
        _nested,
        _directories,
        _made_again,
        _errors,
    ):
        scenario(lab)


def _suite(id: str, title: str, statement: str, parts: str, check: Check) -> Property:  # noqa: A002 - it is one
    words = tuple(parts.split(", "))
    return Property(id, title, statement, "invariant", words, {}, check)


#: The suites, by their ids.
BASELINES: Final[Mapping[str, Property]] = {
    "S3": _suite(
        "S3",
        "The course's script of three checks",
        "A lower file shows; an append lands in the writable layer; a delete leaves a mark.",
        "visibility, copy on write, whiteout",
        _three_checks,
    ),
    "S9": _suite(
        "S9",
        "A suite of nine scenarios",
        "Nine scenarios as a careful student writes them by hand.",
        "visibility, copy on write, whiteout, listing, new files, nested, directories, "
        "made again, errors",
        _nine_scenarios,
    ),
}
