"""Says something right, and hardly ever comes to say it."""

from hypothesis import given

from unionfs_sim.teaching.strategies import paths, stacks
from unionfs_sim.teaching.student import Stack


@given(layers=stacks(), at=paths())
def test_listing_and_lookup_agree(layers, at):
    """For a directory that has all names, they can be looked up."""
    union = Stack(layers)
    if union.kind(at) == "dir" and len(union.readdir(at)) > 5:
        for name in union.readdir(at):
            assert union.lookup((*at, name)) is not None
