"""
Open files, and what the kernel checks of them before it asks a file system.

An `OpenFile` is what descriptors stand for; the functions here look at flags, kinds and
ranges, and at nothing else.
"""

from __future__ import annotations

import errno
from typing import Final, final

import attrs

from unionfs_sim.core import flags, permissions
from unionfs_sim.core.content import BLOCK_BYTES, Content, Lost, hole
from unionfs_sim.core.nodes import Device, Directory, Fifo, Kind, Regular, Socket
from unionfs_sim.core.records import Broken, MergedDirectory
from unionfs_sim.core.upper import Live, UpperDirectory, UpperFile
from unionfs_sim.core.walk import Place
from unionfs_sim.errors import fs_error


@final
@attrs.define(eq=False)
class OpenFile:
    """
    An open file description, shared by all descriptors that were duplicated.

    Attributes:
        place: Where it was found.
        live: What it was opened on.
        flags: The flags it was opened with.
        offset: The position.
        linkable: Whether a file without a name may be given one.
    """

    place: Place
    live: Live
    flags: int
    offset: int = 0
    linkable: bool = False

    @property
    def path(self) -> str:
        """The path it was opened by."""
        return self.place.path

    @property
    def readable(self) -> bool:
        """Whether it can be read."""
        mode = self.flags & flags.O_ACCMODE
        return mode != flags.O_WRONLY and not self.flags & flags.O_PATH

    @property
    def writable(self) -> bool:
        """Whether it can be written."""
        mode = self.flags & flags.O_ACCMODE
        return mode != flags.O_RDONLY and not self.flags & flags.O_PATH


def is_linked(live: Live) -> bool:
    """Tell whether it is one of several lower hard links."""
    if isinstance(live, (UpperFile, UpperDirectory, Directory, MergedDirectory)):
        return False
    return not isinstance(live, Broken) and live.nlink > 1


def changes(how: int) -> bool:
    """Tell whether opening with these flags writes."""
    return bool(how & flags.O_TRUNC) or how & flags.O_ACCMODE != flags.O_RDONLY


def wanted(how: int) -> int:
    """Give the permissions that opening with these flags takes."""
    mode = how & flags.O_ACCMODE
    needed = permissions.READ if mode != flags.O_WRONLY else 0
    return needed | (permissions.WRITE if changes(how) else 0)


def special_error(live: Live, how: int) -> int:
    """Give what opening fails with: of a device, fifo, socket, or file without data."""
    node = live.node if isinstance(live, UpperFile) else live
    if isinstance(node, Regular):
        return errno.ENOENT if isinstance(node.content, Lost) else 0
    if isinstance(node, Socket):
        return errno.ENXIO
    if isinstance(node, Fifo):
        # Nobody is at the other end (appendix A, O_NONBLOCK).
        return errno.ENXIO if how & flags.O_ACCMODE == flags.O_WRONLY else 0
    if isinstance(node, Device):
        null = (node.block, node.major, node.minor) in _NULL_DEVICES
        return 0 if null else errno.ENXIO
    return 0


#: ``/dev/null`` and ``/dev/zero``: the devices that need no driver to be opened.
_NULL_DEVICES: Final = {(False, 1, 3), (False, 1, 5)}


def refuse_pipe(file: OpenFile, op: str) -> None:
    """
    Refuse what needs a position.

    Raises:
        UnionFSError: ESPIPE, the file is a fifo.
    """
    if file.live.kind is Kind.FIFO:
        raise fs_error(errno.ESPIPE, file.path, op=op)


def body(live: Live) -> Content | None:
    """Give the content of what is live, if it is a regular file."""
    node = live.node if isinstance(live, UpperFile) else live
    return node.content if isinstance(node, Regular) else None


def range_error(mode: int, offset: int, length: int) -> int:
    """Give what is wrong with a ``fallocate`` before the file is looked at, or 0."""
    keep = mode & flags.FALLOC_FL_KEEP_SIZE
    kind = mode & ~flags.FALLOC_FL_KEEP_SIZE
    if offset < 0 or length <= 0:
        return errno.EINVAL
    if kind in {0, flags.FALLOC_FL_ZERO_RANGE}:
        return 0
    if kind == flags.FALLOC_FL_PUNCH_HOLE:
        return 0 if keep else errno.EOPNOTSUPP
    if kind in {flags.FALLOC_FL_COLLAPSE_RANGE, flags.FALLOC_FL_INSERT_RANGE}:
        return errno.EOPNOTSUPP if keep else 0
    return errno.EOPNOTSUPP


def allocated(
    content: Content, mode: int, offset: int, length: int
) -> tuple[int, Content]:
    """Give the content that a ``fallocate`` leaves, or its errno."""
    keep = mode & flags.FALLOC_FL_KEEP_SIZE
    kind = mode & ~flags.FALLOC_FL_KEEP_SIZE
    end = offset + length
    if kind in {0, flags.FALLOC_FL_ZERO_RANGE}:
        grown = content if keep else content.resize(max(content.size, end))
        return 0, grown.punch(offset, length) if kind else grown
    if kind == flags.FALLOC_FL_PUNCH_HOLE:
        return 0, content.punch(offset, length)
    if offset % BLOCK_BYTES or length % BLOCK_BYTES:
        return errno.EINVAL, content
    if kind == flags.FALLOC_FL_COLLAPSE_RANGE:
        if end >= content.size:
            return errno.EINVAL, content
        return 0, content.cut(offset, length)
    if offset >= content.size:
        return errno.EINVAL, content
    return 0, content.insert(offset, hole(length))
