"""The table of conversions (layer-formats, section 7), row by row."""

from __future__ import annotations

from typing import Any

import pytest

from unionfs_sim.core.content import hole
from unionfs_sim.core.fold import NOTHING
from unionfs_sim.core.layer import Layer, LayerBuilder, Spec
from unionfs_sim.core.meta import DIRECTORY_META, Meta
from unionfs_sim.core.nodes import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Entry,
    Fifo,
    Regular,
    Socket,
    Symlink,
)
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.core.stack import Stack
from unionfs_sim.dialects.dialect import Encoded
from unionfs_sim.dialects.registry import DIALECTS, dialect
from unionfs_sim.errors import FormatError, SpecError

REDIRECTED = Meta(mode=0o700, private={"redirect": b"old"})
LOWER = Layer.build(
    {
        "old": Directory(DIRECTORY_META, {"f": Regular("data"), "g": Regular("more")}),
        "keep": "k",
        "d": Directory(Meta(mode=0o711, uid=5, gid=6, xattrs={"user.k": b"v"})),
        "d/in": "x",
    }
)
BELOW = Stack([LOWER]).root


def encode(name: str, spec: Any, below: DirectoryRecord | None = None) -> Encoded:
    layer = spec if isinstance(spec, Layer) else Layer.build(spec)
    return dialect(name).encode(layer, below)


def paths(layer: Layer) -> list[str]:
    return [path for path, _ in layer.walk()][1:]


def parts(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


AUFS_OWN = ["/.wh..wh.aufs", "/.wh..wh.orph", "/.wh..wh.plnk"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("overlay", ["/d", "/d/n"]),
        ("overlay-userxattr", ["/d", "/d/n"]),
        ("fuse-overlayfs", ["/d", "/d/n"]),
        ("fuse-overlayfs-rootless", ["/d", "/d/.wh.n"]),
        ("oci", ["/d", "/d/.wh.n"]),
        ("aufs", [*AUFS_OWN, "/d", "/d/.wh.n"]),
        ("unionfs-fuse", ["/.unionfs", "/.unionfs/d", "/.unionfs/d/n_HIDDEN~", "/d"]),
        (
            "unionfs-fuse-1.0",
            ["/.unionfs-fuse", "/.unionfs-fuse/d", "/.unionfs-fuse/d/n_HIDDEN~", "/d"],
        ),
    ],
)
def test_whiteout(name: str, expected: list[str]) -> None:
    encoded = encode(name, {"d/n": WHITEOUT})

    assert expected == paths(encoded.raw)
    assert () == encoded.losses
    if "fuse-overlayfs" == name or name.startswith("overlay"):
        assert Device(0, 0, meta=Meta(mode=0)) == encoded.raw.get(("d", "n"))


@pytest.mark.parametrize(
    ("name", "expected", "xattr"),
    [
        ("overlay", ["/d"], "trusted.overlay.opaque"),
        ("overlay-userxattr", ["/d"], "user.overlay.opaque"),
        ("fuse-overlayfs", ["/d", "/d/.wh..wh..opq"], "trusted.overlay.opaque"),
        (
            "fuse-overlayfs-rootless",
            ["/d", "/d/.wh..wh..opq"],
            "user.fuseoverlayfs.opaque",
        ),
        ("oci", ["/d", "/d/.wh..wh..opq"], ""),
        ("aufs", [*AUFS_OWN, "/d", "/d/.wh..wh..opq"], ""),
        ("unionfs-fuse", ["/.unionfs", "/.unionfs/d_HIDDEN~", "/d"], ""),
    ],
)
def test_opaque_directory(name: str, expected: list[str], xattr: str) -> None:
    encoded = encode(name, {"d": OPAQUE})
    raw = encoded.raw.get(("d",))

    assert expected == paths(encoded.raw)
    assert isinstance(raw, Directory)
    assert not raw.opaque
    override = {"user.fuseoverlayfs.override_stat"}
    assert ({xattr} - {""}) == raw.meta.xattrs.keys() - override


OPAQUE_ROOT: Spec = {".": OPAQUE, "d": {"new": "n"}, "file": "f"}


