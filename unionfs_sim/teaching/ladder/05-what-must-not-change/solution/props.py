"""What an operation does not name, it does not change."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import hot_paths, programs, stacks
from unionfs_sim.teaching.student import Op, Stack, layer, outcome

VERBS = ["write", "append", "unlink", "rmdir", "mkdir"]


@given(layers=stacks(), data=st.data())
def test_lower_layers_never_change(layers, data):
    """Whatever is done, the read-only layers stay what they were."""
    before = deepcopy(layers)
    union = Stack(layers)
    for op in data.draw(programs(layers)):
        outcome(union, op)
    assert layers == before
    assert union.lowers[: len(before)] == before


@given(layers=stacks(), data=st.data())
def test_an_operation_touches_its_path_alone(layers, data):
    """All other paths of the tree are the same before and after, errors or not."""
    layers = [*layers, layer("a/a=1 a/b=2")]  # so that something lies beside something
    union = Stack(layers)
    for verb in data.draw(st.lists(st.sampled_from(VERBS), min_size=1, max_size=3)):
        path = data.draw(hot_paths(layers))
        before = union.tree()
        words = [b"new"] if verb in {"write", "append"} else []
        outcome(union, Op(verb, path, *words))
        assert without(union.tree(), path) == without(before, path)


@given(layers=stacks(), data=st.data())
def test_a_new_directory_is_empty(layers, data):
    """Whatever was removed does not come back when its name does."""
    union = Stack(layers)
    path = data.draw(hot_paths(layers))
    if union.kind(path) == "dir":
        union.rmtree(path)
        before = union.tree()
        union.mkdir(path)
        assert without(union.tree(), path) == before


def without(tree, path):
    """Give all of a tree but what is at one path."""
    return {at: entry for at, entry in tree.items() if at != path}
