"""What a layer changed: added, changed, deleted."""

from __future__ import annotations

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Change,
    Directory,
    Layer,
    Regular,
    Stack,
    UnionFS,
)
from unionfs_sim.core.diff import changes
from unionfs_sim.core.layer import Spec

CASES: list[tuple[Spec, Spec, list[str]]] = [
    # what is below, the layer, the changes.
    ({}, {}, []),
    ({}, {"a": ""}, ["A /a"]),
    ({}, {"d/a": ""}, ["A /d", "A /d/a"]),
    ({"a": "x"}, {"a": "y"}, ["C /a"]),
    ({"a": "x"}, {"a": "x"}, ["C /a"]),
    ({"a": "x"}, {"a": WHITEOUT}, ["D /a"]),
    ({"b": "x"}, {"a": WHITEOUT}, []),
    ({"d/a": ""}, {"d": WHITEOUT}, ["D /d"]),
    ({"d/a": ""}, {"d/b": ""}, ["C /d", "A /d/b"]),
    ({"d/a": ""}, {"d": "file"}, ["C /d"]),
    ({"d": "file"}, {"d/a": ""}, ["C /d", "A /d/a"]),
    ({"d/a": "", "d/b": ""}, {"d": OPAQUE}, ["C /d", "D /d/a", "D /d/b"]),
    (
        {"d/a": "", "d/b": ""},
        {"d": OPAQUE, "d/a": "new", "d/c": ""},
        ["C /d", "C /d/a", "D /d/b", "A /d/c"],
    ),
    ({"d/a": ""}, {"d": OPAQUE, "d/a": WHITEOUT}, ["C /d", "D /d/a"]),
    ({"a-b": "", "a/b": ""}, {"a-b": "", "a/b": ""}, ["C /a", "C /a/b", "C /a-b"]),
]


@pytest.mark.parametrize(("below", "top", "expected"), CASES)
def test_changes(below: Spec, top: Spec, expected: list[str]) -> None:
    """Each entry of a layer is a change against what shows below, in order of paths."""
    view = Stack([Layer.build(below)]).root
    got = changes(Layer.build(top).root, view)

    assert expected == [str(change) for change in got]


def test_implied_directories_are_no_change() -> None:
    """A directory that a layer only implies did not change; a new one is added."""
    implied = Directory(implied=True, entries={"a": Regular()})
    top = Directory(implied=True, entries={"old": implied, "new": implied})

    got = changes(top, Layer.build({"old": {}}).root)
    assert ["A /new", "A /new/a", "A /old/a"] == [str(change) for change in got]


def test_bare_directories_are_nothing() -> None:
    """Whiteouts in a directory that is not there are no change."""
    bare = Directory(implied=True, entries={"a": WHITEOUT})
    top = Directory(implied=True, entries={"d": bare})

    assert [] == changes(top, Layer.build({}).root)


def test_union_tells_its_changes() -> None:
    """What was done to a union is what its upper changed."""
    fs = UnionFS([Layer.build({"etc/motd": "", "etc/hosts": "", "tmp/x": ""})])
    fs.unlink("/etc/hosts")
    fs.rmtree("/tmp")
    fs.write_text("/new", "")

    assert ["C /etc", "D /etc/hosts", "A /new", "D /tmp"] == [
        str(change) for change in fs.changes()
    ]


def test_changes_sort_by_path() -> None:
    """Changes are values that sort by their path."""
    assert [Change("D", "/a"), Change("A", "/b")] == sorted(
        [Change("A", "/b"), Change("D", "/a")]
    )
