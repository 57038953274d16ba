"""``check --stats``: what the examples of a test were like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli  # noqa: PLC0414 - a fixture
from unionfs_sim.teaching.exercises.kinds.properties import MET, carry_out, load

HEAD = (
    "from hypothesis import given, strategies as st\n"
    "from unionfs_sim.teaching.student import Stack, stack\n"
    "@given(st.just(0))\n"
    "def test_it(_):\n"
)


@pytest.mark.parametrize(
    ("body", "met"),
    [
        ("assert Stack(stack('a=1 | ~a')).lookup('a') is None", {"whiteout"}),
        ("assert Stack(stack('d/a=1 | d!')).readdir('d') == []", {"opaque"}),
        (
            "u = Stack(stack('a=1')); u.append('a', '2'); assert u.read('a')",
            {"copy_up"},
        ),
        (
            "u = Stack(stack('a=1')); u.unlink('a'); assert u.kind('') == 'dir'",
            {"removal"},
        ),
        (
            "u = Stack(); u.write('a', '1'); u.unlink('a'); assert u.kind('')",
            {"removal"},
        ),
        ("assert Stack(stack('a=1')).read('a') == b'1'", set()),
    ],
)
def test_examples_tell_what_they_met(tmp_path: Path, body: str, met: set[str]) -> None:
    """Each is met where it happens, and nowhere else."""
    (tmp_path / "props.py").write_text(f"{HEAD}    {body}\n", encoding="utf-8")
    submission, _ = load(tmp_path, {"file": "props.py"})
    task = {"test": "test_it", "do": "useful", "subject": "A", "seed": 1, "examples": 3}
    told = carry_out(submission, task)

    assert {name: float(name in met) for name in MET} == told["met"]
    assert 1.0 == told["useful"]


def test_no_test_no_figures(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exercise without tests has none to tell of."""
    monkeypatch.chdir(tmp_path)
    cli("exercises", "start", "01")

    assert "No test of yours" in cli("exercises", "check", "01", "--stats").out


@pytest.mark.slow
def test_stats_are_told_of_each_test(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line a test, before the next command to type."""
    monkeypatch.chdir(tmp_path)
    cli("exercises", "start", "04")
    Path("04-first-property/props.py").write_text(
        f"{HEAD}    assert Stack(stack('a=1 | ~a')).lookup('a') is None\n",
        encoding="utf-8",
    )
    out = cli("exercises", "check", "04", "--stats").out

    assert (
        "test_it: 100 % of its examples came to an assert; 100 % met a whiteout" in out
    )
