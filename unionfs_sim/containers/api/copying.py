"""Files in and out of containers, as tars: ``docker cp`` and ``docker export``."""

from __future__ import annotations

import base64
from typing import Any, Final

from unionfs_sim.containers.api.call import (
    TAR,
    Answer,
    Answered,
    Call,
    encoded,
    nothing,
    pieces,
)
from unionfs_sim.containers.api.containers import found
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.errors import InvalidParameter

_STATUS: Final = "X-Docker-Container-Path-Stat"


def _path(call: Call) -> str:
    path = call.text("path")
    if not path:
        msg = "bad parameter: pathcannot be empty"  # as the engine writes it
        raise InvalidParameter(msg)
    return path


def _header(status: dict[str, Any]) -> dict[str, str]:
    text = encoded(status).strip()
    return {_STATUS: base64.b64encode(text).decode()}


def status(call: Call) -> Answered:
    """Tell what is at a path, in a header."""
    return Answer(headers=_header(found(call).path_status(_path(call))))


def read(call: Call) -> Answered:
    """Give a tar of what is at a path."""
    data, shown = found(call).get_archive(_path(call))
    return Answer(body=pieces(data), kind=TAR, headers=_header(shown))


def write(call: Call) -> Answered:
    """Put what is in a tar into a directory."""
    found(call).put_archive(
        _path(call),
        call.body,
        keep_directories=call.flag("noOverwriteDirNonDir"),
    )
    return nothing(200)


def export(call: Call) -> Answered:
    """Give a tar of the whole tree."""
    container = found(call)
    data = container.export()
    call.engine.events.container(container, "export")
    return Answer(body=pieces(data), kind="application/octet-stream")


ROUTES: Final = (
    Route("HEAD", "/containers/{name}/archive", status, "what is at a path"),
    Route("GET", "/containers/{name}/archive", read, "copy out"),
    Route("PUT", "/containers/{name}/archive", write, "copy in", uploads=True),
    Route("GET", "/containers/{name}/export", export, "all files as a tar"),
)
