"""Things as lists show them: fewer keys than inspecting gives, and other ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from unionfs_sim.containers.container import Container
from unionfs_sim.containers.images import Image
from unionfs_sim.image.names import canonical

_NOTHING = "<none>"


def unix_seconds(text: str) -> int:
    """
    Give a time of an image as seconds since the epoch.

    >>> unix_seconds("2001-09-09T01:46:40.5Z"), unix_seconds("")
    (1000000000, 0)
    """
    try:
        whole = text.partition(".")[0].removesuffix("Z")
        return int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    except ValueError:
        return 0


def image(found: Image) -> dict[str, Any]:
    """Give an image as ``docker images`` needs it."""
    return {
        "Containers": -1,
        "Created": unix_seconds(str(found.document.get("created", ""))),
        "Id": found.id,
        "Labels": found.labels or None,
        "ParentId": found.parent,
        "RepoDigests": None if found.tags else [f"{_NOTHING}@{_NOTHING}"],
        "RepoTags": found.tags or [f"{_NOTHING}:{_NOTHING}"],
        "SharedSize": -1,
        "Size": found.size,
        "VirtualSize": found.size,
    }


def command(argv: list[str]) -> str:
    """
    Give a command as ``docker ps`` shows it.

    >>> command(["sh", "-c", "echo hi"])
    "sh -c 'echo hi'"
    """
    return " ".join([*argv[:1], *(f"'{x}'" if " " in x else x for x in argv[1:])])


def ports(container: Container) -> list[dict[str, Any]]:
    """Give the ports of a container, where they are published if they are."""
    made: list[dict[str, Any]] = []
    for port, where in container.ports().items():
        number, _, protocol = port.partition("/")
        shown = {"PrivatePort": int(number), "Type": protocol or "tcp"}
        if not where:
            made.append(shown)
        made += [
            {"IP": each["HostIp"], "PrivatePort": int(number)}
            | ({"PublicPort": int(each["HostPort"])} if each["HostPort"] else {})
            | {"Type": protocol or "tcp"}
            for each in where or ()
        ]
    return made


def container(found: Container, *, size: bool = False) -> dict[str, Any]:
    """Give a container as ``docker ps`` needs it, with sizes if they are wanted."""
    shown: dict[str, Any] = {
        "Id": found.id,
        "Names": [f"/{found.name}"],
        "Image": _image_name(found),
        "ImageID": found.image.id,
        "Command": command(found.argv),
        "Created": found.created_ns // 1_000_000_000,
        "Ports": ports(found),
    }
    if size:
        written = found.size_rw
        if written:
            shown["SizeRw"] = written
        shown["SizeRootFs"] = written + found.image.size
    return shown | {
        "Labels": found.labels,
        "State": found.state.status,
        "Status": found.state.shown(found.engine.clock()),
        "HostConfig": {"NetworkMode": found.network_mode},
        "NetworkSettings": {
            "Networks": {
                name: settings | {"Aliases": None}
                for name, settings in found.network_attrs().items()
            }
        },
        "Mounts": [point.attrs() for point in found.mount_points],
    }


def _image_name(found: Container) -> str:
    """Give the name that the image was asked for by, while it is the image's."""
    given = str(found.config.get("Image") or "")
    store = found.engine.images
    full = canonical(given)
    if store.names.get(full, found.image.id) != found.image.id:
        return found.image.id
    return given
