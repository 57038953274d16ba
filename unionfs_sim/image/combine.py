"""
Several adjacent layers as one, which shows the same over what lies below them.

A mark stays where it still hides something; a mark that only spoke to a layer which is
now part of the same one goes, for overlay filesystems list such a mark as a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from unionfs_sim.core.fold import NOTHING, visible
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import DIRECTORY_META
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, WhiteoutType
from unionfs_sim.core.paths import Name, Parts
from unionfs_sim.core.records import DIRECTORY_TYPES, DirectoryRecord, Record

#: Directories of one place that merge, top first.
_Chain: TypeAlias = Sequence[Directory]

_NO_RECORDS: Final[Mapping[Name, Record]] = {}


def combine(
    layers_base_first: Sequence[Layer],
    below: DirectoryRecord = NOTHING,
    *,
    label: str = "",
) -> Layer:
    """
    Make one layer of several; over *below* both show the same.

    An implied directory that no layer describes, and that would show something else
    when it is alone, gets an entry: mode 0755, owner 0:0, time 0.  Takes O(n log n) for
    the n entries of the layers.

    Args:
        layers_base_first: The layers.
        below: The merged view of what lies below them.
        label: The label of the result.

    >>> base = Layer.build({"a": "1", "b": "1"})
    >>> layers = [Layer.build({"a": WHITEOUT, "c": "2"}), Layer.build({"c": WHITEOUT})]
    >>> [path for path, _ in combine(layers, base.root).walk()]
    ['/', '/a']
    """
    roots = [layer.root for layer in reversed(layers_base_first)]
    return _Combining(label).run(roots, below)


@attrs.frozen
class _Place:
    """A directory of the result: what it is made of, and what shows through it."""

    parts: Parts
    chain: _Chain
    lower: DirectoryRecord | None


class _Combining:
    """One combining of layers."""

    def __init__(self, label: str) -> None:
        self._builder = LayerBuilder(label)
        self._pending: list[_Place] = []
        self._undescribed: list[Parts] = []

    def run(self, roots: _Chain, below: DirectoryRecord) -> Layer:
        """Go from the root down, without recursion."""
        self._directory((), roots, below, over=below)
        while self._pending:
            place = self._pending.pop()
            shown = visible(place.lower) if place.lower is not None else _NO_RECORDS
            names = {name for directory in place.chain for name in directory.entries}
            for name in names:
                self._entry((*place.parts, name), place.chain, shown.get(name))
        layer = self._builder.freeze()
        for parts in self._undescribed:
            made = layer.get(parts)
            if not isinstance(made, Directory) or made.bare:
                self._builder.set_meta(parts, DIRECTORY_META)
        return self._builder.freeze() if self._undescribed else layer

    def _entry(self, parts: Parts, parents: _Chain, present: Record | None) -> None:
        """Combine what the layers have of one name."""
        chain, end = _chain(parents, parts[-1])
        over = present if isinstance(present, DIRECTORY_TYPES) else None
        if end is not None:
            over = None
        if over is None:
            # Bare directories make nothing where there is no directory (rule 5.8).
            while chain and chain[-1].bare:
                chain.pop()
        if chain:
            self._directory(parts, chain, present, over=over)
        elif end is WHITEOUT:
            if present is not None:
                self._builder.whiteout(parts)
        elif end is not None:
            self._builder.add(parts, end)

    def _directory(
        self,
        parts: Parts,
        chain: _Chain,
        present: Record | None,
        *,
        over: DirectoryRecord | None,
    ) -> None:
        """
        Make a directory of the result.

        Args:
            parts: Its place.
            chain: The layers' directories that take part in it.
            present: What the view below has there.
            over: The same, if the lowest of the directories merges with it.
        """
        opaque = next((i for i, each in enumerate(chain) if each.opaque), None)
        cut = over is None or opaque is not None
        described = next((each for each in chain if not each.implied), None)
        hidden = isinstance(present, DIRECTORY_TYPES)
        if described is not None:
            self._builder.set_meta(parts, described.meta)
        elif over is None and hidden:
            # Implied, it would take the attributes of what it hides.
            self._builder.set_meta(parts, DIRECTORY_META)
        elif over is None:
            self._undescribed.append(parts)
        if cut and isinstance(present, DIRECTORY_TYPES) and visible(present):
            self._builder.opaque(parts)
        content = chain if opaque is None else chain[: opaque + 1]
        self._pending.append(_Place(parts, content, None if cut else over))


def _chain(
    parents: _Chain, name: Name
) -> tuple[list[Directory], Leaf | WhiteoutType | None]:
    """Give the directories of a name, top first, and what ends their row, if any."""
    chain: list[Directory] = []
    for parent in parents:
        entry = parent.entries.get(name)
        if isinstance(entry, Directory):
            chain.append(entry)
        elif entry is not None:
            return chain, entry
    return chain, None