@pytest.mark.parametrize("name", ["oci", "aufs"])
def test_opaque_root_has_a_mark(name: str) -> None:
    encoded = encode(name, OPAQUE_ROOT)

    assert "/.wh..wh..opq" in paths(encoded.raw)
    assert () == encoded.losses


@pytest.mark.parametrize(
    "name", ["overlay", "overlay-userxattr", "fuse-overlayfs", "unionfs-fuse"]
)
def test_opaque_root_hides_name_by_name(name: str) -> None:
    each = dialect(name)
    encoded = encode(name, OPAQUE_ROOT, BELOW)
    expected: Spec = {"d": OPAQUE, "d/new": "n", "file": "f"}
    hidden: Spec = {"keep": WHITEOUT, "old": WHITEOUT}

    assert Layer.build({**expected, **hidden}) == each.decode(encoded.raw)
    assert () == encoded.losses


@pytest.mark.parametrize("name", ["overlay", "overlay-userxattr", "unionfs-fuse"])
def test_opaque_root_is_refused_where_the_names_are_not_known(name: str) -> None:
    with pytest.raises(FormatError, match=r"^/: an opaque root cannot be said without"):
        encode(name, OPAQUE_ROOT)


def test_opaque_root_of_fuse_overlayfs_has_a_mark_where_no_names_are_known() -> None:
    """It reads that mark, other than the kernel."""
    raw = encode("fuse-overlayfs", OPAQUE_ROOT).raw

    assert "/.wh..wh..opq" in paths(raw)
    assert Layer.build(OPAQUE_ROOT) == dialect("fuse-overlayfs").decode(raw)


NO_REDIRECTS = [name for name in DIALECTS if name not in {"overlay", "flat"}]


def test_redirect_is_an_xattr_in_overlay() -> None:
    layer = Layer.build({"old": WHITEOUT, "new": Directory(REDIRECTED)})
    encoded = encode("overlay", layer)
    raw = encoded.raw.get(("new",))

    assert isinstance(raw, Directory)
    assert {"trusted.overlay.redirect": b"old"} == raw.meta.xattrs
    assert layer == dialect("overlay").decode(encoded.raw)


@pytest.mark.parametrize("name", NO_REDIRECTS)
def test_redirect_becomes_a_whiteout_and_a_full_copy(name: str) -> None:
    layer = Layer.build({"old": WHITEOUT, "new": Directory(REDIRECTED), "new/g": "G"})
    encoded = encode(name, layer, BELOW)
    new = Directory(attrs_without_private(REDIRECTED), {"f": Regular("data")})
    expected: Spec = {
        "old": WHITEOUT,
        "new": Directory(new.meta, opaque=True),
        "new/f": "data",
        "new/g": "G",
    }

    assert Layer.build(expected) == dialect(name).decode(encoded.raw)
    assert () == encoded.losses


def attrs_without_private(meta: Meta) -> Meta:
    return Meta(mode=meta.mode)


@pytest.mark.parametrize("name", NO_REDIRECTS)
def test_redirect_is_refused_where_its_target_is_not_known(name: str) -> None:
    layer = Layer.build({"d/new": Directory(REDIRECTED)})

    with pytest.raises(
        FormatError, match=r"^/d/new: a redirect cannot be said without"
    ):
        encode(name, layer)


@pytest.mark.parametrize("name", NO_REDIRECTS)
def test_malformed_redirect_is_refused(name: str) -> None:
    meta = Meta(mode=0o755, private={"redirect": b"a/b"})

    with pytest.raises(FormatError, match=r"^/d/new: the redirect leads nowhere \(Inv"):
        encode(name, {"d/new": Directory(meta)}, BELOW)


@pytest.mark.parametrize("name", NO_REDIRECTS)
def test_metadata_only_file_gets_its_data(name: str) -> None:
    meta = Meta(mode=0o600, private={"metacopy": b""})
    layer = Layer.build({"keep": Regular(hole(1), meta)})
    encoded = encode(name, layer, BELOW)
    expected = Layer.build({"keep": Regular("k", Meta(mode=0o600))})

    assert expected == dialect(name).decode(encoded.raw)
    with pytest.raises(FormatError, match=r"^/keep: a metacopy cannot be said without"):
        encode(name, layer)
    with pytest.raises(FormatError, match=r"^/keep: the metacopy leads nowhere"):
        encode(name, layer, NOTHING)


