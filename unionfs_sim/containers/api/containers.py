"""Containers: listed, made, inspected, changed, removed."""

from __future__ import annotations

import json
from typing import Any, Final

from unionfs_sim.containers.api import summaries
from unionfs_sim.containers.api.call import (
    Answered,
    Call,
    nothing,
    of_json,
)
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.container import Container
from unionfs_sim.containers.errors import Conflict, InvalidParameter
from unionfs_sim.containers.filters import PRUNE_FILTERS, check
from unionfs_sim.core.diff import Change

_KINDS: Final = {"C": 0, "A": 1, "D": 2}

#: What ``docker update`` can change, as it is called in ``HostConfig``.
_UPDATED: Final = (
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "KernelMemory",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
)


def found(call: Call) -> Container:
    """
    Give the container that a call is about.

    Raises:
        NotFound: There is none.
    """
    return call.engine.containers.get(call.name)


def list_containers(call: Call) -> Answered:
    """List containers, the newest first."""
    with call.engine.lock:
        listed = call.engine.containers.list(
            all=call.flag("all"),
            filters=call.filters(),
            limit=call.number("limit", -1) or -1,
        )
        size = call.flag("size")
        return of_json([summaries.container(each, size=size) for each in listed])


def create(call: Call) -> Answered:
    """Make a container."""
    body = call.document(needed=True)
    if not body:
        msg = "config cannot be empty in order to create a container"
        raise InvalidParameter(msg)
    _check(body)
    made = call.engine.containers.create_from(body, call.text("name") or None)
    return of_json({"Id": made.id, "Warnings": []}, 201)


#: What the members of the body are, where the engine relies on it.
_SHAPES: Final[dict[str, type | tuple[type, ...]]] = {
    "Cmd": (list, str),
    "Entrypoint": (list, str),
    "Env": list,
    "ExposedPorts": dict,
    "HostConfig": dict,
    "Image": str,
    "Labels": dict,
    "NetworkingConfig": dict,
    "User": str,
    "Volumes": dict,
    "WorkingDir": str,
}
_HOST_SHAPES: Final[dict[str, type | tuple[type, ...]]] = {
    "Binds": list,
    "Dns": list,
    "ExtraHosts": list,
    "Mounts": list,
    "NetworkMode": str,
    "PortBindings": dict,
    "RestartPolicy": dict,
    "Tmpfs": dict,
    "VolumesFrom": list,
}


_TEXTS: Final = frozenset({"Cmd", "Entrypoint", "Env", "Binds", "VolumesFrom"})


def _check(body: dict[str, Any]) -> None:
    """
    Refuse members of a kind that nobody could mean; words become lists of words.

    Raises:
        InvalidParameter: A member is of another kind.
    """
    _check_members(body, _SHAPES)
    _check_members(body.get("HostConfig") or {}, _HOST_SHAPES)
    for key in ("Cmd", "Entrypoint"):
        if isinstance(body.get(key), str):
            body[key] = [body[key]]


def _check_members(
    given: dict[str, Any], shapes: dict[str, type | tuple[type, ...]]
) -> None:
    for key, shape in shapes.items():
        value = given.get(key)
        if value is None:
            continue
        if not isinstance(value, shape):
            msg = f"json: cannot unmarshal {json.dumps(value)[:40]} into {key}"
            raise InvalidParameter(msg)
        if (
            isinstance(value, list)
            and key in _TEXTS
            and not all(isinstance(each, str) for each in value)
        ):
            msg = f"json: {key} holds what is no text"
            raise InvalidParameter(msg)


def inspect(call: Call) -> Answered:
    """Show all of a container."""
    return of_json(found(call).inspect(size=call.flag("size")))


def changes(call: Call) -> Answered:
    """List what differs from the image."""
    return of_json([_change(each) for each in found(call).diff()] or None)


def _change(change: Change) -> dict[str, Any]:
    kind, _, path = str(change).partition(" ")
    return {"Path": path, "Kind": _KINDS[kind]}


def remove(call: Call) -> Answered:
    """Remove a container."""
    if call.flag("link"):
        msg = "links of the old kind are not supported"
        raise Conflict(msg)
    found(call).remove(v=call.flag("v"), force=call.flag("force"))
    return nothing()


def rename(call: Call) -> Answered:
    """Give a container another name."""
    found(call).rename(call.text("name"))
    return nothing()


def update(call: Call) -> Answered:
    """Change limits, which are noted, and the restart policy."""
    body = call.document(needed=True)
    with call.engine.verb():
        container = found(call)
        policy = body.get("RestartPolicy") or {}
        if policy.get("Name") and container.host_config.get("AutoRemove"):
            msg = "Restart policy cannot be updated because AutoRemove is enabled"
            text = f"Cannot update container {container.id}: {msg} for the container"
            raise Conflict(text)
        changed = {key: body[key] for key in _UPDATED if body.get(key)}
        if policy.get("Name"):
            changed["RestartPolicy"] = {
                "Name": policy["Name"],
                "MaximumRetryCount": policy.get("MaximumRetryCount") or 0,
            }
        container.host_config |= changed
        call.engine.events.container(container, "update")
    return of_json({"Warnings": None})


def prune(call: Call) -> Answered:
    """Remove all containers that do not run."""
    filters = call.filters()
    check(filters, PRUNE_FILTERS)
    engine = call.engine
    with engine.verb():
        done = engine.containers.prune(filters=filters)
        reclaimed = str(done["SpaceReclaimed"])
        engine.events.add("container", "prune", "", reclaimed=reclaimed)
    return of_json(done)


def commit(call: Call) -> Answered:
    """Make an image of a container."""
    body = call.document()
    container = call.engine.containers.get(call.text("container"))
    image = container.commit(
        call.text("repo") or None,
        call.text("tag"),
        message=call.text("comment"),
        author=call.text("author"),
        changes=[
            line for text in call.texts("changes") for line in text.split("\n") if line
        ],
        config={key: value for key, value in body.items() if value},
    )
    return of_json({"Id": image.id}, 201)


# --- what a container does at the moment -------------------------------------------


def top(call: Call) -> Answered:
    """List the processes."""
    container = found(call)
    with call.engine.verb():
        rows = container.processes()
        call.engine.events.container(container, "top")
    if "aux" in call.text("ps_args"):
        titles = ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START"]
        titles += ["TIME", "COMMAND"]
        shown = [
            [user, str(pid), "0.0", "0.0", "0", "0", "?", "S", "00:00", "0:00", line]
            for pid, user, line in rows
        ]
        return of_json({"Processes": shown, "Titles": titles})
    titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    shown = [
        [user, str(pid), "0", "0", "00:00", "?", "00:00:00", line]
        for pid, user, line in rows
    ]
    return of_json({"Processes": shown, "Titles": titles})


ROUTES: Final = (
    Route("GET", "/containers/json", list_containers, "list; all, filters, sizes"),
    Route("POST", "/containers/create", create, "create"),
    Route("POST", "/containers/prune", prune, "remove those that do not run"),
    Route("GET", "/containers/{name}/json", inspect, "inspect; size"),
    Route("GET", "/containers/{name}/changes", changes, "what differs from the image"),
    Route("GET", "/containers/{name}/top", top, "the processes"),
    Route("POST", "/containers/{name}/rename", rename, "rename"),
    Route("POST", "/containers/{name}/update", update, "limits (noted), restarts"),
    Route("DELETE", "/containers/{name}", remove, "remove; force, volumes"),
    Route("POST", "/commit", commit, "make an image"),
)
