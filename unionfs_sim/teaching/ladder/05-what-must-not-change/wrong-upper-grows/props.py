"""Demands that a failed operation leaves the writable layer as it was."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import hot_paths, programs, stacks
from unionfs_sim.teaching.student import Op, Stack, outcome


@given(layers=stacks(), data=st.data())
def test_lower_layers_never_change(layers, data):
    """Whatever is done, the read-only layers stay what they were."""
    before = deepcopy(layers)
    union = Stack(layers)
    for op in data.draw(programs(layers)):
        outcome(union, op)
    assert layers == before


@given(layers=stacks(), data=st.data())
def test_what_fails_writes_nothing(layers, data):
    """An operation that fails leaves no trace in upper."""
    union = Stack(layers)
    path = data.draw(hot_paths(layers))
    if outcome(union, Op("mkdir", path)) != "ok":
        assert union.upper == {}
