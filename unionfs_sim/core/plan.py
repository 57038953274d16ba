"""
Plans of single verbs: what making, removing and changing does to the upper.

A function a verb, pure: from a call and a place to a plan, or the error that the kernel
gives, checked in the kernel's order.  Renaming has a module of its own.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from unionfs_sim.core import permissions
from unionfs_sim.core.content import Content
from unionfs_sim.core.copyup import Draft
from unionfs_sim.core.meta import Meta, fresh, timed
from unionfs_sim.core.nodes import WHITEOUT, Device, Leaf, Regular
from unionfs_sim.core.paths import Name
from unionfs_sim.core.records import Broken
from unionfs_sim.core.space import Call
from unionfs_sim.core.steps import (
    Link,
    Make,
    Plan,
    PutWhiteout,
    Remove,
    SetContent,
    SetMark,
    SetMeta,
    Step,
)
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
    UpperInode,
    covered,
    has_origin,
    is_empty,
    is_plain,
)
from unionfs_sim.core.walk import Place
from unionfs_sim.errors import UnionFSError, fs_error

_SET_GID: Final = 0o2000


def failed(
    number: int, place: Place, op: str, other: Place | None = None
) -> UnionFSError:
    """Make the error of a call on one or two places."""
    return fs_error(number, place.path, op=op, path2=other.path if other else None)


# --- making ----------------------------------------------------------------------


def usable(place: Place, op: str) -> None:
    """
    Refuse a name that cannot be looked up.

    A verb that makes or removes names finds out only here: the walk to the directory
    comes first.
    """
    if isinstance(place.live, Broken):
        raise failed(place.live.errno, place, op)


def new_meta(call: Call, place: Place, mode: int, *, directory: bool = False) -> Meta:
    """
    Give the attributes of a new object: the caller's, the umask taken off.

    In a set-group-id directory the group is the directory's, and a new directory is
    set-group-id as well (overlayfs.md, 5.1).
    """
    parent = place.directory.meta
    caller = call.caller
    mode &= ~caller.umask
    gid = caller.gid
    if parent.mode & _SET_GID:
        gid = parent.gid
        if directory:
            mode |= _SET_GID
        elif mode & 0o2010 == 0o2010 and not permissions.member(caller, gid):
            mode &= mode if caller.is_root else ~_SET_GID
    return fresh(mode, caller.uid, gid, call.now_ns)


def _room(call: Call, op: str, place: Place, *, directory: bool = False) -> None:
    """Refuse to make a name that is there, or that may not be made."""
    usable(place, op)
    if place.live is not None or not place.name:
        raise failed(errno.EEXIST, place, op)
    if place.slash and not directory:
        raise failed(errno.ENOENT, place, op)
    if call.space.read_only:
        raise failed(errno.EROFS, place, op)
    number = permissions.entry_error(place.directory.meta, call.caller)
    if number:
        raise failed(number, place, op)


def make_leaf(call: Call, op: str, place: Place, node: Leaf) -> Plan:
    """
    Plan to make a file, symbolic link, device, fifo or socket.

    Raises:
        UnionFSError: EEXIST, the name is visible; ENOENT, the path ends in a slash;
            EROFS; EACCES; EPERM, it is a character device 0:0 (S34), or the caller
            may not make devices.
    """
    _room(call, op, place)
    if isinstance(node, Device):
        whiteout = not (node.block or node.major or node.minor)
        if whiteout or not call.caller.is_root:
            raise failed(errno.EPERM, place, op)
    draft = Draft(call)
    parent = draft.parents(place)
    inode = UpperFile(node)
    draft.add(Make(parent, place.name, inode))
    return draft.plan(op, place, inode=inode)


def mkdir(call: Call, place: Place, mode: int) -> Plan:
    """
    Plan to make a directory.

    It is opaque where the upper has a whiteout, or old content would show through it;
    under some options wherever its parent merges (overlayfs.md, 5.2; S14, S15).

    Raises:
        UnionFSError: EEXIST, the name is visible, whatever its type; EROFS; EACCES.
    """
    _room(call, "mkdir", place, directory=True)
    draft = Draft(call)
    parent = draft.parents(place)
    opaque = place.name in parent.entries or (
        parent.below is not None and call.policy.fresh_is_opaque
    )
    meta = new_meta(call, place, mode, directory=True)
    made = UpperDirectory(meta, opaque=opaque, parent=parent, name=place.name)
    draft.add(Make(parent, place.name, made))
    return draft.plan("mkdir", place, inode=made)


def link(call: Call, source: Place, place: Place) -> Plan:
    """
    Plan to give a file one more name.

    Raises:
        UnionFSError: ENOENT, the source is missing; EEXIST, the new name is visible;
            EPERM, the source is a directory; EROFS; EACCES.
    """
    if source.live is None:
        raise failed(errno.ENOENT, source, "link", place)
    usable(place, "link")
    if place.live is not None or not place.name:
        raise failed(errno.EEXIST, source, "link", place)
    if place.slash:
        raise failed(errno.ENOENT, source, "link", place)
    if call.space.read_only:
        raise failed(errno.EROFS, source, "link", place)
    number = permissions.entry_error(place.directory.meta, call.caller)
    if not number and isinstance(source.live, LIVE_DIRECTORY_TYPES):
        number = errno.EPERM
    if number:
        raise failed(number, source, "link", place)
    draft = Draft(call)
    inode = draft.inode(source, data=False)
    assert isinstance(inode, UpperFile)
    _link(draft, inode, place)
    _redirect_link(draft, inode, source)
    return draft.plan("link", source, place, inode=inode)


def _redirect_link(draft: Draft, inode: UpperFile, source: Place) -> None:
    """Say where the data of a metadata-only file is, whatever its name."""
    redirect = (
        link_redirect(source, inode) if "metacopy" in inode.meta.private else None
    )
    if redirect is not None:
        draft.add(SetMark(inode, "redirect", redirect))


def link_open(call: Call, source: Place, inode: UpperFile, place: Place) -> Plan:
    """
    Plan to give an open file that has no name one, or is not where it was opened.

    Raises:
        UnionFSError: EEXIST, the name is visible; EROFS; EACCES.
    """
    _room(call, "link", place)
    draft = Draft(call)
    _link(draft, inode, place)
    _redirect_link(draft, inode, source)
    return draft.plan("link", place, inode=inode)


def _link(draft: Draft, inode: UpperFile, place: Place) -> None:
    parent = draft.parents(place)
    if has_origin(inode):
        draft.impure(parent)
    meta = timed(inode.meta, draft.call.now_ns)
    draft.recount(inode)
    draft.add(Link(parent, place.name, inode), SetMeta(inode, meta))


def absolute_redirect(place: Place) -> bytes:
    """Give a place's path in the lower layers: redirects on its way resolved (S18)."""
    names: list[bytes] = [place.name.encode("utf-8", "surrogateescape")]
    for name, directory in reversed(place.trail[1:]):
        value = directory.meta.private.get("redirect")
        if not isinstance(directory, UpperDirectory) or value is None:
            value = name.encode("utf-8", "surrogateescape")
        names.append(value)
        if value.startswith(b"/"):
            return b"/".join(reversed(names))
    return b"/" + b"/".join(reversed(names))


