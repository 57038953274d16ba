"""Importing the package stays light: counted in modules, never in time."""

from __future__ import annotations

import subprocess
import sys

THIRD_PARTIES = {"attr", "attrs"}
#: Heavy parts of the standard library that an import of the façade must not pull in.
HEAVY = {
    "argparse",
    "asyncio",
    "concurrent",
    "http",
    "json",
    "logging",
    "multiprocessing",
    "pathlib",
    "shutil",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tarfile",
    "tempfile",
    "unittest",
    "urllib",
}


def imported(statement: str) -> set[str]:
    """Give the modules that a fresh interpreter holds after a statement, not before."""
    script = f"""
import sys
before = set(sys.modules)
{statement}
print(*set(sys.modules) - before)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


#: Loads everything behind the front door, which alone loads next to nothing.
EVERYTHING = "from unionfs_sim import *"


def test_import_alone_loads_nothing_of_ours() -> None:
    """`import unionfs_sim` loads names when they are asked for, none before."""
    ours = {x for x in imported("import unionfs_sim") if x.startswith("unionfs_sim")}

    assert {"unionfs_sim"} == ours


def test_import_takes_the_two_packages_alone() -> None:
    """All public names need the standard library and attrs alone."""
    tops = {name.split(".")[0] for name in imported(EVERYTHING)}

    assert "unionfs_sim" in tops
    assert tops <= set(sys.stdlib_module_names) | THIRD_PARTIES | {"unionfs_sim"}


def test_import_leaves_the_heavy_parts_alone() -> None:
    """The public names pull in no heavy part of the standard library."""
    assert not HEAVY & imported(EVERYTHING)


def test_import_leaves_the_outer_rings_alone() -> None:
    """The façade imports the core and its errors, and no outer ring."""
    rings = {
        name.split(".")[1]
        for name in imported(EVERYTHING)
        if name.startswith("unionfs_sim.")
    }

    assert rings <= {"core", "dialects", "errors"}
