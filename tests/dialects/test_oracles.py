"""Real union file systems show of our directories what we say they show."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from tests.dialects import ondisk
from unionfs_sim.adapters.hostread import read_directory
from unionfs_sim.adapters.unpack import Unpacked, unpack
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import OPAQUE, WHITEOUT, Directory, Leaf, Regular, Symlink
from unionfs_sim.core.stack import Stack
from unionfs_sim.dialects.conversion import plain
from unionfs_sim.image.open import open_image
from unionfs_sim.testing import strategies

pytestmark = pytest.mark.oracle

#: Images whose stacks are mounted.
IMAGES: Final = (
    "whiteouts.oci.tar",
    "rules-main.oci.tar",
    "busybox-base.oci.tar",
    "churn/churn-umoci-21.oci.tar",
    "churn/churn-buildah-11.oci.tar",
)

Mount: TypeAlias = Callable[[Unpacked, Path], list[str]]


def overlay(done: Unpacked, place: Path) -> list[str]:
    options = done.options
    if len(done.layers_base_first) == 1:  # it takes no single layer without an upper
        empty = place.with_name("empty")
        empty.mkdir(exist_ok=True)
        only = done.layers_base_first[0]
        options = options.replace(only, f"{only}:{empty}")
    return ["mount", "-t", "overlay", "overlay", "-o", options, str(place)]


def fuse_overlayfs(done: Unpacked, place: Path) -> list[str]:
    return ["fuse-overlayfs", "-o", done.options, str(place)]


def unionfs_fuse(done: Unpacked, place: Path) -> list[str]:
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
    done = unpack(stack, folder / "layers", dialect=name)
    with mounted(done, folder / "mount") as place:
        found = ondisk.describe(read_directory(str(place)).root)

    expected = shown(ondisk.describe(stack.root), name)
    actual = shown(found, name)
    assert () == done.losses
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
                    builder.set_meta(parts, entry.meta)
                if entry.opaque:
                    builder.opaque(parts)
            else:
                meta = entry.meta
                if not isinstance(entry, Regular):
                    meta = attrs.evolve(meta, xattrs={})
                builder.add(parts, plain(entry, made, meta))
        layers.append(builder.freeze())
    return Stack(layers)


@pytest.mark.parametrize("name", MOUNTS)
@pytest.mark.parametrize("image", IMAGES)
def test_image_is_shown(image: str, name: str, shared: Path, tmp_path: Path) -> None:
    path = shared / "images" / image
    if not path.exists():
        pytest.skip(f"{image} is not there")
    with open_image(path) as opened:
        compare(Stack(opened.layers_top_first()), name, tmp_path)


@pytest.mark.parametrize("name", MOUNTS)
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(stack=strategies.stacks())
def test_stack_is_shown(stack: Stack, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "example"
    folder.mkdir()
    try:
        compare(possible(stack), name, folder)
    finally:
        shutil.rmtree(folder)


#: All of it is root's: a namespace of one user knows no others.
SMALL: Final = Stack(
    [
        Layer.build(
            {"etc/motd": WHITEOUT, "srv": OPAQUE, "srv/new": "n", "f": {"g": ""}}
        ),
        Layer.build(
            {
                "etc": {"motd": "hello", "hosts": Regular("h", Meta(mode=0o640))},
                "srv/old": "o",
                "f": "file",
                "private": Directory(Meta(mode=0o700), {"key": Regular("k")}),
                "link": Symlink("etc/hosts"),
                "xattr": Regular("", Meta(mode=0o644, xattrs={"user.k": b"v"})),
            }
        ),
    ]
)

#: Unpacks as whoever runs it; arguments: the repository, directory, dialect.
UNPACK: Final = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.dialects.test_oracles import SMALL
from unionfs_sim.adapters.unpack import unpack
print(unpack(SMALL, sys.argv[2], dialect=sys.argv[3]).options)
"""

#: Mounts and describes; arguments: the repository, the place, the command to mount.
SHOW: Final = """
import json, subprocess, sys
sys.path.insert(0, sys.argv[1])
from tests.dialects import ondisk
from unionfs_sim.adapters.hostread import read_directory
subprocess.run(sys.argv[3:], check=True, stdout=sys.stderr)
print(json.dumps(ondisk.describe(read_directory(sys.argv[2]).root)))
subprocess.run(["umount", sys.argv[2]], check=True)
"""

SOMEBODY: Final = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")


def run(*command: str) -> str:
    """Run a command that may well be impossible here, and skip the test if it is."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"not possible here: {done.stderr.strip()[-300:]}")
    return done.stdout


@pytest.mark.parametrize("name", ["overlay-userxattr", "fuse-overlayfs-rootless"])
def test_unprivileged_layers_are_shown_in_a_user_namespace(name: str) -> None:
    """Nobody but an ordinary user writes; a namespace of its own mounts."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    repository = str(ondisk.ROOT)
    with tempfile.TemporaryDirectory() as temporary:  # pytest's is for root alone
        folder = Path(temporary)
        folder.chmod(0o777)
        layers, place = folder / "layers", folder / "mount"
        place.mkdir(mode=0o777)
        python = (sys.executable, "-c")
        options = run(*SOMEBODY, *python, UNPACK, repository, str(layers), name).strip()
        layers.chmod(0o755)
        if name == "overlay-userxattr":
            # All that the user owns is root's in a namespace of the user.
            who: tuple[str, ...] = SOMEBODY
            mount = ["mount", "-t", "overlay", "o", "-o", options]
        else:
            # The device of FUSE is root's; the files are somebody else's there.
            who, mount = (), ["fuse-overlayfs", "-o", options]
        command = (*who, "unshare", "--map-root-user", "--mount", *python, SHOW)
        found = json.loads(run(*command, repository, str(place), *mount, str(place)))

    expected = shown(ondisk.describe(SMALL.root), "fuse-overlayfs")
    actual = shown(found, "fuse-overlayfs")
    for path, entry in expected.items():
        if name == "fuse-overlayfs-rootless" and entry["type"] == "symlink":
            # No symbolic link takes an xattr of a user.
            actual[path] |= {"uid": 0, "gid": 0}
    assert expected == actual
