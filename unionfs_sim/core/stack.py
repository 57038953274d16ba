"""
Stacks of layers, and the one merged view that each folds into.

Folding goes from the base up and touches only the directories that the next layer
touches; all others are shared with the view below, and a directory that a single layer
has is not even wrapped.  A view is found again by the layers it was made of, so that a
thousand unions over one image fold it once.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.core.layer import LayerView
from unionfs_sim.core.meta import DIRECTORY_META, Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Kind, Leaf
from unionfs_sim.core.paths import Name


@final
@attrs.define(eq=False, weakref_slot=False)
class MergedDirectory:
    """
    A directory of a merged view that is not just one layer's directory as it stands.

    Attributes:
        hits: The layers' directories that take part, top first.
        meta: The attributes that show: those of the topmost that has its own.
        implied: Whether none of them has attributes of its own.
        entries: What is visible in it; never to be changed once the fold is done.
    """

    hits: tuple[Directory, ...]
    meta: Meta
    implied: bool
    entries: dict[Name, Record]

    @property
    def kind(self) -> Kind:
        """`Kind.DIRECTORY`."""
        return Kind.DIRECTORY


#: A directory of a merged view.
DirectoryRecord: TypeAlias = Directory | MergedDirectory

#: What a name in a merged view stands for.
Record: TypeAlias = Leaf | Directory | MergedDirectory

DIRECTORY_TYPES: Final = (Directory, MergedDirectory)

_NOTHING: Final = Directory(DIRECTORY_META, implied=True)


@final
class View:
    """
    The merged view of a stack, shared by all who stack the same layers.

    Attributes:
        root: The root directory.
    """

    __slots__ = ("__weakref__", "_layers", "_numbers", "root")

    def __init__(self, layers: tuple[LayerView, ...], root: DirectoryRecord) -> None:
        self._layers = layers  # keeps every node alive, and with it its identity
        self._numbers: dict[int, int] = {}
        self.root = root

    def number(self, record: Record) -> int:
        """
        Give the inode number of a record: equal for two names of one inode.

        Numbers are given out at the first asking, and stay for the view's life.
        """
        node = record.hits[0] if isinstance(record, DIRECTORY_TYPES) else record
        return self._numbers.setdefault(id(node), len(self._numbers) + 1)


_VIEWS: Final[weakref.WeakValueDictionary[tuple[int, ...], View]] = (
    weakref.WeakValueDictionary()
)


def _to_tuple(layers: Iterable[LayerView]) -> tuple[LayerView, ...]:
    return tuple(layers)


@final
@attrs.frozen(eq=False, repr=False)
class Stack:
    """
    Layers in order, top first, as ``lowerdir=`` of a mount has them.

    Attributes:
        layers: The layers, top first.
        view: Their merged view.  Folding takes O(entries) once; O(entries of the new
            layers) if a stack of all but the topmost layers is in use.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": ""}, label="base")
    >>> top = Layer.build({"etc/motd": WHITEOUT}, label="top")
    >>> sorted(Stack([top, base]).root.entries["etc"].entries)
    ['hosts']
    """

    layers: tuple[LayerView, ...] = attrs.field(converter=_to_tuple)
    view: View = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Find or make the view."""
        object.__setattr__(self, "view", _view(self.layers))

    @property
    def root(self) -> DirectoryRecord:
        """The merged root directory."""
        return self.view.root

    def push(self, *layers_top_first: LayerView) -> Stack:
        """Give this stack with further layers on top."""
        return Stack((*layers_top_first, *self.layers))

    def __len__(self) -> int:
        """Count the layers."""
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerView]:
        """Go through the layers, top first."""
        return iter(self.layers)

    def __repr__(self) -> str:
        """Show the labels, top first."""
        return f"<Stack {[layer.label for layer in self.layers]!r}>"


def _view(layers_top_first: tuple[LayerView, ...]) -> View:
    """Find the view of these layers, or fold those above the longest known stack."""
    key = tuple(map(id, layers_top_first))
    view = _VIEWS.get(key)
    if view is not None:
        return view
    known = len(key)
    root: DirectoryRecord = _NOTHING
    for start in range(1, len(key)):
        below = _VIEWS.get(key[start:])
        if below is not None:
            known, root = start, below.root
            break
    new = layers_top_first[:known]
    view = View(layers_top_first, fold((layer.root for layer in reversed(new)), root))
    _VIEWS[key] = view
    return view


def fold(
    roots_base_first: Iterable[Directory], below: DirectoryRecord = _NOTHING
) -> DirectoryRecord:
    """
    Fold layers over a merged directory, which stays as it is.

    Takes O(entries of the new layers), plus one copy of each merged directory of
    *below* which they touch.
    """
    owned: set[int] = set()  # directories made by this fold may be changed by it
    made: list[MergedDirectory] = []  # keeps them alive, so that their ids are theirs

    def own(
        below: DirectoryRecord, top: Directory, entries: Mapping[Name, Record]
    ) -> MergedDirectory:
        hits = (top,) if entries is not below.entries else (top, *below.hits)
        meta, implied = (
            (below.meta, below.implied) if top.implied else (top.meta, False)
        )
        merged = MergedDirectory(hits, meta, implied, dict(entries))
        owned.add(id(merged))
        made.append(merged)
        return merged

    def over(below: DirectoryRecord, top: Directory) -> MergedDirectory:
        if isinstance(below, MergedDirectory) and id(below) in owned:
            below.hits = (top, *below.hits)
            if not top.implied:
                below.meta, below.implied = top.meta, False
            return below
        # Nothing in a view is a mark; see `own` and the loop of `fold`.
        return own(below, top, below.entries)  # type: ignore[arg-type]

    root = below
    for top_root in roots_base_first:
        if root is _NOTHING and not top_root.marks:
            root = top_root
            continue
        alone = root is _NOTHING or top_root.opaque
        root = own(root, top_root, {}) if alone else over(root, top_root)
        pending = [(root, top_root)]
        while pending:
            merged, top = pending.pop()
            for name, entry in top.entries.items():
                if entry is WHITEOUT:
                    merged.entries.pop(name, None)
                    continue
                if not isinstance(entry, Directory):
                    merged.entries[name] = entry
                    continue
                present = merged.entries.get(name)
                if isinstance(present, DIRECTORY_TYPES):
                    if not entry.opaque:
                        child = over(present, entry)
                    elif entry.marks or entry.implied:
                        child = own(present, entry, {})
                    else:
                        merged.entries[name] = entry
                        continue
                elif entry.bare:
                    continue  # marks for what is not there make nothing
                elif entry.marks:
                    child = own(_NOTHING, entry, {})
                else:
                    merged.entries[name] = entry
                    continue
                merged.entries[name] = child
                pending.append((child, entry))
    return root
