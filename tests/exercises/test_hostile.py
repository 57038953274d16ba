"""Submissions that misbehave: each gets a complete and fair report in bounded time."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.exercises.conftest import Submit, exercise
from unionfs_sim.teaching.exercises import formats
from unionfs_sim.teaching.exercises.grading import Options, grade
from unionfs_sim.teaching.exercises.report import Report

#: The five other goals of exercise 02, solved.
REST = (exercise("02").solution / "stacks.py").read_text(
    encoding="utf-8"
) + "\nimport os, sys, time\n"


def first_goal(body: str) -> str:
    """Give the solution of exercise 02 with another body of its first function."""
    return f"{REST}\n\ndef goal_1():\n    {body}\n"


#: What a function does, the kind of fault it is, and how many of the six still count.
IN_A_TASK = {
    "loop": ("while True: pass", "time", 5),
    "sleep": ("time.sleep(3600)", "time", 5),
    "recursion": ("return goal_1()", "error", 5),
    "allocation": ("x = []\n    while True: x.append(bytearray(1 << 24))", "memory", 5),
    "one-allocation": ("return bytearray(1 << 40)", "memory", 5),
    "leaves": ("os._exit(0)", "exit", 5),
    "exits": ("sys.exit(3)", "exit", 5),
    "kills-itself": ("os.kill(os.getpid(), 9)", "signal", 5),
    "raises": ("raise KeyError('a')", "error", 5),
    "interrupts": ("raise KeyboardInterrupt", "error", 5),
    "prints-a-gigabyte": (
        "for _ in range(1 << 10): sys.stdout.write('x' * (1 << 20))",
        "output",
        5,
    ),
    "writes-a-gigabyte": (
        "file = open('big', 'wb')\n    for _ in range(1024): file.write(bytes(1 << 20))",
        "error",
        5,
    ),
    "forks-on-and-on": ("while True: os.fork()", "processes", 5),
    "closes-everything": ("os.closerange(0, 256)\n    return 1", "", 5),
}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
@pytest.mark.parametrize("name", IN_A_TASK)
def test_one_task_costs_itself_alone(name: str, submit: Submit) -> None:
    """Whatever one function does, the others are graded and the reason is told."""
    body, kind, others = IN_A_TASK[name]
    began = time.monotonic()
    report = submit("02", first_goal(body))

    assert time.monotonic() - began < 30
    assert others == report.data["right"][0]
    part = report.parts[0]
    assert part.status == ("error" if kind else "failed")
    assert "goal_1" in part.text or not kind
    assert told(report)
    assert not report.passed


AT_LOADING = {
    "syntax": ("def goal_1(:\n", "not valid Python"),
    "no-module": ("import torch_of_nobody\n", "torch_of_nobody"),
    "loop": ("while True: pass\n", "was stopped after 1 s (stacks.py, line 1)"),
    "leaves": ("import os\nos._exit(0)\n", "ended the process (status 0)"),
    "exits": ("raise SystemExit('bye')\n", "ended the process"),
    "flood": ("while True: print('x' * 1000)\n", "printed more than 256 KiB"),
    "binary": ("\x00\x01", "not valid Python"),
    "empty": ("", "goal_1"),
    "garbage-on-stdout": ('print(\'{"event": "finished"}\')\n', "goal_1"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
@pytest.mark.parametrize("name", AT_LOADING)
def test_a_file_that_cannot_be_loaded_is_explained(name: str, submit: Submit) -> None:
    """The report says why, in words that name the file and no folder."""
    text, said = AT_LOADING[name]
    report = submit("02", text)

    assert 0 == report.score
    assert said in " ".join(report.lines)
    assert told(report)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX file types")
@pytest.mark.parametrize("number", ["01", "02", "04"])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("what", ["nothing", "fifo", "directory", "device", "link"])
def test_a_file_that_is_none_is_named(
    what: str, lang: str, number: str, tmp_path: Path
) -> None:
    """The report says that it is missing, and where, or that it is no ordinary file."""
    folder, chosen = tmp_path / "submission", exercise(number)
    folder.mkdir()
    file = folder / chosen.edit[0]
    match what:
        case "fifo":
            os.mkfifo(file)
        case "directory":
            file.mkdir()
        case "device":
            file.symlink_to("/dev/zero")
        case "link":
            file.symlink_to("nowhere")
        case _:
            pass
    report = grade(chosen, folder, Options(lang=lang))

    missing = {"en": "is missing", "zh": "缺少"}[lang]
    odd = {"en": "is no ordinary file", "zh": "不是普通文件"}[lang]
    assert (missing if what == "nothing" else odd) in report.lines[0]
    assert file.name in report.lines[0]
    assert "submission" in report.lines[0]
    assert "import" not in " ".join(report.lines)
    assert report.broken
    assert told(report)


def told(report: Report) -> bool:
    """Check that a report is whole in all formats, short, and without paths."""
    for form in formats.FORMATS.values():
        text = form(report)
        assert text.endswith("\n")
        assert "/tmp/" not in text
    assert len(formats.to_text(report).splitlines()) <= 24
    assert json.loads(formats.to_gradescope(report))["score"] == report.score
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX process groups")
def test_forked_children_do_not_stay(submit: Submit, tmp_path: Path) -> None:
    """A process that the submission started is gone when the report is there."""
    note = tmp_path / "pid"
    body = (
        "pid = os.fork()\n"
        "    if not pid:\n"
        "        time.sleep(600)\n"
        f"    open({str(note)!r}, 'w').write(str(pid))\n"
        "    return [layer('a=1 b=2'), layer('~a')]"
    )
    report = submit("02", first_goal(body))

    assert report.passed
    pid = int(note.read_text(encoding="utf-8"))
    state = Path(f"/proc/{pid}/stat")
    if state.exists():  # a zombie that init has not yet taken
        assert state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX fork")
def test_a_fork_that_returns_does_not_speak_twice(submit: Submit) -> None:
    """A forked copy of the grader's child ends where the student's code returns."""
    report = submit(
        "02", first_goal("os.fork()\n    return [layer('a=1 b=2'), layer('~a')]")
    )

    assert report.passed
    assert 100 == report.score


def test_the_submission_is_not_touched(submit: Submit, tmp_path: Path) -> None:
    """The student's folder is copied: what the code writes and removes is the copy's."""
    submit(
        "02", first_goal("os.remove('stacks.py')\n    open('new', 'w')\n    return []")
    )

    assert sorted(os.listdir(tmp_path / "submission")) == ["stacks.py"]


def test_secrets_stay_with_the_parent(
    submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of an autograder is not the student's."""
    monkeypatch.setenv("GRADER_TOKEN", "secret")
    report = submit("02", first_goal("raise KeyError(os.environ.get('GRADER_TOKEN'))"))

    assert "secret" not in formats.to_json(report)
