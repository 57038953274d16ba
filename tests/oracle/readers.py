"""Real tools as readers of what we write: each gives the root file system it finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs

from tests.dialects import ondisk
from tests.oracle.tools import Docker, needed, run, storage
from unionfs_sim.adapters.hostread import read_directory
from unionfs_sim.core.nodes import WHITEOUT, Directory
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.xattrs import support_error
from unionfs_sim.dialects.flat import flatten
from unionfs_sim.image.build import new_image
from unionfs_sim.image.image import Image
from unionfs_sim.image.open import open_image
from unionfs_sim.image.write import Format, write_image

#: Paths below the root, with what is there.
Entries: TypeAlias = dict[str, dict[str, Any]]


@attrs.frozen
class Place:
    """
    Where a reader works.

    Attributes:
        folder: Empty, and gone afterwards.
        engines: Where engines keep what they have; its name is short.
        docker: Talks to a daemon, once it is asked for.
    """

    folder: Path
    engines: Path
    docker: Callable[[], Docker]


def entries(view: Any) -> Entries:
    """
    Describe a root: visible names alone are counted as hard links.

    The root itself is left out, as tools differ on it (layer-formats, section 9).
    """
    found = ondisk.describe(view, links_min=1)
    for entry in found.values():
        entry.pop("nlink", None)
        if len(entry.get("links", ())) < 2:
            entry.pop("links", None)
    del found["/"]
    return found


def on_disk(path: str | Path) -> Entries:
    """Describe what a tool left on the disk."""
    return entries(read_directory(str(path)).root)


def umoci(image: Image, place: Place) -> Entries:
    """Unpack an OCI layout."""
    needed("umoci")
    root = place.folder / "root"
    layout = place.folder / "layout"
    # Version 0.4.7 has no zstd.
    zstd = any("zstd" in each.media_type for each in image.descriptors)
    compression = "gzip" if zstd else "keep"
    write_image(image, layout, names=["x"], compression=compression)  # type: ignore[arg-type]
    run("umoci", "raw", "unpack", "--image", f"{layout}:x", root)
    return on_disk(root)


def podman(image: Image, place: Place) -> Entries:
    """Pull an OCI archive, and mount the image."""
    needed("podman")
    archive = place.folder / "archive"
    write_image(image, archive, format="oci-archive", names=["x"])
    options = storage(place.engines)
    said = run("podman", *options, "pull", "-q", f"oci-archive:{archive}:x")
    name = said.splitlines()[-1]
    try:
        return on_disk(run("podman", *options, "image", "mount", name))
    finally:
        run("podman", *options, "image", "unmount", "--force", name)
        run("podman", *options, "rmi", "--force", name)


def dockerd(image: Image, place: Place) -> Entries:
    """Load a Docker archive, and look into the daemon's storage."""
    docker = place.docker()
    archive = place.folder / "archive"
    write_image(image, archive, format="docker-archive", names=["matrix:1"])
    docker("load", "-i", archive)
    try:
        layers = place.engines / "data" / "image" / "vfs" / "layerdb" / "sha256"
        top = layers / image.chain_ids[-1].partition(":")[2] / "cache-id"
        return on_disk(place.engines / "data" / "vfs" / "dir" / top.read_text())
    finally:
        docker("rmi", "--force", "matrix:1")


def gnu_tar(image: Image, place: Place) -> Entries:
    """Extract the root as a single layer."""
    needed("tar")
    whole = new_image([flatten(Stack(image.layers_top_first()).root)])
    write_image(whole, place.folder / "layer.tar", format="layer")
    root = place.folder / "root"
    root.mkdir()
    wanted = ("--xattrs", "--xattrs-include=*", "--numeric-owner")
    run("tar", *wanted, "-xpf", place.folder / "layer.tar", "-C", root)
    return on_disk(root)


