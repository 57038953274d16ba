"""What an operation does not name, it does not change."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import hot_paths, programs, stacks
from unionfs_sim.teaching.student import Op, Stack, outcome


@given(layers=stacks(), data=st.data())
def test_lower_layers_never_change(layers, data):
    """Whatever is done, the read-only layers stay what they were."""
    union = Stack(layers)
    for op in data.draw(programs(layers)):
        outcome(union, op)  # "ok", or the name of an error
    # Compare what with what?


@given(layers=stacks(), data=st.data())
def test_a_write_touches_its_path_alone(layers, data):
    """All other paths of the tree are the same before and after."""
    union = Stack(layers)
    path = data.draw(hot_paths(layers))  # mostly one that occurs in the layers
    before = (
        union.tree()
    )  # a dictionary: path -> (bytes, mode), or None for a directory
    union_said = outcome(union, Op("write", path, b"new"))
