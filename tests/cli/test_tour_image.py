"""The sample image: made by its script, and accepted by real tools."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import stat
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from unionfs_sim.cli import source
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image

TOUR = source.locate(source.TOUR)[0]


def tool(name: str) -> str:
    """Give the path of a real tool, or skip the test."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def call(*command: str | Path) -> str:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=True
    ).stdout


def test_script_makes_the_same_bytes(root: Path) -> None:
    """Running the script again gives the file that is in the package."""
    if hasattr(zlib, "ZLIBNG_VERSION"):
        pytest.skip("zlib-ng compresses to other bytes than zlib")
    script = runpy.run_path(str(root / "tests" / "data" / "make_tour_image.py"))

    assert TOUR.read_bytes() == script["build"]()


def test_size() -> None:
    """The image stays small: everybody who installs the package gets it."""
    assert TOUR.stat().st_size <= 16 * 1024


def test_what_it_has_to_show() -> None:
    """It has layers, deletions, a name that comes back, and an opaque directory."""
    with open_image(TOUR) as image:
        layers = image.layers_base_first
        cleanup = {
            path for path, entry in layers[3].walk() if not hasattr(entry, "kind")
        }

        assert 6 == len(layers)
        assert {"/etc/motd", "/etc/tinyhttpd/mime.types", "/var/cache/pkg"} == cleanup
        assert layers[0].get(("etc", "motd"))
        assert layers[5].get(("etc", "motd"))
        assert getattr(layers[4].get(("srv", "www")), "opaque", False)
        assert () == image.oddities
        assert 9 == len(image.history)


def described(path: Path) -> dict[str, Any]:
    """Describe an entry on a disk, as `manifest` does."""
    status = path.lstat()
    words = {stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFREG: "file"}
    entry: dict[str, Any] = {
        "type": words[stat.S_IFMT(status.st_mode)],
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "mtime": status.st_mtime_ns,
    }
    if entry["type"] == "symlink":
        entry["target"] = os.readlink(path)
    if entry["type"] == "file":
        entry["size"] = status.st_size
    return entry


@pytest.mark.oracle
def test_umoci_unpacks_what_we_show(tmp_path: Path) -> None:
    """What `umoci unpack` puts on a disk is what `manifest` says."""
    umoci = tool("umoci")
    if os.geteuid() != 0:
        pytest.skip("only root can unpack owners")
    layout, bundle = tmp_path / "layout", tmp_path / "bundle"
    layout.mkdir()
    call("tar", "-C", layout, "-xf", TOUR)
    call(umoci, "unpack", "--image", f"{layout}:latest", bundle)
    rootfs = bundle / "rootfs"
    with open_image(TOUR) as image:
        expected = manifest(image)["root"]

    found = {f"/{path.relative_to(rootfs)}" for path in rootfs.rglob("*")}
    assert set(expected) - {"/"} == found
    for path in found:
        entry = described(rootfs / path[1:])
        assert expected[path] | entry == expected[path], path


@pytest.mark.oracle
def test_skopeo_reads_it(tmp_path: Path) -> None:
    """`skopeo` inspects the image, and converts it to a Docker archive."""
    skopeo = tool("skopeo")
    name = f"oci-archive:{TOUR}:latest"
    inspected = json.loads(call(skopeo, "inspect", name))
    out = tmp_path / "docker.tar"
    call(skopeo, "copy", "--insecure-policy", name, f"docker-archive:{out}:tour:latest")
    with open_image(TOUR) as image, open_image(out) as converted:
        assert [blob.digest for blob in image.descriptors] == inspected["Layers"]
        assert image.diff_ids == converted.diff_ids
        assert manifest(image)["root"] == manifest(converted)["root"]
