"""What ties the namespace of a container to a network."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import final

import attrs

from unionfs_sim.containers.sockets import Namespace


@final
@attrs.define
class Endpoint:
    """
    What ties a namespace to a network.

    Attributes:
        id: Its id.
        address: Its address; ``None`` on networks without any.
        mac: Its hardware address.
        namespace: Whose it is.
        container: The id of the container.
        name: The container's name.
        aliases: Further names on this network.
    """

    id: str
    address: IPv4Address | None
    mac: str
    namespace: Namespace
    container: str
    name: str
    aliases: tuple[str, ...] = ()
