"""Judging in particular: what reports say of sub-properties, by small submissions."""

from __future__ import annotations

from tests.exercises.conftest import Submit, exercise
from unionfs_sim.teaching.exercises.grading import Options


def test_a_model_gets_points_verb_by_verb(submit: Submit) -> None:
    """A model with nothing but ``write`` has its share, and is told what is next."""
    solution = (exercise("10").solution / "model.py").read_text(encoding="utf-8")
    broken = solution.replace("def mkdir(", "def not_mkdir(")
    report = submit("10", broken, options=Options())

    assert 52.5 <= report.score < 100
    failed = [part.name for part in report.parts if part.status == "failed"]
    assert "mkdir does what it should" in failed
    assert "AttributeError" in " ".join(report.lines)


def test_an_implementation_sees_the_smallest_case(submit: Submit) -> None:
    """A resolver that forgets whiteouts is shown a stack of two entries or so."""
    solution = (exercise("15").solution / "resolver.py").read_text(encoding="utf-8")
    broken = solution.replace("            break\n", "            continue\n")
    report = submit("15", broken, options=Options())

    assert not report.passed
    assert "A whiteout hides the whole subtree below" in report.lines[1]
    assert report.lines[2].startswith("Smallest case found: layers: [")
    assert len(report.lines[2]) < 60


def test_a_crash_names_the_line(submit: Submit) -> None:
    """An error of the student's is no broken property."""
    solution = (exercise("16").solution / "union.py").read_text(encoding="utf-8")
    broken = solution.replace(
        "        old = self.file(at)\n", "        old = nothing\n"
    )
    report = submit("16", broken, options=Options())

    assert "NameError: name 'nothing' is not defined (union.py, line" in " ".join(
        report.lines
    )


def test_a_report_on_a_fault_is_measured(submit: Submit) -> None:
    """An example that shows nothing, and one that nobody can read."""
    text = (exercise("14").solution / "report.toml").read_text(encoding="utf-8")
    report = submit(
        "14",
        text.replace('layers = "a=1:600"', 'layers = "a=1"').replace(
            'layers = "a=1 | | ~a"', 'layers = "a"'
        ),
    )

    assert "the correct file system and the faulty one agree" in report.parts[0].text
    assert "cannot be read" in report.parts[1].text
    assert [8.3, 8.3] == [part.score for part in report.parts[:2]]
    assert not report.passed
