"""
What a mount table is made of: mounts, where each comes from, and what they share.

All mounts of one file system, in whatever tables, share one lock; and they hear of
names that move or go, for a mount is of a directory or a file, not of a path.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, final

import attrs

from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.nodes import Kind

if TYPE_CHECKING:
    from unionfs_sim.containers.mounts import MountTable

#: Held, and nothing else while it is, when mounts come, move and go: what happens to a
#: file system in one table changes what others have mounted of it.
TREE_LOCK: Final = threading.RLock()

#: What bind mounts in a container are unless told otherwise.
PROPAGATION: Final = "rprivate"


@final
@attrs.frozen
class MountSource:
    """
    Where a mount comes from, as ``docker inspect`` and a reader want to know it.

    Attributes:
        type: ``volume``, ``bind``, ``tmpfs``, or the type of a file system.
        source: The path on the host; empty for a tmpfs.
        name: The name of the volume.
        driver: The driver of the volume.
        mode: The mode as `spec.MountSpec.shown_mode` has it.
        host: The name of the host.
        options: The mount options, as ``/proc/mounts`` shows them.
    """

    type: str = "bind"
    source: str = ""
    name: str = ""
    driver: str = ""
    mode: str = ""
    host: str = ""
    options: str = ""


@final
@attrs.define(eq=False, repr=False)
class Mount:
    """
    One mount of a table.

    Attributes:
        fs: The file system that answers, as root sees it.
        root: The path in it that the mount shows.
        kind: What is mounted: a directory, or something else.
        destination: Where it was asked to be, as `inspect` shows it.
        source: Where it comes from.
        read_only: Whether nothing can be written through it.
        propagation: How later mounts travel between it and its source.
        parent: The mount that it is mounted on; ``None`` for the root.
        at: The path in the parent's file system that it covers.
        implied: Whether it came along with a mount that it lies under.
        device: What ``st_dev`` tells of it; 0 leaves that as it is.
        children: What is mounted on it, by the path in `fs`.
        backing: What all mounts of the file system share.
        table: The table that it is in.
    """

    fs: FileSystem
    root: str
    kind: Kind
    destination: str
    source: MountSource
    read_only: bool
    propagation: str
    parent: Mount | None
    at: str
    implied: bool
    device: int
    backing: Backing
    table: MountTable = attrs.field(repr=False)
    children: dict[str, Mount] = attrs.field(factory=dict)
    _followers: weakref.WeakSet[Mount] | None = None

    def attrs(self) -> dict[str, Any]:
        """Give it as ``docker inspect`` shows it under ``Mounts``, keys in order."""
        source = self.source
        made: dict[str, Any] = {"Type": source.type}
        if source.type == "volume":
            made["Name"] = source.name
        made["Source"] = source.source
        made["Destination"] = self.destination
        if source.type == "volume":
            made["Driver"] = source.driver
        made["Mode"] = source.mode
        made["RW"] = not self.read_only
        made["Propagation"] = self.propagation if source.type == "bind" else ""
        return made

    @property
    def path(self) -> str:
        """Where it is in its table, links resolved."""
        parts: list[str] = []
        mount = self
        while mount.parent is not None:
            parts.append(relative(mount.at, mount.parent.root))
            mount = mount.parent
        return "".join(reversed(parts)) or "/"

    @property
    def followers(self) -> list[Mount]:
        """The mounts, of whatever table, that later mounts travel to."""
        with TREE_LOCK:
            return list(self._followers or ())

    def lead(self, mount: Mount) -> None:
        """Let later mounts travel to another."""
        with TREE_LOCK:
            if self._followers is None:
                self._followers = weakref.WeakSet()
            self._followers.add(mount)

    @property
    def shared(self) -> bool:
        """Whether mounts made on it travel to others."""
        return self.propagation in {"shared", "rshared"}

    def __repr__(self) -> str:
        """Show what is where."""
        what = self.source.name or self.source.source or self.source.type
        return f"<Mount {what} on {self.path}>"


def relative(path: str, root: str) -> str:
    """
    Give a path in a file system as seen from one in it: empty for that itself.

    >>> relative("/srv/www/x", "/srv"), relative("/x", "/"), relative("/srv", "/srv")
    ('/www/x', '/x', '')
    """
    return path[len(root) :] if root != "/" else path.rstrip("/")


@final
class Backing:
    """
    What all mounts of one file system share.

    Attributes:
        lock: Held during each call on it.
        owner: The name of the host that it is the root of, or empty.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.owner = ""
        self._mounts: weakref.WeakSet[Mount] = weakref.WeakSet()

    @property
    def mounts(self) -> list[Mount]:
        """The mounts that show it."""
        with TREE_LOCK:
            return list(self._mounts)

    def add(self, mount: Mount) -> None:
        """Note that a mount shows it."""
        with TREE_LOCK:
            self._mounts.add(mount)

    def discard(self, mount: Mount) -> None:
        """Note that a mount shows it no more."""
        with TREE_LOCK:
            self._mounts.discard(mount)

    def moved(self, old: str, new: str) -> None:
        """Follow a rename in the file system: roots and mount points move along."""
        below = f"{old}/"
        for mount in self.mounts:
            with TREE_LOCK:
                if mount.root == old or mount.root.startswith(below):
                    mount.root = new + mount.root[len(old) :]
                if any(at == old or at.startswith(below) for at in mount.children):
                    # One new mapping, for others look it up without a lock.
                    children = {}
                    for at, child in mount.children.items():
                        if at == old or at.startswith(below):
                            child.at = new + at[len(old) :]
                        children[child.at] = child
                    mount.children = children

    def roots(self, path: str) -> list[Mount]:
        """Give the mounts that show just this path."""
        return [mount for mount in self.mounts if mount.root == path]

    def uncover(self, path: str) -> None:
        """Forget mounts on a name that is gone, as the kernel detaches them."""
        for mount in self.mounts:
            child = mount.children.get(path)
            if child is not None:
                child.table.drop(child)


_BACKINGS: weakref.WeakKeyDictionary[FileSystem, Backing] = weakref.WeakKeyDictionary()
_BACKINGS_LOCK: Final = threading.Lock()


def backing_of(fs: FileSystem) -> Backing:
    """
    Give what all mounts of a file system share; the same for each asking.

    >>> from unionfs_sim import UnionFS
    >>> fs = UnionFS()
    >>> backing_of(fs) is backing_of(fs)
    True
    """
    with _BACKINGS_LOCK:
        found = _BACKINGS.get(fs)
        if found is None:
            found = _BACKINGS[fs] = Backing()
        return found
