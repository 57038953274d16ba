"""A layer as a tar: the same bytes each time, and the same layer when read again."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from tests.image.test_truth import PLACES
from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    FormatError,
    Layer,
    LayerBuilder,
    Meta,
    Regular,
    Socket,
    Symlink,
    hole,
    literal,
)
from unionfs_sim.core.layer import Spec
from unionfs_sim.core.meta import DIRECTORY_META, FILE_META, marked
from unionfs_sim.image.limits import Oddity
from unionfs_sim.image.open import open_image
from unionfs_sim.image.storable import storable
from unionfs_sim.image.tarlayer import read_layer
from unionfs_sim.image.tarwriter import tar_pieces, write_layer
from unionfs_sim.testing.strategies import layers

SPEC: Spec = {
    "etc/": {
        ".": OPAQUE,
        "motd": Regular("hello", Meta(mode=0o640, uid=7, mtime_ns=5_000_000_000)),
        "gone": WHITEOUT,
        "z-gone": WHITEOUT,
    },
    "dev/": {"null": Device(1, 3), "sda": Device(8, 0, block=True), "p": Fifo()},
    "link": Symlink("etc/motd"),
}


def written(layer: Layer, **options: Any) -> bytes:
    """Give the tar of a layer, whose digest and size are as they are told."""
    out = io.BytesIO()
    diff_id, size = write_layer(layer, out, **options)
    data = out.getvalue()
    assert (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data)) == (diff_id, size)
    return data


def listed(data: bytes) -> list[str]:
    """List the names as another reader finds them."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [member.name for member in archive.getmembers()]


def types(data: bytes) -> list[str]:
    """List the types of all headers, those of extensions as well."""
    found = []
    position = 0
    while data[position : position + 512] != bytes(512):
        found.append(chr(data[position + 156]))
        size = int(data[position + 124 : position + 135], 8)
        position += 512 + -(-size // 512) * 512
    assert data[position:] == bytes(1024)
    return found


def images() -> Iterator[Any]:
    """Give every archive of the recorded images."""
    for place, folder in PLACES.items():
        if not folder.is_dir():
            reason = f"{folder} is not there (set UNIONFS_SIM_SHARED)"
            yield pytest.param(None, id=place, marks=pytest.mark.skip(reason=reason))
            continue
        for path in sorted(folder.rglob("*.tar*")):
            if path.parent.name != "ondisk":
                yield pytest.param(path, id=f"{place}-{path.name}")


@pytest.mark.parametrize("path", list(images()))
def test_recorded_layer_is_the_same_when_read_again(path: Path) -> None:
    """Read, written and read, every layer of every image is equal to itself."""
    names = ["a", "b"] if path.name == "two-images.docker.tar" else [None]
    for name in names:
        try:
            image = open_image(path, name=name and f"hc_share:{name}", lenient=True)
        except FormatError as error:
            pytest.skip(f"it is to be refused: {error}")
        with image:
            for layer in image.layers_base_first:
                data = written(layer)
                again = read_layer(literal(data)).layer

                assert layer == again
                assert data == written(again)


@given(layers(hostile=False))
def test_layer_is_the_same_when_read_again(layer: Layer) -> None:
    """Read again, a layer is what it was, without what a tar cannot hold."""
    data = written(layer)
    read = read_layer(literal(data))

    assert storable(layer)[0] == read.layer
    assert data == written(read.layer)
    assert not read.oddities


def test_order() -> None:
    """A directory, its opaque mark, its whiteouts, then what is in it."""
    expected = [
        ".",
        "dev",
        "dev/null",
        "dev/p",
        "dev/sda",
        "etc",
        "etc/.wh..wh..opq",
        "etc/.wh.gone",
        "etc/.wh.z-gone",
        "etc/motd",
        "link",
    ]

    assert expected == listed(written(Layer.build(SPEC)))


def test_order_is_that_of_bytes() -> None:
    """Names are sorted as bytes: text sorts escaped bytes before the astral planes."""
    names = ["\udcff", "\U0001f600", "a-b", "a"]
    layer = Layer.build(dict.fromkeys(names, "") | {"a": {"b": ""}})

    assert [".", "a", "a/b", "a-b", "\U0001f600", "\udcff"] == listed(written(layer))


def test_two_processes_write_the_same() -> None:
    """Nothing of the process gets into the bytes, not even the order of sets."""
    script = (
        "import io\n"
        "from tests.image.test_tarwriter import SPEC\n"
        "from unionfs_sim import Layer\n"
        "from unionfs_sim.image.tarwriter import write_layer\n"
        "print(write_layer(Layer.build(SPEC), io.BytesIO())[0])\n"
    )
    own = write_layer(Layer.build(SPEC), io.BytesIO())[0]
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).resolve().parents[2],
            env={"PYTHONHASHSEED": seed},
        )

        assert own == run.stdout.strip()


