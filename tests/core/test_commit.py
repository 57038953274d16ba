"""Commit: each step does what it says, and is taken back when a later one fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from unionfs_sim import WHITEOUT, Layer, Meta, Regular, UnionFS
from unionfs_sim.core import commit
from unionfs_sim.core.content import literal
from unionfs_sim.core.space import Space
from unionfs_sim.core.steps import (
    AddToIndex,
    CopyUp,
    Exchange,
    Link,
    Make,
    Move,
    Plan,
    PutWhiteout,
    Remove,
    SetContent,
    SetMark,
    SetMeta,
    Step,
)
from unionfs_sim.core.upper import UpperDirectory, UpperFile

NOW = 99
LOWER = Regular("lower")
META = Meta(mode=0o600, uid=1, gid=2)


def space() -> Space:
    """Make a name space with a file, a directory and a whiteout in the upper."""
    upper = Layer.build({"f": "f", "g": "g", "d": {"x": "x"}, "w": WHITEOUT})
    return UnionFS([Layer.build({"w": LOWER})], upper=upper).space


def inode(at: Space, name: str) -> UpperFile:
    """Give a file of the upper."""
    found = at.root.entries[name]
    assert isinstance(found, UpperFile)
    return found


def subdirectory(at: Space, name: str = "d") -> UpperDirectory:
    """Give a directory of the upper."""
    found = at.root.entries[name]
    assert isinstance(found, UpperDirectory)
    return found


STEPS: dict[str, tuple[Callable[[Space], Step], str, bool]] = {
    "copy up": (lambda s: CopyUp(s.root, "n", UpperFile(LOWER)), "copy up /n", False),
    "make": (lambda s: Make(s.root, "n", UpperFile(LOWER)), "make file /n", True),
    "make opaque": (
        lambda s: Make(s.root, "n", UpperDirectory(META, opaque=True)),
        "make opaque dir /n",
        True,
    ),
    "make over": (
        lambda s: Make(s.root, "w", UpperDirectory(META)),
        "make dir /w",
        True,
    ),
    "link": (lambda s: Link(s.root, "n", inode(s, "f")), "link /n", True),
    "remove": (lambda s: Remove(s.root, "f"), "remove /f", True),
    "remove directory": (lambda s: Remove(s.root, "d"), "remove /d", True),
    "whiteout": (lambda s: PutWhiteout(s.root, "f"), "whiteout /f", True),
    "whiteout new": (lambda s: PutWhiteout(s.root, "n"), "whiteout /n", True),
    "move": (lambda s: Move(s.root, "f", s.root, "n"), "move /f to /n", True),
    "move over": (lambda s: Move(s.root, "f", s.root, "g"), "move /f to /g", True),
    "move away": (
        lambda s: Move(s.root, "f", subdirectory(s), "n"),
        "move /f to /d/n",
        True,
    ),
    "exchange": (
        lambda s: Exchange(s.root, "f", subdirectory(s), "x"),
        "exchange /f and /d/x",
        True,
    ),
    "set attributes": (
        lambda s: SetMeta(inode(s, "f"), META),
        "set attributes to mode 0600, 1:2",
        False,
    ),
    "set content": (
        lambda s: SetContent(inode(s, "f"), literal(b"new"), META),
        "set content to 3 bytes",
        False,
    ),
    "mark": (
        lambda s: SetMark(inode(s, "f"), "redirect", b"r"),
        "mark redirect='r'",
        False,
    ),
    "remove mark": (
        lambda s: SetMark(inode(s, "f"), "redirect", None),
        "remove the mark redirect",
        False,
    ),
    "mark opaque": (
        lambda s: SetMark(subdirectory(s), "opaque", b"y"),
        "mark opaque='y'",
        False,
    ),
    "add to index": (
        lambda s: AddToIndex(inode(s, "f"), LOWER),
        "add to the index",
        False,
    ),
}


def snapshot(at: Space) -> list[object]:
    """Give all that an upper is."""
    found: list[object] = [sorted(at.index)]
    pending = [at.root]
    for directory in pending:  # grows while it is gone through
        found.append(
            (directory.meta, directory.opaque, directory.name, id(directory.parent))
        )
        for name, entry in sorted(directory.entries.items(), key=lambda x: x[0]):
            found.append((name, id(entry)))
            if isinstance(entry, UpperDirectory):
                pending.append(entry)
            elif isinstance(entry, UpperFile):
                found.append((entry.node, entry.nlink))
    return found


def plan(*steps: Step) -> Plan:
    """Make a plan."""
    return Plan("verb", ("/f",), steps, NOW)


class FaultError(Exception):
    """What a step fails with."""


@pytest.mark.parametrize("name", STEPS)
def test_step_changes_and_is_taken_back(name: str) -> None:
    """Each step changes the upper, and leaves no trace if a later one fails."""
    at = space()
    make, text, _ = STEPS[name]
    step, last = make(at), SetMark(at.root, "impure", b"y")
    before = snapshot(at)

    def fault(number: int, failing: Step) -> None:
        if number == 1:
            assert failing is last
            raise FaultError

    with pytest.raises(FaultError):
        commit.apply(at, plan(step, last), fault)
    assert before == snapshot(at)
    assert text == str(step)
    commit.apply(at, plan(step))
    assert (before == snapshot(at)) is (name == "remove mark")


@pytest.mark.parametrize("name", STEPS)
def test_times_of_directories(name: str) -> None:
    """A directory gets the time of the plan if a name changed; a copy-up is none."""
    at = space()
    make, _, stamps = STEPS[name]
    commit.apply(at, plan(make(at)))

    assert (NOW if stamps else 0) == at.root.meta.mtime_ns


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("copy up", [("n", False, True, True)]),
        ("make", [("n", False, True, False)]),
        ("remove", [("f", True, False, False)]),
        ("whiteout", [("f", True, True, False)]),
        ("move", [("f", True, False, False), ("n", False, True, False)]),
        ("set attributes", []),
        ("mark", []),
        ("add to index", []),
    ],
)
def test_edits(name: str, expected: list[tuple[str, bool, bool, bool]]) -> None:
    """A commit tells the names that it changed, in order."""
    at = space()
    edits = commit.apply(at, plan(STEPS[name][0](at)))

    assert expected == [
        (x.name, x.before is not None, x.after is not None, x.raised) for x in edits
    ]


def test_links_are_counted() -> None:
    """Names of an inode count as they come and go; one that is replaced loses one."""
    at = space()
    f, g = inode(at, "f"), inode(at, "g")
    commit.apply(at, plan(Link(at.root, "n", f)))
    commit.apply(at, plan(Move(at.root, "n", at.root, "g")))

    assert (2, 0) == (f.nlink, g.nlink)


def test_removed_directory_has_no_parent() -> None:
    """A directory that is removed knows it; one that moves knows its new place."""
    at = space()
    d = subdirectory(at)
    commit.apply(at, plan(Move(at.root, "d", at.root, "e")))
    moved = d.parts
    commit.apply(at, plan(Remove(at.root, "e")))

    assert (("e",), ()) == (moved, d.parts)
    assert d.parent is None


def test_marks_survive_new_attributes() -> None:
    """New attributes leave the private marks that are there."""
    at = space()
    f = inode(at, "f")
    commit.apply(at, plan(SetMark(f, "redirect", b"r"), SetMeta(f, META)))

    assert {"redirect": b"r"} == f.meta.private
    commit.apply(at, plan(SetContent(f, literal(b""), META)))
    assert {"redirect": b"r"} == f.meta.private


def test_interrupt_takes_everything_back() -> None:
    """Even an interrupt in the middle leaves nothing half done."""
    at = space()
    before = snapshot(at)

    def fault(number: int, step: Step) -> None:
        del step
        if number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        commit.apply(at, plan(Remove(at.root, "f"), Remove(at.root, "g")), fault)
    assert before == snapshot(at)


def test_plan_lists_its_steps() -> None:
    """A plan reads as its verb and its steps."""
    at = space()

    assert "verb\n  remove /f\n  whiteout /g" == str(
        plan(Remove(at.root, "f"), PutWhiteout(at.root, "g"))
    )
