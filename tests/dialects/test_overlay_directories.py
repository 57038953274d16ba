"""Layers as directories have them: whiteouts of both forms, nothing left open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Layer,
    LayerBuilder,
    Meta,
    Negative,
    Regular,
    SpecError,
    Stack,
    UnionFS,
)
from unionfs_sim.core.policy import MountOptions, Policy, Redirect
from unionfs_sim.dialects import overlay
from unionfs_sim.dialects.settled import settle
from unionfs_sim.testing import strategies

PREFIXES = st.sampled_from(["trusted.overlay.", "user.overlay."])


def tree(fs: UnionFS) -> dict[str, object]:
    """Give what a union shows: kinds, attributes, content."""
    found: dict[str, object] = {}
    pending = ["/"]
    while pending:
        path = pending.pop()
        node = fs.lookup(path)
        assert not isinstance(node, Negative), path
        content = fs.read_bytes(path) if fs.isfile(path) else None
        if not fs.islink(path) and fs.isdir(path):
            pending += [path.rstrip("/") + "/" + name for name in fs.listdir(path)]
        found[path] = node.kind, node.meta, content
    return found


def without_implied(layer: Layer) -> Layer:
    """Give a layer as it comes back: implied directories have attributes of their own."""
    builder = LayerBuilder()
    opaque = set()
    for parts, entry in layer.items():
        if entry is WHITEOUT:
            if parts[:-1] not in opaque:
                builder.whiteout(parts)
        elif isinstance(entry, Directory):
            builder.set_meta(parts, entry.meta)
            if entry.opaque and parts:
                opaque.add(parts)
                builder.opaque(parts)
        else:
            builder.add(parts, entry)
    return builder.freeze()


@given(strategies.layers(), PREFIXES, st.booleans())
def test_decoding_gives_what_was_encoded(
    layer: Layer, prefix: str, xattr: bool
) -> None:
    """Both forms of whiteouts come back, under both prefixes."""
    raw = overlay.encode(layer, prefix, xattr_whiteouts=xattr)

    assert without_implied(layer) == overlay.decode(raw, prefix, xattr_whiteouts=xattr)


@given(strategies.layers(), PREFIXES, st.booleans())
def test_raw_layers_have_no_marks(layer: Layer, prefix: str, xattr: bool) -> None:
    """What is encoded is nodes alone."""
    raw = overlay.encode(layer, prefix, xattr_whiteouts=xattr)

    assert not any(
        entry is WHITEOUT or (isinstance(entry, Directory) and entry.opaque)
        for _, entry in raw.items()
    )


def test_xattr_whiteout_has_both_marks() -> None:
    """The name is an empty file with an xattr, and its directory says so."""
    raw = overlay.encode(Layer.build({"d/gone": WHITEOUT}), xattr_whiteouts=True)

    directory, name = raw.get(("d",)), raw.get(("d", "gone"))
    assert isinstance(directory, Directory)
    assert isinstance(name, Regular)
    assert {"trusted.overlay.opaque": b"x"} == directory.meta.xattrs
    assert {"trusted.overlay.whiteout": b"y"} == name.meta.xattrs
    assert not name.content.size


MARK = {"trusted.overlay.whiteout": b""}


@pytest.mark.parametrize(
    ("directory", "content", "becomes"),
    [
        (b"x", "", True),
        (b"x", "data", False),  # the file itself
        (b"y", "", False),
        (None, "", False),  # hidden as well, but listed: the fold knows
    ],
)
def test_marks_that_make_a_whiteout(
    directory: bytes | None, content: str, becomes: bool
) -> None:
    """Both marks are needed, and no content."""
    builder = LayerBuilder()
    xattrs = {} if directory is None else {"trusted.overlay.opaque": directory}
    builder.set_meta(("d",), Meta(mode=0o755, xattrs=xattrs))
    builder.add(("d", "f"), Regular(content, Meta(mode=0o644, xattrs=MARK)))

    entry = overlay.decode(builder.freeze(), xattr_whiteouts=True).get(("d", "f"))

    assert becomes == (entry is WHITEOUT)


def test_xattr_whiteouts_stay_by_default() -> None:
    """A mount needs to know the form, for it lists some of them."""
    raw = overlay.encode(Layer.build({"gone": WHITEOUT}), xattr_whiteouts=True)

    entry = overlay.decode(raw).get(("gone",))

    assert isinstance(entry, Regular)
    assert {"whiteout": b"y"} == entry.meta.private


@pytest.mark.parametrize("xattr", [False, True])
@pytest.mark.parametrize("ghosts", [False, True])
def test_whiteouts_in_opaque_directories(xattr: bool, ghosts: bool) -> None:
    """They hide nothing, and are written only where ghosts are wanted."""
    layer = Layer.build({"d": {".": OPAQUE, "gone": WHITEOUT}})

    raw = overlay.encode(layer, xattr_whiteouts=xattr, ghosts=ghosts)

    directory, entry = raw.get(("d",)), raw.get(("d", "gone"))
    assert isinstance(directory, Directory)
    assert {"trusted.overlay.opaque": b"y"} == directory.meta.xattrs
    assert ghosts == isinstance(entry, Device)


def test_device_that_would_be_a_whiteout() -> None:
    """A device 0:0 that is content cannot be said."""
    with pytest.raises(SpecError, match=r"/dev/zero: a character device 0:0"):
        overlay.encode(Layer.build({"dev/zero": Device(0, 0)}))


@given(strategies.stacks(), st.booleans())
def test_settled_layers_show_the_same(stack: Stack, ghosts: bool) -> None:
    """Nothing that a union shows changes when its layers are settled."""
    settled = Stack(settle(stack, ghosts=ghosts))

    assert tree(UnionFS(stack)) == tree(UnionFS(settled))


@given(strategies.stacks())
def test_settled_layers_leave_nothing_open(stack: Stack) -> None:
    """No directory is implied, no root is opaque, and no whiteout hides nothing."""
    layers = settle(stack)

    for depth, layer in enumerate(layers):
        assert not layer.root.opaque
        below = UnionFS(layers[depth + 1 :])
        for path, entry in layer.walk():
            if isinstance(entry, Directory):
                assert not entry.implied
            elif entry is WHITEOUT:
                assert below.lookup(path), path


def test_settling_follows_redirects() -> None:
    """Whiteouts in a directory that moved hide what is where it came from."""
    fs = UnionFS(
        [Layer.build({"a": {"f": "1", "g": "2"}})],
        policy=Policy(redirect_dir=Redirect.ON),
    )
    fs.rename("/a", "/b")
    fs.unlink("/b/f")
    stack = Stack([fs.commit(), *fs.stack.layers])

    top = settle(stack)[0]

    assert WHITEOUT is top.get(("b", "f"))
    assert WHITEOUT is top.get(("a",))


def test_portable_upper_has_no_bookkeeping() -> None:
    """Handles, ids and link counts stay out; redirects and data below do not."""
    policy = Policy.from_options({"metacopy": "on", "index": "on"})
    fs = UnionFS([Layer.build({"d/f": "x", "e": {}})], policy=policy)
    fs.chmod("/d/f", 0o600)
    fs.rename("/e", "/moved")

    upper = overlay.upper_on_disk(fs, portable=True)

    names = {
        name.removeprefix("trusted.overlay.")
        for _, entry in upper.items()
        if entry is not WHITEOUT
        for name in entry.meta.xattrs
    }
    assert {"metacopy", "redirect"} == names


def test_portable_upper_with_an_opaque_root() -> None:
    """The kernel knows no opaque root: each name below is hidden by itself."""
    base = Layer.build({"d/x": "1", "f": "2", "g": "3"})
    upper = Layer.build({".": OPAQUE, "d/y": "4", "g": "5"})
    fs = UnionFS([base], upper=upper)

    raw = overlay.upper_on_disk(fs, portable=True)

    again = UnionFS([base], upper=overlay.decode(raw))
    assert ["d", "g"] == again.listdir("/")
    assert ["y"] == again.listdir("/d")


_TEXTS = st.text(st.sampled_from("a:,\\ =é\udce9"), min_size=1).map("/".__add__)


@given(st.lists(_TEXTS, min_size=1), st.lists(_TEXTS), st.none() | _TEXTS, _TEXTS)
def test_options_print_as_they_are_parsed(
    lowers: list[str], data_only: list[str], upper: str | None, work: str
) -> None:
    """Whatever the folders are called."""
    options = MountOptions(
        tuple(lowers),
        tuple(data_only),
        upper,
        None if upper is None else work,
        Policy.from_options({}, upper=upper is not None),
    )

    assert options == MountOptions.parse(str(options))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"redirect_dir": "on"},
        {"redirect_dir": "nofollow", "uuid": "null"},
        {"metacopy": "on", "xino": "on"},
        {"index": "on", "volatile": True},
        {"nfs_export": "on"},
        {"userxattr": True},
    ],
)
def test_policies_print_as_they_are_parsed(options: dict[str, str | bool]) -> None:
    """The words of a policy make the same policy."""
    policy = Policy.from_options(options)

    text = ",".join(["lowerdir=/l,upperdir=/u,workdir=/w", *policy.words()])

    assert policy == Policy.parse(text)