@pytest.mark.parametrize("name", NO_REDIRECTS)
def test_whiteout_in_the_form_of_an_xattr_becomes_a_whiteout(name: str) -> None:
    mark = Regular("", Meta(mode=0o644, private={"whiteout": b"y"}))
    directory = Directory(Meta(mode=0o755, private={"opaque": b"x"}), {"in": mark})
    encoded = encode(name, {"d": directory}, BELOW)

    assert Layer.build({"d/in": WHITEOUT}) == dialect(name).decode(encoded.raw)


WITH_MARKS = [name for name in DIALECTS if name != "flat"]


def implied() -> Layer:
    layer = Layer.build({"d/sub/f": "x"})
    root = Directory(
        DIRECTORY_META,
        {
            "d": Directory(
                DIRECTORY_META,
                {"sub": Directory(DIRECTORY_META, {"f": Regular("x")}, implied=True)},
                implied=True,
            )
        },
    )
    return Layer(layer.label, root)


@pytest.mark.parametrize("name", WITH_MARKS)
def test_implied_directory_gets_the_attributes_that_show(name: str) -> None:
    encoded = encode(name, implied(), BELOW)
    found = dialect(name).decode(encoded.raw)
    d, sub = found.get(("d",)), found.get(("d", "sub"))

    assert isinstance(d, Directory)
    assert isinstance(sub, Directory)
    assert BELOW.entries["d"].meta == d.meta  # type: ignore[union-attr]
    assert DIRECTORY_META == sub.meta
    assert not d.implied
    assert not sub.implied
    assert () == encoded.losses


@pytest.mark.parametrize("name", WITH_MARKS)
def test_implied_directory_is_a_loss_where_nothing_is_known(name: str) -> None:
    sentence = (
        "the layer has no attributes for this directory; it gets mode 0755 and owner"
        " 0:0, whatever is below"
    )

    assert (f"/d: {sentence}", f"/d/sub: {sentence}") == encode(name, implied()).losses


@pytest.mark.parametrize("name", WITH_MARKS)
def test_marks_for_what_is_not_there_make_no_directory(name: str) -> None:
    entries: dict[str, Entry] = {"gone": WHITEOUT}
    root = Directory(
        DIRECTORY_META,
        {
            "d": Directory(DIRECTORY_META, entries, implied=True),
            "nowhere": Directory(DIRECTORY_META, entries, implied=True),
        },
    )
    found = dialect(name).decode(encode(name, Layer("", root), BELOW).raw)

    assert ["/d", "/d/gone"] == paths(found)


@pytest.mark.parametrize(
    "name", ["overlay", "overlay-userxattr", "fuse-overlayfs", "oci"]
)
def test_device_zero_as_content_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match=r"^/dev/x: a character device 0:0, which"):
        encode(name, {"dev/x": Device(0, 0)})


@pytest.mark.parametrize("name", ["aufs", "unionfs-fuse"])
def test_device_zero_as_content_stays(name: str) -> None:
    raw = encode(name, {"dev/x": Device(0, 0)}).raw

    assert Device(0, 0) == raw.get(("dev", "x"))


@pytest.mark.parametrize("name", ["aufs", "oci", "fuse-overlayfs"])
@pytest.mark.parametrize("what", ["", {"in": "x"}, Symlink("x")])
def test_name_of_a_mark_as_content_is_refused(name: str, what: Any) -> None:
    with pytest.raises(
        FormatError, match=r"^/d/\.wh\.x: a name that starts with '\.wh"
    ):
        encode(name, {"d/.wh.x": what})


@pytest.mark.parametrize("name", ["overlay", "overlay-userxattr", "unionfs-fuse"])
def test_name_of_a_mark_as_content_stays(name: str) -> None:
    layer = Layer.build({"d/.wh.x": "", "d/.wh..wh..opq": ""})

    assert layer == dialect(name).decode(encode(name, layer).raw)


