"""
Changing a union by path: every verb walks to a place, plans, and commits.

What is decided is decided in `plan` and `rename`, what is done is done in `commit`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeAlias

import attrs

from unionfs_sim.core import commit, permissions, plan, rename, walk, xattrs
from unionfs_sim.core.meta import MODE_BITS, SYMLINK_META, Meta
from unionfs_sim.core.nodes import Device, Fifo, Kind, Leaf, Regular, Socket, Symlink
from unionfs_sim.core.paths import StrPath, check, fspath
from unionfs_sim.core.reading import UnionReader
from unionfs_sim.core.records import Broken
from unionfs_sim.core.space import Call
from unionfs_sim.core.steps import Plan
from unionfs_sim.core.upper import LIVE_DIRECTORY_TYPES, UpperDirectory, UpperFile
from unionfs_sim.errors import fs_error

#: Called with each plan after it was committed.
Observer: TypeAlias = Callable[[Plan], None]


class UnionChanger(UnionReader):
    """The changing half of `UnionFS`, by path."""

    _observer: Observer | None

    def _call(self) -> Call:
        return Call(self._space, self._caller, self._clock())

    def _commit(self, made: Plan) -> None:
        """Do a plan, forget what it made untrue, and tell the observer."""
        edits = commit.apply(self._space, made)
        if edits:
            self._cache.forget_edits(edits)
        for edit in edits:
            if not edit.raised:
                continue
            after = edit.after
            if isinstance(after, UpperFile):
                if after.origin:
                    self._space.raised[id(after.origin)] = after
                else:
                    self._space.raised_names[edit.directory, edit.name] = after
            elif isinstance(after, UpperDirectory):
                self._space.raised[id(after.below)] = after
        if self._observer is not None:
            self._observer(made)
        if made.error:
            first, *rest = made.paths
            raise fs_error(
                made.error, first, op=made.verb, path2=rest[0] if rest else None
            )

    def _parent(self, path: StrPath, *, op: str, arrive: bool = True) -> walk.Place:
        """Walk to where a name is or may be; *arrive* looks the name itself up."""
        text = fspath(path)
        known = self._cache.start(text)
        place = walk.find_parent(
            self._space, text, op=op, caller=self._caller, known=known
        )
        if known is None:
            self._cache.know(place)
        if arrive:
            self._arrive(place)
        return place

    def _arrive(self, place: walk.Place) -> None:
        """Leave the marks of looking a place's name up (S20)."""
        if isinstance(place.live, (UpperDirectory, Broken)) and place.name:
            self._space.child(place.directory, place.name)

    def mkdir(self, path: StrPath, mode: int = 0o777) -> None:
        """
        Make a directory; over a whiteout it starts opaque (S14).

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES.
        """
        place = self._parent(path, op="mkdir")
        self._commit(plan.mkdir(self._call(), place, mode & 0o1777))

    def rmdir(self, path: StrPath) -> None:
        """
        Remove an empty directory; one that lower layers show leaves a whiteout.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ENOTEMPTY, EBUSY, EINVAL, EROFS, EACCES.
        """
        self._commit(plan.rmdir(self._call(), self._parent(path, op="rmdir")))

    def unlink(self, path: StrPath) -> None:
        """
        Remove a name that is not a directory's; a lower one leaves a whiteout (S8).

        Raises:
            UnionFSError: ENOENT, EISDIR, ENOTDIR, EROFS, EACCES, EPERM.
        """
        self._commit(plan.unlink(self._call(), self._parent(path, op="unlink")))

    def rename(self, src: StrPath, dst: StrPath) -> None:
        """
        Move a name, replacing what is at the new one.

        Raises:
            UnionFSError: EXDEV, a directory that lower layers take part in (S10);
                ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL, EBUSY, EROFS, EACCES.
        """
        self.renameat2(src, dst, 0)

    def renameat2(self, src: StrPath, dst: StrPath, flags: int = 0) -> None:
        """
        Move a name, or exchange two, as Linux's ``renameat2``.

        Args:
            src: The name.
            dst: The new name.
            flags: 1 ``RENAME_NOREPLACE``, 2 ``RENAME_EXCHANGE``; 4
                ``RENAME_WHITEOUT`` is refused, as by the kernel (S34).

        Raises:
            UnionFSError: As `rename`; EEXIST; EINVAL, the flags do not go together.
        """
        number = rename.flags_error(flags)
        if number:
            raise fs_error(number, fspath(src), op="rename", path2=fspath(dst))
        # Both directories are walked to before either name is looked up.
        source = self._parent(src, op="rename", arrive=False)
        place = self._parent(dst, op="rename", arrive=False)
        if source.name and place.name and not self._space.read_only:
            self._arrive(source)
            if source.live is not None and not isinstance(source.live, Broken):
                self._arrive(place)
        self._commit(rename.rename(self._call(), source, place, flags))

    def link(self, src: StrPath, dst: StrPath) -> None:
        """
        Give a file one more name; a lower file is copied up for it.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES; EPERM, it is a
                directory.
        """
        source = self._place(src, op="link", follow=False)
        place = self._parent(dst, op="link")
        self._commit(plan.link(self._call(), source, place))

    def symlink(self, src: StrPath, dst: StrPath) -> None:
        """
        Make a symbolic link *dst* with the text *src*.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES; ENAMETOOLONG, the
                text is longer than 4095 bytes.
        """
        target = fspath(src)
        if not target:
            raise fs_error(errno.ENOENT, target, op="symlink", path2=fspath(dst))
        check(target, op="symlink")
        place = self._parent(dst, op="symlink")
        call = self._call()
        meta = plan.new_meta(call, place, 0)
        node = Symlink(target, attrs.evolve(meta, mode=SYMLINK_META.mode))
        self._commit(plan.make_leaf(call, "symlink", place, node))

    def mknod(self, path: StrPath, mode: int = 0o600, device: int = 0) -> None:
        """
        Make a file, device, fifo or socket, by the type bits of *mode*.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES; EPERM, it is a
                character device 0:0, which is a whiteout's form (S34), or the
                caller is not root; EINVAL, the type is none of these.
        """
        bits = mode & ~MODE_BITS
        if bits == Kind.DIRECTORY.type_bits:
            raise fs_error(errno.EPERM, fspath(path), op="mknod")
        place = self._parent(path, op="mknod")
        call = self._call()
        node = _special(bits, device, plan.new_meta(call, place, mode & MODE_BITS))
        if node is None:
            raise fs_error(errno.EINVAL, fspath(path), op="mknod")
        self._commit(plan.make_leaf(call, "mknod", place, node))

    def chmod(self, path: StrPath, mode: int, *, follow_symlinks: bool = True) -> None:
        """
        Change permission, set-id and sticky bits; copies up in any case (S6).

        Raises:
            UnionFSError: EOPNOTSUPP, it is a link itself; EPERM, it is not the
                caller's; ENOENT, EROFS, EACCES.
        """
        place = self._place(path, op="chmod", follow=follow_symlinks)
        if place.live is not None and place.live.kind is Kind.SYMLINK:
            raise fs_error(errno.EOPNOTSUPP, fspath(path), op="chmod")
        self._change("chmod", place, permissions.chmod(self._caller, mode & MODE_BITS))

    def chown(
        self, path: StrPath, uid: int, gid: int, *, follow_symlinks: bool = True
    ) -> None:
        """
        Change owner and group; -1 leaves one as it is.

        A regular file loses its set-id bits, also for root (overlayfs.md, 10).

        Raises:
            UnionFSError: EPERM, the caller may not; ENOENT, ENOTDIR, ELOOP, EROFS.
        """
        place = self._place(path, op="chown", follow=follow_symlinks)
        assert place.live is not None
        directory = isinstance(place.live, LIVE_DIRECTORY_TYPES)
        change = permissions.chown(self._caller, uid, gid, directory=directory)
        self._change("chown", place, change)

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

        Args:
            path: The path.
            times: Both times, in seconds.
            ns: Both times, in nanoseconds; ``None`` leaves one as it is, and both
                copy nothing up (``UTIME_OMIT``).
            follow_symlinks: Whether a link at the end is followed.

        Raises:
            UnionFSError: EPERM or EACCES, it is not the caller's; ENOENT, ENOTDIR,
                ELOOP, EROFS.
            ValueError: Both *times* and *ns* are given.
        """
        if times is not None and ns is not None:
            msg = "utime: you may specify either 'times' or 'ns' but not both"
            raise ValueError(msg)
        if times is not None:
            ns = (_to_ns(times[0]), _to_ns(times[1]))
        place = self._place(path, op="utime", follow=follow_symlinks)
        if ns == (None, None):
            return
        call = self._call()
        change = permissions.utime(self._caller, ns, call.now_ns)
        self._change("utime", place, change, call=call)

    def _change(
        self,
        op: str,
        place: walk.Place,
        change: permissions.Change,
        *,
        call: Call | None = None,
    ) -> None:
        """Change attributes, if the caller may."""
        call = call or self._call()
        if call.space.read_only:
            raise fs_error(errno.EROFS, place.path, op=op)
        assert place.live is not None
        change.check(place.live.meta, place.path, op)
        self._commit(plan.set_meta(call, op, place, change.apply))

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

        Copies up even if it then fails because of the flags (S7).

        Raises:
            UnionFSError: EEXIST, ENODATA, by the flags; EOPNOTSUPP, EINVAL, ERANGE,
                by the name; E2BIG, the value is longer than 64 KiB; EPERM, EACCES,
                ENOENT, ENOTDIR, EROFS.
        """
        text = fspath(path)
        number = xattrs.name_error(name) or xattrs.size_error(value)
        if number:
            raise fs_error(number, text, op="setxattr")
        place = self._place(path, op="setxattr", follow=follow_symlinks)
        meta = self._writable_xattr(place, name, "setxattr")
        made = plan.set_meta(
            self._call(),
            "setxattr",
            place,
            lambda old: attrs.evolve(old, xattrs={**old.xattrs, name: bytes(value)}),
            error=xattrs.support_error(name)
            or xattrs.flag_error(name in meta.xattrs, flags),
            alias=False,
        )
        self._commit(made)

    def removexattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> None:
        """
        Remove an extended attribute; a missing one copies nothing up (S7).

        Raises:
            UnionFSError: ENODATA, there is none; EOPNOTSUPP, EINVAL, ERANGE, by the
                name; EPERM, EACCES, ENOENT, ENOTDIR, EROFS.
        """
        text = fspath(path)
        number = xattrs.name_error(name)
        if number:
            raise fs_error(number, text, op="removexattr")
        place = self._place(path, op="removexattr", follow=follow_symlinks)
        meta = self._writable_xattr(place, name, "removexattr")
        number = xattrs.support_error(name)
        if number or name not in meta.xattrs:
            raise fs_error(number or errno.ENODATA, text, op="removexattr")

        def without(old: Meta) -> Meta:
            kept = {key: item for key, item in old.xattrs.items() if key != name}
            return attrs.evolve(old, xattrs=kept)

        call = self._call()
        self._commit(plan.set_meta(call, "removexattr", place, without, alias=False))

    def _writable_xattr(self, place: walk.Place, name: str, op: str) -> Meta:
        live = place.live
        assert live is not None
        if self._space.read_only:
            raise fs_error(errno.EROFS, place.path, op=op)
        number = xattrs.write_error(live.kind, live.meta, self._caller, name)
        if number:
            raise fs_error(number, place.path, op=op)
        return live.meta

    def truncate(self, path: StrPath, length: int) -> None:
        """
        Cut or prolong a file; what is added reads as zeros and takes no memory.

        Raises:
            UnionFSError: EINVAL, *length* is negative or it is no regular file;
                EISDIR, ENOENT, ENOTDIR, EROFS, EACCES.
        """
        text = fspath(path)
        if length < 0:
            raise fs_error(errno.EINVAL, text, op="truncate")
        place = self._place(text, op="truncate")
        live = place.live
        assert live is not None
        number = 0
        if isinstance(live, LIVE_DIRECTORY_TYPES):
            number = errno.EISDIR
        elif live.kind is not Kind.REGULAR:
            number = errno.EINVAL
        elif self._space.read_only:
            number = errno.EROFS
        elif not permissions.allows(live.meta, self._caller, permissions.WRITE):
            number = errno.EACCES
        if number:
            raise fs_error(number, text, op="truncate")
        self._commit(plan.truncate(self._call(), place, length))


def _to_ns(seconds: float) -> int:
    whole, fraction = divmod(seconds, 1)
    return int(whole) * 1_000_000_000 + int(fraction * 1_000_000_000)


def _special(bits: int, device: int, meta: Meta) -> Leaf | None:
    """Make the node that ``mknod`` asks for, or ``None`` if it cannot be."""
    major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
    minor = device & 0xFF | (device >> 12) & 0xFFFFFF00
    if bits in {0, Kind.REGULAR.type_bits}:
        return Regular(meta=meta)
    if bits == Kind.FIFO.type_bits:
        return Fifo(meta)
    if bits == Kind.SOCKET.type_bits:
        return Socket(meta)
    if bits in {Kind.BLOCK.type_bits, Kind.CHAR.type_bits}:
        return Device(major, minor, block=bits == Kind.BLOCK.type_bits, meta=meta)
    return None
