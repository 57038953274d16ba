"""The engine itself: ping, version, info, what takes up space, events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from unionfs_sim.containers.api import summaries
from unionfs_sim.containers.api.call import (
    JSON,
    Answer,
    Answered,
    Call,
    encoded,
    of_json,
)
from unionfs_sim.containers.api.errors import NO_REGISTRY, refusal
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.errors import InvalidParameter, Unavailable
from unionfs_sim.containers.events import Event
from unionfs_sim.containers.filters import labelled
from unionfs_sim.containers.images import DOCKER_VERSION, layer_size
from unionfs_sim.containers.states import timestamp

API_VERSION: Final = "1.41"
API_VERSION_MIN: Final = "1.24"
KERNEL: Final = "6.18.0"

_BUILT: Final = "2023-05-07T21:09:36.000000000+00:00"
_SECOND_NS: Final = 1_000_000_000
_MEMORY_BYTES: Final = 2 << 30
_NO_SWARM: Final = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join"'
    " to connect this node to swarm and try again."
)


def ping(call: Call) -> Answered:
    """Say that it is here, which API it speaks, and which builder it has."""
    headers = {
        "Builder-Version": "1",
        "Cache-Control": "no-cache, no-store, must-revalidate",
        "Pragma": "no-cache",
    }
    body = b"" if call.method == "HEAD" else b"OK"
    return Answer(body=body, kind="text/plain; charset=utf-8", headers=headers)


def version(_: Call) -> Answered:
    """Give versions: those of the engine that was recorded."""
    details = {
        "ApiVersion": API_VERSION,
        "Arch": "amd64",
        "BuildTime": _BUILT,
        "Experimental": "false",
        "GitCommit": "unionfs_sim",
        "GoVersion": "none",
        "KernelVersion": KERNEL,
        "MinAPIVersion": API_VERSION_MIN,
        "Os": "linux",
    }
    engine = {"Name": "Engine", "Version": DOCKER_VERSION, "Details": details}
    return of_json(
        {
            "Platform": {"Name": "unionfs_sim, a simulated engine"},
            "Components": [engine],
            "Version": DOCKER_VERSION,
            "ApiVersion": API_VERSION,
            "MinAPIVersion": API_VERSION_MIN,
            "GitCommit": "unionfs_sim",
            "GoVersion": "none",
            "Os": "linux",
            "Arch": "amd64",
            "KernelVersion": KERNEL,
            "BuildTime": _BUILT,
        }
    )


def info(call: Call) -> Answered:
    """Tell of the engine: what it holds, and what it can."""
    engine = call.engine
    with engine.lock:
        states = [each.state.status for each in engine.containers]
        images = len(engine.images.identifiers())
    return of_json(
        {
            "ID": "SIMU:LATE:DENG:INEO:FUNI:ONFS",
            "Containers": len(states),
            "ContainersRunning": states.count("running"),
            "ContainersPaused": states.count("paused"),
            "ContainersStopped": states.count("exited") + states.count("created"),
            "Images": images,
            **_ABILITIES,
            "SystemTime": timestamp(engine.clock()),
            "Name": engine.host.name,
        }
    )


_ABILITIES: Final[dict[str, Any]] = {
    "Driver": "overlay2",
    "DriverStatus": [
        ["Backing Filesystem", "extfs"],
        ["Supports d_type", "true"],
        ["Native Overlay Diff", "true"],
        ["userxattr", "false"],
    ],
    "Plugins": {
        "Volume": ["local"],
        "Network": ["bridge", "host", "null"],
        "Authorization": None,
        "Log": ["json-file"],
    },
    "MemoryLimit": False,
    "SwapLimit": False,
    "KernelMemory": False,
    "CpuCfsPeriod": False,
    "CpuCfsQuota": False,
    "CPUShares": False,
    "CPUSet": False,
    "PidsLimit": False,
    "IPv4Forwarding": True,
    "BridgeNfIptables": True,
    "BridgeNfIp6tables": True,
    "Debug": False,
    "NFd": 0,
    "OomKillDisable": False,
    "NGoroutines": 0,
    "LoggingDriver": "json-file",
    "CgroupDriver": "none",
    "CgroupVersion": "1",
    "NEventsListener": 0,
    "KernelVersion": KERNEL,
    "OperatingSystem": "unionfs_sim",
    "OSVersion": "",
    "OSType": "linux",
    "Architecture": "x86_64",
    "IndexServerAddress": "https://index.docker.io/v1/",
    "RegistryConfig": {
        "AllowNondistributableArtifactsCIDRs": [],
        "AllowNondistributableArtifactsHostnames": [],
        "InsecureRegistryCIDRs": [],
        "IndexConfigs": {},
        "Mirrors": [],
    },
    "NCPU": 1,
    "MemTotal": _MEMORY_BYTES,
    "GenericResources": None,
    "DockerRootDir": "/var/lib/docker",
    "HttpProxy": "",
    "HttpsProxy": "",
    "NoProxy": "",
    "Labels": [],
    "ExperimentalBuild": False,
    "ServerVersion": DOCKER_VERSION,
    "Runtimes": {"runc": {"path": "runc"}},
    "DefaultRuntime": "runc",
    "Swarm": {
        "NodeID": "",
        "NodeAddr": "",
        "LocalNodeState": "inactive",
        "ControlAvailable": False,
        "Error": "",
        "RemoteManagers": None,
    },
    "LiveRestoreEnabled": False,
    "Isolation": "",
    "InitBinary": "docker-init",
    "ContainerdCommit": {"ID": "", "Expected": ""},
    "RuncCommit": {"ID": "", "Expected": ""},
    "InitCommit": {"ID": "", "Expected": ""},
    "SecurityOptions": ["name=seccomp,profile=default"],
    "Warnings": None,
}


def disk_usage(call: Call) -> Answered:
    """Tell what takes up space: layers, images, containers, volumes."""
    engine = call.engine
    with engine.lock:
        used = [each.image.id for each in engine.containers]
        images = [
            summaries.image(each) | {"Containers": used.count(each.id), "SharedSize": 0}
            for each in engine.images.list()
        ]
        volumes = [
            each.attrs()
            | {
                "UsageData": {
                    "RefCount": len(each.users),
                    "Size": 0 if each.special else each.size_bytes,
                }
            }
            for each in engine.volumes
        ]
        return of_json(
            {
                "LayersSize": sum(
                    map(layer_size, engine.images.directories().values())
                ),
                "Images": images,
                "Containers": [
                    summaries.container(each, size=True)
                    for each in engine.containers.list(all=True)
                ],
                "Volumes": volumes,
                "BuildCache": None,
                "BuilderSize": 0,
            }
        )


# --- events ------------------------------------------------------------------------


def events(call: Call) -> Answered:
    """Tell what happens, as it does, from a time on and until one."""
    wanted = call.filters()
    since_ns, until_ns = _time_ns(call, "since"), _time_ns(call, "until")
    return Answer(body=_told(call, wanted, since_ns, until_ns), kind=JSON)


def _told(
    call: Call,
    wanted: dict[str, list[str]],
    since_ns: int | None,
    until_ns: int | None,
) -> Iterator[bytes]:
    source, clock = call.engine.events, call.engine.clock
    at = source.count if since_ns is None else 0
    yield b""  # the head of the answer, so that the client knows that it listens

    def over() -> bool:
        return until_ns is not None and clock() >= until_ns

    while True:
        with call.engine.lock:
            number, found = source.count, list(source.after(at))
        at = number
        for event in found:
            late = until_ns is not None and event.when_ns > until_ns
            if not late and event.when_ns >= (since_ns or 0) and fits(event, wanted):
                yield encoded(event.attrs())
        if over():
            return
        if not _something(call, at, over):
            return


def _something(call: Call, at: int, over: Any) -> bool:  # noqa: ANN401
    """Wait for an event or the end; nobody's listening makes no time pass."""
    engine = call.engine
    while not call.wire.gone():
        with engine.lock:
            if engine.events.count > at or over():
                return True
            engine.changed.wait(0.5)
            if engine.events.count > at or over():
                return True
    return False


