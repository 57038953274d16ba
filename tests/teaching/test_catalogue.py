"""The page of the catalogue is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from unionfs_sim.teaching.catalogue import page, table
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.properties import PROPERTIES


def test_page_is_up_to_date(root: Path) -> None:
    """The page in the docs is what the command writes."""
    written = root / "docs" / "reference" / "catalogue.md"
    if not written.is_file():
        pytest.skip("no docs beside the tests")

    assert page() == written.read_text("utf-8")


def test_page_lists_everything() -> None:
    """Every property and every planted bug has a row."""
    text = page()

    assert [] == [x for x in [*PROPERTIES, *MUTANTS] if f"| {x} |" not in text]


def test_bars_do_not_part_cells() -> None:
    """A bar of the notation is no bar of the table."""
    assert "| a |\n| --- |\n| 1 \\| 2 |\n" == table(["a"], [["1 | 2"]])
