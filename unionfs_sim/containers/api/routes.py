"""All routes of the API, and the table that says what is covered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from unionfs_sim.containers.api import (
    attaching,
    builds,
    containers,
    copying,
    execs,
    images,
    lives,
    networks,
    stats,
    system,
    volumes,
)
from unionfs_sim.containers.api.routing import Route, Router

#: The routes by what they are about; what names a part of a path comes last.
GROUPS: Final[dict[str, tuple[Route, ...]]] = {
    "System": system.ROUTES,
    "Images": (*images.ROUTES, *builds.ROUTES),
    "Containers": (
        *containers.ROUTES,
        *lives.ROUTES,
        *attaching.ROUTES[:2],
        *copying.ROUTES,
        *stats.ROUTES,
    ),
    "Exec": (*execs.ROUTES, *attaching.ROUTES[2:]),
    "Volumes": volumes.ROUTES,
    "Networks": networks.ROUTES,
}

ROUTER: Final = Router(route for routes in GROUPS.values() for route in routes)


def coverage() -> Iterator[str]:
    """
    Give the lines of the table in the documentation: what is done, what is refused.

    >>> next(coverage())
    '### System'
    """
    for group, routes in GROUPS.items():
        yield f"### {group}"
        yield ""
        yield "| call | does | |"
        yield "| --- | --- | --- |"
        for route in routes:
            if route.pattern.startswith(system.SWARM):
                continue
            call = f"`{route.method} {route.pattern}`".replace("...", "")
            yield f"| {call} | {route.about} | {'refused' if route.refused else ''} |"
        yield ""
