"""
Layers as values: squash, diff, archive, digest.

An archive is a list of members as a tar file has them: directories end in a slash,
``.wh.NAME`` whites out a name, ``.wh..wh..opq`` makes its directory opaque, and the
order of the members says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from unionfs_sim.teaching.lab.resolve import Bug, correct
from unionfs_sim.teaching.lab.values import (
    MODE,
    WHITEOUT,
    Dir,
    Entry,
    File,
    Layer,
    Path,
    path,
)

WHITEOUT_PREFIX: Final = ".wh."
OPAQUE_NAME: Final = ".wh..wh..opq"


class Member(NamedTuple):
    """A member of an archive."""

    name: str
    data: bytes = b""
    mode: int = MODE


def squash(lower: Layer, upper: Layer, bug: Bug = correct) -> Layer:
    """
    Make one layer of two, which acts on whatever lies below as the two did.

    >>> from unionfs_sim.teaching.lab import layer, show
    >>> show(squash(layer("d/ d/a=1 b=1"), layer("~d c=2")))
    'b=1 c=2 ~d'
    >>> show(squash(layer("~d"), layer("d/ d/a=1")))
    'd! d/a=1'
    """
    result = lower.snapshot()
    for at in sorted(upper):
        entry, below = upper[at], result.get(at)
        if isinstance(entry, Dir):
            hides = below is not None and not isinstance(below, Dir)
            if entry.opaque and not bug("squash_dict_update"):
                result.drop(at)
            opaque = entry.opaque or (hides and not bug("squash_dir_over_wh"))
            opaque = opaque or (isinstance(below, Dir) and below.opaque)
            result[at] = Dir(opaque)
        else:
            result.drop(at)
            if entry is not WHITEOUT or not bug("squash_drops_wh"):
                result[at] = entry.copy() if isinstance(entry, File) else entry
    return result


def diff(before: Layer, after: Layer, bug: Bug = correct) -> Layer:
    """
    Give the layer that makes one plain tree of another.

    >>> from unionfs_sim.teaching.lab import layer, show
    >>> show(diff(layer("a=1 d/ d/b=1"), layer("a=2 d=3")))
    'a=2 d=3'
    """
    result = Layer()

    def parents(at: Path) -> None:
        for depth in range(1, len(at)):
            result.setdefault(at[:depth], Dir())

    for at in sorted(after):
        new, old = after[at], before.get(at)
        if bug("difftree_meta") and isinstance(new, File) and isinstance(old, File):
            same = new.data == old.data
        else:
            same = new == old
        if not same or (isinstance(new, File) and bug("diff_includes_equal")):
            parents(at)
            result[at] = new.copy() if isinstance(new, File) else new
    for at in sorted(before):
        gone = at not in after
        if gone and (len(at) == 1 or isinstance(after.get(at[:-1]), Dir)):
            parents(at)
            result[at] = WHITEOUT
    return result


def to_archive(layer: Layer, bug: Bug = correct) -> list[Member]:
    """
    Write a layer down as members of an archive.

    >>> from unionfs_sim.teaching.lab import layer
    >>> [member.name for member in to_archive(layer("d! d/a=1 ~b"))]
    ['.wh.b', 'd/', 'd/.wh..wh..opq', 'd/a']
    """
    members = []
    for at in sorted(layer):
        entry, parent = layer[at], "".join(name + "/" for name in at[:-1])
        if isinstance(entry, File):
            members.append(Member(parent + at[-1], entry.data, entry.mode))
        elif entry is WHITEOUT:
            members.append(Member(parent + WHITEOUT_PREFIX + at[-1]))
        else:
            members.append(Member(f"{parent}{at[-1]}/", mode=0o755))
            if entry == Dir(opaque=True) and not bug("tar_opaque_lost"):
                members.append(Member(f"{parent}{at[-1]}/{OPAQUE_NAME}"))
    return sorted(members)


def from_archive(members: Sequence[Member], bug: Bug = correct) -> Layer:
    """
    Read a layer from the members of an archive, in whatever order they come.

    >>> from unionfs_sim.teaching.lab import show
    >>> show(from_archive([Member("d/.wh..wh..opq"), Member("d/a", b"1")]))
    'd! d/a=1'
    """
    layer = Layer()

    def add(at: Path, entry: Entry) -> None:
        for depth in range(1, len(at)):
            layer.setdefault(at[:depth], Dir())
        layer[at] = entry

    for member in members:
        at = path(member.name)
        parent, name = at[:-1], at[-1]
        if name == OPAQUE_NAME:
            if bug("tar_opq_eats_siblings"):
                layer.drop(parent)
            add(parent, Dir(opaque=True))
        elif name.startswith(WHITEOUT_PREFIX) and not bug("tar_wh_literal"):
            add((*parent, name.removeprefix(WHITEOUT_PREFIX)), WHITEOUT)
        elif member.name.endswith("/"):
            add(at, layer.get(at, Dir()))
        else:
            add(at, File(member.data, member.mode))
    return layer


def digest(layer: Layer, bug: Bug = correct) -> str:
    """
    Name a layer by its content.

    >>> from unionfs_sim.teaching.lab import layer
    >>> digest(layer("a=1 b=2")) == digest(layer("b=2 a=1")) != digest(layer("a=1"))
    True
    """
    order = list(layer) if bug("digest_order") else sorted(layer)
    known = [
        (at, layer[at])
        for at in order
        if layer[at] is not WHITEOUT or not bug("digest_wh")
    ]
    return "sha256:" + hashlib.sha256(repr(known).encode()).hexdigest()
