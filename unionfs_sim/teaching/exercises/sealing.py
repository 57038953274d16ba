"""
Chooses the bugs of a sealed set: such as the exercise's own solution rejects.

The package is public, so nothing in it is hidden; but a set can be fresh.  Each bug of
the exercise is combined with the guards, the pairs are put into an order that a seed
gives, and those that the solution rejects are taken.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Final

from unionfs_sim.errors import SpecError
from unionfs_sim.teaching import mutants
from unionfs_sim.teaching.exercises.grading import Grading, Options
from unionfs_sim.teaching.exercises.judges.properties import classify
from unionfs_sim.teaching.exercises.ladder import Exercise
from unionfs_sim.teaching.exercises.sealed import Sealed
from unionfs_sim.teaching.guards import GUARDS, MARK

#: How many bugs a sealed set has if nobody says.
COUNT: Final = 5


def seal(exercise: Exercise, seed: int, count: int = COUNT) -> Sealed:
    """
    Choose bugs with guards for an exercise; the same seed gives the same ones.

    Args:
        exercise: One whose submissions are properties of a union.
        seed: The seed.
        count: How many; no bug twice while there are others.

    Raises:
        SpecError: There are not so many that the exercise's solution rejects.
    """
    left = _pairs(exercise, seed)
    chosen: list[str] = []
    grading = Grading(exercise, exercise.solution, Options(seed=seed))
    while left and len(chosen) < count:
        some, left = left[: count + 1], left[count + 1 :]
        killed = classify(grading, some).kills
        chosen += [name for name in some if name in killed]
    if len(chosen) < count:
        msg = (
            f"exercise {exercise.id} has {len(chosen)} bugs to seal, not {count}; "
            "--seed alone gives every exercise fresh examples"
        )
        raise SpecError(msg)
    return Sealed(exercise.id, seed, chosen[:count])


def _pairs(exercise: Exercise, seed: int) -> list[str]:
    """List the names of bugs with guards in the seed's order, each bug once at first."""
    ids = [
        mutants.find(bug).id
        for part in exercise.settings.get("part", ())
        for bug in part["bugs"]
    ]
    within = set(mutants.reachable()) - mutants.UNSEEN
    pairs = [(name, guard) for name in ids if name in within for guard in GUARDS]
    Random(seed).shuffle(pairs)  # noqa: S311 - a choice, no secret
    turns: Counter[str] = Counter()
    ordered: list[tuple[int, str]] = []
    for name, guard in pairs:
        ordered.append((turns[name], MARK.join((name, guard))))
        turns[name] += 1
    ordered.sort(key=lambda each: each[0])
    return [pair for _, pair in ordered]
