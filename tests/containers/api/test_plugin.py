"""The fixtures that come with the package."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import docker
import pytest

from unionfs_sim.containers.engine import Engine
from unionfs_sim.testing import pytest_plugin

#: A test as a user writes it.
TEST = """
def test_it_says_hello(docker_client):
    assert b"hi\\n" == docker_client.containers.run("busybox", "echo hi", remove=True)

def test_it_sees_the_engine(docker_client, docker_engine):
    docker_engine.host.fs.write_text("/etc/motd", "hello")
    volumes = ["/etc:/x"]
    found = docker_client.containers.run("busybox", "cat /x/motd", volumes=volumes)
    assert b"hello" == found
"""


def outcome(folder: Path, *options: str, **environment: str) -> str:
    """Run the test, and give the last line."""
    (folder / "test_it.py").write_text(TEST, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "-p", "no:xdist", "-p", "no:randomly", *options, "test_it.py"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    return run.stdout.strip().splitlines()[-1]


def plugin(options: list[str]) -> list[str]:
    """Name the plugin where the installed package does not announce it."""
    if any(x.name == "unionfs_sim" for x in entry_points(group="pytest11")):
        return options
    return ["-p", pytest_plugin.__name__, *options]


def test_a_test_gets_an_engine_and_a_client(tmp_path: Path) -> None:
    """Without anything in its conftest."""
    assert outcome(tmp_path, *plugin([])).startswith("2 passed")


def test_a_real_docker_is_asked_if_that_is_wanted(tmp_path: Path) -> None:
    """Where there is none it fails; the engine cannot be looked into."""
    found = outcome(
        tmp_path, *plugin(["--real-docker"]), DOCKER_HOST=f"unix://{tmp_path}/none"
    )

    assert "passed" not in found
    assert "error" in found or "failed" in found


@pytest.mark.oracle
def test_a_real_docker_runs_the_same_tests(
    tmp_path: Path, real: tuple[str, docker.DockerClient]
) -> None:
    """With the same outcome; what looks into the engine is left out."""
    found = outcome(tmp_path, *plugin(["--real-docker"]), DOCKER_HOST=real[0])

    assert found.startswith("1 passed, 1 skipped")


@pytest.mark.usefixtures("docker_client")
def test_the_fixtures_fit_together(
    docker_client: docker.DockerClient, docker_engine: Engine
) -> None:
    """The client's containers are the engine's."""
    made = docker_client.containers.create("busybox", "true", name="job")

    assert made.id == docker_engine.containers.get("job").id
