"""The installed distribution asks for what it should, and no more."""

from __future__ import annotations

import importlib.metadata
import re

import unionfs_sim

NAME = "unionfs-sim"
EXTRAS = {
    "all",
    "cli",
    "distributed",
    "docker",
    "fsspec",
    "fuse",
    "plots",
    "test",
    "testing",
    "zstd",
}


def requirements() -> list[str]:
    return importlib.metadata.requires(NAME) or []


def test_run_time_needs_two_packages() -> None:
    """Without extras the library needs attrs and sortedcontainers alone."""
    bare = {
        re.split(r"[^\w.-]", requirement)[0]
        for requirement in requirements()
        if "extra ==" not in requirement
    }

    assert bare == {"attrs", "sortedcontainers"}


def test_no_upper_bounds() -> None:
    """A library does not tell its users which releases are too new."""
    bounds = [each.split(";")[0] for each in requirements()]

    assert not [each for each in bounds if "<" in each or "==" in each]


def test_extras() -> None:
    """The extras are those that the documentation names."""
    metadata = importlib.metadata.metadata(NAME)

    assert set(metadata.get_all("Provides-Extra") or []) == EXTRAS


def test_version() -> None:
    """The distribution and the package tell the same version."""
    assert importlib.metadata.version(NAME) == unionfs_sim.__version__


def test_script() -> None:
    """The command calls `unionfs_sim.cli.main`."""
    (script,) = importlib.metadata.entry_points(
        group="console_scripts", name="unionfs-sim"
    )

    assert script.value == "unionfs_sim.cli:main"
