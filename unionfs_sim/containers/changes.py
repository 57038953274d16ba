"""What ``docker diff`` prints, which is less than what the upper holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from unionfs_sim.core.diff import Change, ChangeKind
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Entry,
    Regular,
    Symlink,
)
from unionfs_sim.core.paths import Name, Parts, join
from unionfs_sim.core.records import DIRECTORY_TYPES, DirectoryRecord, Record

_NOTHING: Final[Mapping[Name, Record]] = {}

_Found: TypeAlias = dict[Parts, ChangeKind]


def container_changes(top: Layer, below: DirectoryRecord) -> list[Change]:
    """
    Compare the own layer of a container with what is below, as Docker's engine does.

    A directory counts by mode and owner alone; a file by mode, owner, size, time and
    type, for contents are not read: what was copied up and is as it was does not
    show.  Every directory that leads to a change is one; ``/`` never is.  Takes
    O(n log n) for the n entries of the layer, and the names that opaque directories
    hide.

    >>> from unionfs_sim import WHITEOUT
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": ""})
    >>> top = Layer.build({"etc/motd": WHITEOUT, "etc/hosts": ""})
    >>> [str(change) for change in container_changes(top, base.root)]
    ['C /etc', 'D /etc/motd']
    """
    found: _Found = {}
    pending: list[tuple[Parts, Directory, DirectoryRecord | None, bool]]
    pending = [((), top.root, below, False)]
    while pending:
        parts, directory, lower, new = pending.pop()
        shown = _NOTHING if lower is None else _entries(lower)
        if directory.opaque:
            for name in shown.keys() - directory.entries.keys():
                found[(*parts, name)] = "D"
        for name, entry in directory.entries.items():
            path = (*parts, name)
            present = shown.get(name)
            kind = _kind(entry, present, new=new)
            if kind is not None:
                found[path] = kind
            if isinstance(entry, Directory):
                same = present if isinstance(present, DIRECTORY_TYPES) else None
                pending.append((path, entry, same, kind == "A" or same is None))
    _add_parents(found, below)
    return [Change(found[parts], join(parts)) for parts in sorted(found)]


def _entries(directory: DirectoryRecord) -> Mapping[Name, Record]:
    entries: Mapping[Name, Record] = directory.entries  # type: ignore[assignment]
    return entries


def _kind(entry: Entry, present: Record | None, *, new: bool) -> ChangeKind | None:
    """Tell what happened to one name, or nothing that Docker sees."""
    if entry is WHITEOUT:
        return None if present is None else "D"
    if present is None or new:
        return "A"
    if isinstance(entry, Directory):
        if not isinstance(present, DIRECTORY_TYPES):
            return "C"
        return None if entry.implied or _same(entry.meta, present.meta) else "C"
    if isinstance(present, DIRECTORY_TYPES) or present.kind is not entry.kind:
        return "C"
    if not _same(entry.meta, present.meta):
        return "C"
    if entry.meta.mtime_ns != present.meta.mtime_ns:
        return "C"
    return None if _body(entry) == _body(present) else "C"


def _same(one: Meta, other: Meta) -> bool:
    return (one.mode, one.uid, one.gid) == (other.mode, other.uid, other.gid)


def _body(node: Record | Entry) -> object:
    """Give what counts of a file besides its attributes."""
    match node:
        case Regular(content=content):
            return content.size
        case Symlink(target=target):
            return len(target)
        case Device(major=major, minor=minor):
            return major, minor
        case _:
            return None


def _add_parents(found: _Found, below: DirectoryRecord) -> None:
    """Let all directories that lead to a change and are below too be changes."""
    for parts in list(found):
        record: Record | None = below
        for depth in range(1, len(parts)):
            if not isinstance(record, DIRECTORY_TYPES):
                break
            record = _entries(record).get(parts[depth - 1])
            if record is not None:
                found.setdefault(parts[:depth], "C")
