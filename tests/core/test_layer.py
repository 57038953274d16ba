"""Layers and their builder: every form of description, and what is refused."""

from __future__ import annotations

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Directory,
    Layer,
    LayerBuilder,
    Meta,
    Regular,
    SpecError,
    Symlink,
    UnionFS,
)
from unionfs_sim.core.layer import Spec
from unionfs_sim.core.meta import DIRECTORY_META
from unionfs_sim.core.nodes import Entry
from unionfs_sim.core.paths import Parts

DEPTH = 2_000
DEEP = ("d",) * DEPTH
META = Meta(mode=0o700)


def paths(layer: Layer) -> list[str]:
    """Give the paths of a layer, marks written behind them."""
    marks = []
    for path, entry in layer.walk():
        mark = ""
        if entry is WHITEOUT:
            mark = " whiteout"
        elif isinstance(entry, Directory):
            mark = " opaque" if entry.opaque else ""
            mark += " implied" if entry.implied else ""
        marks.append(path + mark)
    return marks[1:]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"a": "x"}, ["/a"]),
        ({"/a/": {}}, ["/a"]),
        ({"a/b": b"x"}, ["/a", "/a/b"]),
        ({"a": {"b": {"c": "x"}}}, ["/a", "/a/b", "/a/b/c"]),
        ({"a": {"b/c": "x"}, "a/d": "y"}, ["/a", "/a/b", "/a/b/c", "/a/d"]),
        ({"a": WHITEOUT}, ["/a whiteout"]),
        ({"a": OPAQUE}, ["/a opaque"]),
        ({"a": OPAQUE, "a/b": "x"}, ["/a opaque", "/a/b"]),
        ({"a/b": "x", "a": OPAQUE}, ["/a opaque", "/a/b"]),
        ({"a": {".": OPAQUE, "b": "x"}}, ["/a opaque", "/a/b"]),
        ({"a": {".": Directory(META)}}, ["/a"]),
        ({"a": Directory(META), "a/b": "x"}, ["/a", "/a/b"]),
        ({"a/b": WHITEOUT, "a": {}}, ["/a", "/a/b whiteout"]),
        ({"a": Directory(entries={"b": Regular("x")})}, ["/a", "/a/b"]),
        (
            {"a": Directory(entries={"b": Regular("x")}, opaque=True)},
            ["/a opaque", "/a/b"],
        ),
        ({"a-": "", "a": {"b": ""}}, ["/a", "/a/b", "/a-"]),
    ],
)
def test_build(spec: Spec, expected: list[str]) -> None:
    """Every way to write a tree down makes the tree; names come in order."""
    layer = Layer.build(spec)

    assert expected == paths(layer)
    assert len(expected) == len(layer)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"a/b": "y", "a": "x"}, "/a"),
        ({"a": "x", "a/b": "y"}, "/a"),
        ({"a": "x", "a/": OPAQUE}, "/a"),
        ({"a": "x", "/a": "y"}, "/a: described twice"),
        ({"a": {"b": "x"}, "a/b": "y"}, "/a/b: described twice"),
        ({"a": {"..": "x"}}, "/a: '..' holds the name '..'"),
        ({"a/../b": "x"}, "/: 'a/../b' holds the name '..'"),
        ({"a\0": "x"}, "holds the name 'a\\x00'"),
        ({"": "x"}, "/: the root can only be a directory"),
        ({".": "x"}, "/: the root can only be a directory"),
        ({"/": WHITEOUT}, "/: the root can only be a directory"),
        ({"a": WHITEOUT, "a/b/c": {"d": "x", "./d": "y"}}, "/a/b/c/d"),
    ],
)
def test_build_refuses(spec: Spec, text: str) -> None:
    """What cannot be names the place."""
    with pytest.raises(SpecError) as caught:
        Layer.build(spec)

    assert text in str(caught.value)


@pytest.mark.parametrize("key", [".", "/", ""])
def test_root_can_be_described(key: str) -> None:
    """The root can be opaque, or have attributes of its own."""
    assert Layer.build({key: OPAQUE}).root.opaque
    assert META is Layer.build({key: Directory(META)}).root.meta


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), "dir"),
        (("d",), "dir"),
        (("d", "f"), "file"),
        (("w",), "whiteout"),
        (("none",), None),
        (("d", "f", "x"), None),
        (("w", "x"), None),
    ],
)
def test_get(parts: Parts, expected: str | None) -> None:
    """A layer gives what it has at a path, and nothing where it has nothing."""
    found = Layer.build({"d/f": "x", "w": WHITEOUT}).get(parts)

    kind = found if found is None or found is WHITEOUT else found.kind
    assert expected == (kind.value if kind is not None else None)


