"""Running the command line in this process, and comparing with files in `golden/`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest

from unionfs_sim.cli import main

GOLDEN = Path(__file__).parent / "golden"

#: With this set, golden files are written instead of compared: look at the diff.
UPDATE = "UNIONFS_SIM_UPDATE_GOLDEN"


@attrs.frozen
class Outcome:
    """What a command line did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return json.loads(self.out)


Cli: TypeAlias = Callable[..., Outcome]
Golden: TypeAlias = Callable[[str, str], None]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Give a function that runs a command line and tells what came of it."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def run(*arguments: str | Path) -> Outcome:
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(status, out, err)

    return run


@pytest.fixture
def golden() -> Golden:
    """Give a function that compares a text with a golden file."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if os.environ.get(UPDATE):
            file.write_text(text, encoding="utf-8")
        expected = file.read_text(encoding="utf-8")

        assert expected == text

    return compare


@pytest.fixture
def images(root: Path) -> Path:
    """Give the folder of images that lie beside the tests."""
    return root / "tests" / "data" / "images"


@pytest.fixture
def whiteouts(shared: Path) -> Path:
    """Give the image of deleted, hidden and re-created files, made by a real build."""
    return shared / "images" / "whiteouts.oci.tar"
