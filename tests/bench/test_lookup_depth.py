"""Runs over depth: what is measured, what is kept, and what an interrupt leaves."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from unionfs_sim import OPAQUE, WHITEOUT, Layer, Stack, UnionFS
from unionfs_sim.bench import depth_sweep, lookup_depth, workload
from unionfs_sim.bench.lookup_depth import Measured, Point, Settings
from unionfs_sim.bench.peer import Opened, Peer
from unionfs_sim.bench.results import ResultFile
from unionfs_sim.errors import FormatError

QUICK: dict[str, Any] = {"rounds": 2, "batch_ns": 1}


def test_workload_is_what_it_says() -> None:
    """Each layer has 441 entries, and hits, misses and whiteouts are where they are."""
    made = workload.Workload()
    for count in (1, 2, 3, 8):
        subject = made.subject(count)
        fs = UnionFS(Stack(subject.layers_top_first), read_only=True)
        for place, paths in subject.paths.items():
            assert workload.KEYS_MAX == len(paths)
            story = fs.explain(paths[7])
            absent = place in lookup_depth.ABSENT
            assert absent == (story.kind is None), place
            if place in {"top", "middle", "bottom"}:
                number = {"top": 0, "middle": count // 2, "bottom": count - 1}[place]
                assert (f"layer {number}",) == story.found_in
    plain = made.layers(8)[1]

    assert 441 == len(plain)
    assert 20 * 8 == len(UnionFS(made.layers(8)).listdir("/p1/p2/d00"))


def test_equal_layers_are_made_once() -> None:
    """Stacks of different depth share the layers that they have in common."""
    made = workload.Workload()

    assert made.layers(8)[0] is made.layers(9)[0]


def test_paths_of_a_stack_of_ones_own() -> None:
    """Hits, misses and whiteouts are found in any layers; seeds choose among many."""
    base = Layer.build({f"d/f{n}": "" for n in range(1_000)} | {"gone": "", "o/x": ""})
    top = Layer.build({"gone": WHITEOUT, "o": OPAQUE, "back": WHITEOUT, "o/y": ""})
    newest = Layer.build({"back": "here"})
    subject = workload.of_layers([newest, top, base], seed=3)

    assert ["/back"] == list(subject.paths["top"])
    assert ["/o/y"] == list(subject.paths["middle"])
    assert 400 == len(set(subject.paths["bottom"]))
    assert "/o/x" not in subject.paths["bottom"]
    assert ["/gone"] == list(subject.paths["whiteout"])
    assert subject.paths == workload.of_layers([newest, top, base], seed=3).paths
    assert subject.paths != workload.of_layers([newest, top, base], seed=4).paths


def test_a_stack_without_files() -> None:
    """Layers without files have no places, and are no error."""
    assert {} == dict(workload.of_layers([Layer.build({})]).paths)
    settings = Settings(layers=(1,), where=("top",), **QUICK)
    found = lookup_depth.run(lambda _: workload.of_layers([Layer.build({})]), settings)

    assert {"these layers have no such path"} == {each.skipped for each in found}


def test_probes_are_the_same_from_run_to_run() -> None:
    """Two runs count alike, whatever they time."""
    settings = Settings(layers=(1, 3), **QUICK)
    one, two = (
        [
            (each.point, each.counts)
            for each in lookup_depth.run(workload.Workload().subject, settings)
        ]
        for _ in range(2)
    )

    assert settings.points() == [point for point, _ in one]
    assert one == two


def test_a_run_goes_on_where_it_stopped() -> None:
    """Points that are known are not measured again."""
    made = workload.Workload()
    settings = Settings(layers=(1, 2), where=("top",), strategies=("cached",), **QUICK)
    first = lookup_depth.run(made.subject, settings)
    known = [Measured.from_json(json.loads(json.dumps(first[0].to_json())))]
    kept: list[Point] = []
    again = lookup_depth.run(
        made.subject, settings, known=known, keep=lambda each: kept.append(each.point)
    )

    assert [Point("cached", "top", 2)] == kept
    assert first[0].to_json() == again[0].to_json()


def _peer(**options: Any) -> Peer:
    return Peer(
        "fake", lambda *_: Opened({"/x": 1}.__getitem__, (KeyError,)), **options
    )


@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        (_peer(missing=lambda: "not installed"), "not installed"),
        (_peer(layers_max=1), "measured with 1 layers at most"),
        (_peer(whiteouts=False), "knows no whiteouts"),
        (Peer("fake", lambda *_: {"a": Opened(len)}["x"]), "KeyError: 'x'"),
    ],
)
def test_peers_that_cannot_be_measured_say_why(peer: Peer, reason: str) -> None:
    """A peer that is missing, limited or broken is left out with the reason."""
    settings = Settings(
        layers=(2,), where=("whiteout",), strategies=(), peers=(peer,), **QUICK
    )
    (found,) = lookup_depth.run(workload.Workload().subject, settings)

    assert reason == found.skipped


def test_peers_are_measured() -> None:
    """A peer that works has a time, and no counts: its insides are not ours."""
    settings = Settings(
        layers=(1,), where=("miss",), strategies=(), peers=(_peer(),), **QUICK
    )
    (found,) = lookup_depth.run(workload.Workload().subject, settings)

    assert found.counts is None
    assert found.figures["x_dict_get"] > 0


def test_lines_put_points_together() -> None:
    """The points of one way and place make a line with its growth."""
    results = [
        Measured(Point("linear", "top", n), None, {"x_dict_get": r, "ratios": [r, r]})
        for n, r in ((1, 2.0), (10, 20.0))
    ]
    results.append(Measured(Point("cached", "top", 1), "left out"))
    (line,) = lookup_depth.lines(results)

    assert 10.0 == line.last_to_first
    assert line.growth is not None
    assert 1.0 == round(line.growth.exponent, 9)


def test_results_survive_a_kill(tmp_path: Path) -> None:
    """A line that was cut off is dropped; the rest is there, and more is added."""
    path = tmp_path / "out.jsonl"
    with ResultFile(path, {"layers": [1]}) as file:
        file.add({"n": 1})
        file.add({"n": 2})
    path.write_bytes(path.read_bytes()[:-4])
    with ResultFile(path, {"layers": [1]}) as file:
        file.add({"n": 3})
    with ResultFile(path, {"layers": [1]}) as file:
        found = file.found

    assert [{"n": 1}, {"n": 3}] == found


@pytest.mark.parametrize(
    "content", ["{}\n", "no json\n", '{"format": "other"}\n', "[]\n"]
)
def test_other_files_are_not_written_to(tmp_path: Path, content: str) -> None:
    """A file that holds something else is refused, and left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text(content)

    with pytest.raises(FormatError, match=r"notes\.txt"):
        ResultFile(path, {})
    assert content == path.read_text()


def test_results_of_another_run_are_refused(tmp_path: Path) -> None:
    """Results of other settings are not mixed with these."""
    path = tmp_path / "out.jsonl"
    ResultFile(path, {"layers": [1]}).close()

    with pytest.raises(FormatError, match="another run"):
        ResultFile(path, {"layers": [2]})


def test_no_result_names_the_machine(tmp_path: Path) -> None:
    """The head of a file describes the machine, and does not say what it is called."""
    path = tmp_path / "out.jsonl"
    ResultFile(path, {}).close()

    assert platform.node() not in path.read_text()


def test_an_image_is_measured_from_the_base_up() -> None:
    """Of an image with N layers the first ones are measured, base first."""
    layers = [Layer.build({f"f{n}": ""}, label=str(n)) for n in range(3)]
    subjects = depth_sweep.of_image(layers, "image")

    assert ["1", "0"] == [layer.label for layer in subjects(2).layers_top_first]
    assert ["/f1"] == list(subjects(2).paths["top"])
