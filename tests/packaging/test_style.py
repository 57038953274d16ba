"""House rules that no linter knows."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

import unionfs_sim

PACKAGE = Path(unionfs_sim.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES_MAX = 800
#: Docstrings, comments and blank lines not counted.
CORE_CODE_LINES_MAX = 6_000
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


def code_lines(module: Path) -> int:
    """Count the lines that hold code: no blank lines, comments or docstrings."""
    source = module.read_text(encoding="utf-8")
    blank = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in blank:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                assert first.end_lineno is not None
                lines -= set(range(first.lineno, first.end_lineno + 1))
    return len(lines)


def test_core_is_small() -> None:
    """What must agree with the kernel can be read in a day."""
    core = [path for path in MODULES if path.parent.name == "core"]

    assert sum(map(code_lines, core)) <= CORE_CODE_LINES_MAX


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
