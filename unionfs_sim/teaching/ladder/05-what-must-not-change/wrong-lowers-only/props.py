"""Looks at the lower layers, and not at the tree."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import programs, stacks
from unionfs_sim.teaching.student import Stack, outcome


@given(layers=stacks(), data=st.data())
def test_lower_layers_never_change(layers, data):
    """Whatever is done, the read-only layers stay what they were."""
    before = deepcopy(layers)
    union = Stack(layers)
    for op in data.draw(programs(layers)):
        outcome(union, op)
    assert layers == before
