"""
The one shape that every file system here has: verbs named after Python's `os`.

A file system supplies the verbs that touch it; everything that can be said in terms
of these is said here, once.
"""

from __future__ import annotations

import errno
import stat as _stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Any, Literal, Self, final, overload

from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.status import stat_result, statvfs_result
from unionfs_sim.errors import UnionFSError, fs_error


@final
class DirEntry:
    """
    One entry of a directory, as `os.DirEntry` of the standard library.

    Attributes:
        name: Its name.
        path: Its path, made of the directory's as it was given.
        kind: What it is; a link is one.
    """

    __slots__ = ("_filesystem", "kind", "name", "path")

    def __init__(
        self, filesystem: FileSystem, directory: str, name: str, kind: Kind
    ) -> None:
        self._filesystem = filesystem
        self.kind = kind
        self.name = name
        self.path = _joined(directory, name)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Tell whether it is a directory, or a link to one."""
        if follow_symlinks and self.is_symlink():
            return self._filesystem.isdir(self.path)
        return self.kind is Kind.DIRECTORY

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Tell whether it is a regular file, or a link to one."""
        if follow_symlinks and self.is_symlink():
            return self._filesystem.isfile(self.path)
        return self.kind is Kind.REGULAR

    def is_symlink(self) -> bool:
        """Tell whether it is a symbolic link."""
        return self.kind is Kind.SYMLINK

    def stat(self, *, follow_symlinks: bool = True) -> stat_result:
        """Give its status."""
        return self._filesystem.stat(self.path, follow_symlinks=follow_symlinks)

    def inode(self) -> int:
        """Give its inode number."""
        return self.stat(follow_symlinks=False).st_ino

    def __fspath__(self) -> str:
        """Give its path."""
        return self.path

    def __repr__(self) -> str:
        """Show the name."""
        return f"<DirEntry {self.name!r}>"


