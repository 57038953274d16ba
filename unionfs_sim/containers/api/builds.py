"""Builds: a Dockerfile and its files, by the classic builder."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, Final

from unionfs_sim.containers.api.call import (
    JSON,
    Answer,
    Answered,
    Call,
    encoded,
    of_json,
    parse_json,
)
from unionfs_sim.containers.api.errors import refusal
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.buildcontext import dockerfile_in, open_context
from unionfs_sim.containers.dockerfile import check_target, parse
from unionfs_sim.containers.errors import (
    ContainerBuildError,
    EngineError,
    InvalidParameter,
)
from unionfs_sim.containers.images import reference
from unionfs_sim.errors import UnionFSError

_END: Final = None


def build(call: Call) -> Answered:
    """Build an image of a tar, and tell of each step as it is done."""
    if call.text("version") == "2":
        msg = "this engine has the classic builder alone: set DOCKER_BUILDKIT=0"
        raise refusal(msg)
    if call.text("remote") not in {"", "client-session"}:
        msg = "build of a remote context refused: nothing here reaches a network"
        raise refusal(msg)
    for tag in call.texts("t"):
        reference(tag)
    options: dict[str, Any] = {
        "tag": call.texts("t"),
        "buildargs": _mapping(call, "buildargs"),
        "target": call.text("target") or None,
        "nocache": call.flag("nocache"),
        "forcerm": call.flag("forcerm"),
    }
    labels = _mapping(call, "labels")
    context = open_context(call.body)
    text = dockerfile_in(context, call.text("dockerfile") or "Dockerfile")
    steps = parse(text)  # what makes no sense is an error, and no line of the story
    check_target(steps, options["target"])
    if all(step.name == "ARG" for step in steps) or steps[0].name not in {
        "ARG",
        "FROM",
    }:
        msg = "no build stage in current context"
        raise InvalidParameter(msg)
    if labels:
        pairs = " ".join(f'"{key}"="{value}"' for key, value in labels.items())
        text = f"{text.rstrip()}\nLABEL {pairs}\n"
    options["context"] = context
    return Answer(body=_told(call, text, options, quiet=call.flag("q")), kind=JSON)


def _mapping(call: Call, key: str) -> dict[str, str]:
    found = parse_json((call.text(key) or "{}").encode())
    if not isinstance(found, dict):
        msg = f"error reading {key}: {found!r} is no mapping"
        raise InvalidParameter(msg)
    return {name: "" if value is None else str(value) for name, value in found.items()}


def _told(
    call: Call, text: str, options: dict[str, Any], *, quiet: bool
) -> Iterator[bytes]:
    """Build in a thread of its own, so that each line is sent when it is said."""
    said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    kept: list[str] = []

    def tell(line: str) -> None:
        if quiet:
            kept.append(line)
        else:
            said.put({"stream": line})

    def complain(detail: dict[str, Any], message: str) -> None:
        for line in kept:  # all that was kept quiet
            said.put({"stream": line})
        said.put({"errorDetail": detail, "error": message})

    def work() -> None:
        try:
            image = call.engine.build(text, report=tell, **options)
            said.put(
                {"stream": f"{image.id}\n"} if quiet else {"aux": {"ID": image.id}}
            )
        except EngineError as error:
            detail: dict[str, Any] = {"message": error.message}
            if isinstance(error, ContainerBuildError):
                detail = {"code": error.code, **detail}
            complain(detail, error.message)
        except (UnionFSError, OSError, ValueError) as error:
            complain({"message": str(error)}, str(error))
        finally:
            said.put(_END)

    threading.Thread(target=work, name="unionfs-sim build", daemon=True).start()
    while (line := said.get()) is not _END:
        yield encoded(line)


def prune(_: Call) -> Answered:
    """Say that there is no cache of a builder to be pruned."""
    return of_json({"CachesDeleted": None, "SpaceReclaimed": 0})


ROUTES: Final = (
    Route(
        "POST", "/build", build,
        "build a tar: tags, arguments, labels, target, Dockerfile's name",
        uploads=True,
    ),
    Route("POST", "/build/prune", prune, "the cache: images are all there is"),
)  # fmt: skip
