"""Demands an order of members that nobody promised."""

from hypothesis import given

from unionfs_sim.teaching.strategies import layers, stacks
from unionfs_sim.teaching.student import Stack, from_archive, to_archive


@given(stack=stacks())
def test_flatten(stack):
    """One layer shows what all of them show."""
    union = Stack(stack)
    assert Stack([union.flatten()]).tree() == union.tree()


@given(layer=layers())
def test_archive(layer):
    """Written down and read, and written down in the order of names."""
    members = to_archive(layer)
    names = [member[0] for member in members]
    assert names == sorted(names)
    assert from_archive(members) == layer
