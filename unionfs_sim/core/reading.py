"""
Reading a union: lookups, status, listings, attributes, and the story of a lookup.

The fast path is a dictionary probe; what is not remembered is walked.
"""

from __future__ import annotations

import errno
from typing import Final, final

import attrs

from unionfs_sim.core import status, upper, walk, xattrs
from unionfs_sim.core.cache import Negative, PathCache, Resolved
from unionfs_sim.core.clock import Clock
from unionfs_sim.core.filesystem import DirEntry, DirIterator, FileSystem
from unionfs_sim.core.lookup import RootView, trace
from unionfs_sim.core.meta import Credentials
from unionfs_sim.core.nodes import Kind, Symlink
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.permissions import READ, WRITE, allows
from unionfs_sim.core.space import Space
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.story import Trace
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
)
from unionfs_sim.errors import UnionFSError, fs_error

#: Kinds that a read-only union lets nobody write to; devices and fifos it does.
_WRITTEN: Final = frozenset({Kind.REGULAR, Kind.DIRECTORY})


class UnionReader(FileSystem):
    """The reading half of `UnionFS`."""

    _stack: Stack
    _caller: Credentials
    _clock: Clock

    def _start(self, space: Space) -> None:
        """Begin on a name space."""
        self._space = space
        self._dev = 1
        self._cache = PathCache(space)
        self._answers: dict[StrPath, Resolved | Negative] = self._cache
        self._stat = self._cache.stats.get

    @property
    def stack(self) -> Stack:
        """The layers under the upper."""
        return self._stack

    def lookup(self, path: StrPath) -> Resolved | Negative:
        """
        Find what a path leads to, without following a link at its end.

        Absence is a value, not an exception.  A path that was asked for before takes
        one dictionary probe, a new one in a known directory two or three, however
        many layers there are.

        >>> from unionfs_sim import Layer, UnionFS
        >>> fs = UnionFS([Layer.build({"etc/motd": "hello"})])
        >>> fs.lookup("/etc/motd").kind
        <Kind.REGULAR: 'file'>
        >>> fs.lookup("/etc/none")
        Negative(errno=2)
        """
        return self._answers[path]

    def explain(self, path: StrPath, *, follow_symlinks: bool = True) -> Trace:
        """
        Tell the story of a lookup: which layer was asked for what, and what it said.

        Takes O(components x layers): this is the reference resolver, not the fast path.

        >>> from unionfs_sim import WHITEOUT, Layer, UnionFS
        >>> base = Layer.build({"motd": "hello"}, label="base")
        >>> print(UnionFS([Layer.build({"motd": WHITEOUT}, label="web"), base]).explain("/motd"))
        /motd
          upper  not here
          web    whiteout: hidden from here on down
          base   (file, hidden by a whiteout in web)
        = No such file or directory: hidden by a whiteout in web; 2 probes
        """
        roots: list[RootView] = [_UpperView(self._space.root), *self._stack.layers]
        if self._space.read_only:
            del roots[0]
        rules = self._stack.rules
        return trace(roots, fspath(path), follow=follow_symlinks, rules=rules)

    def stat(
        self, path: StrPath, *, follow_symlinks: bool = True
    ) -> status.stat_result:
        """
        Give the status of a path, as `os.stat`.

        A path whose status was asked for before takes one dictionary probe, unless
        it has changed since.  Sizes are in bytes; a directory's is 4096.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.

        >>> from unionfs_sim import Layer, UnionFS
        >>> UnionFS([Layer.build({"etc/motd": "hello"})]).stat("/etc/motd").st_size
        5
        """
        if follow_symlinks:
            known = self._stat(path)
            if known is not None:
                return known
        text = fspath(path)
        found = self.lookup(text)
        if isinstance(found, Negative):
            raise fs_error(found.errno, text, op="stat")
        if follow_symlinks and found.kind is Kind.SYMLINK:
            live = self._live(text, op="stat")
            return self._status(live) or self._keep_status(text, live, followed=True)
        made = self._status(found)
        if made is not None:
            return made
        if follow_symlinks:
            return self._keep_status(text, found, followed=False)
        return status.make(found, self._space.number(found), self._dev)

    def _status(self, live: Live) -> status.stat_result | None:
        """Give the status of an inode of the upper, which keeps it, or ``None``."""
        if not isinstance(live, (UpperFile, UpperDirectory)):
            return None
        if live.status is None:
            live.status = status.make(live, self._space.number(live), self._dev)
        return live.status

    def _keep_status(
        self, path: str, live: Live, *, followed: bool
    ) -> status.stat_result:
        """Make the status of a lower object, and remember it by path."""
        made = status.make(live, self._space.number(live), self._dev)
        if self._caller.is_root:
            self._cache.keep_status(path, made, followed=followed)
        return made

    def _find(
        self, path: str, *, op: str, follow: bool = True, creates: bool = False
    ) -> walk.Place:
        """Walk a path to its end, from the directory of its last name if known."""
        known = self._cache.start(path)
        place = walk.find(
            self._space,
            path,
            follow=follow,
            op=op,
            caller=self._caller,
            known=known,
            creates=creates,
        )
        if known is None:
            self._cache.know(place)
        return place

    def _place(self, path: StrPath, *, op: str, follow: bool = True) -> walk.Place:
        """Walk to something that must be there."""
        text = fspath(path)
        place = self._find(text, op=op, follow=follow)
        if place.live is None:
            raise fs_error(errno.ENOENT, text, op=op)
        return place

    def _live(self, path: StrPath, *, op: str, follow: bool = True) -> Live:
        live = self._place(path, op=op, follow=follow).live
        assert live is not None
        return live

    def _directory(self, path: StrPath, *, op: str) -> LiveDirectory:
        live = self._live(path, op=op)
        if not isinstance(live, LIVE_DIRECTORY_TYPES):
            raise fs_error(errno.ENOTDIR, fspath(path), op=op)
        return live

    def listdir(self, path: StrPath = "/") -> list[str]:
        """
        List the names in a merged directory, in order.

        Takes O(n log n) for n names, whatever the number of layers.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES.
        """
        directory = self._readable(path, op="listdir")
        return self._names(fspath(path), directory, op="listdir")

    def scandir(self, path: StrPath = "/") -> DirIterator:
        """
        Go through the entries of a merged directory, as `os.scandir`; names in order.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES.
        """
        directory = self._readable(path, op="scandir")
        entries = [
            DirEntry(self, fspath(path), name, upper.entry_kind(directory, name))
            for name in self._names(fspath(path), directory, op="scandir")
        ]
        return DirIterator(iter(entries))

    def _readable(self, path: StrPath, *, op: str) -> LiveDirectory:
        directory = self._directory(path, op=op)
        if not allows(directory.meta, self._caller, READ, directory=True):
            raise fs_error(errno.EACCES, fspath(path), op=op)
        return directory

    def _names(self, path: str, directory: LiveDirectory, *, op: str) -> list[str]:
        number = self._space.list_error(directory)
        if number:
            raise fs_error(number, path, op=op)
        return self._space.list(directory)

    def readlink(self, path: StrPath) -> str:
        """
        Give the text of a symbolic link.

        Raises:
            UnionFSError: EINVAL, it is not a link; ENOENT, ENOTDIR, ELOOP.
        """
        live = self._live(path, op="readlink", follow=False)
        node = live.node if isinstance(live, UpperFile) else live
        if not isinstance(node, Symlink):
            raise fs_error(errno.EINVAL, fspath(path), op="readlink")
        return node.target

    def access(self, path: StrPath, mode: int) -> bool:
        """
        Tell whether the caller may read (4), write (2), execute (1) or just see (0).

        Root may do everything but execute a file without any execute bit.
        """
        try:
            self.check_access(path, mode)
        except UnionFSError:
            return False
        return True

    def check_access(self, path: StrPath, mode: int) -> None:
        """
        Raise what keeps the caller from doing what *mode* says; the rest is `access`.

        Raises:
            UnionFSError: EACCES; EROFS, it is to be written and there is no upper;
                ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        live = self._live(path, op="access")
        if mode & WRITE and self._space.read_only and live.kind in _WRITTEN:
            raise fs_error(errno.EROFS, fspath(path), op="access")
        directory = live.kind is Kind.DIRECTORY
        if not allows(live.meta, self._caller, mode & 7, directory=directory):
            raise fs_error(errno.EACCES, fspath(path), op="access")

    def statvfs(self, path: StrPath = "/") -> status.statvfs_result:
        """
        Give the status of the file system, as `os.statvfs`; it is never full.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        self._place(path, op="statvfs")
        return status.make_vfs(read_only=self._space.read_only)

    def getxattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> bytes:
        """
        Give one extended attribute.

        Raises:
            UnionFSError: ENODATA, there is none of this name; ENOENT and the like.
        """
        number = xattrs.name_error(name)
        if number:
            raise fs_error(number, fspath(path), op="getxattr")
        live = self._live(path, op="getxattr", follow=follow_symlinks)
        number = xattrs.read_error(live.kind, live.meta, self._caller, name)
        value = live.meta.xattrs.get(name)
        if number or value is None:
            raise fs_error(number or errno.ENODATA, fspath(path), op="getxattr")
        return value

    def listxattr(
        self, path: StrPath = "/", *, follow_symlinks: bool = True
    ) -> list[str]:
        """
        List the names of the extended attributes, in order.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        live = self._live(path, op="listxattr", follow=follow_symlinks)
        return xattrs.shown(live.meta, self._caller)


@final
@attrs.frozen
class _UpperView:
    """The upper as a layer, for the reference resolver."""

    root: UpperDirectory
    label: str = "upper"
