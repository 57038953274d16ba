"""Real tools find in what we write the file system that we say is there."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.tools import daemon, needed, run, storage
from unionfs_sim import (
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Layer,
    LayerBuilder,
    Meta,
    Regular,
    Symlink,
    UnionFS,
    literal,
)
from unionfs_sim.adapters.hostread import read_directory
from unionfs_sim.image.build import new_image, squash
from unionfs_sim.image.image import Image
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image
from unionfs_sim.image.write import write_image

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices need root"),
]

#: What container engines put into every root file system themselves.
ENGINE = ("/dev", "/proc", "/sys", "/.dockerenv", "/run")
ENGINE_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/mtab")


@pytest.fixture
def short() -> Iterator[Path]:
    """Give a folder with a short name: sockets and podman allow no other."""
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def base() -> Layer:
    """Give a layer with an entry of every kind that all tools take."""
    builder = LayerBuilder("base")
    builder.set_meta((), Meta(mode=0o755, mtime_ns=10**18))

    def meta(mode: int, **more: Any) -> Meta:
        return Meta(mode=mode, **({"mtime_ns": 1_500_000_000 * 10**9} | more))

    for name in ("etc", "lib", "opt", "tmp", "l" * 120):
        builder.set_meta((name,), meta(0o1777 if name == "tmp" else 0o755))
    motd = Regular("hello", meta(0o4644, uid=1000, gid=3_000_000))
    for parts in (("etc", "motd"), ("etc", "motd2"), ("z-motd",)):
        builder.add(parts, motd)
    builder.add(("etc", "old"), Regular("old", meta(0o600)))
    builder.add(("lib", "caf\u00e9"), Regular("x" * 5000, meta(0o755)))
    builder.add(("l" * 120, "n" * 140), Regular("long", meta(0o644)))
    builder.add(("lib", "link"), Symlink("../" + "t" * 150, meta(0o777)))
    builder.add(("lib", "pipe"), Fifo(meta(0o622)))
    builder.add(("lib", "null"), Device(1, 3, meta=meta(0o666)))
    builder.add(("lib", "disk"), Device(8, 1, block=True, meta=meta(0o660, gid=6)))
    xattrs = {"user.k": b"a=\0\nb"}
    builder.add(("lib", "noted"), Regular("", meta(0o644, xattrs=xattrs)))
    builder.add(("opt", "a"), Regular("a", meta(0o644)))
    builder.add(("lib", "sparse"), Regular(literal(b"x").resize(100_000), meta(0o644)))
    return builder.freeze()


def image() -> Image:
    """Give an image of three layers with whiteouts and a directory made anew."""
    time = Meta(mode=0o700, mtime_ns=1_600_000_000 * 10**9)
    entry = Meta(mode=0o755, mtime_ns=1_600_000_000 * 10**9)
    middle = Layer.build(
        {
            "etc": {".": Directory(entry), "old": WHITEOUT},
            "opt": WHITEOUT,
            "new": Regular("new", time),
        }
    )
    top = LayerBuilder()
    top.set_meta(("opt",), entry)
    top.opaque(("opt",))
    top.add(("opt", "b"), Regular("b", time))
    return new_image([base(), middle, top.freeze()], names=["hc_write:1"])


def root_of(found: Image) -> dict[str, Any]:
    """Give the merged root, but for the root's own attributes, which tools differ on."""
    root: dict[str, Any] = manifest(found)["root"]
    root.pop("/")
    return root


def on_disk(path: Path) -> dict[str, Any]:
    """Give what a tool left on the disk, in the same form."""
    return root_of(new_image([read_directory(str(path))]))


@pytest.fixture(params=["as it is", "squashed", "squashed in part"])
def made(request: pytest.FixtureRequest) -> Image:
    """Give the image, and what squashing makes of it."""
    if request.param == "as it is":
        return image()
    return squash(image(), 0 if request.param == "squashed" else 1)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_umoci_unpacks(made: Image, compression: Any, tmp_path: Path) -> None:
    """umoci unpacks the root that we say is there."""
    needed("umoci")
    write_image(made, tmp_path / "lay", compression=compression, names=["latest"])
    run("umoci", "raw", "unpack", "--image", tmp_path / "lay:latest", tmp_path / "root")

    assert root_of(made) == on_disk(tmp_path / "root")


def test_gnu_tar_extracts_a_layer(tmp_path: Path) -> None:
    """GNU tar extracts the root that a squashed image has, xattrs included."""
    needed("tar")
    whole = squash(image())
    write_image(whole, tmp_path / "layer.tar", format="layer")
    (tmp_path / "root").mkdir()
    wanted = ("--xattrs", "--xattrs-include=*", "--numeric-owner")
    run("tar", *wanted, "-xpf", tmp_path / "layer.tar", "-C", tmp_path / "root")

    assert root_of(whole) == on_disk(tmp_path / "root")


