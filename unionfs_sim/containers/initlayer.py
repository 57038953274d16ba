"""
The ``-init`` layer: what a container has between its image and its own layer.

It holds the places where the engine mounts things, so that mounting them is no change
of the container's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import DIRECTORY_META, Meta
from unionfs_sim.core.nodes import Leaf, Regular, Symlink
from unionfs_sim.core.paths import Parts
from unionfs_sim.core.records import DIRECTORY_TYPES, Record
from unionfs_sim.core.stack import Stack

_EMPTY: Final = Regular(b"", Meta(mode=0o755))

_FILES: Final[dict[str, Leaf]] = {
    ".dockerenv": _EMPTY,
    "dev/console": _EMPTY,
    "etc/hostname": _EMPTY,
    "etc/hosts": _EMPTY,
    "etc/mtab": Symlink("/proc/mounts"),
    "etc/resolv.conf": _EMPTY,
}
_DIRECTORIES: Final = ("dev", "dev/pts", "dev/shm", "etc", "proc", "sys")


def init_layer(below: Stack) -> Layer:
    """
    Make the ``-init`` layer over an image; what the image brings itself stays its own.

    >>> layer = init_layer(Stack([Layer.build({"etc/hosts": "mine"})]))
    >>> sorted(layer.root.entries)
    ['.dockerenv', 'dev', 'etc', 'proc', 'sys']
    >>> sorted(layer.root.entries["etc"].entries)
    ['hostname', 'mtab', 'resolv.conf']
    """
    builder = LayerBuilder("-init")
    for path in _DIRECTORIES:
        parts = tuple(path.split("/"))
        if shown(below, parts) is None:
            builder.set_meta(parts, DIRECTORY_META)
    for path, node in _FILES.items():
        parts = tuple(path.split("/"))
        if shown(below, parts) is None:
            builder.add(parts, attrs.evolve(node))  # each is an inode of its own
    return builder.freeze()


def shown(stack: Stack, parts: Parts) -> Record | None:
    """Give what a stack shows at a path, no link followed, or ``None``."""
    record: Record | None = stack.root
    for name in parts:
        if not isinstance(record, DIRECTORY_TYPES):
            return None
        entries: Mapping[str, Record] = record.entries  # type: ignore[assignment]
        record = entries.get(name)
    return record
