"""
What a learner's file imports: the lab's names, bound to what is under test.

>>> from unionfs_sim.teaching.student import WHITEOUT, Stack, layer, put
>>> union = Stack([layer("a=1"), put("a", WHITEOUT)])
>>> union.lookup("a")
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from unionfs_sim.teaching import lab as _lab
from unionfs_sim.teaching.lab import (
    WHITEOUT,
    Dir,
    File,
    Layer,
    Member,
    Model,
    Op,
    Path,
    PathLike,
    Step,
    Tree,
    layer,
    op,
    ops,
    outcome,
    path,
    put,
    replay,
    show,
    stack,
)
from unionfs_sim.teaching.subjects import current

__all__ = [
    "WHITEOUT",
    "Container",
    "Dir",
    "File",
    "Layer",
    "Member",
    "Model",
    "Op",
    "Path",
    "PathLike",
    "Stack",
    "Step",
    "Tree",
    "Volume",
    "diff",
    "digest",
    "from_archive",
    "layer",
    "op",
    "ops",
    "outcome",
    "path",
    "put",
    "replay",
    "show",
    "squash",
    "stack",
    "to_archive",
]


def Stack(layers: Sequence[Layer] = ()) -> _lab.Stack:  # noqa: N802 - looks like a class
    """Put an empty writable layer over layers, base first."""
    return current().stack(layers)


def Volume(content: Layer | None = None) -> _lab.Volume:  # noqa: N802 - likewise
    """Make a volume; it may hold files already."""
    return current().volume(content)


def Container(  # noqa: N802 - likewise
    image: Sequence[Layer],
    mounts: Mapping[Path, _lab.Volume] | Mapping[str, _lab.Volume] | None = None,
    read_only: Collection[PathLike] = (),
) -> _lab.Container:
    """Start a container of an image, with volumes at mount points."""
    return current().container(image, mounts, read_only)


def squash(lower: Layer, upper: Layer) -> Layer:
    """Make one layer of two, which acts on whatever lies below as the two did."""
    return current().squash(lower, upper)


def diff(before: Layer, after: Layer) -> Layer:
    """Give the layer that makes one plain tree of another."""
    return current().diff(before, after)


def to_archive(layer: Layer) -> list[Member]:
    """Write a layer down as members of an archive."""
    return current().to_archive(layer)


def from_archive(members: Sequence[Member]) -> Layer:
    """Read a layer from the members of an archive, in whatever order they come."""
    return current().from_archive(members)


def digest(layer: Layer) -> str:
    """Name a layer by its content."""
    return current().digest(layer)
