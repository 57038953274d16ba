"""A whiteout hides everything below it: for all stacks and all paths."""

from hypothesis import given

from unionfs_sim.teaching.strategies import paths, stacks
from unionfs_sim.teaching.student import WHITEOUT, Stack, put


@given(layers=stacks(), path=paths(), below=paths())
def test_a_whiteout_hides(layers, path, below):
    """The name is gone, all beneath it is, and the listing does not show it."""
    union = Stack([*layers, put(path, WHITEOUT)])
    assert union.lookup(path) is None
    assert union.lookup(path + below) is None
    assert path[-1] not in union.readdir(path[:-1])
