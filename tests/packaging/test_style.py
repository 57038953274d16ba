"""House rules that no linter knows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import unionfs_sim

PACKAGE = Path(unionfs_sim.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES_MAX = 800
#: Folders of one machine, which no file of the project may speak of.
MACHINE = re.compile(r"(?<![\w.~$}-])/(?:work|root)/[\w.]")
TEXT_SUFFIXES = {".cfg", ".ini", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}


def tracked(root: Path) -> list[Path]:
    """Give the files that git holds, or skip the test where there is no checkout."""
    try:
        run = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout: {error}")
    return [root / name for name in run.stdout.split("\0") if name]


@pytest.mark.parametrize(
    "module", [path.relative_to(PACKAGE).as_posix() for path in MODULES]
)
def test_module_is_short(module: str) -> None:
    """No module is longer than a person reads in one go."""
    lines = (PACKAGE / module).read_text(encoding="utf-8").count("\n")

    assert lines <= LINES_MAX


def test_types_are_announced() -> None:
    """The package says that it is typed."""
    assert (PACKAGE / "py.typed").is_file()


def test_no_file_names_a_machine(root: Path) -> None:
    """No file holds an absolute path of the machine that it was written on."""
    wrong = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in tracked(root)
        if path.is_file()
        and (path.suffix in TEXT_SUFFIXES or path.parent.name == ".ci")
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), 1
        )
        if MACHINE.search(line)
    ]

    assert not wrong, "\n".join(wrong)


def test_nothing_is_named_after_nothing() -> None:
    """No module is a drawer for whatever has no place."""
    drawers = {"utils.py", "util.py", "misc.py", "common.py", "helpers.py"}

    assert not [path for path in MODULES if path.name in drawers]
