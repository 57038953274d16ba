"""
Properties of union file systems, by name: statements that can be run.

>>> from unionfs_sim.teaching.lab import Lab
>>> prop = PROPERTIES["P01"]
>>> prop.title, prop.family, prop.parts
('A whiteout hides the whole subtree below', 'invariant', ('hides', 'listing'))
>>> run(prop, Lab(), examples=100).status
'passed'
"""

from __future__ import annotations

from unionfs_sim.teaching.properties import algebra as algebra
from unionfs_sim.teaching.properties import changing as changing
from unionfs_sim.teaching.properties import containers as containers
from unionfs_sim.teaching.properties import lookup as lookup
from unionfs_sim.teaching.properties import models as models
from unionfs_sim.teaching.properties import versions as versions
from unionfs_sim.teaching.properties.law import (
    PROPERTIES,
    BrokenPropertyError,
    Case,
    Family,
    Property,
    Result,
    run,
    show_case,
    size,
)

__all__ = [
    "PROPERTIES",
    "BrokenPropertyError",
    "Case",
    "Family",
    "Property",
    "Result",
    "run",
    "show_case",
    "size",
]
