"""What an engine's stores hold, so that what came and went can be told as events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from unionfs_sim.containers.networks import PREDEFINED

if TYPE_CHECKING:
    from unionfs_sim.containers.engine import Engine

#: Things by what they are: ``(kind, id, name)``.
Census: TypeAlias = dict[tuple[str, str, str], None]

#: How Docker calls their coming and going.
_COMING = {"tag": "tag", "image": "", "volume": "create", "network": "create"}
_GOING = {"tag": "untag", "image": "delete", "volume": "destroy", "network": "destroy"}


def census(engine: Engine, store: str) -> Census:
    """Give what a store holds at the moment."""
    return dict.fromkeys(_things(engine, store))


def _things(engine: Engine, store: str) -> Iterator[tuple[str, str, str]]:
    if store == "volumes":
        for volume in engine.volumes:
            yield "volume", volume.name, ""
    elif store == "networks":
        for network in engine.networks.list():
            if network.name not in PREDEFINED:
                yield "network", network.id, network.name
    else:
        for tag, identifier in engine.images.names.items():
            yield "tag", identifier, tag
        for identifier in engine.images.identifiers():
            yield "image", identifier, ""


def tell(engine: Engine, before: Census, after: Census) -> None:
    """Tell what is there now and was not, and what was and is not."""
    for thing in before:
        if thing not in after:
            _say(engine, thing, _GOING[thing[0]])
    for thing in after:
        if thing not in before:
            _say(engine, thing, _COMING[thing[0]])


def _say(engine: Engine, thing: tuple[str, str, str], action: str) -> None:
    kind, identifier, name = thing
    if not action:
        return
    if kind == "volume":
        engine.events.add(kind, action, identifier, driver="local")
    elif kind == "network":
        engine.events.add(kind, action, identifier, name=name, type="bridge")
    else:
        shown = identifier if kind == "image" or action == "untag" else name
        engine.events.add("image", action, identifier, name=shown)
