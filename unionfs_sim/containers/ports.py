"""
Published ports: which port of the host leads to which port of a container.

All of it was observed on a real engine (20.10, with its userland proxy): the texts of
errors, which port is given out when none is named, and that ``0.0.0.0`` comes with
``::``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.containers.errors import System
from unionfs_sim.containers.sockets import Namespace

#: Where a port of a container is published, as ``NetworkSettings.Ports`` has it.
Ports: TypeAlias = dict[str, list[dict[str, str]] | None]

_ANY: Final = "0.0.0.0"  # noqa: S104 - the address that stands for all
_FIRST: Final = 32_768
_LAST: Final = 60_999


@final
@attrs.frozen
class _Taken:
    """One port of the host that is in use: whose, and where it leads."""

    owner: str
    address: str
    protocol: str
    number: int


@final
class PublishedPorts:
    """
    The ports of a host that lead into containers.

    Args:
        host: The namespace of the host, where connections come in.
    """

    def __init__(self, host: Namespace) -> None:
        self._host = host
        self._taken: list[_Taken] = []
        self._last: dict[tuple[str, str], int] = {}

    def publish(
        self,
        owner: str,
        namespace: Namespace,
        bindings: Mapping[str, Iterable[Mapping[str, str]] | None],
        exposed: Iterable[str],
        *,
        every: bool = False,
    ) -> Ports:
        """
        Publish the ports of a container that starts.

        Args:
            owner: Its id.
            namespace: Its network.
            bindings: As ``HostConfig.PortBindings``.
            exposed: The ports that it says to listen on.
            every: Whether all of them are published.

        Returns:
            As ``NetworkSettings.Ports``.

        Raises:
            System: A port is in use, or the address is not one of the host.
        """
        wanted: dict[str, list[Mapping[str, str]]] = {
            port: list(where or [{}]) for port, where in bindings.items()
        }
        names = {*wanted, *exposed}
        found: Ports = {}
        try:
            for port in sorted(names, key=_rank):
                where = wanted.get(port, [{}] if every else [])
                given = [
                    each
                    for binding in where
                    for each in self._one(owner, namespace, port, binding)
                ]
                found[port] = given or None
        except System:
            self.withdraw(owner)
            raise
        return found

    def _one(
        self, owner: str, namespace: Namespace, port: str, binding: Mapping[str, str]
    ) -> Iterator[dict[str, str]]:
        inside, protocol = _rank(port)
        written = binding.get("HostIp") or ""
        address = written or _ANY
        number = self._number(address, protocol, binding.get("HostPort") or "")
        self._check(address, number, protocol)
        self._taken.append(_Taken(owner, address, protocol, number))
        if protocol == "tcp":  # no program here speaks anything else
            self._host.forwards[address, number] = (namespace, inside)
        yield {"HostIp": address, "HostPort": str(number)}
        if not written:
            yield {"HostIp": "::", "HostPort": str(number)}

    def _number(self, address: str, protocol: str, written: str) -> int:
        taken = {
            each.number
            for each in self._taken
            if (each.address, each.protocol) == (address, protocol)
        }
        if not written:
            key = (address, protocol)
            for _ in range(_FIRST, _LAST + 1):
                number = self._last.get(key, _FIRST - 1) + 1
                self._last[key] = number if number < _LAST else _FIRST - 1
                if number not in taken:
                    return number
            msg = "all ports are allocated"
            raise System(msg)
        first, dash, last = written.partition("-")
        if not dash:
            if int(first) in taken:
                msg = f"Bind for {address}:{first} failed: port is already allocated"
                raise System(msg)
            return int(first)
        for number in range(int(first), int(last) + 1):
            if number not in taken:
                return number
        msg = "all ports are allocated"
        raise System(msg)

    def _check(self, address: str, number: int, protocol: str) -> None:
        """Refuse what the kernel of the host would not let a proxy listen on."""
        reason = ""
        if address != _ANY and not self._host.has(IPv4Address(address)):
            reason = "cannot assign requested address"
        in_use = [
            *(x.address for x in self._taken
              if (x.number, x.protocol) == (number, protocol)),
            *(x for x, port in self._host.listeners
              if port == number and protocol == "tcp"),
        ]  # fmt: skip
        if any(address == x or _ANY in {address, x} for x in in_use):
            reason = "address already in use"
        if reason:
            where = f"listen {protocol}4 {address}:{number}: bind: {reason}"
            raise System(f"Error starting userland proxy: {where}")

    def withdraw(self, owner: str) -> None:
        """Give back the ports of a container that stops."""
        for each in self._taken:
            if each.owner == owner:
                self._host.forwards.pop((each.address, each.number), None)
        self._taken = [each for each in self._taken if each.owner != owner]


def _rank(port: str) -> tuple[int, str]:
    """
    Give the number and the protocol of a port.

    >>> _rank("80/tcp"), _rank("53/udp"), _rank("9")
    ((80, 'tcp'), (53, 'udp'), (9, 'tcp'))
    """
    number, _, protocol = port.partition("/")
    return int(number), protocol or "tcp"
