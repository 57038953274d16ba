"""The matrix: every bug is found, every property finds one, and the same each time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from unionfs_sim.teaching.__main__ import main
from unionfs_sim.teaching.baselines import BASELINES
from unionfs_sim.teaching.lab import Lab
from unionfs_sim.teaching.matrix import Matrix, Task, measure, perform, tasks
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.properties import PROPERTIES, run
from unionfs_sim.teaching.rubric import figures, percentile
from unionfs_sim.teaching.variants import VARIANTS


@pytest.fixture(scope="module")
def table() -> Matrix:
    """Give the matrix of everything on one seed, but the slow library variant."""
    names = [*MUTANTS, "A", "B", "C", "D"]
    return measure(tasks(subjects=names, seeds=[1], examples=300))


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_every_bug_is_found(table: Matrix, mutant: str) -> None:
    """Some property finds each bug within three hundred examples."""
    assert table.killers(mutant)


@pytest.mark.slow
def test_baselines_find_no_more_than_elsewhere(table: Matrix) -> None:
    """The course's script finds 4, the nine scenarios 20 of the first 77 bugs."""
    first = {f"M{number:02}" for number in range(1, 78)}

    assert 4 == len(first & set(table.kills("S3")))
    assert 20 == len(first & set(table.kills("S9")))


@pytest.mark.slow
def test_figures_are_those_of_the_rubric(table: Matrix) -> None:
    """The figures reach the rubric's targets, on one seed already."""
    got = figures(table)

    assert [] == table.alarms
    assert [] == got["T2 alive"]
    assert [] == got["T8 idle"]
    assert table.mutants == sorted(MUTANTS)
    assert len([x for x in table.mutants if len(families(table, x)) > 1]) >= 0.8 * 87
    means = sorted(best.mean for x in table.mutants if (best := table.best(x)))
    assert means[len(means) // 2] <= 10
    assert means[int(len(means) * 0.9)] <= 100


def families(table: Matrix, mutant: str) -> set[str]:
    """Give the families of the properties that found a bug."""
    return {PROPERTIES[prop].family for prop in table.killers(mutant)}


def test_skipping_what_is_not_reached_loses_nothing() -> None:
    """A task gives what running every example gives."""
    names = ("M01", "M14", "M32", "M41", "M56", "M66", "M86")
    for prop in ("P05", "P17", "P35", "P48", "P59"):
        for outcome in perform(Task(prop, 3, 40, names, ())):
            lab = MUTANTS[outcome["subject"]].lab()
            result = run(PROPERTIES[prop], lab, seed=3, examples=40)
            assert (result.status, result.examples, result.part) == (
                outcome["status"],
                outcome["examples"],
                outcome["part"],
            )


def test_same_input_same_bytes() -> None:
    """The table does not depend on who ran the tasks, and survives JSON."""
    todo = tasks(["P01", "P61"], ["M03", "M14", "A"], seeds=[1, 2], examples=20)
    with ThreadPoolExecutor(2) as executor:
        text = measure(todo, executor).to_json()

    assert text == measure(todo).to_json()
    assert text == Matrix.from_json(text).to_json()


def test_cell_tells_minimum_median_and_mean() -> None:
    """A cell counts runs, and the examples of those that found the bug."""
    table = measure(tasks(["P01"], ["M03", "M14"], seeds=[1, 2, 3], examples=20))
    found, not_found = table.cells["P01", "M03"], table.cells["P01", "M14"]

    assert (3, 3) == (found.killed, found.runs)
    assert {"min", "median", "mean"} < set(found.to_json())
    assert (0, 3, None) == (
        not_found.killed,
        not_found.runs,
        not_found.to_json()["mean"],
    )
    assert ["P01"] == table.killers("M03")
    assert table.best("M14") is None


def test_progress_is_told() -> None:
    """Whoever waits is told how many tasks are done."""
    told: list[tuple[int, int]] = []

    def progress(done: int, count: int) -> None:
        told.append((done, count))

    measure(tasks(["P01"], ["M03"], seeds=[1, 2], examples=5), progress=progress)

    assert [(1, 2), (2, 2)] == told


def test_command_tells_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """The command gives the rubric's figures as JSON."""
    status = main(
        [
            "--properties",
            "P01",
            "--subjects",
            "M03",
            "A",
            "--examples",
            "9",
            "--jobs",
            "1",
        ]
    )
    told = json.loads(capsys.readouterr().out)

    assert 0 == status
    assert {"A": 9} == told["examples on correct implementations"]
    assert 1 == told["T2 killed"]


def test_percentile_of_nothing() -> None:
    """Where nothing was found there is no figure."""
    assert percentile([], 90) is None


@pytest.mark.parametrize("suite", BASELINES.values(), ids=list(BASELINES))
def test_baselines_accept_the_correct_lab(suite: object) -> None:
    """The suites that we compare with pass where they should."""
    assert "passed" == run(suite, Lab(), examples=1).status  # type: ignore[arg-type]
    assert "passed" == run(suite, VARIANTS["C"].lab(), examples=1).status  # type: ignore[arg-type]