@pytest.mark.parametrize("name", ["aufs", "oci", "fuse-overlayfs"])
def test_hidden_name_of_a_mark_is_a_loss(name: str) -> None:
    encoded = encode(name, {"d/.wh.x": WHITEOUT, "f": ""})
    sentence = (
        "/d/.wh.x: not hidden, for a name that starts with '.wh.' would be a mark"
    )

    assert (sentence,) == encoded.losses
    assert () == encode(name, {"d/.wh.x": WHITEOUT}, BELOW).losses
    found = dialect(name).decode(encoded.raw)
    assert Layer.build({"d": {}, "f": ""}) == found


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("unionfs-fuse", ".unionfs/x"),
        ("unionfs-fuse", ".unionfs-fuse"),
        ("aufs", ".aufs.xino"),
    ],
)
def test_name_of_bookkeeping_as_content_is_refused(name: str, path: str) -> None:
    with pytest.raises(FormatError, match="at the root is"):
        encode(name, {path: "x"})


def test_hidden_in_a_directory_called_like_a_marker_is_refused() -> None:
    with pytest.raises(
        FormatError, match=r"^/a_HIDDEN~/x: hidden in a directory whose"
    ):
        encode("unionfs-fuse", {"a_HIDDEN~/x": WHITEOUT})


@pytest.mark.parametrize("name", ["aufs", "oci", "fuse-overlayfs-rootless"])
def test_too_long_name_of_a_mark_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="would be too long"):
        encode(name, {"x" * 252: WHITEOUT})


def test_too_long_name_of_a_marker_is_refused() -> None:
    with pytest.raises(FormatError, match="would be too long"):
        encode("unionfs-fuse", {"x" * 248: OPAQUE})


NESTED = Meta(
    mode=0o755,
    xattrs={
        "trusted.overlay.opaque": b"y",
        "user.fuseoverlayfs.x": b"",
        "user.k": b"v",
    },
)


@pytest.mark.parametrize("name", ["oci", "fuse-overlayfs"])
def test_xattr_that_would_be_a_mark_is_a_loss(name: str) -> None:
    encoded = encode(name, {"d": Directory(NESTED), "f": Regular("", NESTED)})
    reason = "which would be taken for a mark"

    assert sorted(encoded.losses) == [
        f"/d: the xattr trusted.overlay.opaque, {reason}",
        f"/d: the xattr user.fuseoverlayfs.x, {reason}",
        f"/f: the xattr trusted.overlay.opaque, {reason}",
        f"/f: the xattr user.fuseoverlayfs.x, {reason}",
    ]
    found = dialect(name).decode(encoded.raw).get(("f",))
    assert isinstance(found, Regular)
    assert {"user.k": b"v"} == found.meta.xattrs


@pytest.mark.parametrize("name", ["overlay", "overlay-userxattr", "aufs"])
def test_xattr_of_a_nested_overlay_is_content(name: str) -> None:
    layer = Layer.build({"d": Directory(NESTED), "f": Regular("", NESTED)})
    encoded = encode(name, layer)

    assert layer == dialect(name).decode(encoded.raw)
    assert () == encoded.losses


@pytest.mark.parametrize("name", list(DIALECTS))
def test_notes_of_one_mount_never_cross(name: str) -> None:
    meta = Meta(mode=0o755, private={"origin": b"h", "impure": b"y", "nlink": b"U+1"})
    layer = Layer.build({"d": Directory(meta), "f": Regular("", meta)})
    plain = Layer.build({"d": {}, "f": Regular("", Meta(mode=0o755))})

    assert plain == dialect(name).decode(encode(name, layer).raw)


def test_whiteouts_that_would_be_listed_are_left_out() -> None:
    """The kernel lists them in directories that nothing is below of (6.1)."""
    spec = {"new/gone": WHITEOUT, "d": OPAQUE, "d/gone": WHITEOUT, "old/f": WHITEOUT}

    assert paths(encode("overlay", spec, BELOW).raw) == ["/d", "/new", "/old", "/old/f"]


