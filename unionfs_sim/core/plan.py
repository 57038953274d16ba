"""
Plans: what a verb will do to the upper, decided before anything is done.

A function a verb, pure: from a place and a few values to a `Plan`, or the error that
the kernel gives.  A plan's steps say all that happens to the upper, so that they can
be shown, failed one by one, or carried out on a real directory as well.
"""

from __future__ import annotations

import errno
from typing import TypeAlias, final

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Directory, Leaf, Regular
from unionfs_sim.core.paths import Name, join
from unionfs_sim.core.records import DirectoryRecord, MergedDirectory
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
    UpperInode,
    covered,
    is_empty,
)
from unionfs_sim.core.walk import Place
from unionfs_sim.errors import UnionFSError, fs_error


@attrs.frozen(eq=False)
class _EntryStep:
    """A step that changes one name in one directory of the upper."""

    directory: UpperDirectory
    name: Name

    @property
    def path(self) -> str:
        """The name's path, as things stand now."""
        return join((*self.directory.parts, self.name))


@final
@attrs.frozen(eq=False)
class CopyUp(_EntryStep):
    """Bring a lower object into the upper as it is; its directory's times stay."""

    inode: UpperInode

    def __str__(self) -> str:
        """Say it in words."""
        return f"copy up {self.path}"


@final
@attrs.frozen(eq=False)
class Make(_EntryStep):
    """Make a new object under a name, in place of the whiteout or file there."""

    inode: UpperInode

    def __str__(self) -> str:
        """Say it in words."""
        opaque = isinstance(self.inode, UpperDirectory) and self.inode.opaque
        kind = f"opaque {self.inode.kind.value}" if opaque else self.inode.kind.value
        return f"make {kind} {self.path}"


@final
@attrs.frozen(eq=False)
class Link(_EntryStep):
    """Give an inode of the upper one more name."""

    inode: UpperFile

    def __str__(self) -> str:
        """Say it in words."""
        return f"link {self.path}"


@final
@attrs.frozen(eq=False)
class Remove(_EntryStep):
    """Remove a name from the upper, a directory with the whiteouts in it."""

    def __str__(self) -> str:
        """Say it in words."""
        return f"remove {self.path}"


@final
@attrs.frozen(eq=False)
class PutWhiteout(_EntryStep):
    """Put a whiteout under a name, in place of what the upper has there."""

    def __str__(self) -> str:
        """Say it in words."""
        return f"whiteout {self.path}"


@final
@attrs.frozen(eq=False)
class Move(_EntryStep):
    """Move a name's object to another name, in place of what the upper has there."""

    to_directory: UpperDirectory
    to_name: Name

    def __str__(self) -> str:
        """Say it in words."""
        return f"move {self.path} to {join((*self.to_directory.parts, self.to_name))}"


@final
@attrs.frozen(eq=False)
class SetMeta:
    """Replace the attributes of an inode of the upper."""

    inode: UpperInode
    meta: Meta

    def __str__(self) -> str:
        """Say it in words."""
        return f"set attributes to mode {self.meta.mode:04o}, {self.meta.uid}:{self.meta.gid}"


@final
@attrs.frozen(eq=False)
class SetContent:
    """Replace the content of a regular file of the upper."""

    inode: UpperFile
    content: Content

    def __str__(self) -> str:
        """Say it in words."""
        return f"set content to {self.content.size} bytes"


@final
@attrs.frozen(eq=False)
class SetOpaque:
    """Mark a directory of the upper as opaque."""

    inode: UpperDirectory

    def __str__(self) -> str:
        """Say it in words."""
        return f"mark {join(self.inode.parts)} opaque"


Step: TypeAlias = (
    CopyUp
    | Make
    | Link
    | Remove
    | PutWhiteout
    | Move
    | SetMeta
    | SetContent
    | SetOpaque
)


@final
@attrs.frozen(eq=False)
class Plan:
    """
    What a verb does to the upper.

    Attributes:
        verb: The verb.
        paths: The paths that it was called with.
        steps: What is done, in order.
        now_ns: The time of it all: directories whose names change, copy-ups aside,
            get it as their mtime and ctime.
        inode: The inode that the plan is about, if it makes or changes one.
    """

    verb: str
    paths: tuple[str, ...]
    steps: tuple[Step, ...]
    now_ns: int
    inode: UpperInode | None = None

    def __str__(self) -> str:
        """List the steps."""
        return "\n".join([self.verb, *(f"  {step}" for step in self.steps)])


