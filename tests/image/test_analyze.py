"""`analyze` counts what is stored in vain: known numbers on layers made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim import OPAQUE, WHITEOUT, Layer, Meta, Regular, Stack, hole
from unionfs_sim.core.content import concat, literal
from unionfs_sim.core.nodes import Symlink
from unionfs_sim.core.records import DIRECTORY_TYPES
from unionfs_sim.image.analyze import Analysis, analyze
from unionfs_sim.image.build import new_image
from unionfs_sim.image.open import open_image
from unionfs_sim.testing import strategies


def analyzed(*specs: Mapping[str, Any]) -> Analysis:
    """Analyze layers, base first."""
    return analyze([Layer.build(spec) for spec in specs])


BASE: Final = {"a": "x" * 10, "d/b": "y" * 200, "d/e/c": "z" * 3000, "s": Symlink("a")}

#: What the second layer is -> stored, rewritten, deleted, and the paths of the waste.
SECOND: Final[dict[str, tuple[dict[str, Any], int, int, int, list[str]]]] = {
    "nothing": ({}, 3210, 0, 0, []),
    "rewritten": ({"a": "new"}, 3213, 10, 0, ["/a"]),
    "rewritten by nothing": ({"a": ""}, 3210, 10, 0, ["/a"]),
    "rewritten by a link": ({"a": Symlink("d")}, 3210, 10, 0, ["/a"]),
    "rewritten by a directory": ({"a/n": "new"}, 3213, 10, 0, ["/a"]),
    "deleted": ({"a": WHITEOUT}, 3210, 0, 10, ["/a"]),
    "deleted with all below": ({"d": WHITEOUT}, 3210, 0, 3200, ["/d/e/c", "/d/b"]),
    "deleted by a file": ({"d": "f"}, 3211, 0, 3200, ["/d/e/c", "/d/b"]),
    "opaque": ({"d": OPAQUE}, 3210, 0, 3200, ["/d/e/c", "/d/b"]),
    "opaque further down": ({"d/e": OPAQUE}, 3210, 0, 3000, ["/d/e/c"]),
    "opaque, one rewritten": (
        {"d": OPAQUE, "d/b": "new"}, 3213, 200, 3000, ["/d/e/c", "/d/b"]
    ),
    "opaque, all rewritten": (
        {"d": OPAQUE, "d/b": "new", "d/e/c": "new"}, 3216, 3200, 0, ["/d/e/c", "/d/b"]
    ),
    "opaque, opaque below": (
        {"d": OPAQUE, "d/e": OPAQUE, "d/e/c": "new"}, 3213, 3000, 200, ["/d/e/c", "/d/b"]
    ),
    "opaque, whiteout below": (
        {"d": OPAQUE, "d/b": WHITEOUT}, 3210, 0, 3200, ["/d/e/c", "/d/b"]
    ),
    "opaque, file over a directory": (
        {"d": OPAQUE, "d/e": "f"}, 3211, 0, 3200, ["/d/e/c", "/d/b"]
    ),
    "opaque, directory over a file": (
        {"d": OPAQUE, "d/b/n": "f"}, 3211, 200, 3000, ["/d/e/c", "/d/b"]
    ),
    "opaque on nothing": ({"n": OPAQUE, "n/f": "f"}, 3211, 0, 0, []),
    "whiteout of nothing": ({"d/n": WHITEOUT}, 3210, 0, 0, []),
    "whiteout below a file": ({"a/n": WHITEOUT}, 3210, 10, 0, ["/a"]),
}  # fmt: skip


@pytest.mark.parametrize("case", SECOND)
def test_second_layer(case: str) -> None:
    """What a layer hides is rewritten or deleted, and counted once."""
    spec, stored, rewritten, deleted, paths = SECOND[case]
    found = analyzed(BASE, spec)
    base, second = found.layers_base_first

    assert (stored, rewritten + deleted) == (found.stored_bytes, found.wasted_bytes)
    assert (rewritten, deleted) == (second.rewritten_bytes, second.deleted_bytes)
    assert rewritten + deleted == base.wasted_bytes
    assert paths == [waste.path for waste in found.wasted]
    assert (stored - rewritten - deleted) / stored == found.efficiency


def test_many_layers() -> None:
    """Each version of a file is wasted once, in its own layer, by the next one."""
    found = analyzed(
        {"log": "1" * 100}, {"log": "2" * 200}, {"log": WHITEOUT}, {"log": "4" * 400}
    )
    (waste,) = found.wasted

    assert (700, 300) == (found.stored_bytes, found.wasted_bytes)
    assert 400 / 700 == found.efficiency
    assert [(100, 0, 0), (200, 100, 0), (0, 0, 200), (0, 0, 0)] == [
        (u.wasted_bytes, u.rewritten_bytes, u.deleted_bytes)
        for u in found.layers_base_first
    ]
    assert (100, 200) == (waste.rewritten_bytes, waste.deleted_bytes)
    assert ((0, 1), (1, 2)) == (waste.layers, waste.hidden_in)


def test_what_is_gone_is_not_deleted_again() -> None:
    """A whiteout or an opaque mark over what is gone wastes nothing more."""
    found = analyzed({"d/f": "x" * 9}, {"d": WHITEOUT}, {"d": OPAQUE}, {"d": WHITEOUT})

    assert (9, 9, 0.0) == (found.stored_bytes, found.wasted_bytes, found.efficiency)
    assert [0, 9, 0, 0] == [use.deleted_bytes for use in found.layers_base_first]
    assert [(0, 0), (1, 0), (0, 1), (1, 0)] == [
        (use.whiteouts, use.opaques) for use in found.layers_base_first
    ]


def test_hard_links() -> None:
    """An inode counts once, and is wasted with its last name."""
    inode = Regular("x" * 50)
    base = {"a": inode, "b": inode}

    assert (50, 0) == (
        (one := analyzed(base, {"a": WHITEOUT})).stored_bytes,
        one.wasted_bytes,
    )
    assert 50 == analyzed(base, {"a": WHITEOUT}, {"b": "new"}).wasted_bytes
    assert ("/b",) == tuple(w.path for w in analyzed(base, {"a": ""}, {"b": ""}).wasted)
    # A new name of the same layer comes before the old one goes.
    moved = analyzed({"a": inode}, {"a": WHITEOUT, "z": inode})
    assert (50, 0) == (moved.stored_bytes, moved.wasted_bytes)


def test_layer_that_is_not_stored_yet() -> None:
    """A copy-up that shares its content in memory will be stored again."""
    content = literal(b"x" * 50)
    meta = Meta(mode=0o600)
    with new_image([Layer.build({"a": Regular(content, meta)})]) as image:
        edited = image.with_layer(Layer.build({"a": Regular(content, meta)}))
        found = analyze(edited)

    assert (100, 50) == (found.stored_bytes, found.wasted_bytes)


def test_holes_take_nothing() -> None:
    """Only stored bytes count: a pebibyte of zeros is neither read nor counted."""
    sparse = Regular(concat([literal(b"data"), hole(1 << 50)]))
    found = analyzed({"s": sparse}, {"s": sparse, "t": Regular(hole(4))})

    assert 4 == found.stored_bytes
    assert () == found.duplicates
    assert 1.0 == analyzed({}).efficiency == analyze([]).efficiency


def test_duplicates() -> None:
    """Contents that several layers store are found, those of one layer are not."""
    found = analyzed(
        {"a": "same", "b": "same", "one": "11", "two": "11"},
        {"c": "same", "d": "diff"},
        {"e": "same"},
    )
    (duplicate,) = found.duplicates

    assert ((0, "/a"), (0, "/b"), (1, "/c"), (2, "/e")) == duplicate.places
    assert (4, 12) == (duplicate.size, duplicate.extra_bytes)
    assert () == analyze([Layer.build({"a": "x"})] * 2, digests=False).duplicates


def test_biggest() -> None:
    """The biggest files are those of the merged view, with the layer that has them."""
    layers = [
        Layer.build({"a": "1" * 9, "b": "1" * 5, "c": "1"}),
        Layer.build({"a": "22"}),
    ]
    found = analyze(layers, biggest=2).biggest

    assert [("/b", 5, 0), ("/a", 2, 1)] == [(f.path, f.size, f.layer) for f in found]


@given(st.lists(strategies.layers(), max_size=5))
def test_shown_bytes_are_those_of_the_view(layers: list[Layer]) -> None:
    """Whatever the layers: what is not wasted is what the merged view has."""
    found = analyze(layers)
    nodes = {}
    pending = [Stack(layers[::-1]).root] if layers else []
    while pending:
        for entry in pending.pop().entries.values():
            if isinstance(entry, DIRECTORY_TYPES):
                pending.append(entry)
            elif isinstance(entry, Regular):
                nodes[id(entry)] = entry.content.size
    marks = [sum(entry is WHITEOUT for _, entry in layer.items()) for layer in layers]

    assert sum(nodes.values()) == found.shown_bytes
    assert found.wasted_bytes == sum(waste.wasted_bytes for waste in found.wasted)
    assert found.wasted_bytes == sum(
        use.rewritten_bytes + use.deleted_bytes for use in found.layers_base_first
    )
    assert marks == [use.whiteouts for use in found.layers_base_first]


def test_real_image(shared: Any) -> None:
    """An image that a real build made wastes what its truth says it hides."""
    with open_image(shared / "images" / "whiteouts.oci.tar") as image:
        found = analyze(image)

    assert 0 < found.efficiency < 1
    assert found.wasted_bytes == sum(waste.wasted_bytes for waste in found.wasted)
