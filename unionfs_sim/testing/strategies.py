"""
Hypothesis strategies for what unions are made of; needs the extra ``testing``.

`names`, `paths`, `nodes`, `layers`, `stacks`; `ops` and `programs` of calls on a file
system; `images` and `volumes`.  Names are few, so that they collide: between layers,
between files and directories, between additions and whiteouts.  With ``hostile=True``
they are hard to handle as well.  Paths of calls are drawn from a stack, four of five:
a path that hits nothing tests nothing.

Where Hypothesis is installed `hypothesis.strategies.from_type` knows `Layer`, `Stack`,
`Image` and `Operation` by themselves: see `unionfs_sim.testing.registration`.

>>> from hypothesis import HealthCheck, given, settings
>>> from unionfs_sim import UnionFS
>>> worlds = stacks().flatmap(lambda stack: st.tuples(st.just(stack), programs(stack)))
>>> @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
... @given(worlds)
... def test_layers_stay_as_they_are(world):
...     stack, program = world
...     before = [list(layer.walk()) for layer in stack.layers]
...     fs = UnionFS(stack)
...     for operation in program:
...         operation.outcome(fs)
...     assert before == [list(layer.walk()) for layer in stack.layers]
>>> test_layers_stay_as_they_are()
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Entry,
    Fifo,
    Leaf,
    Regular,
    Symlink,
)
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.union import UnionFS
from unionfs_sim.testing.operations import Operation

if TYPE_CHECKING:
    from unionfs_sim.containers.volume import Volume
    from unionfs_sim.image.image import Image

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


def nodes(*, hostile: bool = False) -> st.SearchStrategy[Entry]:
    """Draw what a layer can have at a path: a node of any kind, or a whiteout."""
    directories = st.builds(Directory, metas(), opaque=st.booleans())
    links = names(hostile=hostile).map(Symlink)
    return st.one_of(leaves(), links, directories, st.just(WHITEOUT))


def hot_paths(stack: Stack, *, percent: int = 80) -> st.SearchStrategy[Parts]:
    """
    Draw a path: in so many of a hundred cases one that occurs in a layer of a stack.

    Whiteouts occur too: what was deleted is where a union is most likely to err.
    """
    layers = [layer for layer in stack.layers if isinstance(layer, Layer)]
    known = sorted({at for layer in layers for at, _ in layer.items() if at})
    if not known:
        return paths()
    pick = st.integers(0, 99)
    return pick.flatmap(
        lambda number: st.sampled_from(known) if number < percent else paths()
    )


_DATA: Final = st.sampled_from([b"", b"new", b"newer"])
_MODES: Final = st.sampled_from([0o644, 0o600, 0o755])


def ops(
    stack: Stack | None = None, *, hostile: bool = False
) -> st.SearchStrategy[Operation]:
    """Draw a call that may change a file system, mostly on a path of a stack."""
    some = paths(hostile=hostile) if stack is None else hot_paths(stack)
    at = some.map(join)

    def call(
        verb: str, *arguments: st.SearchStrategy[object]
    ) -> st.SearchStrategy[Operation]:
        return st.tuples(*arguments).map(lambda drawn: Operation(verb, drawn))

    return st.one_of(
        call("write_bytes", at, _DATA),
        call("unlink", at),
        call("mkdir", at),
        call("rmdir", at),
        call("rename", at, at),
        call("chmod", at, _MODES),
        call("symlink", st.sampled_from(["a", "../b", "/c"]), at),
        call("link", at, at),
        call("truncate", at, st.integers(0, 8)),
        call("rmtree", at),
    )


def programs(
    stack: Stack | None = None, *, steps_max: int = 8, hostile: bool = False
) -> st.SearchStrategy[list[Operation]]:
    """Draw calls that may change a file system, one after the other."""
    return st.lists(ops(stack, hostile=hostile), max_size=steps_max)


def images(*, layers_max: int = 3) -> st.SearchStrategy[Image]:
    """Draw an image, with digests, of layers that are not stored anywhere."""
    from unionfs_sim.image.build import new_image  # noqa: PLC0415 - loaded late

    drawn = st.lists(layers(size_max=5), min_size=1, max_size=layers_max)
    return drawn.map(lambda some: new_image(some, names=["drawn:latest"]))


def volumes(*, size_max: int = 5) -> st.SearchStrategy[Volume]:
    """Draw a volume on a host of its own, with some files, directories and links."""
    # These are loaded late: layers can be drawn without them.
    from unionfs_sim.containers.host import Host  # noqa: PLC0415 - see above
    from unionfs_sim.containers.seeding import copy_tree  # noqa: PLC0415 - see above
    from unionfs_sim.containers.volumes import VolumeStore  # noqa: PLC0415 - see above

    def filled(layer: Layer) -> Volume:
        builder = LayerBuilder()
        for at, entry in layer.items():
            if isinstance(entry, Directory):
                builder.set_meta(at, entry.meta)
            elif isinstance(entry, (Regular, Symlink)):
                builder.add(at, entry)
        volume = VolumeStore(Host("drawn")).create("drawn")
        copy_tree(UnionFS([builder.freeze()]), "/", volume.fs)
        return volume

    return layers(size_max=size_max, marks=False).map(filled)
