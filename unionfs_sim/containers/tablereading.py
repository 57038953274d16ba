"""Reading through a mount table: each verb walks to a mount and asks its file system."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import Final, Protocol, TypeVar, final, runtime_checkable

import attrs

from unionfs_sim.containers import mountwalk
from unionfs_sim.containers.attached import Backing, Mount
from unionfs_sim.containers.forwarding import restated
from unionfs_sim.containers.mountwalk import Spot
from unionfs_sim.core.filesystem import DirEntry, DirIterator, FileSystem
from unionfs_sim.core.meta import ROOT, Credentials
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.status import stat_result, statvfs_result
from unionfs_sim.errors import UnionFSError, fs_error

_READ_ONLY: Final = 1  # ST_RDONLY
_WRITE: Final = 2

#: Kinds that a read-only mount lets nobody write to; devices and fifos it does.
WRITTEN: Final = frozenset({Kind.REGULAR, Kind.DIRECTORY})

_Result = TypeVar("_Result")


@runtime_checkable
class ForUsers(Protocol):
    """A file system that can be seen as another user."""

    def as_user(
        self,
        uid: int,
        gid: int,
        groups: frozenset[int] = frozenset(),
        umask: int = 0o022,
        *,
        searches: bool = False,
    ) -> FileSystem:
        """Give the same file system as another user sees it."""
        ...  # pragma: no cover


@final
@attrs.define(eq=False)
class TableState:
    """
    What a table and its views for other users share.

    Attributes:
        root: The mount at ``/``.
        lock: Held during each verb.
        order: All other mounts, in the order in which they were made.
        devices: The device number of each file system but the root's.
        files: Open descriptors: what they lie on, the descriptor there, the path.
    """

    root: Mount
    lock: threading.RLock = attrs.field(factory=threading.RLock)
    order: list[Mount] = attrs.field(factory=list)
    devices: dict[Backing, int] = attrs.field(factory=dict)
    files: dict[int, tuple[Mount, int, str]] = attrs.field(factory=dict)

    def device(self, backing: Backing) -> int:
        """Give the number of a file system; 0 for the root's, which keeps its own."""
        if backing is self.root.backing:
            return 0
        return self.devices.setdefault(backing, len(self.devices) + 2)


class TableReader(FileSystem):
    """The reading half of `mounts.MountTable`."""

    _state: TableState
    _caller: Credentials

    def _begin(self, state: TableState, caller: Credentials) -> None:
        self._state = state
        self._caller = caller
        self._views: dict[Mount, tuple[FileSystem, FileSystem]] = {}

    # --- walking and asking -------------------------------------------------------

    def _fs(self, mount: Mount) -> FileSystem:
        """Give the file system of a mount as the caller sees it."""
        fs, caller = mount.fs, self._caller
        if caller == ROOT or not isinstance(fs, ForUsers):
            return fs
        known = self._views.get(mount)
        if known is not None and known[0] is fs:
            return known[1]
        view = fs.as_user(
            caller.uid, caller.gid, caller.groups, caller.umask, searches=True
        )
        self._views[mount] = (fs, view)
        return view

    def _ask(
        self,
        spot: Spot,
        text: str,
        call: Callable[[FileSystem, str], _Result],
        *,
        inner: str | None = None,
    ) -> _Result:
        """Ask the file system of a spot, and tell its errors with the path as given."""
        mount = spot.mount if inner is None else spot.parent
        try:
            with mount.backing.lock:
                return call(self._fs(mount), spot.path if inner is None else inner)
        except UnionFSError as error:
            error.filename, error.filename2 = text, None
            raise

    def _find(
        self, text: str, *, op: str, follow: bool = True, creates: bool = False
    ) -> Spot:
        return mountwalk.find(
            self._state.root,
            text,
            op=op,
            follow=follow,
            caller=self._caller,
            creates=creates,
        )

    def _there(
        self, text: str, *, op: str, follow: bool = True, writes: bool = False
    ) -> Spot:
        """Walk to something that must be there, and that one may have to write to."""
        spot = self._find(text, op=op, follow=follow)
        if spot.kind is None:
            raise fs_error(errno.ENOENT, text, op=op)
        if writes and spot.mount.read_only:
            raise fs_error(errno.EROFS, text, op=op)
        return spot

    # --- verbs --------------------------------------------------------------------

    def stat(self, path: StrPath, *, follow_symlinks: bool = True) -> stat_result:
        """
        Give the status of a path, as `os.stat`; each file system has its own ``st_dev``.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="stat", follow=follow_symlinks)
            made = self._ask(spot, text, _lstat if spot.kind is Kind.SYMLINK else _stat)
        return with_device(made, spot.mount.device)

    def listdir(self, path: StrPath | int = "/") -> list[str]:
        """
        List the names in a directory, in order; a descriptor is taken as well.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, EBADF.
        """
        assert not isinstance(path, int), "descriptors are dealt with further up"
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="listdir")
            return self._ask(spot, text, lambda fs, inner: fs.listdir(inner))

    def scandir(self, path: StrPath = "/") -> DirIterator:
        """
        Go through the entries of a directory, as `os.scandir`; names in order.

        A mount point is listed as what is mounted there.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="scandir")
            found = self._ask(spot, text, lambda fs, inner: list(fs.scandir(inner)))
        entries = [DirEntry(self, text, entry.name, entry.kind) for entry in found]
        return DirIterator(iter(entries))

    def readlink(self, path: StrPath) -> str:
        """
        Give the text of a symbolic link.

        Raises:
            UnionFSError: EINVAL, it is not a link; ENOENT, ENOTDIR, ELOOP.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="readlink", follow=False)
            return self._ask(spot, text, lambda fs, inner: fs.readlink(inner))

    def access(self, path: StrPath, mode: int) -> bool:
        """Tell whether the caller may do what *mode* says, as `os.access`."""
        text = fspath(path)
        with self._state.lock:
            try:
                spot = self._there(text, op="access")
            except UnionFSError:
                return False
            if mode & _WRITE and spot.mount.read_only and spot.kind in WRITTEN:
                return False
            return self._ask(spot, text, lambda fs, inner: fs.access(inner, mode))

    def statvfs(self, path: StrPath = "/") -> statvfs_result:
        """
        Give the status of the file system that a path is on, as `os.statvfs`.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="statvfs")
            made = self._ask(spot, text, lambda fs, inner: fs.statvfs(inner))
        values = list(made)
        if spot.mount.read_only:
            values[8] |= _READ_ONLY
        return statvfs_result((*values[:10], spot.mount.device))

    def getxattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> bytes:
        """
        Give one extended attribute.

        Raises:
            UnionFSError: ENODATA, there is none of this name; ENOENT and the like.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="getxattr", follow=follow_symlinks)
            return self._ask(
                spot,
                text,
                lambda fs, inner: fs.getxattr(inner, name, follow_symlinks=False),
            )

    def listxattr(
        self, path: StrPath = "/", *, follow_symlinks: bool = True
    ) -> list[str]:
        """
        List the names of the extended attributes, in order.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="listxattr", follow=follow_symlinks)
            return self._ask(
                spot, text, lambda fs, inner: fs.listxattr(inner, follow_symlinks=False)
            )


def _stat(fs: FileSystem, inner: str) -> stat_result:
    """Give a status by the path of no link: a union remembers these."""
    return fs.stat(inner)


def _lstat(fs: FileSystem, inner: str) -> stat_result:
    return fs.lstat(inner)


def with_device(status: stat_result, device: int) -> stat_result:
    """Give a status with another device number; 0 leaves it as it is."""
    if not device or status.st_dev == device:
        return status
    return restated(status, dev=device)
