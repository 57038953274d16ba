"""Expects a new volume to be empty, which it is not."""

from hypothesis import given

from unionfs_sim.teaching.strategies import stacks
from unionfs_sim.teaching.student import Container, Volume, layer


@given(image=stacks())
def test_containers_do_not_see_each_other(image):
    """What is written in one container does not show in the other."""
    one, two = Container(image), Container(image)
    before = two.tree()
    one.write("new", b"1")
    assert two.tree() == before


@given(image=stacks())
def test_a_new_volume_hides_the_image(image):
    """Nothing of the image shows under the mount point."""
    container = Container([*image, layer("m/old=1")], {"m": Volume()})
    assert container.readdir("m") == []
