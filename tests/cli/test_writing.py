"""`convert`, `squash`, `pack` and `rebase`: what they write, and what they say."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from unionfs_sim import WHITEOUT, UnionFS
from unionfs_sim.cli import main, progress
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image


def root_of(path: Path | str) -> object:
    """Give the merged root of an image."""
    with open_image(path) as image:
        return manifest(image)["root"]


@pytest.fixture
def tour(cli: Cli, tmp_path: Path) -> Path:
    """Give the image that ships with the package, as a layout."""
    assert 0 == cli("convert", "@tour", tmp_path / "tour").status
    return tmp_path / "tour"


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
@pytest.mark.parametrize("compression", ["keep", "none", "gzip", "zstd"])
def test_convert(
    cli: Cli, tour: Path, tmp_path: Path, form: str, compression: str
) -> None:
    """Every form has the same digests and the same view."""
    target = tmp_path / "out"
    outcome = cli(
        "convert",
        tour,
        target,
        "--format",
        form,
        "--compression",
        compression,
        "--json",
    )
    if form == "docker-archive" and compression in {"gzip", "zstd"}:
        assert (2, "") == (outcome.status, outcome.out)
        assert 1 == outcome.err.count("\n")
        return

    assert (0, "") == (outcome.status, outcome.err)
    document = outcome.json
    before, after = (cli("layers", p, "--json").json for p in (tour, target))
    assert before["image_id"] == after["image_id"] == document["image_id"]
    assert [layer["diff_id"] for layer in before["layers"]] == document["diff_ids"]
    assert [layer["digest"] for layer in after["layers"]] == [
        layer["digest"] for layer in document["layers"]
    ]
    assert root_of(tour) == root_of(target)


@pytest.mark.parametrize(
    ("name", "form"), [("x.tar", "oci-archive"), ("x", "oci"), ("x.tar.d", "oci")]
)
def test_form_follows_the_name(
    cli: Cli, tour: Path, tmp_path: Path, name: str, form: str
) -> None:
    """Without `--format`, a name that ends in .tar means an archive."""
    document = cli("convert", tour, tmp_path / name, "--json").json

    assert (form, ["latest"]) == (document["format"], document["names"])
    assert (tmp_path / name).is_dir() == (form == "oci")


def test_names(cli: Cli, tour: Path, tmp_path: Path) -> None:
    """`--name` may be repeated; each name finds the image."""
    target = tmp_path / "x.tar"
    cli("convert", tour, target, "--name", "a:1", "--name", "b:1")

    for name in ("a:1", "b:1"):
        assert 0 == cli("ls", f"{target}@{name}").status


def test_what_is_there_stays(cli: Cli, tour: Path, tmp_path: Path) -> None:
    """A file is replaced with `--force` alone, a layout added to with `--append`."""
    target = tmp_path / "x.tar"
    target.write_text("precious")
    outcome = cli("convert", tour, target)

    assert (2, f"unionfs-sim: {target}: File exists\n") == (outcome.status, outcome.err)
    assert "precious" == target.read_text()
    assert 0 == cli("convert", tour, target, "--force").status
    assert 2 == cli("convert", tour, tour).status
    assert 0 == cli("convert", target, tour, "--append", "--name", "more").status
    assert 0 == cli("ls", f"{tour}@more").status


@pytest.mark.parametrize(
    ("ends", "count"),
    [
        ((), 1),
        (("--from", "1"), 2),
        (("--to", "2"), 4),
        (("--from", "1", "--to", "3"), 4),
    ],
)
def test_squash(
    cli: Cli, tour: Path, tmp_path: Path, ends: tuple[str, ...], count: int
) -> None:
    """Both ends are in the range; all of the image by default."""
    target = tmp_path / "x.tar"
    document = cli("squash", tour, target, *ends, "--json").json

    assert count == len(document["layers"])
    assert root_of(tour) == root_of(target)


@pytest.mark.parametrize(
    "ends", [("--from", "6"), ("--to", "-1"), ("--from", "3", "--to", "2")]
)
def test_squash_of_no_range(
    cli: Cli, tour: Path, tmp_path: Path, ends: tuple[str, ...]
) -> None:
    """A range that is not there is wrong use, in one line."""
    outcome = cli("squash", tour, tmp_path / "x.tar", *ends)

    assert (2, "", 1) == (outcome.status, outcome.out, outcome.err.count("\n"))
    assert not (tmp_path / "x.tar").exists()


def test_pack(cli: Cli, tmp_path: Path) -> None:
    """Directories, layer tars and images, base first; the same bytes each time."""
    (tmp_path / "base" / "etc").mkdir(parents=True)
    (tmp_path / "base" / "etc" / "motd").write_text("one")
    cli("squash", "@tour", tmp_path / "layer.tar", "--format", "layer")
    (tmp_path / "top" / "etc").mkdir(parents=True)
    (tmp_path / "top" / "etc" / "motd").write_text("two")
    sources = [tmp_path / name for name in ("base", "layer.tar", "top")]
    outcomes = [
        cli("pack", *sources, tmp_path / name, "--name", "app:1", "--json")
        for name in ("x.tar", "y.tar")
    ]
    document = outcomes[0].json

    assert [(0, "")] * 2 == [(outcome.status, outcome.err) for outcome in outcomes]
    assert [False, True, False] == [layer["kept"] for layer in document["layers"]]
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()
    with open_image(tmp_path / "x.tar", name="app:1") as image:
        fs = UnionFS(image.layers_top_first())
        assert ("two", True) == (
            fs.read_text("/etc/motd"),
            fs.exists("/usr/lib/os-release"),
        )


def test_pack_of_marked_directories(cli: Cli, tmp_path: Path) -> None:
    """A dialect says how marks are kept in a directory."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / ".wh.motd").touch()
    refused = cli("pack", tmp_path / "d", tmp_path / "x.tar")
    taken = cli("pack", tmp_path / "d", tmp_path / "x.tar", "--dialect", "aufs")
    cli("pack", f"aufs:{tmp_path / 'd'}", tmp_path / "y.tar")

    assert (2, 0) == (refused.status, taken.status)
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()


