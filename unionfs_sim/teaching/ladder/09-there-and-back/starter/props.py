"""Round trips: what goes there and comes back must be what it was."""

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import layers, plain_trees, programs, stacks
from unionfs_sim.teaching.student import (
    WHITEOUT,
    Layer,
    Stack,
    diff,
    digest,
    from_archive,
    outcome,
    squash,
    to_archive,
)


@given(stack=stacks())
def test_flatten(stack):
    """Stack(...).flatten() is one layer without marks that shows the same."""


@given(stack=stacks())
def test_squash(stack):
    """squash(lower, upper) is one layer that does what the two did."""


@given(before=plain_trees(), after=plain_trees())
def test_diff_of_trees(before, after):
    """diff(before, after) makes one plain tree of the other."""


@given(stack=stacks(), data=st.data())
def test_diff_of_a_union(stack, data):
    """union.diff() is what was written, as a layer."""


@given(layer=layers(), data=st.data())
def test_archive(layer, data):
    """to_archive and from_archive: members in any order."""


@given(layer=layers())
def test_digest(layer):
    """digest(layer) depends on the content, on all of it, and on nothing else."""
