"""
The path walk of a live union: symbolic links, ``..``, and where a path leads.

Paths are walked, never matched as text: behind a symbolic link ``..`` is the parent
of the link's target.
"""

from __future__ import annotations

import errno
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.core.meta import ROOT, Credentials
from unionfs_sim.core.nodes import Regular, Symlink
from unionfs_sim.core.paths import (
    NAME_BYTES_MAX,
    SYMLINKS_MAX,
    Name,
    Parts,
    check,
    join,
    name_fits,
)
from unionfs_sim.core.permissions import EXECUTE, allows
from unionfs_sim.core.records import Broken
from unionfs_sim.core.space import Space
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
)
from unionfs_sim.errors import fs_error

#: Names this short need no counting of bytes.
_SHORT_NAME: Final = NAME_BYTES_MAX // 4

#: A directory of the upper and a name in it, where the walk of a short path can start.
Start: TypeAlias = tuple[UpperDirectory, Name]

#: Directories from the root on, each with its own name.
Trail: TypeAlias = list[tuple[Name, LiveDirectory]]


@final
@attrs.define(eq=False)
class Place:
    """
    Where a path leads: a directory, a name in it, and what is there.

    Attributes:
        path: The path as the caller gave it.
        directory: The directory that holds the name.
        name: The last name; empty if the path leads to a directory by ``/``, ``.``
            or ``..``, which is then *directory*.
        live: What is there, or ``None``.
        slash: Whether the path ends in a slash, and so asks for a directory.
        last: The last component as it was written: a name, ``.``, ``..`` or nothing.
        links: How many symbolic links were followed.
    """

    path: str
    directory: LiveDirectory
    name: Name
    live: Live | None
    slash: bool
    last: str
    links: int
    _trail: Trail | None = None

    @property
    def trail(self) -> Trail:
        """The directories from the root to the one that holds the name."""
        if self._trail is None:
            self._trail = trail_of(self.directory)
        return self._trail

    @property
    def parts(self) -> Parts:
        """The canonical path."""
        parents = tuple(name for name, _ in self.trail[1:])
        return (*parents, self.name) if self.name else parents


def find(
    space: Space,
    path: str,
    *,
    follow: bool,
    op: str,
    caller: Credentials = ROOT,
    known: Start | None = None,
    creates: bool = False,
) -> Place:
    """
    Walk a path to its end.

    Args:
        space: The names of the union.
        path: The path; relative ones start at the root.
        follow: Whether a symbolic link at the end is followed.  One with a slash
            behind it always is.
        op: The verb, for errors.
        caller: Who must be allowed to search the directories on the way.
        known: The directory that the path's last name is in, and that name, if they
            are known: the walk starts there.
        creates: Whether a file is to be made there, as by ``O_CREAT``: a slash behind
            the last name is an error then, also in the text of a link (found-096).

    Returns:
        The place; its `Place.live` is ``None`` if only the last name is missing.

    Raises:
        UnionFSError: ENOENT, a directory on the way is missing; ENOTDIR, something
            else stands there; EISDIR, a slash where a file is to be made; ELOOP, more
            than 40 links; ENAMETOOLONG; EACCES; and what a broken object on the way
            gives.
    """
    if known is not None and caller.is_root:
        directory, name = known
        live = _child(space, path, directory, name, op)
        if not follow or _target(live) is None:
            return Place(path, directory, name, live, False, name, 0)  # noqa: FBT003
        return _walk(space, path, [name], False, op, caller, directory, follow, creates)  # noqa: FBT003
    check(path, op=op)
    pending = path.split("/")
    slash = pending[-1] in {"", ".", ".."}
    pending.reverse()
    return _walk(space, path, pending, slash, op, caller, None, follow, creates)


