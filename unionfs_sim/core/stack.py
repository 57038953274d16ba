"""
Stacks of layers, and the one merged view that each folds into.

A view is found again by the layers it was made of, so that a thousand unions over one
image fold it once, and a stack that grows by a layer folds that layer alone.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Final, final

import attrs

from unionfs_sim.core.fold import NOTHING, PLAIN, Rules, fold
from unionfs_sim.core.layer import LayerView
from unionfs_sim.core.records import DIRECTORY_TYPES, DirectoryRecord, Record

__all__ = ["Stack", "View"]


@final
class _Numbers:
    """
    The inode numbers of some layers' objects, whatever rules they are folded by.

    So an origin that one mount noted means the same to one with other options.
    """

    __slots__ = ("__weakref__", "by_id", "nodes")

    def __init__(self) -> None:
        self.by_id: dict[int, int] = {}
        self.nodes: list[Record] = []


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
        key = tuple(map(id, layers))
        self._numbers = _NUMBERS.get(key) or _NUMBERS.setdefault(key, _Numbers())
        self.root = root

    def number(self, record: Record) -> int:
        """
        Give the inode number of a record: equal for two names of one inode.

        Numbers are given out at the first asking, and stay as long as a view of these
        layers does.
        """
        node = record.hits[0] if isinstance(record, DIRECTORY_TYPES) else record
        known = self._numbers
        number = known.by_id.get(id(node))
        if number is None:
            known.nodes.append(node)
            number = known.by_id[id(node)] = len(known.nodes)
        return number

    def numbered(self, number: int) -> Record | None:
        """Give the node of an inode number, or ``None``."""
        nodes = self._numbers.nodes
        return nodes[number - 1] if 0 < number <= len(nodes) else None


_NUMBERS: Final[weakref.WeakValueDictionary[tuple[int, ...], _Numbers]] = (
    weakref.WeakValueDictionary()
)
_VIEWS: Final[weakref.WeakValueDictionary[tuple[object, ...], View]] = (
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
        rules: What the mount options mean for the view.
        view: Their merged view.  Folding takes O(entries) once; O(entries of the new
            layers) if a stack of all but the topmost layers is in use.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": ""}, label="base")
    >>> top = Layer.build({"etc/motd": WHITEOUT}, label="top")
    >>> sorted(Stack([top, base]).root.entries["etc"].entries)
    ['hosts']
    """

    layers: tuple[LayerView, ...] = attrs.field(converter=_to_tuple)
    rules: Rules = attrs.field(default=PLAIN, kw_only=True)
    view: View = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Find or make the view."""
        object.__setattr__(self, "view", _view(self.layers, self.rules))

    @property
    def root(self) -> DirectoryRecord:
        """The merged root directory."""
        return self.view.root

    def push(self, *layers_top_first: LayerView) -> Stack:
        """Give this stack with further layers on top."""
        return Stack((*layers_top_first, *self.layers), rules=self.rules)

    def __len__(self) -> int:
        """Count the layers."""
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerView]:
        """Go through the layers, top first."""
        return iter(self.layers)

    def __repr__(self) -> str:
        """Show the labels, top first."""
        return f"<Stack {[layer.label for layer in self.layers]!r}>"


def _view(layers_top_first: tuple[LayerView, ...], rules: Rules) -> View:
    """Find the view of these layers, or fold those above the longest known stack."""
    key = (rules.key, *map(id, layers_top_first))
    view = _VIEWS.get(key)
    if view is not None:
        return view
    known = len(layers_top_first)
    root: DirectoryRecord = NOTHING
    for start in range(1, known):
        below = _VIEWS.get((rules.key, *key[start + 1 :]))
        if below is not None:
            known, root = start, below.root
            break
    new = reversed(layers_top_first[:known])
    root = fold((layer.root for layer in new), root, rules)
    _VIEWS[key] = view = View((*layers_top_first, *rules.data_only), root)
    return view
