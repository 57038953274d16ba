"""Every recorded session, through the real ``docker`` client."""

from __future__ import annotations

import pytest

from tests.containers.replaying import images, scenarios
from unionfs_sim.testing.docker import client
from unionfs_sim.testing.docker.replay import replay_one

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


@pytest.mark.parametrize("name", scenarios())
def test_a_recorded_session(name: str, program: str) -> None:
    """Exit codes, output, complaints, JSON, and what is on the host's disk."""
    assert not replay_one(scenarios()[name], images(), program).differences
