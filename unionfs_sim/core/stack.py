"""
Stacks of layers, and the one merged view that each folds into.

A view is found again by the layers it was made of, so that a thousand unions over one
image fold it once, and a stack that grows by a layer folds that layer alone.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable, Iterator, Sequence
from operator import is_
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

    So an origin that one mount noted means the same to one with other options.  Unions
    of several threads may ask at once.
    """

    __slots__ = ("__weakref__", "_free", "_numbers", "layers", "nodes")

    def __init__(self, layers: tuple[LayerView, ...]) -> None:
        self.layers = layers
        self._numbers: dict[int, int] = {}
        self._free = itertools.count(1)
        self.nodes: dict[int, Record] = {}

    def of(self, node: Record) -> int:
        """Give a node's number, a new one at the first asking."""
        number = self._numbers.get(id(node))
        if number is None:
            number = next(self._free)
            self.nodes[number] = node
            number = self._numbers.setdefault(id(node), number)
        return number


@final
class View:
    """
    The merged view of a stack, shared by all who stack the same layers.

    Attributes:
        rules: The rules that it was folded by.
        root: The root directory.
    """

    __slots__ = ("__weakref__", "_chain", "_layers", "_numbers", "root", "rules")

    def __init__(
        self,
        layers: tuple[LayerView, ...],
        rules: Rules,
        chain: int,
        root: DirectoryRecord,
    ) -> None:
        self._layers = layers  # keeps every node alive, and with it its identity
        self.rules = rules
        self._chain = chain
        key = (chain, *map(id, rules.data_only))
        numbers = _NUMBERS.get(key)
        if numbers is None or not _same(numbers.layers, layers):
            numbers = _NUMBERS[key] = _Numbers(layers)
        self._numbers = numbers
        self.root = root
        _VIEWS[chain, rules.key] = self

    def number(self, record: Record) -> int:
        """
        Give the inode number of a record: equal for two names of one inode.

        Numbers are given out at the first asking, and stay as long as a view of these
        layers does.
        """
        node = record.first if isinstance(record, DIRECTORY_TYPES) else record
        return self._numbers.of(node)

    def numbered(self, number: int) -> Record | None:
        """Give the node of an inode number, or ``None``."""
        return self._numbers.nodes.get(number)

    def push(self, layer: LayerView) -> View:
        """Give the view with one more layer on top; takes O(entries of the layer)."""
        chain = _link(self._chain, id(layer))
        layers = (layer, *self._layers)
        view = _known(chain, layers, self.rules)
        if view is None:
            root = fold([layer.root], self.root, self.rules)
            view = View(layers, self.rules, chain, root)
        return view


#: The views that somebody holds, by what `_link` makes of their layers, base first, and
#: by their rules.
_VIEWS: Final[weakref.WeakValueDictionary[tuple[int, object], View]] = (
    weakref.WeakValueDictionary()
)
#: The numbers likewise, by the layers and those that hold data only.
_NUMBERS: Final[weakref.WeakValueDictionary[tuple[int, ...], _Numbers]] = (
    weakref.WeakValueDictionary()
)


def _link(chain: int, layer: int) -> int:
    return hash((chain, layer))


def _same(layers: Sequence[LayerView], others: Sequence[LayerView]) -> bool:
    """Tell apart what has one chain by chance."""
    return len(layers) == len(others) and all(map(is_, layers, others))


def _known(chain: int, layers: Sequence[LayerView], rules: Rules) -> View | None:
    """Find a view."""
    view = _VIEWS.get((chain, rules.key))
    same = view is not None and _same(view._layers, layers)  # noqa: SLF001 - as above
    return view if same else None


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
        view: Their merged view, found or made.  Folding takes O(entries) once; O(entries
            of the new layers) if a stack of all but the topmost layers is in use.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": ""}, label="base")
    >>> top = Layer.build({"etc/motd": WHITEOUT}, label="top")
    >>> sorted(Stack([top, base]).root.entries["etc"].entries)
    ['hosts']
    """

    layers: tuple[LayerView, ...] = attrs.field(converter=_to_tuple)
    rules: Rules = attrs.field(default=PLAIN, kw_only=True)
    view: View = attrs.field(kw_only=True)

    @view.default
    def _find_view(self) -> View:
        return _view(self.layers, self.rules)

    @property
    def root(self) -> DirectoryRecord:
        """The merged root directory."""
        return self.view.root

    def push(self, *layers_top_first: LayerView) -> Stack:
        """Give this stack with further layers on top; takes O(their entries)."""
        view = self.view
        for layer in reversed(layers_top_first):
            view = view.push(layer)
        return Stack((*layers_top_first, *self.layers), rules=self.rules, view=view)

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
    ids = map(id, reversed(layers_top_first))
    chains = [*itertools.accumulate(ids, _link, initial=0)]
    root: DirectoryRecord = NOTHING
    new = 0
    for new, chain in enumerate(reversed(chains)):
        view = _known(chain, layers_top_first[new:], rules)
        if view is not None and not new:
            return view
        if view is not None:
            root = view.root
            break
    roots = (layer.root for layer in reversed(layers_top_first[:new]))
    return View(layers_top_first, rules, chains[-1], fold(roots, root, rules))
