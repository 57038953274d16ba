"""Reports in all formats: the shapes that autograders read, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import attrs
import pytest

from tests.exercises.conftest import Submit, exercise
from unionfs_sim.teaching.exercises import formats
from unionfs_sim.teaching.exercises.grading import Options
from unionfs_sim.teaching.exercises.report import Part, Report

REPORT = Report(
    exercise="04",
    title="First property",
    passed=False,
    score=60,
    parts=[
        Part(name="hides", score=60, max_score=60, status="passed", text="right"),
        Part(name="shows", score=0, max_score=30, status="failed", text="no\x01 <&>"),
        Part(name="sealed", score=0, max_score=10, status="error", hidden=True),
    ],
    lines=["Good.", "Still alive: 1."],
    data={"kills": [3, 5]},
)


def test_text_is_short_and_puts_the_result_first() -> None:
    """People see the points, the parts, and the advice."""
    assert (
        "04 First property: 60/100\n"
        "  + hides  (60/60)\n"
        "  - shows  (0/30)\n"
        "  ! sealed  (0/10)\n"
        "\n"
        "Good.\n"
        "Still alive: 1.\n"
    ) == formats.to_text(REPORT)


def test_text_never_passes_24_lines() -> None:
    """However many parts there are."""
    many = attrs.evolve(REPORT, parts=list(REPORT.parts) * 20)

    lines = formats.to_text(many).splitlines()
    assert 24 >= len(lines)
    assert "  … +42" in lines


def test_gradescope_has_what_its_specification_names() -> None:
    """Scores, statuses and visibility; sealed parts after publication."""
    data = json.loads(formats.to_gradescope(REPORT))

    assert 60 == data["score"]
    assert ["passed", "failed", "failed"] == [test["status"] for test in data["tests"]]
    visible = [test["visibility"] for test in data["tests"]]
    assert ["visible", "visible", "after_published"] == visible
    assert sum(test["max_score"] for test in data["tests"]) == 100
    assert [3, 5] == data["extra_data"]["data"]["kills"]


def test_junit_is_xml_whatever_was_said() -> None:
    """Characters that XML cannot hold are replaced."""
    suite = ElementTree.fromstring(formats.to_junit(REPORT))[0]

    assert ("3", "1", "1") == tuple(
        suite.get(name) for name in ("tests", "failures", "errors")
    )
    failure = suite[1].find("failure")
    assert failure is not None
    assert "no? <&>" == failure.get("message")


def test_exercism_is_version_3() -> None:
    """A status for all, and one for each test."""
    data = json.loads(formats.to_exercism(REPORT))

    assert (3, "fail", None) == (data["version"], data["status"], data["message"])
    assert [1, 2, 3] == [test["task_id"] for test in data["tests"]]
    broken = json.loads(formats.to_exercism(attrs.evolve(REPORT, broken=True)))
    assert ("error", "Good.\nStill alive: 1.") == (broken["status"], broken["message"])


@pytest.mark.parametrize("name", formats.FORMATS)
def test_same_submission_same_bytes(name: str, submit: Submit) -> None:
    """A report holds no time and no path."""
    form = formats.FORMATS[name]

    assert form(submit("02")) == form(submit("02"))


def test_report_is_written_whole_or_not(tmp_path: Path) -> None:
    """What was there stays there until the new text is complete."""
    file = tmp_path / "deep" / "results.json"
    formats.write("one", file)
    with pytest.raises(UnicodeEncodeError):
        formats.write("two\udc80", file)

    assert "one" == file.read_text(encoding="utf-8")
    assert [file.name] == [each.name for each in file.parent.iterdir()]


def test_feedback_is_in_chinese_if_asked(submit: Submit) -> None:
    """Texts are data: the same report in another language."""
    chosen = exercise("02")
    report = submit("02", folder=chosen.solution, options=Options(lang="zh"))

    assert "最小的栈" == report.title
    assert "已经达标。" == report.lines[-1]
