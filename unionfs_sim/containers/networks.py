"""
Networks of an engine: bridge, host, none, and those that users make.

Addresses are taken when a container starts, the lowest free one first, and given back
when it stops.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from types import MappingProxyType
from typing import Any, Final, Protocol, final

from unionfs_sim.containers.addressing import Pool, mac_of, parse_network
from unionfs_sim.containers.durations import moment_ns
from unionfs_sim.containers.endpoints import Endpoint
from unionfs_sim.containers.errors import (
    Conflict,
    Forbidden,
    InvalidParameter,
    NotFound,
    System,
)
from unionfs_sim.containers.ids import Ids
from unionfs_sim.containers.instructions import sorted_map
from unionfs_sim.containers.ipam import AddressRequest, pool_of
from unionfs_sim.containers.sockets import Interface, Namespace

PREDEFINED: Final = ("bridge", "host", "none")

#: The subnets of networks that nobody gave one, in Docker's order.
_POOLS: Final = (
    *(f"172.{number}.0.0/16" for number in range(17, 32)),
    *(f"192.168.{number}.0/20" for number in range(0, 256, 16)),
)

_NO_SWARM: Final = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join"'
    " to connect this node to swarm and try again."
)

_BRIDGE_OPTIONS: Final = {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": "true",
    "com.docker.network.bridge.enable_ip_masquerade": "true",
    "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",  # noqa: S104 - recorded
    "com.docker.network.bridge.name": "docker0",
    "com.docker.network.driver.mtu": "1500",
}


class Joining(Protocol):
    """A container, as far as networks know it."""

    def connect(
        self, network: Network, *, wanted: str | None, aliases: Sequence[str]
    ) -> None:
        """Tie it to a network."""
        ...  # pragma: no cover

    def disconnect(self, network: Network) -> None:
        """Untie it from a network."""
        ...  # pragma: no cover


def _nowhere(_address: IPv4Address) -> Namespace | None:
    """Find no host: there is none."""
    return None


_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})


@final
class Network:
    """
    One network.

    Attributes:
        id: Its id.
        name: Its name.
        driver: ``bridge``, ``host`` or ``null``.
        endpoints: What is tied to it now, by the container's id.
        internal: Whether it leads nowhere else.
    """

    def __init__(
        self,
        identifier: str,
        name: str,
        *,
        driver: str,
        created: str,
        pool: Pool | None = None,
        ipam: list[dict[str, Any]] | None = None,
        ipam_options: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        internal: bool = False,
        store: NetworkStore | None = None,
    ) -> None:
        self.id = identifier
        self.name = name
        self.driver = driver
        self.pool = pool
        self.endpoints: dict[str, Endpoint] = {}
        self.labels = dict(labels or {})
        self._created = created
        self._ipam = ipam or []
        self._ipam_options = None if ipam_options is None else sorted_map(ipam_options)
        self._options = dict(options or {})
        self.internal = internal
        self._store = store

    @property
    def created_ns(self) -> int:
        """When it was made."""
        return moment_ns(self._created, 0)

    @property
    def short_id(self) -> str:
        """The first digits of the id."""
        return self.id[:12]

    @property
    def user_defined(self) -> bool:
        """Whether somebody made it, so that names are answered on it."""
        return self.name not in PREDEFINED

    @property
    def attrs(self) -> dict[str, Any]:
        """What ``docker network inspect`` shows."""
        prefix = self.pool.subnet.prefixlen if self.pool else 0
        return {
            "Name": self.name,
            "Id": self.id,
            "Created": self._created,
            "Scope": "local",
            "Driver": self.driver,
            "EnableIPv6": False,
            "IPAM": {
                "Driver": "default",
                "Options": self._ipam_options,
                "Config": [dict(each) for each in self._ipam],
            },
            "Internal": self.internal,
            "Attachable": False,
            "Ingress": False,
            "ConfigFrom": {"Network": ""},
            "ConfigOnly": False,
            "Containers": {
                each.container: {
                    "Name": each.name,
                    "EndpointID": each.id,
                    "MacAddress": each.mac,
                    "IPv4Address": f"{each.address}/{prefix}" if each.address else "",
                    "IPv6Address": "",
                }
                for each in self.endpoints.values()
            },
            "Options": sorted_map(self._options),
            "Labels": sorted_map(self.labels),
        }

    def attach(
        self,
        endpoint_id: str,
        namespace: Namespace,
        *,
        container: str,
        name: str,
        wanted: str | None = None,
        mac: str | None = None,
        aliases: tuple[str, ...] = (),
        indexes: Iterator[int],
    ) -> Endpoint:
        """
        Tie a namespace to the network: an address, a MAC, an interface.

        Raises:
            InvalidParameter: The wanted address is not in the subnet.
            System: It is taken, or there is none left.
        """
        address: IPv4Address | None = None
        if self.pool is not None:
            try:
                # The default bridge takes no wishes and says nothing about them.
                address = self.pool.take(wanted if self.user_defined else None)
            except System as error:
                if wanted is None:
                    msg = f"{error}: {self.name} ({self.id})"
                    raise System(msg) from error
                raise
            number = sum(1 for each in namespace.interfaces if each != "lo")
            mac = mac or mac_of(address)
            prefix = self.pool.subnet.prefixlen
            index = next(indexes)
            interface = Interface(
                f"eth{number}",
                index,
                IPv4Interface(f"{address}/{prefix}"),
                mac,
                next(indexes),
            )
            namespace.interfaces[interface.name] = interface
        endpoint = Endpoint(
            endpoint_id, address, mac or "", namespace, container, name, aliases
        )
        self.endpoints[container] = endpoint
        return endpoint

    def detach(self, container: str) -> None:
        """Untie a container, and take its address back."""
        endpoint = self.endpoints.pop(container, None)
        if endpoint is None:
            return
        if endpoint.address is not None and self.pool is not None:
            self.pool.give_back(endpoint.address)
        interfaces = endpoint.namespace.interfaces
        for key, each in list(interfaces.items()):
            if each.address is not None and each.address.ip == endpoint.address:
                del interfaces[key]

    def record(self) -> dict[str, Any]:
        """Give what a state must keep of it: all but who is tied to it."""
        return {
            "id": self.id,
            "name": self.name,
            "driver": self.driver,
            "created": self._created,
            "ipam": self._ipam,
            "ipam_options": self._ipam_options,
            "options": self._options,
            "labels": self.labels,
            "internal": self.internal,
        }

    def connect(
        self,
        container: Joining,
        *,
        ipv4_address: str | None = None,
        aliases: Sequence[str] = (),
    ) -> None:
        """
        Tie a container to the network, at once if it runs.

        Args:
            container: The container.
            ipv4_address: The address that it wants.
            aliases: Further names for it here.

        Raises:
            Forbidden: It is tied to it already, or shares another one's network.
        """
        container.connect(self, wanted=ipv4_address, aliases=aliases)

    def disconnect(self, container: Joining) -> None:
        """
        Untie a container.

        Raises:
            Forbidden: It is not tied to the network.
        """
        container.disconnect(self)

    def remove(self) -> None:
        """
        Remove the network.

        Raises:
            Forbidden: It is predefined, or a running container is tied to it.
        """
        assert self._store is not None, "every network comes from a store"
        self._store.remove(self.id)

    def __repr__(self) -> str:
        """Show the id, as the Docker SDK does."""
        return f"<Network: {self.short_id}>"


@final
class NetworkStore:
    """
    The networks of an engine.

    Attributes:
        host: The network of the host, which reaches all containers on bridges, and
            which they reach at the address of their gateway.

    >>> from unionfs_sim.containers.ids import CountedIds
    >>> networks = NetworkStore(CountedIds(), lambda: "2001-09-09T01:46:40Z")
    >>> network = networks.create("linuxea0", subnet="172.25.100.0/24")
    >>> network.attrs["IPAM"]["Config"]
    [{'Subnet': '172.25.100.0/24'}]
    >>> [each.name for each in networks.list()]
    ['bridge', 'host', 'none', 'linuxea0']
    """

    def __init__(
        self,
        ids: Ids,
        now: Callable[[], str],
        outside: Callable[[IPv4Address], Namespace | None] = _nowhere,
    ) -> None:
        """
        Make the networks that every engine has.

        Args:
            ids: Where ids come from.
            now: Tells the time.
            outside: Finds the host with an address, for what leaves the bridges.
        """
        self._ids = ids
        self._now = now
        self._outside = outside
        self.host: Namespace | None = None
        self._networks: dict[str, Network] = {}
        self.indexes: Iterator[int] = itertools.count(2)
        self._next_pool = 0
        bridge = parse_network(_POOLS[0])
        self._add(
            "bridge",
            driver="bridge",
            pool=Pool(bridge),
            ipam=[{"Subnet": str(bridge), "Gateway": str(bridge[1])}],
            options=_BRIDGE_OPTIONS,
        )
        self._add("host", driver="host")
        self._add("none", driver="null")

    def _add(
        self,
        name: str,
        *,
        driver: str,
        pool: Pool | None = None,
        ipam: list[dict[str, Any]] | None = None,
        ipam_options: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        internal: bool = False,
    ) -> Network:
        network = Network(
            self._ids(),
            name,
            driver=driver,
            created=self._now(),
            pool=pool,
            ipam=ipam,
            ipam_options=ipam_options,
            options=options,
            labels=labels,
            internal=internal,
            store=self,
        )
        self._networks[network.id] = network
        return network

    def create(
        self,
        name: str,
        *,
        driver: str = "bridge",
        subnet: str | None = None,
        gateway: str | None = None,
        ip_range: str | None = None,
        internal: bool = False,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        ipam_driver: str = "default",
        ipam_options: Mapping[str, str] | None = _NO_OPTIONS,
        aux_addresses: Mapping[str, str] | None = None,
    ) -> Network:
        """
        Make a network.

        Args:
            name: Its name.
            driver: ``bridge``; there is no other that one can make.
            subnet: Its addresses; the next of Docker's pools that is free by default.
            gateway: The address of the bridge; the first one by default.
            ip_range: The part of the subnet that addresses are given out of.
            internal: Noted, and shown.
            labels: What else to note.
            options: Of the driver; noted, and shown.
            ipam_driver: What gives out addresses: ``default``.
            ipam_options: Of that, noted and shown; ``None`` is shown as ``null``, as
                when the API is told nothing.
            aux_addresses: Addresses that nobody gets, by what they are for.

        Raises:
            Conflict: There is one of that name.
            Forbidden: It overlaps with another one, or the driver has its only one.
            InvalidParameter: The name is empty.
            NotFound: There is no such driver.
            System: An address makes no sense, or the driver needs a swarm.
        """
        if name in PREDEFINED:
            msg = f"operation is not permitted on predefined {name} network"
            raise Forbidden(msg)
        if any(each.name == name for each in self._networks.values()):
            msg = f"network with name {name} already exists"
            raise Conflict(msg)
        if not name.strip():
            msg = "invalid name: name is empty"
            raise InvalidParameter(msg)
        if driver in {"host", "null"}:
            msg = f'only one instance of "{driver}" network is allowed'
            raise Forbidden(msg)
        if driver == "overlay":
            raise System(_NO_SWARM)
        if driver != "bridge":
            msg = f'plugin "{driver}" not found'
            raise NotFound(msg)
        request = AddressRequest(
            subnet, gateway, ip_range, aux_addresses or {}, ipam_driver
        )
        pool = request.pool(name, self._find_subnet)
        return self._add(
            name,
            driver=driver,
            pool=pool,
            ipam=[request.config(pool)],
            ipam_options=ipam_options,
            options=options,
            labels=labels,
            internal=internal,
        )

    def _overlaps(self, subnet: IPv4Network) -> bool:
        return any(
            each.pool is not None and each.pool.subnet.overlaps(subnet)
            for each in self._networks.values()
        )

    def _find_subnet(self, wanted: IPv4Network | None) -> IPv4Network:
        """Give a subnet if it is free; for none the next of Docker's pools that is."""
        if wanted is not None:
            if self._overlaps(wanted):
                msg = "Pool overlaps with other one on this address space"
                raise Forbidden(msg)
            return wanted
        for number in range(len(_POOLS)):
            # What was given out last and is free again is not given out next.
            place = (self._next_pool + number) % len(_POOLS)
            subnet = parse_network(_POOLS[place])
            if not self._overlaps(subnet):
                self._next_pool = place + 1
                return subnet
        msg = (
            "could not find an available, non-overlapping IPv4 address pool among the"
            " defaults to assign to the network"
        )
        raise System(msg)

    def get(self, name: str) -> Network:
        """
        Find a network by its name, its id, or the start of its id.

        Raises:
            NotFound: There is none, or several ids start so.
        """
        found = self._networks.get(name)
        if found is not None:
            return found
        for each in self._networks.values():
            if each.name == name:
                return each
        starting = [key for key in self._networks if name and key.startswith(name)]
        if len(starting) == 1:
            return self._networks[starting[0]]
        msg = f"network {name} not found"
        raise NotFound(msg)

    def list(self) -> list[Network]:
        """List the networks, in the order in which they were made."""
        return list(self._networks.values())

    def remove(self, name: str) -> None:
        """
        Remove a network; containers that have stopped do not keep it.

        Raises:
            Forbidden: It is predefined, or a running container is tied to it.
            NotFound: There is none.
        """
        network = self.get(name)
        if not network.user_defined:
            msg = f"{network.name} is a pre-defined network and cannot be removed"
            raise Forbidden(msg)
        if network.endpoints:
            msg = (
                f"error while removing network: network {network.name} id"
                f" {network.id} has active endpoints"
            )
            raise Forbidden(msg)
        del self._networks[network.id]

    def prune(self, wanted: Callable[[Network], bool] | None = None) -> dict[str, Any]:
        """
        Remove all user networks without a running container, and name them.

        Args:
            wanted: Tells which of them; all by default.
        """
        unused = [
            each
            for each in self._networks.values()
            if each.user_defined
            and not each.endpoints
            and (wanted is None or wanted(each))
        ]
        for each in unused:
            del self._networks[each.id]
        return {"NetworksDeleted": [each.name for each in unused] or None}

    def restore(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Have just the networks of `Network.record`, nobody tied to them."""
        self._networks = {}
        for record in records:
            given = dict(record)
            given.pop("number", None)
            identifier, name = given.pop("id"), given.pop("name")
            pool = pool_of(given["ipam"][0]) if given["ipam"] else None
            network = Network(identifier, name, pool=pool, store=self, **given)
            self._networks[identifier] = network

    # --- how packets find their way -------------------------------------------

    def route(self, namespace: Namespace, address: IPv4Address) -> Namespace | None:
        """Find the namespace with an address: on a shared network, or a host."""
        inside = namespace is not self.host
        shared = [*self._shared(namespace)] if inside else self.list()
        for network in shared:
            for each in network.endpoints.values():
                if each.address == address:
                    return each.namespace
            if network.pool is not None and network.pool.gateway == address:
                return self.host
        if inside and all(network.internal for network in shared):
            return None
        return self._outside(address)

    def resolve(self, namespace: Namespace, name: str) -> IPv4Address | None:
        """Find the address of a container by its name, on user networks."""
        if name == "localhost":
            return IPv4Address("127.0.0.1")
        for network in self._shared(namespace):
            if not network.user_defined:
                continue
            for each in network.endpoints.values():
                names = (each.name, each.container[:12], *each.aliases)
                if name in names and each.address is not None:
                    return each.address
        return None

    def _shared(self, namespace: Namespace) -> Iterator[Network]:
        for network in self._networks.values():
            if any(each.namespace is namespace for each in network.endpoints.values()):
                yield network