def _time_ns(call: Call, key: str) -> int | None:
    text = call.text(key)
    if not text:
        return None
    try:
        seconds, _, rest = text.partition(".")
        return int(seconds) * _SECOND_NS + int((rest or "0").ljust(9, "0")[:9])
    except ValueError as error:
        msg = f"invalid {key}: {text!r} is no time in seconds"
        raise InvalidParameter(msg) from error


#: What a filter of the name looks at, for those that name things of one kind.
_KINDS: Final = ("container", "image", "volume", "network", "daemon", "plugin")


def fits(event: Event, wanted: dict[str, list[str]]) -> bool:
    """
    Tell whether an event fits all filters: one value of each.

    >>> event = Event("volume", "create", "web", {"driver": "local"}, 0)
    >>> fits(event, {"type": ["volume"], "event": ["create", "destroy"]})
    True
    """
    for key, values in wanted.items():
        given = event.attributes
        if key == "type":
            good = event.kind in values
        elif key == "event":
            good = event.action in values or event.action.split(":")[0] in values
        elif key == "label":
            good = labelled(given, values)
        elif key == "scope":
            good = "local" in values
        elif key in _KINDS:
            name = given.get("name", "")
            good = event.kind == key and any(
                value in {event.actor, name, name.rpartition(":")[0]}
                or (len(value) >= 3 and event.actor.startswith(value))
                for value in values
            )
            if key == "image" and event.kind == "container":
                good = given.get("image", "") in values
        else:
            msg = f"Invalid filter '{key}'"
            raise InvalidParameter(msg)
        if not good:
            return False
    return True


