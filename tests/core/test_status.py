"""Status of what shows: numbers, counts, sizes, times."""

from __future__ import annotations

import os
import stat

import pytest

from unionfs_sim import (
    Device,
    Directory,
    Fifo,
    Layer,
    Meta,
    Regular,
    Socket,
    Symlink,
    UnionFS,
    hole,
)
from unionfs_sim.core import status
from unionfs_sim.core.layer import Spec
from unionfs_sim.core.nodes import Node

META = Meta(
    mode=0o4711,
    uid=3,
    gid=4,
    atime_ns=1_500_000_000,
    mtime_ns=2_000_000_001,
    ctime_ns=3_999_999_999,
)


@pytest.mark.parametrize(
    ("node", "kind", "size", "blocks", "rdev"),
    [
        (Regular("", META), stat.S_IFREG, 0, 0, 0),
        (Regular("hello", META), stat.S_IFREG, 5, 8, 0),
        (Regular("x" * 4097, META), stat.S_IFREG, 4097, 16, 0),
        (Regular(hole(1 << 30), META), stat.S_IFREG, 1 << 30, 0, 0),
        (Regular(hole(8192).splice(0, b"x"), META), stat.S_IFREG, 8192, 8, 0),
        (Symlink("é", META), stat.S_IFLNK, 2, 0, 0),
        (Device(1, 3, meta=META), stat.S_IFCHR, 0, 0, 0x103),
        (Device(8, 1, block=True, meta=META), stat.S_IFBLK, 0, 0, 0x801),
        (Fifo(META), stat.S_IFIFO, 0, 0, 0),
        (Socket(META), stat.S_IFSOCK, 0, 0, 0),
        (Directory(META), stat.S_IFDIR, 4096, 8, 0),
    ],
)
def test_make(node: Node, kind: int, size: int, blocks: int, rdev: int) -> None:
    """Kind, size, blocks and device number are those of the node."""
    got = status.make(node, 7, 9)

    assert (kind | 0o4711, 7, 9) == (got.st_mode, got.st_ino, got.st_dev)
    assert (size, blocks, rdev) == (got.st_size, got.st_blocks, got.st_rdev)
    assert (3, 4, 4096) == (got.st_uid, got.st_gid, got.st_blksize)


def test_times() -> None:
    """Times are whole seconds, fractions, and exact nanoseconds."""
    got = status.make(Regular("", META), 1, 1)

    assert (1, 2, 3) == got[7:10]
    assert (1.5, 2.000000001) == (got.st_atime, got.st_mtime)
    assert (1_500_000_000, 2_000_000_001, 3_999_999_999) == (
        got.st_atime_ns,
        got.st_mtime_ns,
        got.st_ctime_ns,
    )


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        # 1.4 and S24: one directory behind it, two, none of its own.
        ([{"d": {}}], 2),
        ([{"d/1": {}, "d/2": {}, "d/f": ""}], 4),
        ([{"d/1": {}}, {"d/2": {}}], 1),
        ([{"d/1": {}}, {"d": "file"}], 3),
        ([{}, {"d/1": {}}], 3),
    ],
)
def test_links_of_directories(layers: list[Spec], expected: int) -> None:
    """A merged directory has one link, another two and one for each in it."""
    fs = UnionFS([Layer.build(spec) for spec in layers])

    assert expected == fs.stat("/d").st_nlink
    fs.chmod("/d", 0o700)
    assert 1 == fs.stat("/d").st_nlink


def test_links_of_own_directories() -> None:
    """A directory of the upper alone counts the directories in it."""
    fs = UnionFS([Layer.build({})])
    fs.makedirs("/d/1")
    fs.mkdir("/d/2")

    assert 4 == fs.stat("/d").st_nlink


def test_links_of_lower_files() -> None:
    """Hard links of a layer count as they are."""
    node = Regular("x")
    fs = UnionFS([Layer.build({"a": node, "b": node})])

    assert 2 == fs.stat("/a").st_nlink
    assert fs.stat("/a").st_ino == fs.stat("/b").st_ino


@pytest.mark.parametrize(
    ("major", "minor"), [(0, 0), (1, 3), (8, 255), (8, 256), (4095, 0), (4096, 1 << 20)]
)
def test_device_numbers_are_the_host_s(major: int, minor: int) -> None:
    """Device numbers are put together as on Linux."""
    assert os.makedev(major, minor) == status.device_number(major, minor)


@pytest.mark.parametrize(("read_only", "flags"), [(True, 1), (False, 0)])
def test_statvfs(read_only: bool, flags: int) -> None:
    """A union is never full, and says whether it can be written."""
    got = UnionFS(read_only=read_only).statvfs("/")

    assert (flags, 255, 4096) == (got.f_flag, got.f_namemax, got.f_bsize)
    assert got.f_bavail


def test_status_is_made_once() -> None:
    """A status that was asked for before is the same object until it changes."""
    fs = UnionFS([Layer.build({"f": "x", "d/g": ""})])
    fs.chmod("/d", 0o700)
    for path in ("/f", "/d", "/d/g"):
        assert fs.stat(path) is fs.stat(path)
    before = fs.stat("/f")
    fs.chmod("/f", 0o600)
    assert fs.stat("/f") is not before
