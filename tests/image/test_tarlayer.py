"""Entries become a layer by the changeset rules, whatever their order."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from unionfs_sim.core.content import literal
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Node,
    Regular,
    Symlink,
)
from unionfs_sim.core.paths import Parts
from unionfs_sim.errors import FormatError
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.tarlayer import TarLayer, read_layer

MakeBytes = Callable[..., bytes]


def read(*entries: bytes, lenient: bool = False) -> TarLayer:
    """Read a layer made of some entries."""
    return read_layer(literal(b"".join(entries)), label="layer 0", lenient=lenient)


def shown(layer: Layer) -> dict[str, str]:
    """Give each path with what is there, in a word."""
    found = {}
    for path, entry in layer.walk():
        if entry is WHITEOUT:
            found[path] = "whiteout"
        elif isinstance(entry, Directory):
            words = [("implied", entry.implied), ("opaque", entry.opaque)]
            found[path] = " ".join(word for word, holds in words if holds) or "dir"
        else:
            found[path] = entry.kind.value
    return found


def test_every_kind(header: MakeBytes) -> None:
    """All types of a tar become nodes, their attributes with them."""
    layer = read(
        header("./", type="5", mode=0o700),
        header("f", b"hi", uid=1, gid=2, mtime=3),
        header("s", type="2", link="../t"),
        header("c", type="3", major=1, minor=3),
        header("b", type="4", major=8),
        header("p", type="6"),
        header("h", type="1", link="/./f"),
    ).layer

    file, link = layer.get(("f",)), layer.get(("h",))
    assert isinstance(file, Regular)
    assert file is link
    assert (2, b"hi") == (file.nlink, file.content.read_all())
    assert (1, 2, 3 * 10**9) == (file.meta.uid, file.meta.gid, file.meta.mtime_ns)
    assert isinstance(node := layer.get(("s",)), Symlink)
    assert "../t" == node.target
    assert isinstance(node := layer.get(("c",)), Device)
    assert (1, 3, False) == (node.major, node.minor, node.block)
    assert isinstance(node := layer.get(("b",)), Device)
    assert (8, 0, True) == (node.major, node.minor, node.block)
    assert isinstance(layer.get(("p",)), Fifo)
    assert 0o700 == layer.root.meta.mode


#: Entries in any order -> what the layer has.
ANY_ORDER = {
    "whiteout": ([("d/.wh.f", "0")], {"/d": "implied", "/d/f": "whiteout"}),
    "opaque": ([("d", "5"), ("d/.wh..wh..opq", "0")], {"/d": "opaque"}),
    "opaque, implied": ([("d/.wh..wh..opq", "0")], {"/d": "implied opaque"}),
    "opaque root": (
        [(".wh..wh..opq", "0"), ("f", "0")],
        {"/": "implied opaque", "/f": "file"},
    ),
    "whiteout and file": ([("f", "0"), (".wh.f", "0")], {"/f": "file"}),
    "whiteout and directory": (
        [("d", "5"), (".wh.d", "0"), ("d/f", "0")],
        {"/d": "opaque", "/d/f": "file"},
    ),
    "whiteout and implied directory": (
        [(".wh.d", "0"), ("d/f", "0")],
        {"/d": "implied opaque", "/d/f": "file"},
    ),
    "whiteout below what is gone": (
        [(".wh.d", "0"), ("d/.wh.f", "0"), ("d/e/.wh..wh..opq", "0")],
        {"/d": "whiteout"},
    ),
    "whiteout below a new file": (
        [("d", "0"), ("d/.wh.f", "0"), (".wh.d", "0")],
        {"/d": "file"},
    ),
    "markers of any type": (
        [("d/.wh.f", "5"), ("d/.wh.g", "2"), ("d/.wh..wh..opq", "1")],
        {"/d": "implied opaque", "/d/f": "whiteout", "/d/g": "whiteout"},
    ),
    "parents": (
        [("a/b/c", "0"), ("a", "5")],
        {"/a": "dir", "/a/b": "implied", "/a/b/c": "file"},
    ),
    "almost markers": (
        [(".w", "0"), (".whx", "0"), ("wh.f", "0")],
        {"/.w": "file", "/.whx": "file", "/wh.f": "file"},
    ),
    "aufs": (
        [
            (".wh..wh.aufs", "0"),
            (".wh..wh.orph", "5"),
            ("d/.wh..wh.x", "0"),
            ("f", "0"),
        ],
        {"/f": "file"},
    ),
}


@pytest.mark.parametrize("case", ANY_ORDER)
def test_order_does_not_matter(case: str, header: MakeBytes) -> None:
    """All removals come first and all additions second (rules 5.1 to 5.8)."""
    entries, expected = ANY_ORDER[case]
    for order in itertools.permutations(entries):
        data = [header(name, type=type_, link="t") for name, type_ in order]

        assert {"/": "implied", **expected} == shown(read(*data).layer), order


def test_names_of_one_directory_written_in_many_ways(header: MakeBytes) -> None:
    """However a parent is written, it is one directory."""
    names = ["d/a", "./d/b", "/d/c", "d//e", "x/../d/f", "../d/g", "d/./h", "d/i/../j"]
    layer = read(*(header(name) for name in names)).layer

    assert list("abcefghj") == sorted(layer.root.entries["d"].entries)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([("f", "0"), ("f", "0")], "this name twice"),
        ([("f", "0"), ("./f", "2")], "this name twice"),
        ([("d", "5"), ("d/", "5")], "this directory twice"),
        ([("d", "5"), ("d", "0")], "this name twice"),
        ([("f", "0"), ("f", "5")], "this name twice"),
        ([("d/f", "0"), ("d", "0")], "this name twice"),
        ([(".wh.f", "0"), (".wh.f", "0")], "this marker twice"),
        ([("h", "1"), ("target", "0")], "hard link to 'target', which is not there"),
    ],
)
def test_irregular_layer(
    entries: list[tuple[str, str]], reason: str, header: MakeBytes
) -> None:
    """Duplicates and forward links are refused; a lenient reading reports them."""
    data = [header(name, type=type_, link="target") for name, type_ in entries]
    with pytest.raises(FormatError, match=rf"^layer 0: entry '.*': .*{reason}"):
        read(*data)
    found = read(*data, lenient=True)

    assert 1 == len(found.oddities)
    assert reason in str(found.oddities[0])


def test_lenient_duplicates(header: MakeBytes) -> None:
    """The last of two entries wins, and two directories merge (rule 5.10)."""
    layer = read(
        *(header("f", b"old"), header("f", b"new")),
        *(header("d", type="5", mode=0o700), header("d/x")),
        header("d", type="5", mode=0o711),
        *(header("a"), header("a", type="5"), header("a/b")),
        *(header("e/f"), header("e")),
        lenient=True,
    ).layer

    file, directory = layer.get(("f",)), layer.get(("d",))
    assert isinstance(file, Regular)
    assert b"new" == file.content.read_all()
    assert isinstance(directory, Directory)
    assert 0o711 == directory.meta.mode
    assert {
        "/": "implied", "/a": "dir", "/a/b": "file", "/d": "dir", "/d/x": "file",
        "/e": "file", "/f": "file",
    } == shown(layer)  # fmt: skip


def test_lenient_chain_of_forward_links(header: MakeBytes) -> None:
    """Links to links are resolved at the end of the layer, in whatever order."""
    layer = read(
        header("a", type="1", link="b"),
        header("b", type="1", link="c"),
        header("c", type="1", link="d"),
        header("d", b"x"),
        lenient=True,
    ).layer

    assert 1 == len({id(layer.get((name,))) for name in "abcd"})
    for links in ([("a", "b"), ("b", "a")], [("a", "nowhere")]):
        data = [header(name, type="1", link=target) for name, target in links]
        with pytest.raises(FormatError, match="which is nowhere"):
            read(*data, lenient=True)
    with pytest.raises(FormatError, match="hard link to the directory /d"):
        read(header("a", type="1", link="d"), header("d", type="5"), lenient=True)


@pytest.mark.parametrize(
    ("name", "type_", "link", "reason"),
    [
        (".wh.", "0", "", "names nothing"),
        ("d/.wh..", "0", "", "names nothing"),
        ("d/.wh...", "0", "", "names nothing"),
        (".wh.d/x", "0", "", "nothing can be in it"),
        ("d/.wh..wh..opq/x", "0", "", "nothing can be in it"),
        ("/", "0", "", "root can only be a directory"),
        (".", "2", "/etc", "root can only be a directory"),
        ("", "0", "", "root can only be a directory"),
        ("h", "1", "h", "the root or itself"),
        ("h", "1", "", "the root or itself"),
        ("h", "1", "../../h", "the root or itself"),
        ("h", "1", "dir", "which is a directory"),
        ("s", "2", "", "without a target"),
        ("file/x", "0", "", "/file: not a directory"),
        ("link/x", "0", "", "/link: not a directory"),
        ("zero", "3", "", "character device 0:0"),
    ],
)
def test_hostile_entry_is_refused(
    name: str, type_: str, link: str, reason: str, header: MakeBytes
) -> None:
    """Nothing reaches outside the layer or means two things (section 8)."""
    before = (
        header("dir", type="5") + header("file") + header("link", type="2", link="/tmp")
    )
    for lenient in (False, True):
        with pytest.raises(FormatError, match=reason):
            read(before, header(name, type=type_, link=link), lenient=lenient)


def test_limits(header: MakeBytes, pax: MakeBytes) -> None:
    """Names have a limited length, in bytes and in components."""
    long = pax({"path": "é" * 600}) + header("f")
    deep = pax({"path": "a/" * 30 + "a"}) + header("f")
    limits = Limits(path_bytes_max=1000, components_max=20)
    with pytest.raises(FormatError, match="more than 1000 bytes"):
        read_layer(literal(long), limits=limits)
    with pytest.raises(FormatError, match="31 components"):
        read_layer(literal(deep), limits=limits)


def test_deep_tree(header: MakeBytes, pax: MakeBytes) -> None:
    """A tree of four thousand levels is legal input."""
    layer = read(pax({"path": "d/" * 4000 + "f"}) + header("f")).layer

    assert 4001 == len(layer)


def test_unknown_type_is_skipped(header: MakeBytes) -> None:
    """An unknown letter is passed over with its data, and reported."""
    found = read(header("v", b"data", type="V"), header("f"))

    assert {"/": "implied", "/f": "file"} == shown(found.layer)
    assert "layer 0: entry 'v': the type 'V' is unknown, skipped" == str(
        found.oddities[0]
    )


def test_links_into_the_folder_of_aufs(header: MakeBytes) -> None:
    """aufs keeps inodes under hidden names: links lead there (disputed/aufs-meta)."""
    layer = read(
        header(".wh..wh.plnk", type="5"),
        header(".wh..wh.plnk/99.1", b"x"),
        header("a", type="1", link=".wh..wh.plnk/99.1"),
        header("b", type="1", link=".wh..wh.plnk/99.1"),
    ).layer

    assert {"/": "implied", "/a": "file", "/b": "file"} == shown(layer)
    node = layer.get(("a",))
    assert isinstance(node, Regular)
    assert (2, node) == (node.nlink, layer.get(("b",)))


def test_device_zero(header: MakeBytes) -> None:
    """A character device 0:0 is refused, kept or hides a name, as the caller says."""
    data = literal(header("c", type="3"))

    kept = read_layer(data, device_zero="keep").layer.get(("c",))
    assert isinstance(kept, Device)
    assert WHITEOUT is read_layer(data, device_zero="whiteout").layer.get(("c",))
    postponed = read_layer(data, postpone=True)
    assert "0:0" in str(postponed.refusal)
    assert "/c" in shown(postponed.layer)


def test_like_docker(header: MakeBytes, pax: MakeBytes) -> None:
    """What Docker reads in its own way is read so on request (disputed/)."""
    attributes = pax(
        {"SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.weird.name": "v"}
    )
    tar = b"".join(
        [
            header("./", type="5", mode=0o700),
            header("c", type="3"),
            header("d/.wh.sub/x"),
            header("link/.wh.r"),
            attributes + header("f"),
        ]
    )

    found = read_layer(literal(tar), like="docker")

    root = found.layer.root
    assert (0o755, True) == (root.meta.mode, root.implied)
    assert {
        "/": "implied",
        "/c": "whiteout",
        "/d": "dir",
        "/d/.wh.sub": "dir",
        "/d/.wh.sub/x": "file",
        "/f": "file",
        "/link": "dir",
        "/link/r": "whiteout",
    } == shown(found.layer)
    file = found.layer.get(("f",))
    assert isinstance(file, Regular)
    assert {"user.overlay.opaque": b"y"} == dict(file.meta.xattrs)
    assert ["'weird.name' is of no namespace"] == [
        str(odd).partition("xattr ")[2][: len("'weird.name' is of no namespace")]
        for odd in found.oddities
    ]


def test_link_to_a_layer_below(header: MakeBytes) -> None:
    """A hard link may mean a node of the layers below (cross-layer-hardlink)."""
    base = Layer.build({"d/f": "x", "e/": {}})

    def below(parts: Parts) -> Node | None:
        entry = base.get(parts)
        return None if entry is WHITEOUT else entry

    found = read_layer(literal(header("h", type="1", link="d/f")), below=below)

    assert base.get(("d", "f")) is found.layer.get(("h",))
    assert 1 == len(found.oddities)
    for target, reason in (("e", "is a directory"), ("gone", "not there")):
        with pytest.raises(FormatError, match=reason):
            read_layer(literal(header("h", type="1", link=target)), below=below)


def test_mark_in_a_new_file_is_reported(header: MakeBytes) -> None:
    """An opaque mark in something that is no directory is dropped."""
    found = read(header("d"), header("d/.wh..wh..opq"))

    assert {"/": "implied", "/d": "file"} == shown(found.layer)
    assert "not in a directory" in str(found.oddities[0])


def test_names_and_attributes_are_shared(header: MakeBytes) -> None:
    """Equal names in different directories are one text in memory."""
    layer = read(header("a/name"), header("b/name")).layer
    one, two = (
        next(iter(layer.root.entries[directory].entries))  # type: ignore[union-attr]
        for directory in "ab"
    )

    assert one is two


def test_hundred_thousand_of_one_name(header: MakeBytes) -> None:
    """Many duplicates are refused at the second one."""
    with pytest.raises(FormatError, match="twice"):
        read(header("f") * 100_000)
