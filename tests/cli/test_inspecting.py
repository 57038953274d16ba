"""`check` and `analyze`: what they print, their statuses, and how they end early."""

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
from tests.image.conftest import make_header
from tests.image.hostile.cases import BASE, layered
from tests.image.hostile.streams import zeros
from unionfs_sim import WHITEOUT, Layer
from unionfs_sim.image.build import new_image
from unionfs_sim.image.write import write_image


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Give an image with two errors and a warning."""
    entries = make_header("x") * 2, make_header("a\nb/.wh."), make_header("v", type="V")
    (tmp_path / "broken.tar").write_bytes(layered(*entries))
    return tmp_path / "broken.tar"


def test_check_lists_all(cli: Cli, broken: Path) -> None:
    """Each finding is a line, its place escaped; errors make the status 1."""
    outcome = cli("check", broken)
    title, *lines = outcome.out.splitlines()

    assert (1, "") == (outcome.status, outcome.err)
    assert f"{broken}: 2 errors, 1 warning" == title
    assert ["error", "error", "warning"] == [each.partition(":")[0] for each in lines]
    assert lines[0].endswith("entry 'x': the layer has this name twice")
    document = cli("check", broken, "--json").json
    assert (2, 1) == (document["errors"], document["warnings"])
    assert {"severity", "place", "sentence"} == set(document["findings"][0])


def test_check_of_a_good_image(cli: Cli, images: Path) -> None:
    """Nothing wrong is said, and is status 0; so are warnings alone."""
    assert "@tour: no errors, no warnings\n" == cli("check", "@tour").out
    path = images / "two-images.docker.tar"
    assert 0 == cli("check", path).status


def test_check_of_warnings(cli: Cli, tmp_path: Path) -> None:
    """What is only odd does not make an image wrong."""
    path = tmp_path / "odd.tar"
    path.write_bytes(BASE + make_header("v", type="V"))
    outcome = cli("check", path)

    assert 0 == outcome.status
    assert outcome.out.startswith(f"{path}: no errors, 1 warning\nwarning: entry 'v': ")


@pytest.mark.parametrize("word", ["text", "missing", "@tour@x", "", "overlay:/tmp"])
def test_check_of_no_image(cli: Cli, tmp_path: Path, word: str) -> None:
    """What is no image is one line, and status 2."""
    (tmp_path / "text").write_text("hello" * 500)
    outcome = cli("check", tmp_path / word if word in {"text", "missing"} else word)

    assert (2, "") == (outcome.status, outcome.out)
    assert 1 == outcome.err.count("\n")


def test_analyze(cli: Cli, tmp_path: Path) -> None:
    """The numbers are those of the layers, in the table as in the document."""
    layers = [
        Layer.build({"a": "x" * 3000, "b": "same"}),
        Layer.build({"a": WHITEOUT, "c": "same"}),
    ]
    with new_image(layers) as image:
        write_image(image, tmp_path / "x.tar", format="oci-archive")
    outcome = cli("analyze", tmp_path / "x.tar")
    document = cli("analyze", tmp_path / "x.tar", "--json").json

    assert outcome.out.startswith(
        f"{tmp_path}/x.tar: 2.9 KiB stored, 2.9 KiB of it wasted, efficiency 0.3%\n"
    )
    assert "2.9 KiB  0          1          /a" in outcome.out
    assert "4 B  2       0:/b, 1:/c" in outcome.out
    assert (3008, 8, 3000) == tuple(
        document[key] for key in ("stored_bytes", "shown_bytes", "wasted_bytes")
    )
    assert 8 / 3008 == document["efficiency"]
    assert [0, 3000] == [layer["deleted_bytes"] for layer in document["layers"]]
    assert [
        {"path": "/a", "wasted_bytes": 3000, "rewritten_bytes": 0,
         "deleted_bytes": 3000, "layers": [0], "hidden_in": [1]}
    ] == document["wasted"]  # fmt: skip
    assert (
        []
        == cli("analyze", tmp_path / "x.tar", "--json", "--no-digests").json[
            "duplicates"
        ]
    )
    assert 2 == cli("analyze", tmp_path / "x.tar", "--count", "0").status


@pytest.mark.slow
def test_check_shows_progress_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    """A terminal sees how far it is, and an interrupt ends it without a word."""
    path = tmp_path / "big.tar"
    path.write_bytes(
        layered(make_header("z"), base=False, stored=lambda _: zeros(4000))
    )
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "unionfs_sim", "check", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    os.close(slave)
    seen = b""
    end = time.monotonic() + 60
    while b"checking:" not in seen and time.monotonic() < end:
        seen += os.read(master, 1000)
    process.send_signal(signal.SIGINT)
    status = process.wait(60)
    os.close(master)

    assert b"checking:" in seen
    assert 130 == status
    assert [path] == list(tmp_path.iterdir())