def _failed(number: int, place: Place, op: str) -> UnionFSError:
    return fs_error(number, place.path, op=op)


# --- copy-up ---------------------------------------------------------------------


def _raise_parents(
    trail: list[tuple[Name, LiveDirectory]],
) -> tuple[list[Step], UpperDirectory]:
    """
    Bring the directories of a trail into the upper, top down (overlayfs.md, 4.3).

    They keep mode, owner, times and xattrs of the merged directory, and go on merging
    with it.
    """
    steps: list[Step] = []
    parent = trail[0][1]
    assert isinstance(parent, UpperDirectory), "the root is in the upper"
    for name, directory in trail[1:]:
        if isinstance(directory, UpperDirectory):
            parent = directory
            continue
        made = _raised_directory(directory, parent, name)
        steps.append(CopyUp(parent, name, made))
        parent = made
    return steps, parent


def _raised_directory(
    directory: DirectoryRecord, parent: UpperDirectory, name: Name
) -> UpperDirectory:
    return UpperDirectory(directory.meta, below=directory, parent=parent, name=name)


def raise_place(place: Place) -> tuple[list[Step], UpperInode]:
    """
    Bring what is at a place into the upper, its parents first.

    Content is not copied but referred to.  A lower hard link comes up alone: the
    other names keep the lower file (index=off; overlayfs.md, 4.4).
    """
    if not place.name:
        steps, parent = _raise_parents(place.trail)
        return steps, parent
    live = place.live
    assert live is not None, "only what is there can be copied up"
    if isinstance(live, (UpperFile, UpperDirectory)):
        return [], live
    steps, parent = _raise_parents(place.trail)
    inode: UpperInode
    if isinstance(live, (Directory, MergedDirectory)):
        inode = _raised_directory(live, parent, place.name)
    elif live.nlink > 1:
        inode = UpperFile(attrs.evolve(live, nlink=1))
    else:
        inode = UpperFile(live, origin=live)
    steps.append(CopyUp(parent, place.name, inode))
    return steps, inode


# --- making ----------------------------------------------------------------------


def _room(place: Place, op: str) -> None:
    """Refuse to make a name that is there already."""
    if place.live is not None:
        raise _failed(errno.EEXIST, place, op)


def make_leaf(op: str, place: Place, node: Leaf, now_ns: int) -> Plan:
    """
    Plan to make a file, symbolic link, device, fifo or socket.

    Raises:
        UnionFSError: EEXIST, the name is visible; ENOENT, the path ends in a slash.
    """
    _room(place, op)
    if place.slash:
        raise _failed(errno.ENOENT, place, op)
    steps, parent = _raise_parents(place.trail)
    inode = UpperFile(node)
    steps.append(Make(parent, place.name, inode))
    return Plan(op, (place.path,), tuple(steps), now_ns, inode)


def mkdir(place: Place, meta: Meta, now_ns: int) -> Plan:
    """
    Plan to make a directory.

    It is opaque where the upper has a whiteout, or old content would show through it
    (overlayfs.md, 5.2 and S14).

    Raises:
        ExistsError: EEXIST, the name is visible, whatever its type.
    """
    _room(place, "mkdir")
    steps, parent = _raise_parents(place.trail)
    opaque = place.name in parent.entries  # not visible, so it is a whiteout
    made = UpperDirectory(meta, opaque=opaque, parent=parent, name=place.name)
    steps.append(Make(parent, place.name, made))
    return Plan("mkdir", (place.path,), tuple(steps), now_ns, made)


def link(source: Place, place: Place, now_ns: int) -> Plan:
    """
    Plan to give a file one more name.

    Raises:
        UnionFSError: EEXIST, the new name is visible; EPERM, the source is a
            directory; ENOENT, the source is missing.
    """
    if place.live is not None:
        raise fs_error(errno.EEXIST, source.path, op="link", path2=place.path)
    number = _link_error(source, place)
    if number:
        raise fs_error(number, source.path, op="link", path2=place.path)
    steps, inode = raise_place(source)
    assert isinstance(inode, UpperFile)
    # Parents that the source has brought up are there for the new name as well.
    more, parent = _raise_parents(_shared_trail(place.trail, steps))
    now = attrs.evolve(inode.meta, ctime_ns=now_ns)
    steps += [*more, Link(parent, place.name, inode), SetMeta(inode, now)]
    return Plan("link", (source.path, place.path), tuple(steps), now_ns, inode)


