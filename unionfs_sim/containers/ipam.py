"""What addresses a new network has: what is asked for, checked as libnetwork does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any, final

import attrs

from unionfs_sim.containers.addressing import Pool, parse_network
from unionfs_sim.containers.errors import (
    Forbidden,
    InvalidParameter,
    NotFound,
    System,
)


@final
@attrs.frozen
class AddressRequest:
    """
    What somebody asks for; all of it is optional.

    Attributes:
        subnet: The addresses.
        gateway: That of the bridge.
        ip_range: The part that addresses are given out of.
        reserved: Addresses that are never given out, by what they are for.
        driver: Who gives addresses out.
    """

    subnet: str | None = None
    gateway: str | None = None
    ip_range: str | None = None
    reserved: Mapping[str, str] = attrs.field(factory=dict)
    driver: str = "default"

    def pool(
        self, network: str, find: Callable[[IPv4Network | None], IPv4Network]
    ) -> Pool:
        """
        Make the pool.

        Args:
            network: The name of the network, for complaints.
            find: Gives the subnet if it is free, and some free one for none.

        Raises:
            Forbidden: A reserved address is in another subnet, or the subnet is taken.
            NotFound: There is no such driver.
            System: Something else is wrong.
        """
        if self.driver == "null":
            msg = "ipv4 pool is empty"
            if self.subnet:
                msg = "null ipam driver does not handle specific address pool requests"
            raise System(msg)
        if self.driver != "default":
            msg = f'plugin "{self.driver}" not found'
            raise NotFound(msg)
        wanted = self._wanted()
        gateway = self._gateway()
        subnet = find(wanted)
        self._check_gateway(subnet, gateway)
        part = self._range(subnet)
        try:
            pool = Pool(subnet, part, gateway)
        except System as error:
            msg = "failed to allocate gateway (): No available addresses on this pool"
            raise System(msg) from error
        for name, text in self.reserved.items():
            self._reserve(network, pool, name, text)
        return pool

    def _wanted(self) -> IPv4Network | None:
        if not (self.subnet or self.gateway or self.ip_range or self.reserved):
            return None
        text = self.subnet or ""
        try:
            return parse_network(text)
        except InvalidParameter as error:
            msg = f"Invalid subnet {text} : invalid CIDR address: {text}"
            raise System(msg) from error

    def _gateway(self) -> IPv4Address | None:
        if not self.gateway:
            return None
        try:
            return IPv4Address(self.gateway)
        except AddressValueError as error:
            msg = f"invalid gateway address {self.gateway} in Ipam configuration"
            raise System(msg) from error

    def _check_gateway(self, subnet: IPv4Network, gateway: IPv4Address | None) -> None:
        if gateway is None:
            return
        what = ""
        if gateway not in subnet:
            what = "Requested address is out of range"
        elif gateway in {subnet[0], subnet[-1]}:
            what = "Address already in use"
        if what:
            msg = f"failed to allocate gateway ({gateway}): {what}"
            raise System(msg)

    def _range(self, subnet: IPv4Network) -> IPv4Network | None:
        """Give the part: only the bits of it count that are a host's in the subnet."""
        if not self.ip_range:
            return None
        try:
            part = parse_network(self.ip_range)
        except InvalidParameter as error:
            msg = (
                f'failed to parse pool request for address space "LocalDefault" pool'
                f' "{subnet}" subpool "{self.ip_range}": Invalid Address SubPool'
            )
            raise System(msg) from error
        if part.prefixlen <= subnet.prefixlen:
            return None
        bits = int(part[0]) & int(subnet.hostmask)
        return IPv4Network((int(subnet[0]) | bits, part.prefixlen))

    def _reserve(self, network: str, pool: Pool, name: str, text: str) -> None:
        shown = f"({name}:{text})"
        try:
            address = IPv4Address(text)
        except AddressValueError as error:
            msg = f"non parsable secondary ip address {shown} passed for network {network}"
            raise System(msg) from error
        if address not in pool.subnet:
            msg = f"auxiliary address: {shown} must belong to the master pool: {pool.subnet}"
            raise Forbidden(msg)
        try:
            pool.take(text)
        except System as error:
            msg = f"failed to allocate secondary ip address {shown}: {error}"
            raise System(msg) from error

    def config(self, pool: Pool) -> dict[str, Any]:
        """Give what `inspect` shows; a gateway that nobody asked for only if all is so."""
        if not self.subnet:
            return {"Subnet": str(pool.subnet), "Gateway": str(pool.gateway)}
        found: dict[str, Any] = {"Subnet": self.subnet}
        if self.ip_range:
            found["IPRange"] = self.ip_range
        if self.gateway:
            found["Gateway"] = self.gateway
        if self.reserved:
            found["AuxiliaryAddresses"] = dict(self.reserved)
        return found


def pool_of(config: Mapping[str, Any]) -> Pool:
    """Make the pool again of a network that `inspect` shows so."""
    request = AddressRequest(
        config["Subnet"],
        config.get("Gateway"),
        config.get("IPRange"),
        config.get("AuxiliaryAddresses") or {},
    )
    return request.pool("", lambda subnet: subnet or parse_network(config["Subnet"]))
