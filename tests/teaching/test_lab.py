"""The lab is what it says: one place a bug, and the same answers as the real thing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import unionfs_sim.teaching.lab
from unionfs_sim.teaching import lab
from unionfs_sim.teaching.lab import (
    WHITEOUT,
    Container,
    Dir,
    File,
    Lab,
    Layer,
    Model,
    Op,
    Stack,
    Volume,
    layer,
    ops,
    outcome,
    show,
    stack,
)
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.student import Stack as StudentStack
from unionfs_sim.teaching.subjects import current, subject, using

LAB = Path(unionfs_sim.teaching.lab.__file__).parent


def planted() -> list[str]:
    """Give the names that the lab's source asks for, as often as it does."""
    return [
        switch
        for module in sorted(LAB.glob("*.py"))
        for switch in re.findall(r"bug\(\s*\"(\w+)\"", module.read_text("utf-8"))
    ]


def test_every_bug_has_one_place() -> None:
    """Each switch is asked for at one place, and each place is a planted bug's."""
    assert sorted(mutant.switch for mutant in MUTANTS.values()) == sorted(planted())


def test_no_program_uses_the_lab() -> None:
    """Nothing outside the teaching ring imports it, so that no bug is in a product."""
    package = LAB.parents[1]
    users = [
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "unionfs_sim.teaching" in path.read_text("utf-8")
    ]

    assert {"teaching", "cli"} >= set(users)


@pytest.mark.parametrize(
    "text",
    ["[]", "[a=1]", "[a= | ~a | a!]", "[d/ d/a=x:600 | (empty) | d/ ~d/a]"],
)
def test_notation_is_read_as_it_is_written(text: str) -> None:
    """What is shown of layers can be read again."""
    read = [] if text == "[]" else stack(text[1:-1].replace("(empty)", ""))

    assert text == show(read)


@pytest.mark.parametrize("text", ["a", "=1", "a=1 a/b=2", "~a a/b=1"])
def test_notation_refuses(text: str) -> None:
    """A layer that cannot be is a `ValueError`."""
    with pytest.raises(ValueError, match=r"'.*':"):
        layer(text)


def test_unknown_verb_is_refused() -> None:
    """An operation has a verb that there is."""
    with pytest.raises(ValueError, match="'frob' is none of"):
        Op("frob", "a")


def test_values_show_themselves_as_python() -> None:
    """What fails can be pasted into a program."""
    for value in (
        layer("d/ d/a=1 ~b e! f=x:600"),
        Op("write", ("a",), b"x"),
        Op("chmod", "a", 0o600),
    ):
        assert value == eval(repr(value), vars(lab).copy())


@pytest.mark.parametrize(
    ("start", "program", "outcomes", "upper"),
    [
        ("a=1", "unlink a", "ok", "~a"),
        ("d/a=1", "unlink d/a", "ok", "d/ ~d/a"),
        ("d/a=1", "rmtree d; mkdir d", "ok ok", "d!"),
        ("d/a=1", "append d/a 2", "ok", "d/ d/a=12"),
        ("a=1:600", "write a 2", "ok", "a=2:600"),
        ("a=1", "rename a b", "ok", "~a b=1"),
        ("d/a=1", "rename d e", "EXDEV", "(empty)"),
        ("d/a=1", "mkdir e; rename e d", "ok ENOTEMPTY", "e/"),
        ("d/a=1", "rmtree d; mkdir e; rename e d", "ok ok ok", "d!"),
        ("d/", "mkdir e; rename e d", "ok ok", "d!"),
        ("a=1 | ~a", "write a 2; unlink a", "ok ok", "(empty)"),
        ("a=1", "mkdir a/b; unlink a/b; rmdir a", "ENOTDIR ENOTDIR ENOTDIR", "(empty)"),
        ("d/", "unlink d; mkdir d; write d x", "EISDIR EEXIST EISDIR", "(empty)"),
        ("", "append a x; rmdir a; chmod a 600", "ENOENT ENOENT ENOENT", "(empty)"),
        ("a=1 d/", "rename a d; rename d a", "EISDIR ENOTDIR", "(empty)"),
        ("d/e/", "rename d d/e/f; rename d/e d", "EINVAL ENOTEMPTY", "(empty)"),
        ("a=1", "rename a a; rename b a; rename a b/c", "ok ENOENT ENOENT", "(empty)"),
    ],
)
def test_operations(start: str, program: str, outcomes: str, upper: str) -> None:
    """Operations end as on Linux, and leave what a writable layer needs, no more."""
    union = Stack(stack(start))

    assert outcomes.split() == [outcome(union, op) for op in ops(program)]
    assert upper == show(union.upper)


@pytest.mark.parametrize("make", [Stack, Model])
def test_the_root_stays(make: type[Stack] | type[Model]) -> None:
    """The root is a directory that cannot be removed, renamed, made or written."""
    calls = [
        Op("rmdir", ()),
        Op("rename", (), "a"),
        Op("mkdir", ()),
        Op("write", (), ""),
    ]

    assert ["EBUSY", "EBUSY", "EEXIST", "EISDIR"] == [outcome(make(), x) for x in calls]


def test_reads_fail_as_calls_do() -> None:
    """Reading a directory, and listing a file, fail."""
    union = Stack(stack("a=1 d/"))

    with pytest.raises(IsADirectoryError):
        union.read("d")
    with pytest.raises(NotADirectoryError):
        union.readdir("a")
    with pytest.raises(FileNotFoundError):
        union.mode("b")


def test_mounts() -> None:
    """Volumes are filled once, are busy, and refuse what they are to refuse."""
    data, other = Volume(), Volume(layer("v=1"))
    image = stack("d/a=1 f=1")
    box = Container(image, {"d": data, "new/dir": other}, read_only=["new/dir"])

    assert {("a",): (b"1", 0o644)} == data.tree()
    assert ["v"] == box.readdir("new/dir")
    assert "EROFS" == outcome(box, Op("write", "new/dir/x", "1"))
    assert "EBUSY" == outcome(box, Op("rmdir", "d"))
    assert "EBUSY" == outcome(box, Op("rename", "d", "e"))
    assert "EXDEV" == outcome(box, Op("rename", "d/a", "x"))
    with pytest.raises(NotADirectoryError):
        Container(image, {"f": data})


def test_implementation_under_test() -> None:
    """A learner's names are bound to what is under test, and come back."""
    layers = [Layer({("a",): File(b"1")}), Layer({("a",): WHITEOUT})]
    with using(subject("M03")):
        assert StudentStack(layers).lookup("a") == File(b"1")

    assert StudentStack(layers).lookup("a") is None
    assert "A" == current().name


def test_lookup_of_the_root() -> None:
    """The root is there in every implementation."""
    assert Dir() == Lab().stack().lookup("")
