"""
Renaming: one name, or two that are exchanged (overlayfs.md, section 6).

The checks come in the kernel's order, which decides the errno where several apply.
"""

from __future__ import annotations

import errno
from typing import Final

from unionfs_sim.core import permissions
from unionfs_sim.core.copyup import Draft, is_lost
from unionfs_sim.core.meta import timed
from unionfs_sim.core.nodes import WHITEOUT
from unionfs_sim.core.paths import Name, to_bytes
from unionfs_sim.core.plan import empty_enough, failed, link_redirect
from unionfs_sim.core.policy import REDIRECT_BYTES_MAX, Redirect
from unionfs_sim.core.records import Broken
from unionfs_sim.core.space import Call
from unionfs_sim.core.steps import Exchange, Move, Plan, PutWhiteout, SetMark, SetMeta
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
    UpperInode,
    covered,
    has_origin,
    is_plain,
)
from unionfs_sim.core.walk import Place

RENAME_NOREPLACE: Final = 1
RENAME_EXCHANGE: Final = 2
RENAME_WHITEOUT: Final = 4

_FLAGS: Final = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT


def flags_error(flags: int) -> int:
    """
    Give what is wrong with flags, before any path is looked at, or 0.

    >>> flags_error(RENAME_NOREPLACE | RENAME_EXCHANGE) == errno.EINVAL
    True
    """
    both = flags & RENAME_EXCHANGE and flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)
    return errno.EINVAL if flags & ~_FLAGS or both else 0


def rename(call: Call, source: Place, place: Place, flags: int = 0) -> Plan:
    """
    Plan to move a name, replacing what is at the new one, or to exchange two.

    Raises:
        UnionFSError: EBUSY, a path ends in ``.`` or ``..``; ENOENT; EEXIST; ENOTDIR;
            EISDIR; EINVAL, a directory would move into itself; ENOTEMPTY; EXDEV, a
            directory that lower layers take part in; EROFS; EACCES; EPERM.
    """
    number = _error(call, source, place, flags)
    if number:
        raise failed(number, source, "rename", place)
    if _one_inode(call, source, place):
        return Draft(call).plan("rename", source, place)
    number = _late_error(call, source, place, flags)
    if number:
        raise failed(number, source, "rename", place)
    draft = Draft(call)
    inode = draft.inode(source, data=False)
    exchange = bool(flags & RENAME_EXCHANGE)
    from_directory = draft.parents(source)
    to_directory = draft.parents(place)
    if exchange and is_lost(place.live):
        # The first is in the upper by then, and so is the second's parent (found-121).
        return draft.plan("rename", source, place, error=errno.ENOENT)
    other = draft.inode(place, data=False) if exchange else None
    same = from_directory is to_directory
    for moved, where, new_parent in (
        (inode, source, to_directory),
        *(((other, place, from_directory),) if other is not None else ()),
    ):
        number = _mark_moved(draft, moved, where, new_parent, same_parent=same)
        if number:
            return draft.plan("rename", source, place, error=number)
    if (
        not exchange
        and isinstance(place.live, UpperDirectory)
        and is_plain(place.live)
        and not _empty_on_disk(call, place.live)
    ):
        # Only the real rename finds out, when the marks are set already (S13).
        return draft.plan("rename", source, place, error=errno.ENOTEMPTY)
    now = call.now_ns
    if other is not None:
        draft.add(Exchange(from_directory, source.name, to_directory, place.name))
        draft.add(SetMeta(other, timed(other.meta, now)))
    else:
        number = draft.drop(place)
        if number:
            return draft.plan("rename", source, place, error=number)
        whited = to_directory.entries.get(place.name)
        if not covered(from_directory, source.name):
            draft.add(Move(from_directory, source.name, to_directory, place.name))
        elif isinstance(whited, UpperFile) and whited.broken == errno.ENOENT:
            # A whiteout at the new name changes places with what is moved, also one
            # in the form of an xattr.
            draft.add(Exchange(from_directory, source.name, to_directory, place.name))
        else:
            draft.add(Move(from_directory, source.name, to_directory, place.name))
            draft.add(PutWhiteout(from_directory, source.name))
    draft.add(SetMeta(inode, timed(inode.meta, now)))
    return draft.plan("rename", source, place, inode=inode)


def _error(call: Call, source: Place, place: Place, flags: int) -> int:
    """Check what comes before the test whether both are one inode (6.1, 2 to 5)."""
    exchange = flags & RENAME_EXCHANGE
    if not source.name:
        return errno.EBUSY
    if not place.name:
        return errno.EEXIST if flags & RENAME_NOREPLACE else errno.EBUSY
    if call.space.read_only:
        return errno.EROFS
    if isinstance(source.live, Broken):
        return source.live.errno
    if source.live is None:
        return errno.ENOENT
    if isinstance(place.live, Broken):
        return place.live.errno
    if flags & RENAME_NOREPLACE and place.live is not None:
        return errno.EEXIST
    if exchange and place.live is None:
        return errno.ENOENT
    from_directory = isinstance(source.live, LIVE_DIRECTORY_TYPES)
    to_directory = isinstance(place.live, LIVE_DIRECTORY_TYPES)
    if not from_directory and (source.slash or (not exchange and place.slash)):
        return errno.ENOTDIR
    if exchange and not to_directory and place.slash:
        return errno.ENOTDIR
    if _holds(source.live, place.trail):
        return errno.EINVAL
    if _holds(place.live, source.trail):
        return errno.EINVAL if exchange else errno.ENOTEMPTY
    return 0


