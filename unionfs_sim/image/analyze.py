"""
What an image stores and does not show: bytes of files rewritten or deleted further up.

A file's bytes are wasted if none of its names is left in the merged view.  Only stored
bytes count: a hole takes nothing, and an inode counts once, in the layer that stores
it, however many names it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, Regular
from unionfs_sim.core.paths import Name, Parts, join
from unionfs_sim.image.image import Image

#: How a file's last name went: something else has its path, or nothing.
Loss: TypeAlias = Literal["rewritten", "deleted"]


@attrs.frozen(kw_only=True)
class LayerUse:
    """
    What one layer stores, and what it hides.

    Attributes:
        layer: Its number; the base is 0.
        files: Regular files that it stores.
        stored_bytes: Their bytes.
        wasted_bytes: Those of them that do not show in the end.
        rewritten_bytes: Bytes of lower layers that this one hides by something else of
            the same path.
        deleted_bytes: Bytes of lower layers that it hides by whiteouts, by opaque
            directories, and by something else in a directory's place.
        whiteouts: Whiteouts in it.
        opaques: Opaque directories in it.
    """

    layer: int
    files: int = 0
    stored_bytes: int = 0
    wasted_bytes: int = 0
    rewritten_bytes: int = 0
    deleted_bytes: int = 0
    whiteouts: int = 0
    opaques: int = 0


@attrs.frozen(kw_only=True)
class Waste:
    """
    A path whose bytes are stored in vain.

    Attributes:
        path: The path; of several names of an inode, the one that went last.
        rewritten_bytes: Bytes of its files that something else of this path hides.
        deleted_bytes: Bytes of those that are otherwise gone.
        layers: The layers that store them.
        hidden_in: The layers that hide them.
    """

    path: str
    rewritten_bytes: int
    deleted_bytes: int
    layers: tuple[int, ...]
    hidden_in: tuple[int, ...]

    @property
    def wasted_bytes(self) -> int:
        """The bytes of all its files that do not show."""
        return self.rewritten_bytes + self.deleted_bytes


@attrs.frozen(kw_only=True)
class Duplicate:
    """
    A content that more than one layer stores.

    Attributes:
        sha256: Its digest.
        size: Its bytes, once.
        places: Layer and path of each file that has it.
    """

    sha256: str
    size: int
    places: tuple[tuple[int, str], ...]

    @property
    def extra_bytes(self) -> int:
        """The bytes that all copies but one take."""
        return self.size * (len(self.places) - 1)


@attrs.frozen(kw_only=True)
class BigFile:
    """
    A file of the merged view.

    Attributes:
        path: Its path.
        size: Its stored bytes.
        layer: The layer that stores it.
    """

    path: str
    size: int
    layer: int


@attrs.frozen(kw_only=True)
class Analysis:
    """
    What an image stores, shows and wastes.

    Attributes:
        layers_base_first: What each layer does.
        wasted: Paths by wasted bytes, most first.
        duplicates: Contents in several layers by the bytes of their copies, most
            first; empty if they were not asked for.
        biggest: Files of the merged view by size, biggest first.
    """

    layers_base_first: tuple[LayerUse, ...]
    wasted: tuple[Waste, ...]
    duplicates: tuple[Duplicate, ...]
    biggest: tuple[BigFile, ...]

    @property
    def stored_bytes(self) -> int:
        """The bytes of all files in all layers."""
        return sum(layer.stored_bytes for layer in self.layers_base_first)

    @property
    def wasted_bytes(self) -> int:
        """Those that do not show."""
        return sum(layer.wasted_bytes for layer in self.layers_base_first)

    @property
    def shown_bytes(self) -> int:
        """Those that do."""
        return self.stored_bytes - self.wasted_bytes

    @property
    def efficiency(self) -> float:
        """
        The share of stored bytes that show: *shown / stored*, 1 if nothing is stored.

        It is 1 for an image without rewritten and deleted files, and comes near 0 if
        nearly all is hidden.
        """
        return self.shown_bytes / self.stored_bytes if self.stored_bytes else 1.0


def analyze(
    image: Image | Iterable[Layer], *, digests: bool = True, biggest: int = 20
) -> Analysis:
    """
    Find out what an image stores in vain.

    Takes O(n log n) for n entries.  With *digests*, files of one size in different
    layers are read for their content; those with holes are left out of that.

    Args:
        image: The image, or its layers, base first.
        digests: Whether duplicates are looked for.
        biggest: How many of the biggest files are listed.

    Raises:
        OSError: The content of a file cannot be read any more.

    >>> from unionfs_sim.core.layer import Layer
    >>> base = Layer.build({"log": "x" * 60, "bin/sh": "y" * 40})
    >>> found = analyze([base, Layer.build({"log": WHITEOUT})])
    >>> found.wasted_bytes, found.efficiency, found.wasted[0].path
    (60, 0.4, '/log')
    """
    own: tuple[bool, ...] = ()
    if isinstance(image, Image):
        layers = image.layers_base_first
        # A layer that is not stored yet will store all that it has.
        own = tuple(blob is None for blob in image.blobs)
    else:
        layers = tuple(image)
    counting = _Counting(len(layers))
    for number, layer in enumerate(layers):
        counting.layer(number, layer, own=number < len(own) and own[number])
    return Analysis(
        layers_base_first=tuple(
            LayerUse(layer=number, **use) for number, use in enumerate(counting.uses)
        ),
        wasted=counting.wasted(),
        duplicates=_duplicates(counting.inodes) if digests else (),
        biggest=counting.biggest(biggest),
    )


@attrs.define(eq=False)
class _Inode:
    """A regular file as one layer stores it."""

    content: Content
    size: int
    layer: int
    path: Parts
    names: int = 0


@attrs.define(eq=False)
class _Place:
    """What shows at a path so far: a directory's entries, an inode, or another leaf."""

    entries: dict[Name, _Place] | None = None
    inode: _Inode | None = None


