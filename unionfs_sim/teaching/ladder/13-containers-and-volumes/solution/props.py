"""Containers share images, and volumes lie beside the union: say so."""

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import plain_trees, programs, stacks
from unionfs_sim.teaching.student import (
    Container,
    File,
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
    one.write("new", b"1")
    for op in data.draw(programs(image)):
        outcome(one, op)
    assert two.tree() == before


@given(image=stacks(), content=plain_trees())
def test_only_the_volume_is_seen(image, content):
    """At and under the mount point, the container shows the volume."""
    volume = Volume(Layer({**put("kept", File(b"v")), **content}))
    before = volume.tree()
    container = Container([*image, layer("m/old=1 m/a/b/c=1")], {"m": volume})
    assert volume.tree() == before
    names = sorted({at[0] for at in before})
    assert container.readdir("m") == names
    for at in [("old",), ("a", "b", "c"), *before]:
        shown = container.lookup(("m", *at))
        assert (shown is not None) == (at in before)
    assert under(container.tree(), "m") == before


@given(image=stacks(), content=plain_trees())
def test_a_new_volume_is_filled(image, content):
    """What the image has at the mount point is in the volume."""
    image = [*image, *(put(("m", *at), entry) for at, entry in content.items())]
    image.append(put("m/first", File(b"1")))
    volume = Volume()
    Container(image, {"m": volume})
    assert volume.tree() == under(Stack(image).tree(), "m")


@given(image=stacks(), data=st.data())
def test_a_volume_lies_beside_the_union(image, data):
    """What is written there is not in upper, in no image, and outlives the container."""
    volume = Volume()
    container = Container([*image, layer("m/")], {"m": volume})
    upper = dict(container.upper)
    container.write("m/secret", b"S3CRET")
    for op in data.draw(programs()):
        words = [
            ("m", *word) if isinstance(word, tuple) else word for word in op.arguments
        ]
        outcome(container, Op(op.verb, *words))
    container.write("m/secret", b"S3CRET")
    assert dict(container.upper) == upper
    before = volume.tree()
    for each in container.commit():
        assert not any(
            getattr(entry, "data", b"") == b"S3CRET" for entry in each.values()
        )
    container.remove()
    assert volume.tree() == before


@given(content=plain_trees())
def test_mounts_are_matched_by_names(content):
    """The deepest one is asked, and a mount at m is none at mn."""
    outer, inner = Volume(layer("k=outer n/k=outer")), Volume(layer("k=inner"))
    container = Container([content, layer("m/n/")], {"m": outer, "m/n": inner})
    assert container.read("m/n/k") == b"inner"
    assert container.read("m/k") == b"outer"
    container.write("mn", b"1")
    assert ("mn",) in container.upper


@given(content=plain_trees())
def test_what_is_not_allowed_fails(content):
    """A read-only mount stays as it is; no rename leaves a volume."""
    volume, fixed = Volume(layer("a=1")), Volume(layer("a=1"))
    mounts = {"m": volume, "r": fixed}
    container = Container([content, layer("m/ r/")], mounts, read_only=["r"])
    for op in (Op("write", "r/a", b"2"), Op("unlink", "r/a"), Op("mkdir", "r/b")):
        assert outcome(container, op) == "EROFS"
    assert outcome(container, Op("rename", "m/a", "zz")) == "EXDEV"
    assert volume.tree() == fixed.tree() == {("a",): (b"1", 0o644)}


def under(tree, name):
    """Give what lies under a directory of a tree."""
    return {at[1:]: entry for at, entry in tree.items() if at[0] == name and at[1:]}
