"""``exercises matrix``: which property rejects which planted bug, and how soon."""

from __future__ import annotations

import statistics
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from unionfs_sim.cli import progress
from unionfs_sim.cli.report import (
    FAILED,
    GOOD,
    Line,
    Lines,
    Report,
    Table,
    UsageError,
    line,
)
from unionfs_sim.teaching.baselines import BASELINES
from unionfs_sim.teaching.exercises import formats
from unionfs_sim.teaching.matrix import Cell, Matrix, measure, tasks
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.rubric import figures


def matrix(options: Namespace, _: ExitStack) -> Report:
    """Measure the table, or load it; save it if asked; show each bug's best property."""
    table = _loaded(Path(options.load)) if options.load else measured(options)
    if options.out:
        formats.write(table.to_json(), Path(options.out))
    rows = [_row(table, name) for name in table.mutants]
    closing = [line(text) for text in _summary(table)]
    return Report(
        blocks=[
            Table(
                ("BUG", "SWITCH", "BY", "BEST", "FOUND", "MIN", "MEDIAN", "MEAN"),
                rows,
                right=frozenset({2, 5, 6, 7}),
            ),
            Lines([line(), *closing]),
        ],
        data=lambda: _data(table),
        status=FAILED if table.alarms else GOOD,
    )


def measured(options: Namespace) -> Matrix:
    """Measure all properties on all implementations, on as many processes as asked."""
    todo = tasks(seeds=range(1, options.seeds + 1), examples=options.examples)
    with progress.line() as tell, ExitStack() as stack:
        executor = None
        if options.jobs > 1:
            executor = stack.enter_context(ProcessPoolExecutor(options.jobs))
        return measure(
            todo, executor, lambda done, of: tell(f"{done} of {of} properties")
        )


def _loaded(file: Path) -> Matrix:
    try:
        return Matrix.from_json(file.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{file}: no matrix: {error}"
        raise UsageError(msg) from error


def _row(table: Matrix, name: str) -> Line:
    killers, cell = table.killers(name), table.best(name)
    first = cell.first if cell is not None else ()
    return [
        (name, "path"),
        (MUTANTS[name].switch, ""),
        (str(len(killers)), "number"),
        (killers[0] if killers else "-", "found" if killers else "error"),
        ("" if cell is None else f"{cell.killed} of {cell.runs}", ""),
        (_number(min(first, default=None)), ""),
        (_number(statistics.median(first) if first else None), ""),
        (_number(round(statistics.fmean(first), 1) if first else None), ""),
    ]


def _number(number: float | None) -> str:
    return "-" if number is None else f"{number:g}"


def _summary(table: Matrix) -> list[str]:
    best = [table.best(name) for name in table.mutants]
    means = [cell.mean for cell in best if cell is not None]
    told = [
        f"{len(means)} of {len(best)} planted bugs are rejected by one of "
        f"{len(table.properties)} properties; false alarms: {len(table.alarms)}"
    ]
    if means:
        told.append(
            "examples to failure of the best property: "
            f"min {min(means):g}, median {statistics.median(means):g}, "
            f"mean {statistics.fmean(means):.1f}, max {max(means):g}"
        )
    for name in table.baselines:
        kills = len(table.kills(name))
        told.append(f"{BASELINES[name].title}: {kills} of {len(best)}")
    return told


def _data(table: Matrix) -> dict[str, Any]:
    def cell(of: Cell | None) -> object:
        return None if of is None else of.to_json()

    return {
        "bugs": {
            name: {
                "switch": MUTANTS[name].switch,
                "killers": table.killers(name),
                "best": cell(table.best(name)),
            }
            for name in table.mutants
        },
        "baselines": {name: table.kills(name) for name in table.baselines},
        "false_alarms": table.alarms,
        "figures": figures(table),
    }