#: What needs a pax header and what does not: name, node -> the types of its headers.
PAX: dict[str, tuple[str, Regular | Symlink, str]] = {
    "plain": ("f", Regular("x"), "0"),
    "name of 100 bytes": ("n" * 100, Regular("x"), "0"),
    "name of 101 bytes": ("n" * 101, Regular("x"), "x0"),
    "name that is not ASCII": ("é", Regular("x"), "x0"),
    "name that is not UTF-8": ("caf\udce9", Regular("x"), "x0"),
    "name with a newline": ("a\nb", Regular("x"), "0"),
    "target of 100 bytes": ("f", Symlink("t" * 100), "2"),
    "target of 101 bytes": ("f", Symlink("t" * 101), "x2"),
    "target that is not ASCII": ("f", Symlink("é"), "x2"),
    "largest id": ("f", Regular("", Meta(mode=0, uid=2097151)), "0"),
    "larger uid": ("f", Regular("", Meta(mode=0, uid=2097152)), "x0"),
    "larger gid": ("f", Regular("", Meta(mode=0, gid=4294967294)), "x0"),
    "whole seconds": ("f", Regular("", Meta(mode=0, mtime_ns=10**9)), "0"),
    "a fraction": ("f", Regular("", Meta(mode=0, mtime_ns=1)), "x0"),
    "last second": ("f", Regular("", Meta(mode=0, mtime_ns=(8**11 - 1) * 10**9)), "0"),
    "one more": ("f", Regular("", Meta(mode=0, mtime_ns=8**11 * 10**9)), "x0"),
    "before 1970": ("f", Regular("", Meta(mode=0, mtime_ns=-(10**9))), "x0"),
    "xattr": ("f", Regular("", Meta(mode=0, xattrs={"user.k": b"a=\0\n"})), "x0"),
}


@pytest.mark.parametrize("case", PAX)
def test_pax_only_where_it_is_needed(case: str) -> None:
    """A pax header stands where ustar cannot hold a value, and nowhere else."""
    name, node, expected = PAX[case]
    builder = LayerBuilder()
    builder.add((name,), node)
    layer = builder.freeze()
    data = written(layer)

    assert expected == "".join(types(data))
    assert layer == read_layer(literal(data)).layer
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        (member,) = archive.getmembers()

    assert (name, node.meta.uid, node.meta.gid) == (member.name, member.uid, member.gid)
    assert node.meta.mtime_ns == pytest.approx(member.mtime * 1e9)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [((80, 80), "0"), ((155, 100), "0"), ((156, 99), "x0"), ((155, 101), "x0")],
)
def test_long_names_are_split_where_ustar_can(
    lengths: tuple[int, ...], expected: str
) -> None:
    """155 bytes of directories and 100 of a name fit; more has a pax header."""
    builder = LayerBuilder()
    parts = tuple("abc"[level] * length for level, length in enumerate(lengths))
    builder.add(parts, Regular("x"))
    data = written(builder.freeze())

    assert expected == "".join(types(data))
    assert builder.freeze() == read_layer(literal(data)).layer
    assert ["/".join(parts)] == listed(data)


def test_long_name_of_a_directory() -> None:
    """The slash at the end of a directory's name counts, and is never all of it."""
    for length in (99, 100, 155, 156, 255):
        builder = LayerBuilder()
        builder.set_meta(("d" * length,), DIRECTORY_META)
        data = written(builder.freeze())

        assert ("5" if length < 100 else "x5") == "".join(types(data))
        assert builder.freeze() == read_layer(literal(data)).layer


def test_eight_gibibytes_need_pax() -> None:
    """A size beyond eleven octal digits stands in a pax record; holes cost no memory."""
    layer = Layer.build({"big": Regular(hole(8**11))})
    head = b""

    class FullError(Exception):
        """Enough has been written."""

    class Out(io.RawIOBase):
        def write(self, piece: Any) -> int:
            nonlocal head
            head += bytes(piece)
            if len(head) > 4096:
                raise FullError
            return len(piece)

    with pytest.raises(FullError):
        write_layer(layer, Out())  # type: ignore[arg-type]

    assert b"19 size=8589934592\n" in head[:2048]


def test_hard_links() -> None:
    """The first name of an inode is the file, and the others have its attributes."""
    builder = LayerBuilder()
    meta = Meta(mode=0o4755, uid=3, mtime_ns=7 * 10**9, xattrs={"user.k": b"v"})
    node = Regular("data", meta)
    for name in ("z", "d/b", "a"):
        builder.add(tuple(name.split("/")), node)
    link = Symlink("a")
    builder.add(("s1",), link)
    builder.add(("s2",), link)
    layer = builder.freeze()
    data = written(layer)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = [(m.name, m.type, m.linkname, m.size) for m in archive.getmembers()]
        attributes = {
            (m.mode, m.uid, m.mtime) for m in archive.getmembers() if "s" not in m.name
        }

    assert [
        ("a", b"0", "", 4),
        ("d/b", b"1", "a", 0),
        ("s1", b"2", "a", 0),
        ("s2", b"1", "s1", 0),
        ("z", b"1", "a", 0),
    ] == found
    assert {(0o4755, 3, 7)} == attributes
    assert layer == read_layer(literal(data)).layer


