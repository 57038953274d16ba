"""The filters of ``docker ps``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from unionfs_sim.containers.container import Container
from unionfs_sim.containers.errors import InvalidParameter


def fits(container: Container, key: str, values: Sequence[Any]) -> bool:
    """
    Tell whether a container fits one filter: a key, and values one of which fits.

    Raises:
        InvalidParameter: There is no such filter.
    """
    match key:
        case "name":
            return any(re.search(str(x), f"/{container.name}") for x in values)
        case "id":
            return any(container.id.startswith(str(x)) for x in values)
        case "status":
            return container.state.status in values
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
            labels = container.labels
            return all(
                labels.get(str(x).partition("=")[0]) is not None
                and ("=" not in x or labels[x.partition("=")[0]] == x.partition("=")[2])
                for x in values
            )
        case "ancestor":
            names = (*container.image.tags, container.image.id)
            return any(x in names or f"{x}:latest" in names for x in values)
        case "network":
            return any(x in container.network_attrs() for x in values)
        case _:
            msg = f"invalid filter '{key}'"
            raise InvalidParameter(msg)
