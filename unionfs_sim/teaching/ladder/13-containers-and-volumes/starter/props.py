"""Containers share images, and volumes lie beside the union: say so."""

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import paths, plain_trees, programs, stacks
from unionfs_sim.teaching.student import (
    Container,
    Layer,
    Op,
    Stack,
    Volume,
    layer,
    outcome,
    put,
)


@given(image=stacks(), data=st.data())
def test_containers_do_not_see_each_other(image, data):
    """Whatever is done in one container, the other shows what it showed."""
    one, two = Container(image), Container(image)
    before = two.tree()
    for op in data.draw(programs(image)):
        outcome(one, op)


@given(image=stacks(), content=plain_trees())
def test_only_the_volume_is_seen(image, content):
    """At and under the mount point, the container shows the volume."""
    volume = Volume(content)
    container = Container([*image, layer("m/old=1")], {"m": volume})
