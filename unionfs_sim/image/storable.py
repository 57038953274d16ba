"""
Layers as an archive can hold them, which is less than a union can.

An archive has one time an inode, no empty xattrs and no redirects; what it cannot hold
is left out or made whole before its digest is taken, so that an image in memory is the
one that will be read back.
"""

from __future__ import annotations

from typing import Final

import attrs

from unionfs_sim.core.fold import NOTHING, Rules, fold, visible
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, Regular
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.records import DIRECTORY_TYPES, Broken, DirectoryRecord, Record
from unionfs_sim.errors import FormatError
from unionfs_sim.image.limits import Oddity
from unionfs_sim.image.tarwriter import stored_meta

_RULES: Final = Rules(follows=True, metacopy=True)


def storable(
    layer: Layer,
    below: DirectoryRecord = NOTHING,
    *,
    mtime_max_ns: int | None = None,
) -> tuple[Layer, tuple[Oddity, ...]]:
    """
    Give a layer as an archive holds it, and notes of what was left out.

    Redirects become copies of what they lead to, implied directories without anything
    in them go.  Takes O(n) for n entries, and the entries of redirected directories.

    Args:
        layer: The layer.
        below: The merged view of the layers below it; only redirects need it.
        mtime_max_ns: Later times become this one.

    Raises:
        FormatError: A redirect leads nowhere, or an xattr's name cannot be written.

    >>> from unionfs_sim import Meta, Regular
    >>> file = Regular("hello", Meta(mode=0o644, atime_ns=1, xattrs={"user.k": b""}))
    >>> kept, oddities = storable(Layer.build({"motd": file}))
    >>> kept.get(("motd",)).meta.atime_ns, len(oddities)
    (0, 1)
    """
    if layer.root.special:
        layer = _whole(layer, below)
    oddities: list[Oddity] = []
    builder = LayerBuilder(layer.label)
    seen: dict[int, Leaf] = {}
    for parts, entry in layer.items():
        if entry is WHITEOUT:
            builder.whiteout(parts)
            continue
        if isinstance(entry, Directory) and entry.opaque:
            builder.opaque(parts)
        if isinstance(entry, Directory) and entry.implied:
            continue
        place = f"{layer.label or 'layer'}: entry {join(parts)[:1000]!r}"

        def tell(sentence: str, place: str = place) -> None:
            oddities.append(Oddity(place, sentence))

        try:
            meta = stored_meta(entry.meta, mtime_max_ns=mtime_max_ns, report=tell)
        except FormatError as error:
            msg = f"{place}: {error}"
            raise FormatError(msg) from error
        if isinstance(entry, Directory):
            builder.set_meta(parts, meta)
        else:
            if id(entry) not in seen:
                same = meta == entry.meta and not entry.meta.private
                seen[id(entry)] = entry if same else attrs.evolve(entry, meta=meta)
            builder.add(parts, seen[id(entry)])
    return builder.freeze(), tuple(oddities)


def _whole(layer: Layer, below: DirectoryRecord) -> Layer:
    """Put what overlayfs's marks lead to in their place (layer-formats, section 7)."""
    builder = LayerBuilder(layer.label)
    pending: list[tuple[Parts, Directory, DirectoryRecord]]
    pending = [((), layer.root, fold((layer.root,), below, _RULES))]
    while pending:
        parts, directory, shown = pending.pop()
        if not directory.implied:
            builder.set_meta(parts, directory.meta)
        if directory.opaque:
            builder.opaque(parts)
        records = visible(shown)
        for name, entry in directory.entries.items():
            path = (*parts, name)
            if entry is WHITEOUT:
                builder.whiteout(path)
                continue
            record = records.get(name)
            private = entry.meta.private
            if isinstance(entry, Directory):
                if "redirect" in private:
                    _copy(builder, path, record)
                else:
                    inside = record if isinstance(record, DIRECTORY_TYPES) else NOTHING
                    pending.append((path, entry, inside))
            elif "metacopy" in private:
                _copy(builder, path, record)
            elif "whiteout" in private and isinstance(entry, Regular):
                builder.whiteout(path)
            else:
                builder.add(path, entry)
    return builder.freeze()


def _copy(builder: LayerBuilder, parts: Parts, record: Record | None) -> None:
    """Put all that is visible at a place into the layer, hiding what is below."""
    pending: list[tuple[Parts, Record | None]] = [(parts, record)]
    while pending:
        path, found = pending.pop()
        if found is None or isinstance(found, Broken):
            msg = f"{join(path)}: what overlayfs's mark leads to is not there"
            raise FormatError(msg)
        if isinstance(found, DIRECTORY_TYPES):
            builder.set_meta(path, attrs.evolve(found.meta, private={}))
            if path == parts:
                builder.opaque(path)
            pending.extend(
                ((*path, name), entry) for name, entry in visible(found).items()
            )
        else:
            builder.add(path, attrs.evolve(found, meta=_public(found)))


def _public(node: Leaf) -> Meta:
    return attrs.evolve(node.meta, private={})
