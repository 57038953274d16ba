"""A root with a real busybox in it, the same as the simulated one has."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import final

import pytest

from unionfs_sim.containers.busyboximage import busybox_layer
from unionfs_sim.core.nodes import Directory, Regular

_VERSION = "BusyBox v1.35."
_KEPT = frozenset({"bin", "dev"})


@final
class RealShell:
    """
    Runs scripts in a root, each in one as new.

    Args:
        root: Where it is made.
    """

    def __init__(self, root: Path) -> None:
        binary = shutil.which("busybox")
        if binary is None or not hasattr(os, "geteuid") or os.geteuid():
            pytest.skip("needs busybox, and root for chroot")
        said = subprocess.run([binary], capture_output=True, text=True, check=False)
        if _VERSION not in said.stdout + said.stderr:
            pytest.skip(f"the texts are those of {_VERSION}")
        self._root = root
        self._layer = busybox_layer()
        for name in _KEPT:
            (root / name).mkdir(parents=True)
        shutil.copy(binary, root / "bin" / "busybox")
        for parts in dict(self._layer.items()):
            if len(parts) == 2 and parts[0] == "bin" and parts[1] != "busybox":
                root.joinpath(*parts).symlink_to("busybox")
        os.mknod(root / "dev" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))

    def _clean(self) -> None:
        """Leave in the root only what the image has."""
        for path in self._root.iterdir():
            if path.name in _KEPT:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        for parts, entry in self._layer.items():
            path = self._root.joinpath(*parts)
            if not parts or parts[0] in _KEPT:
                continue
            if isinstance(entry, Directory):
                path.mkdir(exist_ok=True)
                path.chmod(entry.meta.mode)
            elif isinstance(entry, Regular):
                path.write_bytes(entry.content.read_all())
                path.chmod(entry.meta.mode)

    def __call__(self, *argv: str, stdin: str = "") -> tuple[int, str, str]:
        """Run a command, and give exit code, output and complaints."""
        self._clean()
        done = subprocess.run(
            ["/usr/sbin/chroot", str(self._root), *argv],
            capture_output=True,
            input=stdin.encode(),
            env={"PATH": "/bin", "HOME": "/home"},
            timeout=20,
            check=False,
        )
        code = done.returncode
        code = 128 - code if code < 0 else code
        return code, done.stdout.decode(), done.stderr.decode()
