"""How a written file gets its name: never in the place of what came meanwhile."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from unionfs_sim.errors import ExistsError
from unionfs_sim.image.sinks import new_file


def no_links(*_: object) -> None:
    """Stand for a file system without hard links."""
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def write(path: Path, *, meanwhile: bool = False) -> None:
    """Write a file; another can get its name while that is done."""
    with new_file(path) as out:
        out.write(b"new")
        if meanwhile:
            path.write_bytes(b"theirs")


@pytest.fixture(params=["links", "no links"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand on a file system with hard links, then on one without."""
    if request.param == "no links":
        monkeypatch.setattr(Path, "hardlink_to", no_links)


@pytest.mark.usefixtures("either")
def test_it_is_named_at_the_end(tmp_path: Path) -> None:
    """The file has one name, its own, also where there are no hard links."""
    path = tmp_path / "image"

    write(path)

    assert [path] == list(tmp_path.iterdir())
    assert (b"new", 1) == (path.read_bytes(), path.stat().st_nlink)


@pytest.mark.usefixtures("either")
def test_what_came_meanwhile_stays(tmp_path: Path) -> None:
    """Who was faster keeps the name."""
    path = tmp_path / "image"

    with pytest.raises(ExistsError):
        write(path, meanwhile=True)

    assert [path] == list(tmp_path.iterdir())
    assert b"theirs" == path.read_bytes()


def test_what_came_in_the_last_moment_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no moment between looking for the name and taking it."""
    path = tmp_path / "image"
    link = Path.hardlink_to

    def late(new: Path, target: Path) -> None:
        new.write_bytes(b"theirs")
        link(new, target)

    monkeypatch.setattr(Path, "hardlink_to", late)

    with pytest.raises(ExistsError):
        write(path)

    assert b"theirs" == path.read_bytes()


@pytest.mark.parametrize("replace", [False, True])
def test_a_pipe_is_never_replaced(replace: bool, tmp_path: Path) -> None:
    """What is no file stays, also where files are to be replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(ExistsError), new_file(pipe, replace=replace):
        pass

    assert [pipe] == list(tmp_path.iterdir())
    assert pipe.is_fifo()


def test_a_link_is_replaced_itself(tmp_path: Path) -> None:
    """What a link leads to stays as it is."""
    link, target = tmp_path / "link", tmp_path / "target"
    target.write_bytes(b"theirs")
    link.symlink_to(target)

    with new_file(link, replace=True) as out:
        out.write(b"new")

    assert (b"new", b"theirs") == (link.read_bytes(), target.read_bytes())
    assert not link.is_symlink()


def test_other_errors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is no reason to try a rename."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "hardlink_to", full)

    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "image")

    assert [] == list(tmp_path.iterdir())