TWIN = Regular("x")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({}, {}, True),
        ({"a": "x"}, {"a": b"x"}, True),
        ({"a": "x"}, {"a": "y"}, False),
        ({"a": "x"}, {"b": "x"}, False),
        ({"a": "x"}, {"a": "x", "b": "x"}, False),
        ({"a": "x"}, {"a": WHITEOUT}, False),
        ({"a": {}}, {"a": OPAQUE}, False),
        ({"a": {}}, {"a": Directory(META)}, False),
        ({"a": {}}, {"a": "x"}, False),
        ({"a": TWIN, "b": TWIN}, {"a": Regular("x"), "b": Regular("x")}, False),
        ({"a": Symlink("x")}, {"a": Symlink("y")}, False),
    ],
)
def test_equality(one: Spec, other: Spec, equal: bool) -> None:
    """Layers are equal if their trees are: names, nodes, marks, and hard links."""
    assert equal is (Layer.build(one, label="1") == Layer.build(other, label="2"))
    assert equal is (Layer.build(other) == Layer.build(one))


def test_hard_links_pair_up() -> None:
    """The same pairs of names must be one inode in both."""
    one, other = Regular("x"), Regular("x")
    left = Layer.build({"a": one, "b": one, "c": other, "d": other})
    right = Layer.build({"a": one, "b": other, "c": one, "d": other})

    assert left != right
    assert left == Layer.build({"a": other, "b": other, "c": one, "d": one})


def test_layer_is_no_other_thing() -> None:
    """A layer equals layers alone, has no hash, and is true even if empty."""
    layer = Layer.build({})

    assert layer != {}
    assert layer
    with pytest.raises(TypeError, match="unhashable"):
        hash(layer)


def test_repr() -> None:
    """A layer shows its label and size, and a notebook its tree."""
    layer = Layer.build({"a/b": "x"}, label="base")

    assert "<Layer 'base': 2 entries>" == repr(layer)
    assert "└── a/" in layer._repr_html_()


# --- the builder -----------------------------------------------------------------


def entry(builder: LayerBuilder, *parts: str) -> Entry | None:
    """Give what a builder's layer has at a path."""
    return builder.freeze().get(parts)


def test_whiteout_then_file() -> None:
    """A file after a whiteout of its name stays, and hides what is below."""
    builder = LayerBuilder()
    builder.whiteout(("a",))
    builder.add(("a",), Regular("x"))

    assert Regular("x") == entry(builder, "a")


def test_file_then_whiteout() -> None:
    """A whiteout after a file of its name changes nothing."""
    builder = LayerBuilder()
    builder.add(("a",), Regular("x"))
    builder.whiteout(("a",))

    assert Regular("x") == entry(builder, "a")


@pytest.mark.parametrize("whiteout_first", [True, False])
def test_whiteout_and_directory(whiteout_first: bool) -> None:
    """A directory with a whiteout of its name, in either order, is opaque."""
    builder = LayerBuilder()
    if whiteout_first:
        builder.whiteout(("a",))
    builder.set_meta(("a",), META)
    if not whiteout_first:
        builder.whiteout(("a",))

    made = entry(builder, "a")
    assert isinstance(made, Directory)
    assert made.opaque


def test_whiteout_and_implied_directory() -> None:
    """A path through a whiteout makes an opaque directory, still implied."""
    builder = LayerBuilder()
    builder.whiteout(("a",))
    builder.add(("a", "b"), Regular("x"))

    assert ["/a opaque implied", "/a/b"] == paths(builder.freeze())


def test_two_whiteouts_are_one() -> None:
    """Hiding a name twice hides it."""
    builder = LayerBuilder()
    builder.whiteout(("a",))
    builder.whiteout(("a",))

    assert WHITEOUT is entry(builder, "a")


def test_parents_are_implied_until_described() -> None:
    """A parent that nobody describes is implied; attributes make it real."""
    builder = LayerBuilder()
    builder.add(("a", "b"), Regular("x"))

    assert ["/a implied", "/a/b"] == paths(builder.freeze())
    builder.set_meta(("a",), META)
    assert ["/a", "/a/b"] == paths(builder.freeze())


def test_directory_makes_sure() -> None:
    """A directory that is asked for is there, and one that is there stays."""
    builder = LayerBuilder()
    builder.directory(("a",))
    builder.set_meta(("b",), META)
    builder.directory(("b",))

    assert ["/a implied", "/b"] == paths(builder.freeze())


@pytest.mark.parametrize("verb", ["add", "whiteout"])
def test_builder_refuses_the_root(verb: str) -> None:
    """The root is a directory, come what may."""
    builder = LayerBuilder()
    args = [Regular()] if verb == "add" else []

    with pytest.raises(SpecError, match="the root can only be a directory"):
        getattr(builder, verb)((), *args)


@pytest.mark.parametrize("verb", ["directory", "opaque", "whiteout"])
def test_builder_refuses_a_path_through_a_file(verb: str) -> None:
    """A path leads through directories only; the text names the file."""
    builder = LayerBuilder()
    builder.add(("a", "f"), Regular())

    with pytest.raises(SpecError, match=r"^/a/f: not a directory$"):
        getattr(builder, verb)(("a", "f", "x"))