def test_markers_have_the_time_of_their_directory() -> None:
    """Marks belong to root, are empty, and are as old as the directory."""
    meta = Meta(mode=0o755, uid=5, mtime_ns=9 * 10**9)
    layer = Layer.build({"d": {".": Directory(meta), "gone": WHITEOUT}})
    with tarfile.open(fileobj=io.BytesIO(written(layer))) as archive:
        mark = archive.getmember("d/.wh.gone")

    assert (0o600, 0, 9, 0, b"0") == (
        mark.mode,
        mark.uid,
        mark.mtime,
        mark.size,
        mark.type,
    )


def test_sparse_content_is_written_as_zeros() -> None:
    """Holes are zeros in the archive, and no sparse form is used."""
    content = literal(b"x").resize(5000).splice(4999, b"y")
    data = written(Layer.build({"f": Regular(content)}))

    assert "50" == "".join(types(data))
    assert b"x" + bytes(4998) + b"y" == data[1024 : 1024 + 5000]


def test_times_are_clamped() -> None:
    """No time is later than the one that is given; earlier ones stay."""
    early, late = (Meta(mode=0o644, mtime_ns=t * 10**9) for t in (3, 8))
    layer = Layer.build({"early": Regular("", early), "late": Regular("", late)})
    with tarfile.open(
        fileobj=io.BytesIO(written(layer, mtime_max_ns=5 * 10**9))
    ) as archive:
        assert [0, 3, 5] == [member.mtime for member in archive.getmembers()]


REFUSED: dict[str, tuple[Spec, str]] = {
    "socket": ({"s": Socket()}, "a socket"),
    "device 0:0": ({"w": Device(0, 0)}, "a whiteout elsewhere"),
    "device numbers": ({"w": Device(2**21, 0)}, "does not fit"),
    "marker": ({".wh.x": ""}, "that of a marker"),
    "opaque mark": ({"d": {".wh..wh..opq": ""}}, "that of a marker"),
    "whiteout of a marker": ({".wh.x": WHITEOUT}, "that of a marker"),
    "link to nothing": ({"l": Symlink("")}, "a symbolic link to ''"),
    "xattr name": (
        {"f": Regular("", Meta(mode=0, xattrs={"user.a=b": b"v"}))},
        "pax cannot carry",
    ),
    "redirect": (
        {"d": Directory(marked(DIRECTORY_META, "redirect", b"/x"))},
        "overlayfs's mark 'redirect'",
    ),
    "metacopy": (
        {"f": Regular("", marked(FILE_META, "metacopy", b""))},
        "overlayfs's mark 'metacopy'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusal_names_layer_entry_and_reason(case: str) -> None:
    """What a tar of a layer cannot hold is refused."""
    spec, reason = REFUSED[case]

    with pytest.raises(FormatError, match=reason) as caught:
        written(Layer.build(spec, label="top"))
    assert str(caught.value).startswith("top: entry '")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_impossible_names_are_refused(name: str) -> None:
    """A name that a reader would take for another is not written."""
    builder = LayerBuilder()
    builder.add((name,), Regular("x"))

    with pytest.raises(FormatError, match="no file can have this name"):
        written(builder.freeze())


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("user.empty", b"", "has an empty value"),
        ("trusted.overlay.opaque", b"y", "is bookkeeping of an overlay"),
    ],
)
def test_xattrs_that_are_dropped_are_told(name: str, value: bytes, told: str) -> None:
    """An xattr that a tar cannot hold goes, and a note says so."""
    meta = Meta(mode=0o644, xattrs={name: value, "user.k": b"v"})
    notes: list[Oddity] = []
    data = written(Layer.build({"f": Regular("", meta)}), report=notes.append)
    node = read_layer(literal(data)).layer.get(("f",))

    assert isinstance(node, Regular)
    assert {"user.k": b"v"} == node.meta.xattrs
    (note,) = notes
    assert told in note.sentence


def test_many_entries_come_in_batches() -> None:
    """Headers are handed on by the quarter of a mebibyte, and none is lost."""
    layer = Layer.build({f"{number:04}": "x" * 100 for number in range(2000)})
    pieces = list(tar_pieces(layer))

    assert written(layer) == b"".join(pieces)
    assert all(len(piece) >= 1 << 18 for piece in pieces[:-1])
    assert 2001 == len(listed(b"".join(pieces)))


def test_big_files_go_through_in_pieces() -> None:
    """A file's pieces are not joined with others."""
    layer = Layer.build({"big": Regular(hole(3 << 20)), "small": "x"})
    pieces = list(tar_pieces(layer))

    assert [1 << 20] * 3 == [len(piece) for piece in pieces if len(piece) >= 1 << 20]
    assert written(layer) == b"".join(pieces)


def test_header_that_no_reader_takes_is_refused() -> None:
    """What is written can be read again; Go's reader has the same limit as ours."""
    xattrs = {"user.k": b"v" * (1 << 20)}
    layer = Layer.build({"d/f": Regular("x", Meta(mode=0o644, xattrs=xattrs))})

    with pytest.raises(FormatError, match=r"entry 'd/f': its header of 10\d+ bytes"):
        write_layer(layer, io.BytesIO())
