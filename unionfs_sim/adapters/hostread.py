"""Directories of the host as raw layers."""

# System calls are the point here: `os`, not `pathlib`.
# ruff: noqa: PTH100

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, final

import attrs

from unionfs_sim.adapters.hostdirs import (
    Descent,
    descent,
    host_error,
    names_in,
    open_quietly,
)
from unionfs_sim.core.content import Content, Extent, concat, hole
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Device, Fifo, Leaf, Regular, Socket, Symlink
from unionfs_sim.core.paths import Parts, StrPath, fspath, join, to_bytes, to_text
from unionfs_sim.errors import fs_error

_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_WALK_FLAGS: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
_STATUS_BLOCK_BYTES: Final = 512  # what st_blocks counts, whatever the file system

#: What it looks like when a file is not there any more, or something else is.
_GONE: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ESTALE}
)


@final
@attrs.frozen(eq=False, weakref_slot=False)
class HostFile:
    """
    A regular file of the host, as a source; it is opened for each reading anew.

    Attributes:
        top: The directory that was read, as an absolute path.
        parts: Where the file is in it.
        device: The file system that it is on.
        inode: Its inode number there.
        size: Its size in bytes, when the directory was read.
        mtime_ns: Its modification time, likewise.
    """

    top: bytes = attrs.field(repr=to_text)
    parts: Parts
    device: int = attrs.field(repr=False)
    inode: int = attrs.field(repr=False)
    size: int
    mtime_ns: int = attrs.field(repr=False)

    def read_at(self, offset: int, size: int) -> bytes:
        """
        Give *size* bytes from *offset* on.

        Raises:
            UnionFSError: EIO, the file is not what it was when the directory was
                read; or what the host says.
        """
        try:
            fd = self._open()
        except OSError as error:
            raise self._failed(error) from error
        try:
            pieces = []
            while size:
                piece = os.pread(fd, size, offset)
                if not piece:
                    raise self._changed()
                pieces.append(piece)
                offset += len(piece)
                size -= len(piece)
            self._check(os.fstat(fd))
        finally:
            os.close(fd)
        return b"".join(pieces)

    def _open(self) -> int:
        """Open the file without following a link on the way or at the end."""
        directory = os.open(self.top, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in self.parts[:-1]:
                below = os.open(to_bytes(name), _WALK_FLAGS, dir_fd=directory)
                os.close(directory)
                directory = below
            last = to_bytes(self.parts[-1])
            # To open a device can do things, so look first.
            self._check(os.stat(last, dir_fd=directory, follow_symlinks=False))
            fd = open_quietly(last, _FILE_FLAGS, dir_fd=directory)
        finally:
            os.close(directory)
        try:
            self._check(os.fstat(fd))
        except OSError:
            os.close(fd)
            raise
        return fd

    def _check(self, found: os.stat_result) -> None:
        same = (self.device, self.inode, self.size, self.mtime_ns)
        now = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if not stat.S_ISREG(found.st_mode) or same != now:
            raise self._changed()

    def _changed(self) -> OSError:
        return fs_error(errno.EIO, self._path(), op="read")

    def _failed(self, error: OSError) -> OSError:
        if error.errno in _GONE:
            return self._changed()
        return host_error(error, self._path(), op="read")

    def _path(self) -> str:
        return to_text(self.top) + join(self.parts)


def read_directory(path: StrPath, *, label: str | None = None) -> Layer:
    """
    Read a directory of the host as a raw layer: what is on disk, name by name.

    Devices, fifos and sockets are nodes, extended attributes keep their names, names
    that are not UTF-8 travel as surrogate escapes, and holes stay holes.  Names of
    one inode are hard links; names outside the directory count for `nlink`.  No link
    is followed.  Takes O(n log n) and a few descriptors; content is read when it is
    asked for, and EIO once the file has changed.

    Args:
        path: The directory.
        label: The layer's label; by default the directory's name.

    Raises:
        UnionFSError: What the host says.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(folder + "/motd", "w") as file:
    ...         _ = file.write("hello")
    ...     read_directory(folder).get(("motd",)).content.read_all()
    b'hello'
    """
    text = fspath(path)
    top = os.path.abspath(to_bytes(text))
    try:
        root_fd = open_quietly(top, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise host_error(error, text, op="read_directory") from error
    name = to_text(os.path.basename(top)) if label is None else label  # noqa: PTH119
    try:
        with descent(root_fd) as place:
            return _Reader(top, place, LayerBuilder(name)).run()
    finally:
        os.close(root_fd)


@final
class _Reader:
    """One reading under way."""

    def __init__(self, top: bytes, place: Descent, builder: LayerBuilder) -> None:
        self._top = top
        self._place = place
        self._builder = builder
        self._inodes: dict[tuple[int, int], Leaf] = {}
        self._missing: Counter[tuple[int, int]] = Counter()

    def run(self) -> Layer:
        parts: Parts = ()
        pending = [self._read(parts)]
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                parts = parts[:-1]
                if pending:
                    self._move(parts, self._place.up)
            else:
                parts = (*parts, to_text(name))
                self._move(parts, self._place.down, name)
                pending.append(self._read(parts))
        for key, count in self._missing.items():
            for _ in range(count):
                self._builder.link_outside(self._inodes[key])
        return self._builder.freeze()

    def _move(self, parts: Parts, step: Callable[..., int], *name: bytes) -> None:
        try:
            step(*name)
        except OSError as error:
            raise self._failed(error, parts) from error

    def _read(self, parts: Parts) -> Iterator[bytes]:
        """Read the directory where the place is; give the directories in it."""
        fd = self._place.fd
        try:
            meta = _meta(os.fstat(fd), b"/proc/self/fd/%d" % fd, follow=True)
            names = names_in(fd)
        except OSError as error:
            raise self._failed(error, parts) from error
        self._builder.set_meta(parts, meta)
        below = []
        for name in names:
            path = (*parts, to_text(name))
            try:
                found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    below.append(name)
                else:
                    self._put(fd, name, path, found)
            except OSError as error:
                raise self._failed(error, path) from error
        return iter(below)

    def _failed(self, error: OSError, parts: Parts) -> OSError:
        path = to_text(self._top) + join(parts)
        return host_error(error, path, op="read_directory")

    def _put(self, fd: int, name: bytes, parts: Parts, found: os.stat_result) -> None:
        key = found.st_dev, found.st_ino
        node = self._inodes.get(key)
        if node is None:
            meta = _meta(found, b"/proc/self/fd/%d/%s" % (fd, name), follow=False)
            node = self._leaf(fd, name, parts, found, meta)
            if found.st_nlink > 1:
                self._inodes[key] = node
                self._missing[key] = found.st_nlink
        if key in self._missing:
            self._missing[key] -= 1
        self._builder.add(parts, node)

    def _leaf(
        self, fd: int, name: bytes, parts: Parts, found: os.stat_result, meta: Meta
    ) -> Leaf:
        match stat.S_IFMT(found.st_mode):
            case stat.S_IFREG:
                source = HostFile(
                    self._top,
                    parts,
                    found.st_dev,
                    found.st_ino,
                    found.st_size,
                    found.st_mtime_ns,
                )
                return Regular(_content(source, fd, name, found), meta)
            case stat.S_IFLNK:
                return Symlink(to_text(os.readlink(name, dir_fd=fd)), meta)
            case stat.S_IFIFO:
                return Fifo(meta)
            case stat.S_IFSOCK:
                return Socket(meta)
            case kind:
                block = kind == stat.S_IFBLK
                major, minor = os.major(found.st_rdev), os.minor(found.st_rdev)
                return Device(major, minor, block=block, meta=meta)


def _meta(found: os.stat_result, path: bytes, *, follow: bool) -> Meta:
    return Meta(
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        atime_ns=found.st_atime_ns,
        mtime_ns=found.st_mtime_ns,
        ctime_ns=found.st_ctime_ns,
        xattrs=_xattrs(path, follow=follow),
    )


def _xattrs(path: bytes, *, follow: bool) -> dict[str, bytes]:
    try:
        names = os.listxattr(path, follow_symlinks=follow)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return {}
        raise
    return {
        to_text(os.fsencode(name)): os.getxattr(path, name, follow_symlinks=follow)
        for name in names
    }


def _content(
    source: HostFile, dir_fd: int, name: bytes, found: os.stat_result
) -> Content:
    """Find the holes of a file that takes less space than its size."""
    size = found.st_size
    if found.st_blocks * _STATUS_BLOCK_BYTES >= size:
        return Extent(source, 0, size)
    try:
        fd = open_quietly(name, _FILE_FLAGS, dir_fd=dir_fd)
    except PermissionError:  # who may not read it does not need to know
        return Extent(source, 0, size)
    try:
        return concat(_extents(source, fd, size))
    finally:
        os.close(fd)


def _extents(source: HostFile, fd: int, size: int) -> list[Extent]:
    extents: list[Extent] = []
    position = 0
    while position < size:
        try:
            start = min(os.lseek(fd, position, os.SEEK_DATA), size)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            start = size  # no more data
        extents.append(hole(start - position))
        if start == size:
            break
        position = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        extents.append(Extent(source, start, position - start))
    return extents
