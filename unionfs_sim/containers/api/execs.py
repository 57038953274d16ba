"""Commands in a container: made, shown; `attaching` starts them."""

from __future__ import annotations

from typing import Final

from unionfs_sim.containers.api.call import Answered, Call, nothing, of_json
from unionfs_sim.containers.api.containers import found
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.api.streams import detach_keys
from unionfs_sim.containers.errors import InvalidParameter


def create(call: Call) -> Answered:
    """Make a command that can be started."""
    body = call.document(needed=True)
    container = found(call)
    argv = body.get("Cmd")
    if not argv:
        msg = "No exec command specified"
        raise InvalidParameter(msg)
    if isinstance(argv, str):
        argv = [argv]
    if not isinstance(argv, list) or not all(isinstance(x, str) for x in argv):
        msg = "json: Cmd holds what is no text"
        raise InvalidParameter(msg)
    keys = str(body.get("DetachKeys") or "")
    detach_keys(keys)
    made = container.exec_create(
        argv,
        environment=body.get("Env") or (),
        user=str(body.get("User") or ""),
        workdir=body.get("WorkingDir") or None,
        stdin=bool(body.get("AttachStdin")),
        tty=bool(body.get("Tty")),
    )
    made.shows_stdout = bool(body.get("AttachStdout"))
    made.shows_stderr = bool(body.get("AttachStderr"))
    made.privileged = bool(body.get("Privileged"))
    made.detach_keys = keys
    return of_json({"Id": made.id}, 201)


def inspect(call: Call) -> Answered:
    """Show all of a command."""
    return of_json(call.engine.containers.exec_get(call.name).attrs())


def resize(call: Call) -> Answered:
    """Note the size of the terminal."""
    call.engine.containers.exec_get(call.name)
    call.number("h", 0)
    call.number("w", 0)
    return nothing(200)


ROUTES: Final = (
    Route("POST", "/containers/{name}/exec", create, "create"),
    Route("GET", "/exec/{name}/json", inspect, "inspect"),
    Route("POST", "/exec/{name}/resize", resize, "size of the terminal (noted)"),
)
