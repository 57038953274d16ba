"""
Entries over entries: what a layer that is pushed onto a large directory costs.

A directory of ten thousand names is not copied because a new layer changes one of them:
the few names of the new layer stand before the many below, which stay where they are.
Who goes through all of it pays for putting them together, once.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Final, final

from unionfs_sim.core.paths import Name
from unionfs_sim.core.records import Record

#: Directories of fewer names are copied.
SHARED_MIN: Final = 256

#: How many times as many names must stay below as stand before them.
SHARE: Final = 16

_UNKNOWN: Final = object()


@final
class Overlaid(Mapping[Name, Record]):
    """
    Names before others that are shared, and never changed.

    Takes two dictionary probes for a name, however many layers were pushed: a fold puts
    together what has grown too much.

    >>> from unionfs_sim import Regular
    >>> below = {"a": Regular("1"), "b": Regular("2")}
    >>> names = Overlaid({"a": None, "c": Regular("3")}, below)
    >>> sorted(names), names.get("a"), len(below)
    (['b', 'c'], None, 2)
    """

    __slots__ = ("_parts",)

    def __init__(
        self, own: dict[Name, Record | None], below: Mapping[Name, Record]
    ) -> None:
        # One attribute, so that another thread sees them before or after a merge.
        self._parts = (own, below)

    @property
    def parts(self) -> tuple[dict[Name, Record | None], Mapping[Name, Record]]:
        """The names before, ``None`` for one that is hidden, and those below."""
        return self._parts

    def get(self, name: Name, default: Record | None = None) -> Record | None:  # type: ignore[override]
        """Give what a name stands for."""
        own, below = self._parts
        found = own.get(name, _UNKNOWN)
        if found is _UNKNOWN:
            return below.get(name, default)
        return default if found is None else found  # type: ignore[return-value]

    def __getitem__(self, name: Name) -> Record:
        """Give what a name stands for, which is there."""
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def together(self) -> dict[Name, Record]:
        """Give all names in one dictionary, which is kept."""
        own, below = self._parts
        if below:
            merged = {**below, **own}
            for name, record in own.items():
                if record is None:
                    del merged[name]
            self._parts = (merged, {})
            return merged  # type: ignore[return-value]
        return own  # type: ignore[return-value]

    def __iter__(self) -> Iterator[Name]:
        """Go through the names."""
        return iter(self.together())

    def __len__(self) -> int:
        """Count the names."""
        return len(self.together())

    def keys(self) -> KeysView[Name]:
        """Give the names."""
        return self.together().keys()

    def items(self) -> ItemsView[Name, Record]:
        """Give the names and what they stand for."""
        return self.together().items()

    def values(self) -> ValuesView[Record]:
        """Give what the names stand for."""
        return self.together().values()