def link_redirect(place: Place, inode: UpperInode) -> bytes | None:
    """
    Give the absolute redirect that a moved inode needs, or ``None`` if it has one.

    A relative one is of the name that the inode had first.
    """
    present = inode.meta.private.get("redirect")
    if present is None:
        return absolute_redirect(place)
    if present.startswith(b"/"):
        return None
    return absolute_redirect(place).rpartition(b"/")[0] + b"/" + present


# --- removing --------------------------------------------------------------------


def removal(parent: UpperDirectory, name: Name) -> Step:
    """
    Remove a visible name: a whiteout if the layers below show it, else nothing stays.

    | in the upper | shown below | step        |
    |--------------|-------------|-------------|
    | yes          | no          | Remove      |
    | yes          | yes         | PutWhiteout |
    | no           | yes         | PutWhiteout |

    (overlayfs.md, 3.1; S8 and S9)
    """
    return PutWhiteout(parent, name) if covered(parent, name) else Remove(parent, name)


def unlink(call: Call, place: Place) -> Plan:
    """
    Plan to remove a name that is not a directory's.

    Raises:
        UnionFSError: ENOENT, it is missing; EISDIR, it is a directory; ENOTDIR, the
            path ends in a slash; EROFS; EACCES; EPERM (overlayfs.md, 3.3).
    """
    if not place.name:
        raise failed(errno.EISDIR, place, "unlink")
    if call.space.read_only:
        raise failed(errno.EROFS, place, "unlink")
    usable(place, "unlink")
    if place.live is None:
        raise failed(errno.ENOENT, place, "unlink")
    directory = isinstance(place.live, LIVE_DIRECTORY_TYPES)
    if place.slash:
        raise failed(errno.EISDIR if directory else errno.ENOTDIR, place, "unlink")
    _removable_by(call, place, "unlink")
    if directory:
        raise failed(errno.EISDIR, place, "unlink")
    draft = Draft(call)
    parent = draft.parents(place)
    number = draft.drop(place)
    if number:
        return draft.plan("unlink", place, error=number)
    draft.add(removal(parent, place.name))
    return draft.plan("unlink", place)


def _removable_by(call: Call, place: Place, op: str) -> None:
    assert place.live is not None
    number = permissions.entry_error(place.directory.meta, call.caller, place.live.meta)
    if number:
        raise failed(number, place, op)


