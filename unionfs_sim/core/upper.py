"""
The upper: the one writable tree of a union, and what lies under each directory of it.

An inode of the upper keeps its identity while its name, attributes and content change,
as an inode of a disk does.  A directory of the upper knows the merged lower directory
that shows through it, so that one name is found with two dictionary probes, however
many layers there are.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias, final

from unionfs_sim.core.content import Content
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import NO_XATTRS, Meta, with_private
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Directory,
    Kind,
    Leaf,
    WhiteoutType,
    with_meta,
)
from unionfs_sim.core.paths import Name, Parts
from unionfs_sim.core.records import (
    DIRECTORY_TYPES,
    Broken,
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
        broken: What a lookup fails with, if it cannot be used; else 0.
        stub: What is on disk of a metadata-only file, if it is not just a hole.
        lower_links: How many names the lower file has that it came from; 0 if none.
        plain_count: Whether its own links are all that is counted: so after a mount
            where the lower inode had one name (``nfs_export=on``).
    """

    __slots__ = (
        "broken",
        "lower_links",
        "nlink",
        "node",
        "number",
        "origin",
        "plain_count",
        "status",
        "stub",
    )

    def __init__(self, node: Leaf, origin: Leaf | None = None) -> None:
        self.node = node
        self.nlink = 0
        self.origin = origin
        self.number = 0
        self.status: stat_result | None = None
        self.broken = 0
        self.stub: Content | None = None
        self.plain_count = False
        self.lower_links = 0

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


