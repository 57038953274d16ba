"""Speaks of containers alone."""

from hypothesis import given

from unionfs_sim.teaching.strategies import stacks
from unionfs_sim.teaching.student import Container


@given(image=stacks())
def test_containers_do_not_see_each_other(image):
    """What is written in one container does not show in the other."""
    one, two = Container(image), Container(image)
    before = two.tree()
    one.write("new", b"1")
    assert two.tree() == before
