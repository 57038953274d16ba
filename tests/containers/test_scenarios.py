"""Every recorded client session, replayed against the library."""

from __future__ import annotations

import pytest

from tests.containers.replaying import Replay, recorded, scenarios


@pytest.mark.parametrize("name", scenarios())
def test_a_recorded_session(name: str) -> None:
    """Exit codes, output, complaints, JSON, and what is on the host's disk."""
    assert not Replay(scenarios()[name]).run()


def test_the_recording_is_whole() -> None:
    """As many scenarios as it says."""
    assert len(scenarios()) == recorded()["count"]
