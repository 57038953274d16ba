"""The two faces of lookup agree, and the first laws of unions hold."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.worlds import PATHS, shown, snapshot
from unionfs_sim import WHITEOUT, Layer, Negative, Stack, UnionFS
from unionfs_sim.core import fold
from unionfs_sim.core.nodes import Directory
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.upper import LIVE_DIRECTORY_TYPES
from unionfs_sim.testing import strategies


def assert_same_answer(fs: UnionFS, path: str) -> None:
    """Compare the fast path with the reference resolver on one path."""
    story = fs.explain(path, follow_symlinks=False)
    found = fs.lookup(path)
    if story.error is not None:
        assert Negative(story.error) == found
        return
    assert not isinstance(found, Negative), f"{path}: {story}"
    assert shown(story.meta) == shown(found.meta)
    if isinstance(found, LIVE_DIRECTORY_TYPES):
        assert story.kind is found.kind
        lower = [hit for hit in story.hits if isinstance(hit, Directory)]
        below = found.below if hasattr(found, "below") else found
        got = list(below.hits) if below is not None else []
        assert [id(hit) for hit in lower] == [id(hit) for hit in got]
    else:
        assert story.hits[0] is found


@given(strategies.stacks())
def test_resolver_and_folded_view_agree(stack: Stack) -> None:
    """On every path the folded view gives what the layer by layer resolver gives."""
    fs = UnionFS(stack, read_only=True)
    for path in PATHS:
        assert_same_answer(fs, path)


@given(strategies.stacks(), strategies.layers(label="upper"))
def test_resolver_and_fast_path_agree_with_an_upper(stack: Stack, top: Layer) -> None:
    """They agree as well where the top layer is the writable one."""
    fs = UnionFS(stack, upper=top)
    for path in PATHS:
        story = fs.explain(path, follow_symlinks=False)
        found = fs.lookup(path)
        assert story.error == (found.errno if isinstance(found, Negative) else None)
        if not isinstance(found, Negative):
            assert shown(story.meta) == shown(found.meta)
            assert story.kind is found.kind


@pytest.mark.parametrize("shared_min", [0, 2])
@given(stack=strategies.stacks(layers_max=5))
def test_pushing_one_by_one_and_at_once_agree(shared_min: int, stack: Stack) -> None:
    """Pushed one by one, with directories shared, a stack shows what it shows folded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold, "SHARED_MIN", shared_min)
        patch.setattr(fold, "SHARE", shared_min)
        grown = Stack([])
        for layer in reversed(stack.layers):
            grown = grown.push(copy.copy(layer))
    fs = UnionFS(grown, read_only=True)
    for path in PATHS:
        assert_same_answer(fs, path)
    assert snapshot(UnionFS(stack)) == snapshot(UnionFS(grown))
    for path in PATHS:  # again, now that listing has put directories together
        assert_same_answer(fs, path)


@given(strategies.stacks())
def test_listing_is_the_set_of_names_that_resolve(stack: Stack) -> None:
    """A merged directory lists exactly the names whose lookup succeeds."""
    fs = UnionFS(stack)
    for directory, _, _ in fs.walk():
        candidates = {*"abc"}
        for layer in stack.layers:
            assert isinstance(layer, Layer)
            for path, _ in layer.walk():
                candidates.update(filter(None, path.split("/")))
        resolving = {
            name for name in candidates if fs.lookup(f"{directory.rstrip('/')}/{name}")
        }
        assert sorted(resolving) == fs.listdir(directory)
        assert fs.listdir(directory) == [entry.name for entry in fs.scandir(directory)]


@given(strategies.stacks(layers_max=3), strategies.paths(), st.booleans())
def test_deleted_in_a_middle_layer_stays_hidden(
    stack: Stack, parts: Parts, recreated: bool
) -> None:
    """What a middle layer deletes is hidden, unless a layer above makes it again."""
    eraser = Layer.build({join(parts): WHITEOUT}, label="eraser")
    top = Layer.build({join(parts): "new"} if recreated else {}, label="top")
    fs = UnionFS([top, eraser, *stack.layers])

    assert recreated == fs.exists(join(parts))
    if recreated:
        assert fs.read_text(join(parts)) == "new"


@given(strategies.stacks())
def test_folding_in_one_go_equals_folding_layer_by_layer(stack: Stack) -> None:
    """Pushing layers one at a time gives the view of folding them all at once."""
    pushed = Stack([])
    held = []
    for layer in reversed(stack.layers):
        pushed = pushed.push(layer)
        held.append(pushed)

    together = UnionFS(Stack([Layer(x.label, x.root) for x in stack.layers]))
    assert snapshot(together) == snapshot(UnionFS(pushed))


@pytest.mark.parametrize("depth", [1, 4, 16])
def test_probes_on_the_fast_path_do_not_grow_with_depth(depth: int) -> None:
    """A lookup never asks a layer: the directory it needs is merged already."""
    base = Layer.build({"d/base": "x"})
    fs = UnionFS([*(Layer.build({f"d/{n}": "x"}) for n in range(depth - 1)), base])

    assert fs.lookup("/d/base") is fs.lookup("/d/base")
    assert depth + depth + 2 >= fs.explain("/d/base").probes >= depth
