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
from unionfs_sim.testing.docker.baseimage import base_images, load_base
from unionfs_sim.testing.docker.client import Said
from unionfs_sim.testing.docker.hosts import on_host
from unionfs_sim.testing.docker.replay import Difference, Session
from unionfs_sim.testing.docker.scenarios import (
    Recording,
    Scenario,
    read_recording,
)

SCENARIOS = Path(__file__).parent.parent / "data" / "docker-scenarios.json.gz"


@cache
def recorded() -> Recording:
    """Read the recording."""
    return read_recording(SCENARIOS)


@cache
def everyday() -> Recording:
    """Read the recording of what a class or a test suite would type."""
    return read_recording(SCENARIOS.with_name("docker-everyday.json.gz"))


@cache
def scenarios() -> dict[str, Scenario]:
    """Give the scenarios by id."""
    return {each.id: each for each in recorded().scenarios}


@cache
def images() -> tuple[Image, ...]:
    """Make the recorded base image, and the step before its last one."""
    return base_images(recorded().base_image)


def fresh_engine() -> Engine:
    """Make an engine that holds nothing but the base image, its time simulated."""
    engine = Engine()
    load_base(engine, images())
    return engine


class LibraryPlace:
    """An engine of the library, without client and server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = Client(engine)

    def run(self, argv: list[str]) -> Said:
        """Do what the client would."""
        return Said(*self._client.run(argv))

    def build(self, wanted: dict[str, Any]) -> Said:
        """Build."""
        context = {
            name: (int(file["mode"], 8), file["content"].encode())
            for name, file in wanted["context"].items()
        }
        try:
            building.build(
                self._engine, wanted["dockerfile"], context, tags=[wanted["tag"]]
            )
        except EngineError as error:
            return Said(1, "", str(error))
        return Said(0, "", "")

    def host(self, operation: str, args: list[str]) -> dict[str, Any]:
        """Do something on the host."""
        return on_host(self._engine, operation, args)


def replay(scenario: Scenario) -> list[Difference]:
    """Do all steps of a scenario, and give the differences."""
    with fresh_engine() as engine:
        return list(Session(LibraryPlace(engine)).steps(scenario))
