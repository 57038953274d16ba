"""Every recorded client session, replayed against the library."""

from __future__ import annotations

import pytest

from tests.containers.replaying import recorded, replay, scenarios


@pytest.mark.parametrize("name", scenarios())
def test_a_recorded_session(name: str) -> None:
    """Exit codes, output, complaints, JSON, and what is on the host's disk."""
    assert not replay(scenarios()[name])


def test_the_recording_is_whole() -> None:
    """As many scenarios as there were."""
    assert 134 == len(recorded().scenarios)
