"""The commands that measure, run once and without figures."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import pytest

from unionfs_sim.bench import plotting
from unionfs_sim.bench.lookup_depth import Measured, Point, lines
from unionfs_sim.cli import main, table

LOOKUPS = ["bench", "lookup-depth", "--smoke", "--layers", "1,2"]


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """Run a command line with `--json`; give the document."""
    assert 0 == main([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert "" == err
    found: dict[str, object] = json.loads(out)
    return found


def test_depth_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a row for each strategy and place, with times and probes."""
    assert 0 == main(LOOKUPS)
    out, err = capsys.readouterr()

    assert "" == err
    assert 2 == sum(line.startswith("cached    whiteout") for line in out.splitlines())
    assert "8 / 8" in out


def test_depth_document(capsys: pytest.CaptureFixture[str]) -> None:
    """The document has all points, all lines and the machine."""
    found = document(capsys, *LOOKUPS, "--strategy", "cached", "--where", "top,miss")
    points = found["points"]
    assert isinstance(points, list)

    assert [1, 1, 1, 1] == [point["dictionary_probes"] for point in points]
    assert [0, 0, 0, 0] == [point["layer_probes"] for point in points]
    assert {"about", "machine", "points", "lines"} == found.keys()


def test_depth_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run with the same file measures nothing, and tells the same."""
    out = str(tmp_path / "out.jsonl")
    arguments = [*LOOKUPS, "--strategy", "cached", "--out", out]
    one = document(capsys, *arguments)
    size = Path(out).stat().st_size

    assert one == document(capsys, *arguments)
    assert size == Path(out).stat().st_size


def test_depth_of_an_image(capsys: pytest.CaptureFixture[str]) -> None:
    """An image is measured layer upon layer, as far as it goes."""
    found = document(
        capsys, "bench", "lookup-depth", "--image", "@tour", "--smoke",
        "--strategy", "linear", "--where", "bottom",
    )  # fmt: skip
    points = found["points"]
    assert isinstance(points, list)

    assert [1, 2, 4, 6] == [point["layers"] for point in points]


def test_plain_yardsticks_are_always_there(capsys: pytest.CaptureFixture[str]) -> None:
    """The peers that need nothing are measured everywhere."""
    names = "dict.get,method+dict.get,ChainMap"
    found = document(
        capsys, *LOOKUPS, "--strategy", "cached", "--where", "bottom,whiteout",
        "--peers", names,
    )  # fmt: skip
    points = found["points"]
    assert isinstance(points, list)
    told = {
        (point["way"], point["where"])
        for point in points
        if "skipped" not in point
    }  # fmt: skip

    assert ("ChainMap", "bottom") in told
    assert ("ChainMap", "whiteout") not in told
    assert ("dict.get", "whiteout") in told


def test_self(capsys: pytest.CaptureFixture[str]) -> None:
    """The profile names what a warm lookup, an open and a listing call."""
    assert 0 == main(["bench", "self", "--layers", "2", "--repeats", "4"])
    out, _ = capsys.readouterr()

    for operation in ("warm lookup", "os_open and close", "listing", "create"):
        assert f"{operation}:" in out


def test_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sweep measures images and strategies on threads, and goes on from its file."""
    arguments = [
        "bench", "sweep", "--smoke", "--image", "@tour", "--strategy", "cached,folded",
        "--where", "top", "--layers", "1,6", "--executor", "thread",
        "--out", str(tmp_path / "out.jsonl"),
    ]  # fmt: skip
    one = document(capsys, *arguments)
    points = one["points"]
    assert isinstance(points, list)

    assert [("cached", 1), ("cached", 6), ("folded", 1), ("folded", 6)] == [
        (point["way"], point["layers"]) for point in points
    ]
    assert one == document(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lookup-depth", "--where", "left"], "--where left: no such place; there are top"),
        (["lookup-depth", "--strategy", "x"], "--strategy x: no such strategy; there are"),
        (["lookup-depth", "--peers", "x"], "--peers x: no such peer; there are dict.get"),
        (["lookup-depth", "--image", "@tour", "--layers", "7"], "--layers 7: @tour has 6 layers"),
        (["lookup-depth", "--image", "@tour", "--peers", "all"], "--peers goes with the made"),
        (["sweep", "--executor", "mpi"], "'mpi' is no executor"),
        (["sweep", "--image", "none.tar"], "none.tar: no such file"),
    ],
)  # fmt: skip
def test_wrong_use(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong use is one line and status 2."""
    assert 2 == main(["bench", *arguments])
    out, err = capsys.readouterr()

    assert "" == out
    assert told == err.removeprefix("unionfs-sim: ")[: len(told)]


def test_plot_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without matplotlib the text names the extra."""
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    assert 2 == main([*LOOKUPS, "--strategy", "cached", "--plot", "x.svg"])
    assert "unionfs-sim[plots]" in capsys.readouterr().err


def test_plots_are_the_same_bytes(tmp_path: Path) -> None:
    """The same figures give the same SVG, without a date and with text as text."""
    pytest.importorskip("matplotlib")
    measured = [
        Measured(
            Point(way, "top", n),
            None,
            {"x_dict_get": r, "x_dict_get_95": [r * 0.9, r * 1.1], "ratios": [r] * 3},
        )
        for way in ("linear", "cached")
        for n, r in ((1, 3.0), (500, 3.1))
    ]
    for name in ("one.svg", "two.svg"):
        made = plotting.figure(lines(measured), title="Depth")
        plotting.save(made, tmp_path / name)
    text = (tmp_path / "one.svg").read_text()

    assert text == (tmp_path / "two.svg").read_text()
    assert "<dc:date>" not in text
    assert ">linear  N^0.01<" in text


def test_labels_keep_their_distance() -> None:
    """Labels at the ends of lines never stand closer than they may."""
    heights = plotting.spread([0.1, 0.11, 0.115, 0.3, 0.31, 0.9], 0.05)

    assert all(b - a > 0.0499 for a, b in itertools.pairwise(heights))


@pytest.mark.parametrize("row", [row for row in table.COMMANDS if "bench" in row.name])
def test_help_works(row: table.Command, capsys: pytest.CaptureFixture[str]) -> None:
    """Every measuring command has help with an example."""
    assert 0 == main([*row.name.split(), "--help"])
    assert f"unionfs-sim {row.name}" in capsys.readouterr().out
