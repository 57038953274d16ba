"""
Changing through a mount table: what a mount forbids, and whom a change concerns.

Names are made, moved and removed in one mount only; a mount point is busy; and mounts
elsewhere that show what moved or went are told.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import IO, Any, Final, Protocol, runtime_checkable

from unionfs_sim.containers import mountwalk, moving, openfiles
from unionfs_sim.containers.mountwalk import Spot
from unionfs_sim.containers.tablereading import TableReader
from unionfs_sim.core import fileio, flags
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.errors import UnionFSError, fs_error

_EXCHANGE: Final = 2

#: Last names that no verb takes for one to make or remove: the file system says so.
_DOTS: Final = frozenset({"", ".", ".."})


@runtime_checkable
class Renames(Protocol):
    """A file system with Linux's ``renameat2``."""

    def renameat2(self, src: StrPath, dst: StrPath, flags: int = 0) -> None:
        """Move a name, or exchange two."""
        ...  # pragma: no cover


class TableChanger(TableReader):
    """The changing half of `mounts.MountTable`, by path."""

    # --- names --------------------------------------------------------------------

    def _named(self, text: str, *, op: str) -> Spot:
        return mountwalk.find_name(self._state.root, text, op=op, caller=self._caller)

    def _new(self, text: str, *, op: str) -> Spot:
        """Walk to a name that is to be made; on a read-only mount only EEXIST is told."""
        spot = self._named(text, op=op)
        if spot.kind is None and spot.slash and op != "mkdir":
            raise fs_error(errno.ENOENT, text, op=op)
        if spot.kind is None and spot.parent.read_only:
            raise fs_error(errno.EROFS, text, op=op)
        return spot

    def _gone(self, text: str, *, op: str) -> Spot:
        """Walk to a name that is to go."""
        spot = self._named(text, op=op)
        if spot.parent.read_only and spot.name not in _DOTS:
            raise fs_error(errno.EROFS, text, op=op)
        if spot.name not in _DOTS and self._covered(spot):
            directory = spot.kind is Kind.DIRECTORY
            number = errno.EBUSY
            if directory and op == "unlink":
                number = errno.EISDIR
            elif not directory and op == "rmdir":
                number = errno.ENOTDIR
            raise fs_error(number, text, op=op)
        return spot

    def _covered(self, spot: Spot) -> bool:
        """Tell whether a name is a mount point, be it by another path to it."""
        if spot.covering:
            return True
        backing, place = spot.parent.backing, spot.place
        state = self._state
        return any(
            mount.backing is backing and place in mount.children
            for mount in (state.root, *state.order)
        )

    def mkdir(self, path: StrPath, mode: int = 0o777) -> None:
        """
        Make a directory.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES, ENOSPC.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._new(text, op="mkdir")
            self._ask(
                spot, text, lambda fs, inner: fs.mkdir(inner, mode), inner=spot.inner
            )

    def rmdir(self, path: StrPath) -> None:
        """
        Remove an empty directory.

        Raises:
            UnionFSError: EBUSY, it is a mount point; ENOENT, ENOTDIR, ENOTEMPTY,
                EINVAL, EROFS, EACCES.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._gone(text, op="rmdir")
            self._remove(spot, text, lambda fs, inner: fs.rmdir(inner))

    def unlink(self, path: StrPath) -> None:
        """
        Remove a name that is not a directory's.

        Raises:
            UnionFSError: EBUSY, it is a mount point; ENOENT, EISDIR, ENOTDIR, EROFS,
                EACCES, EPERM.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._gone(text, op="unlink")
            self._remove(spot, text, lambda fs, inner: fs.unlink(inner))

    def _remove(
        self, spot: Spot, text: str, call: Callable[[FileSystem, str], None]
    ) -> None:
        losing = moving.losing(spot)
        try:
            self._ask(spot, text, call, inner=spot.inner)
        except UnionFSError:
            for fs in losing.values():
                moving.release(fs)
            raise
        moving.lose(spot, losing)

    def rename(self, src: StrPath, dst: StrPath) -> None:
        """
        Move a name, replacing what is at the new one.

        Raises:
            UnionFSError: EXDEV, the new name is on another mount; EBUSY, one of them
                is a mount point; EROFS; and what the file system says.
        """
        self.renameat2(src, dst, 0)

    def renameat2(self, src: StrPath, dst: StrPath, flags: int = 0) -> None:
        """
        Move a name, or exchange two, as Linux's ``renameat2``.

        Raises:
            UnionFSError: As `rename`; EINVAL, the file system does not know the flags.
        """
        old, new = fspath(src), fspath(dst)
        with self._state.lock:
            source = self._named(old, op="rename")
            target = self._named(new, op="rename")
            number = self._rename_error(source, target)
            if number:
                raise fs_error(number, old, op="rename", path2=new)
            mount = source.parent
            fs = self._fs(mount)
            if flags and not isinstance(fs, Renames):
                raise fs_error(errno.EINVAL, old, op="rename", path2=new)
            losing = {}
            same = source.path == target.path
            if target.kind is not None and not flags:
                same = same or moving.same(source, target)
                losing = {} if same else moving.losing(target)
            try:
                with mount.backing.lock:
                    if flags and isinstance(fs, Renames):
                        fs.renameat2(source.inner, target.inner, flags)
                    else:
                        fs.rename(source.inner, target.inner)
            except UnionFSError as error:
                for lost in losing.values():
                    moving.release(lost)
                error.filename, error.filename2 = old, new
                raise
            if not same:
                moving.follow(source, target, losing, exchange=bool(flags & _EXCHANGE))

    def _rename_error(self, source: Spot, target: Spot) -> int:
        """Give what the mounts have against a rename, in the kernel's order; or 0."""
        if source.parent is not target.parent:
            return errno.EXDEV
        if source.name in _DOTS or target.name in _DOTS:
            return errno.EBUSY
        if source.parent.read_only:
            return errno.EROFS
        if source.kind is None:
            return errno.ENOENT
        if not (self._covered(source) or self._covered(target)):
            return 0  # the rest is for the file system to say
        return moving.busy_error(source, target)

    def link(self, src: StrPath | int, dst: StrPath) -> None:
        """
        Give a file one more name; a symbolic link is linked itself.

        Raises:
            UnionFSError: EXDEV, the new name is on another mount; EEXIST, ENOENT,
                ENOTDIR, EROFS, EACCES, EPERM.
        """
        assert not isinstance(src, int), "descriptors are dealt with further up"
        old, new = fspath(src), fspath(dst)
        with self._state.lock:
            source = self._there(old, op="link", follow=False)
            target = self._new(new, op="link")
            if source.mount is not target.parent:
                number = errno.EEXIST if target.kind is not None else errno.EXDEV
                raise fs_error(number, old, op="link", path2=new)
            try:
                self._ask(
                    target,
                    new,
                    lambda fs, inner: fs.link(source.path, inner),
                    inner=target.inner,
                )
            except UnionFSError as error:
                error.filename, error.filename2 = old, new
                raise

    def symlink(self, src: StrPath, dst: StrPath) -> None:
        """
        Make a symbolic link *dst* with the text *src*.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES, ENAMETOOLONG.
        """
        text = fspath(dst)
        with self._state.lock:
            spot = self._new(text, op="symlink")
            self._ask(
                spot, text, lambda fs, inner: fs.symlink(src, inner), inner=spot.inner
            )

    def mknod(self, path: StrPath, mode: int = 0o600, device: int = 0) -> None:
        """
        Make a file, device, fifo or socket, by the type bits of *mode*.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES, EPERM, EINVAL.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._new(text, op="mknod")
            self._ask(
                spot,
                text,
                lambda fs, inner: fs.mknod(inner, mode, device),
                inner=spot.inner,
            )

    # --- attributes and content ---------------------------------------------------

    def chmod(self, path: StrPath, mode: int, *, follow_symlinks: bool = True) -> None:
        """
        Change permission, set-id and sticky bits.

        Raises:
            UnionFSError: EOPNOTSUPP, it is a link itself; EPERM, ENOENT, EROFS, EACCES.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="chmod", follow=follow_symlinks, writes=True)
            self._ask(
                spot,
                text,
                lambda fs, inner: (
                    fs.chmod(inner, mode, follow_symlinks=False)
                    if spot.kind is Kind.SYMLINK
                    else fs.chmod(inner, mode)
                ),
            )

    def chown(
        self, path: StrPath, uid: int, gid: int, *, follow_symlinks: bool = True
    ) -> None:
        """
        Change the owner and the group; -1 leaves one as it is.

        Raises:
            UnionFSError: EPERM, the caller may not; ENOENT, ENOTDIR, ELOOP, EROFS.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="chown", follow=follow_symlinks, writes=True)
            self._ask(
                spot,
                text,
                lambda fs, inner: fs.chown(inner, uid, gid, follow_symlinks=False),
            )

    def utime(
        self,
        path: StrPath,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int | None, int | None] | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """
        Set the times of last access and change, now by default.

        Raises:
            UnionFSError: EPERM or EACCES, it is not the caller's; ENOENT, EROFS.
            ValueError: Both *times* and *ns* are given.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="utime", follow=follow_symlinks, writes=True)
            self._ask(
                spot,
                text,
                lambda fs, inner: fs.utime(inner, times, ns=ns, follow_symlinks=False),
            )

    def setxattr(
        self,
        path: StrPath,
        name: str,
        value: bytes,
        flags: int = 0,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """
        Set an extended attribute; *flags* 1 creates only, 2 replaces only.

        Raises:
            UnionFSError: EEXIST, ENODATA, EOPNOTSUPP, ERANGE, EPERM, ENOENT, EROFS.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="setxattr", follow=follow_symlinks, writes=True)
            self._ask(
                spot,
                text,
                lambda fs, inner: fs.setxattr(
                    inner, name, value, flags, follow_symlinks=False
                ),
            )

    def removexattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> None:
        """
        Remove an extended attribute.

        Raises:
            UnionFSError: ENODATA, there is none; EPERM, ENOENT, EROFS.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(
                text, op="removexattr", follow=follow_symlinks, writes=True
            )
            self._ask(
                spot,
                text,
                lambda fs, inner: fs.removexattr(inner, name, follow_symlinks=False),
            )

    def truncate(self, path: StrPath, length: int) -> None:
        """
        Cut or prolong a file; what is added reads as zeros.

        Raises:
            UnionFSError: EISDIR, EINVAL, ENOENT, EROFS, EACCES, ENOSPC.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="truncate")
            if spot.mount.read_only and spot.kind is Kind.REGULAR and length >= 0:
                raise fs_error(errno.EROFS, text, op="truncate")
            self._ask(spot, text, lambda fs, inner: fs.truncate(inner, length))

    def open(
        self,
        path: StrPath,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """
        Open a file as the built-in `open` does; text is UTF-8 by default.

        Each read and write holds the lock of the file system that the file lies on.

        Raises:
            UnionFSError: ENOENT, EEXIST, EISDIR, ENOTDIR, ELOOP, EROFS, EACCES, ENXIO.
            ValueError: The mode is not one.
        """
        wanted = fileio.Mode.parse(mode)
        text = fspath(path)
        with self._state.lock:
            spot = self._opening(text, wanted.flags)
            raw = self._ask(
                spot,
                text,
                lambda fs, inner: fs.open(inner, openfiles.binary(mode), 0),
            )
        return openfiles.opened(
            raw,
            spot.mount.backing.lock,
            text,
            wanted,
            buffering=buffering,
            encoding=encoding,
            errors=errors,
            newline=newline,
        )

    def _opening(self, text: str, how: int) -> Spot:
        """Walk to what is to be opened, and check what the mount says to it."""
        creates = bool(how & flags.O_CREAT) and not how & flags.O_PATH
        if creates and how & flags.O_DIRECTORY:
            raise fs_error(errno.EINVAL, text, op="open")
        exclusive = creates and how & flags.O_EXCL
        follow = not exclusive and not how & flags.O_NOFOLLOW
        spot = self._find(text, op="open", follow=follow, creates=creates)
        if spot.kind is None and not creates:
            raise fs_error(errno.ENOENT, text, op="open")
        if not spot.mount.read_only:
            return spot
        nameless = how & flags.O_TMPFILE == flags.O_TMPFILE
        writes = how & flags.O_TRUNC or how & flags.O_ACCMODE != flags.O_RDONLY
        if spot.kind is None or nameless:
            raise fs_error(errno.EROFS, text, op="open")
        if writes and not exclusive and spot.kind is Kind.REGULAR:
            raise fs_error(errno.EROFS, text, op="open")
        return spot