# --- what this engine has not ------------------------------------------------------


def no_swarm(_: Call) -> Answered:
    """Say that there is no swarm."""
    raise Unavailable(_NO_SWARM)


def no_registry(_: Call) -> Answered:
    """Say that there is no registry."""
    raise refusal(NO_REGISTRY)


def no_buildkit(_: Call) -> Answered:
    """Say that there is no BuildKit."""
    msg = "this engine has the classic builder alone: set DOCKER_BUILDKIT=0"
    raise refusal(msg)


def no_plugins(_: Call) -> Answered:
    """List the plugins: none."""
    return of_json([])


_NOUNS: Final = ("swarm", "nodes", "services", "tasks", "secrets", "configs")

#: What belongs to a swarm, which there is none of.
SWARM: Final = tuple(f"/{noun}" for noun in _NOUNS)

ROUTES: Final = (
    Route("GET", "/_ping", ping, "whether it is there"),
    Route("HEAD", "/_ping", ping, "likewise"),
    Route("GET", "/version", version, "versions"),
    Route("GET", "/info", info, "what the engine holds and can"),
    Route("GET", "/system/df", disk_usage, "what takes up space"),
    Route("GET", "/events", events, "what happens, as it does; filters, since, until"),
    Route("GET", "/plugins", no_plugins, "the plugins: there are none"),
    Route("POST", "/auth", no_registry, "log in to a registry", refused=True),
    Route(
        "GET", "/distribution/{name...}/json", no_registry, "ask a registry",
        refused=True,
    ),
    Route("POST", "/session", no_buildkit, "BuildKit", refused=True),
    Route("POST", "/grpc", no_buildkit, "BuildKit", refused=True),
    *(
        Route(method, f"{noun}{rest}", no_swarm, "swarm", refused=True)
        for noun in SWARM
        for method in ("GET", "POST", "DELETE")
        for rest in ("", "/{name...}")
    ),
)  # fmt: skip
