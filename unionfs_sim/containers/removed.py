"""
What a mount shows once its source is gone from the host.

A mount is of a file or a directory, not of a path: a file that was replaced goes on
as it was, and a directory that was removed is empty, with nothing to be made in it.
"""

from __future__ import annotations

import errno
from typing import IO, Any, final

from unionfs_sim.containers.forwarding import ForwardingFileSystem, restated
from unionfs_sim.containers.openfiles import DescriptorFile, Descriptors, binary
from unionfs_sim.core import fileio, flags
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.status import stat_result, statvfs_result
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError, fs_error


@final
class RemovedDirectory(ForwardingFileSystem):
    """A directory without a name: empty for ever."""

    def __init__(self, status: stat_result) -> None:
        self._number = status.st_ino
        self._fs = UnionFS()
        self._fs.chown("/", status.st_uid, status.st_gid)
        self._fs.chmod("/", status.st_mode & 0o7777)

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        itself = path.rstrip("/").rpartition("/")[2] in {"", ".", ".."}
        if writes and not itself:
            raise fs_error(errno.ENOENT, path, op=op)
        return self._fs, path

    def stat(self, path: StrPath, *, follow_symlinks: bool = True) -> stat_result:
        """Give its status: that of a directory without a name."""
        made = super().stat(path, follow_symlinks=follow_symlinks)
        return restated(made, ino=self._number, nlink=0)


@final
class RemovedFile(ForwardingFileSystem):
    """A regular file without a name, by the descriptor that still stands on it."""

    def __init__(self, fs: FileSystem, descriptors: Descriptors, path: str) -> None:
        self._fs = fs
        self._descriptors = descriptors
        try:
            self._fd = descriptors.os_open(path, flags.O_RDWR)
        except UnionFSError:
            self._fd = descriptors.os_open(path, flags.O_RDONLY)

    def release(self) -> None:
        """Let go of the file."""
        self._descriptors.close(self._fd)

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        raise fs_error(errno.ESTALE, path, op=op)

    def stat(self, path: StrPath, *, follow_symlinks: bool = True) -> stat_result:
        """Give its status."""
        return self._descriptors.fstat(self._fd)

    def access(self, path: StrPath, mode: int) -> bool:
        """Tell whether its mode lets root do it."""
        executable = bool(self._descriptors.fstat(self._fd).st_mode & 0o111)
        return not mode & 1 or executable

    def statvfs(self, path: StrPath = "/") -> statvfs_result:
        """Give the status of the file system that it was in."""
        return self._fs.statvfs("/")

    def listxattr(
        self, path: StrPath = "/", *, follow_symlinks: bool = True
    ) -> list[str]:
        """List no attributes."""
        return []

    def open(
        self,
        path: StrPath,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open it as the built-in `open` does."""
        wanted = fileio.Mode.parse(binary(mode))
        if wanted.exclusive:
            raise fs_error(errno.EEXIST, fspath(path), op="open")
        if wanted.truncate:
            self._descriptors.ftruncate(self._fd, 0)
        raw: Any = DescriptorFile(self._descriptors, self._fd, wanted)
        made: IO[Any] = raw
        return made

    def chmod(self, path: StrPath, mode: int, *, follow_symlinks: bool = True) -> None:
        """Change its mode."""
        self._descriptors.fchmod(self._fd, mode)

    def chown(
        self, path: StrPath, uid: int, gid: int, *, follow_symlinks: bool = True
    ) -> None:
        """Change its owner."""
        self._descriptors.fchown(self._fd, uid, gid)

    def truncate(self, path: StrPath, length: int) -> None:
        """Cut or prolong it."""
        self._descriptors.ftruncate(self._fd, length)
