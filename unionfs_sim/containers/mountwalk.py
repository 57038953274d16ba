"""
The walk of a mount table: links, ``..`` and mount points meet in one pass.

The table is asked at each directory whether something is mounted there, so that a link
may point across a mount, and ``..`` lead out of its root.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.containers.attached import Mount
from unionfs_sim.core.cache import Negative
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.meta import Credentials, Meta
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.paths import NAME_BYTES_MAX, SYMLINKS_MAX, check, name_fits
from unionfs_sim.core.permissions import EXECUTE, allows
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError, fs_error

#: Called to make what is missing on the way: the mount, the path in its file system,
#: and whether it is the last name.
Maker: TypeAlias = Callable[[Mount, str, bool], None]

_KINDS: Final = {kind.type_bits: kind for kind in Kind}

#: Names of so few characters are not too long.
_SHORT_NAME: Final = NAME_BYTES_MAX // 4


@final
@attrs.define(eq=False)  # not frozen: one is made for each verb
class Spot:
    """
    Where a path leads: a mount, and a path in its file system without links.

    Attributes:
        mount: The mount.
        path: The path in its file system.
        kind: What is there, or ``None``.
        parents: The directories on the way, each as a mount and a path in it.
        name: The last name; empty for a directory that is meant by ``/`` or dots.
        slash: Whether a slash followed the last name; `inner` keeps it.
        covering: Whether the last name is a mount point.
    """

    mount: Mount
    path: str
    kind: Kind | None
    parents: list[tuple[Mount, str]]
    name: str
    slash: bool
    covering: bool

    @property
    def inner(self) -> str:
        """The path for a verb that makes or removes a name, a slash kept."""
        mount, directory = self.parents[-1]
        if not self.name:
            return "/" if directory == mount.root == "/" else f"{directory}/."
        return join(directory, self.name) + ("/" if self.slash else "")

    @property
    def place(self) -> str:
        """The path of the last name in the file system that holds it."""
        return join(self.parents[-1][1], self.name)

    @property
    def parent(self) -> Mount:
        """The mount that holds the last name."""
        return self.parents[-1][0]


def join(directory: str, name: str) -> str:
    """
    Put a name behind a directory.

    >>> join("/", "a"), join("/a", "b")
    ('/a', '/a/b')
    """
    return f"/{name}" if directory == "/" else f"{directory}/{name}"


def look(fs: FileSystem, path: str) -> Kind | None:
    """
    Find what a path without links leads to; absence is an answer.

    Raises:
        UnionFSError: It cannot be looked up.
    """
    if isinstance(fs, UnionFS):
        found = fs.lookup(path)
        if not isinstance(found, Negative):
            return found.kind
        number = found.errno
    else:
        try:
            return _KINDS[stat.S_IFMT(fs.lstat(path).st_mode)]
        except UnionFSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                raise
            return None
    if number == errno.ENOENT:
        return None
    raise fs_error(number, path, op="lookup")


def find(
    root: Mount,
    path: str,
    *,
    op: str,
    follow: bool,
    caller: Credentials,
    maker: Maker | None = None,
    creates: bool = False,
) -> Spot:
    """
    Walk a path to its end; takes O(depth).

    Raises:
        UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES; EISDIR, a slash
            behind the name of a file that *creates* says is to be made (found-096).  A
            missing last name is no error.
    """
    check(path, op=op)
    pending = path.split("/")
    pending.reverse()
    return _walk(
        root,
        path,
        pending,
        op=op,
        follow=follow,
        caller=caller,
        maker=maker,
        creates=creates,
    )


def find_name(root: Mount, path: str, *, op: str, caller: Credentials) -> Spot:
    """
    Walk to the directory that holds a path's last name; that name is not followed.

    Raises:
        UnionFSError: As `find`.
    """
    check(path, op=op)
    stripped = path.rstrip("/")
    slash = len(stripped) < len(path)
    head, _, last = stripped.rpartition("/")
    if last in {".", ".."}:
        # The verb is to see the dots as they were written, and to refuse them.
        spot = find(root, f"{head}/", op=op, follow=True, caller=caller)
        return attrs.evolve(spot, name=last, slash=slash)
    pending = stripped.split("/")
    pending.reverse()
    return _walk(root, path, pending, op=op, follow=False, caller=caller, slash=slash)


def _walk(
    root: Mount,
    path: str,
    pending: list[str],
    *,
    op: str,
    follow: bool,
    caller: Credentials,
    slash: bool = False,
    maker: Maker | None = None,
    creates: bool = False,
) -> Spot:
    trail = [(root, root.root)]
    free = caller.is_root or caller.searches
    links = 0
    while pending:
        name = pending.pop()
        if not name:
            continue
        mount, directory = trail[-1]
        if not free and not may_search(mount, directory, caller):
            raise fs_error(errno.EACCES, path, op=op)
        if name == ".":
            continue
        if name == "..":
            if len(trail) > 1:
                trail.pop()
            continue
        if creates and pending and not any(pending):
            raise fs_error(errno.EISDIR, path, op=op)
        if len(name) > _SHORT_NAME and not name_fits(name):
            raise fs_error(errno.ENAMETOOLONG, path, op=op)
        inner = join(directory, name)
        kind: Kind | None
        child = mount.children.get(inner)
        covering = child is not None
        if child is not None:
            mount, inner, kind = _top(child)
        else:
            kind = _look(mount, inner, path, op)
            if kind is None and maker is not None:
                maker(mount, inner, not any(x for x in pending if x != "."))
                kind = _look(mount, inner, path, op)
        if kind is Kind.SYMLINK and (pending or follow):
            links += 1
            if links > SYMLINKS_MAX:
                raise fs_error(errno.ELOOP, path, op=op)
            with mount.backing.lock:
                target = mount.fs.readlink(inner)
            if target.startswith("/"):
                del trail[1:]
            pending.extend(reversed(target.split("/")))
        elif not pending:
            return Spot(mount, inner, kind, trail, name, slash, covering)
        elif kind is Kind.DIRECTORY:
            trail.append((mount, inner))
        else:
            number = errno.ENOENT if kind is None else errno.ENOTDIR
            raise fs_error(number, path, op=op)
    mount, directory = trail[-1]
    return Spot(mount, directory, mount.kind, trail, "", slash, covering=False)


def _top(mount: Mount) -> tuple[Mount, str, Kind]:
    """Give what is mounted last on a mount's own root."""
    above = mount.children.get(mount.root)
    while above is not None:
        mount = above
        above = mount.children.get(mount.root)
    return mount, mount.root, mount.kind


def _look(mount: Mount, inner: str, path: str, op: str) -> Kind | None:
    fs = mount.fs
    if type(fs) is UnionFS:  # the common case, with no more calls than it needs
        with mount.backing.lock:
            found = fs.lookup(inner)
        if not isinstance(found, Negative):
            return found.kind
    try:
        with mount.backing.lock:
            return look(mount.fs, inner)
    except UnionFSError as error:
        error.filename, error.op = path, op
        raise


def may_search(mount: Mount, directory: str, caller: Credentials) -> bool:
    """Tell whether a directory lets the caller at what is in it."""
    with mount.backing.lock:
        status = mount.fs.lstat(directory)
    meta = Meta(mode=stat.S_IMODE(status.st_mode), uid=status.st_uid, gid=status.st_gid)
    return allows(meta, caller, EXECUTE, directory=True)
