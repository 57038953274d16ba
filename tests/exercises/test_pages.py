"""The pages for teachers keep their word: what they show can be done as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli  # noqa: PLC0414 - a fixture
from unionfs_sim.cli.table import COMMANDS
from unionfs_sim.teaching.exercises.ladder import ladder
from unionfs_sim.teaching.exercises.limits import Limits

BLOCK = re.compile(r"```\w+\n# (my-ladder/\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def docs(root: Path) -> Path:
    """Give the folder of the pages, or skip the test where there is none."""
    folder = root / "docs"
    if not folder.is_dir():
        pytest.skip("no docs beside the tests")
    return folder


def test_an_exercise_is_added_in_ten_minutes(
    docs: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of the page, written down as they are, make a fair exercise."""
    page = (docs / "howto" / "add-an-exercise.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, text in BLOCK.findall(page):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    outcome = cli("exercises", "verify", "--ladder", "my-ladder")

    assert 0 == outcome.status, outcome.out
    assert outcome.out.endswith("passed=3 failed=0 total=3\n")
    assert 0 == cli("exercises", "start", "17", "--ladder", "my-ladder").status


def test_pages_name_commands_that_there_are(docs: Path) -> None:
    """Every command line of the pages begins with a command of the table."""
    names = {command.name for command in COMMANDS}
    for page in ("tutorial/exercises", "howto/teach-with-exercises"):
        text = (docs / f"{page}.md").read_text(encoding="utf-8")
        for words in re.findall(r"unionfs-sim (exercises(?: [a-z]+)?)", text):
            assert words in names, page


def test_the_page_states_the_limits(docs: Path) -> None:
    """What students are told of limits is what they are held to."""
    text = (docs / "tutorial" / "exercises.md").read_text(encoding="utf-8")
    limits = Limits()

    assert f"{limits.task_seconds:g} seconds of CPU" in text
    assert f"{limits.total_seconds:g} seconds in all" in text
    assert f"{limits.memory_mib} MiB" in text
    assert f"{limits.output_kib >> 10} MiB of output" in text
    assert f"{limits.processes} processes" in text


def test_the_ladder_has_sixteen_steps() -> None:
    """As the pages say."""
    assert [f"{number:02}" for number in range(1, 17)] == list(ladder())
