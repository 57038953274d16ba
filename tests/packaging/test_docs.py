"""The pages keep up with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from unionfs_sim.cli.table import COMMANDS
from unionfs_sim.containers.api.routes import coverage


@pytest.fixture
def docs(root: Path) -> Path:
    """Give the folder of the pages, or skip the test where there is none."""
    folder = root / "docs"
    if not folder.is_dir():
        pytest.skip("no docs beside the tests")
    return folder


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_command_is_described(docs: Path, name: str) -> None:
    """Every command has a row in the reference of the command line."""
    page = (docs / "reference" / "cli.md").read_text(encoding="utf-8")

    assert f"| `{name}" in page


def test_page_is_in_a_table_of_contents(docs: Path) -> None:
    """Every page can be reached from the first one."""
    index = (docs / "index.md").read_text(encoding="utf-8")
    pages = {
        path.relative_to(docs).with_suffix("").as_posix()
        for path in docs.rglob("*.md")
        if "_build" not in path.parts
    }

    assert pages - {"index"} <= set(index.split())


def test_the_coverage_of_the_api_is_that_of_its_routes(docs: Path) -> None:
    """The table is what `routes.coverage` gives."""
    page = (docs / "reference" / "docker-api.md").read_text(encoding="utf-8")

    assert "\n".join(coverage()).strip() in page
