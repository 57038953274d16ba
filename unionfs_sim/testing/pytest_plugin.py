"""
Fixtures for `pytest`: a Docker engine without Docker, and the SDK talking to it.

Loaded by itself where this package is installed; what it needs is imported when a
fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from docker import DockerClient

    from unionfs_sim.containers.engine import Engine

_OPTION = "--real-docker"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--real-docker``."""
    group = parser.getgroup("unionfs_sim", "a Docker engine without Docker")
    group.addoption(
        _OPTION,
        action="store_true",
        default=False,
        help="let docker_client talk to the real Docker that DOCKER_HOST names, "
        "and skip the tests that need docker_engine",
    )


@pytest.fixture
def docker_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """
    Give a fresh engine with a busybox, in memory.

    Register programs with ``docker_engine.programs``, and write files for binds to
    ``docker_engine.host.fs``.
    """
    if request.config.getoption(_OPTION):
        pytest.skip("a real Docker has no engine that a test could look into")
    from unionfs_sim.containers.engine import Engine  # noqa: PLC0415 - see above

    with Engine.with_busybox() as engine:
        yield engine


@pytest.fixture
def docker_client(request: pytest.FixtureRequest) -> Iterator[DockerClient]:
    """
    Give the unchanged Docker SDK, talking to `docker_engine`.

    With ``--real-docker`` it talks to the daemon that ``DOCKER_HOST`` names; what a
    test makes there is then its own to remove.
    """
    if request.config.getoption(_OPTION):
        from docker import DockerClient  # noqa: PLC0415 - likewise

        client = DockerClient.from_env()
    else:
        from unionfs_sim.containers import (  # noqa: PLC0415 - likewise
            docker_client as client_of,
        )

        client = client_of(request.getfixturevalue("docker_engine"))
    try:
        yield client
    finally:
        client.close()
