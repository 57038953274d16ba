"""What lies where an image is to be written is neither followed nor lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

COMMANDS = {
    "pack": ["pack", "@tour", "--format", "oci-archive"],
    "pack-directory": ["pack", "@tour", "--format", "oci"],
    "convert": ["convert", "@tour", "--format", "docker-archive"],
    "unpack": ["unpack", "--no-owners", "@tour"],
}


def put(kind: str, target: Path, outside: Path) -> None:
    """Put something where the image is to go."""
    match kind:
        case "file":
            target.write_text("mine")
        case "link":
            target.symlink_to(outside)
        case "dangling link":
            target.symlink_to(outside / "new")
        case "fifo":
            os.mkfifo(target)
        case _:
            target.mkdir()
            (target / "mine").write_text("mine")


def listed(folder: Path) -> list[tuple[str, int, int, bytes]]:
    """List a tree by name, inode, mode and content."""
    return sorted(
        (str(path), found.st_ino, found.st_mode, path.read_bytes() if is_file else b"")
        for path in folder.rglob("*")
        for found in [path.lstat()]
        for is_file in [path.is_file() and not path.is_symlink()]
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "fifo", "directory"])
def test_what_is_there_stays(command: str, kind: str, cli: Cli, tmp_path: Path) -> None:
    """The command refuses, names the place, and changes nothing here or outside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "out"
    put(kind, target, outside)
    before = listed(tmp_path)
    outcome = cli(*COMMANDS[command], target)

    assert (2, "") == (outcome.status, outcome.out)
    assert f"{target}: " in outcome.err
    assert before == listed(tmp_path)


def test_forced_link_is_replaced_itself(cli: Cli, tmp_path: Path) -> None:
    """`--force` puts the file in place of the link, not of what it leads to."""
    (tmp_path / "other").write_text("mine")
    target = tmp_path / "out.tar"
    target.symlink_to("other")

    assert 0 == cli("convert", "@tour", target, "--force").status
    assert not target.is_symlink()
    assert "mine" == (tmp_path / "other").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_parent_may_be_a_link(command: str, cli: Cli, tmp_path: Path) -> None:
    """Only the last name is the target's: the caller chose the way there."""
    (tmp_path / "real").mkdir()
    (tmp_path / "way").symlink_to("real")

    assert 0 == cli(*COMMANDS[command], tmp_path / "way" / "out").status
    assert ["out"] == os.listdir(tmp_path / "real")
