"""``ls``, ``tree`` and ``find``: names in the merged view, or in one layer."""

from __future__ import annotations

import fnmatch
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from unionfs_sim.cli import entries, scopes
from unionfs_sim.cli.entries import Item
from unionfs_sim.cli.report import (
    Block,
    Line,
    Lines,
    Report,
    Span,
    Table,
    counted,
    line,
)
from unionfs_sim.core.nodes import WHITEOUT, Directory, Kind
from unionfs_sim.core.paths import to_bytes
from unionfs_sim.core.records import DIRECTORY_TYPES
from unionfs_sim.core.render import printable

_HEADER = ("MODE", "UID", "GID", "SIZE", "MODIFIED", "LAYER", "NAME")
_NOUNS = (
    (Kind.DIRECTORY.value, "directory", "directories"),
    (Kind.REGULAR.value, "file", "files"),
    (Kind.SYMLINK.value, "symbolic link", "symbolic links"),
    (Kind.CHAR.value, "character device", "character devices"),
    (Kind.BLOCK.value, "block device", "block devices"),
    (Kind.FIFO.value, "fifo", "fifos"),
    (Kind.SOCKET.value, "socket", "sockets"),
    ("whiteout", "whiteout", "whiteouts"),
)
_RIGHT = frozenset({1, 2, 3, 5})


def ls(options: Namespace, resources: ExitStack) -> Report:
    """List a directory, or describe what is not one."""
    scope = scopes.open_scope(options, resources)
    path, entry = scope.find(options.path, follow=True)
    origins = scope.origins()
    if not isinstance(entry, DIRECTORY_TYPES):
        path, entry = scope.find(options.path, follow=False)
        items = [Item(options.path, options.path, entry)]
        listings = [(path, items)]
    elif options.recursive:
        listings = [
            (item.path, entries.children(item.path, item.entry))
            for item in entries.walk(path, entry)
            if isinstance(item.entry, DIRECTORY_TYPES)
        ]
    else:
        listings = [(path, entries.children(path, entry))]
    blocks: list[Block] = []
    for number, (place, items) in enumerate(listings):
        if options.recursive:
            gap = [line()] if number else []
            blocks.append(Lines([*gap, line(f"{printable(place)}:", "path")]))
        rows = [_row(item, scope, origins) for item in items]
        blocks.append(Table(_HEADER if rows else (), rows, _RIGHT))

    def data() -> object:
        return {
            "path": path,
            "entries": [
                entries.to_json(item, _layers(item, scope, origins))
                for _, items in listings
                for item in items
            ],
        }

    return Report(blocks=blocks, data=data)


def _layers(item: Item, scope: scopes.Scope, origins: dict[int, int]) -> list[int]:
    """Give the numbers of the layers that an entry comes from, top first."""
    if item.entry is WHITEOUT:
        return [scope.first]
    return scopes.origin_numbers(item.entry, origins)


def _row(item: Item, scope: scopes.Scope, origins: dict[int, int]) -> Line:
    entry = item.entry
    numbers = ",".join(map(str, _layers(item, scope, origins)))
    name = entries.name_span(item, marks=scope.alone)
    if entry is WHITEOUT:
        nothing: Span = ("", "")
        mode: Span = ("whiteout", "whiteout")
        number: Span = (numbers, "number")
        plain: Span = (printable(item.name), "whiteout")
        return (mode, nothing, nothing, nothing, nothing, number, plain)
    time = "-" if entries.implied(entry) else entries.time_text(entry.meta.mtime_ns)
    return (
        (entries.mode_text(entry), ""),
        (str(entry.meta.uid), ""),
        (str(entry.meta.gid), ""),
        (entries.size_text(entry), ""),
        (time, "faint"),
        (numbers, "number"),
        name,
    )


def tree(options: Namespace, resources: ExitStack) -> Report:
    """Draw a directory and all that is in it."""
    scope = scopes.open_scope(options, resources)
    path, entry = scope.find(options.path, follow=True)
    items = list(entries.walk(path, entry, options.depth))
    origins = scope.origins()
    return Report(
        blocks=[Lines(_drawn(items, path, marks=scope.alone))],
        data=lambda: {
            "path": path,
            "entries": [
                entries.to_json(item, _layers(item, scope, origins)) for item in items
            ],
        },
    )


def _drawn(items: Iterable[Item], path: str, *, marks: bool) -> Iterator[Line]:
    """Draw lines for a walk, and count what was drawn."""
    directory = False
    bars: list[str] = []  # for each open directory: what stands before its children
    counts: Counter[str] = Counter()
    for item in items:
        if item.depth == 0:
            directory = isinstance(item.entry, DIRECTORY_TYPES)
            opaque = marks and isinstance(item.entry, Directory) and item.entry.opaque
            text = printable(path) + (" (opaque)" if opaque else "")
            yield line(text, entries.style_of(item.entry))
        else:
            del bars[item.depth - 1 :]
            lead = "".join(bars) + ("└── " if item.last else "├── ")
            bars.append("    " if item.last else "│   ")
            yield ((lead, "faint"), entries.name_span(item, marks=marks))
        if item.depth:
            counts[item.type] += 1
    told = [
        counted(counts[kind], noun, plural)
        for kind, noun, plural in _NOUNS
        if counts[kind]
    ]
    if not (counts or directory):
        return
    yield line()
    yield line(", ".join(told) or "nothing in it", "faint")


def find(options: Namespace, resources: ExitStack) -> Report:
    """List the paths below a directory that fit the conditions."""
    scope = scopes.open_scope(options, resources)
    path, entry = scope.find(options.path, follow=True)
    wanted = {entries.LETTERS[letter] for letter in options.type or ""}
    items = [
        item
        for item in entries.walk(path, entry)
        if (not wanted or item.type in wanted)
        and (options.name is None or fnmatch.fnmatchcase(item.name, options.name))
    ]
    raw = None
    if options.null:
        raw = (to_bytes(item.path) + b"\0" for item in items)
    return Report(
        raw=raw,
        blocks=[
            Lines(
                line(printable(item.path), entries.style_of(item.entry))
                for item in items
            )
        ],
        data=lambda: {
            "path": path,
            "found": [{"path": item.path, "type": item.type} for item in items],
        },
    )
