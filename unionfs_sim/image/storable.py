"""
Layers as an archive can hold them, which is less than a union can.

An archive has one time an inode, no empty xattrs and no redirects; what it cannot hold
is left out or made whole before its digest is taken, so that an image in memory is the
one that will be read back.
"""

from __future__ import annotations

import attrs

from unionfs_sim.core.fold import NOTHING
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf
from unionfs_sim.core.paths import join
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.dialects.conversion import without_redirects
from unionfs_sim.errors import FormatError
from unionfs_sim.image.limits import Oddity
from unionfs_sim.image.tarwriter import stored_meta


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
        layer = without_redirects(layer, below)
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

        meta = entry.meta
        if meta.private:
            meta = attrs.evolve(meta, private={})
        try:
            meta = stored_meta(meta, mtime_max_ns=mtime_max_ns, report=tell)
        except FormatError as error:
            msg = f"{place}: {error}"
            raise FormatError(msg) from error
        if isinstance(entry, Directory):
            builder.set_meta(parts, meta)
        else:
            if id(entry) not in seen:
                # An inode of its own: no archive links to one of another layer.
                seen[id(entry)] = attrs.evolve(entry, meta=meta)
            builder.add(parts, seen[id(entry)])
    return builder.freeze(), tuple(oddities)
