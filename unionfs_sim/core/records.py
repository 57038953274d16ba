"""
Records: what a merged view holds for each visible name.

Where one layer alone has a directory or a file, its own node is the record; only where
directories merge, or something cannot be used, a record of its own is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, TypeAlias, final

import attrs

from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Directory, Kind, Leaf
from unionfs_sim.core.paths import Name

#: Directories, top first: the first, and the chain of the rest, if there is one.
Chain: TypeAlias = "tuple[Directory, Chain | None]"


@final
@attrs.define(eq=False, weakref_slot=False)
class MergedDirectory:
    """
    A directory of a merged view that is not just one layer's directory as it stands.

    Attributes:
        chain: The topmost of the layers' directories that take part, and the chain of
            the rest, which is shared with the view below.
        meta: The attributes that show: those of the topmost that has its own.
        implied: Whether none of them has attributes of its own.
        entries: What is visible in it; never to be changed once the fold is done.
        broken: Whether a `Broken` may be among the entries.
    """

    chain: Chain = attrs.field(repr=False)
    meta: Meta
    implied: bool
    entries: Mapping[Name, Record]
    broken: bool = False

    #: `Kind.DIRECTORY`.
    kind: ClassVar[Kind] = Kind.DIRECTORY

    @property
    def hits(self) -> tuple[Directory, ...]:
        """The layers' directories that take part, top first; takes O(their number)."""
        found = []
        chain: Chain | None = self.chain
        while chain is not None:
            first, chain = chain
            found.append(first)
        return tuple(found)

    @property
    def first(self) -> Directory:
        """The topmost of them."""
        return self.chain[0]

    @property
    def alone(self) -> bool:
        """Whether there is but one."""
        return self.chain[1] is None


@final
@attrs.frozen(eq=False, weakref_slot=False)
class Broken:
    """
    A name that is listed and cannot be looked up.

    Attributes:
        node: What is there.
        errno: What a lookup fails with; ENOENT for a whiteout in the form of an xattr
            that a listing shows (overlayfs.md, 1.5).
        quiet: Whether a merged listing leaves it out, as it does in directories that
            are marked to hold xattr whiteouts.
        merged: What it is once a directory lies over it, or over the one that it is
            in, if that makes it another thing (found-134).
    """

    node: Leaf | Directory
    errno: int
    quiet: bool = False
    merged: Record | None = None

    @property
    def kind(self) -> Kind:
        """The kind of the node."""
        return self.node.kind

    @property
    def meta(self) -> Meta:
        """The attributes of the node."""
        return self.node.meta


def under_directory(record: Record | None) -> Record | None:
    """
    Give what a directory that is put over a record merges with.

    Above data-only layers the kernel reads the marks of the lowest layer only where
    nothing above has the directory.
    """
    if isinstance(record, Broken) and record.merged is not None:
        return record.merged
    return merging(record) if isinstance(record, MergedDirectory) else record


def merging(record: MergedDirectory) -> MergedDirectory:
    """Give a directory as it is once another lies over it (see `under_directory`)."""
    if not record.broken:
        return record
    entries = {
        name: entry.merged
        for name, entry in record.entries.items()
        if isinstance(entry, Broken) and isinstance(entry.merged, Broken)
    }
    if not entries:
        return record
    return attrs.evolve(record, entries={**record.entries, **entries})


#: A directory of a merged view.
DirectoryRecord: TypeAlias = Directory | MergedDirectory

#: What a name in a merged view stands for.
Record: TypeAlias = Leaf | Directory | MergedDirectory | Broken

DIRECTORY_TYPES: Final = (Directory, MergedDirectory)
