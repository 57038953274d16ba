"""A true relation, and a weak one."""

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import stacks
from unionfs_sim.teaching.student import Layer, Stack


@given(layers=stacks(), number=st.integers(0, 3))
def test_an_empty_layer_is_neutral(layers, number):
    """An empty layer anywhere changes nothing."""
    more = [*layers[:number], Layer(), *layers[number:]]
    assert Stack(more).tree() == Stack(layers).tree()
