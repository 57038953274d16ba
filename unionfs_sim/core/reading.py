"""
Reading a union: lookups, status, listings, attributes, and the story of a lookup.

The fast path is a dictionary probe; what is not remembered is walked.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final, final

import attrs

from unionfs_sim.core import status, upper, walk
from unionfs_sim.core.cache import Negative, PathCache, Resolved
from unionfs_sim.core.filesystem import DirEntry, DirIterator, FileSystem
from unionfs_sim.core.lookup import RootView, Trace, trace
from unionfs_sim.core.meta import Credentials
from unionfs_sim.core.nodes import Kind, Symlink
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
)
from unionfs_sim.errors import UnionFSError, fs_error

#: Inode numbers of what an upper made itself start here.
_UPPER_NUMBERS: Final = 1 << 40


class UnionReader(FileSystem):
    """The reading half of `UnionFS`."""

    def __init__(
        self, stack: Stack, *, read_only: bool, credentials: Credentials
    ) -> None:
        self._stack = stack
        self._read_only = read_only
        self._credentials = credentials
        self._dev = 1
        self._numbers = _UPPER_NUMBERS

    def _start(self, root: UpperDirectory) -> None:
        """Begin with an upper."""
        self._root = root
        self._cache = PathCache(root)
        self._answer = self._cache.answers.get
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
        found = self._answer(path)
        if found is not None:
            return found
        return self._cache.find(fspath(path))

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
        roots: list[RootView] = [_UpperView(self._root), *self._stack.layers]
        if self._read_only:
            del roots[0]
        return trace(roots, fspath(path), follow=follow_symlinks)

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
        return status.make(found, self._number(found), self._dev)

    def _status(self, live: Live) -> status.stat_result | None:
        """Give the status of an inode of the upper, which keeps it, or ``None``."""
        if not isinstance(live, (UpperFile, UpperDirectory)):
            return None
        if live.status is None:
            live.status = status.make(live, self._number(live), self._dev)
        return live.status

    def _keep_status(
        self, path: str, live: Live, *, followed: bool
    ) -> status.stat_result:
        """Make the status of a lower object, and remember it by path."""
        made = status.make(live, self._number(live), self._dev)
        self._cache.keep_status(path, made, followed=followed)
        return made

    def _number(self, live: Live) -> int:
        """Give an inode number; it stays over copy-up (S43)."""
        view = self._stack.view
        if isinstance(live, UpperFile):
            if live.origin is not None:
                return view.number(live.origin)
        elif isinstance(live, UpperDirectory):
            if live.below is not None:
                return view.number(live.below)
        else:
            return view.number(live)
        if not live.number:
            self._numbers += 1
            live.number = self._numbers
        return live.number

    def _find(self, path: StrPath, *, op: str, follow: bool = True) -> walk.Place:
        """Walk to something that must be there."""
        text = fspath(path)
        place = walk.find(self._root, text, follow=follow, op=op)
        if place.live is None:
            raise fs_error(errno.ENOENT, text, op=op)
        return place

    def _live(self, path: StrPath, *, op: str, follow: bool = True) -> Live:
        live = self._find(path, op=op, follow=follow).live
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
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        return upper.names(self._directory(path, op="listdir"))

    def scandir(self, path: StrPath = "/") -> DirIterator:
        """
        Go through the entries of a merged directory, as `os.scandir`; names in order.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        directory = self._directory(path, op="scandir")
        return DirIterator(self._entries(fspath(path), directory))

    def _entries(self, path: str, directory: LiveDirectory) -> Iterator[DirEntry]:
        for name in upper.names(directory):
            live = upper.child(directory, name)
            if live is not None:
                yield DirEntry(self, path, name, live.kind.type_bits)

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
            live = self._live(path, op="access")
        except UnionFSError:
            return False
        if mode & 2 and self._read_only:
            return False
        wanted = mode & 7
        bits = live.meta.mode
        if self._credentials.is_root:
            runs = live.kind is Kind.DIRECTORY or bits & 0o111
            return bool(runs) or not wanted & 1
        if self._credentials.uid == live.meta.uid:
            bits >>= 6
        elif live.meta.gid in {self._credentials.gid, *self._credentials.groups}:
            bits >>= 3
        return bits & wanted == wanted

    def statvfs(self, path: StrPath = "/") -> status.statvfs_result:
        """
        Give the status of the file system, as `os.statvfs`; it is never full.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        self._find(path, op="statvfs")
        return status.make_vfs(read_only=self._read_only)

    def getxattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> bytes:
        """
        Give one extended attribute.

        Raises:
            UnionFSError: ENODATA, there is none of this name; ENOENT and the like.
        """
        live = self._live(path, op="getxattr", follow=follow_symlinks)
        value = live.meta.xattrs.get(name)
        if value is None:
            raise fs_error(errno.ENODATA, fspath(path), op="getxattr")
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
        return sorted(live.meta.xattrs)


@final
@attrs.frozen
class _UpperView:
    """The upper as a layer, for the reference resolver."""

    root: UpperDirectory
    label: str = "upper"
