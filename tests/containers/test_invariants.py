"""Random verbs: whatever is done or refused, what must always hold does."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from unionfs_sim.containers import Container, Engine
from unionfs_sim.containers.errors import EngineError

_COMMANDS: list[str | list[str]] = [
    "sleep 5",
    "sleep 100",
    ["sh", "-c", "echo x >> /v/f; exit 2"],
]
_VOLUMES = ["vol:/v", "/an", "/srv/x:/b", "vol2:/etc", "vol:/v/w:ro"]
_STEPS = 120


def create(engine: Engine, chance: random.Random, number: int) -> None:
    """Make a container of some kind."""
    others = [each.name for each in engine.containers]
    networks = ["bridge", "net", "none", "host"]
    networks += [f"container:{name}" for name in others]
    engine.containers.create(
        "busybox",
        chance.choice(_COMMANDS),
        name=f"c{number}0",
        volumes=chance.sample(_VOLUMES, 2),
        volumes_from=[chance.choice(others)] if others and number % 4 == 0 else None,
        network=chance.choice(networks),
        auto_remove=chance.random() < 0.1,
    )


def verbs(container: Container, chance: random.Random) -> list[Callable[[], object]]:
    """Give what can be done with a container."""
    return [
        container.start,
        lambda: container.stop(0),
        container.kill,
        container.pause,
        container.unpause,
        lambda: container.restart(0),
        lambda: container.remove(v=chance.random() < 0.5, force=chance.random() < 0.5),
        lambda: container.exec_run("touch /v/t"),
        container.diff,
        lambda: container.commit("img"),
    ]


def check(engine: Engine) -> None:
    """Say what must always hold."""
    ids = {each.id for each in engine.containers}
    for network in engine.networks.list():
        addresses = [x.address for x in network.endpoints.values() if x.address]
        assert len(set(addresses)) == len(addresses)
        assert all(engine.containers.get(x).state.running for x in network.endpoints)
    for volume in engine.volumes:
        assert set(volume.users) <= ids
        assert engine.host.fs.isdir(volume.mountpoint)
    for container in engine.containers:
        state = container.attrs["State"]
        assert state["Running"] == (container.table is not None)
        assert state["Running"] == (container.link.namespace is not None)
        assert bool(state["Pid"]) == state["Running"]
        for point in container.mount_points:
            assert point.volume is None or container.id in point.volume.users


@pytest.mark.parametrize("seed", range(8))
def test_what_always_holds(seed: int) -> None:
    """Addresses, volumes and states fit each other after every verb."""
    chance = random.Random(seed)
    with Engine.with_busybox() as engine:
        engine.networks.create("net", subnet="10.9.0.0/28")
        for number in range(_STEPS):
            known = list(engine.containers)
            try:
                if not known or chance.random() < 0.3:
                    create(engine, chance, number)
                else:
                    container = chance.choice(known)
                    chance.choice(verbs(container, chance))()
            except EngineError:
                pass  # it was refused, and must have changed nothing by half
            check(engine)
