"""Recording: each scenario at a real engine, and what came of it written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import attrs

from unionfs_sim.testing.docker.client import (
    Said,
    canonical,
    normal_err,
    normal_out,
)
from unionfs_sim.testing.docker.localfiles import ROOT
from unionfs_sim.testing.docker.normalising import Normal
from unionfs_sim.testing.docker.scenarios import Scenario, Step
from unionfs_sim.testing.docker.steps import Doing, Outcome, Place, named

#: Gives, for each scenario, a place that holds the base image alone.
Begin = Callable[[], AbstractContextManager[Place]]


class NotRecordedError(Exception):
    """A step cannot be recorded; the text says which, and why."""


def record_one(scenario: Scenario, place: Place, normal: Normal) -> Scenario:
    """
    Do all steps of a scenario, and give it with what came of them.

    Where a step of a command says what to expect, just the same is written down: its
    exit code alone, say, of what differs from run to run.

    Raises:
        NotRecordedError: A step takes too long, or cannot be done.
    """
    doing = Doing(place)
    steps: list[Step] = []
    for number, step in enumerate(scenario.steps):
        try:
            outcome = doing.do(step)
        except (TimeoutError, ValueError, IndexError) as error:
            msg = f"{scenario.id}, step {number}, {named(step)}: {error}"
            raise NotRecordedError(msg) from error
        steps.append({**step, "expect": _expectation(step, outcome, normal)})
    return attrs.evolve(scenario, steps=tuple(steps))


def _expectation(step: Step, outcome: Outcome, normal: Normal) -> dict[str, Any]:
    if "host" in step:
        return dict(normal.of(outcome.found))
    said = outcome.said
    if "build" in step:
        return {"rc": said.code}
    wanted = set(step.get("expect") or ("output", "stderr"))
    made: dict[str, Any] = {"rc": said.code}
    if wanted & {"output", "stdout", "json"}:
        made |= _output(step["cmd"], said, wanted, normal)
    if "stderr" in wanted:
        made["stderr"] = normal.of(normal_err(said.err))
    return made


def _output(
    argv: list[str], said: Said, wanted: set[str], normal: Normal
) -> dict[str, Any]:
    """Give output as text or as JSON, as it is wanted, or else as it is."""
    value = None
    try:
        value = json.loads(said.out)
        is_json = "stdout" not in wanted and (
            "json" in wanted
            or (not said.code and (value is None or isinstance(value, dict | list)))
        )
    except ValueError:
        is_json = False
    if is_json:
        return {"json": normal.of(canonical(value))}
    if any(".State.Pid" in arg for arg in argv) and said.out.strip("0\n").isdigit():
        return {"stdout": "<pid>\n"}
    return {"stdout": normal.of(normal_out(argv, said.out))}


def record(
    scenarios: Sequence[Scenario],
    begin: Begin,
    *,
    normal: Callable[[], Normal] = Normal,
    progress: Callable[[int, int], object] | None = None,
) -> Iterator[Scenario]:
    """
    Record scenarios, one after the other.

    Args:
        scenarios: What to do.
        begin: Gives the place of each.
        normal: Makes what makes the words of a scenario comparable.
        progress: Is told how many of how many are done.

    Returns:
        The scenarios with what came of them, as they come.

    Raises:
        NotRecordedError: One cannot be recorded.
    """
    for number, scenario in enumerate(scenarios, 1):
        with begin() as place:
            yield record_one(scenario, place, normal())
        if progress is not None:
            progress(number, len(scenarios))


def uses_data(scenario: Scenario) -> bool:
    """
    Tell whether a scenario has to do with ``/data`` of the host.

    >>> uses_data(Scenario("a", "", (), ({"cmd": ["cp", "c:/x", "/data/x"]},)))
    True
    """
    return any(
        ROOT in str(word)
        for step in scenario.steps
        for key in ("cmd", "host")
        for word in step.get(key, ())
    )
