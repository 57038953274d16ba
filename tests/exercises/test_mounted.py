"""Exercise 16 on real unions: the kernel's, and a program that is not quite one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.oracle


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with an exercise, and directories to mount."""
    monkeypatch.chdir(tmp_path)
    for name in ("lower", "upper", "work", "mnt"):
        (tmp_path / name).mkdir()
    return tmp_path


@contextmanager
def mounted(*command: str) -> Iterator[None]:
    """Run a command that mounts, and unmount at the end; skip where it cannot."""
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=False
        )
    except OSError as error:
        pytest.skip(f"{command[0]}: {error}")
    if run.returncode:
        pytest.skip(f"nothing can be mounted here: {run.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "mnt"], check=True)


@pytest.fixture
def overlay(places: Path) -> Iterator[Path]:
    """Mount the kernel's overlay."""
    with mounted(
        *("mount", "-t", "overlay", "overlay", "mnt", "-o"),
        "lowerdir=lower,upperdir=upper,workdir=work",
    ):
        yield places


def test_kernel_gets_full_marks(overlay: Path, cli: Cli) -> None:
    """What the kernel's overlay does is what a plain tree does."""
    cli("exercises", "start", "16")
    for _ in range(2):  # a second run finds new directories
        outcome = cli("exercises", "check", "16", "--mount", "mnt", "--lower", "lower")
        assert 0 == outcome.status, outcome.out
        assert "60 of 60 programs" in outcome.out


def test_a_bind_mount_is_no_union(places: Path, cli: Cli) -> None:
    """A program that shows the lower directory itself, and writes into it."""
    with mounted("mount", "--bind", "lower", "mnt"):
        cli("exercises", "start", "16")
        outcome = cli("exercises", "check", "16", "--mount", "mnt", "--lower", "lower")
        assert 1 == outcome.status
        assert "- lower: the lower directory is not touched" in outcome.out


@pytest.mark.skipif(not shutil.which("unionfs"), reason="no unionfs-fuse")
def test_a_fuse_program_is_graded(places: Path, cli: Cli) -> None:
    """unionfs-fuse, an older program in C, gets a report with points."""
    if not os.access("/dev/fuse", os.W_OK):
        pytest.skip("no /dev/fuse")
    with mounted("unionfs", "-o", "cow", "upper=RW:lower=RO", "mnt"):
        cli("exercises", "start", "16")
        outcome = cli(
            *("exercises", "check", "16", "--mount", "mnt", "--lower", "lower"),
            "--json",
        )
        assert 60 == outcome.json["data"]["programs"][1]
        assert 0 < outcome.json["data"]["programs"][0]


def test_what_is_not_mounted_is_told(places: Path, cli: Cli) -> None:
    """No mount point, no grading."""
    cli("exercises", "start", "16")
    outcome = cli("exercises", "check", "16", "--mount", "mnt", "--lower", "lower")

    assert 1 == outcome.status
    assert "mnt is no mount point; start your program first." in outcome.out
    assert 2 == cli("exercises", "check", "16", "--mount", "mnt").status
