"""All targets, in groups that are measured together."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from unionfs_sim.bench.targets import changes, images, lookups, sizes
from unionfs_sim.bench.targets.figures import Figure, Setup

#: The groups by name.
GROUPS: Final[Mapping[str, Callable[[Setup], Iterator[Figure]]]] = {
    "warm": lookups.warm,
    "cold": lookups.cold,
    "change": changes.create_and_delete,
    "copy-up": changes.copy_up,
    "fork": changes.forks,
    "memory": sizes.memory,
    "image": images.load,
    "untouched": changes.untouched,
}


def measure(
    setup: Setup,
    groups: Iterable[str] = tuple(GROUPS),
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Figure]:
    """
    Measure groups of targets, and give the figures in the order of the targets.

    Args:
        setup: How much is done.
        groups: Which.
        progress: Called with the name of each group before it is measured.
    """
    found: list[Figure] = []
    for name in groups:
        progress(name)
        found.extend(GROUPS[name](setup))
        gc.collect()
    return sorted(found, key=lambda figure: figure.target)
