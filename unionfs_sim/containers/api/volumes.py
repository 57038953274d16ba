"""Volumes: listed, made, inspected, removed."""

from __future__ import annotations

from typing import Any, Final

from unionfs_sim.containers.api.call import Answered, Call, nothing, of_json
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.errors import InvalidParameter


def list_volumes(call: Call) -> Answered:
    """List volumes, by name."""
    found = call.engine.volumes.list(call.filters())
    return of_json({"Volumes": [each.attrs() for each in found], "Warnings": None})


def create(call: Call) -> Answered:
    """Make a volume, or give the one of that name."""
    body = call.document()
    made = call.engine.volumes.create(
        str(body.get("Name") or "") or None,
        str(body.get("Driver") or "local"),
        _texts(body, "DriverOpts"),
        _texts(body, "Labels"),
    )
    return of_json(made.attrs(), 201)


def _texts(body: dict[str, Any], key: str) -> dict[str, str] | None:
    given = body.get(key)
    if given is not None and not (
        isinstance(given, dict) and all(isinstance(x, str) for x in given.values())
    ):
        msg = f"json: {key} holds what is no text"
        raise InvalidParameter(msg)
    return given


def inspect(call: Call) -> Answered:
    """Show all of a volume."""
    return of_json(call.engine.volumes.get(call.name).attrs())


def remove(call: Call) -> Answered:
    """Remove a volume."""
    call.engine.volumes.remove(call.name, force=call.flag("force"))
    return nothing()


def prune(call: Call) -> Answered:
    """Remove the volumes that nothing refers to; named ones too, as API 1.41 does."""
    engine = call.engine
    with engine.verb():
        done = engine.volumes.prune(all=True, filters=call.filters()).attrs()
        reclaimed = str(done["SpaceReclaimed"])
        engine.events.add("volume", "prune", "", reclaimed=reclaimed)
    return of_json(done)


ROUTES: Final = (
    Route("GET", "/volumes", list_volumes, "list; filters"),
    Route("POST", "/volumes/create", create, "create; driver options, labels"),
    Route("POST", "/volumes/prune", prune, "remove those not used; filters"),
    Route("GET", "/volumes/{name}", inspect, "inspect"),
    Route("DELETE", "/volumes/{name}", remove, "remove; force"),
)
