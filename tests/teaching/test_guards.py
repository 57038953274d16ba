"""Guarded bugs: harder to find, still found, and the same for the same seed."""

from __future__ import annotations

import pytest

from unionfs_sim.teaching.guards import GUARDS, guarded, sealed
from unionfs_sim.teaching.lab import Lab
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.properties import PROPERTIES, run


@pytest.mark.parametrize("guard", GUARDS)
def test_guarded_bug_is_found_later_or_not_before(guard: str) -> None:
    """A guard never makes a bug show where it did not."""
    prop, bug = PROPERTIES["P61"], MUTANTS["M44"]
    plain = run(prop, bug.lab(), seed=2, examples=300)
    hidden = run(prop, guarded(bug, guard), seed=2, examples=300)

    assert hidden.examples >= plain.examples
    assert hidden.killed


def test_sealed_set_is_a_function_of_its_seed() -> None:
    """The same seed seals the same set; another seed another one."""
    among = ["M03", "M12", "M16", "M31", "M35", "M46"]
    one = sealed(1, 3, among=among)

    assert one == sealed(1, 3, among=among)
    assert one != sealed(2, 3, among=among)
    assert 3 == len({mutant for mutant, _ in one})


def test_what_no_union_shows_cannot_be_guarded() -> None:
    """Bugs of archives and volumes have no union to look at."""
    with pytest.raises(ValueError, match="M62 is no bug of a union"):
        guarded(MUTANTS["M62"], "many layers")
    with pytest.raises(KeyError):
        guarded(MUTANTS["M03"], "never")


def test_too_many_are_refused() -> None:
    """There are only so many pairs."""
    with pytest.raises(ValueError, match="guarded bugs are found"):
        sealed(1, 7, among=["M03"])


def test_guard_leaves_the_rest_alone() -> None:
    """Where the guard says no, the lab is the correct one."""
    lab = guarded(MUTANTS["M03"], "many layers")

    assert "passed" == run(PROPERTIES["P14"], lab, examples=50).status
    assert Lab().stack().tree() == lab.stack().tree()
