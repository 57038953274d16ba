"""
Forks: a second upper that starts as the first, and costs what is looked at.

A fork copies nothing.  Its directories fill when they are first looked into, from the
upper that was forked as it was then: that one keeps aside what it is about to change,
for as long as a fork may still ask.  All of it holds where the two are used by two
threads: what is read is read before it is asked for whether it was kept, and what is
kept is kept before it changes.
"""

from __future__ import annotations

from typing import Any, Final, final

from unionfs_sim.core.nodes import WHITEOUT
from unionfs_sim.core.paths import Name
from unionfs_sim.core.upper import UpperDirectory, UpperEntry, UpperFile, UpperInode


@final
class Snapshot:
    """
    An upper at one moment: what it is now, but for what was kept since.

    Attributes:
        kept: Copies of what has changed since, by the inode itself.
        newer: The snapshot taken next, which keeps what changed after that.
    """

    __slots__ = ("__weakref__", "kept", "newer")

    def __init__(self) -> None:
        self.kept: dict[UpperInode, UpperInode] = {}
        self.newer: Snapshot | None = None

    def keep(self, inode: UpperInode) -> None:
        """Keep an inode as it is: it is about to change."""
        if inode not in self.kept:
            if isinstance(inode, UpperFile):
                self.kept[inode] = copied_file(inode)
            else:
                copy = _copied(inode, UpperDirectory)
                copy.entries = dict(inode.entries)
                self.kept[inode] = copy

    def find(self, inode: UpperInode) -> UpperInode | None:
        """Give the copy that was kept of an inode, if it has changed since."""
        at: Snapshot | None = self
        while at is not None:
            found = at.kept.get(inode)
            if found is not None:
                return found
            at = at.newer
        return None


@final
class Fork:
    """The upper that one fork starts with; takes O(1)."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._files: dict[UpperFile, UpperFile] = {}

    def directory(
        self, source: UpperDirectory, parent: UpperDirectory | None, name: Name
    ) -> UpperDirectory:
        """Copy a directory, which fills when it is looked into."""
        made: UpperDirectory = _copied(source, _Unfilled)
        kept = self._snapshot.find(source)
        if isinstance(kept, UpperDirectory):
            made = _copied(kept, _Unfilled)
        made.parent, made.name = parent, name
        _ENTRIES.__set__(made, (self, source, {}))
        return made

    def file(self, source: UpperFile) -> UpperFile:
        """Copy a file, once for all its names."""
        made = self._files.get(source)
        if made is None:
            made = copied_file(source)
            kept = self._snapshot.find(source)
            if isinstance(kept, UpperFile):
                made = copied_file(kept)
            made = self._files.setdefault(source, made)
        return made

    def entries(
        self, source: UpperDirectory, into: UpperDirectory
    ) -> dict[Name, UpperEntry]:
        """Copy what is in a directory; takes O(its own entries)."""
        entries = dict(source.entries)
        kept = self._snapshot.find(source)
        if isinstance(kept, UpperDirectory):
            entries = kept.entries
        made: dict[Name, UpperEntry] = {}
        for name, entry in entries.items():
            if entry is WHITEOUT:
                made[name] = WHITEOUT
            elif isinstance(entry, UpperFile):
                made[name] = self.file(entry)
            else:
                made[name] = self.directory(entry, into, name)
        return made


class _Unfilled(UpperDirectory):
    """
    A directory of a fork that nobody has looked into.

    Where its entries will be is what it fills from; once filled it is an
    `UpperDirectory` like any other.
    """

    __slots__ = ()

    @property
    def entries(self) -> dict[Name, UpperEntry]:  # type: ignore[override]
        """Its own names: fills it."""
        held: Any = _ENTRIES.__get__(self)
        if type(held) is dict:
            return held  # another thread was faster
        fork, source, filled = held
        # The first to be done wins; the others take what it made.
        entries: dict[Name, UpperEntry]
        entries = filled.setdefault("entries", fork.entries(source, self))
        _ENTRIES.__set__(self, entries)
        self.__class__ = UpperDirectory  # type: ignore[assignment]  # as laid out
        return entries


#: The place of the entries, whatever the class says.
_ENTRIES: Final[Any] = UpperDirectory.__dict__["entries"]


def _copied(source: UpperDirectory, kind: type[UpperDirectory]) -> UpperDirectory:
    """Copy a directory without what is in it."""
    made = kind.__new__(kind)
    made.meta = source.meta
    made.opaque = source.opaque
    made.below = source.below
    made.parent = None
    made.name = source.name
    made.number = source.number
    made.status = None
    made.broken = source.broken
    made.fresh = source.fresh
    return made


def copied_file(source: UpperFile) -> UpperFile:
    """Copy a file; content is shared."""
    made = UpperFile(source.node, source.origin)
    made.nlink = source.nlink
    made.number = source.number
    made.broken = source.broken
    made.stub = source.stub
    made.plain_count = source.plain_count
    made.lower_links = source.lower_links
    return made
