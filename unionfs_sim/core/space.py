"""
The name space of a live union: its root, and what lookups find and leave behind.

All that a union can be asked goes through `Space.child`: an upper over a merged view,
hard links that live on in the index, and the marks that the kernel sets when it first
sees a merged directory of the upper.
"""

from __future__ import annotations

import errno
import weakref
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Final, final

import attrs

from unionfs_sim.core.fold import follow, redirect_parts, redirected, visible
from unionfs_sim.core.forking import Fork, Snapshot
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.meta import (
    NO_XATTRS,
    Credentials,
    Meta,
    marked,
    with_private,
)
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, Regular
from unionfs_sim.core.paths import Name
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.records import (
    DIRECTORY_TYPES,
    Broken,
    Record,
    under_directory,
)
from unionfs_sim.core.stack import Stack, View
from unionfs_sim.core.upper import (
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperEntry,
    UpperFile,
    UpperInode,
    has_origin,
    names,
)

#: Inode numbers of what an upper made itself start here.
_UPPER_NUMBERS: Final = 1 << 40

#: What a file handle on ext4 starts with: version, magic, length, flags, type, UUID.
_HANDLE_START: Final = b"\x00\xfb\x1d\x00\x81" + bytes(16)


@final
class Space:
    """
    The names of one union.

    Attributes:
        root: The upper's root.
        view: The merged view of the layers.
        policy: The mount options.
        read_only: Whether there is no upper.
        index: The inodes of the upper that lower hard links became, by the lower
            node's identity; empty unless ``index=on``.
        idle_index: Those that an earlier mount with ``index=on`` left in the index
            directory, while this one has none, by the lower inode number.
        raised: Where a lower object went when it was copied up, likewise; a
            descriptor that is open on it follows (S31).
        last_number: The last inode number that an object of the upper was given.
        raised_names: Where one of several lower hard links went, by the directory and
            the name that it went to first.
        snapshot: Gives the snapshot that forks ask which have not seen all yet.
    """

    def __init__(
        self, root: UpperDirectory, view: View, policy: Policy, *, read_only: bool
    ) -> None:
        self.root = root
        self.view = view
        self.policy = policy
        self.read_only = read_only
        self.index: dict[int, UpperFile] = {}
        self.idle_index: dict[int, UpperFile] = {}
        self.raised: dict[int, UpperInode] = {}
        self.raised_names: dict[tuple[LiveDirectory, Name], UpperFile] = {}
        self.last_number = _UPPER_NUMBERS
        self.snapshot: Callable[[], Snapshot | None] = _no_snapshot

    def child(self, directory: LiveDirectory, name: Name) -> Live | None:
        """
        Find one name in one directory: at most two dictionary probes, and no layer.

        What cannot be looked up is given as a `Broken`, whose errno is the answer.
        """
        found = self.peek(directory, name)
        if isinstance(found, UpperDirectory):
            if found.fresh:
                self.settle(found)
        elif type(found) is Broken and isinstance(directory, UpperDirectory):
            entry = directory.entries.get(name)
            if isinstance(entry, UpperDirectory) and entry.fresh:
                self.settle(entry)
        return found

    def peek(self, directory: LiveDirectory, name: Name) -> Live | None:
        """Find one name like `child`, and leave no mark."""
        if isinstance(directory, UpperDirectory):
            own = directory.entries.get(name)
            if own is not None:
                return self._own(own)
            below = directory.below
            if below is None:
                return None
            found = below.entries.get(name)
        else:
            found = directory.entries.get(name)
        if found is None or found is WHITEOUT:
            return None
        if type(found) is Broken and found.errno == errno.ENOENT:
            return None
        if self.index:
            return self.index.get(id(found), found)
        return found

    def _own(self, entry: UpperEntry) -> Live | None:
        """Give what an entry of the upper shows."""
        if entry is WHITEOUT or entry.broken == errno.ENOENT:
            return None
        if entry.broken:
            if isinstance(entry, UpperFile):
                return Broken(entry.node, entry.broken)
            return Broken(Directory(entry.meta), entry.broken)
        return entry

    def settle(self, directory: UpperDirectory) -> None:
        """
        Set the marks that the kernel sets when it first looks a directory up (S20).

        A merged directory gets the handle of its first lower directory, and its
        parent is marked to hold such a one.
        """
        self.keep(directory)
        directory.fresh = False
        parent = directory.parent
        if directory.below is None or "origin" in directory.meta.private:
            return
        directory.meta = self.with_origin(directory.meta, directory.below)
        if parent is not None and "impure" not in parent.meta.private:
            self.keep(parent)
            parent.meta = marked(parent.meta, "impure", b"y")

    def list(self, directory: LiveDirectory) -> list[Name]:
        """
        List a directory, and leave the marks that the kernel leaves (overlayfs.md, 1.6).

        In a directory of the upper that holds something with an origin, the kernel
        looks every name of the upper up, to tell its inode number; what cannot be
        found then is not listed, and merged directories get their marks.  A directory
        of the upper alone that holds no such thing any more loses its mark (S21).
        """
        ghosts = self.policy.ghosts
        if not isinstance(directory, UpperDirectory):
            return names(directory, ghosts=ghosts)
        if "impure" not in directory.meta.private:
            return names(directory, ghosts=ghosts)
        entries = sorted(directory.entries.items(), key=itemgetter(0))
        for _, entry in entries:
            if isinstance(entry, UpperDirectory) and entry.fresh:
                self.settle(entry)
        if directory.below is None:
            if directory is not self.root and not any(
                entry is not WHITEOUT and has_origin(entry) for _, entry in entries
            ):
                self.keep(directory)
                directory.meta = marked(directory.meta, "impure", None)
            return names(directory, ghosts=ghosts)
        unfound = {
            name for name, entry in entries if entry is not WHITEOUT and entry.broken
        }
        return [x for x in names(directory, ghosts=ghosts) if x not in unfound]

    def list_error(self, directory: LiveDirectory) -> int:
        """
        Give what listing a directory fails with, or 0.

        The kernel looks up all names of an upper directory that holds something with
        an origin; if it merges with nothing, one that cannot be looked up ends that.
        """
        if not isinstance(directory, UpperDirectory) or directory.below is not None:
            return 0
        if "impure" not in directory.meta.private:
            return 0
        errors = (
            entry.broken
            for entry in directory.entries.values()
            if entry is not WHITEOUT and entry.broken not in {0, errno.ENOENT}
        )
        return next(errors, 0)

    def with_origin(self, meta: Meta, record: Record) -> Meta:
        """Give attributes with the handle of a lower object (overlayfs.md, 2)."""
        handle = _HANDLE_START + self.view.number(record).to_bytes(8, "big")
        return marked(meta, "origin", handle)

    def origin(self, meta: Meta) -> Record | None:
        """Give the lower object whose handle an inode keeps, if it is one of ours."""
        handle = meta.private.get("origin", b"")
        if not handle.startswith(_HANDLE_START):
            return None
        return self.view.numbered(int.from_bytes(handle[-8:], "big"))

    def number(self, live: Live) -> int:
        """Give an inode number; it stays over copy-up and rename (S43)."""
        if isinstance(live, UpperFile):
            if live.origin is not None:
                return self.view.number(live.origin)
        elif isinstance(live, UpperDirectory):
            if live.below is not None:
                return self.view.number(live.below)
        elif isinstance(live, Broken):
            return 0
        else:
            return self.view.number(live)
        if not live.number:
            self.keep(live)
            self.last_number += 1
            live.number = self.last_number
        return live.number

    def fork(self) -> Space:
        """
        Give a second space that starts as this one is; layers are shared.

        Takes O(1), plus O(entries of the index) with ``index=on``.
        """
        snapshot = self.snapshot()
        if snapshot is None or snapshot.kept:
            newest = Snapshot()
            if snapshot is not None:
                snapshot.newer = newest
            self.snapshot = weakref.ref(newest)
            snapshot = newest
        fork = Fork(snapshot)
        root = fork.directory(self.root, None, "")
        twin = Space(root, self.view, self.policy, read_only=self.read_only)
        for key, inode in self.index.items():
            twin.index[key] = fork.file(inode)
        for key, inode in self.idle_index.items():
            twin.idle_index[key] = fork.file(inode)
        twin.last_number = self.last_number
        return twin

    def keep(self, inode: UpperInode) -> None:
        """Let forks have an inode as it is: it is about to change."""
        snapshot = self.snapshot()
        if snapshot is not None:
            snapshot.keep(inode)


