"""Filters: which there are, those of ``docker ps``, and labels, as all of them have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from unionfs_sim.containers.durations import moment_ns
from unionfs_sim.containers.errors import InvalidParameter, System

if TYPE_CHECKING:
    from unionfs_sim.containers.container import Container

#: Those of ``docker ps``.
FILTERS: Final = frozenset(
    "ancestor before exited expose health id is-task label name network publish since"  # noqa: SIM905
    " status volume".split()
)

#: What a container can be.
STATUSES: Final = frozenset(
    {"created", "dead", "exited", "paused", "removing", "restarting", "running"}
)
#: Those of ``prune``, but for volumes and images.
PRUNE_FILTERS: Final = frozenset({"label", "label!", "until"})
#: Those of ``prune`` of images.
IMAGE_PRUNE_FILTERS: Final = PRUNE_FILTERS | {"dangling"}


def check(wanted: Iterable[str], known: frozenset[str]) -> None:
    """
    Refuse filters that there are not.

    Raises:
        InvalidParameter: There is no such filter.
    """
    for key in wanted:
        if key not in known:
            msg = f"Invalid filter '{key}'"
            raise InvalidParameter(msg)


def listed(filters: Mapping[str, Any] | None) -> dict[str, list[Any]]:
    """
    Give filters with a list of values each, where one value may stand alone.

    >>> listed({"name": "web", "exited": 0})
    {'name': ['web'], 'exited': [0]}
    """
    return {
        key: [values] if isinstance(values, str | int | bool) else list(values)
        for key, values in (filters or {}).items()
    }


def check_status(wanted: Mapping[str, Sequence[Any]]) -> None:
    """
    Refuse states that there are not [use-ps].

    Raises:
        InvalidParameter: There is no such state.
    """
    for value in wanted.get("status", ()):
        if value not in STATUSES:
            msg = f"Invalid filter 'status={value}'"
            raise InvalidParameter(msg)


def fits(container: Container, key: str, values: Sequence[Any]) -> bool:
    """Tell whether a container fits one filter: a key, and values one of which fits."""
    match key:
        case "name":
            return any(re.search(str(x), f"/{container.name}") for x in values)
        case "id":
            return any(container.id.startswith(str(x)) for x in values)
        case "status":
            return container.state.status in values
        case "before" | "since":
            others = [container.engine.containers.get(str(x)) for x in values]
            order = [each.id for each in container.engine.containers]
            places = [order.index(each.id) for each in others]
            mine = order.index(container.id)
            return all(mine < x if key == "before" else mine > x for x in places)
        case "publish" | "expose":
            published = _ports(container, bound=key == "publish")
            return any(str(x) in published or f"{x}/tcp" in published for x in values)
        case "is-task":
            return not any(str(x).lower() in {"true", "1"} for x in values)
        case "health":
            return "none" in values
        case "exited":
            ended = container.state.status == "exited"
            return ended and str(container.state.exit_code) in map(str, values)
        case "volume":
            held = {
                text
                for point in container.mount_points
                for text in (point.name, point.destination, point.source)
            }
            return any(x in held for x in values)
        case "label":
            return labelled(container.labels, values)
        case "ancestor":
            names = (*container.image.tags, container.image.id)
            return any(x in names or f"{x}:latest" in names for x in values)
        case _:
            return any(x in container.network_attrs() for x in values)


def _ports(container: Container, *, bound: bool) -> set[str]:
    """Give the ports that are published, or all that are exposed."""
    published = set(container.host_config.get("PortBindings") or {})
    if bound:
        return published
    return published | set(container.config.get("ExposedPorts") or {})


def labelled(labels: Mapping[str, str], wanted: Sequence[Any]) -> bool:
    """
    Tell whether labels hold all that are asked for, by name or as ``NAME=VALUE``.

    >>> labelled({"tier": "web"}, ["tier"]), labelled({"tier": "web"}, ["tier=db"])
    (True, False)
    """
    for text in map(str, wanted):
        name, equals, value = text.partition("=")
        if name not in labels or (equals and labels[name] != value):
            return False
    return True


def flag(wanted: Mapping[str, Sequence[Any]], key: str, *, default: bool) -> bool:
    """
    Read a filter that is true or false.

    Raises:
        InvalidParameter: It is neither.

    >>> flag({"dangling": ["0"]}, "dangling", default=True)
    False
    """
    values = [str(value).lower() for value in wanted.get(key, ())]
    if not values:
        return default
    if values in (["true"], ["1"]):
        return True
    if values in (["false"], ["0"]):
        return False
    msg = f"Invalid filter '{key}=[{' '.join(values)}]'"
    raise InvalidParameter(msg)


def until_ns(wanted: Mapping[str, Sequence[Any]], now_ns: int) -> int | None:
    """
    Give the moment of ``until`` of a ``prune``: what was made later stays.

    Raises:
        System: There are several, or it is no moment.

    >>> until_ns({"until": ["1m"]}, 90 * 10**9)
    30000000000
    """
    values = wanted.get("until") or ()
    if len(values) > 1:
        msg = "more than one until filter specified"
        raise System(msg)
    return moment_ns(str(values[0]), now_ns) if values else None


def prunable(labels: Mapping[str, str], wanted: Mapping[str, Sequence[Any]]) -> bool:
    """
    Tell whether ``label`` and ``label!`` of a ``prune`` let something go.

    >>> prunable({"tier": "web"}, {"label!": ["tier=db"]})
    True
    """
    kept = wanted.get("label!")
    return labelled(labels, wanted.get("label", ())) and not (
        kept and labelled(labels, kept)
    )
