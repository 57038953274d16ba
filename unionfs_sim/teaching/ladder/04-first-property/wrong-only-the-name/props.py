"""Asks for the name alone, in one way."""

from hypothesis import given

from unionfs_sim.teaching.strategies import paths, stacks
from unionfs_sim.teaching.student import WHITEOUT, Stack, put


@given(layers=stacks(), path=paths())
def test_a_whiteout_hides(layers, path):
    """The name is gone."""
    union = Stack([*layers, put(path, WHITEOUT)])
    assert union.lookup(path) is None