def _link_error(source: Place, place: Place) -> int:
    if source.live is None:
        return errno.ENOENT
    if isinstance(source.live, LIVE_DIRECTORY_TYPES):
        return errno.EPERM
    if source.slash:
        return errno.ENOTDIR
    return errno.ENOENT if place.slash else 0


def _shared_trail(
    trail: list[tuple[Name, LiveDirectory]], steps: list[Step]
) -> list[tuple[Name, LiveDirectory]]:
    """Replace those directories of a trail that earlier steps bring up."""
    raised = {
        id(step.inode.below): step.inode
        for step in steps
        if isinstance(step, CopyUp) and isinstance(step.inode, UpperDirectory)
    }
    return [(name, raised.get(id(item), item)) for name, item in trail]


# --- removing --------------------------------------------------------------------


def _removal(parent: UpperDirectory, name: Name) -> list[Step]:
    """
    Remove a visible name: a whiteout if the layers below show it, else nothing stays.

    | in the upper | shown below | steps          |
    |--------------|-------------|----------------|
    | yes          | no          | Remove         |
    | yes          | yes         | PutWhiteout    |
    | no           | yes         | PutWhiteout    |

    (overlayfs.md, 3.1)
    """
    if covered(parent, name):
        return [PutWhiteout(parent, name)]
    return [Remove(parent, name)]


def unlink(place: Place, now_ns: int) -> Plan:
    """
    Plan to remove a name that is not a directory's.

    Raises:
        UnionFSError: ENOENT, it is missing; EISDIR, it is a directory; ENOTDIR, the
            path ends in a slash (overlayfs.md, 3.3).
    """
    if place.live is None:
        raise _failed(errno.ENOENT, place, "unlink")
    if isinstance(place.live, LIVE_DIRECTORY_TYPES):
        raise _failed(errno.EISDIR, place, "unlink")
    if place.slash:
        raise _failed(errno.ENOTDIR, place, "unlink")
    steps, parent = _raise_parents(place.trail)
    steps += _removal(parent, place.name)
    return Plan("unlink", (place.path,), tuple(steps), now_ns)


def rmdir(place: Place, now_ns: int) -> Plan:
    """
    Plan to remove an empty directory.

    Raises:
        UnionFSError: ENOENT, it is missing; ENOTDIR, it is no directory; ENOTEMPTY;
            EBUSY, it is the root; EINVAL, the path ends in ``.`` (overlayfs.md, 3.3).
    """
    if place.last == ".":
        raise _failed(errno.EINVAL, place, "rmdir")
    if place.last == "..":
        raise _failed(errno.ENOTEMPTY, place, "rmdir")
    if not place.name:
        raise _failed(errno.EBUSY, place, "rmdir")
    if place.live is None:
        raise _failed(errno.ENOENT, place, "rmdir")
    if not isinstance(place.live, LIVE_DIRECTORY_TYPES):
        raise _failed(errno.ENOTDIR, place, "rmdir")
    if not _removable(place):
        raise _failed(errno.ENOTEMPTY, place, "rmdir")
    steps, parent = _raise_parents(place.trail)
    steps += _removal(parent, place.name)
    return Plan("rmdir", (place.path,), tuple(steps), now_ns)


def _removable(place: Place) -> bool:
    """
    Tell whether a directory counts as empty.

    One that nothing below takes part in must be so on disk: stray whiteouts count,
    unless its name is covered (S2, S3 and S4).
    """
    live = place.live
    assert isinstance(live, LIVE_DIRECTORY_TYPES)
    if isinstance(live, UpperDirectory) and live.below is None:
        parent = place.directory
        assert isinstance(parent, UpperDirectory)
        if not covered(parent, place.name):
            return not live.entries
    return is_empty(live)


# --- renaming --------------------------------------------------------------------


