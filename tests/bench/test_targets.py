"""The targets: everything runs, and what is exact holds even in a run of nothing."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from unionfs_sim.bench import hostpeers, peers, workload
from unionfs_sim.bench.lookup_depth import Settings, run
from unionfs_sim.bench.targets import GROUPS, Figure, Setup, measure
from unionfs_sim.bench.targets.bigimage import write_image
from unionfs_sim.image.open import open_image

#: What is counted or compared, and so is true even if nothing is timed.
EXACT = ("lower layers that", "bytes copied", "new memory", "entry", "most memory held")


@pytest.fixture(scope="module")
def figures() -> list[Figure]:
    # In a process of its own: memory is counted for all threads of a process, and other
    # tests may have left some at work.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        return executor.submit(measure, Setup.tiny()).result()


def test_every_target_is_measured(figures: list[Figure]) -> None:
    """There are figures for all twelve targets, with limits."""
    assert set(range(1, 13)) == {each.target for each in figures}
    assert set(range(1, 13)) == {
        each.target for each in figures if each.limit is not None
    }


@pytest.mark.parametrize("target", [8, 9, 10, 12])
def test_what_is_exact_is_kept(target: int, figures: list[Figure]) -> None:
    """Memory, bytes copied and lower layers keep their limits on any machine."""
    chosen = [
        each
        for each in figures
        if each.target == target and any(text in each.what for text in EXACT)
    ]

    assert chosen
    assert not [each for each in chosen if each.good is not True]


def test_figures_are_json(figures: list[Figure]) -> None:
    """Every figure is a document that says whether its limit is kept."""
    for each in figures:
        document = json.loads(json.dumps(each.to_json()))

        assert document["ok"] == each.good


@pytest.mark.parametrize(
    ("value", "sense", "good"),
    [(1.0, "<=", True), (1.1, "<=", False), (0.9, ">=", False), (1.0, ">=", True)],
)
def test_limits(value: float, sense: str, good: bool) -> None:
    """A limit is the most or the least, and is itself allowed."""
    assert good is Figure(1, "x", value, "x", 1.0, sense).good  # type: ignore[arg-type]


def test_nothing_measured_is_nothing_kept() -> None:
    """A figure that could not be measured is neither kept nor missed."""
    assert Figure(1, "x", None, "x", 1.0).good is None
    assert Figure(1, "x", 1.0, "x").good is None


def test_made_image_is_an_image(tmp_path: Path) -> None:
    """The big image is one that our own reader takes, with all its checks."""
    write_image(tmp_path, files=300, layers=3)
    with open_image(tmp_path) as image:
        names = [path for layer in image.layers_base_first for path, _ in layer.walk()]

    assert 300 == sum("/file" in name for name in names)


def test_groups_are_named() -> None:
    """Each group of targets can be measured alone."""
    assert {2, 3} < {each.target for each in GROUPS["warm"](Setup.tiny())}


def test_page_is_what_the_results_say(root: Path) -> None:
    """`docs/performance.md` is the page that its generator makes of the results."""
    script = root / "benchmarks" / "report.py"
    if not (script.parent / "results").is_dir():
        pytest.skip("no published results beside the tests")
    done = subprocess.run(
        [sys.executable, str(script), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "performance.md: as the results say\n" == done.stdout, done.stderr


@pytest.mark.oracle
def test_kernel_shows_the_workload_as_we_do() -> None:
    """A real overlay of the workload has the same names, and is gone afterwards."""
    reason = peers.PEERS["overlayfs"].missing()
    if reason:
        pytest.skip(reason)
    subject = workload.Workload().subject(5)
    with ExitStack() as resources:
        place = hostpeers.mounted(subject, resources)
        for where, paths in subject.paths.items():
            there = where not in {"miss", "whiteout"}
            assert there == Path(f"{place}{paths[9]}").exists(), where
    assert not place.exists()


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in peers.PEERS if name != "dict.get"])
def test_installed_peers_can_be_measured(name: str) -> None:
    """Every peer that is installed gives a figure for a hit and a miss."""
    peer = peers.PEERS[name]
    reason = peer.missing()
    if reason:
        pytest.skip(reason)
    settings = Settings(
        layers=(1,), where=("bottom", "miss"), strategies=(), peers=(peer,), rounds=1,
        batch_ns=1,
    )  # fmt: skip

    for found in run(workload.Workload().subject, settings):
        assert found.skipped is None
