"""Raw layers go to directories of the host and come back; nothing is half-done."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from tests.adapters.mounts import remove
from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Layer,
    LayerBuilder,
    Meta,
    Regular,
    Socket,
    SpecError,
    Symlink,
    UnionFSError,
    hole,
    literal,
)
from unionfs_sim.adapters.host import read_directory, write_directory
from unionfs_sim.core.content import Content, concat
from unionfs_sim.dialects import overlay
from unionfs_sim.testing import strategies


def comparable(layer: Layer) -> Layer:
    """Give a raw layer without what a disk cannot be told: change times."""
    builder = LayerBuilder()
    inodes: dict[int, object] = {}
    for parts, entry in layer.items():
        assert entry is not WHITEOUT
        meta = attrs.evolve(entry.meta, ctime_ns=0)
        if isinstance(entry, Directory):
            builder.set_meta(parts, meta)
            continue
        if not isinstance(entry, Regular):  # no file system has user.* on these
            meta = attrs.evolve(meta, xattrs={})
        node = inodes.setdefault(id(entry), attrs.evolve(entry, meta=meta))
        builder.add(parts, node)  # type: ignore[arg-type]
    return builder.freeze()


def meta(*, mode: int = 0o644, uid: int | None = None) -> Meta:
    """Give attributes that whoever runs the test can set."""
    return Meta(
        mode=mode,
        uid=os.geteuid() if uid is None else uid,
        gid=os.getegid(),
        atime_ns=1,
        mtime_ns=1_700_000_000_123_456_789,
    )


def owned(**entries: object) -> Layer:
    """Build a layer that whoever runs the test owns."""
    builder = LayerBuilder()
    builder.set_meta((), meta(mode=0o755))
    for name, node in entries.items():
        parts = tuple(name.split("__"))
        for depth in range(1, len(parts)):
            builder.set_meta(parts[:depth], meta(mode=0o755))
        builder.add(parts, node)  # type: ignore[arg-type]
    return builder.freeze()


def file_of(layer: Layer, *parts: str) -> Regular:
    """Give a regular file of a layer."""
    entry = layer.get(parts)
    assert isinstance(entry, Regular)
    return entry


def test_round_trip(folder: str) -> None:
    """All kinds that need no privilege come back as they were."""
    one = Regular("linked", meta(mode=0o640))
    layer = owned(
        d__one=one,
        two=one,
        empty=Regular(b"", meta(mode=0)),
        link=Symlink("\udce9/../..", meta(mode=0o777)),
        fifo=Fifo(meta(mode=0o4711)),
        socket=Socket(meta()),
        whiteout=Device(0, 0, meta=meta(mode=0)),
        **{"caf\udce9\n": Regular("x", meta(mode=0o2755))},
    )

    notes = write_directory(layer, f"{folder}/out")

    assert [] == notes
    assert comparable(layer) == comparable(read_directory(f"{folder}/out"))


@pytest.mark.oracle
def test_round_trip_of_random_layers(root_folder: str) -> None:
    """As root, any raw layer comes back as it was, devices and owners included."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(strategies.layers(hostile=True, size_max=12))
    def run(layer: Layer) -> None:
        raw = overlay.encode(layer)
        try:
            write_directory(raw, f"{root_folder}/out")

            assert comparable(raw) == comparable(read_directory(f"{root_folder}/out"))
        finally:
            remove(f"{root_folder}/out")

    run()


def test_xattrs(folder: str) -> None:
    """Extended attributes come back, names that are not UTF-8 too."""
    xattrs = {"user.k": b"\0v", "user.caf\udce9": b""}
    layer = owned(f=Regular("x", attrs.evolve(meta(mode=0o444), xattrs=xattrs)))
    Path(f"{folder}/probe").touch()
    try:
        os.setxattr(f"{folder}/probe", "user.probe", b"")
    except OSError as error:
        pytest.skip(f"the temporary folder takes no user xattrs: {error}")

    write_directory(layer, f"{folder}/out")

    assert xattrs == file_of(read_directory(f"{folder}/out"), "f").meta.xattrs


def test_xattr_of_no_namespace_is_left_out(folder: str) -> None:
    """What Linux has no place for is told of, also where owners are kept."""
    xattrs = {"weird.name": b"v", "user.": b"v", "system.odd": b"v"}
    layer = owned(f=Regular("x", attrs.evolve(meta(), xattrs=xattrs)))

    notes = write_directory(layer, f"{folder}/out")

    told = {f"Not kept: the extended attribute {name}, at /f." for name in xattrs}
    assert told == set(notes)
    assert {} == file_of(read_directory(f"{folder}/out"), "f").meta.xattrs


