"""Sealed sets: chosen by a seed, graded apart, and kept from students."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli  # noqa: PLC0414 - a fixture
from tests.exercises.conftest import Submit, exercise
from unionfs_sim.errors import SpecError
from unionfs_sim.teaching.exercises import sealing
from unionfs_sim.teaching.exercises.formats import to_gradescope
from unionfs_sim.teaching.exercises.grading import Options
from unionfs_sim.teaching.exercises.sealed import Sealed

BUGS = ("M03@many layers", "M02@something deep")
SEALED = Sealed("04", 5, BUGS)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the solution reject whatever has a guard of layers; note what is tried."""
    tried: list[str] = []

    def classify(_: object, bugs: Sequence[str]) -> SimpleNamespace:
        tried.extend(bugs)
        return SimpleNamespace(kills={bug for bug in bugs if "layers" in bug})

    monkeypatch.setattr(sealing, "classify", classify)
    return tried


@pytest.mark.usefixtures("found")
def test_set_is_a_function_of_its_seed() -> None:
    """The same seed chooses the same bugs, another one others; all can be graded."""
    one = sealing.seal(exercise("11"), 1, 6)

    assert one == sealing.seal(exercise("11"), 1, 6)
    assert one.bugs != sealing.seal(exercise("11"), 2, 6).bugs
    assert all("layers" in bug for bug in one.bugs)


def test_no_bug_comes_twice_while_there_are_others(found: list[str]) -> None:
    """The pairs go round: each bug with one guard, then each with another."""
    with pytest.raises(SpecError, match="has 10 bugs to seal, not 99"):
        sealing.seal(exercise("04"), 1, 99)

    rounds = [sorted(bug[:3] for bug in found[at : at + 5]) for at in range(0, 30, 5)]
    assert 6 * [rounds[0]] == rounds
    assert len(set(found)) == len(found)


def test_what_no_union_shows_cannot_be_sealed() -> None:
    """Volumes have no layers to guard by; a resolver has no bugs to be tried on."""
    for number in ("13", "15"):
        with pytest.raises(SpecError, match="has 0 bugs to seal"):
            sealing.seal(exercise(number), 1)


@pytest.mark.slow
def test_sealed_set_has_its_share_of_the_points(submit: Submit) -> None:
    """The solution gets all of it; a weak test only what it earns, and not a word."""
    options = Options(examples_max=30, sealed=[SEALED])
    full = submit("04", folder=exercise("04").solution, options=options)
    weak = next(each for each in exercise("04").wrong if "only" in each.name)
    less = submit("04", folder=weak, options=options)

    assert (100, True) == (full.score, full.passed)
    assert (30, 15) == (full.parts[-1].score, less.parts[-1].score)
    assert "rejected 1 of 2 planted bugs" == less.parts[-1].text
    assert not any("sealed" in line or "@" in line for line in less.lines)
    tests = json.loads(to_gradescope(less))["tests"]
    assert ["visible"] * 4 + ["after_published"] == [x["visibility"] for x in tests]


def test_set_of_another_exercise_is_refused(cli: Cli, tmp_path: Path) -> None:
    """Whoever grades hears of it, before anything is graded."""
    file, folder = tmp_path / "sealed.json", tmp_path / "class"
    file.write_text(SEALED.to_json(), encoding="utf-8")
    cli("exercises", "start", "01", "--dir", str(folder))
    grade = cli("exercises", "grade", str(folder), "--sealed", str(file))
    bundle = cli("exercises", "bundle", "05", "--sealed", str(file))

    assert (2, 2) == (grade.status, bundle.status)
    assert "is for exercise 04" in grade.err
    assert "is for exercise 04, not 05" in bundle.err


def test_what_is_no_set_is_refused(cli: Cli, tmp_path: Path) -> None:
    """A file that is none is named."""
    file = tmp_path / "sealed.json"
    for text in ("{", "[]", '{"exercise": "04"}'):
        file.write_text(text, encoding="utf-8")
        outcome = cli("exercises", "bundle", "04", "--sealed", str(file))

        assert 2 == outcome.status
        assert "sealed.json: no sealed set" in outcome.err


@pytest.mark.usefixtures("found")
def test_sealed_autograder_takes_three_commands(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Install, seal, bundle: the archive holds the set, and grades by its seed."""
    monkeypatch.chdir(tmp_path)
    sealed = cli("exercises", "seal", "04", "--seed", "2026")
    bundle = cli("exercises", "bundle", "04", "--sealed", "sealed-04.json")

    assert (0, 0) == (sealed.status, bundle.status)
    assert "unionfs-sim exercises bundle 04 --sealed sealed-04.json" in sealed.out
    assert 5 == len(Sealed.read(Path("sealed-04.json")).bugs)
    with zipfile.ZipFile("autograder-04.zip") as archive:
        run = archive.read("run_autograder")
        assert b"--seed 2026 --sealed /autograder/source/sealed.json" in run
        assert Path("sealed-04.json").read_bytes() == archive.read("sealed.json")
