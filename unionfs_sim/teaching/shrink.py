"""
The smallest counter-example to a property, found by Hypothesis; needs ``testing``.

>>> from unionfs_sim.teaching.mutants import MUTANTS
>>> from unionfs_sim.teaching.properties import PROPERTIES, size
>>> case = smallest(PROPERTIES["P01"], MUTANTS["M03"].lab())
>>> case["at"], size(case)  # a layer with one entry, and the path
(('a',), 2)
"""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample

from unionfs_sim.teaching.lab import Lab, Layer
from unionfs_sim.teaching.properties import Case, Property
from unionfs_sim.teaching.properties.law import run_case
from unionfs_sim.teaching.strategies import drawn


def smallest(
    prop: Property, lab: Lab, *, seed: int = 0, examples: int = 2_000
) -> Case | None:
    """
    Find a counter-example and shrink it; give nothing if none is found.

    Args:
        prop: The property.
        lab: The implementation that breaks it.
        seed: The seed of the search.
        examples: How many examples are tried.
    """

    def breaks(case: Case) -> bool:
        return run_case(prop, lab, _apart(case)) is not None

    try:
        return find(
            drawn(prop.draw),
            breaks,
            random=Random(seed),  # noqa: S311 - examples, no secrets
            settings=settings(
                max_examples=examples,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    except NoSuchExample:
        return None


def _apart(case: Case) -> Case:
    """Copy an example: a faulty implementation may change what it is given."""
    return {name: _copied(value) for name, value in case.items()}


def _copied(value: object) -> object:
    if isinstance(value, Layer):
        return value.snapshot()
    return [_copied(item) for item in value] if isinstance(value, list) else value