_NOTHING: Final[Mapping[Name, _Place]] = {}

_USES: Final = (
    "files", "stored_bytes", "wasted_bytes", "rewritten_bytes", "deleted_bytes",
    "whiteouts", "opaques",
)  # fmt: skip


class _Counting:
    """One count under way; the layers come base first."""

    def __init__(self, layers: int) -> None:
        self.uses: list[dict[str, int]] = [
            dict.fromkeys(_USES, 0) for _ in range(layers)
        ]
        self.inodes: list[_Inode] = []
        self._root = _Place({})
        # A hard link to a lower layer shares its node's content and attributes.
        self._known: dict[tuple[int, int], _Inode] = {}
        self._alive: list[Leaf] = []  # so that the ids in the keys stay theirs
        self._wastes: dict[Parts, list[tuple[_Inode, Loss, int]]] = {}
        self._lost: list[tuple[_Inode, Parts, Loss]] = []
        self._number = 0
        self._use = self.uses[0] if layers else {}

    def layer(self, number: int, layer: Layer, *, own: bool) -> None:
        """Put a layer on those before it."""
        self._number = number
        self._use = self.uses[number]
        self._lost = []
        if own:
            self._known = {}
        entries = self._root.entries
        assert entries is not None, "the root is a directory"
        # Directories of the layer, with what shows there, and what the layer hides
        # there although it has a directory of the same path.
        pending: list[tuple[Parts, Directory, _Place, Mapping[Name, _Place]]]
        pending = [((), layer.root, self._root, _NOTHING)]
        while pending:
            parts, directory, place, hidden = pending.pop()
            assert place.entries is not None, "only directories are gone into"
            if directory.opaque:
                self._use["opaques"] += 1
                hidden, place.entries = place.entries or hidden, {}
            for name in hidden.keys() - directory.entries.keys():
                self._lose((*parts, name), hidden[name], "deleted")
            for name, entry in directory.entries.items():
                path = (*parts, name)
                before = place.entries.get(name)
                old = hidden.get(name)
                if entry is WHITEOUT:
                    self._use["whiteouts"] += 1
                    place.entries.pop(name, None)
                    for gone in (before, old):
                        if gone is not None:
                            self._lose(path, gone, "deleted")
                elif isinstance(entry, Directory):
                    child = self._directory(path, entry, place.entries, name, old)
                    if child is not None:
                        pending.append((path, entry, *child))
                    elif entry.opaque or entry.marks:
                        self._count_marks(entry)
                else:
                    for gone in (before, old):
                        if gone is not None:
                            self._lose(path, gone, "rewritten")
                    place.entries[name] = self._leaf(path, entry)
        self._settle()

    def _directory(
        self,
        path: Parts,
        entry: Directory,
        shown: dict[Name, _Place],
        name: Name,
        old: _Place | None,
    ) -> tuple[_Place, Mapping[Name, _Place]] | None:
        """Put a directory in its place, or give ``None`` if it makes none there."""
        before = shown.get(name)
        hidden: Mapping[Name, _Place] = _NOTHING
        if old is not None and old.entries is not None:
            hidden = old.entries
        elif old is not None:
            self._lose(path, old, "deleted" if entry.bare else "rewritten")
        if before is not None and before.entries is not None:
            return before, hidden
        if entry.bare:
            for gone_name, gone in hidden.items():
                self._lose((*path, gone_name), gone, "deleted")
            return None
        if before is not None:
            self._lose(path, before, "rewritten")
        shown[name] = _Place({})
        return shown[name], hidden

    def _count_marks(self, directory: Directory) -> None:
        """Count the marks in a directory that makes none itself."""
        pending: list[Directory] = [directory]
        while pending:
            found = pending.pop()
            self._use["opaques"] += found.opaque
            for entry in found.entries.values():
                if entry is WHITEOUT:
                    self._use["whiteouts"] += 1
                elif isinstance(entry, Directory):
                    pending.append(entry)

    def _leaf(self, path: Parts, node: Leaf) -> _Place:
        """Give the place of a leaf; a regular file's inode is counted when it is new."""
        if not isinstance(node, Regular) or not node.content.size:
            return _Place()
        key = id(node.content), id(node.meta)
        inode = self._known.get(key)
        if inode is None:
            size = _stored(node.content)
            inode = _Inode(node.content, size, self._number, path)
            self._known[key] = inode
            self._alive.append(node)
            self.inodes.append(inode)
            self._use["files"] += 1
            self._use["stored_bytes"] += size
        inode.names += 1
        return _Place(None, inode)

    def _lose(self, path: Parts, place: _Place, loss: Loss) -> None:
        """Take away all names at and below a path; what is below one is deleted."""
        pending = [(path, place, loss)]
        while pending:
            parts, found, how = pending.pop()
            if found.inode is not None:
                found.inode.names -= 1
                self._lost.append((found.inode, parts, how))
            for name, child in (found.entries or _NOTHING).items():
                pending.append(((*parts, name), child, "deleted"))

    def _settle(self) -> None:
        """Count what has no name any more, now that the layer may have given new ones."""
        for inode, parts, loss in self._lost:
            if inode.names:
                continue
            inode.names = -1  # counted
            self._use[f"{loss}_bytes"] += inode.size
            self.uses[inode.layer]["wasted_bytes"] += inode.size
            self._wastes.setdefault(parts, []).append((inode, loss, self._number))

    def wasted(self) -> tuple[Waste, ...]:
        """Give all wasted paths, the worst first."""
        found = [
            Waste(
                path=join(parts),
                rewritten_bytes=sum(
                    i.size for i, loss, _ in all_ if loss == "rewritten"
                ),
                deleted_bytes=sum(i.size for i, loss, _ in all_ if loss == "deleted"),
                layers=tuple(sorted({inode.layer for inode, _, _ in all_})),
                hidden_in=tuple(sorted({number for _, _, number in all_})),
            )
            for parts, all_ in self._wastes.items()
        ]
        return tuple(sorted(found, key=lambda each: (-each.wasted_bytes, each.path)))

    def biggest(self, count: int) -> tuple[BigFile, ...]:
        """Give the biggest files that show, each by one name."""
        found = sorted(
            (inode for inode in self.inodes if inode.names > 0),
            key=lambda inode: (-inode.size, inode.path),
        )[:count]
        names = dict(self._names({id(inode) for inode in found}))
        return tuple(
            BigFile(path=join(names[id(i)]), size=i.size, layer=i.layer) for i in found
        )

    def _names(self, wanted: set[int]) -> Iterator[tuple[int, Parts]]:
        """Find a name of each inode; the last one that is given is the first in order."""
        pending: list[tuple[Parts, _Place]] = [((), self._root)]
        while pending:
            parts, place = pending.pop()
            if place.inode is not None and id(place.inode) in wanted:
                yield id(place.inode), parts
            entries = place.entries or _NOTHING
            pending += (((*parts, name), entries[name]) for name in sorted(entries))


def _stored(content: Content) -> int:
    """Count the bytes of a content that are not holes."""
    return sum(e.size for e in content.extents() if e.source is not None)


def _duplicates(inodes: Iterable[_Inode]) -> tuple[Duplicate, ...]:
    """Find contents that several layers store, by size first and then by digest."""
    by_size: dict[int, list[_Inode]] = {}
    for inode in inodes:
        if inode.size == inode.content.size:
            by_size.setdefault(inode.size, []).append(inode)
    found: list[Duplicate] = []
    for size, alike in by_size.items():
        if len({inode.layer for inode in alike}) < 2:
            continue
        by_digest: dict[str, list[_Inode]] = {}
        for inode in alike:
            by_digest.setdefault(inode.content.sha256(), []).append(inode)
        for sha256, same in by_digest.items():
            if len({inode.layer for inode in same}) > 1:
                places = sorted((inode.layer, inode.path) for inode in same)
                found.append(
                    Duplicate(
                        sha256=sha256,
                        size=size,
                        places=tuple((layer, join(path)) for layer, path in places),
                    )
                )
    return tuple(sorted(found, key=lambda each: (-each.extra_bytes, each.sha256)))
