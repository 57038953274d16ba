"""The verbs of a mount table on descriptors, for file systems that have them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

from unionfs_sim.containers.attached import Mount
from unionfs_sim.containers.openfiles import Descriptors
from unionfs_sim.containers.tablechanging import TableChanger
from unionfs_sim.containers.tablereading import with_device
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.status import stat_result
from unionfs_sim.errors import UnionFSError, fs_error

_Result = TypeVar("_Result")


class TableDescriptors(TableChanger):
    """What a descriptor stands on goes on through renames and unmounts."""

    def os_open(self, path: StrPath, flags: int, mode: int = 0o777) -> int:
        """
        Open a file and give a descriptor, as `os.open`; flags are Linux's.

        Raises:
            UnionFSError: As `open`; EOPNOTSUPP, the file system has no descriptors.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._opening(text, flags)
            fs = self._fs(spot.mount)
            if not isinstance(fs, Descriptors):
                raise fs_error(errno.EOPNOTSUPP, text, op="open")
            inner = self._ask(
                spot, text, lambda _, inner: fs.os_open(inner, flags, mode)
            )
            return self._keep(spot.mount, inner, text)

    def _keep(self, mount: Mount, inner: int, text: str) -> int:
        files = self._state.files
        fd = 3
        while fd in files:
            fd += 1
        files[fd] = (mount, inner, text)
        return fd

    def _on(
        self, fd: int, op: str, call: Callable[[Descriptors, int], _Result]
    ) -> _Result:
        """Ask the file system that an open file lies on."""
        with self._state.lock:
            found = self._state.files.get(fd)
            if found is None:
                raise fs_error(errno.EBADF, fd, op=op)
            mount, inner, text = found
            fs = self._fs(mount)
            assert isinstance(fs, Descriptors), "it was opened there"
            try:
                with mount.backing.lock:
                    return call(fs, inner)
            except UnionFSError as error:
                error.filename, error.filename2 = text, None
                raise

    def close(self, fd: int) -> None:
        """
        Close a descriptor.

        Raises:
            UnionFSError: EBADF.
        """
        with self._state.lock:
            self._on(fd, "close", lambda fs, inner: fs.close(inner))
            del self._state.files[fd]

    def dup(self, fd: int) -> int:
        """
        Give a second descriptor of the same open file: they share the position.

        Raises:
            UnionFSError: EBADF.
        """
        with self._state.lock:
            twin = self._on(fd, "dup", lambda fs, inner: fs.dup(inner))
            mount, _, text = self._state.files[fd]
            return self._keep(mount, twin, text)

    def fstat(self, fd: int) -> stat_result:
        """
        Give the status of an open file.

        Raises:
            UnionFSError: EBADF.
        """
        with self._state.lock:
            made = self._on(fd, "fstat", lambda fs, inner: fs.fstat(inner))
            return with_device(made, self._state.files[fd][0].device)

    def listdir(self, path: StrPath | int = "/") -> list[str]:
        """
        List the names in a directory, in order; a descriptor is taken as well.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, EBADF.
        """
        if not isinstance(path, int):
            return super().listdir(path)
        return self._on(path, "listdir", lambda fs, inner: fs.listdir(inner))

    def link(self, src: StrPath | int, dst: StrPath) -> None:
        """
        Give a file one more name; a descriptor as *src* names an open file.

        Raises:
            UnionFSError: EXDEV, EEXIST, ENOENT, ENOTDIR, EROFS, EACCES, EPERM, EBADF.
        """
        if not isinstance(src, int):
            super().link(src, dst)
            return
        text = fspath(dst)
        with self._state.lock:
            found = self._state.files.get(src)
            if found is None:
                raise fs_error(errno.EBADF, src, op="link", path2=text)
            target = self._new(text, op="link")
            if target.parent is not found[0]:
                raise fs_error(errno.EXDEV, found[2], op="link", path2=text)
            self._on(src, "link", lambda fs, inner: fs.link(inner, target.inner))

    def read(self, fd: int, size: int) -> bytes:
        """
        Read up to *size* bytes from the position on; none at the end.

        Raises:
            UnionFSError: EBADF, EISDIR, EINVAL.
        """
        return self._on(fd, "read", lambda fs, inner: fs.read(inner, size))

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """
        Read up to *size* bytes from *offset* on, the position unchanged.

        Raises:
            UnionFSError: EBADF, EISDIR, EINVAL, ESPIPE.
        """
        return self._on(fd, "read", lambda fs, inner: fs.pread(inner, size, offset))

    def write(self, fd: int, data: bytes) -> int:
        """
        Write at the position, or at the end with ``O_APPEND``; gives the count.

        Raises:
            UnionFSError: EBADF, ENOSPC.
        """
        return self._on(fd, "write", lambda fs, inner: fs.write(inner, data))

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """
        Write at *offset*, the position unchanged.

        Raises:
            UnionFSError: EBADF, EINVAL, ESPIPE, ENOSPC.
        """
        return self._on(fd, "write", lambda fs, inner: fs.pwrite(inner, data, offset))

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """
        Move the position.

        Raises:
            UnionFSError: EBADF, EINVAL, ENXIO, ESPIPE.
        """
        return self._on(fd, "lseek", lambda fs, inner: fs.lseek(inner, offset, whence))

    def ftruncate(self, fd: int, length: int) -> None:
        """
        Cut or prolong an open file.

        Raises:
            UnionFSError: EBADF, EINVAL, ENOSPC.
        """
        self._on(fd, "ftruncate", lambda fs, inner: fs.ftruncate(inner, length))

    def fsync(self, fd: int) -> None:
        """
        Make an open file safe.

        Raises:
            UnionFSError: EBADF, EINVAL, EIO.
        """
        self._on(fd, "fsync", lambda fs, inner: fs.fsync(inner))

    def fchmod(self, fd: int, mode: int) -> None:
        """
        Change the mode of an open file.

        Raises:
            UnionFSError: EBADF, EPERM, EROFS.
        """
        self._writable(fd, "fchmod")
        self._on(fd, "fchmod", lambda fs, inner: fs.fchmod(inner, mode))

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """
        Change the owner of an open file.

        Raises:
            UnionFSError: EBADF, EPERM, EROFS.
        """
        self._writable(fd, "fchown")
        self._on(fd, "fchown", lambda fs, inner: fs.fchown(inner, uid, gid))

    def _writable(self, fd: int, op: str) -> None:
        found = self._state.files.get(fd)
        if found is not None and found[0].read_only:
            raise fs_error(errno.EROFS, found[2], op=op)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """
        Reserve, punch, zero, collapse or insert a range, by Linux's mode bits.

        Raises:
            UnionFSError: EBADF, EINVAL, EOPNOTSUPP, ESPIPE, ENODEV, ENOSPC.
        """
        self._on(
            fd,
            "fallocate",
            lambda fs, inner: fs.fallocate(inner, mode, offset, length),
        )
