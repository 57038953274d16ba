"""Folders of the host that the tests of adapters write to, and mounts of the kernel."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.mounts import mounted


@pytest.fixture
def folder() -> Iterator[str]:
    """Give a folder that any user can walk through, gone afterwards."""
    path = tempfile.mkdtemp(prefix="host-directories-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture
def root_folder(folder: str) -> str:
    """Give a folder if devices and trusted xattrs can be made in it, or skip."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for devices, owners and trusted xattrs")
    probe = f"{folder}/probe"
    try:
        os.mknod(probe, 0o020600, os.makedev(1, 3))
        os.unlink(probe)
        Path(probe).touch()
        os.setxattr(probe, "trusted.probe", b"")
        os.setxattr(probe, "user.probe", b"")
        os.unlink(probe)
    except OSError as error:
        pytest.skip(f"the temporary folder takes no devices or xattrs: {error}")
    return folder


@pytest.fixture
def mountable(root_folder: str) -> str:
    """Give a folder if the kernel mounts overlays there, or skip."""
    for name in ("l", "u", "w", "m"):
        os.mkdir(f"{root_folder}/{name}")
    options = (
        f"lowerdir={root_folder}/l,upperdir={root_folder}/u,workdir={root_folder}/w"
    )
    try:
        with mounted(options, f"{root_folder}/m"):
            pass
    except OSError as error:
        pytest.skip(f"no overlay mounts here: {error}")
    for name in ("l", "u", "w", "m"):
        shutil.rmtree(f"{root_folder}/{name}")
    return root_folder