@pytest.mark.parametrize(
    "content",
    [
        hole(1 << 40),
        concat([hole(1 << 20), literal(b"x"), hole(1 << 20)]),
        concat([literal(b"x" * 4096), hole(1 << 20), literal(b"y")]),
    ],
    ids=["only", "around", "between"],
)
def test_holes(folder: str, content: Content) -> None:
    """A hole takes no space on the disk, and is one when it is read."""
    layer = owned(f=Regular(content, meta()))

    write_directory(layer, f"{folder}/out")
    found = os.stat(f"{folder}/out/f")
    read = file_of(read_directory(f"{folder}/out"), "f").content

    assert content.size == found.st_size
    assert found.st_blocks * 512 <= 16_384
    assert [e.source is None for e in content.extents()] == [
        e.source is None for e in read.extents()
    ]
    if content.size < 1 << 30:
        assert content == read


def test_links_outside_count(folder: str) -> None:
    """A name outside the directory is not seen, but the inode counts it."""
    os.mkdir(f"{folder}/in")
    Path(f"{folder}/in/f").touch()
    os.link(f"{folder}/in/f", f"{folder}/out")

    assert 2 == file_of(read_directory(f"{folder}/in"), "f").nlink


def test_label(folder: str) -> None:
    """A layer is called like its directory, or as one likes."""
    os.mkdir(f"{folder}/base")

    assert "base" == read_directory(f"{folder}/base/").label
    assert "x" == read_directory(f"{folder}/base", label="x").label


@pytest.mark.parametrize(("name", "wanted"), [("none", errno.ENOENT), ("f", 20)])
def test_what_is_no_directory(folder: str, name: str, wanted: int) -> None:
    """The error is the host's, with the path as it was given."""
    Path(f"{folder}/f").touch()

    with pytest.raises(UnionFSError) as caught:
        read_directory(f"{folder}/{name}")

    assert (wanted, f"{folder}/{name}") == (caught.value.errno, caught.value.filename)


def _to_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