class UpperDirectory:
    """
    A directory of the upper.

    Attributes:
        meta: Its attributes as they are now.
        entries: Its own names, whiteouts included.
        opaque: Whether it is marked to hide what is below.
        below: The merged lower directory that shows through, if any does.
        parent: The directory that holds it; ``None`` for the root and once removed.
        name: Its name there.
        number: Its inode number if nothing is below; 0 before the first asking.
        status: Its status, if it was asked for since the last change.
        broken: What a lookup fails with, if it cannot be used; else 0.
        fresh: Whether no lookup has come by since the mount.
    """

    __slots__ = (
        "below",
        "broken",
        "entries",
        "fresh",
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
        self.entries: dict[Name, UpperEntry] = {}
        self.opaque = opaque
        self.below = below
        self.parent = parent
        self.name = name
        self.number = 0
        self.status: stat_result | None = None
        self.broken = 0
        self.fresh = False

    #: `Kind.DIRECTORY`.
    kind: ClassVar[Kind] = Kind.DIRECTORY
    #: False: the upper always says what a directory looks like.
    implied: ClassVar[bool] = False
    #: False, likewise.
    bare: ClassVar[bool] = False

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


def names(directory: LiveDirectory, *, ghosts: bool = False) -> list[Name]:
    """
    List what is visible in a directory, in order.

    Takes O(n log n) for n names.

    Args:
        directory: The directory.
        ghosts: Whether whiteouts show where a single real directory does (S1).
    """
    ghosts_show = ghosts and is_plain(directory)
    if not isinstance(directory, UpperDirectory):
        if ghosts_show:
            return sorted(directory.first.entries)
        return sorted(_merged_names(directory, ghosts=ghosts))
    own = directory.entries
    below = directory.below
    if below is None:
        if ghosts_show:
            return sorted(own)
        return sorted(n for n, x in own.items() if listed(x, ghosts=ghosts))
    merged = _merged_names(below, ghosts=ghosts)
    if not own:
        return sorted(merged)
    mine = [n for n, x in own.items() if listed(x, ghosts=ghosts)]
    mine.extend(name for name in merged if name not in own)
    mine.sort()
    return mine


def is_plain(directory: LiveDirectory) -> bool:
    """
    Tell whether one real directory shows as it stands, its whiteouts included (S1).

    The kernel reads one that has a mark of its origin as if others merged in it
    (found-120, found-124).
    """
    if isinstance(directory, UpperDirectory):
        return directory.below is None and "origin" not in directory.meta.private
    return directory.alone and "origin" not in directory.first.meta.private


def _merged_names(directory: DirectoryRecord, *, ghosts: bool) -> Iterable[Name]:
    """Give the names that a merged listing has of the layers, in no order."""
    if isinstance(directory, MergedDirectory) and directory.broken:
        entries = directory.entries.items()
        return [name for name, x in entries if listed(x, ghosts=ghosts)]
    return directory.entries


def listed(entry: UpperEntry | Record, *, ghosts: bool) -> bool:
    """Tell whether a merged directory lists an entry."""
    if entry is WHITEOUT or (isinstance(entry, Broken) and entry.quiet):
        return False
    return ghosts or not isinstance(entry, Broken) or entry.errno != errno.ENOENT


def entry_kind(directory: LiveDirectory, name: Name) -> Kind:
    """Give the kind of a listed name; a whiteout that is listed is a device (S1)."""
    entry: UpperEntry | Record | None = None
    if isinstance(directory, UpperDirectory):
        entry = directory.entries.get(name)
        if entry is None and directory.below is not None:
            entry = directory.below.entries.get(name)
    else:
        found = directory.entries.get(name)
        entry = directory.first.entries.get(name) if found is None else found
    return Kind.CHAR if entry is WHITEOUT or entry is None else entry.kind


def is_empty(directory: LiveDirectory, *, ghosts: bool = False) -> bool:
    """
    Tell whether nothing is in a merged directory, whiteouts aside.

    Args:
        directory: The directory.
        ghosts: Whether an xattr whiteout counts, be it listed or not: the kernel does
            not look what it is before it removes a directory (found-117).
    """
    own: Mapping[Name, UpperEntry] = {}
    below: LiveDirectory | None = directory
    if isinstance(directory, UpperDirectory):
        own, below = directory.entries, directory.below
    elif ghosts and is_plain(directory):
        return not directory.entries  # marks of a directory on its own are not read
    if any(listed(entry, ghosts=ghosts) for entry in own.values()):
        return False
    return below is None or not any(
        name not in own and (listed(entry, ghosts=ghosts) or (ghosts and _quiet(entry)))
        for name, entry in below.entries.items()
    )


def _quiet(entry: UpperEntry | Record) -> bool:
    return isinstance(entry, Broken) and entry.quiet


def covered(directory: UpperDirectory, name: Name) -> bool:
    """
    Tell whether a name shows in the layers below, so that removing it needs a whiteout.

    The kernel's rule (overlayfs.md, 3.1): whatever the type of what is covered.
    """
    below = directory.below
    entry = below.entries.get(name) if below is not None else None
    return entry is not None and (
        entry.__class__ is not Broken or listed(entry, ghosts=False)
    )


def has_origin(inode: UpperInode) -> bool:
    """Tell whether an inode came from a lower one, and knows it."""
    if isinstance(inode, UpperFile):
        return inode.origin is not None
    return "origin" in inode.meta.private


def link_count(inode: UpperFile) -> int:
    """
    Count the names of an inode in the union.

    With ``index=on`` lower names count as well, by the private xattr ``nlink``: the
    difference to the upper inode's own count (overlayfs.md, 4.4).
    """
    value = None if inode.plain_count else inode.meta.private.get("nlink")
    return inode.nlink + int(value[1:]) if value else inode.nlink


def freeze(root: UpperDirectory, label: str) -> Layer:
    """
    Give an upper as a layer; takes O(entries of the upper).

    Of the private xattrs only redirects stay: the rest speaks of this mount alone,
    and a file that has its data below refers to it.
    """
    builder = LayerBuilder(label)
    leaves: dict[int, Leaf] = {}
    pending: list[tuple[Parts, UpperDirectory]] = [((), root)]
    while pending:
        parts, directory = pending.pop()
        builder.set_meta(parts, _kept(directory.meta))
        if directory.opaque:
            builder.opaque(parts)
        for name, entry in directory.entries.items():
            path = (*parts, name)
            if entry is WHITEOUT:
                builder.whiteout(path)
            elif isinstance(entry, UpperDirectory):
                pending.append((path, entry))
            else:
                if id(entry) not in leaves:
                    meta = with_private(entry.meta, NO_XATTRS)
                    leaves[id(entry)] = with_meta(entry.node, meta)
                builder.add(path, leaves[id(entry)])
    return builder.freeze()


def _kept(meta: Meta) -> Meta:
    redirect = meta.private.get("redirect")
    private = NO_XATTRS if redirect is None else {"redirect": redirect}
    return with_private(meta, private)