def find_parent(
    space: Space,
    path: str,
    *,
    op: str,
    caller: Credentials = ROOT,
    known: Start | None = None,
) -> Place:
    """
    Walk to the directory that a path's last name is in; that name is not followed.

    For verbs that make or remove names: a slash at the end does not make the walk
    follow a link either, but is told in `Place.slash`.

    Args:
        space: The names of the union.
        path: The path.
        op: The verb, for errors.
        caller: Who must be allowed to search the directories on the way.
        known: The directory that the path's last name is in, and that name, if they
            are known: the walk starts there.

    Raises:
        UnionFSError: As `find`; a missing last name is no error, and one that cannot
            be looked up is left to the verb, as are the marks of looking it up.
    """
    if known is not None and caller.is_root:
        directory, name = known
        live = _peek(space, directory, name)
        return Place(path, directory, name, live, False, name, 0)  # noqa: FBT003
    check(path, op=op)
    stripped = path.rstrip("/")
    slash = len(stripped) < len(path)
    pending = stripped.split("/")
    pending.reverse()
    return _walk(space, path, pending, slash, op, caller, None, None)


def trail_of(directory: LiveDirectory) -> Trail:
    """Give the directories from the root to one of the upper; takes O(depth)."""
    trail: Trail = []
    at: LiveDirectory | None = directory
    while isinstance(at, UpperDirectory):
        trail.append((at.name, at))
        at = at.parent
    trail.reverse()
    return trail


def _walk(
    space: Space,
    path: str,
    pending: list[str],
    slash: bool,  # noqa: FBT001 - private, and told by the caller's caller
    op: str,
    caller: Credentials,
    start: UpperDirectory | None,
    follow: bool | None,  # noqa: FBT001 - likewise; None: the name is not looked up
    creates: bool = False,  # noqa: FBT001, FBT002 - likewise
) -> Place:
    directory: LiveDirectory = start or space.root
    trail: Trail | None = None if start else [("", directory)]
    last = pending[0]
    links = 0
    free = caller.is_root or caller.searches
    while pending:
        name = pending.pop()
        if not name:
            continue
        if not free and not allows(directory.meta, caller, EXECUTE):
            raise fs_error(errno.EACCES, path, op=op)
        if name == ".":
            continue
        if trail is None and (pending or name == ".."):
            trail = trail_of(directory)
        if name == "..":
            assert trail is not None, "made just now"
            if len(trail) > 1:
                trail.pop()
            directory = trail[-1][1]
            continue
        if creates and pending and not any(pending):
            raise fs_error(errno.EISDIR, path, op=op)
        if follow is None and not pending:
            live = _peek(space, directory, name)
            return Place(path, directory, name, live, slash, last, links, trail)
        live = _child(space, path, directory, name, op)
        if pending and isinstance(live, LIVE_DIRECTORY_TYPES):
            assert trail is not None, "more was to come"
            trail.append((name, live))
            directory = live
            continue
        target = _target(live) if pending or follow else None
        if target is not None:
            links += 1
            if links > SYMLINKS_MAX:
                raise fs_error(errno.ELOOP, path, op=op)
            if target.startswith("/"):
                directory, trail = space.root, [("", space.root)]
            pending.extend(reversed(target.split("/")))
        elif not pending:
            return Place(path, directory, name, live, slash, last, links, trail)
        else:
            number = errno.ENOENT if live is None else errno.ENOTDIR
            raise fs_error(number, path, op=op)
    return Place(path, directory, "", directory, slash, last, links, trail)


def _child(
    space: Space, path: str, directory: LiveDirectory, name: Name, op: str
) -> Live | None:
    """Find a name on the way."""
    if len(name) > _SHORT_NAME and not name_fits(name):
        raise fs_error(errno.ENAMETOOLONG, path, op=op)
    live = space.child(directory, name)
    if isinstance(live, Broken):
        raise fs_error(live.errno, path, op=op)
    return live


def _peek(space: Space, directory: LiveDirectory, name: Name) -> Live | None:
    """Find the name that a verb is about, and leave no mark."""
    if len(name) > _SHORT_NAME and not name_fits(name):
        return _TOO_LONG
    return space.peek(directory, name)


#: What a name that is too long stands for: the verb refuses it in its turn (found-097).
_TOO_LONG: Final = Broken(Regular(), errno.ENAMETOOLONG)


def _target(live: Live | None) -> str | None:
    node = live.node if isinstance(live, UpperFile) else live
    return node.target if isinstance(node, Symlink) else None


def is_canonical(place: Place) -> bool:
    """
    Tell whether the caller wrote the path of a place just so, and crossed no link.

    What a canonical path leads to changes only with the entries on its way.
    """
    return not place.links and place.path == join(place.parts)
