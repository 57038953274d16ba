"""The index of images: it saves reading, believes little, and changes no answer."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unionfs_sim import UnionFS
from unionfs_sim.core.content import Extent, literal
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Directory, Entry, Fifo, Regular, Socket
from unionfs_sim.errors import DigestError, FormatError
from unionfs_sim.image import decompress, digest, index, tarlayer, tarwriter
from unionfs_sim.image.image import Image
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image
from unionfs_sim.image.sources import FileSource, Spool
from unionfs_sim.image.tarlayer import read_layer
from unionfs_sim.image.tarstream import as_extent
from unionfs_sim.image.treefile import TreeFile, UnfitError, encode
from unionfs_sim.testing.strategies import layers

MakeBytes = Callable[..., bytes]
MakeLayout = Callable[..., dict[str, bytes]]

DATA: Final = Path(__file__).resolve().parents[1] / "data" / "images"
ARCHIVES: Final = sorted(
    path
    for path in DATA.rglob("*.tar*")
    if ".layer" not in path.name and "two-images" not in path.name
)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files that were written a moment ago for settled."""
    monkeypatch.setattr(index, "SETTLED_NS", -1_000_000_000)


@pytest.fixture
def image(tmp_path: Path, layout: MakeLayout, header: MakeBytes) -> Path:
    """Give a layout of two compressed layers."""
    tars = (
        header("etc", type="5")
        + header("etc/motd", b"hello")
        + header("etc/issue", type="1", link="etc/motd")
        + header("www", type="2", link="srv")
        + bytes(1024),
        header("etc/.wh.motd")
        + header("srv/.wh..wh..opq")
        + header("srv/page", b"bye")
        + header("pipe", type="6")
        + header("null", type="3", major=1, minor=3)
        + bytes(1024),
    )
    files = layout(
        *tars,
        media_type="application/vnd.oci.image.layer.v1.tar+gzip",
        stored=lambda tar: gzip.compress(tar, mtime=0),
    )
    return put(tmp_path / "image", files)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what opening an image has to do."""
    done: Counter[str] = Counter()

    def counted(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def method(*given: Any, **named: Any) -> Any:
            done[name] += 1
            return original(*given, **named)

        monkeypatch.setattr(owner, name, method)

    counted(decompress, "chunks")
    counted(tarlayer, "read_layer")
    counted(digest, "of_content")
    counted(index.Index, "keep")
    counted(TreeFile, "entries")
    return done


def put(folder: Path, files: dict[str, bytes]) -> Path:
    """Write the files of a layout."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def kept(folder: Path) -> list[Path]:
    """Give the files of an index."""
    return sorted(folder.glob("*.layer"))


def same(left: Image, right: Image) -> bool:
    """Tell whether two images are alike, down to the content of their files."""
    names = ("diff_ids", "chain_ids", "image_id", "manifest_digest", "names")
    return (
        all(getattr(left, name) == getattr(right, name) for name in names)
        and left.descriptors == right.descriptors
        and left.oddities == right.oddities
        and [each.label for each in left.layers_base_first]
        == [each.label for each in right.layers_base_first]
        and left.layers_base_first == right.layers_base_first
        and manifest(left) == manifest(right)
    )


