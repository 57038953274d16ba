"""A whiteout hides everything below it: say so, for all stacks and all paths."""

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import paths, stacks
from unionfs_sim.teaching.student import WHITEOUT, Stack, put, stack


def test_example():
    """An example: one stack, one path.  Whoever breaks another one is not noticed."""
    union = Stack(stack("a=1 | d/b=2"))
    assert union.read("a") == b"1"
    assert union.readdir("d") == ["b"]


@given(layers=stacks(), path=paths())
def test_a_whiteout_hides(layers, path):
    """Whatever the layers hold, a layer with a whiteout on top of them hides it."""
    union = Stack([*layers, put(path, WHITEOUT)])
    # What must be so now?  Say it with assert.
