"""Guarded bugs: harder to find, and still found."""

from __future__ import annotations

import pytest

from unionfs_sim.teaching.guards import GUARDS, guarded
from unionfs_sim.teaching.lab import Lab
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.properties import PROPERTIES, run


@pytest.mark.parametrize("guard", GUARDS)
def test_guarded_bug_is_found_later_or_not_before(guard: str) -> None:
    """A guard never makes a bug show where it did not."""
    prop, bug = PROPERTIES["P61"], MUTANTS["M44"]
    plain = run(prop, bug.lab(), seed=2, examples=300)
    hidden = run(prop, guarded(f"M44@{guard}"), seed=2, examples=300)

    assert hidden.examples >= plain.examples
    assert hidden.killed


def test_what_no_union_shows_cannot_be_guarded() -> None:
    """Bugs of archives and volumes have no union to look at."""
    with pytest.raises(ValueError, match="M62 is no bug of a union"):
        guarded("M62@many layers")
    for name in ("M03@never", "M00@many layers"):
        with pytest.raises(KeyError):
            guarded(name)


def test_guard_leaves_the_rest_alone() -> None:
    """Where the guard says no, the lab is the correct one."""
    lab = guarded("M03@many layers")

    assert "passed" == run(PROPERTIES["P14"], lab, examples=50).status
    assert Lab().stack().tree() == lab.stack().tree()
