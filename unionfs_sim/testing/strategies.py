"""
Hypothesis strategies for what unions are made of.

Names are few, so that they collide: between layers, between files and directories,
between additions and whiteouts.  Needs the extra ``testing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hypothesis import strategies as st

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Entry,
    Fifo,
    Leaf,
    Regular,
    Symlink,
)
from unionfs_sim.core.paths import Parts
from unionfs_sim.core.stack import Stack

#: Names that a file system takes, and that trip a careless one.
HOSTILE_NAMES: Final = (
    "\n",
    " ",
    "-",
    "...",
    ".wh",
    ".wh.a",
    "a b",
    "caf\udce9",
    "e\u0301",
    "\u00e9",
    "\u202e",
    "x" * 255,
)


def names(*, hostile: bool = False) -> st.SearchStrategy[str]:
    """Draw a name: one of three, or, if *hostile*, one that is hard to handle."""
    few = st.sampled_from("abc")
    return few | st.sampled_from(HOSTILE_NAMES) if hostile else few


def paths(*, depth_max: int = 3, hostile: bool = False) -> st.SearchStrategy[Parts]:
    """Draw a path of one to *depth_max* names, as a tuple."""
    return st.lists(names(hostile=hostile), min_size=1, max_size=depth_max).map(tuple)


def metas(*, modes: st.SearchStrategy[int] | None = None) -> st.SearchStrategy[Meta]:
    """Draw attributes: some mode, some owner, a time, perhaps an xattr."""
    return st.builds(
        Meta,
        mode=modes or st.sampled_from([0o644, 0o600, 0o755, 0o4755, 0o1777, 0]),
        uid=st.sampled_from([0, 1000]),
        gid=st.sampled_from([0, 1000]),
        mtime_ns=st.sampled_from([0, 1_700_000_000_123_456_789]),
        xattrs=st.sampled_from([{}, {"user.k": b"v"}]),
    )


def leaves() -> st.SearchStrategy[Leaf]:
    """Draw a node that is not a directory; links point to names that may be there."""
    targets = st.lists(
        st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=3
    )
    return st.one_of(
        st.builds(Regular, st.sampled_from(["", "x", "hello"]), metas()),
        st.builds(
            Symlink,
            st.tuples(st.sampled_from(["", "/"]), targets).map(
                lambda pair: pair[0] + "/".join(pair[1])
            ),
        ),
        st.builds(Fifo, metas()),
        st.builds(Device, st.just(1), st.just(3), meta=metas()),
    )


def layers(
    *, label: str = "", size_max: int = 8, hostile: bool = False, marks: bool = True
) -> st.SearchStrategy[Layer]:
    """
    Draw a layer: files, directories, whiteouts, opaque directories.

    Args:
        label: Its label.
        size_max: How many entries are described at most; parents come on their own.
        hostile: Whether names are hard to handle.
        marks: Whether there are whiteouts, opaque and implied directories.
    """
    kinds = ["leaf", "leaf", "directory"]
    if marks:
        kinds += ["whiteout", "opaque", "implied"]
    item = st.tuples(paths(hostile=hostile), st.sampled_from(kinds), leaves(), metas())
    return st.lists(item, max_size=size_max).map(lambda items: _layer(label, items))


def _layer(label: str, items: list[tuple[Parts, str, Leaf, Meta]]) -> Layer:
    builder = LayerBuilder(label)
    for parts, kind, leaf, meta in items:
        if any(
            not (entry is None or entry is WHITEOUT or _is_directory(entry))
            for entry in (builder.get(parts[:depth]) for depth in range(1, len(parts)))
        ):
            continue  # a file is in the way
        present = builder.get(parts)
        if kind == "leaf":
            if present is None or not _is_directory(present):
                builder.add(parts, leaf)
        elif kind == "whiteout":
            builder.whiteout(parts)
        elif present is None or present is WHITEOUT or _is_directory(present):
            if kind == "directory":
                builder.set_meta(parts, meta)
            elif kind == "opaque":
                builder.opaque(parts)
            else:
                builder.directory(parts)
    return builder.freeze()


def _is_directory(entry: Entry) -> bool:
    return entry is not WHITEOUT and entry.kind.value == "dir"


def stacks(
    *, layers_max: int = 4, hostile: bool = False, marks: bool = True
) -> st.SearchStrategy[Stack]:
    """Draw a stack of one to *layers_max* layers, labelled from the base up."""

    def label(drawn: list[Layer]) -> Stack:
        count = len(drawn)
        return Stack(
            Layer(f"layer {count - index}", layer.root)
            for index, layer in enumerate(drawn)
        )

    return st.lists(
        layers(hostile=hostile, marks=marks), min_size=1, max_size=layers_max
    ).map(label)


def trees(*, size_max: int = 8) -> st.SearchStrategy[Mapping[Parts, Entry]]:
    """Draw a flat tree without marks: what a single file system can hold."""
    return layers(size_max=size_max, marks=False).map(lambda layer: dict(layer.items()))
