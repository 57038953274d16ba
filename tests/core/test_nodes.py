"""Nodes: kinds, marks, and what a directory derives from its entries."""

from __future__ import annotations

import stat

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Kind,
    Meta,
    Regular,
    Socket,
    Symlink,
    literal,
)
from unionfs_sim.core.nodes import Entry, Node

IMPLIED = Directory(implied=True)
ERASER = Directory(entries={"x": WHITEOUT}, implied=True)


@pytest.mark.parametrize(
    ("node", "kind", "bits"),
    [
        (Regular(), Kind.REGULAR, stat.S_IFREG),
        (Directory(), Kind.DIRECTORY, stat.S_IFDIR),
        (Symlink("x"), Kind.SYMLINK, stat.S_IFLNK),
        (Device(1, 3), Kind.CHAR, stat.S_IFCHR),
        (Device(8, 0, block=True), Kind.BLOCK, stat.S_IFBLK),
        (Fifo(), Kind.FIFO, stat.S_IFIFO),
        (Socket(), Kind.SOCKET, stat.S_IFSOCK),
    ],
)
def test_kind(node: Node, kind: Kind, bits: int) -> None:
    """Every node has a kind, and every kind the type bits of Linux."""
    assert (kind, bits) == (node.kind, node.kind.type_bits)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("é", "é".encode()), ("\udcff", b"\xff"), (b"x", b"x"), (literal(b"y"), b"y")],
)
def test_regular_takes_what_has_bytes(given: str | bytes, expected: bytes) -> None:
    """Text, bytes and contents make a file."""
    assert expected == Regular(given).content.read_all()


def test_marks_show_their_public_names() -> None:
    """A mark in a test's output reads as it is written."""
    assert "[WHITEOUT, OPAQUE]" == repr([WHITEOUT, OPAQUE])


def test_leaves_are_equal_by_value() -> None:
    """Two files of the same bytes and attributes are equal."""
    assert Regular("x") == Regular(b"x")
    assert Regular("x") != Regular("x", Meta(mode=0))


def test_directories_are_equal_by_identity() -> None:
    """Comparing trees is the work of layers."""
    assert Directory() != Directory()


@pytest.mark.parametrize(
    ("made", "marks", "bare", "special"),
    [
        (Directory(), False, False, False),
        (IMPLIED, False, True, False),
        (ERASER, True, True, False),
        (Directory(entries={"x": WHITEOUT}), True, False, False),
        (Directory(entries={"x": Regular()}, implied=True), False, False, False),
        (Directory(entries={"d": IMPLIED}, implied=True), True, True, False),
        (Directory(entries={"d": ERASER}), True, False, False),
        (Directory(entries={"d": Directory()}, implied=True), False, False, False),
        (
            Directory(
                entries={"x": Regular(meta=Meta(mode=0, private={"redirect": b"r"}))}
            ),
            False,
            False,
            True,
        ),
        (
            Directory(
                entries={"x": Regular(meta=Meta(mode=0, private={"origin": b""}))}
            ),
            False,
            False,
            False,
        ),
    ],
)
def test_directory_derives(
    made: Directory, marks: bool, bare: bool, special: bool
) -> None:
    """A directory knows whether a fold must look into it."""
    assert (marks, bare, special) == (made.marks, made.bare, made.special)


def test_directory_is_its_own_hit() -> None:
    """Where one layer has a directory alone, the directory takes part alone."""
    made = Directory()

    assert (made,) == made.hits


@pytest.mark.parametrize(
    "entry", [Regular(), Symlink("x"), Device(0, 0), Fifo(), Socket()]
)
def test_leaves_have_one_name_by_default(entry: Entry) -> None:
    """A node that nobody says more of has one name."""
    assert entry is not WHITEOUT
    assert 1 == getattr(entry, "nlink", None)