def test_directory_over_a_file_is_marked_for_unionfs_fuse() -> None:
    """It merges directories of lower branches through a file between them."""
    raw = encode("unionfs-fuse", {"keep": {"in": ""}}, BELOW).raw

    assert "/.unionfs/keep_HIDDEN~" in paths(raw)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Regular("x", Meta(mode=0o4755, uid=7, gid=8)), b"7:8:104755"),
        (Device(1, 3, meta=Meta(mode=0o666)), b"0:0:666:char1:3"),
        (Device(8, 1, block=True, meta=Meta(mode=0o660)), b"0:0:660:block8:1"),
        (Fifo(Meta(mode=0o600)), b"0:0:600:pipe"),
        (Socket(Meta(mode=0o600)), b"0:0:600:socket"),
    ],
)
def test_rootless_attributes_are_an_xattr(node: Any, expected: bytes) -> None:
    layer = Layer.build({"f": node})
    encoded = encode("fuse-overlayfs-rootless", layer)
    raw = encoded.raw.get(("f",))

    assert isinstance(raw, Regular)
    assert {"user.fuseoverlayfs.override_stat": expected} == raw.meta.xattrs
    assert (0o755, 0, 0) == (raw.meta.mode, raw.meta.uid, raw.meta.gid)
    assert layer == dialect("fuse-overlayfs-rootless").decode(encoded.raw)


def test_rootless_keeps_the_mode_that_an_access_list_is_of() -> None:
    """With any other mode the host would change the list (metadata-umoci, /xattrs)."""
    meta = Meta(mode=0o2660, xattrs={"system.posix_acl_access": b"\2\0\0\0"})
    layer = Layer.build({"f": Regular("x", meta)})
    encoded = encode("fuse-overlayfs-rootless", layer)
    raw = encoded.raw.get(("f",))

    assert isinstance(raw, Regular)
    assert 0o660 == raw.meta.mode
    assert layer == dialect("fuse-overlayfs-rootless").decode(encoded.raw)


@pytest.mark.parametrize(
    ("xattrs", "opaque"),
    [
        ({}, True),
        ({"trusted.overlay.opaque": b"n"}, False),
        ({"trusted.overlay.opaque": b"n", "user.fuseoverlayfs.opaque": b"y"}, False),
        ({"user.overlay.opaque": b"y"}, True),
        ({"user.fuseoverlayfs.opaque": b"yes"}, True),
    ],
)
def test_first_opaque_mark_of_fuse_overlayfs_counts(
    xattrs: dict[str, bytes], opaque: bool
) -> None:
    directory = Directory(
        Meta(mode=0o755, xattrs=xattrs), {".wh..wh..opq": Regular("")}
    )
    found = dialect("fuse-overlayfs").decode(Layer.build({"d": directory}))
    entry = found.get(("d",))

    assert isinstance(entry, Directory)
    assert opaque == entry.opaque
    assert {} == entry.meta.xattrs


@pytest.mark.parametrize("value", [b"", b"1:2", b"1:2:9", b"1:2:755:disk", b"x:2:755"])
def test_malformed_override_is_refused(value: bytes) -> None:
    meta = Meta(mode=0o755, xattrs={"user.containers.override_stat": value})

    with pytest.raises(FormatError, match="is no override_stat"):
        dialect("fuse-overlayfs").decode(Layer("", Directory(meta)))


def test_overridden_symlink_and_hidden_xattr_are_read() -> None:
    def override(text: bytes, **more: bytes) -> Meta:
        xattrs = {"user.containers.override_stat": text, **more}
        return Meta(mode=0o755, xattrs=xattrs)

    xattr = {"user.containers.override_security.capability": b"c"}
    root = Directory(
        override(b"1:2:40700"),
        {
            "link": Regular("there", override(b"3:4:777:symlink")),
            "f": Regular("x", override(b"3:4:100600", **xattr)),
            "bare": Symlink("x"),
        },
    )
    found = dialect("fuse-overlayfs").decode(Layer("", root))

    assert Meta(mode=0o700, uid=1, gid=2) == found.root.meta
    assert Symlink("there", Meta(mode=0o777, uid=3, gid=4)) == found.get(("link",))
    assert Symlink("x") == found.get(("bare",))
    file = found.get(("f",))
    assert isinstance(file, Regular)
    assert {"security.capability": b"c"} == file.meta.xattrs


@pytest.mark.parametrize("name", ["oci", "aufs", "fuse-overlayfs"])
@pytest.mark.parametrize("mark", [".wh.", ".wh..", ".wh..."])
def test_whiteout_of_nothing_is_refused(name: str, mark: str) -> None:
    with pytest.raises(FormatError, match="names nothing that could be hidden"):
        dialect(name).decode(Layer.build({f"d/{mark}": ""}))


