"""Directories of this machine, for what scenarios do on the host of a real engine."""

# System calls are the point here, as in the simulated file system: `os`, not `pathlib`.
# ruff: noqa: PTH101, PTH102, PTH103, PTH108, PTH110, PTH112, PTH114, PTH115, PTH118
# ruff: noqa: PTH123, PTH208, PTH211

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import IO, Any, final

from unionfs_sim.errors import SpecError


@final
class RealFiles:
    """
    The calls that `hosts.operate` makes, on real files below some directories.

    Links that lead out of them are not followed.

    Args:
        roots: The directories; paths elsewhere are a `SpecError`.

    >>> RealFiles("/data").exists("/etc/passwd")
    Traceback (most recent call last):
    unionfs_sim.errors.SpecError: /etc/passwd: only /data of this machine is used
    """

    def __init__(self, *roots: str) -> None:
        self._roots = roots

    def _at(self, path: str) -> str:
        """Check that the place of a name is below a root."""
        folder, name = os.path.split(path.rstrip("/") or "/")
        place = os.path.join(os.path.realpath(folder), name)
        inside = any(f"{place}/".startswith(f"{root}/") for root in self._roots)
        if name == ".." or not inside:
            msg = f"{path}: only {self._roots[0]} of this machine is used"
            raise SpecError(msg)
        return path

    def lstat(self, path: str, /) -> os.stat_result:
        """Call ``lstat``."""
        return os.lstat(self._at(path))

    def exists(self, path: str, /) -> bool:
        """Tell whether there is such a path."""
        return os.path.exists(self._at(path))

    def isdir(self, path: str, /) -> bool:
        """Tell whether it is a directory, or leads to one."""
        return os.path.isdir(self._at(path))

    def islink(self, path: str, /) -> bool:
        """Tell whether it is a symbolic link."""
        return os.path.islink(self._at(path))

    def readlink(self, path: str, /) -> str:
        """Call ``readlink``."""
        return os.readlink(self._at(path))

    def listxattr(self, path: str, /) -> list[str]:
        """Call ``listxattr``."""
        return os.listxattr(self._at(path))

    def listdir(self, path: str, /) -> list[str]:
        """List the names, sorted."""
        return sorted(os.listdir(self._at(path)))

    def walk(self, path: str, /) -> Iterator[tuple[str, list[str], list[str]]]:
        """Go through all that is below."""
        return os.walk(self._at(path))

    def open(self, path: str, mode: str, /) -> IO[Any]:
        """Open a file."""
        at = os.path.realpath(path)
        return open(self._at(at), mode, encoding=None if "b" in mode else "utf-8")

    def read_bytes(self, path: str, /) -> bytes:
        """Read a file."""
        with self.open(path, "rb") as file:
            return bytes(file.read())

    def read_text(self, path: str, /) -> str:
        """Read a text."""
        return self.read_bytes(path).decode()

    def write_text(self, path: str, text: str, /) -> int:
        """Write a text."""
        with self.open(path, "w") as file:
            return int(file.write(text))

    def mkdir(self, path: str, /) -> None:
        """Call ``mkdir``."""
        os.mkdir(self._at(path))

    def makedirs(self, path: str, /, *, exist_ok: bool) -> None:
        """Make a directory, and those above."""
        os.makedirs(self._at(path), exist_ok=exist_ok)

    def unlink(self, path: str, /) -> None:
        """Call ``unlink``."""
        os.unlink(self._at(path))

    def rmtree(self, path: str, /) -> None:
        """Remove a directory and all below."""
        shutil.rmtree(self._at(path))

    def symlink(self, target: str, path: str, /) -> None:
        """Call ``symlink``."""
        os.symlink(target, self._at(path))

    def link(self, source: str, path: str, /) -> None:
        """Call ``link``."""
        os.link(self._at(source), self._at(path), follow_symlinks=False)

    def chmod(self, path: str, mode: int, /) -> None:
        """Call ``chmod``."""
        os.chmod(self._at(os.path.realpath(path)), mode)

    def chown(self, path: str, uid: int, gid: int, /) -> None:
        """Call ``chown``."""
        os.chown(self._at(os.path.realpath(path)), uid, gid)
