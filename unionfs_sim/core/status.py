"""
``os.stat_result`` of what a union shows.

This module alone takes something from `os`: two types of result, no calls.
"""

from __future__ import annotations

from os import stat_result, statvfs_result
from typing import Final

from unionfs_sim.core.content import BLOCK_BYTES
from unionfs_sim.core.nodes import Device, Directory, Regular, Symlink
from unionfs_sim.core.paths import NAME_BYTES_MAX, to_bytes
from unionfs_sim.core.records import Broken, MergedDirectory, Record
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperEntry,
    UpperFile,
    link_count,
)

__all__ = [
    "device_number",
    "directory_nlink",
    "make",
    "make_vfs",
    "stat_result",
    "statvfs_result",
]

_SECTOR_BYTES: Final = 512
_SECOND_NS: Final = 1_000_000_000


def directory_nlink(directory: LiveDirectory) -> int:
    """
    Give the link count of a directory.

    1 if several directories merge in it, else 2 and one for each subdirectory, as
    ext4 has it (overlayfs.md, 1.4 and S24).
    """
    if isinstance(directory, UpperDirectory):
        if directory.below is not None:
            return 1
        if directory.parent is None and directory.name:
            return 0  # removed, and still open
    elif not directory.alone:
        return 1
    return 2 + sum(map(_is_directory, directory.entries.values()))


def _is_directory(entry: UpperEntry | Record) -> bool:
    """Tell whether a real directory is there, be it of use or not (found-125)."""
    if isinstance(entry, Broken):
        return isinstance(entry.node, Directory)
    return isinstance(entry, LIVE_DIRECTORY_TYPES)


def make(live: Live, ino: int, dev: int) -> stat_result:
    """
    Make the status of what a union shows.

    Args:
        live: What is shown.
        ino: Its inode number.
        dev: The union's device number.

    >>> from unionfs_sim import Regular
    >>> make(Regular("hello"), 7, 1).st_size
    5
    """
    node = live.node if isinstance(live, UpperFile) else live
    rdev = size = blocks = 0
    if isinstance(node, (UpperDirectory, Directory, MergedDirectory)):
        nlink = directory_nlink(node)
        size = BLOCK_BYTES
        blocks = BLOCK_BYTES // _SECTOR_BYTES
    else:
        assert not isinstance(node, Broken), "nobody gets to see these"
        nlink = link_count(live) if isinstance(live, UpperFile) else node.nlink
        if isinstance(node, Regular):
            size = node.content.size
            stored = sum(x.size for x in node.content.extents() if x.source)
            blocks = -(-stored // BLOCK_BYTES) * (BLOCK_BYTES // _SECTOR_BYTES)
        elif isinstance(node, Symlink):
            size = len(to_bytes(node.target))
        elif isinstance(node, Device):
            rdev = device_number(node.major, node.minor)
    meta = node.meta
    return stat_result(
        (
            node.kind.type_bits | meta.mode,
            ino,
            dev,
            nlink,
            meta.uid,
            meta.gid,
            size,
            meta.atime_ns // _SECOND_NS,
            meta.mtime_ns // _SECOND_NS,
            meta.ctime_ns // _SECOND_NS,
            meta.atime_ns / _SECOND_NS,
            meta.mtime_ns / _SECOND_NS,
            meta.ctime_ns / _SECOND_NS,
            meta.atime_ns,
            meta.mtime_ns,
            meta.ctime_ns,
            BLOCK_BYTES,
            blocks,
            rdev,
        )
    )


def device_number(major: int, minor: int) -> int:
    """
    Put a device number together as Linux does (``os.makedev``).

    >>> device_number(1, 3)
    259
    """
    return (
        (minor & 0xFF)
        | ((major & 0xFFF) << 8)
        | ((minor & ~0xFF) << 12)
        | ((major & ~0xFFF) << 32)
    )


def make_vfs(*, read_only: bool) -> statvfs_result:
    """
    Make the status of a union as a file system: in memory, and never full.

    >>> make_vfs(read_only=False).f_namemax
    255
    """
    plenty = 1 << 40
    flags = 1 if read_only else 0  # ST_RDONLY
    return statvfs_result(
        (
            BLOCK_BYTES,
            BLOCK_BYTES,
            plenty,
            plenty,
            plenty,
            plenty,
            plenty,
            plenty,
            flags,
            NAME_BYTES_MAX,
        )
    )