def _no_snapshot() -> None:
    """Say that there is none."""


def mount(
    stack: Stack, layer: Layer | None, policy: Policy, *, read_only: bool
) -> Space:
    """
    Put an upper over a stack: an empty one, or one that starts as a layer.

    Takes O(entries of the layer).
    """
    below = stack.root
    if layer is None:
        meta = with_private(below.meta, NO_XATTRS)
        root = UpperDirectory(meta, below=below)
        return Space(root, stack.view, policy, read_only=read_only)
    return _Thaw(stack, layer, policy).run(read_only=read_only)


@final
class _Thaw:
    """Turns a layer into an upper: what lies under each directory is found once."""

    def __init__(self, stack: Stack, layer: Layer, policy: Policy) -> None:
        below = stack.root
        self._top = layer.root
        meta = self._top.meta
        if self._top.implied:
            meta = with_private(below.meta, NO_XATTRS)
        self._root = UpperDirectory(
            meta, below=None if self._top.opaque else below, opaque=self._top.opaque
        )
        self._view = stack.view
        self._policy = policy
        self._rules = attrs.evolve(stack.view.rules, follows=policy.follows)
        self._inodes: dict[int, UpperFile] = {}

    def run(self, *, read_only: bool) -> Space:
        """Thaw everything."""
        space = Space(self._root, self._view, self._policy, read_only=read_only)
        pending = [(self._root, self._top)]
        while pending:
            directory, source = pending.pop()
            shown: Mapping[Name, Record] = (
                visible(directory.below) if directory.below else {}
            )
            for name, entry in source.entries.items():
                present = shown.get(name)
                if entry is WHITEOUT:
                    directory.entries[name] = WHITEOUT
                elif not isinstance(entry, Directory):
                    self._file(space, directory, name, entry)
                elif isinstance(present, DIRECTORY_TYPES) or not entry.bare:
                    made = self._directory(directory, name, entry, present)
                    pending.append((made, entry))
        return space

    def _directory(
        self,
        parent: UpperDirectory,
        name: Name,
        entry: Directory,
        present: Record | None,
    ) -> UpperDirectory:
        broken = 0
        redirect = entry.meta.private.get("redirect")
        if redirect is not None and not entry.opaque:
            below = parent.below
            found = redirected(redirect, self._view.root, below, self._rules)
            broken, present = (found, None) if isinstance(found, int) else (0, found)
        present = under_directory(present)
        lower = present if isinstance(present, DIRECTORY_TYPES) else None
        if isinstance(present, Broken) and isinstance(present.node, Directory):
            broken = broken or (0 if entry.opaque else present.errno)
            lower = _met(present.node)
        made = UpperDirectory(
            with_private(lower.meta, NO_XATTRS)
            if entry.implied and lower
            else entry.meta,
            below=None if entry.opaque else lower,
            opaque=entry.opaque,
            parent=parent,
            name=name,
        )
        made.broken = broken
        made.fresh = True  # also if broken: found-135
        parent.entries[name] = made
        return made

    def _file(
        self, space: Space, parent: UpperDirectory, name: Name, entry: Leaf
    ) -> None:
        inode = self._inodes.get(id(entry))
        if inode is None:
            inode = self._inodes[id(entry)] = UpperFile(entry)
            origin = space.origin(entry.meta)
            if origin is not None and not isinstance(
                origin, (*DIRECTORY_TYPES, Broken)
            ):
                inode.origin = origin
                inode.plain_count = origin.nlink == 1
            if isinstance(entry, Regular):
                self._special(inode, parent, name, entry)
        inode.nlink += 1
        parent.entries[name] = inode

    def _special(
        self, inode: UpperFile, parent: UpperDirectory, name: Name, entry: Regular
    ) -> None:
        """Find the data of a metadata-only file; see an xattr whiteout as one."""
        private = entry.meta.private
        if "whiteout" in private and not entry.content.size:
            inode.broken = errno.ENOENT
        elif "metacopy" in private:
            inode.stub = entry.content
            if not self._policy.metacopy:
                inode.broken = errno.EPERM
                return
            redirect = private.get("redirect", b"")
            target = redirect_parts(redirect) if redirect else (False, (name,))
            data = follow(target, self._view.root, parent.below) if target else None
            if isinstance(data, Regular):
                inode.lower_links = data.nlink
                if data.nlink == 1:
                    inode.origin = data
                inode.node = attrs.evolve(entry, content=data.content)
            else:
                inode.broken = errno.EIO


def _met(lower: Directory) -> Directory | None:
    """Give a directory whose lookup fails, unless its own redirect cannot be read."""
    malformed = redirect_parts(lower.meta.private.get("redirect", b"x")) is None
    return None if malformed else lower


@final
@attrs.define(eq=False)
class Call:
    """
    One call on a union: where, by whom, when.

    Attributes:
        space: The name space.
        caller: Who calls.
        now_ns: The time of all that the call does.
    """

    space: Space
    caller: Credentials
    now_ns: int

    @property
    def policy(self) -> Policy:
        """The mount options."""
        return self.space.policy
