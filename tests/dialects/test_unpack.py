"""Unpacking: complete or not at all, and never through a link."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, cli  # noqa: F401 - a fixture
from tests.dialects import ondisk
from unionfs_sim.adapters.hostread import read_directory
from unionfs_sim.adapters.stackdirs import directories_top_first, open_directories
from unionfs_sim.adapters.unpack import unpack
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.meta import DIRECTORY_META, Meta
from unionfs_sim.core.nodes import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Regular,
    Symlink,
)
from unionfs_sim.core.stack import Stack
from unionfs_sim.dialects.registry import DIALECTS
from unionfs_sim.errors import FormatError, SpecError, UnionFSError
from unionfs_sim.image.open import open_image

BASE = Layer.build({"etc/motd": "hello", "etc/hosts": "h", "srv/old": "o"})
PATCH = Layer.build({"etc/motd": WHITEOUT, "srv": OPAQUE, "srv/new": "n"})
STACK = Stack([PATCH, BASE])

#: Dialects that anybody can write; the others' marks need root or are refused.
ANYBODY = [
    "overlay-userxattr",
    "fuse-overlayfs-rootless",
    "aufs",
    "oci",
    "unionfs-fuse",
]


def names(folder: Path) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(place, name), folder)
        for place, directories, files in os.walk(folder)
        for name in directories + files
    )


def test_flat_is_the_merged_root(tmp_path: Path) -> None:
    done = unpack(STACK, tmp_path / "out", owners=False)

    assert ["etc", "etc/hosts", "srv", "srv/new"] == names(tmp_path / "out")
    assert (str(tmp_path / "out"),) == done.layers_base_first
    assert ("flat", "", 4) == (done.dialect, done.options, done.entries)


def test_hard_links_stay(tmp_path: Path) -> None:
    node = Regular("x")
    layer = Layer.build({"a": node, "d/b": node})
    unpack(Stack([layer]), tmp_path / "out", owners=False)
    inodes = {os.stat(tmp_path / "out" / name).st_ino for name in ("a", "d/b")}

    assert 1 == len(inodes)


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "flat"])
def test_directories_read_back(name: str, tmp_path: Path) -> None:
    """What `unpack` wrote, `open_directories` opens as an image of the same view."""
    if name not in ANYBODY and os.geteuid() != 0:
        pytest.skip("only root can set these marks")
    done = unpack(STACK, tmp_path / "out", dialect=name)
    top_first = ":".join(done.layers_base_first[::-1])
    with open_directories(f"{name}:{top_first}") as image:
        found = ondisk.describe(Stack(image.layers_top_first()).root)

        assert [f"{tmp_path}/out/layer{n}" for n in (0, 1)] == [
            layer.label for layer in image.layers_base_first
        ]
    assert unowned(ondisk.describe(STACK.root)) == unowned(found)


def unowned(root: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    left_out = {"uid", "gid"}
    return {
        path: {k: v for k, v in entry.items() if k not in left_out}
        for path, entry in root.items()
    }


def test_numbers_of_layers_sort(tmp_path: Path) -> None:
    layers = [Layer.build({f"f{number}": ""}) for number in range(11)]
    unpack(Stack(layers), tmp_path / "out", dialect="aufs", owners=False)

    assert [f"layer{number:02}" for number in range(11)] == sorted(
        os.listdir(tmp_path / "out")
    )


def test_first_layers_alone(tmp_path: Path) -> None:
    unpack(STACK, tmp_path / "out", layers=1, owners=False)

    assert "motd" in os.listdir(tmp_path / "out" / "etc")
    with pytest.raises(SpecError, match="there are 2 layers, so not the first 3"):
        unpack(STACK, tmp_path / "other", layers=3)


def test_options_name_the_layers_top_first(tmp_path: Path) -> None:
    place = tmp_path / "a:b,c"
    done = unpack(STACK, place, dialect="overlay-userxattr", owners=False)
    quoted = str(place).replace(":", "\\:").replace(",", "\\,")

    assert f"lowerdir={quoted}/layer1:{quoted}/layer0,userxattr" == done.options
    assert done.options.startswith("lowerdir=")


@pytest.mark.parametrize("name", ["flat", "aufs"])
@pytest.mark.parametrize("after", [1, 3])
def test_interrupt_leaves_nothing(name: str, after: int, tmp_path: Path) -> None:
    seen: list[str] = []

    def interrupt(path: str) -> None:
        seen.append(path)
        if len(seen) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(STACK, tmp_path / "out", dialect=name, owners=False, progress=interrupt)

    assert after == len(seen)
    assert [] == os.listdir(tmp_path)


def test_content_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "f").write_text("hello")
    layer = read_directory(source)
    (source / "f").write_text("changed")

    with pytest.raises(UnionFSError):
        unpack(Stack([layer]), tmp_path / "out", owners=False)
    assert ["source"] == os.listdir(tmp_path)


def test_progress_names_every_entry(tmp_path: Path) -> None:
    seen: list[str] = []
    done = unpack(
        STACK, tmp_path / "out", dialect="oci", owners=False, progress=seen.append
    )

    assert len(seen) == done.entries
    assert "/layer1/etc/.wh.motd" in seen


def test_what_is_there_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    unpack(STACK, place, owners=False)  # an empty directory will do

    with pytest.raises(UnionFSError, match="Directory not empty"):
        unpack(STACK, place, owners=False)
    (tmp_path / "file").touch()
    with pytest.raises(UnionFSError, match="Not a directory"):
        unpack(STACK, tmp_path / "file", owners=False)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnionFSError):
        unpack(STACK, tmp_path / "link", owners=False)
    assert ["file", "link", "out"] == sorted(os.listdir(tmp_path))


@pytest.mark.parametrize("name", ["flat", *ANYBODY])
def test_links_are_never_followed(name: str, tmp_path: Path) -> None:
    """Links point out of the tree wherever a careless writer would walk over them."""
    outside = tmp_path / "outside"
    outside.mkdir()
    target = str(outside)
    base = Layer.build(
        {
            "etc": Symlink(target),
            "up": Symlink("../../../../../../../.." + target),
            "d/l": Symlink(target),
            "d/m": Symlink(target + "/new"),
            "loop": Symlink("loop"),
            "deep/a/b": Symlink("../../../.."),
        }
    )
    patch = Layer.build(
        {
            "etc": {"passwd": "owned"},
            "up": {"f": "owned"},
            "d": OPAQUE,
            "d/l/x": "owned",
            "d/m": "owned",
            "loop/f": WHITEOUT,
            "deep/a/b/c/f": "owned",
        }
    )
    unpack(Stack([patch, base]), tmp_path / "out", dialect=name, owners=False)

    assert [] == os.listdir(outside)
    assert ["out", "outside"] == sorted(os.listdir(tmp_path))


def test_link_at_the_target_that_comes_late_is_not_followed(tmp_path: Path) -> None:
    """Whoever puts a link where the directory is to be wins nothing."""
    outside = tmp_path / "outside"
    outside.mkdir()

    def race(path: str) -> None:
        del path
        if not os.path.lexists(tmp_path / "out"):
            os.symlink(outside, tmp_path / "out")

    with pytest.raises(UnionFSError):
        unpack(STACK, tmp_path / "out", owners=False, progress=race)
    assert [] == os.listdir(outside)
    assert ["out", "outside"] == sorted(os.listdir(tmp_path))


def test_what_cannot_be_said_leaves_nothing(tmp_path: Path) -> None:
    layers = [Layer.build({"d/.wh.x": "content"}), BASE]

    with pytest.raises(FormatError, match=r"^layer1, as aufs: /d/\.wh\.x: a name that"):
        unpack(Stack(layers), tmp_path / "out", dialect="aufs")
    assert [] == os.listdir(tmp_path)


def test_losses_say_what_needs_root(tmp_path: Path) -> None:
    meta = Meta(mode=0o4755, uid=12345, gid=12345)
    layer = Layer.build({"f": Regular("", meta), "dev": Device(1, 3)})
    done = unpack(Stack([layer]), tmp_path / "out", owners=False, devices=False)
    losses = " ".join(done.losses)

    assert "owner and group" in losses
    assert "set-id bits" in losses
    assert "devices, at /dev" in losses
    assert 0o755 == stat.S_IMODE(os.stat(tmp_path / "out" / "f").st_mode)


def test_rootless_layers_lose_nothing(tmp_path: Path) -> None:
    """Owner, mode and type are in xattrs, which need no privilege."""
    meta = Meta(mode=0o4711, uid=12345, gid=12345)
    root = Directory(
        DIRECTORY_META, {"f": Regular("", meta), "dev": Device(1, 3, meta=meta)}
    )
    layer = Layer("", root)
    try:
        done = unpack(
            Stack([layer]),
            tmp_path / "out",
            dialect="fuse-overlayfs-rootless",
            owners=False,
            devices=False,
        )
    except UnionFSError as error:
        pytest.skip(f"no user xattrs here: {error}")
    with open_directories(f"fuse-overlayfs:{tmp_path}/out/layer0") as image:
        (found,) = image.layers_base_first

        assert ("dev", "f") == tuple(sorted(found.root.entries))
        assert meta == _without_times(found.get(("f",)))
        assert meta == _without_times(found.get(("dev",)))
    assert () == done.losses


def _without_times(entry: Any) -> Meta:
    return Meta(mode=entry.meta.mode, uid=entry.meta.uid, gid=entry.meta.gid)


def test_metadata_only_file_of_a_directory_gets_its_data(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can set trusted xattrs")
    for name in ("top", "base"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_bytes(b"data" if name == "base" else bytes(4))
    os.setxattr(tmp_path / "top" / "f", "trusted.overlay.metacopy", b"")
    os.chmod(tmp_path / "top" / "f", 0o600)
    with open_directories(f"overlay:{tmp_path}/top:{tmp_path}/base") as image:
        found = image.layers_base_first[1].get(("f",))

        assert isinstance(found, Regular)
        assert (b"data", 0o600) == (found.content.read_all(), found.meta.mode)
    with pytest.raises(FormatError, match="as overlay: /f: the metacopy leads nowhere"):
        open_directories(f"overlay:{tmp_path}/top")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("overlay:a", ("a",)),
        ("overlay:a:b:c", ("a", "b", "c")),
        (r"overlay:a\:b:c\\", ("a:b", "c\\")),
        ("overlay:a\\", ("a\\",)),
    ],
)
def test_directories_are_split(spec: str, expected: tuple[str, ...]) -> None:
    assert expected == directories_top_first(spec)[1]


@pytest.mark.parametrize("spec", ["overlay:", "overlay:a::b", "overlay:a:", "aufs::a"])
def test_directory_without_a_name_is_refused(spec: str) -> None:
    with pytest.raises(SpecError, match="a directory without a name"):
        directories_top_first(spec)


def test_command_tells_what_it_did(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    outcome = cli("unpack", "@tour", tmp_path / "out", "--dialect", "aufs", "--json")

    assert (0, "") == (outcome.status, outcome.err)
    document = outcome.json
    assert "aufs" == document["dialect"]
    assert 6 == len(document["layers_base_first"])
    top_first = ":".join(document["layers_base_first"][::-1])
    ours = cli("manifest", "@tour", "--json").json["root"]
    theirs = cli("manifest", f"aufs:{top_first}", "--json").json["root"]
    assert ours.keys() == theirs.keys()
    listed = cli("layers", f"aufs:{top_first}")
    assert f"{tmp_path}/out/layer5" in cli("layers", f"aufs:{top_first}", "--full").out
    assert 0 == listed.status


def test_command_refuses(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "f").touch()
    full = cli("unpack", "@tour", tmp_path / "out")
    unknown = cli("unpack", "@tour", tmp_path / "new", "--dialect", "zfs")
    orphan = cli("unpack", "@tour", tmp_path / "no" / "new")

    assert (2, f"unionfs-sim: {tmp_path}/out: Directory not empty\n") == (
        full.status,
        full.err,
    )
    assert 2 == unknown.status
    assert "there is no dialect 'zfs'" in unknown.err
    assert (2, f"unionfs-sim: {tmp_path}/no/new: No such file or directory\n") == (
        orphan.status,
        orphan.err,
    )
    assert ["out"] == os.listdir(tmp_path)


@pytest.mark.parametrize("dialect", ["flat", "overlay"])
def test_command_unpacks_the_first_layers(
    cli: Cli,  # noqa: F811
    tmp_path: Path,
    dialect: str,
) -> None:
    outcome = cli(
        "unpack", "@tour", tmp_path / "out", "--upto", "2", "--dialect", dialect
    )

    assert 0 == outcome.status
    assert f"{tmp_path}/out: " in outcome.out


@pytest.mark.oracle
@pytest.mark.parametrize(
    "image",
    [
        "whiteouts.oci.tar",
        "rules-main.oci.tar",
        "churn/churn-umoci-21.oci.tar",
        "churn/churn-buildah-11.oci.tar",
    ],
)
def test_flat_is_what_umoci_unpacks(image: str, shared: Path, tmp_path: Path) -> None:
    if shutil.which("umoci") is None:
        pytest.skip("umoci is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root can set owners")
    layout = tmp_path / "layout"
    layout.mkdir()
    shutil.unpack_archive(shared / "images" / image, layout, "tar")
    index = json.loads((layout / "index.json").read_bytes())
    tag = index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
    bundle = tmp_path / "bundle"
    subprocess.run(
        ["umoci", "unpack", "--image", f"{layout}:{tag}", str(bundle)],
        check=True,
        capture_output=True,
    )
    with open_image(layout) as opened:
        done = unpack(opened, tmp_path / "ours")
        implied = _implied(Stack(opened.layers_top_first()))
    expected = ondisk.describe(read_directory(bundle / "rootfs").root)
    found = ondisk.describe(read_directory(tmp_path / "ours").root)

    assert () == done.losses
    assert sorted(expected) == sorted(found)
    for path, entry in expected.items():
        if path in implied:  # umoci makes up the time
            entry["mtime"] = found[path]["mtime"]

        assert entry == found[path], path


def _implied(stack: Stack) -> set[str]:
    """Give the directories that no layer has an entry for."""
    found = set()
    pending: list[tuple[str, Any]] = [("", stack.root)]
    while pending:
        path, directory = pending.pop()
        if directory.implied:
            found.add(path or "/")
        pending += [
            (f"{path}/{name}", entry)
            for name, entry in directory.entries.items()
            if hasattr(entry, "entries")
        ]
    return found