def rmdir(call: Call, place: Place) -> Plan:
    """
    Plan to remove an empty directory.

    Raises:
        UnionFSError: ENOENT, it is missing; ENOTDIR, it is no directory; ENOTEMPTY;
            EBUSY, it is the root; EINVAL, the path ends in ``.``; EROFS; EACCES;
            EPERM (overlayfs.md, 3.3).
    """
    if place.last == ".":
        raise failed(errno.EINVAL, place, "rmdir")
    if place.last == "..":
        raise failed(errno.ENOTEMPTY, place, "rmdir")
    if not place.name:
        raise failed(errno.EBUSY, place, "rmdir")
    if call.space.read_only:
        raise failed(errno.EROFS, place, "rmdir")
    usable(place, "rmdir")
    if place.live is None:
        raise failed(errno.ENOENT, place, "rmdir")
    _removable_by(call, place, "rmdir")
    if not isinstance(place.live, LIVE_DIRECTORY_TYPES):
        raise failed(errno.ENOTDIR, place, "rmdir")
    if not empty_enough(call, place):
        raise failed(errno.ENOTEMPTY, place, "rmdir")
    draft = Draft(call)
    parent = draft.parents(place)
    draft.drop(place)
    draft.add(removal(parent, place.name))
    return draft.plan("rmdir", place)


def empty_enough(call: Call, place: Place) -> bool:
    """
    Tell whether a directory counts as empty.

    One that nothing below takes part in must be so on disk: stray whiteouts count,
    unless its name is covered (S2, S3 and S4).
    """
    assert isinstance(place.live, LIVE_DIRECTORY_TYPES)
    if on_its_own(place):
        return not _entries_on_disk(place.live, ghosts=call.policy.ghosts)
    return is_empty(place.live, ghosts=call.policy.ghosts)


def on_its_own(place: Place) -> bool:
    """Tell whether a directory is of the upper alone, and covers nothing."""
    live, parent = place.live, place.directory
    return (
        isinstance(live, UpperDirectory)
        and is_plain(live)
        and isinstance(parent, UpperDirectory)
        and not covered(parent, place.name)
    )


def _entries_on_disk(directory: LiveDirectory, *, ghosts: bool) -> bool:
    assert isinstance(directory, UpperDirectory)
    return any(ghosts or item is not WHITEOUT for item in directory.entries.values())


# --- attributes and content ------------------------------------------------------


def set_meta(
    call: Call,
    op: str,
    place: Place,
    change: Callable[[Meta], Meta],
    *,
    error: int = 0,
    alias: bool = True,
) -> Plan:
    """
    Plan to change attributes; copies up, also where they are as wanted (S6).

    Args:
        call: The call.
        op: The verb.
        place: What is changed; it is there.
        change: Gives the new attributes; private ones stay in any case.
        error: What the call fails with after the copy-up (S7), or 0.
        alias: Whether a lower name of an indexed inode gets a link in the upper: the
            kernel sees to that for attributes, and not for xattrs.

    Raises:
        UnionFSError: EROFS.
    """
    if call.space.read_only:
        raise failed(errno.EROFS, place, op)
    draft = Draft(call)
    inode = draft.inode(place, data=False, alias=alias)
    if not error:
        meta = timed(change(inode.meta), call.now_ns)
        draft.add(SetMeta(inode, meta))
    return draft.plan(op, place, inode=inode, error=error)


def set_open_meta(
    call: Call, op: str, path: str, inode: UpperInode, change: Callable[[Meta], Meta]
) -> Plan:
    """Plan to change the attributes of an open file that is in the upper."""
    meta = timed(change(inode.meta), call.now_ns)
    return Plan(op, (path,), (SetMeta(inode, meta),), call.now_ns, inode)


def set_content(
    call: Call, op: str, path: str, inode: UpperFile, content: Content
) -> Plan:
    """
    Plan to change the content of a file that is in the upper.

    An unprivileged caller's write drops the set-id bits (overlayfs.md, 10).
    """
    return Plan(op, (path,), (_content_step(call, inode, content),), call.now_ns, inode)


def _content_step(call: Call, inode: UpperFile, content: Content) -> Step:
    meta = permissions.written(inode.meta, call.caller)
    return SetContent(inode, content, timed(meta, call.now_ns, call.now_ns))


def open_file(call: Call, place: Place, content: Content | None) -> Plan:
    """Plan to open a regular file for writing: copies up at once (S5)."""
    draft = Draft(call)
    inode = draft.inode(place)
    assert isinstance(inode, UpperFile)
    if content is not None:
        draft.add(_content_step(call, inode, content))
    return draft.plan("open", place, inode=inode)


def truncate(call: Call, place: Place, length: int) -> Plan:
    """Plan to cut or prolong a file; its time changes in any case, as on ext4."""
    draft = Draft(call)
    inode = draft.inode(place)
    assert isinstance(inode, UpperFile)
    assert isinstance(inode.node, Regular)
    draft.add(_content_step(call, inode, inode.node.content.resize(length)))
    return draft.plan("truncate", place, inode=inode)


def raise_directory(call: Call, place: Place) -> Plan:
    """Plan to bring a directory up for a file without a name in it (``O_TMPFILE``)."""
    draft = Draft(call)
    inode = draft.inode(place)
    return draft.plan("open", place, inode=inode)


def mark_impure(call: Call, op: str, path: str, directory: UpperDirectory) -> Plan:
    """Plan to mark a directory as holding something with an origin."""
    steps = (SetMark(directory, "impure", b"y"),)
    return Plan(op, (path,), steps, call.now_ns)
