"""Programs keep every call but those whose answers cannot be compared."""

from __future__ import annotations

from random import Random

import pytest

from unionfs_sim.testing.conformance.cases import Case, Op, TreeNode
from unionfs_sim.testing.conformance.generate import draw_case
from unionfs_sim.testing.conformance.spare import spare

OPEN = Op("open", {"path": "x", "flags": ["O_RDONLY", "O_NONBLOCK"], "fd": "f"})
CHANGE = Op("fchmod", {"fd": "f", "mode": "0600"})
UNLINK = Op("unlink", {"path": "x"})
LIST = Op("readdir", {"path": "."})
STOP = Op("remount", {"options": {"redirect_dir": "nofollow"}})


def case(*ops: Op, kind: str = "fifo", **options: str) -> Case:
    """Give a case with one object, and two directories, in its only layer."""
    lower = {name: TreeNode(type="dir") for name in ("a", "b")}
    lower["x"] = TreeNode(type=kind)
    return Case(id="x", tags=[], lower=[lower], upper={}, options=options, ops=ops)


@pytest.mark.parametrize(
    ("kind", "ops", "kept"),
    [
        ("fifo", [OPEN, UNLINK, CHANGE, LIST], [OPEN, UNLINK, LIST]),
        ("sock", [OPEN, UNLINK, CHANGE], [OPEN, UNLINK, CHANGE]),  # cannot be opened
        ("file", [OPEN, UNLINK, CHANGE], [OPEN, UNLINK, CHANGE]),
        ("fifo", [OPEN, CHANGE, UNLINK, CHANGE], [OPEN, CHANGE, UNLINK, CHANGE]),
    ],
)
def test_change_of_what_lost_its_name(kind: str, ops: list[Op], kept: list[Op]) -> None:
    """A changed fifo that was never in the upper is left out once it has no name."""
    assert kept == list(spare(case(*ops, kind=kind)).ops)


def moved(name: str) -> Op:
    """Give a directory another name."""
    return Op("rename", {"src": name, "dst": f"{name}2"})


@pytest.mark.parametrize("count", [0, 1, 2])
def test_following_is_stopped_for_one_directory_at_most(count: int) -> None:
    """Two names of one directory that cannot be looked up break listings off."""
    program = case(*map(moved, "ab"[:count]), STOP, LIST, redirect_dir="on")

    assert (STOP in spare(program).ops) == (count < 2)


def test_nothing_is_judged_after_a_mount_that_failed() -> None:
    """What comes after a remount that is refused has its errno, and stays."""
    refused = Op("remount", {"options": {"metacopy": "on", "redirect_dir": "off"}})
    program = case(OPEN, UNLINK, refused, CHANGE, STOP)

    assert program == spare(program)


@pytest.mark.parametrize("seed", range(60))
def test_twice_is_once(seed: int) -> None:
    """What was spared once needs it no more."""
    once = spare(draw_case(Random(seed), "x"))

    assert once == spare(once)
