"""Submissions made on the spot, and the exercises that they are of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from unionfs_sim.teaching.exercises.grading import Options, grade
from unionfs_sim.teaching.exercises.ladder import Exercise, find, ladder
from unionfs_sim.teaching.exercises.limits import Limits
from unionfs_sim.teaching.exercises.report import Report

#: Short, so that a test of a limit does not wait for it long.
TIGHT = Limits(task_seconds=1.0, total_seconds=20.0, memory_mib=512, output_kib=256)

Submit: TypeAlias = Callable[..., Report]


def exercise(number: str) -> Exercise:
    """Give an exercise of the package."""
    return find(number, ladder())


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    """Give a function that grades files: those of the starter, or of a text."""

    def run(
        number: str,
        text: str | None = None,
        *,
        folder: Path | None = None,
        options: Options | None = None,
    ) -> Report:
        chosen = exercise(number)
        place = tmp_path / "submission"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder or chosen.starter, place)
        if text is not None:
            (place / chosen.edit[0]).write_text(text, encoding="utf-8")
        return grade(chosen, place, options or Options(limits=TIGHT))

    return run
