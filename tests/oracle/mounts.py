"""Union file systems over what `unpack` wrote, and what they show of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import pytest

from tests.dialects import ondisk
from unionfs_sim.adapters.hostread import read_directory
from unionfs_sim.adapters.unpack import Unpacked, unpack
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, Regular
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.xattrs import support_error
from unionfs_sim.dialects.conversion import plain

Mount: TypeAlias = Callable[[Unpacked, Path], list[str]]


def overlay(done: Unpacked, place: Path) -> list[str]:
    """Mount by the kernel."""
    options = done.options
    if len(done.layers_base_first) == 1:  # it takes no single layer without an upper
        empty = place.with_name("empty")
        empty.mkdir(exist_ok=True)
        only = done.layers_base_first[0]
        options = options.replace(only, f"{only}:{empty}")
    return ["mount", "-t", "overlay", "overlay", "-o", options, str(place)]


def fuse_overlayfs(done: Unpacked, place: Path) -> list[str]:
    """Mount by FUSE."""
    return ["fuse-overlayfs", "-o", done.options, str(place)]


def unionfs_fuse(done: Unpacked, place: Path) -> list[str]:
    """Mount by FUSE."""
    return ["unionfs", "-o", "cow,hide_meta_files", done.options, str(place)]


#: Dialect -> what mounts it.
MOUNTS: Final[dict[str, Mount]] = {
    "overlay": overlay,
    "overlay-userxattr": overlay,
    "fuse-overlayfs": fuse_overlayfs,
    "fuse-overlayfs-rootless": fuse_overlayfs,
    "unionfs-fuse-1.0": unionfs_fuse,
}

#: Fields that a tool shows otherwise: both number names of one inode apart, and
#: unionfs-fuse 1.0 shows no xattrs.
NOT_SHOWN: Final = {
    "fuse-overlayfs": {"links"},
    "fuse-overlayfs-rootless": {"links"},
    "unionfs-fuse-1.0": {"links", "xattrs"},
}

#: What fuse-overlayfs 1.10 shows of a special file, for it does not read the type.
EMPTY: Final = {"type": "file", "size": 0, "sha256": hashlib.sha256(b"").hexdigest()}
SPECIAL: Final = {"char", "block", "fifo", "socket"}


@contextmanager
def mounted(done: Unpacked, place: Path) -> Iterator[Path]:
    """Mount what was unpacked, or skip the test and say why."""
    command = MOUNTS[done.dialect](done, place)
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    place.mkdir()
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.skip(f"{command[0]} does not mount here: {run.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


def shown(root: dict[str, dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """Leave out what a mount counts otherwise, and a tool does not show."""
    left_out = {"nlink"} | NOT_SHOWN.get(name, set())
    found = {}
    for path, entry in root.items():
        if name == "fuse-overlayfs-rootless" and entry["type"] in SPECIAL:
            entry = {k: v for k, v in (entry | EMPTY).items() if k != "rdev"}  # noqa: PLW2901
        found[path] = {
            key: value
            for key, value in entry.items()
            if key not in left_out and (key != "links" or len(value) > 1)
        }
    return found


def compare(stack: Stack, name: str, folder: Path) -> None:
    """Hold what a mount shows of a stack's directories to what the stack shows."""
    done = unpack(stack, folder / "layers", dialect=name)
    with mounted(done, folder / "mount") as place:
        found = ondisk.describe(read_directory(str(place)).root)

    expected = shown(ondisk.describe(possible(stack).root), name)
    actual = shown(found, name)
    # Another xattr that was lost would be a difference below.
    assert not [each for each in done.losses if "the extended attribute" not in each]
    assert sorted(expected) == sorted(actual)
    for path, entry in expected.items():
        assert entry == actual[path], path


def possible(stack: Stack) -> Stack:
    """Leave out xattrs that no Linux file system takes."""
    layers = []
    for layer in stack.layers:
        assert isinstance(layer, Layer)
        builder = LayerBuilder(layer.label)
        made: dict[int, Leaf] = {}
        for parts, entry in layer.items():
            if entry is WHITEOUT:
                builder.whiteout(parts)
            elif isinstance(entry, Directory):
                builder.directory(parts)
                if not entry.implied:
                    builder.set_meta(parts, _placed(entry))
                if entry.opaque:
                    builder.opaque(parts)
            else:
                builder.add(parts, plain(entry, made, _placed(entry)))
        layers.append(builder.freeze())
    return Stack(layers)


def _placed(entry: Directory | Leaf) -> Meta:
    """Give the attributes without the xattrs that have no place on such an inode."""
    common = isinstance(entry, (Directory, Regular))
    kept = {
        name: value
        for name, value in entry.meta.xattrs.items()
        if not support_error(name) and (common or not name.startswith("user."))
    }
    return attrs.evolve(entry.meta, xattrs=kept)
