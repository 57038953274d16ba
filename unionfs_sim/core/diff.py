"""What a layer changed against what lies below it: added, changed, deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias, final

import attrs

from unionfs_sim.core.nodes import WHITEOUT, Directory, Entry
from unionfs_sim.core.paths import Name, Parts, join
from unionfs_sim.core.records import DIRECTORY_TYPES, DirectoryRecord, Record
from unionfs_sim.core.upper import UpperDirectory, UpperEntry

#: ``A`` added, ``C`` changed, ``D`` deleted, as ``docker diff`` prints them.
ChangeKind: TypeAlias = Literal["A", "C", "D"]

_DIRECTORIES: Final = (Directory, UpperDirectory)


@final
@attrs.frozen(order=True)
class Change:
    """
    One path that a layer added, changed or deleted.

    Attributes:
        kind: ``A``, ``C`` or ``D``.
        path: The path.
    """

    kind: ChangeKind = attrs.field(order=False)
    path: str

    def __str__(self) -> str:
        """Print it as ``docker diff`` does."""
        return f"{self.kind} {self.path}"


def changes(top: Directory | UpperDirectory, below: DirectoryRecord) -> list[Change]:
    """
    Compare a layer with the merged view below it, in the order of paths.

    A deleted directory is one change; one that only holds changes is a change itself,
    unless the layer says nothing of it.  An opaque directory deletes, name by name,
    what it hides and does not make anew.  Takes O(n log n) for the n entries of the
    layer, plus the names that opaque directories hide.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": ""})
    >>> top = Layer.build({"etc/motd": WHITEOUT, "srv": {}})
    >>> [str(change) for change in changes(top.root, base.root)]
    ['C /etc', 'D /etc/motd', 'A /srv']
    """
    found = sorted(_changes(top, below))
    return [Change(kind, join(parts)) for parts, kind in found]


def _changes(
    top: Directory | UpperDirectory, below: DirectoryRecord
) -> Iterator[tuple[Parts, ChangeKind]]:
    none: Mapping[Name, Record] = {}
    pending: list[tuple[Parts, Directory | UpperDirectory, DirectoryRecord | None]]
    pending = [((), top, below)]
    while pending:
        parts, directory, lower = pending.pop()
        shown = none if lower is None else _visible(lower)
        if directory.opaque:
            for name in shown.keys() - directory.entries.keys():
                yield (*parts, name), "D"
        entries: Mapping[Name, Entry | UpperEntry] = directory.entries
        for name, entry in entries.items():
            path = (*parts, name)
            present = shown.get(name)
            if entry is WHITEOUT:
                if present is not None:
                    yield path, "D"
                continue
            if not isinstance(entry, _DIRECTORIES):
                yield path, "A" if present is None else "C"
                continue
            lower_child = present if isinstance(present, DIRECTORY_TYPES) else None
            if lower_child is None and entry.bare:
                continue
            if not entry.implied or lower_child is None:
                yield path, "A" if present is None else "C"
            pending.append((path, entry, lower_child))


def _visible(directory: DirectoryRecord) -> Mapping[Name, Record]:
    """Give the entries of a merged directory; there are no marks among them."""
    entries: Mapping[Name, Record] = directory.entries  # type: ignore[assignment]
    return entries