def test_gnu_tar_lists_without_a_warning(tmp_path: Path) -> None:
    """Nothing in our headers is unknown to GNU tar."""
    needed("tar")
    write_image(image(), tmp_path / "image.tar", format="docker-archive")
    with open_image(tmp_path / "image.tar") as again:
        for number, layer in enumerate(again.layers_base_first):
            path = tmp_path / f"{number}.tar"
            write_image(new_image([layer]), path, format="layer")
            done = subprocess.run(
                ["tar", "-tvf", path], capture_output=True, text=True, check=True
            )

            assert "" == done.stderr


FORMS = {
    "oci": ("oci", "oci:{0}:hc_write:1"),
    "oci-archive": ("oci-archive", "oci-archive:{0}:hc_write:1"),
    "docker-archive": ("docker-archive", "docker-archive:{0}"),
}


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", ["oci", "docker-archive"])
def test_skopeo_copies(source: str, target: str, tmp_path: Path) -> None:
    """skopeo reads every form, and what it makes of it is the same image to us."""
    needed("skopeo")
    form, reference = FORMS[source]
    written = write_image(image(), tmp_path / "ours", format=form)  # type: ignore[arg-type]
    theirs = f"{target}:{tmp_path / 'theirs'}:hc_write:1"
    policy = ("--insecure-policy",)
    run("skopeo", *policy, "copy", reference.format(tmp_path / "ours"), theirs)
    inspected = run(
        "skopeo", "inspect", "--config", "--raw", reference.format(tmp_path / "ours")
    )

    assert list(written.diff_ids) == json.loads(inspected)["rootfs"]["diff_ids"]
    with open_image(tmp_path / "theirs") as again:
        assert written.diff_ids == again.diff_ids
        assert written.image_id == again.image_id
        assert root_of(image()) == root_of(again)


def test_skopeo_knows_zstd(tmp_path: Path) -> None:
    """skopeo reads a layout of zstd layers."""
    needed("skopeo")
    pytest.importorskip("zstandard")
    write_image(image(), tmp_path / "ours", compression="zstd", names=["z"])
    run(
        "skopeo", "--insecure-policy", "copy",
        f"oci:{tmp_path / 'ours'}:z", f"dir:{tmp_path / 'dir'}",
    )  # fmt: skip
    found = json.loads((tmp_path / "dir" / "manifest.json").read_bytes())

    assert all(layer["mediaType"].endswith("+zstd") for layer in found["layers"])


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("tool", ["podman", "buildah"])
def test_engines_pull(
    source: str, tool: str, made: Image, tmp_path: Path, short: Path
) -> None:
    """podman and buildah pull every form and have the same root."""
    needed(tool)
    form, reference = FORMS[source]
    write_image(made, tmp_path / "ours", format=form)  # type: ignore[arg-type]
    options = storage(short)
    name = run(tool, *options, "pull", "-q", reference.format(tmp_path / "ours"))
    name = name.splitlines()[-1]
    if tool == "podman":
        place = run(tool, *options, "image", "mount", name)
    else:
        container = run(tool, *options, "from", "--pull-never", name)
        place = run(tool, *options, "mount", container)
    try:
        assert root_of(made) == on_disk(Path(place))
    finally:
        undo = ("image", "unmount", name) if tool == "podman" else ("rm", "--all")
        run(tool, *options, *undo)


def test_docker_loads(short: Path) -> None:
    """`docker load` takes our Docker archives, and exports the same root."""
    folder = short
    with daemon(folder) as docker:
        for number, made in enumerate((image(), squash(image()), squash(image(), 1))):
            path = folder / f"{number}.tar"
            write_image(made, path, format="docker-archive")
            told = docker("load", "-i", path)

            assert "hc_write:1" in told
            container = docker("create", "hc_write:1", "/none")
            docker("export", "-o", folder / "root.tar", container)
            docker("rm", container)
            with open_image(folder / "root.tar") as exported:
                found = root_of(exported)
            expected = root_of(made)
            for path_ in list(found):
                if path_.startswith(ENGINE) or path_ in ENGINE_FILES:
                    assert path_ not in expected
                    del found[path_]
            # The daemon puts its own files into /etc, which changes its time.
            for each in (expected, found):
                each["/etc"].pop("mtime")
                # Of xattrs `docker export` has security.capability alone.
                each["/lib/noted"].pop("xattrs", None)

            assert expected == found


def test_union_commit_reaches_docker(short: Path) -> None:
    """An image changed through a union is what the daemon then has."""
    folder = short
    start = image()
    fs = UnionFS(start.layers_top_first())
    fs.write_text("/etc/motd", "changed")
    fs.rmtree("/lib")
    fs.mkdir("/lib")
    edited = start.with_layer(fs.commit(), created_by="test")
    with daemon(folder) as docker:
        write_image(edited, folder / "image.tar", format="docker-archive")
        docker("load", "-i", folder / "image.tar")
        container = docker("create", "hc_write:1", "/none")
        docker("cp", f"{container}:/etc/motd", folder / "motd")
        docker("cp", f"{container}:/lib", folder / "lib")

    assert "changed" == (folder / "motd").read_text()
    assert [] == os.listdir(folder / "lib")