def skopeo(image: Image, place: Place) -> Entries:
    """Copy out of every form of archive; what it copied has the layers that we wrote."""
    needed("skopeo")
    forms: dict[Format, str] = {
        "oci": "oci:{}:x:1",
        "oci-archive": "oci-archive:{}:x:1",
        "docker-archive": "docker-archive:{}",
    }
    found: list[Entries] = []
    for form, reference in forms.items():
        source = place.folder / form
        write_image(image, source, format=form, names=["x:1"])
        target = place.folder / f"from-{form}"
        run(
            "skopeo", "--insecure-policy", "copy", "-q",
            reference.format(source), f"oci:{target}:x",
        )  # fmt: skip
        config = run("skopeo", "inspect", "--config", "--raw", f"oci:{target}:x")
        assert list(image.diff_ids) == json.loads(config)["rootfs"]["diff_ids"]
        with open_image(target) as copied:
            found.append(entries(Stack(copied.layers_top_first()).root))
    assert found[0] == found[1] == found[2]
    return found[0]


@attrs.frozen
class Reader:
    """
    A tool that reads what we write.

    Attributes:
        read: Writes the image, lets the tool read it, and says what it found.
        form: What it reads.
        engine: Whether it applies layers as container engines do.
    """

    read: Callable[[Image, Place], Entries]
    form: str
    engine: bool = False


READERS: Final[Mapping[str, Reader]] = {
    "umoci": Reader(umoci, "oci"),
    "skopeo": Reader(skopeo, "oci, oci-archive, docker-archive"),
    "podman": Reader(podman, "oci-archive", engine=True),
    "dockerd": Reader(dockerd, "docker-archive", engine=True),
    "GNU tar": Reader(gnu_tar, "layer"),
}


def comparable(image: Image, name: str, found: Entries) -> tuple[Entries, Entries]:
    """Give what is expected of a tool and what it found, without what has no answer."""
    expected = entries(Stack(image.layers_top_first()).root)
    if READERS[name].engine:
        left_out = _of_engines(image)
        for path in left_out.keys() - expected.keys():
            # They make the directories that bare whiteouts are in.
            if found.get(path, {}).get("type") == "dir":
                del found[path]
        for entry in expected.values():
            entry["mtime"] = max(entry["mtime"], 0)  # they know none before 1970
    elif name == "GNU tar":  # the root is one layer, which implies nothing
        left_out = {}
    else:
        left_out = {path: {"mtime"} for path in _never_told(image)}
    for side in (expected, found):
        for entry in side.values():
            kept = entry.get("xattrs", {}).items()
            entry["xattrs"] = {key: value for key, value in kept if _keeps(name, key)}
        for path, fields in left_out.items():
            for field in fields:
                side.get(path, {}).pop(field, None)
    return expected, found


def _keeps(name: str, xattr: str) -> bool:
    """Tell whether a tool keeps an xattr at all."""
    if support_error(xattr):  # no Linux file system has a place for it
        return False
    if name == "dockerd":  # its vfs driver copies no others to the next layer
        return xattr == "security.capability"
    return name != "podman" or not xattr.startswith(("system.", "trusted."))


def _never_told(image: Image) -> set[str]:
    """Give the directories without an entry of their own, which have no attributes."""
    implied: set[str] = set()
    told: set[str] = set()
    for layer in image.layers_base_first:
        for path, node in layer.walk():
            if isinstance(node, Directory):
                (implied if node.implied else told).add(path)
    return implied - told


def _of_engines(image: Image) -> dict[str, set[str]]:
    """
    Say what container engines do their own way (layer-formats, section 9).

    They change the time of a directory that they put something into and take a mode
    where there is none, give an inode the time of the last of its names, and podman
    keeps the xattrs of a lower directory.
    """
    found: dict[str, set[str]] = {}
    directories: set[str] = set()
    for layer in image.layers_base_first:
        for path, node in layer.walk():
            fields = found.setdefault(path, set())
            if isinstance(node, Directory):
                if path in directories:
                    fields.add("xattrs")
                if node.implied:
                    fields.add("mtime")
                directories.add(path)
            elif node is not WHITEOUT and node.nlink > 1:
                fields.add("mtime")
    for path in _never_told(image):
        found[path].add("mode")
    return {path: fields for path, fields in found.items() if fields}
