"""
Layers that say all they mean, for directories that are mounted.

A layer read from an archive leaves things open that a directory of a disk cannot:
parents without attributes of their own, an opaque root, marks for what is not there.
What is below a layer settles them, without a change to the merged view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from unionfs_sim.core.fold import NOTHING, redirect_parts, visible
from unionfs_sim.core.layer import Layer, LayerBuilder, LayerView
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory
from unionfs_sim.core.paths import Name, Parts
from unionfs_sim.core.records import DIRECTORY_TYPES, DirectoryRecord, Record
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.upper import listed

_NO_RECORDS: Final[dict[Name, Record]] = {}


def settle(stack: Stack, *, ghosts: bool = False) -> list[Layer]:
    """
    Give the layers of a stack, top first, with nothing left open.

    Implied directories get the attributes that they show, or vanish if they hold
    nothing but marks for what is not there; an opaque root hides name by name; and
    whiteouts that hide nothing go.  Takes O(entries) and the time of a fold.

    Args:
        stack: The stack; its view is that of the result.
        ghosts: Whether whiteouts that hide nothing stay.

    >>> base = Layer.build({"etc/motd": "hello"})
    >>> patch = Layer.build({"etc/motd": WHITEOUT, "etc/issue": WHITEOUT})
    >>> [path for path, _ in settle(Stack([patch, base]))[0].walk()]
    ['/', '/etc', '/etc/motd']
    """
    done: list[Layer] = []
    below = Stack((), rules=stack.rules)  # kept alive, so that each view grows
    for layer in reversed(stack.layers):
        done.append(_settled(layer, below.root, ghosts=ghosts))
        below = below.push(layer)
    done.reverse()
    return done


def _settled(layer: LayerView, below: DirectoryRecord, *, ghosts: bool) -> Layer:
    builder = LayerBuilder(layer.label)
    root = layer.root
    builder.set_meta((), _shown_meta(root, below))
    pending: list[tuple[Parts, Directory, DirectoryRecord | None]]
    pending = [((), root, None if root.opaque else below)]
    while pending:
        parts, directory, lower = pending.pop()
        shown = visible(lower) if lower is not None else _NO_RECORDS
        for name, entry in directory.entries.items():
            path = (*parts, name)
            present = shown.get(name)
            if entry is WHITEOUT:
                hides = present is not None and listed(present, ghosts=False)
                if hides or ghosts:
                    builder.whiteout(path)
            elif not isinstance(entry, Directory):
                builder.add(path, entry)
            else:
                over = present if isinstance(present, DIRECTORY_TYPES) else None
                if over is None and entry.bare:
                    continue
                builder.set_meta(path, _shown_meta(entry, over))
                if entry.opaque:
                    builder.opaque(path)
                    over = None
                elif "redirect" in entry.meta.private:
                    over = _redirected(entry.meta, below, lower)
                pending.append((path, entry, over))
    if root.opaque:
        _hide_names(builder, below)
    return builder.freeze()


def _shown_meta(directory: Directory, over: DirectoryRecord | None) -> Meta:
    if directory.implied and over is not None:
        return attrs.evolve(over.meta, private={})
    return directory.meta


def _redirected(
    meta: Meta, root: DirectoryRecord, lower: DirectoryRecord | None
) -> DirectoryRecord | None:
    """Find what a redirected directory merges with (overlayfs.md, 7)."""
    target = redirect_parts(meta.private["redirect"])
    absolute, parts = target or (False, ())
    record: Record | None = root if absolute else lower
    names: Sequence[Name] = parts
    for name in names:
        if not isinstance(record, DIRECTORY_TYPES):
            return None
        record = visible(record).get(name)
    return record if target and isinstance(record, DIRECTORY_TYPES) else None


def _hide_names(builder: LayerBuilder, below: DirectoryRecord) -> None:
    """Hide by name what an opaque root hides."""
    if below is NOTHING:
        return
    for name, record in visible(below).items():
        present = builder.get((name,))
        if isinstance(present, Directory):
            builder.opaque((name,))
        elif present is None and listed(record, ghosts=False):
            builder.whiteout((name,))
