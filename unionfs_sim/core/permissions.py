"""Who may do what: the checks of the kernel, as pure functions (overlayfs.md, 10)."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final, final

import attrs

from unionfs_sim.core.meta import Credentials, Meta
from unionfs_sim.errors import fs_error

READ: Final = 4
WRITE: Final = 2
EXECUTE: Final = 1

_STICKY: Final = 0o1000
_SET_UID: Final = 0o4000
_SET_GID: Final = 0o2000
_GROUP_EXECUTE: Final = 0o010
_CAPABILITY: Final = "security.capability"


def member(caller: Credentials, gid: int) -> bool:
    """Tell whether the caller is in a group."""
    return gid == caller.gid or gid in caller.groups


def allows(
    meta: Meta, caller: Credentials, wanted: int, *, directory: bool = False
) -> bool:
    """
    Tell whether the mode lets the caller read (4), write (2) and execute (1).

    Root may do everything but execute a file without any execute bit.

    >>> allows(Meta(mode=0o640, gid=5), Credentials(uid=1, gid=5), READ)
    True
    """
    mode = meta.mode
    if caller.is_root:
        return directory or not wanted & EXECUTE or bool(mode & 0o111)
    if caller.uid == meta.uid:
        mode >>= 6
    elif member(caller, meta.gid):
        mode >>= 3
    return mode & wanted == wanted


def owns(meta: Meta, caller: Credentials) -> bool:
    """Tell whether the caller may do what only owners may."""
    return caller.is_root or caller.uid == meta.uid


def entry_error(directory: Meta, caller: Credentials, child: Meta | None = None) -> int:
    """
    Give what keeps the caller from making or removing an entry, or 0.

    Args:
        directory: The directory's attributes.
        caller: The caller.
        child: Those of what is removed or replaced: in a sticky directory only its
            owner and the directory's may do it (EPERM).
    """
    if caller.is_root:
        return 0
    if not allows(directory, caller, WRITE | EXECUTE, directory=True):
        return errno.EACCES
    if (
        child is not None
        and directory.mode & _STICKY
        and not (owns(directory, caller) or owns(child, caller))
    ):
        return errno.EPERM
    return 0


def without_set_id(mode: int) -> int:
    """
    Drop set-user-id, and set-group-id where the group may execute.

    >>> oct(without_set_id(0o6755)), oct(without_set_id(0o2644))
    ('0o755', '0o2644')
    """
    drop = _SET_UID | (_SET_GID if mode & _GROUP_EXECUTE else 0)
    return mode & ~drop


def without_capability(meta: Meta) -> Meta:
    """Drop the capability of a program, which speaks of what it was (found-116)."""
    if _CAPABILITY not in meta.xattrs:
        return meta
    kept = {key: value for key, value in meta.xattrs.items() if key != _CAPABILITY}
    return attrs.evolve(meta, xattrs=kept)


def written(meta: Meta, caller: Credentials) -> Meta:
    """Drop what a change of its content takes from a file; root keeps set-id bits."""
    if not caller.is_root:
        meta = attrs.evolve(meta, mode=without_set_id(meta.mode))
    return without_capability(meta)


@final
@attrs.frozen
class Change:
    """
    A change of attributes, and what it takes to be allowed it.

    Attributes:
        check: Raises the error that keeps the caller from it, given the attributes,
            the path and the verb.
        apply: Gives the new attributes.
    """

    check: Callable[[Meta, str, str], None]
    apply: Callable[[Meta], Meta]


def chmod(caller: Credentials, mode: int) -> Change:
    """Change the mode: for owners; set-group-id goes outside one's groups."""

    def check(meta: Meta, path: str, op: str) -> None:
        if not owns(meta, caller):
            raise fs_error(errno.EPERM, path, op=op)

    def change(meta: Meta) -> Meta:
        outside = not caller.is_root and not member(caller, meta.gid)
        kept = mode & ~_SET_GID if outside else mode
        return attrs.evolve(meta, mode=kept)

    return Change(check, change)


def _drops(meta: Meta, caller: Credentials) -> bool:
    """Tell whether a chown would drop set-id bits."""
    outside = meta.mode & _SET_GID and not member(caller, meta.gid)
    return bool(outside) or without_set_id(meta.mode) != meta.mode


def chown(caller: Credentials, uid: int, gid: int, *, directory: bool) -> Change:
    """Change owner and group: for root; an owner may give it to a group of theirs."""

    def check(meta: Meta, path: str, op: str) -> None:
        if caller.is_root:
            return
        keeps_owner = uid in {-1, meta.uid} and caller.uid == meta.uid
        keeps_group = gid in {-1, meta.gid} or member(caller, gid)
        # Set-id bits that would go are a change of the mode, for owners only.
        drops = not directory and _drops(meta, caller) and caller.uid != meta.uid
        if drops or not (
            (uid == -1 or keeps_owner)
            and (gid == -1 or (caller.uid == meta.uid and keeps_group))
        ):
            raise fs_error(errno.EPERM, path, op=op)

    def change(meta: Meta) -> Meta:
        if not directory:
            meta = without_capability(meta)
        return attrs.evolve(
            meta,
            uid=meta.uid if uid == -1 else uid,
            gid=meta.gid if gid == -1 else gid,
            mode=meta.mode if directory else without_set_id(meta.mode),
        )

    return Change(check, change)


def utime(
    caller: Credentials, ns: tuple[int | None, int | None] | None, now_ns: int
) -> Change:
    """Change times: for owners; to now also for those who may write."""

    def check(meta: Meta, path: str, op: str) -> None:
        if owns(meta, caller):
            return
        if ns is not None:
            raise fs_error(errno.EPERM, path, op=op)
        if not allows(meta, caller, WRITE):
            raise fs_error(errno.EACCES, path, op=op)

    def change(meta: Meta) -> Meta:
        atime_ns, mtime_ns = (now_ns, now_ns) if ns is None else ns
        return attrs.evolve(
            meta,
            atime_ns=meta.atime_ns if atime_ns is None else atime_ns,
            mtime_ns=meta.mtime_ns if mtime_ns is None else mtime_ns,
        )

    return Change(check, change)
