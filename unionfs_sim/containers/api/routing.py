"""Routes: which calls there are, and what answers each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, final

import attrs

from unionfs_sim.containers.api.call import Handler

#: ``{name}`` is one part of a path; ``{name...}`` may hold slashes, as images do.
_NAME: Final = re.compile(r"\{(\w+)(\.\.\.)?\}")


@final
@attrs.frozen
class Route:
    """
    One kind of call.

    Attributes:
        method: The method.
        pattern: The path, parts that vary in braces.
        handler: What answers.
        about: What it does, in a few words; the coverage table says so.
        refused: Whether it is answered with an error always: it is known, not done.
        uploads: Whether its body may be as long as an archive.
    """

    method: str
    pattern: str
    handler: Handler = attrs.field(repr=False)
    about: str
    refused: bool = False
    uploads: bool = False


@final
class Router:
    """
    Finds the route of a call.

    >>> def handler(call): ...
    >>> routes = [Route("GET", "/images/{name...}/json", handler, "inspect")]
    >>> found = Router(routes).find("GET", "/images/library/busybox/json")
    >>> found[0].about, found[1]
    ('inspect', {'name': 'library/busybox'})
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[str, list[tuple[re.Pattern[str], Route]]] = {}
        for route in routes:
            rows = self._routes.setdefault(route.method, [])
            rows.append((re.compile(_expression(route.pattern)), route))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Give the route of a call and what its path names; ``None`` for no route."""
        for expression, route in self._routes.get(method, ()):
            match = expression.fullmatch(path)
            if match is not None:
                return route, match.groupdict()
        return None


def _expression(pattern: str) -> str:
    return "".join(_pieces(pattern))


def _pieces(pattern: str) -> Iterator[str]:
    at = 0
    for match in _NAME.finditer(pattern):
        yield re.escape(pattern[at : match.start()])
        yield f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})"
        at = match.end()
    yield re.escape(pattern[at:])
