"""How far a student is: one small file in the exercise's own folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from unionfs_sim.teaching.exercises.formats import write

FILE: Final = ".progress.json"


@attrs.frozen(kw_only=True)
class Progress:
    """
    What is known of a student's way through an exercise.

    Attributes:
        checks: How often it was checked.
        hints: How many hints were asked for.
        best: The best score.
        passed: Whether the bar was reached.
        killed: The planted bugs that were rejected in some check.
    """

    checks: int = 0
    hints: int = 0
    best: float = 0.0
    passed: bool = False
    killed: Sequence[str] = ()


def read(folder: Path) -> Progress:
    """Read the progress of a folder; a file that nobody can read counts as none."""
    try:
        data: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Progress(
            checks=int(data["checks"]),
            hints=int(data["hints"]),
            best=float(data["best"]),
            passed=bool(data["passed"]),
            killed=tuple(map(str, data["killed"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Progress()


def save(folder: Path, progress: Progress) -> None:
    """Write the progress down."""
    write(json.dumps(attrs.asdict(progress)) + "\n", folder / FILE)
