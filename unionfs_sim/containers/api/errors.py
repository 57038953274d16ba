"""Errors as the API answers them: a status, and a message."""

from __future__ import annotations

import re
from typing import Final

from unionfs_sim.containers.api.call import Answer, of_json
from unionfs_sim.containers.errors import EngineError, NotImplemented_, NotModified
from unionfs_sim.errors import FormatError, SpecError, UnionFSError


class PageNotFound(EngineError):  # noqa: N818 - Docker's name
    """There is no such route (404)."""

    status = 404


class TooLarge(EngineError):  # noqa: N818 - likewise
    """The body is longer than this server takes (413)."""

    status = 413


#: Why nothing is pulled, pushed or searched for.
NO_REGISTRY: Final = (
    "this engine reaches no registry: bring images in by docker load, docker import or"
    " docker build"
)


#: What the recorded engine answers with 500, although the caller is to blame.
_BLAMED: Final = re.compile(
    r"invalid volume specification: |invalid mode: |extraction point is not a directory"
    r"|Container \w+ is not paused|container \w+ is not connected to network "
)


def refusal(message: str) -> EngineError:
    """Make the error of what this engine does not do."""
    return NotImplemented_(message)


def answer(error: Exception) -> Answer:
    """
    Give the answer that tells of an error.

    >>> from unionfs_sim.containers.errors import NotFound
    >>> answer(NotFound("No such container: web")).body
    b'{"message":"No such container: web"}\\n'
    """
    match error:
        case NotModified():
            return Answer(status=304)
        case EngineError():
            blamed = _BLAMED.match(error.message) is not None
            return of_json({"message": error.message}, 500 if blamed else error.status)
        case FormatError() | SpecError():
            return of_json({"message": str(error)}, 400)
        case UnionFSError():
            return of_json({"message": str(error)}, 500)
        case _:
            told = f"{type(error).__name__}: {error}"
            return of_json({"message": f"the simulator failed: {told}"}, 500)
