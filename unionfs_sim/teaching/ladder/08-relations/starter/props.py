"""Relations between two views: no answer is known, and wrong ones are found."""

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import paths, stacks
from unionfs_sim.teaching.student import WHITEOUT, Dir, File, Layer, Stack, put


def view(layers):
    """What a union of layers shows at every path that occurs in one of them."""
    union = Stack(layers)
    return {at: show(union, at) for layer in layers for at in layer}


def show(union, at):
    """What shows at one path."""
    kind = union.kind(at)
    return union.read(at) if kind == "file" else kind


@given(layers=stacks(), number=st.integers(0, 3))
def test_an_empty_layer_is_neutral(layers, number):
    """An empty layer anywhere changes nothing."""


@given(layers=stacks(), path=paths())
def test_one_more_layer_decides_for_its_path(layers, path):
    """The view with a layer on top, from the view without it."""


@given(layers=stacks(), path=paths())
def test_a_third_relation(layers, path):
    """Which one?"""
