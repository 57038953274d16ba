"""One SDK program against the simulator and against the real engine, call by call."""

from __future__ import annotations

import gc
import warnings

import docker
import pytest

from tests.containers.api.program import CALLS, answers
from unionfs_sim.containers import docker_client
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.ids import random_id

pytestmark = pytest.mark.oracle


def test_every_call_is_answered_alike(real: tuple[str, docker.DockerClient]) -> None:
    """Values, statuses and words; ids and times apart."""
    with Engine.with_busybox(ids=random_id) as engine:
        client = docker_client(engine)
        found = dict(answers(client))
        client.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        expected = dict(answers(real[1]))
        gc.collect()
    different = {
        name: {"expected": expected[name], "found": found[name]}
        for name in expected
        if expected[name] != found[name]
    }

    assert not different
    assert len(found) == len(CALLS) >= 60
    assert any(isinstance(x, dict) and "error" in x for x in found.values())