@final
class DirIterator:
    """What `FileSystem.scandir` gives: an iterator that can stand in a ``with``."""

    def __init__(self, entries: Iterator[DirEntry]) -> None:
        self._entries = entries

    def __iter__(self) -> Self:
        """Give itself."""
        return self

    def __next__(self) -> DirEntry:
        """Give the next entry."""
        return next(self._entries)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the directory."""
        self.close()

    def close(self) -> None:
        """Let go of the directory; nothing more comes."""
        self._entries = iter(())


def _joined(directory: str, name: str) -> str:
    return directory + name if directory.endswith("/") else f"{directory}/{name}"


class FileSystem(ABC):
    """
    A file system with the verbs of Python's `os`, and some of `pathlib`'s.

    All paths are ``str`` or path-like, and relative ones start at the root.  Whatever
    fails raises a subclass of `OSError` with the kernel's errno and the path as it
    was given.  A file system is not to be used by two threads at once.
    """

    # --- what a file system supplies ------------------------------------------

    @abstractmethod
    def stat(self, path: StrPath, *, follow_symlinks: bool = True) -> stat_result:
        """Give the status of a path, as `os.stat`."""

    @abstractmethod
    def scandir(self, path: StrPath = "/") -> DirIterator:
        """Go through the entries of a directory, as `os.scandir`; names in order."""

    @abstractmethod
    def listdir(self, path: StrPath = "/") -> list[str]:
        """List the names in a directory, in order."""

    @abstractmethod
    def readlink(self, path: StrPath) -> str:
        """Give the text of a symbolic link."""

    @abstractmethod
    def access(self, path: StrPath, mode: int) -> bool:
        """Tell whether the caller may do what *mode* says, as `os.access`."""

    @abstractmethod
    def statvfs(self, path: StrPath = "/") -> statvfs_result:
        """Give the status of the file system, as `os.statvfs`."""

    @abstractmethod
    def getxattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> bytes:
        """Give one extended attribute."""

    @abstractmethod
    def listxattr(
        self, path: StrPath = "/", *, follow_symlinks: bool = True
    ) -> list[str]:
        """List the names of the extended attributes."""

    @overload
    def open(
        self,
        path: StrPath,
        mode: Literal["r", "w", "a", "x", "r+", "w+", "a+", "x+"] = ...,
        buffering: int = ...,
        encoding: str | None = ...,
        errors: str | None = ...,
        newline: str | None = ...,
    ) -> IO[str]: ...

    @overload
    def open(
        self,
        path: StrPath,
        mode: Literal[
            "rb", "wb", "ab", "xb", "r+b", "w+b", "a+b", "x+b", "rb+", "wb+", "ab+"
        ],
        buffering: int = ...,
    ) -> IO[bytes]: ...

    @overload
    def open(
        self,
        path: StrPath,
        mode: str,
        buffering: int = ...,
        encoding: str | None = ...,
        errors: str | None = ...,
        newline: str | None = ...,
    ) -> IO[Any]: ...

    @abstractmethod
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

    @abstractmethod
    def mkdir(self, path: StrPath, mode: int = 0o777) -> None:
        """Make a directory."""

    @abstractmethod
    def rmdir(self, path: StrPath) -> None:
        """Remove an empty directory."""

    @abstractmethod
    def unlink(self, path: StrPath) -> None:
        """Remove a name that is not a directory's."""

    @abstractmethod
    def rename(self, src: StrPath, dst: StrPath) -> None:
        """Move a name, replacing what is at the new one."""

    @abstractmethod
    def link(self, src: StrPath, dst: StrPath) -> None:
        """Give a file one more name; a symbolic link is linked itself."""

    @abstractmethod
    def symlink(self, src: StrPath, dst: StrPath) -> None:
        """Make a symbolic link *dst* with the text *src*."""

    @abstractmethod
    def mknod(self, path: StrPath, mode: int = 0o600, device: int = 0) -> None:
        """Make a file, device, fifo or socket, by the type bits of *mode*."""

    @abstractmethod
    def chmod(self, path: StrPath, mode: int, *, follow_symlinks: bool = True) -> None:
        """Change permission, set-id and sticky bits."""

    @abstractmethod
    def chown(
        self, path: StrPath, uid: int, gid: int, *, follow_symlinks: bool = True
    ) -> None:
        """Change the owner and the group; -1 leaves one as it is."""

    @abstractmethod
    def utime(
        self,
        path: StrPath,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int | None, int | None] | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Set the times of last access and change, now by default."""

    @abstractmethod
    def truncate(self, path: StrPath, length: int) -> None:
        """Cut or prolong a file."""

    @abstractmethod
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

    @abstractmethod
    def removexattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> None:
        """Remove an extended attribute."""

    # --- what follows from it -------------------------------------------------

    def lstat(self, path: StrPath) -> stat_result:
        """Give the status of a path without following a link at its end."""
        return self.stat(path, follow_symlinks=False)

    def remove(self, path: StrPath) -> None:
        """Remove a name that is not a directory's; the same as `unlink`."""
        self.unlink(path)

    def replace(self, src: StrPath, dst: StrPath) -> None:
        """Move a name, replacing what is at the new one; the same as `rename`."""
        self.rename(src, dst)

    def lchown(self, path: StrPath, uid: int, gid: int) -> None:
        """Change owner and group without following a link at the end."""
        self.chown(path, uid, gid, follow_symlinks=False)

    def mkfifo(self, path: StrPath, mode: int = 0o666) -> None:
        """Make a named pipe."""
        self.mknod(path, _stat.S_IFIFO | mode)

    def exists(self, path: StrPath) -> bool:
        """Tell whether a path leads to something; links are followed."""
        return self._mode(path) is not None

    def isfile(self, path: StrPath) -> bool:
        """Tell whether a path leads to a regular file; links are followed."""
        mode = self._mode(path)
        return mode is not None and _stat.S_ISREG(mode)

    def isdir(self, path: StrPath) -> bool:
        """Tell whether a path leads to a directory; links are followed."""
        mode = self._mode(path)
        return mode is not None and _stat.S_ISDIR(mode)

    def islink(self, path: StrPath) -> bool:
        """Tell whether a path is a symbolic link."""
        mode = self._mode(path, follow_symlinks=False)
        return mode is not None and _stat.S_ISLNK(mode)

    def _mode(self, path: StrPath, *, follow_symlinks: bool = True) -> int | None:
        try:
            return self.stat(path, follow_symlinks=follow_symlinks).st_mode
        except UnionFSError:
            return None

    def read_bytes(self, path: StrPath) -> bytes:
        """Read a whole file."""
        with self.open(path, "rb") as file:
            return file.read()

    def read_text(
        self, path: StrPath, encoding: str | None = None, errors: str | None = None
    ) -> str:
        """Read a whole file as text."""
        with self.open(path, "r", encoding=encoding, errors=errors) as file:
            return file.read()

    def write_bytes(self, path: StrPath, data: bytes) -> int:
        """Make a file hold just these bytes, and give their number."""
        with self.open(path, "wb") as file:
            return file.write(data)

    def write_text(
        self,
        path: StrPath,
        data: str,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> int:
        """Make a file hold just this text, and give the number of characters."""
        with self.open(
            path, "w", encoding=encoding, errors=errors, newline=newline
        ) as file:
            return file.write(data)

    def makedirs(
        self, path: StrPath, mode: int = 0o777, *, exist_ok: bool = False
    ) -> None:
        """
        Make a directory and the parents it lacks.

        Raises:
            UnionFSError: EEXIST, it is there and *exist_ok* is false, or it is not a
                directory; and as `mkdir`.
        """
        text = fspath(path)
        missing = []
        parent = text.rstrip("/")
        while parent and not self.isdir(parent):
            missing.append(parent)
            parent = parent.rpartition("/")[0].rstrip("/")
        if not missing and not exist_ok:
            raise fs_error(errno.EEXIST, text, op="mkdir")
        for item in reversed(missing[1:]):
            self.mkdir(item)
        if missing:
            self.mkdir(missing[0], mode)

    def walk(
        self,
        top: StrPath = "/",
        *,
        topdown: bool = True,
        onerror: Callable[[OSError], object] | None = None,
        followlinks: bool = False,
    ) -> Iterator[tuple[str, list[str], list[str]]]:
        """
        Go through a tree as `os.walk`: path, names of directories, names of files.

        Names come in order.  With *topdown* the caller may change the list of
        directories to leave some out.
        """
        pending: list[tuple[str, tuple[str, list[str], list[str]] | None]]
        pending = [(fspath(top), None)]
        while pending:
            path, done = pending.pop()
            if done is not None:
                yield done
                continue
            directories: list[str] = []
            files: list[str] = []
            try:
                for entry in self.scandir(path):
                    (directories if entry.is_dir() else files).append(entry.name)
            except UnionFSError as error:
                if onerror is not None:
                    onerror(error)
                continue
            if topdown:
                yield path, directories, files
            else:
                pending.append((path, (path, directories, files)))
            for name in reversed(directories):
                below = _joined(path, name)
                if followlinks or not self.islink(below):
                    pending.append((below, None))

    def rmtree(self, path: StrPath) -> None:
        """
        Remove a directory and everything in it, as `shutil.rmtree`.

        Raises:
            UnionFSError: ENOTDIR, it is not a directory, or a link to one; and as
                `unlink` and `rmdir`.
        """
        text = fspath(path)
        if not _stat.S_ISDIR(self.lstat(text).st_mode):
            raise fs_error(errno.ENOTDIR, text, op="rmtree")
        pending = [(text, False)]
        while pending:
            directory, emptied = pending.pop()
            if emptied:
                self.rmdir(directory)
                continue
            pending.append((directory, True))
            for entry in self.scandir(directory):
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, False))
                else:
                    self.unlink(entry.path)