@pytest.mark.parametrize("name", ["oci", "aufs"])
def test_content_of_a_whiteout_is_refused(name: str) -> None:
    with pytest.raises(
        FormatError, match=r"^/\.wh\.x: a mark, and nothing can be in it"
    ):
        dialect(name).decode(Layer.build({".wh.x/child": ""}))


def test_names_of_aufs_are_hidden() -> None:
    raw = Layer.build(
        {
            ".wh..wh.aufs": "",
            ".wh..wh.plnk/12.12": "x",
            ".aufs.xino": "table",
            "d/.wh..wh.tmp1": "",
            "d/.aufs.xino": "content",
        }
    )

    assert ["/d", "/d/.aufs.xino"] == paths(dialect("aufs").decode(raw))


@pytest.mark.parametrize("note", [".wh..wh..dr.1234", ".wh..wh.hino"])
def test_renamed_directories_of_aufs_are_refused(note: str) -> None:
    with pytest.raises(FormatError, match="a renamed directory"):
        dialect("aufs").decode(Layer.build({f"d/{note}": ""}))


def test_marks_of_aufs_are_one_inode() -> None:
    raw = encode("aufs", {"a": WHITEOUT, "d": OPAQUE, "e/f": WHITEOUT}).raw
    inode = raw.get((".wh..wh.aufs",))

    assert isinstance(inode, Regular)
    assert (4, 0o444) == (inode.nlink, inode.meta.mode)
    assert raw.get(("d", ".wh..wh..opq")) is raw.get(("e", ".wh.f")) is inode


@pytest.mark.parametrize("folder", [".unionfs", ".unionfs-fuse"])
def test_both_folders_of_unionfs_fuse_are_read(folder: str) -> None:
    raw = Layer.build(
        {
            f"{folder}/a_HIDDEN~": "",
            f"{folder}/b_HIDDEN~": {"ignored": ""},
            f"{folder}/b/in_HIDDEN~": "",
            f"{folder}/c/x_HIDDEN~": {},
            f"{folder}/empty": {},
            f"{folder}/note": "",
            "b": {"new": ""},
            "c_HIDDEN~": "content",
        }
    )
    found = dialect("unionfs-fuse").decode(raw)

    assert ["/a", "/b", "/b/in", "/b/new", "/c", "/c/x", "/c_HIDDEN~"] == paths(found)
    b = found.get(("b",))
    assert isinstance(b, Directory)
    assert b.opaque


def test_marker_within_a_hidden_directory_is_redundant() -> None:
    raw = Layer.build({".unionfs/c_HIDDEN~": {}, ".unionfs/c/f_HIDDEN~": ""})

    assert Layer.build({"c": WHITEOUT}) == dialect("unionfs-fuse").decode(raw)


def test_marker_of_nothing_is_refused() -> None:
    with pytest.raises(FormatError, match="names nothing that could be hidden"):
        dialect("unionfs-fuse").decode(Layer.build({".unionfs/_HIDDEN~": ""}))


def test_flat_tree_loses_marks_where_nothing_is_known() -> None:
    encoded = encode("flat", {"gone": WHITEOUT, "d": OPAQUE, "f": "x"})

    assert sorted(encoded.losses) == [
        "/d: an opaque mark, which a flat tree has not",
        "/gone: a whiteout, which a flat tree has not",
    ]
    assert Layer.build({"d": {}, "f": "x"}) == encoded.raw


def test_unknown_dialect_is_named() -> None:
    with pytest.raises(SpecError, match="there is no dialect 'zfs'; there are: flat, "):
        dialect("zfs")


def test_deep_layers_are_no_recursion() -> None:
    deep = "/".join("d" * 1100)
    layer = Layer.build({f"{deep}/f": WHITEOUT, f"{deep}/g": "x"})
    for name in WITH_MARKS:
        assert layer == dialect(name).decode(dialect(name).encode(layer).raw)


@pytest.mark.parametrize("name", ["aufs", "oci", "fuse-overlayfs-rootless"])
def test_name_of_a_mark_that_is_left_out_is_not_refused(name: str) -> None:
    """A bare mark in an opaque directory says nothing, whatever it is called."""
    builder = LayerBuilder()
    builder.opaque(("a",))
    builder.opaque(("a", ".wh.b"))

    assert "/a/.wh.b" not in paths(encode(name, builder.freeze()).raw)