def test_links_share_an_inode() -> None:
    """Names that are linked are one node, which counts them."""
    builder = LayerBuilder()
    builder.add(("a",), Regular("x"))
    builder.link(("d", "b"), ("a",))
    layer = builder.freeze()

    one, other = layer.get(("a",)), layer.get(("d", "b"))
    assert one is other
    assert isinstance(one, Regular)
    assert 2 == one.nlink


@pytest.mark.parametrize(
    ("target", "text"),
    [(("none",), "is not there"), (("d",), "is a directory"), (("w",), "is not there")],
)
def test_link_refuses(target: Parts, text: str) -> None:
    """A link needs a file that is there already."""
    builder = LayerBuilder()
    builder.directory(("d",))
    builder.whiteout(("w",))

    with pytest.raises(SpecError, match=rf"^/new: .*{text}"):
        builder.link(("new",), target)


def test_links_outside_are_counted() -> None:
    """Names that are in other layers count as well."""
    builder = LayerBuilder()
    node = Regular("x")
    builder.add(("a",), node)
    builder.link_outside(node)

    made = entry(builder, "a")
    assert isinstance(made, Regular)
    assert 2 == made.nlink


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        (("d",), ["/f"]),
        (("d", "x"), ["/d implied", "/f"]),
        (("f",), ["/d implied", "/d/x"]),
        (("none",), ["/d implied", "/d/x", "/f"]),
        (("f", "x"), ["/d implied", "/d/x", "/f"]),
        (("none", "x"), ["/d implied", "/d/x", "/f"]),
        ((), ["/d implied", "/d/x", "/f"]),
    ],
)
def test_discard(parts: Parts, left: list[str]) -> None:
    """What is discarded goes with all that is in it; what is not there is no error."""
    builder = LayerBuilder()
    builder.add(("d", "x"), Regular())
    builder.add(("f",), Regular())
    builder.discard(parts)

    assert left == paths(builder.freeze())


@pytest.mark.parametrize(
    ("parts", "expected"),
    [((), True), (("d",), True), (("none",), None), (("f", "x"), None)],
)
def test_builder_get(parts: Parts, expected: bool | None) -> None:
    """A builder tells what it has so far."""
    builder = LayerBuilder()
    builder.set_meta(("d",), META)
    builder.add(("f",), Regular())
    found = builder.get(parts)

    assert expected is (None if found is None else isinstance(found, Directory))


def test_frozen_layer_stays_as_it_was() -> None:
    """A builder goes on after a freeze, and the layer does not."""
    builder = LayerBuilder("x", diff_id="sha256:0")
    builder.add(("a",), Regular())
    layer = builder.freeze()
    builder.add(("b",), Regular())

    assert (["/a"], ["/a", "/b"]) == (paths(layer), paths(builder.freeze()))
    assert ("x", "sha256:0") == (layer.label, layer.diff_id)


def deep_layer() -> Layer:
    """Make a layer with a file under two thousand directories."""
    builder = LayerBuilder("deep")
    for depth in range(DEPTH + 1):
        builder.set_meta(DEEP[:depth], DIRECTORY_META)
    builder.add((*DEEP, "leaf"), Regular("x"))
    return builder.freeze()


def test_deep_trees_need_no_recursion() -> None:
    """Two thousand levels are built, gone through, compared and drawn."""
    layer, twin = deep_layer(), deep_layer()

    assert DEPTH + 1 == len(layer)
    assert layer == twin
    assert Regular("x") == layer.get((*DEEP, "leaf"))


def test_deep_unions_need_no_recursion() -> None:
    """Two thousand levels are folded, walked, frozen, compared and removed."""
    builder = LayerBuilder("top")
    builder.add((*DEEP, "top"), Regular("y"))
    fs = UnionFS([builder.freeze(), deep_layer()])
    path = "/" + "/".join(DEEP)
    fs.write_text(f"{path}/new", "z")

    assert ["leaf", "new", "top"] == fs.listdir(path)
    assert DEPTH + 1 == sum(1 for _ in fs.walk())
    assert DEPTH + 1 == len(fs.fork().commit())
    assert DEPTH + 1 == len(fs.changes())


@pytest.mark.parametrize("depth", [300, pytest.param(DEPTH, marks=pytest.mark.slow)])
def test_deep_trees_are_removed(depth: int) -> None:
    """A tree of two thousand levels is explained and removed without recursion."""
    fs = UnionFS([deep_layer()])
    path = "/" + "/".join(DEEP[:depth])

    assert path == fs.explain(path).resolved
    fs.rmtree("/" + "/".join(DEEP[: DEPTH - depth + 1]))
    assert depth == DEPTH or fs.exists("/d")


def test_wide_directories() -> None:
    """Ten thousand names are built, merged, listed and removed."""
    names = [f"{number:05}" for number in range(10_000)]
    base = Layer.build({f"d/{name}": "" for name in names[::2]})
    top = Layer.build({f"d/{name}": "" for name in names[1::2]})
    fs = UnionFS([top, base])

    assert names == fs.listdir("/d")
    fs.rmtree("/d")
    assert not fs.exists("/d")
