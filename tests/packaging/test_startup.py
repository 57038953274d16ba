"""Importing the package stays light: counted in modules, never in time."""

from __future__ import annotations

import re
import subprocess
import sys

THIRD_PARTIES = {"attr", "attrs", "sortedcontainers"}
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
    """Give the modules that a fresh interpreter imports for a statement."""
    marker = "import gc"  # whatever site imports comes before it
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"{marker}; {statement}"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = re.findall(r"^import time:.*\|\s*(\S+)$", run.stderr, re.MULTILINE)
    return set(names[names.index("gc") + 1 :])


def test_import_takes_the_two_packages_alone() -> None:
    """`import unionfs_sim` imports the standard library, attrs, sortedcontainers."""
    tops = {name.split(".")[0] for name in imported("import unionfs_sim")}

    assert "unionfs_sim" in tops
    assert tops <= set(sys.stdlib_module_names) | THIRD_PARTIES | {"unionfs_sim"}


def test_import_leaves_the_heavy_parts_alone() -> None:
    """`import unionfs_sim` pulls in no heavy part of the standard library."""
    assert not HEAVY & imported("import unionfs_sim")


def test_import_leaves_the_outer_rings_alone() -> None:
    """The façade imports the core and its errors, and no outer ring."""
    rings = {
        name.split(".")[1]
        for name in imported("import unionfs_sim")
        if name.startswith("unionfs_sim.")
    }

    assert rings <= {"core", "dialects", "errors"}
