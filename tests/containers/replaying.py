"""Replays recorded client sessions against the library, without client and server."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from tests.containers.client import Client
from unionfs_sim.containers import build as building
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import EngineError
from unionfs_sim.image.image import Image
from unionfs_sim.testing.docker.client import Said
from unionfs_sim.testing.docker.replay import Difference, Session
from unionfs_sim.testing.docker.scenarios import (
    Recording,
    Scenario,
    base_images,
    load_base,
    read_recording,
)

SCENARIOS = Path(__file__).parent.parent / "data" / "docker-scenarios.json.gz"


@cache
def recorded() -> Recording:
    """Read the recording."""
    return read_recording(SCENARIOS)


@cache
def scenarios() -> dict[str, Scenario]:
    """Give the scenarios by id."""
    return {each.id: each for each in recorded().scenarios}


@cache
def images() -> tuple[Image, Image]:
    """Make the recorded base image, and the step before its last one."""
    return base_images(recorded().base_image)


def fresh_engine() -> Engine:
    """Make an engine that holds nothing but the base image, its time simulated."""
    engine = Engine()
    load_base(engine, images())
    return engine


def replay(scenario: Scenario) -> list[Difference]:
    """Do all steps of a scenario, and give the differences."""
    with fresh_engine() as engine:
        client = Client(engine)

        def build(wanted: dict[str, Any]) -> tuple[int, str]:
            context = {
                name: (int(file["mode"], 8), file["content"].encode())
                for name, file in wanted["context"].items()
            }
            try:
                building.build(
                    engine, wanted["dockerfile"], context, tags=[wanted["tag"]]
                )
            except EngineError as error:
                return 1, str(error)
            return 0, ""

        def run(argv: list[str]) -> Said:
            return Said(*client.run(list(argv)))

        return list(Session(engine, run, build).steps(scenario))
