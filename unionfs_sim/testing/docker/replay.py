"""Replaying: each scenario on a fresh engine, through the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, final

import attrs

from unionfs_sim.image.image import Image
from unionfs_sim.testing.docker.baseimage import base_images
from unionfs_sim.testing.docker.client import (
    canonical,
    normal_err,
    normal_json,
    normal_out,
)
from unionfs_sim.testing.docker.matching import Ids
from unionfs_sim.testing.docker.places import simulated
from unionfs_sim.testing.docker.scenarios import (
    Recording,
    Scenario,
    Step,
)
from unionfs_sim.testing.docker.steps import Doing, Place, named


@final
@attrs.frozen
class Difference:
    """
    What was not as it was recorded.

    Attributes:
        step: The number of the step, from nought.
        command: What was done.
        what: ``rc``, ``stdout``, ``stderr``, ``json``, ``host`` or ``build``.
        expected: What was recorded.
        got: What came now.
    """

    step: int
    command: str
    what: str
    expected: Any
    got: Any


@final
@attrs.frozen
class Result:
    """
    What came of a scenario.

    Attributes:
        scenario: The scenario.
        differences: What was not as recorded; nothing, if it passed.
    """

    scenario: Scenario
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether all was as recorded."""
        return not self.differences


class Session:
    """
    One scenario, compared with what was recorded.

    Args:
        place: Where its steps are done.
    """

    def __init__(self, place: Place) -> None:
        self._doing = Doing(place)
        self._ids = Ids()

    def steps(self, scenario: Scenario) -> Iterator[Difference]:
        """Do all steps, and give the differences."""
        for number, step in enumerate(scenario.steps):
            for what, expected, got in self._step(step):
                yield Difference(number, named(step), what, expected, got)

    def _step(self, step: Step) -> Iterator[tuple[str, Any, Any]]:
        expect = step["expect"]
        outcome = self._doing.do(step)
        if "host" in step:
            yield from self._compare("host", expect, outcome.found)
            return
        said = outcome.said
        if said.code != expect["rc"]:
            what = "build" if "build" in step else "rc"
            yield what, expect["rc"], f"{said.code}: {said.err}"
        if "build" in step:
            return
        if "json" in expect:
            try:
                value = normal_json(said.out)
            except ValueError:
                value = said.out
            yield from self._compare("json", canonical(expect["json"]), value)
        if "stdout" in expect:
            out = normal_out(step["cmd"], said.out)
            yield from self._compare("stdout", expect["stdout"], out)
        if "stderr" in expect:
            err = normal_err(said.err)
            yield from self._compare("stderr", expect["stderr"], err)

    def _compare(
        self, what: str, expected: Any, got: Any  # noqa: ANN401 - any JSON
    ) -> Iterator[tuple[str, Any, Any]]:  # fmt: skip
        if not self._ids.matches(expected, got):
            yield what, expected, got


def replay_one(
    scenario: Scenario, images: tuple[Image, ...], program: str
) -> Result:  # fmt: skip
    """Replay one scenario through a client."""
    with simulated(images, program) as place:
        try:
            differences = tuple(Session(place).steps(scenario))
        except TimeoutError as error:
            differences = (Difference(0, "", "time", "an answer", str(error)),)
    return Result(scenario, differences)


def replay(
    recording: Recording,
    scenarios: Sequence[Scenario],
    program: str,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Iterable[Result]:
    """
    Replay scenarios, several at a time.

    Args:
        recording: Where they come from.
        scenarios: The scenarios.
        program: The client.
        jobs: How many at a time.
        progress: Is told how many of how many are done.

    Returns:
        The results, in the order of the scenarios, as they come.
    """
    images = base_images(recording.base_image)
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda each: replay_one(each, images, program), scenarios)
        for number, result in enumerate(results, 1):
            if progress is not None:
                progress(number, len(scenarios))
            yield result