def _holds(live: Live | None, trail: list[tuple[Name, LiveDirectory]]) -> bool:
    return any(directory is live for _, directory in trail)


def _one_inode(call: Call, source: Place, place: Place) -> bool:
    """
    Tell whether two places are one inode to the kernel, so that nothing moves.

    Two lower hard links are different inodes with index=off (S30).
    """
    if source.live is not place.live:
        return False
    same_name = source.directory is place.directory and source.name == place.name
    return same_name or isinstance(source.live, UpperFile) or call.policy.index


def _late_error(call: Call, source: Place, place: Place, flags: int) -> int:
    """Check what comes after it (6.1, 7 to 11)."""
    assert source.live is not None
    exchange = flags & RENAME_EXCHANGE
    number = permissions.entry_error(
        source.directory.meta, call.caller, source.live.meta
    )
    if not number:
        number = permissions.entry_error(
            place.directory.meta, call.caller, place.live.meta if place.live else None
        )
    if number:
        return number
    from_directory = isinstance(source.live, LIVE_DIRECTORY_TYPES)
    to_directory = isinstance(place.live, LIVE_DIRECTORY_TYPES)
    if place.live is not None and not exchange and from_directory != to_directory:
        return errno.ENOTDIR if from_directory else errno.EISDIR
    number = _moved_error(call, source, place, exchange=bool(exchange))
    if number:
        return number
    if flags & RENAME_WHITEOUT:
        return errno.EINVAL
    stays = call.policy.redirect_dir is not Redirect.ON
    if stays and (
        _needs_redirect(source.live) or (exchange and _needs_redirect(place.live))
    ):
        return errno.EXDEV
    if to_directory and not exchange and not _upper_alone(place.live):
        return 0 if empty_enough(call, place) else errno.ENOTEMPTY
    return 0


def _upper_alone(live: Live | None) -> bool:
    return isinstance(live, UpperDirectory) and is_plain(live)


def _empty_on_disk(call: Call, directory: UpperDirectory) -> bool:
    """Tell whether the real rename finds the directory that it replaces empty."""
    ghosts = call.policy.ghosts
    return not any(ghosts or x is not WHITEOUT for x in directory.entries.values())


def _moved_error(call: Call, source: Place, place: Place, *, exchange: bool) -> int:
    """A directory that gets another parent must be writable, for its ``..``."""
    if source.directory is place.directory:
        return 0
    moved = [source.live, place.live] if exchange else [source.live]
    for live in moved:
        if isinstance(live, LIVE_DIRECTORY_TYPES) and not permissions.allows(
            live.meta, call.caller, permissions.WRITE, directory=True
        ):
            return errno.EACCES
    return 0


def _needs_redirect(live: Live | None) -> bool:
    """Tell whether it is a directory that lower layers take part in."""
    if isinstance(live, UpperDirectory):
        return live.below is not None
    return isinstance(live, LIVE_DIRECTORY_TYPES)


def _mark_moved(
    draft: Draft,
    inode: UpperInode,
    place: Place,
    new_parent: UpperDirectory,
    *,
    same_parent: bool,
) -> int:
    """
    Mark an inode for its new place; give the errno if that cannot be.

    A directory of the upper alone becomes opaque under a parent that merges (S12); one
    that merges itself, and a metadata-only file, gets a redirect (S16, S38).
    """
    private = inode.meta.private
    if has_origin(inode) and not same_parent:
        draft.impure(new_parent)
    if isinstance(inode, UpperDirectory):
        if inode.below is None:
            if new_parent.below is not None and not inode.opaque:
                draft.add(SetMark(inode, "opaque", b"y"))
        else:
            number = _redirect(draft, inode, place, same_parent=same_parent)
            if number:
                return number
    elif "metacopy" in private:
        number = _redirect(draft, inode, place, same_parent=same_parent)
        if number:
            return number
    return 0


def _redirect(
    draft: Draft, inode: UpperInode, place: Place, *, same_parent: bool
) -> int:
    """Set where an inode's lower part is; one that is absolute, or enough, stays."""
    present = inode.meta.private.get("redirect")
    linked = isinstance(inode, UpperFile) and inode.lower_links > 1
    if same_parent and not linked:
        if present is None:
            draft.add(SetMark(inode, "redirect", to_bytes(place.name)))
        return 0
    value = link_redirect(place, inode)
    if value is None:
        return 0
    if len(value) > REDIRECT_BYTES_MAX:
        return errno.EXDEV
    draft.add(SetMark(inode, "redirect", value))
    return 0
