"""Layer, any dialect's directory, layer: the same wherever the dialect can say it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import ondisk
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import DIRECTORY_META
from unionfs_sim.core.nodes import WHITEOUT, Device, Directory, Entry
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.stack import Stack
from unionfs_sim.dialects.registry import DIALECTS, dialect
from unionfs_sim.errors import FormatError
from unionfs_sim.testing import strategies

WITH_MARKS = [name for name in DIALECTS if name != "flat"]
#: Forms in which a whiteout that hides nothing would be listed, and is left out.
LISTING = {name for name in DIALECTS if "overlay" in name}
#: Forms without a mark for the root.
ROOTLESS_MARK = {"overlay", "overlay-userxattr", "unionfs-fuse", "unionfs-fuse-1.0"}
#: Forms in which names that start with `.wh.` are marks.
WH_NAMES = {"aufs", "oci", "fuse-overlayfs", "fuse-overlayfs-rootless"}


def spoken(layer: Layer) -> Iterator[tuple[Parts, Entry, bool]]:
    """Give what a layer says, and of each entry whether it is in an opaque directory."""
    opaques: list[Parts] = []
    left_out: list[Parts] = []
    for parts, entry in layer.items():
        if any(parts[: len(each)] == each for each in left_out):
            continue
        in_opaque = any(parts[: len(each)] == each != parts for each in opaques)
        if isinstance(entry, Directory):
            if in_opaque and entry.bare:  # it says nothing there
                left_out.append(parts)
                continue
            if entry.opaque:
                opaques.append(parts)
        yield parts, entry, in_opaque


def said(layer: Layer, name: str) -> tuple[Layer, set[str]]:
    """Give what a dialect can say of a layer, nothing known below, and the losses."""
    builder = LayerBuilder(layer.label)
    losses: set[str] = set()
    for parts, entry, in_opaque in spoken(layer):
        if entry is WHITEOUT:
            if name not in LISTING or not in_opaque:
                builder.whiteout(parts)
        elif isinstance(entry, Directory):
            builder.set_meta(parts, DIRECTORY_META if entry.implied else entry.meta)
            if entry.implied and not in_opaque:
                losses.add(join(parts))
            if entry.opaque:
                builder.opaque(parts)
        else:
            builder.add(parts, entry)
    return builder.freeze(), losses


def refused(layer: Layer, name: str) -> bool:
    """Tell whether a dialect has no words for a layer."""
    if layer.root.opaque and name in ROOTLESS_MARK:
        return True
    return any(
        unspeakable(parts, entry, name, in_opaque=in_opaque)
        for parts, entry, in_opaque in spoken(layer)
    )


def unspeakable(parts: Parts, entry: Entry, name: str, *, in_opaque: bool) -> bool:
    if not parts:
        return False
    size = len(parts[-1].encode("utf-8", "surrogateescape"))
    opaque = isinstance(entry, Directory) and entry.opaque and not in_opaque
    if name in WH_NAMES:
        file_marks = name != "fuse-overlayfs"
        if entry is WHITEOUT:
            return file_marks and size > 251 and not parts[-1].startswith(".wh.")
        return parts[-1].startswith(".wh.")
    marked = entry is WHITEOUT or opaque
    return name.startswith("unionfs-fuse") and marked and size > 247


@pytest.mark.parametrize("name", WITH_MARKS)
@given(layer=strategies.layers(hostile=True))
def test_layer_comes_back(layer: Layer, name: str) -> None:
    each = dialect(name)
    if refused(layer, name):
        with pytest.raises(FormatError):
            each.encode(layer)
        return
    if name in WH_NAMES and any(
        entry is WHITEOUT and parts[-1].startswith(".wh.")
        for parts, entry in layer.items()
    ):
        return  # a loss of its own: test_conversions
    encoded = each.encode(layer)
    expected, losses = said(layer, name)

    assert all(
        entry is not WHITEOUT and not (isinstance(entry, Directory) and entry.opaque)
        for _, entry in encoded.raw.items()
    )
    assert losses == {loss.partition(": ")[0] for loss in encoded.losses}
    assert expected == each.decode(encoded.raw)


@pytest.mark.parametrize("name", WITH_MARKS)
@given(layer=strategies.layers(hostile=True))
def test_what_came_back_comes_back_again(layer: Layer, name: str) -> None:
    """What a dialect has said once it says again, and loses nothing more."""
    each = dialect(name)
    try:
        once = each.decode(each.encode(layer).raw)
    except FormatError:
        return
    again = each.encode(once)

    assert () == again.losses
    assert once == each.decode(again.raw)


def rewritten(stack: Stack, name: str) -> Iterator[Layer]:
    """Write each layer of a stack over those below, base first, and read it again."""
    each = dialect(name)
    for depth in range(len(stack) - 1, -1, -1):
        layer = stack.layers[depth]
        assert isinstance(layer, Layer)
        encoded = each.encode(layer, Stack(stack.layers[depth + 1 :]).root)

        assert () == encoded.losses
        yield each.decode(encoded.raw)


@pytest.mark.parametrize("name", WITH_MARKS)
@given(stack=strategies.stacks())
def test_merged_view_stays(stack: Stack, name: str) -> None:
    """Over what is below, every dialect says all that shows, and loses nothing."""
    layers = list(rewritten(stack, name))

    assert _shown(stack) == _shown(Stack(layers[::-1]))


@given(stack=strategies.stacks())
def test_merged_view_stays_in_a_flat_tree(stack: Stack) -> None:
    top = stack.layers[0]
    assert isinstance(top, Layer)
    encoded = dialect("flat").encode(top, Stack(stack.layers[1:]).root)

    assert () == encoded.losses
    assert _shown(stack) == _shown(Stack([encoded.raw]))


def _shown(stack: Stack) -> dict[str, dict[str, object]]:
    """Describe a view; how many hidden names an inode has is not seen."""
    return {
        path: {key: value for key, value in entry.items() if key != "nlink"}
        for path, entry in ondisk.describe(stack.root, links_min=0).items()
    }


@given(
    stack=strategies.stacks(layers_max=3),
    one=st.sampled_from(WITH_MARKS),
    other=st.sampled_from(WITH_MARKS),
)
def test_dialects_convert_into_each_other(stack: Stack, one: str, other: str) -> None:
    """Through two dialects in a row, the merged view is still the same."""
    first = Stack(list(rewritten(stack, one))[::-1])
    second = Stack(list(rewritten(first, other))[::-1])

    assert _shown(stack) == _shown(second)


@pytest.mark.parametrize("name", ["aufs", "unionfs-fuse"])
def test_device_zero_is_content_where_it_is_no_whiteout(name: str) -> None:
    layer = Layer.build({"dev": Device(0, 0)})

    assert layer == dialect(name).decode(dialect(name).encode(layer).raw)
