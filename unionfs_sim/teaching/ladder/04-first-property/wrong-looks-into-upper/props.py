"""Demands one way of keeping what is deleted."""

from hypothesis import given

from unionfs_sim.teaching.strategies import paths, stacks
from unionfs_sim.teaching.student import WHITEOUT, Stack, put


@given(layers=stacks(), path=paths())
def test_a_whiteout_hides(layers, path):
    """The name is gone."""
    union = Stack([*layers, put(path, WHITEOUT)])
    assert union.lookup(path) is None


@given(layers=stacks())
def test_nothing_needless_is_written(layers):
    """A file that no layer has is written and removed: nothing may stay."""
    union = Stack(layers)
    if union.lookup("new") is None:
        union.write("new", "")
        union.unlink("new")
        assert ("new",) not in union.upper
