"""Sealed sets: planted bugs that a teacher has and students have not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from unionfs_sim.errors import SpecError


@attrs.frozen
class Sealed:
    """
    Bugs with guards for one exercise, chosen by a seed.

    Attributes:
        exercise: The exercise's id.
        seed: What they were chosen by; examples are drawn from it too.
        bugs: Their names, such as ``"M03@many layers"``.
    """

    exercise: str
    seed: int
    bugs: Sequence[str]

    def to_json(self) -> str:
        """Give the text of a file that `from_json` reads."""
        return json.dumps({"version": 1, **attrs.asdict(self)}, indent=2) + "\n"

    @classmethod
    def read(cls, file: Path) -> Sealed:
        """
        Read a file that `to_json` gave.

        Raises:
            SpecError: It is no sealed set.
        """
        try:
            data: Any = json.loads(file.read_text(encoding="utf-8"))
            return cls(
                str(data["exercise"]), int(data["seed"]), tuple(map(str, data["bugs"]))
            )
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{file}: no sealed set: {error}"
            raise SpecError(msg) from error
