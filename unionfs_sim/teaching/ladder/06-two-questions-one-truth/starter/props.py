"""A directory's list and a lookup are two ways to ask one question."""

from hypothesis import given

from unionfs_sim.teaching.strategies import stacks
from unionfs_sim.teaching.student import Stack

NAMES = "ab"  # what the strategies make paths of


@given(layers=stacks())
def test_listing_and_lookup_agree(layers):
    """For every directory that shows, readdir and lookup tell the same."""
    union = Stack(layers)
