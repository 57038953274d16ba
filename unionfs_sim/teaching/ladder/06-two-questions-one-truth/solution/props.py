"""A directory's list and a lookup are two ways to ask one question."""

from hypothesis import given

from unionfs_sim.teaching.strategies import programs, stacks
from unionfs_sim.teaching.student import Stack, outcome

NAMES = "ab"  # what the strategies make paths of


@given(layers=stacks(), program=programs())
def test_listing_and_lookup_agree(layers, program):
    """For every directory that shows, readdir and lookup tell the same."""
    union = Stack(layers)
    for op in program:  # so that the writable layer has marks too
        outcome(union, op)
    directories = [()]
    for at in directories:
        names = union.readdir(at)
        assert names == sorted(set(names))
        for name in {*NAMES, *names}:
            assert (name in names) == (union.lookup((*at, name)) is not None)
            if union.kind((*at, name)) == "dir":
                directories.append((*at, name))