def test_source_date_epoch(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No time of a new layer is later, and the image is of that time."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("x")
    os.utime(tmp_path / "d" / "f", (5, 5))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    cli("pack", tmp_path / "d", tmp_path / "x.tar")
    with open_image(tmp_path / "x.tar") as image:
        assert image.config is not None
        assert "2001-09-09T01:46:40Z" == image.config.created
        assert [10**18, 5 * 10**9] == [
            entry.meta.mtime_ns
            for _, entry in image.layers_base_first[0].walk()
            if entry is not WHITEOUT
        ]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    outcome = cli("pack", tmp_path / "d", tmp_path / "y.tar")

    assert 2 == outcome.status
    assert "SOURCE_DATE_EPOCH is soon" in outcome.err


def test_rebase(cli: Cli, tour: Path, tmp_path: Path) -> None:
    """The layers above the old base stand on the new one."""
    for name, text in (("old", "1"), ("new", "2"), ("app", "3")):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(text)
        cli("pack", tmp_path / name, tmp_path / f"{name}.tar")
    old, new, app = (tmp_path / f"{name}.tar" for name in ("old", "new", "app"))
    cli("pack", old, app, tmp_path / "both.tar")
    outcome = cli("rebase", tmp_path / "both.tar", old, new, tmp_path / "x.tar")
    wrong = cli("rebase", tour, old, new, tmp_path / "y.tar")

    assert (0, "") == (outcome.status, outcome.err)
    assert "app\nnew\n" == cli("find", tmp_path / "x.tar", "--type", "f").out.replace(
        "/", ""
    )
    assert 2 == wrong.status
    assert "is not built on" in wrong.err


def test_tables(cli: Cli, tour: Path, tmp_path: Path) -> None:
    """What people read says where, in which form, and what became of each layer."""
    out = cli("squash", tour, tmp_path / "x.tar", "--from", "4").out.splitlines()

    assert f"{tmp_path / 'x.tar'}: oci-archive, 5 layers" == out[0]
    assert ["as it was"] * 4 + ["written anew"] == [
        " ".join(row.split()[4:]) for row in out[-5:]
    ]


def test_quick_work_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """What is done at once, or not looked at, says nothing of how far it is."""
    with progress.shown("writing") as tell:
        tell(1, 2)
    with progress.entries("unpacking") as tell_entry:
        assert tell_entry is None

    assert ("", "") == capfd.readouterr()


def test_progress_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slow work shows how far it is on one line, which is wiped out at the end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "_DELAY_SECONDS", 0)
    monkeypatch.setattr(progress, "_PAUSE_SECONDS", 0)
    with progress.shown("writing") as tell:
        tell(512, 1024)
        tell(0, 0)
    out, err = capsys.readouterr()

    assert "" == out
    assert "\rwriting:  50 % of 1.0 KiB" in err
    assert err.endswith("\r")


def test_unpacking_shows_how_many_entries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Slow unpacking counts what it has written."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "_DELAY_SECONDS", 0)
    monkeypatch.setattr(progress, "_PAUSE_SECONDS", 0)

    assert 0 == main(["unpack", "@tour", str(tmp_path / "out"), "--no-owners"])
    assert "\runpacking: 2 entries" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C ends a long conversion at once, quietly, and without a trace."""
    (tmp_path / "d").mkdir()
    with (tmp_path / "d" / "big").open("wb") as file:
        for number in range(256):
            file.write(number.to_bytes(2, "big") * (1 << 19))
    (tmp_path / "out").mkdir()
    leader, follower = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-m", "unionfs_sim", "pack", "d", "out/x.tar"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    started.send_signal(signal.SIGINT)

    assert 130 == started.wait(10)
    told = os.read(leader, 1 << 16)
    os.close(leader)
    assert b"Traceback" not in told
    assert b" % of 256.0 MiB" in told
    assert [] == list((tmp_path / "out").iterdir())