def rename(source: Place, place: Place, now_ns: int) -> Plan:
    """
    Plan to move a name, replacing what is at the new one.

    The checks come in the kernel's order (overlayfs.md, 6.1).

    Raises:
        UnionFSError: EBUSY, a path ends in ``.`` or ``..``; ENOENT; ENOTDIR; EISDIR;
            EINVAL, a directory would move into itself; ENOTEMPTY; EXDEV, the source
            is a directory that lower layers take part in.
    """
    paths = (source.path, place.path)
    number = _rename_error(source, place)
    if number:
        raise fs_error(number, source.path, op="rename", path2=place.path)
    if source.live is place.live and _one_inode(source, place):
        return Plan("rename", paths, (), now_ns)
    steps, inode = raise_place(source)
    _, from_directory = _raise_parents(_shared_trail(source.trail, steps))
    more, to_directory = _raise_parents(_shared_trail(place.trail, steps))
    steps += more
    if isinstance(inode, UpperDirectory) and to_directory.below is not None:
        # A directory that moves under a merged one would merge there (S12).
        steps.append(SetOpaque(inode))
    steps.append(Move(from_directory, source.name, to_directory, place.name))
    if covered(from_directory, source.name):
        steps.append(PutWhiteout(from_directory, source.name))
    steps.append(SetMeta(inode, attrs.evolve(inode.meta, ctime_ns=now_ns)))
    return Plan("rename", paths, tuple(steps), now_ns, inode)


def _one_inode(source: Place, place: Place) -> bool:
    """
    Tell whether two places are one inode to the kernel, so that nothing moves.

    Two lower hard links are different inodes with index=off (overlayfs.md, 6.1.6).
    """
    same_name = source.directory is place.directory and source.name == place.name
    return same_name or isinstance(source.live, UpperFile)


def _rename_error(source: Place, place: Place) -> int:
    """Give the number of the first check that fails, or 0."""
    if not source.name or not place.name:
        return errno.EBUSY
    if source.live is None:
        return errno.ENOENT
    from_directory = isinstance(source.live, LIVE_DIRECTORY_TYPES)
    to_directory = isinstance(place.live, LIVE_DIRECTORY_TYPES)
    if (source.slash and not from_directory) or (
        place.slash and not (to_directory or (place.live is None and from_directory))
    ):
        return errno.ENOTDIR
    if any(item is source.live for _, item in place.trail):
        return errno.EINVAL
    if any(item is place.live for _, item in source.trail):
        return errno.ENOTEMPTY
    if source.live is place.live and _one_inode(source, place):
        return 0
    if place.live is not None and from_directory != to_directory:
        return errno.ENOTDIR if from_directory else errno.EISDIR
    if from_directory and not _pure_upper(source.live):
        return errno.EXDEV
    if to_directory and not _removable(place):
        return errno.ENOTEMPTY
    return 0


def _pure_upper(live: Live) -> bool:
    return isinstance(live, UpperDirectory) and live.below is None


# --- attributes and content ------------------------------------------------------


def set_meta(op: str, place: Place, meta: Meta, now_ns: int) -> Plan:
    """
    Plan to change attributes; copies up, also where they are as wanted (S6).

    Raises:
        NoEntryError: ENOENT, nothing is there.
    """
    if place.live is None:
        raise _failed(errno.ENOENT, place, op)
    steps, inode = raise_place(place)
    steps.append(SetMeta(inode, attrs.evolve(meta, ctime_ns=now_ns)))
    return Plan(op, (place.path,), tuple(steps), now_ns, inode)


def set_content(
    op: str, path: str, inode: UpperFile, content: Content, now_ns: int
) -> Plan:
    """Plan to change the content of a file that is in the upper."""
    meta = attrs.evolve(inode.meta, mtime_ns=now_ns, ctime_ns=now_ns)
    steps = (SetContent(inode, content), SetMeta(inode, meta))
    return Plan(op, (path,), steps, now_ns, inode)


def open_existing(place: Place, *, truncate: bool, now_ns: int) -> Plan:
    """Plan to open a regular file for writing: copies up at once (S5)."""
    steps, inode = raise_place(place)
    assert isinstance(inode, UpperFile)
    if truncate:
        meta = attrs.evolve(inode.meta, mtime_ns=now_ns, ctime_ns=now_ns)
        steps += [SetContent(inode, Regular().content), SetMeta(inode, meta)]
    return Plan("open", (place.path,), tuple(steps), now_ns, inode)
