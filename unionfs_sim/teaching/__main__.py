"""
Measure the matrix: ``python -m unionfs_sim.teaching``.

With ``--variants-only`` the correct implementations alone are run, for false alarms;
with ``--rubric`` counter-examples are shrunk and the exercises graded besides.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from unionfs_sim.teaching.exercises import measuring
from unionfs_sim.teaching.exercises.ladder import ladder
from unionfs_sim.teaching.matrix import EXAMPLES, REDUCED, Matrix, measure, tasks
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.rubric import figures, shrunk
from unionfs_sim.teaching.subjects import correct_subjects


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, tell the figures as JSON; status 1 if there is a false alarm."""
    parser = argparse.ArgumentParser(
        prog="python -m unionfs_sim.teaching", description="Measure the matrix."
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(REDUCED))
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--properties", nargs="+", help="ids; all by default")
    parser.add_argument("--subjects", nargs="+", help="ids; all by default")
    parser.add_argument("--variants-only", action="store_true")
    parser.add_argument("--rubric", action="store_true", help="all of the figures")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="a file for the whole matrix")
    options = parser.parse_args(argv)
    subjects = options.subjects
    if options.variants_only:
        subjects = [x for x in subjects or correct_subjects() if x not in MUTANTS]
    todo = tasks(
        options.properties, subjects, seeds=options.seeds, examples=options.examples
    )
    if options.jobs > 1:
        with ProcessPoolExecutor(options.jobs) as executor:
            table = measure(todo, executor)
    else:
        table = measure(todo)
    if options.out is not None:
        options.out.write_text(table.to_json(), encoding="utf-8")
    told = _told(table)
    if options.rubric:
        told |= shrunk(table) | measuring.figures(list(ladder().values()), _tell)
    json.dump(told, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 1 if table.alarms else 0


def _tell(text: str) -> None:
    """Say on a terminal what is being done."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{text}\n")


def _told(table: Matrix) -> dict[str, object]:
    run = [x for x in table.outcomes if x["subject"] not in MUTANTS]
    examples: dict[str, int] = {}
    for outcome in run:
        name = outcome["subject"]
        examples[name] = examples.get(name, 0) + outcome["examples"]
    told: dict[str, object] = {"examples on correct implementations": examples}
    told["false alarms"] = table.alarms
    return told | figures(table) if table.mutants else told


if __name__ == "__main__":
    sys.exit(main())