CHANGES = {
    "grown": lambda path: path.write_text("longer"),
    "touched": lambda path: os.utime(path, ns=(5, 5)),
    "gone": lambda path: path.unlink(),
    "link": lambda path: (path.unlink(), path.symlink_to("other")),
    "fifo": _to_fifo,
    "no directory": lambda path: (path.unlink(), path.parent.rmdir()),
    "linked directory": lambda path: (
        path.parent.rename(path.parent.with_name("moved")),
        path.parent.symlink_to("moved"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_files_are_not_read(folder: str, change: object) -> None:
    """Content is read late, so a file that is another one by then is EIO."""
    path = Path(f"{folder}/in/d/f")
    path.parent.mkdir(parents=True)
    path.write_text("text")
    content = file_of(read_directory(f"{folder}/in"), "d", "f").content
    assert b"text" == content.read_all()

    change(path)  # type: ignore[operator]

    with pytest.raises(UnionFSError) as caught:
        content.read_all()
    assert (errno.EIO, str(path)) == (caught.value.errno, caught.value.filename)


def test_sockets_are_read(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket in use is a socket in the layer."""
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")

        assert isinstance(read_directory(folder).get(("s",)), Socket)


def test_existing_directories(folder: str) -> None:
    """An empty directory is taken; one with content, or a file, is left alone."""
    layer = owned(f=Regular("x", meta()))
    os.mkdir(f"{folder}/empty")
    os.mkdir(f"{folder}/full")
    Path(f"{folder}/full/x").touch()

    write_directory(layer, f"{folder}/empty")

    assert ["f"] == os.listdir(f"{folder}/empty")
    for name, wanted in (("full", errno.ENOTEMPTY), ("full/x", errno.ENOTDIR)):
        with pytest.raises(UnionFSError) as caught:
            write_directory(layer, f"{folder}/{name}")
        assert wanted == caught.value.errno
    assert ["empty", "full"] == sorted(os.listdir(folder))


def test_a_link_is_not_a_directory_to_write_to(folder: str) -> None:
    """The link stays, and nothing is written where it leads."""
    os.mkdir(f"{folder}/there")
    os.symlink("there", f"{folder}/link")

    with pytest.raises(UnionFSError):
        write_directory(owned(f=Regular("x", meta())), f"{folder}/link")

    assert [] == os.listdir(f"{folder}/there")
    assert ["link", "there"] == sorted(os.listdir(folder))


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_interrupted_writes_leave_nothing(
    folder: str, error: type[BaseException]
) -> None:
    """Whatever ends it early, there is nothing under the name, nor beside it."""
    layer = owned(d__e__f=Regular("x", meta()), z=Regular("y", meta()))

    def stop(path: str) -> None:
        if path == "/z":
            raise error

    with pytest.raises(error):
        write_directory(layer, f"{folder}/out", progress=stop)

    assert [] == os.listdir(folder)


def test_sources_that_fail(folder: str) -> None:
    """The error names the file that could not be read, and nothing is left."""
    Path(f"{folder}/in").mkdir()
    Path(f"{folder}/in/f").write_text("text")
    layer = read_directory(f"{folder}/in")
    Path(f"{folder}/in/f").write_text("other text")

    with pytest.raises(UnionFSError) as caught:
        write_directory(layer, f"{folder}/out", owners=False)

    assert f"{folder}/in/f" == caught.value.filename
    assert ["in"] == os.listdir(folder)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\0"])
def test_names_that_cannot_be(folder: str, name: str) -> None:
    """No name leads out of the directory."""
    root = Directory(meta(mode=0o755), {name: Regular("x", meta())})

    with pytest.raises(SpecError):
        write_directory(Layer("evil", root), f"{folder}/out")

    assert [] == os.listdir(folder)


@pytest.mark.parametrize("spec", [{"x": WHITEOUT}, {"d": OPAQUE}])
def test_marks_are_to_be_encoded(folder: str, spec: dict[str, object]) -> None:
    """What a disk cannot have is a mistake of the caller's."""
    with pytest.raises(SpecError, match="is to be encoded first"):
        write_directory(Layer.build(spec), f"{folder}/out")  # type: ignore[arg-type]


def test_names_too_long(folder: str) -> None:
    """Memory takes longer names than the host, which says so."""
    with pytest.raises(UnionFSError) as caught:
        write_directory(owned(**{"x" * 256: Fifo(meta())}), f"{folder}/out")

    assert errno.ENAMETOOLONG == caught.value.errno
    assert [] == os.listdir(folder)


def test_owners_beyond_the_host(folder: str) -> None:
    """An owner that no host has is EINVAL, not an overflow."""
    with pytest.raises(UnionFSError) as caught:
        write_directory(owned(f=Fifo(meta(uid=1 << 40))), f"{folder}/out")

    assert (errno.EINVAL, f"{folder}/out/f") == (
        caught.value.errno,
        caught.value.filename,
    )


def test_unprivileged(folder: str) -> None:
    """Without owners and devices it is said what is missing."""
    other = os.geteuid() + 1
    layer = owned(
        setuid=Regular("x", meta(mode=0o4755, uid=other)),
        other=Regular("x", meta(uid=other)),
        null=Device(1, 3, meta=meta()),
        gone=Device(0, 0, meta=meta(mode=0)),
        fifo=Fifo(attrs.evolve(meta(), xattrs={"user.k": b""})),
    )

    notes = write_directory(layer, f"{folder}/out", owners=False, devices=False)

    assert {
        "Not kept: owner and group, 2 times, at /other first.",
        "Not kept: devices, at /null.",
        "Not kept: set-id bits of files that are now the caller's, at /setuid.",
        "Not kept: the extended attribute user.k, at /fifo.",
    } == set(notes)
    assert ["fifo", "gone", "other", "setuid"] == sorted(os.listdir(f"{folder}/out"))
    found = os.stat(f"{folder}/out/setuid")
    assert (0o755, os.geteuid()) == (stat.S_IMODE(found.st_mode), found.st_uid)


def test_needed_xattrs_are_not_left_out(folder: str) -> None:
    """A mark without which the tree means something else is an error."""
    layer = owned(f=Fifo(attrs.evolve(meta(), xattrs={"user.overlay.x": b""})))

    with pytest.raises(UnionFSError) as caught:
        write_directory(
            layer, f"{folder}/out", owners=False, xattrs_needed="user.overlay."
        )

    assert errno.EPERM == caught.value.errno


def test_progress(folder: str) -> None:
    """Each entry is told once it is complete: a directory after what is in it."""
    told: list[str] = []

    write_directory(
        owned(d__f=Fifo(meta()), e=Fifo(meta())), f"{folder}/out", progress=told.append
    )

    assert ["/e", "/d/f", "/d"] == told
