"""The figures of the grader: fair, cheap, and the same everywhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.exercises.conftest import exercise
from unionfs_sim.teaching.exercises import measuring

QUICK = [exercise(number) for number in ("01", "02", "03", "14")]
#: Of Python 3.11 on Linux, and the same everywhere: change it only with what is said.
DIGEST = "ec69199ee8fdf851b3dc3ebea1e72bc98d9e9bde93103428220d5f91a040bc00"


def test_figures_of_what_exercises_ship() -> None:
    """Solutions, starters and wrong ones are counted; reports are the same bytes."""
    told: list[str] = []
    found = measuring.figures(QUICK, told.append)

    wrong = sum(len(each.wrong) for each in QUICK)
    assert {"solution": 4, "starter": 4, "wrong": wrong} == found["T9 as stated"]
    assert [] == found["T9 not as stated"]
    assert 8 + wrong == len(told)
    assert DIGEST == found["T13 digest of reports without Hypothesis"]


@pytest.mark.skipif(sys.platform == "win32", reason="nobody counts it there")
def test_gradings_cost_something() -> None:
    """Seconds and MiB are of the grader and its child, in a process that did no more."""
    script = (
        "from unionfs_sim.teaching.exercises import measuring\n"
        "from tests.exercises.conftest import exercise\n"
        "one = exercise('02')\n"
        "cost = measuring.graded(one, one.solution)[1]\n"
        "print(cost.seconds, cost.mib)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    seconds, mib = map(float, done.stdout.split())

    assert 0 < seconds < 60
    assert 10 < mib < 384


def test_digest_forgets_the_machine_alone() -> None:
    """Versions and limits are left out; a point more or less is not."""
    report, _ = measuring.graded(QUICK[0], QUICK[0].solution)
    again, _ = measuring.graded(QUICK[0], QUICK[0].starter)

    assert measuring.digest([report]) != measuring.digest([again])


def test_a_process_imports_the_library_only_to_grade_with_it() -> None:
    """A grading starts up to 13 processes, and half of their start would be that."""
    code = (
        "import sys, unionfs_sim.teaching.exercises.child\n"
        "from unionfs_sim.teaching.subjects import subject\n"
        "print('unionfs_sim.core.union' in sys.modules)\n"
        "subject('P')\n"
        "print('unionfs_sim.core.union' in sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert ["False", "True"] == run.stdout.split()
