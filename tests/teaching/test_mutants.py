"""Each planted bug is one misconception, shown by a smallest example."""

from __future__ import annotations

import pytest

from unionfs_sim.teaching.examples import tells_apart
from unionfs_sim.teaching.lab import Lab, ops, stack
from unionfs_sim.teaching.mutants import GROUPS, MUTANTS, UNSEEN, Mutant
from unionfs_sim.teaching.variants import VARIANTS

EACH = pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
#: What is looked at where implementations may differ: the writable layer.
INSIDE = {"upper", "reads"}


def test_there_are_enough() -> None:
    """The catalogue is as large as the rubric asks, and numbered through."""
    assert len(MUTANTS) >= 77
    assert [f"M{number:02}" for number in range(1, len(MUTANTS) + 1)] == sorted(MUTANTS)
    assert len({mutant.switch for mutant in MUTANTS.values()}) == len(MUTANTS)


@EACH
def test_entry_is_complete(mutant: Mutant) -> None:
    """Name, story, smallest example and origin are there."""
    assert mutant.group in GROUPS
    assert mutant.title.endswith(".")
    assert mutant.misconception.endswith(".")
    assert mutant.origin
    assert mutant.title != mutant.misconception


@EACH
def test_example_shows_the_bug(mutant: Mutant) -> None:
    """On its smallest example the bug differs from the correct lab."""
    assert tells_apart(mutant.example, Lab(), mutant.lab())


@EACH
@pytest.mark.parametrize("variant", VARIANTS)
def test_example_shows_nothing_on_correct_ones(mutant: Mutant, variant: str) -> None:
    """No correct implementation differs on it."""
    lab = VARIANTS[variant].lab()
    if mutant.example.look in INSIDE and not lab.tidy:
        pytest.skip("it may write more than is needed")

    assert not tells_apart(mutant.example, Lab(), lab)


@EACH
def test_example_is_small(mutant: Mutant) -> None:
    """No example needs more than six entries and operations together."""
    entries = sum(map(len, stack(mutant.example.layers)))

    assert entries + len(ops(mutant.example.program)) <= 6


def test_unseen_bugs_leave_the_view_alone() -> None:
    """Bugs that only a look inside finds are known as such."""
    inside = {x.id for x in MUTANTS.values() if x.example.look in INSIDE}

    assert inside == UNSEEN
