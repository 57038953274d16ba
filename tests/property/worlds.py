"""Small worlds for property tests: all paths of a few names, and what a union shows."""

from __future__ import annotations

import itertools

import attrs

from unionfs_sim import Negative, UnionFS
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.paths import join

#: Every path of up to three of the names that `strategies.names` draws.
PATHS = [
    join(parts)
    for depth in range(4)
    for parts in itertools.product("abc", repeat=depth)
]


def shown(meta: Meta | None) -> Meta | None:
    """Give what a caller sees of attributes."""
    return attrs.evolve(meta, private={}) if meta is not None else None


def snapshot(fs: UnionFS) -> dict[str, object]:
    """Give every path with its attributes and content."""
    found: dict[str, object] = {}
    for directory, directories, files in fs.walk():
        for name in (*directories, *files):
            path = f"{directory.rstrip('/')}/{name}"
            live = fs.lookup(path)
            assert not isinstance(live, Negative)
            node = getattr(live, "node", live)
            found[path] = (live.kind, shown(live.meta), getattr(node, "content", None))
    return found
