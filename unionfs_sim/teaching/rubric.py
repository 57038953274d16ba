"""
Figures that say how good the properties are, worked out from a matrix.

The letters are those of the rubric in ``docs/reference/teaching.md``.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from unionfs_sim.teaching.lab import ops, stack
from unionfs_sim.teaching.matrix import Matrix
from unionfs_sim.teaching.mutants import MUTANTS, reachable
from unionfs_sim.teaching.properties import PROPERTIES, size

#: Upper ends of the buckets that examples to failure are counted in.
BUCKETS = (1, 3, 10, 30, 100, 300, 1000)

#: The machine that is to kill all that operations reach.
MACHINE = "P61"


def figures(table: Matrix) -> dict[str, object]:
    """
    Work out the figures of a matrix.

    Returns:
        By name: how many planted bugs there are, are killed at all and with every seed,
        by properties of two families; the examples to failure of the best property;
        what the machine kills; false alarms; idle properties and those that kill alike.
    """
    best = {x: table.best(x) for x in table.mutants}
    means = [cell.mean for cell in best.values() if cell is not None]
    alive = [x for x, cell in best.items() if cell is None]
    runs = max((cell.runs for cell in table.cells.values()), default=0)
    always = [x for x, cell in best.items() if cell is not None and cell.killed == runs]
    families = {
        x: {PROPERTIES[p].family for p in table.killers(x)} for x in table.mutants
    }
    two = [x for x in table.mutants if len(families[x]) > 1]
    kills = {p: tuple(table.kills(p)) for p in table.properties}
    machine = set(kills.get(MACHINE, ()))
    return {
        "T1 planted bugs": len(table.mutants),
        "T2 killed": len(means),
        "T2 killed with every seed": len(always),
        "T2 alive": alive,
        "T3 killed by two families": len(two),
        "T3 share": round(len(two) / max(len(table.mutants), 1), 3),
        "T3 by one family": [x for x in table.mutants if x not in two],
        "T4 mean examples, median": _rounded(statistics.median(means))
        if means
        else None,
        "T4 mean examples, 90th percentile": percentile(means, 90),
        "T4 mean examples, maximum": _rounded(max(means)) if means else None,
        "T4 buckets": buckets(means),
        "T5 reachable": len(reachable()),
        "T5 killed by the machine": len(machine & set(reachable())),
        "T5 missed by the machine": sorted(set(reachable()) - machine),
        "T6 false alarms": len(table.alarms),
        "T8 properties": len(kills),
        "T8 idle": [p for p, killed in kills.items() if not killed],
        "T8 alike": alike(kills),
        "T10 baselines": {p: len(table.kills(p)) for p in table.baselines},
    }


def shrunk(table: Matrix, *, examples: int = 400) -> dict[str, object]:
    """
    Shrink a counter-example to each planted bug of a matrix; needs Hypothesis.

    Two properties that find it are tried, the machine only where there is no other: it
    has more to draw.

    Args:
        table: Says which properties those are.
        examples: How many are tried before there is one to shrink.
    """
    from unionfs_sim.teaching.shrink import smallest  # noqa: PLC0415 - of an extra

    sizes: dict[str, int] = {}
    for bug in table.mutants:
        lab = MUTANTS[bug].lab()
        for prop in sorted(table.killers(bug)[:6], key=MACHINE.__eq__)[:2]:
            case = smallest(PROPERTIES[prop], lab, examples=examples)
            if case is not None:
                sizes[bug] = min(size(case), sizes.get(bug, size(case)))
    within = [bug for bug, found in sizes.items() if found <= stated_size(bug)]
    return {
        "T7 shrunk": len(sizes),
        "T7 size at most 6": sum(found <= 6 for found in sizes.values()),
        "T7 size, median": statistics.median(sizes.values()) if sizes else None,
        "T7 size, maximum": max(sizes.values(), default=None),
        "T7 no larger than the catalogue's": len(within),
    }


def stated_size(bug: str) -> int:
    """
    Count what the catalogue's example of a bug is made of, and the path it looks at.

    >>> str(MUTANTS["M03"].example), stated_size("M03")
    ('[a=1 | ~a]', 3)
    """
    example = MUTANTS[bug].example
    return sum(map(len, stack(example.layers))) + len(ops(example.program)) + 1


def alike(kills: dict[str, tuple[str, ...]]) -> list[list[str]]:
    """
    Group properties that kill the same bugs.

    >>> alike({"P1": ("M1",), "P2": ("M2",), "P3": ("M1",)})
    [['P1', 'P3']]
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for prop, killed in kills.items():
        groups.setdefault(killed, []).append(prop)
    return [group for group in groups.values() if len(group) > 1]


def percentile(values: Sequence[float], percent: int) -> float | None:
    """
    Give the value that so many percent of the values are not above.

    >>> percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90)
    9
    """
    if not values:
        return None
    ordered = sorted(values)
    return _rounded(ordered[max(0, -(-len(ordered) * percent // 100) - 1)])


def buckets(means: Sequence[float]) -> dict[str, int]:
    """
    Count values by how large they are, as a chart of bars has it.

    >>> buckets([1.0, 2.5, 2.5, 400.0])
    {'<= 1': 1, '<= 3': 2, '<= 10': 0, '<= 30': 0, '<= 100': 0, '<= 300': 0, '<= 1000': 1}
    """
    counts = {}
    low = 0.0
    for high in BUCKETS:
        counts[f"<= {high}"] = sum(low < mean <= high for mean in means)
        low = high
    return counts


def _rounded(value: float) -> float:
    return round(value, 1)
