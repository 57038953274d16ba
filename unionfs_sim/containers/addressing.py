"""Addresses of a network: the lowest free one first, and a MAC made of each."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import final

from sortedcontainers import SortedSet

from unionfs_sim.containers.errors import InvalidParameter, System


def mac_of(address: IPv4Address) -> str:
    """
    Give the MAC that Docker makes of an address.

    >>> mac_of(IPv4Address("172.25.100.2"))
    '02:42:ac:19:64:02'
    """
    return ":".join(("02", "42", *(f"{byte:02x}" for byte in address.packed)))


def parse_network(text: str) -> IPv4Network:
    """
    Read a subnet; bits of a host in it are dropped.

    Raises:
        InvalidParameter: It is none.

    >>> parse_network("10.9.9.7/24")
    IPv4Network('10.9.9.0/24')
    """
    try:
        return IPv4Network(text, strict=False)
    except ValueError as error:
        msg = f"invalid CIDR address: {text}"
        raise InvalidParameter(msg) from error


@final
class Pool:
    """
    The addresses of one subnet, given out lowest first.

    Args:
        subnet: The subnet.
        ip_range: The part of it that addresses are given out of; all by default.
        gateway: The address of the bridge; the lowest one by default.

    >>> pool = Pool(IPv4Network("172.25.100.0/24"))
    >>> str(pool.gateway), str(pool.take()), str(pool.take())
    ('172.25.100.1', '172.25.100.2', '172.25.100.3')
    >>> pool.give_back(IPv4Address("172.25.100.2"))
    >>> str(pool.take())
    '172.25.100.2'
    """

    def __init__(
        self,
        subnet: IPv4Network,
        ip_range: IPv4Network | None = None,
        gateway: IPv4Address | None = None,
    ) -> None:
        self.subnet = subnet
        inside = ip_range or subnet
        self._first = self._next = max(int(inside[0]), int(subnet[0]) + 1)
        self._last = min(int(inside[-1]), int(subnet[-1]) - 1)
        self._freed = SortedSet()  # those below `_next` that are not taken
        self._taken: set[int] = set()
        if gateway is None:
            self.gateway = self.take()
        else:
            self.gateway = gateway
            self._taken.add(int(gateway))

    def take(self, wanted: str | None = None) -> IPv4Address:
        """
        Give an address: the wanted one, or the lowest that is free.

        Raises:
            InvalidParameter: It is not in the subnet.
            System: It is taken, or there is none left.
        """
        if wanted is not None:
            return self._take_wanted(wanted)
        if self._freed:
            number: int = self._freed.pop(0)
            self._taken.add(number)
            return IPv4Address(number)
        while self._next in self._taken:
            self._next += 1
        if self._next > self._last:
            msg = "no available IPv4 addresses on this network's address pools"
            raise System(msg)
        self._taken.add(self._next)
        self._next += 1
        return IPv4Address(self._next - 1)

    def _take_wanted(self, wanted: str) -> IPv4Address:
        try:
            address = IPv4Address(wanted)
        except AddressValueError as error:
            msg = f"invalid IPv4 address: {wanted}"
            raise InvalidParameter(msg) from error
        if address not in self.subnet:
            msg = (
                f"Invalid address {wanted}: It does not belong to any of this"
                " network's subnets"
            )
            raise InvalidParameter(msg)
        if int(address) in self._taken:
            msg = "Address already in use"
            raise System(msg)
        self._freed.discard(int(address))
        self._taken.add(int(address))
        return address

    def give_back(self, address: IPv4Address) -> None:
        """Take an address back; it is free from now on."""
        number = int(address)
        if number in self._taken:
            self._taken.discard(number)
            if self._first <= number < self._next:
                self._freed.add(number)
