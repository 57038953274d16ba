"""
The upper: the one writable tree of a union, and what lies under each directory of it.

An inode of the upper keeps its identity while its name, attributes and content change,
as an inode of a disk does.  A directory of the upper knows the merged lower directory
that shows through it, so that one name is found with two dictionary probes, however
many layers there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, final

import attrs
from sortedcontainers import SortedDict

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Kind, Leaf, WhiteoutType
from unionfs_sim.core.paths import Name, Parts
from unionfs_sim.core.records import (
    DIRECTORY_TYPES,
    DirectoryRecord,
    MergedDirectory,
    Record,
)

if TYPE_CHECKING:
    from unionfs_sim.core.status import stat_result


@final
class UpperFile:
    """
    An inode of the upper that is not a directory.

    Attributes:
        node: What it is now; replaced by every change.
        nlink: How many names it has now; 0 for a file that is open but unlinked.
        origin: The lower node it was copied up from, whose inode number it keeps.
        number: Its inode number if it has no origin; 0 before the first asking.
        status: Its status, if it was asked for since the last change.
    """

    __slots__ = ("nlink", "node", "number", "origin", "status")

    def __init__(self, node: Leaf, origin: Leaf | None = None) -> None:
        self.node = node
        self.nlink = 0
        self.origin = origin
        self.number = 0
        self.status: stat_result | None = None

    @property
    def kind(self) -> Kind:
        """The kind of its node."""
        return self.node.kind

    @property
    def meta(self) -> Meta:
        """The attributes as they are now."""
        return self.node.meta

    def __repr__(self) -> str:
        """Show the node."""
        return f"<upper {self.node!r}>"


@final
class UpperDirectory:
    """
    A directory of the upper.

    Attributes:
        meta: Its attributes as they are now.
        entries: Its own names, whiteouts included, in order.
        opaque: Whether it is marked to hide what is below.
        below: The merged lower directory that shows through, if any does.
        parent: The directory that holds it; ``None`` for the root and once removed.
        name: Its name there.
        number: Its inode number if nothing is below; 0 before the first asking.
        status: Its status, if it was asked for since the last change.
    """

    __slots__ = (
        "below",
        "entries",
        "meta",
        "name",
        "number",
        "opaque",
        "parent",
        "status",
    )

    def __init__(
        self,
        meta: Meta,
        *,
        below: DirectoryRecord | None = None,
        opaque: bool = False,
        parent: UpperDirectory | None = None,
        name: Name = "",
    ) -> None:
        self.meta = meta
        self.entries: SortedDict[Name, UpperEntry] = SortedDict()
        self.opaque = opaque
        self.below = below
        self.parent = parent
        self.name = name
        self.number = 0
        self.status: stat_result | None = None

    @property
    def kind(self) -> Kind:
        """`Kind.DIRECTORY`."""
        return Kind.DIRECTORY

    @property
    def implied(self) -> bool:
        """False: the upper always says what a directory looks like."""
        return False

    @property
    def bare(self) -> bool:
        """False, likewise."""
        return False

    @property
    def parts(self) -> Parts:
        """Its path from the root; takes O(depth)."""
        names = []
        directory = self
        while directory.parent is not None:
            names.append(directory.name)
            directory = directory.parent
        return tuple(reversed(names))

    def __repr__(self) -> str:
        """Show the path and the own names."""
        return f"<upper directory /{'/'.join(self.parts)}: {list(self.entries)}>"


#: An inode of the upper.
UpperInode: TypeAlias = UpperFile | UpperDirectory

#: What a name in the upper stands for.
UpperEntry: TypeAlias = UpperFile | UpperDirectory | WhiteoutType

#: A directory as a union shows it.
LiveDirectory: TypeAlias = UpperDirectory | Directory | MergedDirectory

#: Anything that a union shows.
Live: TypeAlias = UpperFile | UpperDirectory | Record

LIVE_DIRECTORY_TYPES: Final = (UpperDirectory, *DIRECTORY_TYPES)


def child(directory: LiveDirectory, name: Name) -> Live | None:
    """
    Find one name in one directory of a union: at most two dictionary probes.

    >>> from unionfs_sim import Layer
    >>> root = Layer.build({"a": "x"}).root
    >>> child(UpperDirectory(root.meta, below=root), "a").kind
    <Kind.REGULAR: 'file'>
    """
    found: UpperEntry | Record | None
    if type(directory) is UpperDirectory:
        found = directory.entries.get(name)
        if found is None:
            below = directory.below
            if below is None:
                return None
            found = below.entries.get(name)
    else:
        found = directory.entries.get(name)
    return None if found is WHITEOUT else found


def names(directory: LiveDirectory) -> list[Name]:
    """
    List what is visible in a directory, in order.

    Takes O(n log n) for the n names below, O(n) for those of the upper.
    """
    if not isinstance(directory, UpperDirectory):
        return sorted(directory.entries)
    own = directory.entries
    mine = [name for name, entry in own.items() if entry is not WHITEOUT]
    if directory.below is None:
        return mine
    mine.extend(name for name in directory.below.entries if name not in own)
    mine.sort()  # two sorted runs at best: timsort merges them in linear time
    return mine


def is_empty(directory: LiveDirectory) -> bool:
    """Tell whether nothing is visible in a directory."""
    if not isinstance(directory, UpperDirectory):
        return not directory.entries
    own = directory.entries
    if any(entry is not WHITEOUT for entry in own.values()):
        return False
    below = directory.below
    return below is None or all(name in own for name in below.entries)


def covered(directory: UpperDirectory, name: Name) -> bool:
    """
    Tell whether a name shows in the layers below, so that removing it needs a whiteout.

    The kernel's rule (overlayfs.md, 3.1): whatever the type of what is covered.
    """
    return directory.below is not None and name in directory.below.entries


def thaw(layer: Layer | None, below: DirectoryRecord) -> UpperDirectory:
    """Make an upper over a merged root: an empty one, or one that starts as a layer."""
    if layer is None:
        return UpperDirectory(below.meta, below=below)
    top = layer.root
    root = UpperDirectory(
        below.meta if top.implied else top.meta,
        below=None if top.opaque else below,
        opaque=top.opaque,
    )
    inodes: dict[int, UpperFile] = {}
    pending = [(root, top)]
    while pending:
        directory, source = pending.pop()
        for name, entry in source.entries.items():
            present = directory.below and directory.below.entries.get(name)
            lower = present if isinstance(present, DIRECTORY_TYPES) else None
            if entry is WHITEOUT:
                directory.entries[name] = WHITEOUT
            elif not isinstance(entry, Directory):
                inode = inodes.setdefault(id(entry), UpperFile(entry))
                inode.nlink += 1
                directory.entries[name] = inode
            elif lower is not None or not entry.bare:
                made = UpperDirectory(
                    lower.meta if entry.implied and lower else entry.meta,
                    below=None if entry.opaque else lower,
                    opaque=entry.opaque,
                    parent=directory,
                    name=name,
                )
                directory.entries[name] = made
                pending.append((made, entry))
    return root


def fork(root: UpperDirectory) -> UpperDirectory:
    """Copy an upper, content shared; takes O(entries of the upper)."""
    copies: dict[int, UpperFile] = {}
    copy_root = _copy_directory(root, None)
    pending = [(root, copy_root)]
    while pending:
        source, copy = pending.pop()
        entries: dict[Name, UpperEntry] = {}
        for name, entry in source.entries.items():
            if entry is WHITEOUT:
                entries[name] = entry
            elif isinstance(entry, UpperDirectory):
                entries[name] = made = _copy_directory(entry, copy)
                pending.append((entry, made))
            else:
                twin = copies.get(id(entry))
                if twin is None:
                    twin = copies[id(entry)] = UpperFile(entry.node, entry.origin)
                    twin.nlink, twin.number = entry.nlink, entry.number
                entries[name] = twin
        copy.entries.update(entries)
    return copy_root


def _copy_directory(
    source: UpperDirectory, parent: UpperDirectory | None
) -> UpperDirectory:
    copy = UpperDirectory(
        source.meta,
        below=source.below,
        opaque=source.opaque,
        parent=parent,
        name=source.name,
    )
    copy.number = source.number
    return copy


def freeze(root: UpperDirectory, label: str) -> Layer:
    """Give an upper as a layer; takes O(entries of the upper)."""
    builder = LayerBuilder(label)
    leaves: dict[int, Leaf] = {}
    pending: list[tuple[Parts, UpperDirectory]] = [((), root)]
    while pending:
        parts, directory = pending.pop()
        builder.set_meta(parts, directory.meta)
        if directory.opaque:
            builder.opaque(parts)
        for name, entry in directory.entries.items():
            path = (*parts, name)
            if entry is WHITEOUT:
                builder.whiteout(path)
            elif isinstance(entry, UpperDirectory):
                pending.append((path, entry))
            else:
                node = leaves.setdefault(
                    id(entry), attrs.evolve(entry.node, nlink=entry.nlink)
                )
                builder.add(path, node)
    return builder.freeze()
