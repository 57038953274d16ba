"""Every recorded session, through the real ``docker`` client."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.containers.replaying import everyday, recorded, scenarios
from unionfs_sim.containers.api.server import Server
from unionfs_sim.testing.docker import client
from unionfs_sim.testing.docker.replay import Result, replay

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def program() -> str:
    """Give a client whose words are those of the recording, or skip the test."""
    found = client.find_client()
    if found is None:
        pytest.skip("no docker client")
    if client.RECORDED not in (version := client.version_of(found)):
        pytest.skip(f"the words of {version} are not those of {client.RECORDED}")
    return found


@pytest.fixture(scope="module")
def results(program: str) -> dict[str, Result]:
    """Replay all of them, as many at a time as there are processors."""
    jobs = os.cpu_count() or 1
    return {
        result.scenario.id: result
        for recording in (recorded(), everyday())
        for result in replay(recording, recording.scenarios, program, jobs=jobs)
    }


@pytest.mark.parametrize("name", [*scenarios(), *(x.id for x in everyday().scenarios)])
def test_a_recorded_session(name: str, results: dict[str, Result]) -> None:
    """Exit codes, output, complaints, JSON, and what is on the host's disk."""
    assert not results[name].differences


def newer() -> str | None:
    """Find a client whose API is newer than ours."""
    for folder in dict.fromkeys(os.get_exec_path()):
        program = shutil.which("docker", path=folder)
        words = client.version_of(program).split() if program else []
        if words[:1] and words[2].partition(".")[0] not in {"18", "19", "20"}:
            return program
    return None


def test_a_newer_client(server: Server, tmp_path: Path) -> None:
    """It comes down to our version by itself, and runs a container."""
    program = newer()
    if program is None:
        pytest.skip("no docker client newer than 20.10")
    talk = client.DockerClient(program, server.listen_unix(tmp_path / "sock"), tmp_path)
    version = talk.run(["version", "--format", "{{json .}}"])
    told = json.loads(version.out)

    assert ("1.41", "1.41") == (
        told["Client"]["ApiVersion"], told["Server"]["ApiVersion"]
    )  # fmt: skip
    assert told["Client"]["DefaultAPIVersion"] != "1.41"
    hello = talk.run(["run", "--rm", "busybox", "echo", "hi"])
    assert (0, "hi\n") == (hello.code, hello.out)
    for argv, code in (
        (
            [
                "run",
                "-d",
                "--name",
                "web",
                "-v",
                "data:/data",
                "busybox",
                "sleep",
                "99",
            ],
            0,
        ),
        (["exec", "web", "sh", "-c", "echo row1 > /data/t; exit 4"], 4),
        (["cp", "web:/data/t", str(tmp_path / "t")], 0),
        (["network", "create", "lan"], 0),
        (["network", "connect", "lan", "web"], 0),
        (["inspect", "web"], 0),
        (["container", "ls", "-as"], 0),
        (["system", "df", "-v"], 0),
        (["info"], 0),
        (["stop", "-t", "0", "web"], 0),
        (["rm", "-v", "web"], 0),
        (["run", "busybox", "nosuch"], 127),
        (["container", "prune", "-f"], 0),
        (["volume", "rm", "data"], 0),
        (["system", "prune", "-af", "--volumes"], 0),
    ):
        said = talk.run(argv)
        assert code == said.code, (argv, said)
    assert "row1\n" == (tmp_path / "t").read_text(encoding="utf-8")
