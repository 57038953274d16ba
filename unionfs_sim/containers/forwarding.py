"""A file system that hands each verb on to another, and may refuse or change it on the way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from unionfs_sim.core.filesystem import DirEntry, DirIterator, FileSystem
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.status import stat_result, statvfs_result
from unionfs_sim.errors import UnionFSError


@contextmanager
def telling(**paths: str) -> Iterator[None]:
    """Tell errors with the paths as the caller gave them (*path* and *path2*)."""
    try:
        yield
    except UnionFSError as error:
        error.filename = paths.get("path", error.filename)
        if "path2" in paths:
            error.filename2 = paths["path2"]
        raise


def restated(
    status: stat_result,
    *,
    ino: int | None = None,
    dev: int | None = None,
    nlink: int | None = None,
) -> stat_result:
    """Give a status with some numbers replaced."""
    return stat_result(
        (
            status.st_mode,
            status.st_ino if ino is None else ino,
            status.st_dev if dev is None else dev,
            status.st_nlink if nlink is None else nlink,
            status.st_uid,
            status.st_gid,
            status.st_size,
            status.st_atime_ns // 1_000_000_000,
            status.st_mtime_ns // 1_000_000_000,
            status.st_ctime_ns // 1_000_000_000,
            status.st_atime,
            status.st_mtime,
            status.st_ctime,
            status.st_atime_ns,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_blksize,
            status.st_blocks,
            status.st_rdev,
        )
    )


class ForwardingFileSystem(FileSystem):
    """
    A file system whose answers are another's.

    What is derived from it says in `_to` which file system answers a verb, and by
    which path; raising there refuses the verb.
    """

    @abstractmethod
    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        """Give the file system that answers, and the path there."""

    def stat(self, path: StrPath, *, follow_symlinks: bool = True) -> stat_result:
        """Give the status of a path, as `os.stat`."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "stat", writes=False)
            return fs.stat(inner, follow_symlinks=follow_symlinks)

    def scandir(self, path: StrPath = "/") -> DirIterator:
        """Go through the entries of a directory, as `os.scandir`; names in order."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "scandir", writes=False)
            with fs.scandir(inner) as found:
                entries = [DirEntry(self, text, x.name, x.kind) for x in found]
        return DirIterator(iter(entries))

    def listdir(self, path: StrPath = "/") -> list[str]:
        """List the names in a directory, in order."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "listdir", writes=False)
            return fs.listdir(inner)

    def readlink(self, path: StrPath) -> str:
        """Give the text of a symbolic link."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "readlink", writes=False)
            return fs.readlink(inner)

    def access(self, path: StrPath, mode: int) -> bool:
        """Tell whether the caller may do what *mode* says, as `os.access`."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "access", writes=False)
            return fs.access(inner, mode)

    def statvfs(self, path: StrPath = "/") -> statvfs_result:
        """Give the status of the file system, as `os.statvfs`."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "statvfs", writes=False)
            return fs.statvfs(inner)

    def getxattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> bytes:
        """Give one extended attribute."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "getxattr", writes=False)
            return fs.getxattr(inner, name, follow_symlinks=follow_symlinks)

    def listxattr(
        self, path: StrPath = "/", *, follow_symlinks: bool = True
    ) -> list[str]:
        """List the names of the extended attributes."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "listxattr", writes=False)
            return fs.listxattr(inner, follow_symlinks=follow_symlinks)

    def open(
        self,
        path: StrPath,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open a file as the built-in `open` does; text is UTF-8 by default."""
        text = fspath(path)
        writes = not set("wax+").isdisjoint(mode)
        with telling(path=text):
            fs, inner = self._to(text, "open", writes=writes)
            return fs.open(inner, mode, buffering, encoding, errors, newline)

    def mkdir(self, path: StrPath, mode: int = 0o777) -> None:
        """Make a directory."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "mkdir", writes=True)
            fs.mkdir(inner, mode)

    def rmdir(self, path: StrPath) -> None:
        """Remove an empty directory."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "rmdir", writes=True)
            fs.rmdir(inner)

    def unlink(self, path: StrPath) -> None:
        """Remove a name that is not a directory's."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "unlink", writes=True)
            fs.unlink(inner)

    def rename(self, src: StrPath, dst: StrPath) -> None:
        """Move a name, replacing what is at the new one."""
        old, new = fspath(src), fspath(dst)
        with telling(path=old, path2=new):
            fs, inner = self._to(old, "rename", writes=True)
            fs.rename(inner, self._to(new, "rename", writes=True)[1])

    def link(self, src: StrPath, dst: StrPath) -> None:
        """Give a file one more name; a symbolic link is linked itself."""
        old, new = fspath(src), fspath(dst)
        with telling(path=old, path2=new):
            fs, inner = self._to(old, "link", writes=True)
            fs.link(inner, self._to(new, "link", writes=True)[1])

    def symlink(self, src: StrPath, dst: StrPath) -> None:
        """Make a symbolic link *dst* with the text *src*."""
        text = fspath(dst)
        with telling(path=fspath(src), path2=text):
            fs, inner = self._to(text, "symlink", writes=True)
            fs.symlink(src, inner)

    def mknod(self, path: StrPath, mode: int = 0o600, device: int = 0) -> None:
        """Make a file, device, fifo or socket, by the type bits of *mode*."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "mknod", writes=True)
            fs.mknod(inner, mode, device)

    def chmod(self, path: StrPath, mode: int, *, follow_symlinks: bool = True) -> None:
        """Change permission, set-id and sticky bits."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "chmod", writes=True)
            fs.chmod(inner, mode, follow_symlinks=follow_symlinks)

    def chown(
        self, path: StrPath, uid: int, gid: int, *, follow_symlinks: bool = True
    ) -> None:
        """Change the owner and the group; -1 leaves one as it is."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "chown", writes=True)
            fs.chown(inner, uid, gid, follow_symlinks=follow_symlinks)

    def utime(
        self,
        path: StrPath,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int | None, int | None] | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Set the times of last access and change, now by default."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "utime", writes=True)
            fs.utime(inner, times, ns=ns, follow_symlinks=follow_symlinks)

    def truncate(self, path: StrPath, length: int) -> None:
        """Cut or prolong a file."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "truncate", writes=True)
            fs.truncate(inner, length)

    def setxattr(
        self,
        path: StrPath,
        name: str,
        value: bytes,
        flags: int = 0,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """Set an extended attribute; *flags* 1 creates only, 2 replaces only."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "setxattr", writes=True)
            fs.setxattr(inner, name, value, flags, follow_symlinks=follow_symlinks)

    def removexattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> None:
        """Remove an extended attribute."""
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "removexattr", writes=True)
            fs.removexattr(inner, name, follow_symlinks=follow_symlinks)
