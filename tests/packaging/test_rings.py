"""
The core does no I/O: read from its source, without import-linter.

The contracts of `pyproject.toml` look at imports between modules; this test also sees
calls of built-ins, and needs nothing but the standard library.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import unionfs_sim

PACKAGE = Path(unionfs_sim.__file__).parent
THIRD_PARTIES = {"attrs"}
FORBIDDEN_CALLS = {"open", "print", "input", "breakpoint", "exec", "eval"}
FORBIDDEN_MODULES = {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "random",
    "shutil",
    "socket",
    "subprocess",
    "tarfile",
    "tempfile",
    "threading",
    "time",
}
#: Module -> what it may import all the same: types that verbs return, no functions.
EXCEPTIONS = {"core/status.py": {"os"}}
TYPES = {"stat_result", "statvfs_result"}

#: Ring -> the rings that it may import from.
RINGS = {
    "errors": set[str](),
    "core": {"errors"},
    "dialects": {"core", "errors"},
    "image": {"dialects", "core", "errors"},
    "containers": {"image", "dialects", "core", "errors"},
}

INNER = [
    path.relative_to(PACKAGE).as_posix()
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] in {"core", "dialects", "errors.py"}
]
ALL = [
    path.relative_to(PACKAGE).as_posix()
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0].removesuffix(".py") in RINGS
]


class _Runtime(ast.NodeTransformer):
    """Leaves out what only type checkers read."""

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
        return node


def parse(module: str) -> ast.AST:
    """Parse a module, without what stands under ``if TYPE_CHECKING``."""
    source = (PACKAGE / module).read_text(encoding="utf-8")
    tree: ast.AST = _Runtime().visit(ast.parse(source, module))
    return tree


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give line and full name of each module that is imported, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            assert node.module is not None
            if node.module == "unionfs_sim":
                for alias in node.names:
                    yield node.lineno, f"unionfs_sim.{alias.name}"
            else:
                yield node.lineno, node.module


@pytest.mark.parametrize("module", INNER)
def test_inner_module_does_no_io(module: str) -> None:
    """The core and the dialects neither import nor call what touches the world."""
    tree = parse(module)
    allowed = EXCEPTIONS.get(module, set())
    wrong = [
        f"line {line}: imports {name}"
        for line, name in imports(tree)
        if (top := name.split(".")[0]) in FORBIDDEN_MODULES - allowed
        or (
            top not in sys.stdlib_module_names
            and top not in THIRD_PARTIES | {"unionfs_sim"}
        )
    ]
    wrong += [
        f"line {node.lineno}: calls {node.func.id}()"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in FORBIDDEN_CALLS
    ]

    assert not wrong, wrong


@pytest.mark.parametrize("module", sorted(EXCEPTIONS))
def test_exception_takes_a_type_only(module: str) -> None:
    """Where the core may import `os`, it takes types of results and nothing else."""
    if not (PACKAGE / module).exists():
        pytest.skip(f"{module} is not there")
    tree = parse(module)
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    used |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "os"
        for alias in node.names
    }

    assert used <= TYPES


@pytest.mark.parametrize("module", ALL)
def test_imports_point_inward(module: str) -> None:
    """A module imports from its own ring and from those further in, no other."""
    ring = module.split("/", maxsplit=1)[0].removesuffix(".py")
    reached = {
        name.split(".")[1]
        for _, name in imports(parse(module))
        if name.startswith("unionfs_sim.")
    }

    assert reached <= RINGS[ring] | {ring}
