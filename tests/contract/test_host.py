"""A directory of the host keeps the contract: so what it asks for is what Linux does."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from unionfs_sim import FileSystem, Kind
from unionfs_sim.core.filesystem import DirEntry, DirIterator
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.errors import fs_error
from unionfs_sim.testing.contract import FilesystemContract

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the contract is Linux's"
)


@contextmanager
def told(path: StrPath, path2: StrPath | None = None) -> Iterator[None]:
    """Tell the host's errors with the paths as the caller gave them."""
    try:
        yield
    except OSError as error:
        raise fs_error(
            error.errno or errno.EIO, path, op="host", path2=path2
        ) from error


class HostFS(FileSystem):
    """A directory of the host behind the verbs of `FileSystem`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _at(self, path: StrPath) -> str:
        text = fspath(path)
        return f"{self._root}/{text}" if text else ""

    def stat(self, path: StrPath, *, follow_symlinks: bool = True) -> os.stat_result:
        with told(path):
            return os.stat(self._at(path), follow_symlinks=follow_symlinks)

    def scandir(self, path: StrPath = "/") -> DirIterator:
        with told(path), os.scandir(self._at(path)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        return DirIterator(
            iter(
                DirEntry(self, fspath(path), entry.name, kind_of(entry))
                for entry in entries
            )
        )

    def listdir(self, path: StrPath = "/") -> list[str]:
        with told(path):
            return sorted(os.listdir(self._at(path)))

    def readlink(self, path: StrPath) -> str:
        with told(path):
            return os.readlink(self._at(path))

    def access(self, path: StrPath, mode: int) -> bool:
        return os.access(self._at(path), mode)

    def statvfs(self, path: StrPath = "/") -> os.statvfs_result:
        with told(path):
            return os.statvfs(self._at(path))

    def getxattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> bytes:
        with told(path):
            return os.getxattr(self._at(path), name, follow_symlinks=follow_symlinks)

    def listxattr(
        self, path: StrPath = "/", *, follow_symlinks: bool = True
    ) -> list[str]:
        with told(path):
            return os.listxattr(self._at(path), follow_symlinks=follow_symlinks)

    def open(
        self,
        path: StrPath,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        with told(path):
            return open(self._at(path), mode, buffering, encoding, errors, newline)

    def mkdir(self, path: StrPath, mode: int = 0o777) -> None:
        with told(path):
            os.mkdir(self._at(path), mode)

    def rmdir(self, path: StrPath) -> None:
        with told(path):
            os.rmdir(self._at(path))

    def unlink(self, path: StrPath) -> None:
        with told(path):
            os.unlink(self._at(path))

    def rename(self, src: StrPath, dst: StrPath) -> None:
        with told(src, dst):
            os.rename(self._at(src), self._at(dst))

    def link(self, src: StrPath, dst: StrPath) -> None:
        with told(src, dst):
            os.link(self._at(src), self._at(dst), follow_symlinks=False)

    def symlink(self, src: StrPath, dst: StrPath) -> None:
        with told(src, dst):
            os.symlink(src, self._at(dst))

    def mknod(self, path: StrPath, mode: int = 0o600, device: int = 0) -> None:
        with told(path):
            os.mknod(self._at(path), mode, device)

    def chmod(self, path: StrPath, mode: int, *, follow_symlinks: bool = True) -> None:
        assert follow_symlinks, "Python has no lchmod on Linux"
        with told(path):
            os.chmod(self._at(path), mode)

    def chown(
        self, path: StrPath, uid: int, gid: int, *, follow_symlinks: bool = True
    ) -> None:
        with told(path):
            os.chown(self._at(path), uid, gid, follow_symlinks=follow_symlinks)

    def utime(
        self,
        path: StrPath,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int | None, int | None] | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        both: tuple[int, int] | None = None
        if ns is not None:
            atime_ns, mtime_ns = ns
            assert atime_ns is not None
            assert mtime_ns is not None
            both = atime_ns, mtime_ns
        with told(path):
            if both is not None:
                os.utime(self._at(path), ns=both, follow_symlinks=follow_symlinks)
            else:
                os.utime(self._at(path), times, follow_symlinks=follow_symlinks)

    def truncate(self, path: StrPath, length: int) -> None:
        with told(path):
            os.truncate(self._at(path), length)

    def setxattr(
        self,
        path: StrPath,
        name: str,
        value: bytes,
        flags: int = 0,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        with told(path):
            os.setxattr(
                self._at(path), name, value, flags, follow_symlinks=follow_symlinks
            )

    def removexattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> None:
        with told(path):
            os.removexattr(self._at(path), name, follow_symlinks=follow_symlinks)


def kind_of(entry: os.DirEntry[str]) -> Kind:
    """Give the kind of an entry; the tree has no devices."""
    if entry.is_symlink():
        return Kind.SYMLINK
    return Kind.DIRECTORY if entry.is_dir() else Kind.REGULAR


class TestHost(FilesystemContract):
    """An empty directory of the host, and everything written to it."""

    @pytest.fixture(autouse=True)
    def _root(self, tmp_path: Path) -> None:
        self.root = tmp_path
        try:
            os.setxattr(tmp_path, "user.try", b"")
            os.removexattr(tmp_path, "user.try")
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            pytest.skip("the folder for temporary files keeps no extended attributes")

    def make_fs(self) -> FileSystem:
        return HostFS(self.root)
