"""Reports as people, CI systems and autograders read them; written whole or not."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from unionfs_sim.teaching.exercises.report import MAX_SCORE, Report

_TEXT_LINES_MAX: Final = 24
#: What XML 1.0 cannot hold.
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def to_text(report: Report) -> str:
    """Give at most 24 lines: the result, the sub-properties, the advice."""
    mark = {"passed": "+", "failed": "-", "error": "!"}
    lines = [f"{report.exercise} {report.title}: {report.score:g}/{MAX_SCORE:g}"]
    room = _TEXT_LINES_MAX - 3 - len(report.lines)
    parts = [
        f"  {mark[part.status]} {part.name}"
        + (f"  ({part.score:g}/{part.max_score:g})" if part.max_score else "")
        for part in report.parts
    ]
    if len(parts) > room:
        parts = [*parts[: room - 1], f"  … +{len(parts) - room + 1}"]
    return "\n".join([*lines, *parts, "", *report.lines]) + "\n"


def to_data(report: Report) -> dict[str, Any]:
    """Give the JSON object of a report, version 1."""
    return {
        "version": 1,
        "exercise": report.exercise,
        "title": report.title,
        "passed": report.passed,
        "score": report.score,
        "max_score": MAX_SCORE,
        "broken": report.broken,
        "parts": [
            {
                "name": part.name,
                "score": part.score,
                "max_score": part.max_score,
                "status": part.status,
                "text": part.text,
                "hidden": part.hidden,
            }
            for part in report.parts
        ],
        "feedback": list(report.lines),
        "data": dict(report.data),
        "output": report.output,
    }


def to_json(report: Report) -> str:
    """Give the JSON text: sorted keys, no times, so equal reports are equal bytes."""
    return _document(to_data(report))


def to_gradescope(report: Report) -> str:
    """
    Give Gradescope's ``results.json``.

    Sealed parts show after grades are published.  There is no ``execution_time``:
    Gradescope measures that itself, and the text stays the same in every run.
    """
    return _document(
        {
            "score": report.score,
            "max_score": MAX_SCORE,
            "output": "\n".join(report.lines),
            "visibility": "visible",
            "tests": [
                {
                    "name": f"{report.exercise} {part.name}",
                    "number": f"{report.exercise}.{number}",
                    "score": part.score,
                    "max_score": part.max_score,
                    "status": "passed" if part.status == "passed" else "failed",
                    "output": part.text,
                    "visibility": "after_published" if part.hidden else "visible",
                }
                for number, part in enumerate(report.parts, 1)
            ],
            "extra_data": to_data(report),
        }
    )


def to_junit(report: Report) -> str:
    """Give JUnit's XML: one suite for the exercise, one case for each part."""
    suite = ElementTree.Element(
        "testsuite",
        name=f"{report.exercise} {report.title}",
        tests=str(len(report.parts)),
        failures=str(sum(part.status == "failed" for part in report.parts)),
        errors=str(sum(part.status == "error" for part in report.parts)),
    )
    for part in report.parts:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"exercise{report.exercise}", name=part.name
        )
        if part.status != "passed":
            kind = "failure" if part.status == "failed" else "error"
            ElementTree.SubElement(case, kind, message=_printable(part.text))
    told = ElementTree.SubElement(suite, "system-out")
    told.text = _printable("\n".join(report.lines))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + ElementTree.tostring(suites, encoding="unicode")
        + "\n"
    )


def to_exercism(report: Report) -> str:
    """Give the ``results.json`` of exercism's test runners, version 3."""
    status = "pass" if report.passed else "error" if report.broken else "fail"
    words = {"passed": "pass", "failed": "fail", "error": "error"}
    return _document(
        {
            "version": 3,
            "status": status,
            "message": "\n".join(report.lines) if status == "error" else None,
            "tests": [
                {
                    "name": part.name,
                    "status": words[part.status],
                    "message": part.text or None,
                    "task_id": number,
                }
                for number, part in enumerate(report.parts, 1)
            ],
        }
    )


#: How a report is written down, by the name of the format.
FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "text": to_text,
    "json": to_json,
    "junit": to_junit,
    "gradescope": to_gradescope,
    "exercism": to_exercism,
}


def write(text: str, file: Path) -> None:
    """Write a file so that it is there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)


def to_table(reports: Sequence[tuple[str, Report]]) -> list[list[str]]:
    """Give a class's rows: who, exercise, points, bar, why it could not be graded."""
    return [
        [
            name,
            report.exercise,
            f"{report.score:g}",
            "yes" if report.passed else "no",
            report.lines[0] if report.broken else "",
        ]
        for name, report in reports
    ]


def _document(data: object) -> str:
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)


def to_class_json(reports: Sequence[tuple[str, Report]]) -> str:
    """Give the JSON text of a class."""
    return _document(
        {
            "version": 1,
            "submissions": [
                {"name": name, "report": to_data(report)} for name, report in reports
            ],
        }
    )


def to_csv(header: Sequence[str], reports: Sequence[tuple[str, Report]]) -> str:
    """Give a class as a spreadsheet takes it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name.lower() for name in header])
    writer.writerows(to_table(reports))
    return text.getvalue()
