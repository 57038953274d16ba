"""From a request line to an answer: versions, routes, errors."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, final
from urllib.parse import parse_qs, unquote

from unionfs_sim.containers.api import errors
from unionfs_sim.containers.api.call import Answered, Call
from unionfs_sim.containers.api.routes import ROUTER
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.api.system import API_VERSION, API_VERSION_MIN
from unionfs_sim.containers.errors import EngineError, InvalidParameter
from unionfs_sim.containers.images import DOCKER_VERSION

_VERSIONED: Final = re.compile(r"/v(\d{1,3}(?:\.\d{1,3})+)(/.*)?")

#: Headers of every answer.
HEADERS: Final = (
    ("Api-Version", API_VERSION),
    ("Docker-Experimental", "false"),
    ("Ostype", "linux"),
    ("Server", f"Docker/{DOCKER_VERSION} (linux)"),
)


@final
class Target(NamedTuple):
    """
    What a request line asks for.

    Attributes:
        route: The route.
        path: The path, without the version.
        names: The parts of the path that the route names.
        query: The parameters.
    """

    route: Route
    path: str
    names: dict[str, str]
    query: dict[str, list[str]]


def target(method: str, text: str) -> Target:
    """
    Find what a request line asks for.

    Raises:
        PageNotFound: There is no such route.
        InvalidParameter: The version is none that is spoken here.

    >>> target("GET", "/v1.30/containers/web%2F1/json?size=1")[1:]
    ('/containers/web/1/json', {'name': 'web/1'}, {'size': ['1']})
    """
    raw, _, query = text.partition("?")
    match = _VERSIONED.fullmatch(raw)
    if match is not None:
        _check_version(match[1])
        raw = match[2] or "/"
    found = ROUTER.find(method, raw)
    if found is None:
        msg = "page not found"
        raise errors.PageNotFound(msg)
    route, names = found
    names = {key: _text(value) for key, value in names.items()}
    given = parse_qs(
        query, keep_blank_values=True, encoding="utf-8", errors="surrogateescape"
    )
    return Target(route, _text(raw), names, given)


def _text(quoted: str) -> str:
    return unquote(quoted, errors="surrogateescape")


def _check_version(text: str) -> None:
    asked = _numbers(text)
    if asked > _numbers(API_VERSION):
        msg = (
            f"client version {text} is too new. Maximum supported API version is"
            f" {API_VERSION}"
        )
        raise InvalidParameter(msg)
    if asked < _numbers(API_VERSION_MIN):
        msg = (
            f"client version {text} is too old. Minimum supported API version is"
            f" {API_VERSION_MIN}, please upgrade your client to a newer version"
        )
        raise InvalidParameter(msg)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def answer(route: Route, call: Call) -> Answered:
    """Answer a call; an error is an answer too."""
    try:
        return route.handler(call)
    except EngineError as error:
        return errors.answer(_as_called(call, error))
    except Exception as error:  # whatever it is, the server goes on
        return errors.answer(error)


def _as_called(call: Call, error: EngineError) -> EngineError:
    """Call a container in an error as the caller did: by its name, or by its id."""
    if not call.path.startswith("/containers/") or "name" not in call.names:
        return error
    try:
        name = call.engine.containers.get(call.name).name
    except EngineError:
        return error
    pattern = rf"(?i)(\bcontainer:? ){re.escape(name)}(?![\w.-])"
    told = re.sub(pattern, lambda match: match[1] + call.name, error.message)
    if told != error.message:
        error.args = (told, *error.args[1:])
    return error
