"""What an engine tells of what happens."""

from __future__ import annotations

from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.events import KEPT, Events


def told(engine: Engine) -> list[str]:
    """Give the events so far, in short."""
    return [f"{event.kind} {event.action}" for event in engine.events.after(0)]


def test_a_life_is_told(engine: Engine) -> None:
    """The order is that of the recorded engine, 20.10.24."""
    before = engine.events.count
    made = engine.containers.create("busybox", "sleep 9", volumes=["nv:/n", "/v"])
    made.start()
    made.pause()
    made.unpause()
    made.stop(timeout=0)
    made.remove(v=True)

    assert [
        "volume create",
        "volume create",
        "container create",
        "network connect",
        "volume mount",
        "volume mount",
        "container start",
        "container pause",
        "container unpause",
        "container kill",
        "container kill",
        "container die",
        "network disconnect",
        "volume unmount",
        "volume unmount",
        "container stop",
        "volume destroy",
        "container destroy",
    ] == told(engine)[before:]


def test_images_and_networks_are_told(engine: Engine) -> None:
    """Names that come and go, and images with their last name."""
    engine.images.get("busybox").tag("box", "1")
    engine.networks.create("web").remove()
    engine.images.remove("box:1")
    engine.images.remove("busybox")

    assert [
        "image tag",
        "image tag",
        "network create",
        "network destroy",
        "image untag",
        "image untag",
        "image delete",
    ] == told(engine)


def test_old_events_are_forgotten() -> None:
    """Who asks later gets the last ones."""
    events = Events(lambda: 0)
    for number in range(KEPT + 3):
        events.add("volume", "create", str(number))

    assert ("3", KEPT) == (next(events.after(0)).actor, len(list(events.after(1))))
