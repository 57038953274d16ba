"""
The implementation under test: which one it is, and how to plant another.

A learner's file imports from `unionfs_sim.teaching.student`; whoever grades it says
which implementation these names are bound to::

    with using(MUTANTS["M03"].lab()):
        test_hides()
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from unionfs_sim.teaching import guards, mutants
from unionfs_sim.teaching.lab import Lab
from unionfs_sim.teaching.variants import VARIANTS

_CURRENT: Final[ContextVar[Lab]] = ContextVar("implementation under test")


def subject(name: str) -> Lab:
    """
    Give an implementation: a correct variant by its letter, or a planted bug.

    >>> subject("M03"), subject("wh_ignored"), subject("B")
    (<Lab M03>, <Lab M03>, <Lab B>)
    >>> subject("M03@many layers")
    <Lab M03@many layers>

    Raises:
        KeyError: There is none.
    """
    if guards.MARK in name:
        return guards.guarded(name)
    return (VARIANTS[name] if name in VARIANTS else mutants.find(name)).lab()


def correct_subjects() -> list[str]:
    """
    List the ids of the correct implementations at hand.

    >>> correct_subjects()
    ['A', 'B', 'C', 'D', 'P']
    """
    return list(VARIANTS)


def quick_variants() -> list[str]:
    """List those that students' tests are tried on: all but the library, which is slow."""
    return [name for name in VARIANTS if name != "P"]


def current() -> Lab:
    """
    Give the implementation under test: the plain correct one unless somebody said.

    >>> current()
    <Lab A>
    """
    return _CURRENT.get(VARIANTS["A"].lab())


@contextmanager
def using(lab: Lab) -> Iterator[Lab]:
    """
    Have an implementation under test for a while.

    >>> with using(subject("M03")):
    ...     current()
    <Lab M03>
    """
    token = _CURRENT.set(lab)
    try:
        yield lab
    finally:
        _CURRENT.reset(token)
