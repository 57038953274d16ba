"""What every inode carries besides its content: mode, owner, times and xattrs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from unionfs_sim.core.values import plain

#: The bits of ``st_mode`` that a mode holds: permissions, set-id and sticky.
MODE_BITS: Final = 0o7777

#: The one empty set of extended attributes, shared by all who have none.
NO_XATTRS: Final[Mapping[str, bytes]] = {}


def _shared(xattrs: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return xattrs or NO_XATTRS


@attrs.frozen(kw_only=True, weakref_slot=False)
class Meta:
    """
    The attributes of an inode, as an immutable value.

    Attributes:
        mode: Permission, set-id and sticky bits (0o0000 to 0o7777), no type bits.
        uid: Owner.
        gid: Group.
        atime_ns: Last access, in nanoseconds since the epoch.
        mtime_ns: Last change of the content, likewise.
        ctime_ns: Last change of the inode, likewise.
        xattrs: Extended attributes as a caller sees them; never to be changed in
            place, by whoever gave them either.
        private: What overlayfs keeps for itself in xattrs (``redirect``, ``origin``,
            ``impure``, ``metacopy``, ``nlink``, ...), by the last part of the name;
            never shown to a caller, and not copied up.

    >>> Meta(mode=0o644, mtime_ns=5).mtime_ns
    5
    """

    mode: int
    uid: int = 0
    gid: int = 0
    atime_ns: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    xattrs: Mapping[str, bytes] = attrs.field(default=NO_XATTRS, converter=_shared)
    private: Mapping[str, bytes] = attrs.field(
        default=NO_XATTRS, converter=_shared, repr=False
    )


_PlainMeta: Final = plain(Meta)


def fresh(mode: int, uid: int, gid: int, now_ns: int) -> Meta:
    """Give the attributes of something new: all its times are now."""
    made = _PlainMeta(mode, uid, gid, now_ns, now_ns, now_ns, NO_XATTRS, NO_XATTRS)
    made.__class__ = Meta
    return made  # type: ignore[no-any-return]


def timed(meta: Meta, ctime_ns: int, mtime_ns: int | None = None) -> Meta:
    """Give attributes with the time of a change, and of the content's if it is one."""
    made = _PlainMeta(
        meta.mode,
        meta.uid,
        meta.gid,
        meta.atime_ns,
        meta.mtime_ns if mtime_ns is None else mtime_ns,
        ctime_ns,
        meta.xattrs,
        meta.private,
    )
    made.__class__ = Meta
    return made  # type: ignore[no-any-return]


def marked(meta: Meta, key: str, value: bytes | None) -> Meta:
    """
    Give attributes with a private xattr set or, with ``None``, removed.

    >>> dict(marked(Meta(mode=0o755), "impure", b"y").private)
    {'impure': b'y'}
    """
    private = {name: item for name, item in meta.private.items() if name != key}
    if value is not None:
        private[key] = value
    return with_private(meta, private)


def with_private(meta: Meta, private: Mapping[str, bytes]) -> Meta:
    """Give attributes with other private ones."""
    if meta.private is private:
        return meta
    made = _PlainMeta(
        meta.mode,
        meta.uid,
        meta.gid,
        meta.atime_ns,
        meta.mtime_ns,
        meta.ctime_ns,
        meta.xattrs,
        private or NO_XATTRS,
    )
    made.__class__ = Meta
    return made  # type: ignore[no-any-return]


#: Attributes of a file that was described by its content alone.
FILE_META: Final = Meta(mode=0o644)

#: Attributes of a directory that was described by its entries alone; also what a
#: directory shows that no layer has an entry for (layer-formats, rule 5.8).
DIRECTORY_META: Final = Meta(mode=0o755)

#: A symbolic link's mode is always 0777 on Linux.
SYMLINK_META: Final = Meta(mode=0o777)


@attrs.frozen(kw_only=True)
class Credentials:
    """
    Who calls: effective user and group, further groups, and the umask.

    With *searches* directories keep the caller from nothing that is in them: a mount
    table does so, for what lies above the directory that it shows is not in the way.

    >>> Credentials(uid=1000, gid=1000).is_root
    False
    """

    uid: int = 0
    gid: int = 0
    groups: frozenset[int] = frozenset()
    umask: int = 0o022
    searches: bool = attrs.field(default=False, repr=False)
    #: Whether permission checks are passed over.
    is_root: bool = attrs.field(init=False, repr=False, eq=False)

    @is_root.default
    def _is_root(self) -> bool:
        return self.uid == 0


#: The default caller, with the umask that the recorded cases were made with.
ROOT: Final = Credentials()
