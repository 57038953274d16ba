"""
Hypothesis strategies for the lab's values; needs the extra ``testing``.

They are the generators of `unionfs_sim.teaching.generate`, with Hypothesis as the source
of chance, so that failures shrink: to fewer layers, fewer entries, shorter paths, plain
directories.

>>> from hypothesis import find
>>> find(stacks(), lambda layers: any(layer.whiteouts for layer in layers))
[Layer({('a',): WHITEOUT})]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from unionfs_sim.teaching import generate
from unionfs_sim.teaching.lab import File, Layer, Op, Path, Stack, outcome
from unionfs_sim.teaching.source import Source
from unionfs_sim.teaching.subjects import current

_T = TypeVar("_T")


class Draw(Protocol):
    """What Hypothesis gives a composite strategy to draw with."""

    def __call__(self, strategy: st.SearchStrategy[_T]) -> _T:
        """Draw a value."""
        ...


class DrawnSource:
    """Chance from Hypothesis."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def below(self, limit: int) -> int:
        """Draw a number from 0 up to, and without, a limit."""
        return self._draw(_below(limit))


@cache
def _below(limit: int) -> st.SearchStrategy[int]:
    """Give one strategy a limit: making them takes longer than drawing."""
    return st.integers(0, limit - 1)


def drawn(generator: Callable[[Source], _T]) -> st.SearchStrategy[_T]:
    """Make a strategy of a generator."""
    return _generated(generator)


@st.composite
def _generated(draw: Draw, generator: Callable[[Source], _T]) -> _T:
    """Draw by any generator: to define a composite takes longer than to draw."""
    return generator(DrawnSource(draw))


def names(alphabet: str = generate.NAMES) -> st.SearchStrategy[str]:
    """Draw a name: few, so that they collide."""
    return st.sampled_from(alphabet)


def paths(
    *, alphabet: str = generate.NAMES, depth_max: int = generate.DEPTH_MAX
) -> st.SearchStrategy[Path]:
    """Draw a path of one to *depth_max* names, whatever there is."""
    return st.lists(names(alphabet), min_size=1, max_size=depth_max).map(tuple)


def hot_paths(
    layers: Sequence[Layer] | Stack, *, percent: int = generate.HOT
) -> st.SearchStrategy[Path]:
    """
    Draw a path: in so many percent of the cases one that occurs in some layer.

    >>> from unionfs_sim.teaching.lab import layer
    >>> hot_paths([layer("d/a=1")]).example()  # doctest: +SKIP
    ('d', 'a')
    """
    known = generate.known_paths(layers.layers if isinstance(layers, Stack) else layers)
    return drawn(lambda source: generate.hot_path(source, known, percent=percent))


def files() -> st.SearchStrategy[File]:
    """Draw a file."""
    return drawn(generate.file)


def layers(*, entries_max: int = 4, marks: bool = True) -> st.SearchStrategy[Layer]:
    """Draw a well-formed layer; without *marks* it is a plain tree."""
    return drawn(
        lambda source: generate.layer(source, entries_max=entries_max, marks=marks)
    )


def stacks(
    *, layers_min: int = 0, layers_max: int = 3
) -> st.SearchStrategy[list[Layer]]:
    """Draw layers, base first."""
    return drawn(
        lambda source: generate.layers(
            source, layers_min=layers_min, layers_max=layers_max
        )
    )


def plain_trees() -> st.SearchStrategy[Layer]:
    """Draw a layer without whiteouts and opaque directories."""
    return drawn(generate.plain_tree)


def ops(layers: Sequence[Layer] = (), *, commit: bool = False) -> st.SearchStrategy[Op]:
    """Draw an operation, mostly on a path that occurs in some layer."""
    known = generate.known_paths(layers)
    return drawn(lambda source: generate.operation(source, known, commit=commit))


def programs(
    layers: Sequence[Layer] = (), *, steps_max: int = 6, commit: bool = False
) -> st.SearchStrategy[list[Op]]:
    """Draw operations; what one of them names, the next ones know."""
    known = generate.known_paths(layers)
    return drawn(
        lambda source: generate.program(
            source, known, steps_max=steps_max, commit=commit
        )
    )


def reachable_stacks(*, steps_max: int = 6) -> st.SearchStrategy[Stack]:
    """Draw a union under test that somebody has worked on: operations and commits."""

    def generator(source: Source) -> Stack:
        lowers = generate.layers(source)
        union = current().stack(lowers)
        known = generate.known_paths(lowers)
        for op in generate.program(source, known, steps_max=steps_max, commit=True):
            outcome(union, op)
        return union

    return drawn(generator)


def images(*, layers_max: int = 3) -> st.SearchStrategy[list[Layer]]:
    """Draw the layers of an image: at least one, base first."""
    return stacks(layers_min=1, layers_max=layers_max)
