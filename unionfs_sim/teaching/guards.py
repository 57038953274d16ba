"""
Guards: planted bugs that show only sometimes, so that a set of bugs can be fresh.

The lab is public, and so are its bugs.  A teacher who wants others combines each with a
condition on the union, chosen by a seed: only over several layers, only after a commit,
only where something was written.  A guarded bug is harder to find, never easier.

>>> from unionfs_sim.teaching.lab import stack
>>> lab = guarded("M03@many layers")
>>> lab.stack(stack("a=1 | ~a")).lookup("a")
>>> lab.stack(stack("a=1 | ~a | ")).lookup("a")
File(b'1')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from unionfs_sim.teaching.lab import Lab, Layer, Stack
from unionfs_sim.teaching.mutants import Mutant, find, reachable

Guard: TypeAlias = Callable[[Stack], bool]


def _occurs(union: Stack, *, depth: int = 1, name: str = "") -> bool:
    """Tell whether some layer has a path so deep, with such a last name."""
    return any(
        len(at) >= depth and at[-1].startswith(name)
        for one in union.layers
        for at in one
    )


#: The conditions, by name.
GUARDS: Final[Mapping[str, Guard]] = {
    "many layers": lambda union: len(union.lowers) >= 3,
    "few layers": lambda union: len(union.lowers) <= 1,
    "something written": lambda union: bool(union.upper),
    "something deep": lambda union: _occurs(union, depth=2),
    "second name": lambda union: _occurs(union, name="b"),
    "many entries": lambda union: sum(map(len, union.layers)) >= 4,
}


#: Stands between a bug and its guard in the name of both.
MARK: Final = "@"


class GuardedLab(Lab):
    """An implementation that has a bug only where a guard allows it."""

    def __init__(self, mutant: Mutant, guard: str) -> None:
        super().__init__(f"{mutant.id}{MARK}{guard}")
        self._switch = mutant.switch
        self._guard = GUARDS[guard]

    def stack(self, layers: Sequence[Layer] = ()) -> Stack:
        """Put an empty writable layer over layers, base first."""
        union = Stack(layers)
        guard, switch = self._guard, self._switch
        union.bug = lambda asked: asked == switch and guard(union)
        return union


def guarded(name: str) -> Lab:
    """
    Give an implementation with a bug and a guard, by the name of both.

    Raises:
        KeyError: There is no bug or no guard of this name.
        ValueError: The bug is not one that a union shows: there is nothing to guard.
    """
    bug, _, guard = name.partition(MARK)
    mutant = find(bug)
    if mutant.id not in reachable():
        raise ValueError(f"{mutant.id} is no bug of a union; it cannot be guarded")
    return GuardedLab(mutant, guard)
