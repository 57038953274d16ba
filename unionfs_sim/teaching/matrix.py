"""
The matrix: which property kills which planted bug, and after how many examples.

A task is one property with one seed, run on every implementation; tasks know nothing of
each other, so that any `concurrent.futures.Executor` may run them.  Each is first run on
the correct lab, which notes for every example the switches that were asked for.  A bug
whose switch an example never asks for cannot show there, so that only the others are
run: nothing is lost, and four fifths of the work are saved.

>>> table = measure(tasks(["P01", "P06"], ["M03", "M14"], seeds=[1], examples=50))
>>> table.killers("M03"), table.killers("M14")
(['P01'], ['P06'])
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Final, TypeAlias, TypedDict

import attrs

from unionfs_sim.teaching.baselines import BASELINES
from unionfs_sim.teaching.lab import Lab
from unionfs_sim.teaching.mutants import MUTANTS, recording
from unionfs_sim.teaching.properties import PROPERTIES, Property, run
from unionfs_sim.teaching.properties.law import run_case
from unionfs_sim.teaching.subjects import correct_subjects, subject

#: The seeds of the reduced and of the full matrix.
REDUCED: Final[tuple[int, ...]] = (1,)
FULL: Final[tuple[int, ...]] = (1, 2, 3, 4, 5, 6, 7, 8)
EXAMPLES: Final = 400


def law_of(name: str) -> Property:
    """Give a property, or one of the suites that we compare with, by its id."""
    return PROPERTIES.get(name) or BASELINES[name]


@attrs.frozen
class Task:
    """
    A property with a seed, to be run on some implementations.

    Attributes:
        prop: The id of the property.
        seed: The seed of its examples.
        examples: How many are run at most.
        mutants: Ids of planted bugs; each is run until it is killed.
        variants: Ids of correct implementations; they should pass.
    """

    prop: str
    seed: int
    examples: int
    mutants: tuple[str, ...]
    variants: tuple[str, ...]


class Outcome(TypedDict):
    """What became of one property, seed and implementation."""

    prop: str
    subject: str
    seed: int
    status: str
    examples: int
    part: str


def tasks(
    properties: Iterable[str] | None = None,
    subjects: Iterable[str] | None = None,
    *,
    seeds: Iterable[int] = REDUCED,
    examples: int = EXAMPLES,
) -> list[Task]:
    """
    List what is to be run: all properties on all implementations unless told otherwise.

    >>> len(tasks(["P01"], seeds=[1, 2]))
    2
    """
    names = list(subjects) if subjects is not None else [*MUTANTS, *correct_subjects()]
    mutants = tuple(name for name in names if name in MUTANTS)
    variants = tuple(name for name in names if name not in MUTANTS)
    chosen = [*PROPERTIES, *BASELINES] if properties is None else list(properties)
    return [
        Task(prop, seed, 1 if prop in BASELINES else examples, mutants, variants)
        for seed in seeds
        for prop in chosen
    ]


def perform(task: Task) -> list[Outcome]:
    """Run a task; give an outcome for each implementation."""
    prop = law_of(task.prop)
    reached = reach(prop, task.seed, task.examples) if task.mutants else []
    outcomes = [_on_mutant(prop, task, name, reached) for name in task.mutants]
    for name in task.variants:
        lab = subject(name)
        if prop.id in PROPERTIES and prop.applies_to(lab):
            result = run(prop, lab, seed=task.seed, examples=task.examples)
            outcomes.append(
                _outcome(task, name, result.status, result.examples, result.part)
            )
    return outcomes


def reach(prop: Property, seed: int, examples: int) -> list[frozenset[str]]:
    """Give, for each example on the correct lab, the switches that it asks for."""
    reached = []
    for number in range(1, examples + 1):
        seen: set[str] = set()
        run_case(
            prop,
            Lab("recording", recording(seen)),
            prop.example(seed=seed, number=number),
        )
        reached.append(frozenset(seen))
    return reached


def _on_mutant(
    prop: Property, task: Task, name: str, reached: Sequence[frozenset[str]]
) -> Outcome:
    mutant = MUTANTS[name]
    for number, seen in enumerate(reached, 1):
        if mutant.switch in seen:
            case = prop.example(seed=task.seed, number=number)
            failure = run_case(prop, mutant.lab(), case)
            if failure is not None:
                status, part, _ = failure
                return _outcome(task, name, status, number, part)
    return _outcome(task, name, "passed", task.examples, "")


def _outcome(
    task: Task, subject: str, status: str, examples: int, part: str
) -> Outcome:
    return {
        "prop": task.prop,
        "subject": subject,
        "seed": task.seed,
        "status": status,
        "examples": examples,
        "part": part,
    }


def measure(
    todo: Sequence[Task],
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Matrix:
    """
    Run tasks, on an executor if one is given, and make a table of what became of them.

    Args:
        todo: The tasks.
        executor: Where they run; here, one by one, if there is none.
        progress: Called with how many are done, and of how many.
    """
    run_all = map(perform, todo) if executor is None else executor.map(perform, todo)
    outcomes: list[Outcome] = []
    for done, some in enumerate(run_all, 1):
        outcomes += some
        if progress is not None:
            progress(done, len(todo))
    return Matrix(outcomes)


@attrs.frozen
class Cell:
    """
    One property and one planted bug.

    Attributes:
        killed: In how many runs the bug was found.
        runs: In how many it was looked for.
        first: The examples to the failure, in the runs that found it.
        crashed: In how many of these something else was raised than the property's claim.
        parts: The parts of the property that failed.
    """

    killed: int
    runs: int
    first: tuple[int, ...]
    crashed: int
    parts: tuple[str, ...]

    @property
    def mean(self) -> float:
        """The mean of the examples to failure; infinite if none failed."""
        return statistics.fmean(self.first) if self.first else float("inf")

    def to_json(self) -> dict[str, object]:
        """Give it as JSON has it: minimum, median and mean beside the counts."""
        return {
            "killed": self.killed,
            "runs": self.runs,
            "crashed": self.crashed,
            "parts": list(self.parts),
            "min": min(self.first, default=None),
            "median": statistics.median(self.first) if self.first else None,
            "mean": round(self.mean, 2) if self.first else None,
        }


Cells: TypeAlias = Mapping[tuple[str, str], Cell]


class Matrix:
    """The table of properties and planted bugs."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = sorted(
            outcomes, key=lambda x: (x["prop"], x["subject"], x["seed"])
        )
        self.properties = sorted({x["prop"] for x in outcomes} & PROPERTIES.keys())
        self.baselines = sorted({x["prop"] for x in outcomes} & BASELINES.keys())
        self.mutants = sorted({x["subject"] for x in outcomes} & MUTANTS.keys())
        self.cells: Cells = self._cells()

    def _cells(self) -> Cells:
        grouped: dict[tuple[str, str], list[Outcome]] = {}
        for outcome in self.outcomes:
            if outcome["subject"] in MUTANTS:
                key = outcome["prop"], outcome["subject"]
                grouped.setdefault(key, []).append(outcome)
        cells = {}
        for key, some in grouped.items():
            dead = [x for x in some if x["status"] != "passed"]
            cells[key] = Cell(
                killed=len(dead),
                runs=len(some),
                first=tuple(x["examples"] for x in dead),
                crashed=sum(x["status"] == "crashed" for x in dead),
                parts=tuple(sorted({x["part"] for x in dead} - {""})),
            )
        return cells

    @property
    def alarms(self) -> list[Outcome]:
        """Failures of correct implementations: there should be none."""
        return [
            x
            for x in self.outcomes
            if x["subject"] not in MUTANTS and x["status"] != "passed"
        ]

    def kills(self, prop: str) -> list[str]:
        """List the planted bugs that a property found in at least one run."""
        return [x for x in self.mutants if self.cells[prop, x].killed]

    def killers(self, mutant: str) -> list[str]:
        """List the properties that found a planted bug, the fastest first."""
        found = [x for x in self.properties if self.cells[x, mutant].killed]
        return sorted(found, key=lambda x: self._rank(self.cells[x, mutant]))

    @staticmethod
    def _rank(cell: Cell) -> tuple[int, float]:
        return -cell.killed, cell.mean

    def best(self, mutant: str) -> Cell | None:
        """Give the cell of the property that finds a planted bug fastest and always."""
        found = self.killers(mutant)
        return self.cells[found[0], mutant] if found else None

    def to_json(self) -> str:
        """Give the table as text of JSON: the same bytes for the same input."""
        document = {
            "version": 1,
            "outcomes": self.outcomes,
            "cells": [
                {"property": prop, "mutant": mutant, **cell.to_json()}
                for (prop, mutant), cell in sorted(self.cells.items())
                if cell.killed
            ],
            "false_alarms": self.alarms,
        }
        return json.dumps(document, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Matrix:
        """Read what `to_json` wrote."""
        return cls(json.loads(text)["outcomes"])
