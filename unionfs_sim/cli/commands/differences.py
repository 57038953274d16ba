"""``diff``: what a layer, or several, changed."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import attrs

from unionfs_sim.cli import history, source
from unionfs_sim.cli.report import (
    Items,
    Line,
    Lines,
    Report,
    Style,
    UsageError,
    line,
)
from unionfs_sim.core.diff import Change, ChangeKind, changes
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Directory
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.records import DIRECTORY_TYPES, DirectoryRecord, Record
from unionfs_sim.core.render import printable
from unionfs_sim.core.stack import Stack

_STYLES: dict[str, Style] = {"A": "found", "C": "cut off", "D": "whiteout"}


@attrs.frozen
class Part:
    """
    What one layer, or a row of layers, changed.

    Attributes:
        title: What it was, for people.
        layer: The number of the layer; ``None`` for a row.
        changes: The changes, in the order of paths.
    """

    title: str
    layer: int | None
    changes: Sequence[Change]


def diff(options: Namespace, resources: ExitStack) -> Report:
    """Tell what layers changed against what lies below them."""
    opened = source.open_source(options, resources)
    count = len(opened.layers_base_first)
    between = options.from_count is not None or options.to_count is not None
    if between and options.layer is not None:
        msg = "--layer goes with neither --from nor --to"
        raise UsageError(msg)
    numbers = range(0)
    if between:
        parts = iter([_between(opened, options.from_count, options.to_count)])
    elif options.layer is not None:
        source.check_layer(opened, options.layer)
        numbers = range(options.layer, options.layer + 1)
        parts = _each(opened, numbers)
    else:
        # The base changes nothing: it adds all it has.  It is shown if it is alone.
        numbers = range(min(1, count - 1), count)
        parts = _each(opened, numbers)
    # A short image can have one big layer a thousand times, so no two are kept at once.
    lines = _lines(parts, titles=len(numbers) > 1)
    return Report(
        blocks=[Lines(lines)], data=lambda: {"changes": Items(_documents(parts))}
    )


def _each(opened: source.Source, numbers: range) -> Iterator[Part]:
    """Tell what each of some layers that follow one another changed."""
    layers = opened.layers_base_first
    below = Stack(layers[: numbers.start][::-1])
    for number in numbers:
        command = opened.commands[number]
        title = f"layer {number}" + (f": {history.brief(command)}" if command else "")
        yield Part(title, number, changes(layers[number].root, below.root))
        below = below.push(layers[number])


def _between(
    opened: source.Source, from_count: int | None, to_count: int | None
) -> Part:
    count = len(opened.layers_base_first)
    before = 0 if from_count is None else from_count
    after = count if to_count is None else to_count
    source.check_count(opened, before, option="--from", least=0)
    source.check_count(opened, after, option="--to", least=0)
    if before > after:
        msg = f"--from {before} --to {after}: the first must not be the greater one"
        raise UsageError(msg)
    layers = opened.layers_base_first
    found = compare(layers[:before], layers[before:after])
    return Part(f"layers {before} to {after - 1}", None, found)


def compare(
    below_base_first: Sequence[Layer], above_base_first: Sequence[Layer]
) -> list[Change]:
    """
    Tell what several layers together changed; for one it is what `changes` says.

    >>> from unionfs_sim import WHITEOUT
    >>> layers = [Layer.build(spec) for spec in ({"a": "1"}, {"a": WHITEOUT}, {"b": ""})]
    >>> [str(change) for change in compare(layers[:1], layers[1:])]
    ['D /a', 'A /b']
    """
    below = Stack(below_base_first[::-1])
    both = Stack((*below_base_first, *above_base_first)[::-1])
    own = {
        id(entry)
        for layer in above_base_first
        for _, entry in layer.items()
        if isinstance(entry, Directory) and not entry.implied
    }
    found = sorted(_changes(below.root, both.root, own))
    return [Change(kind, join(parts)) for parts, kind in found]


def _changes(
    old_root: DirectoryRecord, new_root: DirectoryRecord, own: set[int]
) -> Iterator[tuple[Parts, ChangeKind]]:
    """Compare two views; parts that both share are one object, and are left out."""
    pending: list[tuple[Parts, DirectoryRecord | None, DirectoryRecord]]
    pending = [((), old_root, new_root)]
    while pending:
        parts, old, new = pending.pop()
        before: dict[str, Record] = dict(old.entries) if old else {}  # type: ignore[arg-type]
        for name in before.keys() - new.entries.keys():
            yield (*parts, name), "D"
        for name, entry in new.entries.items():
            present = before.get(name)
            if present is entry:
                continue
            path = (*parts, name)
            if not isinstance(entry, DIRECTORY_TYPES):
                yield path, "A" if present is None else "C"
                continue
            lower = present if isinstance(present, DIRECTORY_TYPES) else None
            said = any(id(hit) in own for hit in entry.hits)
            if lower is None or said:
                yield path, "A" if present is None else "C"
            pending.append((path, lower, entry))


def _lines(parts: Iterable[Part], *, titles: bool) -> Iterator[Line]:
    for number, part in enumerate(parts):
        if titles:
            if number:
                yield line()
            yield line(printable(part.title), "title")
        for change in part.changes:
            style = _STYLES[change.kind]
            yield ((f"{change.kind} ", style), (printable(change.path), ""))
        if not part.changes and titles:
            yield line("  nothing", "faint")


def _documents(parts: Iterable[Part]) -> Iterator[dict[str, Any]]:
    for part in parts:
        for change in part.changes:
            item: dict[str, Any] = {"kind": change.kind, "path": change.path}
            yield item if part.layer is None else {"layer": part.layer, **item}
