"""
The targets of the design, each of them measured.

A target is a figure with a limit.  Figures are ratios or CPU times, medians over
interleaved rounds; what is counted or compared is exact.
"""

from __future__ import annotations

from unionfs_sim.bench.targets.figures import Figure, Setup
from unionfs_sim.bench.targets.groups import GROUPS, measure

__all__ = ["GROUPS", "Figure", "Setup", "measure"]
