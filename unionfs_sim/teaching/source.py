"""
Where chance comes from: one method, so that the same generators serve two masters.

With a `RandomSource` an example costs microseconds and is known by its number; under
Hypothesis (`unionfs_sim.teaching.strategies`) the same generators shrink.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Source(Protocol):
    """Something to draw from; simple things come first, so that it can shrink."""

    def below(self, limit: int) -> int:
        """Draw a number from 0 up to, and without, a limit."""
        ...


class RandomSource:
    """
    Chance from a seed.

    >>> RandomSource.example("P01", seed=3, number=7).below(1000)
    852
    """

    def __init__(self, generator: random.Random) -> None:
        self._random = generator.random

    @classmethod
    def example(cls, name: str, *, seed: int, number: int) -> RandomSource:
        """Give the source of one example: a pure function of name, seed and number."""
        mixed = zlib.crc32(name.encode()) << 64 | seed << 32 | number
        return cls(random.Random(mixed))  # noqa: S311 - examples, no secrets

    def below(self, limit: int) -> int:
        """Draw a number from 0 up to, and without, a limit."""
        return int(self._random() * limit)


def choose(source: Source, options: Sequence[_T]) -> _T:
    """Draw one of some options; the simplest stands first."""
    return options[source.below(len(options))]


def chance(source: Source, percent: int) -> bool:
    """Draw true in so many of a hundred cases."""
    return source.below(100) >= 100 - percent
