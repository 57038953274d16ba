"""The recorded cases that come with the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from unionfs_sim.testing.conformance.cases import Case, read_cases

HERE: Final = Path(__file__).parent
#: What Linux 6.18 answers, as it was recorded by hand and by matrix.
RECORDED: Final = HERE.parent / "data" / "overlayfs-cases.json.gz"
#: What the fuzzer once found: each case failed when it was added.
FOUND: Final = HERE.parent / "data" / "found-cases.json"
#: Ids of cases that fail; the list may only get shorter.
KNOWN: Final = HERE / "known-differences.txt"


def recorded() -> list[Case]:
    """Give the recorded cases."""
    return read_cases(RECORDED)


def found() -> list[Case]:
    """Give the cases that the fuzzer found."""
    return read_cases(FOUND)


def known_differences() -> set[str]:
    """Give the ids of cases that are known to fail."""
    lines = KNOWN.read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}
