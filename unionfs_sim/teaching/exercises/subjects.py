"""Implementations by name, as exercises speak of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from unionfs_sim.teaching.lab import Lab
from unionfs_sim.teaching.mutants import MUTANTS, Mutant
from unionfs_sim.teaching.variants import VARIANTS

_SWITCHES: Final = {mutant.switch: mutant for mutant in MUTANTS.values()}


def mutant(name: str) -> Mutant:
    """
    Give a planted bug by its switch or number.

    >>> mutant("wh_ignored").id, mutant("M03").switch
    ('M03', 'wh_ignored')
    """
    return _SWITCHES[name] if name in _SWITCHES else MUTANTS[name]


def subject(name: str) -> Lab:
    """
    Give an implementation: a letter names a correct variant, all else a planted bug.

    >>> subject("A"), subject("wh_ignored")
    (<Lab A>, <Lab M03>)
    """
    return VARIANTS[name].lab() if name in VARIANTS else mutant(name).lab()


def variants() -> Sequence[str]:
    """Give the correct variants that students' tests are tried on: all but the slow one."""
    return [name for name in VARIANTS if name != "P"]
