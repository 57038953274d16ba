"""The flags are Linux's, on every host."""

from __future__ import annotations

import os
import sys

import pytest

from unionfs_sim.core import flags

NAMES = [name for name in vars(flags) if name.startswith(("O_", "SEEK_", "XATTR_"))]


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.uname().machine != "x86_64",
    reason="some flags differ by machine",
)
@pytest.mark.parametrize("name", NAMES)
def test_flags_are_those_of_linux(name: str) -> None:
    """Programs written for `os.open` find the same numbers here."""
    number = getattr(os, name, None)

    assert number in {None, getattr(flags, name)}
