"""Judging properties: what is said of tests that are right, wrong, idle, or broken."""

from __future__ import annotations

import pytest

from tests.exercises.conftest import Submit, exercise
from unionfs_sim.teaching.exercises.formats import to_json
from unionfs_sim.teaching.exercises.grading import Options
from unionfs_sim.teaching.exercises.limits import Limits

pytestmark = pytest.mark.slow

QUICK = Options(examples_max=30)
SOLUTION = (exercise("04").solution / "props.py").read_text(encoding="utf-8")


def test_a_right_property_gets_full_marks_twice(submit: Submit) -> None:
    """By the same seed the same report, to the byte; by another seed too."""
    reports = [submit("04", SOLUTION, options=QUICK) for _ in range(2)]

    assert [100, 100] == [report.score for report in reports]
    assert to_json(reports[0]) == to_json(reports[1])
    assert 100 == submit("04", SOLUTION, options=Options(seed=5)).score


def test_a_false_alarm_costs_and_shows_its_example(submit: Submit) -> None:
    """The variant is named, and what it is free to do."""
    text = SOLUTION + (
        "\n\n@given(layers=stacks())\n"
        "def test_tidy(layers):\n"
        "    union = Stack(layers)\n"
        "    if union.lookup('new') is None:\n"
        "        union.write('new', '')\n"
        "        union.unlink('new')\n"
        "        assert ('new',) not in union.upper\n"
    )
    report = submit("04", text, options=QUICK)

    assert 75 == report.score
    assert not report.passed
    assert "variant B, which keeps marks that it does not need" in report.lines[1]
    assert "layers=[" in report.lines[2]


def test_an_idle_property_is_told_so(submit: Submit) -> None:
    """A test that never comes to its assert says nothing, and hears it."""
    idle = SOLUTION.replace("    assert", "    if len(layers) > 99:\n        assert", 1)
    idle = idle.split("    assert union.lookup(path + below)")[0]
    report = submit("04", idle, options=QUICK)

    assert 0 == report.score
    assert "in 100 % of the examples it came to no assert" in report.lines[1]


def test_an_error_of_ones_own_is_no_kill(submit: Submit) -> None:
    """The line is named; the other tests count."""
    text = SOLUTION + "\n\ndef test_other():\n    return {}['a']\n"
    report = submit("04", text, options=QUICK)

    assert 100 == report.score
    assert "1 of 2 tests accept" in report.lines[0]
    assert "test_other: KeyError: 'a' (props.py, line" in report.lines[1]


def test_a_property_that_hangs_costs_itself_alone(submit: Submit) -> None:
    """Loops for ever in one test; the other one gets its points."""
    text = SOLUTION + "\n\ndef test_hangs():\n    while True:\n        pass\n"
    limits = Limits(task_seconds=2.5)
    report = submit("04", text, options=Options(examples_max=30, limits=limits))

    assert 100 == report.score
    assert "test_hangs was stopped after 2.5 s (props.py, line" in report.lines[1]
