"""Asks in one direction: what is listed is there."""

from hypothesis import given

from unionfs_sim.teaching.strategies import stacks
from unionfs_sim.teaching.student import Stack


@given(layers=stacks())
def test_what_is_listed_is_there(layers):
    """Every name can be looked up, and the list is in order."""
    union = Stack(layers)
    directories = [()]
    for at in directories:
        names = union.readdir(at)
        assert names == sorted(set(names))
        for name in names:
            assert union.lookup((*at, name)) is not None
            if union.kind((*at, name)) == "dir":
                directories.append((*at, name))