@pytest.mark.usefixtures("settled")
def test_second_opening_reads_no_layer(
    image: Path, tmp_path: Path, work: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a layer is read, decompressed, hashed or parsed the second time."""
    with open_image(image, index=tmp_path / "index"):
        assert 2 == work["keep"] == len(kept(tmp_path / "index"))
    work.clear()
    asked: list[str] = []
    read_at = FileSource.read_at

    def read(self: FileSource, offset: int, size: int) -> bytes:
        asked.append(self.name)
        return read_at(self, offset, size)

    monkeypatch.setattr(FileSource, "read_at", read)
    with open_image(image, index=tmp_path / "index") as again:
        blobs = {each.digest.partition(":")[2] for each in again.descriptors}
        assert not work["chunks"] + work["read_layer"] + work["keep"]
        assert not work["entries"], "no directory has been looked into"
        assert blobs.isdisjoint(Path(name).name for name in asked)
        # The manifest and the config are small, and are checked each time.
        assert 2 == work["of_content"]


@pytest.mark.usefixtures("settled")
def test_directories_are_read_as_they_are_looked_into(
    tmp_path: Path, layout: MakeLayout, header: MakeBytes, work: Counter[str]
) -> None:
    """A lookup reads the directories on its way, once."""
    tar = b"".join(header(f"d{n}/e{n}/f", b"x") for n in range(50)) + bytes(1024)
    image = put(tmp_path / "image", layout(tar))
    open_image(image, index=tmp_path / "index").close()
    with open_image(image, index=tmp_path / "index") as again:
        (layer,) = again.layers_base_first
        for _ in range(3):
            assert layer.get(("d7", "e7", "f")) is not None
            assert 3 == work["entries"]
        assert 1 + 3 * 50 == len(layer) + 1
        assert 101 == work["entries"]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)
def test_images_are_the_same_through_an_index(archive: Path, tmp_path: Path) -> None:
    """All that an image says is the same, whether or not it was known."""
    with (
        open_image(archive) as plain,
        open_image(archive, index=tmp_path) as first,
        open_image(archive, index=tmp_path) as second,
    ):
        assert same(plain, first)
        assert same(plain, second)
        fs = UnionFS(second.layers_top_first(), read_only=True)
        assert fs.listdir("/") == UnionFS(plain.layers_top_first()).listdir("/")


@pytest.mark.usefixtures("settled")
def test_a_name_of_hard_links_is_one_inode(image: Path, tmp_path: Path) -> None:
    """Names of one inode are names of one inode again, wherever they are."""
    open_image(image, index=tmp_path / "index").close()
    with open_image(image, index=tmp_path / "index") as again:
        base = again.layers_base_first[0]
        motd, issue = base.get(("etc", "motd")), base.get(("etc", "issue"))
        assert motd is issue
        assert isinstance(motd, Regular)
        assert (2, b"hello") == (motd.nlink, motd.content.read_all())


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("how", ["other bytes", "rewritten", "touched", "replaced"])
def test_a_changed_blob_is_read_again(
    image: Path, tmp_path: Path, work: Counter[str], how: str
) -> None:
    """Whatever is done to a blob, it is checked before it is believed again."""
    with open_image(image, index=tmp_path / "index") as first:
        name = first.descriptors[0].digest.partition(":")[2]
    blob = image / "blobs" / "sha256" / name
    status, data = blob.stat(), blob.read_bytes()
    work.clear()
    if how == "touched":
        os.utime(blob, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    elif how == "replaced":
        shutil.copy2(blob, tmp_path / "copy")
        (tmp_path / "copy").replace(blob)
    else:
        blob.write_bytes(bytes(len(data)) if how == "other bytes" else data)
        os.utime(blob, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if it had not
    if how == "other bytes":
        with pytest.raises(DigestError, match="not sha256"):
            open_image(image, index=tmp_path / "index")
    else:
        open_image(image, index=tmp_path / "index").close()
        assert 1 == work["read_layer"]


def test_what_has_just_changed_is_not_kept(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a tick of the clock a file could change again without showing it."""
    open_image(image, index=tmp_path / "index").close()
    assert [] == kept(tmp_path / "index")
    now = max(path.stat().st_ctime_ns for path in image.rglob("*"))
    monkeypatch.setattr("time.time_ns", lambda: now + index.SETTLED_NS + 1)
    open_image(image, index=tmp_path / "index").close()
    assert 2 == len(kept(tmp_path / "index"))


@pytest.mark.usefixtures("settled")
def test_a_change_during_the_reading_is_not_kept(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blob that changes under the reader is not what was checked."""
    monkeypatch.setattr(FileSource, "identity_now", lambda _: (0,))
    open_image(image, index=tmp_path / "index").close()
    assert [] == kept(tmp_path / "index")


@pytest.mark.usefixtures("settled")
def test_only_what_was_checked_and_plain_is_kept(
    image: Path, tmp_path: Path, layout: MakeLayout, header: MakeBytes
) -> None:
    """Nothing unchecked is kept, nothing odd, and nothing read by other limits."""
    folder = tmp_path / "index"
    open_image(image, index=folder, verify=False).close()
    open_image(image, index=folder, limits=Limits(entries_max=1000)).close()
    odd = put(tmp_path / "odd", layout(header("f", type="V") + bytes(1024)))
    with open_image(odd, index=folder) as opened:
        assert opened.oddities
    with open_image(DATA / "forms" / "rules-main.layer0.tar", index=folder):
        assert [] == kept(folder)  # the tar of a single layer has no digest to go by
    open_image(image, index=folder, lenient=True).close()
    assert 2 == len(kept(folder))
    open_image(image, index=folder).close()
    assert 4 == len(kept(folder)), "a strict reading is another"


@pytest.mark.usefixtures("settled")
def test_known_layers_count_towards_the_limit(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image of too many entries is refused, known layers or not."""
    few = Limits(entries_max=6)
    with pytest.raises(FormatError, match="more than 6"):
        open_image(image, limits=few)
    open_image(image, index=tmp_path / "index").close()
    monkeypatch.setattr("unionfs_sim.image.open.DEFAULT_LIMITS", few)
    with pytest.raises(FormatError, match="more than 6"):
        open_image(image, limits=few, index=tmp_path / "index")


def test_an_index_that_others_can_write_is_refused(image: Path, tmp_path: Path) -> None:
    """Who can write an index can say anything of any image."""
    folder = tmp_path / "index"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(FormatError, match="others can write there"):
        open_image(image, index=folder)
    made = tmp_path / "deep" / "new"
    open_image(image, index=made).close()
    assert 0o700 == made.stat().st_mode & 0o777


def _linked(file: Path) -> None:
    file.rename(file.with_suffix(".moved"))
    file.symlink_to(file.with_suffix(".moved"))


def _made_a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _made_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _damage() -> Iterator[Any]:
    whole = {
        "empty": lambda data: b"",
        "cut": lambda data: data[:-1],
        "longer": lambda data: data + b"\n",
        "zeros": lambda data: bytes(len(data)),
        "other version": lambda data: data.replace(b"index 1", b"index 2", 1),
        "a flipped bit": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        "no head": lambda data: resealed(b"[]\n"),
        "no lines": lambda data: resealed(b"x"),
        "not JSON": lambda data: resealed(b"{\n{\n"),
        "deep JSON": lambda data: resealed(b"[" * 100_000 + b"\n"),
    }
    for name, change in whole.items():
        yield pytest.param(
            lambda file, c=change: file.write_bytes(c(file.read_bytes())), id=name
        )
    for act in (_linked, _made_a_directory, _made_a_pipe):
        yield pytest.param(act, id=act.__name__.strip("_"))
    yield pytest.param(lambda file: file.chmod(0o666), id="writable by others")


def resealed(body: bytes) -> bytes:
    """Give a file of the index with a right digest, as a forger would."""
    check = hashlib.sha256(body).hexdigest().encode()
    return b"unionfs-sim index 1 " + check + b"\n" + body


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("harm", [*_damage()])
def test_damaged_files_are_as_if_they_were_not_there(
    image: Path, tmp_path: Path, work: Counter[str], harm: Callable[[Path], object]
) -> None:
    """A file that is damaged, foreign or strange costs a reading, and no more."""
    with (
        open_image(image) as plain,
        open_image(image, index=tmp_path / "index"),
    ):
        for file in kept(tmp_path / "index"):
            harm(file)
        work.clear()
        with open_image(image, index=tmp_path / "index") as again:
            assert 2 == work["read_layer"]
            assert same(plain, again)


@pytest.mark.usefixtures("settled")
def test_a_file_of_another_layer_is_foreign(
    image: Path, tmp_path: Path, work: Counter[str]
) -> None:
    """A file under another's name says by its key that it is not meant."""
    open_image(image, index=tmp_path / "index").close()
    one, other = kept(tmp_path / "index")
    one.rename(tmp_path / "third")
    other.rename(one)
    (tmp_path / "third").rename(other)
    work.clear()
    open_image(image, index=tmp_path / "index").close()
    assert 2 == work["read_layer"]


@pytest.mark.usefixtures("settled")
def test_a_decompressed_layer_is_checked_when_it_is_read(
    image: Path, tmp_path: Path
) -> None:
    """What comes out of a blob later is held to the digest, and to the size."""
    folder = tmp_path / "index"
    open_image(image, index=folder).close()
    with open_image(image, index=folder) as again:
        page = again.layers_base_first[1].get(("srv", "page"))
        assert isinstance(page, Regular)
        assert b"bye" == page.content.read_all()
        stored = again.blobs[0]
        assert stored is not None
        late = stored.tar.extents()[0].source
        late._stored = attrs.evolve(late._stored, diff_id="sha256:" + "0" * 64)  # type: ignore[union-attr]
        with pytest.raises(OSError, match="Input/output error") as caught:
            stored.tar.read(0, 1)
        assert errno.EIO == caught.value.errno
    for file in kept(folder):
        head, _, rest = file.read_bytes().partition(b"\n")[2].partition(b"\n")
        key, how, stored_digest, size, entries = json.loads(head)
        forged = json.dumps([key, how, stored_digest, size + 512, entries]).encode()
        file.write_bytes(resealed(forged + b"\n" + rest))
    with open_image(image, index=folder) as again:
        page = again.layers_base_first[1].get(("srv", "page"))
        assert isinstance(page, Regular)
        with pytest.raises(OSError, match="Input/output error"):
            page.content.read_all()


@pytest.mark.usefixtures("settled")
def test_content_is_gone_with_the_image(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After closing nothing is decompressed any more, and no file is made for it."""
    open_image(image, index=tmp_path / "index").close()
    with open_image(image, index=tmp_path / "index") as again:
        page = again.layers_base_first[1].get(("srv", "page"))
    assert isinstance(page, Regular)
    monkeypatch.setattr(Spool, "add", lambda *_: pytest.fail("a spool was made"))
    with pytest.raises(OSError, match="Bad file descriptor"):
        page.content.read_all()


@pytest.mark.usefixtures("settled")
def test_an_index_that_cannot_be_written_is_no_hindrance(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves an image that is open, and no half of a file."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with open_image(image, index=tmp_path / "index") as opened:
        assert 2 == len(opened.layers_base_first)
    assert [] == list((tmp_path / "index").iterdir())


@pytest.mark.usefixtures("settled")
def test_an_index_keeps_so_many_layers_and_no_more(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go first."""
    monkeypatch.setattr(index, "LAYERS_MAX", 3)
    folder = tmp_path / "index"
    folder.mkdir(mode=0o700)
    for number in range(3):
        (folder / f"{number}.layer").touch()
        os.utime(folder / f"{number}.layer", (number, number))
    (folder / "mine.txt").touch()
    open_image(image, index=folder).close()
    names = {path.name for path in folder.iterdir()}
    assert {"mine.txt", "2.layer"} < names
    assert 3 == len(kept(folder))


@pytest.mark.usefixtures("settled")
def test_an_archive_has_its_layers_in_the_index_too(
    tmp_path: Path, work: Counter[str]
) -> None:
    """Layers within an uncompressed archive are known by where they are in it."""
    archive = DATA / "forms" / "rules-main.legacy.docker.tar"
    with open_image(archive, index=tmp_path) as plain:
        layers_found = len(set(plain.diff_ids))
        assert layers_found == len(kept(tmp_path))
    work.clear()
    with open_image(archive, index=tmp_path) as again:
        assert again.descriptors == plain.descriptors
    assert 1 == work["read_layer"], "the archive itself, which is read like a layer"
    assert not work["chunks"]


def _tree(data: bytes, tar: Extent) -> list[tuple[tuple[str, ...], Entry]]:
    return list(Layer("", TreeFile(data, tar, place="test").root).items())


def _written(layer: Layer) -> tuple[Layer, Extent]:
    """Give a layer as it is read from the tar of it."""
    tar = as_extent(literal(b"".join(tarwriter.tar_pieces(layer))))
    return read_layer(tar).layer, tar


@given(layers())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_trees_come_back(layer: Layer) -> None:
    """Any tree that a tar can hold comes back from its bytes."""
    try:
        found, tar = _written(layer)
    except FormatError:
        return  # a socket, for instance
    data = encode(found.root, tar)
    again = Layer("", TreeFile(data, tar, place="test").root)
    assert found == again
    assert data == encode(again.root, tar)


#: What a forger could put where something else is expected.
_STRANGE: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [
        *(None, True, -2, -1, 0, 1, 9, 40, 2**63, 1.5),
        *("", "a", "..", "a/b", "a\0", "\ud800"),
        *([], [0], [-1, 3], [0, 64], [[]]),
        *({}, {"a": "00"}, {"a": "no hex"}, {"a": 1}),
    ]
)


@st.composite
def _forged(draw: st.DrawFn) -> bytes:
    """Give rows as a forger could write them."""
    meta = st.lists(st.integers(-1, 9), min_size=3, max_size=7) | _STRANGE
    kind = st.sampled_from(["d", "f", "x", "s", "b", "c", "p", "l", "w"])
    strange = st.lists(_STRANGE, max_size=4)
    row = st.builds(lambda name, k, r: [name, k, *r], _STRANGE, kind, strange)
    line = st.tuples(st.lists(meta, max_size=2), st.lists(row, max_size=3)).map(list)
    head = [draw(meta), draw(st.integers(-1, 16)), draw(strange)]
    lines = [head, *draw(st.lists(line, max_size=3))]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@given(_forged() | st.binary(max_size=200))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_forged_trees_fail_as_files_do(data: bytes) -> None:
    """Whatever the bytes say, they fail at once, or later with EIO, or are a tree."""
    try:
        _tree(data, as_extent(literal(bytes(64))))
    except OSError as error:
        assert errno.EIO == error.errno  # noqa: PT017 - one of three good ends
    except ValueError as error:
        assert "no tree of a layer" in str(error)  # noqa: PT017 - likewise


@given(st.data())
@settings(max_examples=200)
def test_damaged_trees_fail_as_files_do(data: st.DataObject) -> None:
    """The same for bytes that were right, but for one place."""
    layer = Layer.build({"a/b/c": "x", "a/d": "y", "e/": {"f": "z"}})
    found, tar = _written(layer)
    raw = bytearray(encode(found.root, tar))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    test_forged_trees_fail_as_files_do.hypothesis.inner_test(bytes(raw))  # type: ignore[attr-defined]


def test_no_tree_is_larger_than_its_bytes() -> None:
    """Directories that claim each other's bytes are refused: nothing multiplies."""
    inner = b'[[[0,0,0,0]],[["a","f",0,0,0]]]\n'
    outer = f'[[[0,0,0,0]],[["x","d",0,0,{len(inner)}],["y","d",0,0,{len(inner)}]]]\n'
    with pytest.raises(OSError, match="Input/output error"):
        _tree(b"[[0,0,0,0],0,[]]\n" + outer.encode() + inner, as_extent(literal(b"x")))
    right = outer.encode() + inner + inner
    assert 5 == len(_tree(b"[[0,0,0,0],0,[]]\n" + right, as_extent(literal(b"x"))))


@pytest.mark.parametrize("flags", [1, 2, 4, 8, 15])
def test_a_directory_is_what_was_said_of_it(flags: int) -> None:
    """Marks and bareness, which a fold goes by, are checked against the entries."""
    inner = b"[[],[]]\n" if flags in {4, 8, 15} else b'[[[0,0,0,0]],[["a","w"]]]\n'
    outer = f'[[[0,0,0,0]],[["d","d",0,{flags},{len(inner)}]]]\n'.encode()
    tree = TreeFile(
        b"[[0,0,0,0],0,[]]\n" + outer + inner, as_extent(literal(b"x")), place="test"
    )
    with pytest.raises(OSError, match="Input/output error"):
        list(Layer("", tree.root).items())


@pytest.mark.parametrize(
    "root",
    [
        Directory(entries={"f": Regular("elsewhere")}),
        Directory(entries={"s": Socket()}),
        Directory(entries={"p": Fifo(Meta(mode=0, private={"impure": b"y"}))}),
        Directory(entries={"r": Directory(Meta(mode=0, private={"redirect": b"x"}))}),
    ],
    ids=["content", "socket", "private", "redirect"],
)
def test_what_no_tar_holds_has_no_bytes(root: Directory) -> None:
    """A tree that did not come from the tar is not written down wrongly."""
    with pytest.raises(UnfitError):
        encode(root, as_extent(literal(b"x")))


#: Every way to look into a dictionary.
QUESTIONS: Final[Mapping[str, Callable[[Any], object]]] = {
    "in": lambda e: "f" in e,
    "equal": lambda e: e == {},
    "unequal": lambda e: e != {},
    "item": lambda e: e["f"],
    "list": list,
    "len": len,
    "bool": bool,
    "or": lambda e: sorted(e | {"g": 1}),
    "ror": lambda e: sorted({"g": 1} | e),
    "reversed": lambda e: [*reversed(e)],
    "repr": repr,
    "copy": lambda e: e.copy(),
    "get": lambda e: e.get("f"),
    "get other": lambda e: e.get("g", 3),
    "items": lambda e: [*e.items()],
    "keys": lambda e: [*e.keys()],
    "values": lambda e: [*e.values()],
    "dict": dict,
    "unpacked": lambda e: {**e},
    "directory": lambda e: Directory(entries=e).bare,
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_unread_entries_are_a_dictionary(ask: Callable[[Any], object]) -> None:
    """Whatever is asked of entries that are not read yet reads them."""
    found, tar = _written(Layer.build({"f": "text"}))
    data = encode(found.root, tar)
    read = dict(TreeFile(data, tar, place="test").root.entries)
    unread = TreeFile(data, tar, place="test").root.entries
    assert ask(read) == ask(unread)
    assert ["f"] == [*unread]


def test_threads_read_a_directory_once(work: Counter[str]) -> None:
    """Threads that look into one directory at once get one set of entries."""
    found, tar = _written(Layer.build({f"f{n}": "text" for n in range(500)}))
    root = TreeFile(encode(found.root, tar), tar, place="test").root
    barrier = threading.Barrier(8)
    seen: list[Entry | None] = []

    def look() -> None:
        barrier.wait()
        seen.append(root.entries.get("f7"))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8 == len(seen)
    assert 1 == len(set(map(id, seen)))
    assert 1 == work["entries"]
