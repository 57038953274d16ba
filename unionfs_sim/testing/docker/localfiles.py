"""The simulated host's ``/data`` as real files, for a client that reads real files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, TypeAlias, final

from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.errors import UnionFSError

#: The part of the host that clients of scenarios copy from and to.
ROOT: Final = "/data"

#: What is there: type and mode, owner, and content or target.
_Seen: TypeAlias = dict[str, tuple[int, int, int, bytes]]


@final
class LocalFiles:
    """
    A directory that shows the simulated ``/data`` to a real program.

    Args:
        fs: The file system of the simulated host.
        folder: A real directory.
    """

    def __init__(self, fs: FileSystem, folder: Path) -> None:
        self._fs = fs
        self._folder = folder
        self._before: _Seen = {}

    def local(self, path: str) -> str:
        """Give the real path of one below ``/data``; others are as they are."""
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return path
        return f"{self._folder}{path}"

    def unlocal(self, text: str) -> str:
        """Give a text in which no real path stands."""
        return text.replace(str(self._folder), "")

    def put_out(self) -> None:
        """Write what is in the simulated ``/data`` to real files."""
        fs = self._fs
        (self._folder / ROOT[1:]).mkdir(parents=True)
        for top, directories, files in fs.walk(ROOT):
            for name in (*directories, *files):
                path = f"{top}/{name}"
                self._put_out(path, Path(self.local(path)))
        self._before = self._seen()

    def _put_out(self, path: str, place: Path) -> None:
        status = self._fs.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            place.mkdir()
        elif stat.S_ISLNK(status.st_mode):
            place.symlink_to(self._fs.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            place.write_bytes(self._fs.read_bytes(path))
        else:
            return
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            os.lchown(place, status.st_uid, status.st_gid)
        if not stat.S_ISLNK(status.st_mode):
            place.chmod(stat.S_IMODE(status.st_mode))
            os.utime(place, ns=(status.st_mtime_ns, status.st_mtime_ns))

    def take_in(self) -> None:
        """Do in the simulated ``/data`` what has happened to the real files."""
        after = self._seen()
        for path, (mode, uid, gid, data) in after.items():
            if self._before.get(path) == (mode, uid, gid, data):
                continue
            self._take_in(path, mode, data)
            self._fs.chown(path, uid, gid, follow_symlinks=False)
            if not stat.S_ISLNK(mode):
                self._fs.chmod(path, stat.S_IMODE(mode))

    def _take_in(self, path: str, mode: int, data: bytes) -> None:
        fs = self._fs
        try:
            kind = stat.S_IFMT(fs.lstat(path).st_mode)
        except UnionFSError:
            kind = 0
        if stat.S_ISDIR(mode):
            if not kind:
                fs.mkdir(path)
            return
        if kind and (kind != stat.S_IFMT(mode) or stat.S_ISLNK(mode)):
            fs.unlink(path)
        if stat.S_ISLNK(mode):
            fs.symlink(os.fsdecode(data), path)
        else:
            fs.write_bytes(path, data)

    def _seen(self) -> _Seen:
        found: _Seen = {}
        mine = os.getuid() if hasattr(os, "getuid") else 0
        for top, directories, files in os.walk(self._folder / ROOT[1:]):
            for name in (*directories, *files):
                place = Path(top, name)
                status = place.lstat()
                data = b""
                if stat.S_ISLNK(status.st_mode):
                    data = os.fsencode(os.readlink(place))  # noqa: PTH115 - as it is
                elif stat.S_ISREG(status.st_mode):
                    data = place.read_bytes()
                owner = [0 if x == mine else x for x in (status.st_uid, status.st_gid)]
                path = str(place)[len(str(self._folder)) :]
                found[path] = (status.st_mode, owner[0], owner[1], data)
        return found
