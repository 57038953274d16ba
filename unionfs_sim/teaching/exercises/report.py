"""What a grader found out about a submission, as a value without clock or path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import attrs

MAX_SCORE: Final = 100.0
#: Feedback is short, or it is not read.
LINES_MAX: Final = 4

Status = Literal["passed", "failed", "error"]


@attrs.frozen(kw_only=True)
class Part:
    """
    A sub-property of an exercise, and how the submission fared with it.

    Attributes:
        name: What it says, in the language of the report.
        score: The points it got.
        max_score: The points there are.
        status: ``passed``, ``failed``, or ``error`` if it could not be looked at.
        text: What there is to say.
        hidden: Whether Gradescope shows it only when grades are published.
    """

    name: str
    score: float
    max_score: float
    status: Status
    text: str = ""
    hidden: bool = False


def _points(score: float) -> float:
    return round(float(score), 1)


@attrs.frozen(kw_only=True)
class Report:
    """
    The outcome of grading one submission.

    The same submission, seed and versions give an equal report: it holds no times.

    Attributes:
        exercise: The exercise's id, such as ``"04"``.
        title: Its title.
        passed: Whether the bar is reached.
        score: Points of `MAX_SCORE`.
        parts: The sub-properties.
        lines: What to tell the student: at most four lines, the good news first.
        data: Figures: kills, false alarms, examples, seeds, versions.
        output: The beginning of what the submission printed.
        broken: Whether the submission could not be graded as it stands.
    """

    exercise: str
    title: str
    passed: bool
    score: float = attrs.field(converter=_points)
    parts: Sequence[Part]
    lines: Sequence[str] = attrs.field()
    data: Mapping[str, Any] = attrs.field(factory=dict)
    output: str = ""
    broken: bool = False

    @lines.validator
    def _lines_are_few(self, _: object, lines: Sequence[str]) -> None:
        assert 1 <= len(lines) <= LINES_MAX
        assert not any("\n" in line for line in lines)


def shares(names: Sequence[object], total: float = MAX_SCORE) -> list[float]:
    """
    Split points evenly, so that they add up to the total.

    >>> shares(["a", "b", "c"])
    [33.3, 33.3, 33.4]
    """
    if not names:
        return []
    each = round(total / len(names), 1)
    return [each] * (len(names) - 1) + [round(total - each * (len(names) - 1), 1)]
