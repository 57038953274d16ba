"""
The descriptor level: the verbs on files that are open.

What they stand on, and where that is now, is found in `opening`.
"""

from __future__ import annotations

import errno

from unionfs_sim.core import flags, permissions, plan, status, walk
from unionfs_sim.core.content import hole
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.openfile import (
    OpenFile,
    allocated,
    body,
    range_error,
    refuse_pipe,
)
from unionfs_sim.core.opening import UnionOpener
from unionfs_sim.core.paths import StrPath, fspath, join
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
    link_count,
)
from unionfs_sim.errors import fs_error


class UnionDescriptors(UnionOpener):
    """The verbs of `UnionFS` on descriptors."""

    def close(self, fd: int) -> None:
        """
        Close a descriptor.

        Raises:
            UnionFSError: EBADF.
        """
        self._file(fd, "close", path=True)
        del self._files[fd]

    def dup(self, fd: int) -> int:
        """
        Give a second descriptor of the same open file: they share the position.

        Raises:
            UnionFSError: EBADF.
        """
        file = self._file(fd, "dup", path=True)
        twin = 3
        while twin in self._files:
            twin += 1
        self._files[twin] = file
        return twin

    def fstat(self, fd: int) -> status.stat_result:
        """
        Give the status of an open file.

        Raises:
            UnionFSError: EBADF.
        """
        file = self._file(fd, "fstat", path=True)
        live = self._now(file)
        return self._status(live) or status.make(
            live, self._space.number(live), self._dev
        )

    def listdir(self, path: StrPath | int = "/") -> list[str]:
        """
        List the names in a merged directory, in order; a descriptor is taken as well.

        Takes O(n log n) for n names, whatever the number of layers.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, EBADF.
        """
        if not isinstance(path, int):
            return super().listdir(path)
        file = self._file(path, "listdir", path=True)
        live = self._now(file)
        if not isinstance(live, LIVE_DIRECTORY_TYPES):
            raise fs_error(errno.ENOTDIR, file.path, op="listdir")
        self._file(path, "listdir")
        if self._removed(file, live):
            return []
        return self._names(file.path, live, op="listdir")

    def _removed(self, file: OpenFile, directory: LiveDirectory) -> bool:
        if isinstance(directory, UpperDirectory):
            return directory.parent is None and directory is not self._space.root
        return self._at(self._where(file)) is not directory

    def read(self, fd: int, size: int) -> bytes:
        """
        Read up to *size* bytes from the position on; none at the end.

        Raises:
            UnionFSError: EBADF, it is not open for reading; EISDIR; EINVAL.
        """
        file = self._file(fd, "read")
        data = self._read(file, size, file.offset)
        file.offset += len(data)
        return data

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """
        Read up to *size* bytes from *offset* on, the position unchanged.

        Raises:
            UnionFSError: EBADF, EISDIR, EINVAL; ESPIPE, it is a fifo.
        """
        file = self._file(fd, "read")
        refuse_pipe(file, "read")
        return self._read(file, size, offset)

    def _read(self, file: OpenFile, size: int, offset: int) -> bytes:
        if not file.readable:
            raise fs_error(errno.EBADF, file.path, op="read")
        if size < 0 or offset < 0:
            raise fs_error(errno.EINVAL, file.path, op="read")
        live = self._now(file)
        if live.kind is Kind.DIRECTORY:
            raise fs_error(errno.EISDIR, file.path, op="read")
        if live.kind is Kind.FIFO:
            return self._read_pipe(file, size)
        content = body(live)
        return content.read(offset, size) if content is not None else b""

    def _read_pipe(self, file: OpenFile, size: int) -> bytes:
        """Take what was written to a fifo; it is empty or would block without."""
        buffer = self._pipes.get(self._pipe(file), bytearray())
        if not buffer and self._others(file, writing=True):
            raise fs_error(errno.EAGAIN, file.path, op="read")
        data = bytes(buffer[:size])
        del buffer[:size]
        return data

    def write(self, fd: int, data: bytes) -> int:
        """
        Write at the position, or at the end with ``O_APPEND``; gives the count.

        Raises:
            UnionFSError: EBADF, it is not open for writing.
        """
        file = self._file(fd, "write")
        if file.flags & flags.O_APPEND:
            content = body(self._now(file))
            file.offset = content.size if content is not None else 0
        count = self._write(file, data, file.offset)
        file.offset += count
        return count

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """
        Write at *offset*, the position unchanged; with ``O_APPEND`` at the end.

        Raises:
            UnionFSError: EBADF, EINVAL; ESPIPE, it is a fifo.
        """
        file = self._file(fd, "write")
        refuse_pipe(file, "write")
        if file.flags & flags.O_APPEND and offset >= 0:
            content = body(self._now(file))
            offset = content.size if content is not None else 0
        return self._write(file, data, offset)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """
        Move the position; 3 ``SEEK_DATA`` and 4 ``SEEK_HOLE`` find data and holes.

        Raises:
            UnionFSError: EBADF; EINVAL; ENXIO, no data or hole from there on; ESPIPE,
                it is a fifo.
        """
        file = self._file(fd, "lseek")
        refuse_pipe(file, "lseek")
        if file.live.kind is Kind.CHAR:
            return 0  # so says /dev/null to every question
        content = body(self._now(file)) or hole(0)
        match whence:
            case flags.SEEK_SET:
                target = offset
            case flags.SEEK_CUR:
                target = file.offset + offset
            case flags.SEEK_END:
                target = content.size + offset
            case flags.SEEK_DATA | flags.SEEK_HOLE:
                if not 0 <= offset < content.size:
                    raise fs_error(errno.ENXIO, file.path, op="lseek")
                target = content.next_part(offset, data=whence == flags.SEEK_DATA)
                if target < 0:
                    raise fs_error(errno.ENXIO, file.path, op="lseek")
            case _:
                target = -1
        if target < 0:
            raise fs_error(errno.EINVAL, file.path, op="lseek")
        file.offset = target
        return target

    def ftruncate(self, fd: int, length: int) -> None:
        """
        Cut or prolong an open file.

        Raises:
            UnionFSError: EBADF; EINVAL, it is not open for writing or no regular
                file, or *length* is negative.
        """
        file = self._file(fd, "ftruncate")
        content = body(self._now(file))
        if not file.writable or content is None or length < 0:
            raise fs_error(errno.EINVAL, file.path, op="ftruncate")
        self._replace(file, "ftruncate", content.resize(length))

    def fsync(self, fd: int) -> None:
        """
        Do nothing: everything is as safe as it gets.

        Raises:
            UnionFSError: EBADF; EINVAL, it is a device or a fifo.
        """
        file = self._file(fd, "fsync")
        if file.live.kind not in {Kind.REGULAR, Kind.DIRECTORY}:
            raise fs_error(errno.EINVAL, file.path, op="fsync")

    def fchmod(self, fd: int, mode: int) -> None:
        """
        Change the mode of an open file; a lower one is copied up.

        Raises:
            UnionFSError: EBADF, EPERM, EROFS; EEXIST, it is a lower file whose name
                is gone (S33); ENOENT or, unless it is a regular one, EIO, its
                directory is gone as well.
        """
        change = permissions.chmod(self._caller, mode & 0o7777)
        self._change_open("fchmod", fd, change)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """
        Change the owner of an open file; a lower one is copied up.

        Raises:
            UnionFSError: EBADF, EPERM, EROFS, EEXIST, ENOENT, EIO, as `fchmod`.
        """
        file = self._file(fd, "fchown")
        directory = file.live.kind is Kind.DIRECTORY
        change = permissions.chown(self._caller, uid, gid, directory=directory)
        self._change_open("fchown", fd, change)

    def _change_open(self, op: str, fd: int, change: permissions.Change) -> None:
        file = self._file(fd, op)
        live = self._now(file)
        if self._space.read_only:
            raise fs_error(errno.EROFS, file.path, op=op)
        if isinstance(live, (UpperFile, UpperDirectory)) and not self._is_alias(file):
            change.check(live.meta, file.path, op)
            self._commit(
                plan.set_open_meta(self._call(), op, file.path, live, change.apply)
            )
            return
        change.check(live.meta, file.path, op)
        if self._at(self._where(file)) is not live:
            self._fail_orphan(file, op)
        path = join(self._where(file) or ())
        place = walk.find(self._space, path, follow=False, op=op)
        self._change(op, place, change)

    def _is_alias(self, file: OpenFile) -> bool:
        """Tell whether a file was opened by a lower name that the upper lacks."""
        if not self._space.index or not isinstance(file.live, UpperFile):
            return False
        parts = self._where(file)
        parent = self._parent_of(parts)
        if isinstance(parent, UpperDirectory) and file.place.name in parent.entries:
            return False
        return self._at(parts) is file.live

    def _fail_orphan(self, file: OpenFile, op: str) -> None:
        """Fail on a lower file whose name is gone; its parent is marked (S33)."""
        parent = self._parent_of(self._where(file))
        if isinstance(parent, UpperDirectory):
            self._commit(plan.mark_impure(self._call(), op, file.path, parent))
        regular = file.live.kind is Kind.REGULAR
        number = errno.EEXIST
        if not isinstance(parent, LIVE_DIRECTORY_TYPES):
            number = errno.ENOENT if regular else errno.EIO  # found-133
        elif file.live.kind is Kind.DIRECTORY:
            number = errno.ENOTDIR
        raise fs_error(number, file.path, op=op)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """
        Reserve, punch, zero, collapse or insert a range, by Linux's mode bits.

        Raises:
            UnionFSError: EBADF, EINVAL, EOPNOTSUPP, ESPIPE, ENODEV.
        """
        file = self._file(fd, "fallocate")
        live = self._now(file)
        content = body(live)
        number = range_error(mode, offset, length)
        if number == 0 and not file.writable:
            number = errno.EBADF
        if number == 0 and content is None:
            number = errno.ESPIPE if live.kind is Kind.FIFO else errno.ENODEV
        if number:
            raise fs_error(number, file.path, op="fallocate")
        assert content is not None
        number, changed = allocated(content, mode, offset, length)
        if number:
            raise fs_error(number, file.path, op="fallocate")
        self._replace(file, "fallocate", changed)

    def link(self, src: StrPath | int, dst: StrPath) -> None:
        """
        Give a file one more name; a lower file is copied up for it.

        A descriptor as *src* gives an open file a name, one without any too, unless
        it was opened with ``O_EXCL``.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES, EBADF; EPERM, it is
                a directory.
        """
        if not isinstance(src, int):
            super().link(src, dst)
            return
        file = self._file(src, "link", path=True)
        live = self._now(file)
        place = self._parent(dst, op="link")
        plan.usable(place, "link")
        named = self._at(self._where(file)) is live
        if (
            isinstance(live, UpperFile)
            and not named
            and (link_count(live) or file.linkable)
        ):
            self._commit(plan.link_open(self._call(), file.place, live, place))
            file.linkable = False
            return
        if live.kind is Kind.DIRECTORY or not named:
            number = errno.EPERM if live.kind is Kind.DIRECTORY else errno.ENOENT
            if place.live is not None:
                number = errno.EEXIST
            elif place.slash:
                number = errno.ENOENT
            elif self._space.read_only:
                number = errno.EROFS
            raise fs_error(number, file.path, op="link", path2=fspath(dst))
        path = join(self._where(file) or ())
        source = walk.find(self._space, path, follow=False, op="link")
        self._commit(plan.link(self._call(), source, place))
