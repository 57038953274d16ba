"""Input that cannot be read is one line on stderr, and never a traceback."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.image.conftest import make_header
from unionfs_sim.cli import source

TOUR = source.locate(source.TOUR)[0]


def refused(cli: Cli, *arguments: str | Path) -> str:
    """Run a command line that must be refused with 2 and one line, and give it."""
    outcome = cli(*arguments)

    assert (2, "") == (outcome.status, outcome.out)
    assert 1 == outcome.err.count("\n")
    assert outcome.err.startswith("unionfs-sim: ")
    return outcome.err.removeprefix("unionfs-sim: ").rstrip("\n")


COMMANDS = [
    ["layers"],
    ["ls"],
    ["tree"],
    ["cat", "/etc/motd"],
    ["stat", "/etc/motd"],
    ["find"],
    ["explain", "/etc/motd"],
    ["diff"],
    ["manifest"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_missing_file(command: list[str], cli: Cli, tmp_path: Path) -> None:
    """A file that is not there is named, whatever the command."""
    missing = tmp_path / "no.tar"
    name, *rest = command

    assert f"{missing}: no such file or directory" == refused(cli, name, missing, *rest)


def test_text_file(cli: Cli, tmp_path: Path) -> None:
    """A text file is said to be no tar."""
    file = tmp_path / "notes.txt"
    file.write_text("all work and no play\n" * 100)

    assert f"{file}: header at byte 0: the checksum is wrong, or this is no tar" == (
        refused(cli, "layers", file)
    )


def test_empty_file(cli: Cli, tmp_path: Path) -> None:
    """An empty file is said to be empty."""
    file = tmp_path / "empty.tar"
    file.touch()

    assert f"{file}: the file is empty" == refused(cli, "ls", file)


@pytest.mark.parametrize("size", [100, 600, 3_000, 8_192, 12_000])
def test_truncated_tar(size: int, cli: Cli, tmp_path: Path) -> None:
    """A tar that ends too soon is refused wherever it ends."""
    file = tmp_path / "cut.tar"
    file.write_bytes(TOUR.read_bytes()[:size])

    assert refused(cli, "layers", file).startswith(f"{file}: ")


def test_disputed_layers_are_read_on_request(cli: Cli, tmp_path: Path) -> None:
    """What is refused says how it is read, and is with the option."""
    twice, device = tmp_path / "twice.tar", tmp_path / "device.tar"
    twice.write_bytes(make_header("f") * 2 + bytes(1024))
    device.write_bytes(make_header("c", type="3") + make_header("f") + bytes(1024))

    assert "this name twice (lenient: the last one wins)" in refused(cli, "ls", twice)
    assert "device 0:0" in refused(cli, "ls", device)
    assert 0 == cli("ls", "--lenient", twice).status
    assert 0 == cli("ls", "--like", "docker", device).status


def test_truncated_gzip(cli: Cli, tmp_path: Path) -> None:
    """So is one in a gzip stream that ends too soon."""
    file = tmp_path / "cut.tar.gz"
    file.write_bytes(gzip.compress(TOUR.read_bytes())[:-500])

    assert refused(cli, "layers", file).startswith(f"{file}: ")


def test_directory_without_layout(cli: Cli, tmp_path: Path) -> None:
    """A directory that is no OCI layout is said to be none."""
    assert f"{tmp_path}: a directory without an OCI layout in it" == (
        refused(cli, "layers", tmp_path)
    )


def test_what_is_no_file(cli: Cli) -> None:
    """Something that could be read for ever is not read at all."""
    if not Path("/dev/zero").exists():
        pytest.skip("this system has no /dev/zero")

    assert "/dev/zero: neither a file nor a directory" == (
        refused(cli, "layers", "/dev/zero")
    )


def test_no_name_where_one_is_needed(cli: Cli, images: Path) -> None:
    """Two images in one archive: their names are listed, and how to give one."""
    file = images / "two-images.docker.tar"

    told = refused(cli, "layers", file)

    assert told.endswith("it has: hc_share:a, hc_share:b; use IMAGE@NAME")


def test_wrong_name(cli: Cli, images: Path) -> None:
    """A name that no image has is told, with those that there are."""
    file = images / "two-images.docker.tar"

    told = refused(cli, "layers", f"{file}@zzz")

    assert told.endswith("no image is called 'zzz'; it has: hc_share:a, hc_share:b")


def test_right_name(cli: Cli, images: Path) -> None:
    """A name behind an `@` takes one of two images."""
    file = images / "two-images.docker.tar"

    assert ["hc_share:b"] == cli("layers", f"{file}@hc_share:b", "--json").json["names"]


def test_at_sign_in_a_path(cli: Cli, tmp_path: Path) -> None:
    """An `@` in the path of a file that is there belongs to the path."""
    file = tmp_path / "web@1.tar"
    shutil.copyfile(TOUR, file)

    assert 0 == cli("layers", file).status
    assert 0 == cli("layers", f"{file}@latest").status


def test_missing_host_directory_is_refused(cli: Cli) -> None:
    """`overlay:` names the directory that is not there."""
    assert "/nowhere/b: No such file or directory" == (
        refused(cli, "layers", "overlay:/nowhere/a:/nowhere/b")
    )


def test_impossible_path_of_the_host(cli: Cli) -> None:
    """A path that no host can have is just not there."""
    assert r"a\x00b: no such file or directory" == refused(cli, "layers", "a\0b")
    assert refused(cli, "layers", "x" * 5_000).endswith(": no such file or directory")


def test_hint_can_be_pasted(whiteouts: Path, cli: Cli) -> None:
    """The hint quotes for a shell what needs it."""
    outcome = cli("cat", whiteouts, "/odd dir/a name")

    assert outcome.err.endswith(f"explain {whiteouts} '/odd dir/a name')\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["cat", "@tour", "/nope"],
            "/nope: No such file or directory",
        ),
        (
            ["cat", "@tour", "/etc/tinyhttpd/mime.types"],
            "/etc/tinyhttpd/mime.types: No such file or directory (hidden by a whiteout "
            "in layer 3; try: unionfs-sim explain @tour /etc/tinyhttpd/mime.types)",
        ),
        (
            ["ls", "@tour", "/var/cache/pkg/index", "--upto", "4"],
            "/var/cache/pkg/index: No such file or directory (/var/cache/pkg is hidden "
            "by a whiteout in layer 3; try: unionfs-sim explain @tour --upto 4 "
            "/var/cache/pkg/index)",
        ),
        (
            ["stat", "@tour", "/etc/motd/x"],
            "/etc/motd/x: Not a directory (/etc/motd is a file)",
        ),
        (
            ["stat", "@tour", "/etc/motd/"],
            "/etc/motd/: Not a directory (/etc/motd is a file)",
        ),
        (["cat", "@tour", "/etc"], "/etc: Is a directory"),
        (["find", "@tour", ""], ": No such file or directory"),
        (["tree", "@tour", "a" * 300], f"{'a' * 300}: File name too long"),
        (
            ["cat", "@tour", "/etc/motd", "--layer", "3"],
            "/etc/motd: No such file or directory (layer 3 has a whiteout there)",
        ),
        (
            ["cat", "@tour", "/etc/motd", "--layer", "2"],
            "/etc/motd: No such file or directory",
        ),
    ],
)
def test_path_that_is_not_there(arguments: list[str], told: str, cli: Cli) -> None:
    """A path of the image that leads nowhere is one line with the reason, status 1."""
    outcome = cli(*arguments)

    assert (1, "", f"unionfs-sim: {told}\n") == (
        outcome.status,
        outcome.out,
        outcome.err,
    )
