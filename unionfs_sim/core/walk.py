"""
The path walk of a live union: symbolic links, ``..``, and where a path leads.

Paths are walked, never matched as text: behind a symbolic link ``..`` is the parent
of the link's target.
"""

from __future__ import annotations

import errno
from typing import Final, final

import attrs

from unionfs_sim.core.meta import ROOT, Credentials
from unionfs_sim.core.nodes import Regular, Symlink
from unionfs_sim.core.paths import SYMLINKS_MAX, Name, Parts, join, name_fits, split
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


@final
@attrs.define(eq=False)
class Place:
    """
    Where a path leads: a directory, a name in it, and what is there.

    Attributes:
        path: The path as the caller gave it.
        trail: The directories from the root to the one that holds the name, each
            with its own name.
        name: The last name; empty if the path leads to a directory by ``/``, ``.``
            or ``..``, which is then the last of the trail.
        live: What is there, or ``None``.
        slash: Whether the path ends in a slash, and so asks for a directory.
        last: The last component as it was written: a name, ``.``, ``..`` or nothing.
        links: How many symbolic links were followed.
    """

    path: str
    trail: list[tuple[Name, LiveDirectory]]
    name: Name
    live: Live | None
    slash: bool
    last: str
    links: int

    @property
    def directory(self) -> LiveDirectory:
        """The directory that holds the name."""
        return self.trail[-1][1]

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
    known: LiveDirectory | None = None,
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
        known: The directory that the path's last name is in, if that is known: the
            walk starts there.
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
    split(path, op=op)
    if isinstance(known, UpperDirectory) and caller.is_root:
        name = path.rpartition("/")[2]
        trail = trail_of(known)
        return _walk(
            space,
            path,
            [name],
            False,  # noqa: FBT003 - no path with a slash at its end is known
            op,
            caller,
            follow=follow,
            creates=creates,
            trail=trail,
        )
    pending = path.split("/")
    slash = pending[-1] in {"", ".", ".."}
    pending.reverse()
    return _walk(
        space, path, pending, slash, op, caller, follow=follow, creates=creates
    )


def find_parent(
    space: Space,
    path: str,
    *,
    op: str,
    caller: Credentials = ROOT,
    known: LiveDirectory | None = None,
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
        known: The directory that the path's last name is in, if that is known: the
            walk starts there.

    Raises:
        UnionFSError: As `find`; a missing last name is no error, and one that cannot
            be looked up is left to the verb, as are the marks of looking it up.
    """
    split(path, op=op)
    stripped = path.rstrip("/")
    slash = len(stripped) < len(path)
    if isinstance(known, UpperDirectory) and caller.is_root:
        name = stripped.rpartition("/")[2]
        return _walk(
            space,
            path,
            [name],
            slash,
            op,
            caller,
            to_parent=True,
            trail=trail_of(known),
        )
    pending = stripped.split("/")
    pending.reverse()
    return _walk(space, path, pending, slash, op, caller, to_parent=True)


def trail_of(directory: UpperDirectory) -> list[tuple[Name, LiveDirectory]]:
    """Give the directories from the root to one of the upper; takes O(depth)."""
    trail: list[tuple[Name, LiveDirectory]] = []
    at: UpperDirectory | None = directory
    while at is not None:
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
    *,
    follow: bool = False,
    to_parent: bool = False,
    creates: bool = False,
    trail: list[tuple[Name, LiveDirectory]] | None = None,
) -> Place:
    if trail is None:
        trail = [("", space.root)]
    last = pending[0]
    links = 0
    free = caller.is_root or caller.searches
    while pending:
        name = pending.pop()
        if not name:
            continue
        directory = trail[-1][1]
        if not free and not allows(directory.meta, caller, EXECUTE):
            raise fs_error(errno.EACCES, path, op=op)
        if name == ".":
            continue
        if name == "..":
            if len(trail) > 1:
                trail.pop()
            continue
        if creates and pending and not any(pending):
            raise fs_error(errno.EISDIR, path, op=op)
        if to_parent and not pending:
            live = space.peek(directory, name) if name_fits(name) else _TOO_LONG
        elif not name_fits(name):
            raise fs_error(errno.ENAMETOOLONG, path, op=op)
        else:
            live = space.child(directory, name)
        if isinstance(live, Broken) and (pending or not to_parent):
            raise fs_error(live.errno, path, op=op)
        target = _target(live) if pending or follow else None
        if target is not None:
            links += 1
            if links > SYMLINKS_MAX:
                raise fs_error(errno.ELOOP, path, op=op)
            if target.startswith("/"):
                del trail[1:]
            pending.extend(reversed(target.split("/")))
        elif not pending:
            return Place(path, trail, name, live, slash, last, links)
        elif isinstance(live, LIVE_DIRECTORY_TYPES):
            trail.append((name, live))
        else:
            number = errno.ENOENT if live is None else errno.ENOTDIR
            raise fs_error(number, path, op=op)
    return Place(path, trail, "", trail[-1][1], slash, last, links)


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
