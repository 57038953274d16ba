"""Real union file systems show of our directories what we say they show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings

from tests.dialects import ondisk
from tests.oracle.mounts import MOUNTS, compare, possible, shown
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import OPAQUE, WHITEOUT, Directory, Regular, Symlink
from unionfs_sim.core.stack import Stack
from unionfs_sim.testing import strategies

pytestmark = pytest.mark.oracle


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
