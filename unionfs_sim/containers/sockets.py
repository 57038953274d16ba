"""
Network namespaces: interfaces, and sockets that programs listen on and connect to.

Containers that share a namespace share all of this: addresses, ports, and what listens
on 127.0.0.1.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface
from typing import Final, final

import attrs

from unionfs_sim.containers.scheduling import Event, Steps, Wait
from unionfs_sim.containers.streams import Pipe
from unionfs_sim.errors import fs_error

_ANY: Final = "0.0.0.0"  # noqa: S104 - the address that stands for all
_EPHEMERAL_FIRST: Final = 32_768


@final
@attrs.frozen
class Interface:
    """
    A network interface.

    Attributes:
        name: Such as ``eth0``.
        index: Its number.
        address: Address and prefix; ``None`` if it has none.
        mac: Its hardware address.
        peer: The number of the other end of a pair; 0 if there is none.
    """

    name: str
    index: int
    address: IPv4Interface | None
    mac: str
    peer: int = 0


LOOPBACK: Final = Interface("lo", 1, IPv4Interface("127.0.0.1/8"), "00:00:00:00:00:00")


@final
class Connection:
    """
    One end of a connection; what is written to one end is read at the other.

    Attributes:
        peer: Address and port of the other end.
        closed: Whether this end is closed.
    """

    def __init__(self, incoming: Pipe, outgoing: Pipe, peer: tuple[str, int]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self.peer = peer
        self.closed = False

    def write(self, data: str | bytes) -> int:
        """
        Send something.

        Raises:
            BrokenPipeError: EPIPE, the other end is closed.
        """
        return self._outgoing.write(data)

    def read(self, size: int = -1) -> Steps[bytes]:
        """Read so many bytes, or all until the other end is closed; waits."""
        return self._incoming.read(size)

    def read_some(self) -> Steps[bytes]:
        """Read whatever comes first; nothing at the end; waits."""
        return self._incoming.read_some()

    def readline(self) -> Steps[bytes]:
        """Read a line; nothing at the end; waits."""
        return self._incoming.readline()

    def finish(self) -> None:
        """Say that nothing more will be sent; what comes can still be read."""
        self._outgoing.close()

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        self._outgoing.close()
        self._incoming.stop_reading()


def _untold(_connection: Connection) -> None:
    """Take no notice."""


@final
class Listener:
    """
    A socket that listens.

    Attributes:
        address: The address it is bound to.
        port: The port.
        closed: Whether it listens no more.
        on_accept: Told of each connection that is accepted.
    """

    def __init__(self, namespace: Namespace, address: str, port: int) -> None:
        self._namespace = namespace
        self._pending: deque[Connection] = deque()
        self._changed = Event()
        self.address = address
        self.port = port
        self.closed = False
        self.on_accept: Callable[[Connection], object] = _untold

    def accept(self) -> Steps[Connection]:
        """
        Wait for somebody who connects.

        Raises:
            UnionFSError: EBADF, it is closed.
        """
        while not self._pending:
            if self.closed:
                raise fs_error(errno.EBADF, op="accept")
            yield Wait((self._changed,))
        connection = self._pending.popleft()
        self.on_accept(connection)
        return connection

    def offer(self, connection: Connection) -> None:
        """Take the end of a new connection."""
        self._pending.append(connection)
        self._changed.notify()

    def close(self) -> None:
        """Stop listening; who waits to be accepted is turned away."""
        self.closed = True
        while self._pending:
            self._pending.popleft().close()
        self._namespace.listeners.pop((self.address, self.port), None)
        self._changed.notify()


@final
class Namespace:
    """
    A network namespace: interfaces and sockets.

    Attributes:
        id: Docker's id of it, as the sandbox.
        interfaces: Its interfaces by name, in order.
        listeners: What listens, by address and port.
        forwards: Ports that lead into another namespace, by address and port.
        names: Finds the address of a name.
    """

    __slots__ = (
        "_ports",
        "_route",
        "forwards",
        "id",
        "interfaces",
        "listeners",
        "names",
    )

    def __init__(
        self,
        identifier: str,
        route: Callable[[Namespace, IPv4Address], Namespace | None],
        names: Callable[[Namespace, str], IPv4Address | None],
    ) -> None:
        self.id = identifier
        self.interfaces: dict[str, Interface] = {"lo": LOOPBACK}
        self.listeners: dict[tuple[str, int], Listener] = {}
        self.forwards: dict[tuple[str, int], tuple[Namespace, int]] = {}
        self.names = names
        self._route = route
        self._ports = _EPHEMERAL_FIRST

    def has(self, address: IPv4Address) -> bool:
        """Tell whether an address is one of its own."""
        return address.is_loopback or any(
            each.address is not None and each.address.ip == address
            for each in self.interfaces.values()
        )

    def listen(self, address: str, port: int) -> Listener:
        """
        Listen on a port of one address, or of all (``0.0.0.0`` or nothing).

        Raises:
            UnionFSError: EADDRINUSE, somebody does so already; EADDRNOTAVAIL, the
                address is not one of the namespace's.
        """
        address = address or _ANY
        if address != _ANY and not self.has(IPv4Address(address)):
            raise fs_error(errno.EADDRNOTAVAIL, op="bind")
        for taken, number in (*self.listeners, *self.forwards):
            if number == port and (address in {taken, _ANY} or taken == _ANY):
                raise fs_error(errno.EADDRINUSE, op="bind")
        self.listeners[address, port] = listener = Listener(self, address, port)
        return listener

    def resolve(self, host: str) -> IPv4Address:
        """
        Find the address of a host by its name.

        Raises:
            UnionFSError: EHOSTUNREACH, nobody knows it.
        """
        try:
            return IPv4Address(host)
        except ValueError:
            pass
        found = self.names(self, host)
        if found is None:
            raise fs_error(errno.EHOSTUNREACH, host, op="resolve")
        return found

    def connect(self, host: str, port: int) -> Connection:
        """
        Connect to a port of a host, given by address or name.

        Raises:
            UnionFSError: ECONNREFUSED, nothing listens there; EHOSTUNREACH or
                ENETUNREACH, there is no way there.
        """
        address = self.resolve(host)
        target: Namespace | None = self
        if not self.has(address):
            if len(self.interfaces) == 1:
                raise fs_error(errno.ENETUNREACH, host, op="connect")
            target = self._route(self, address)
        if target is None:
            raise fs_error(errno.EHOSTUNREACH, host, op="connect")
        listener = target.listener_at(str(address), port)
        if listener is None:
            raise fs_error(errno.ECONNREFUSED, host, op="connect")
        self._ports += 1
        there, back = Pipe(), Pipe()
        source = str(address) if target is self else self.address
        listener.offer(Connection(there, back, (source, self._ports)))
        return Connection(back, there, (str(address), port))

    def listener_at(self, address: str, port: int) -> Listener | None:
        """Find what listens on a port, here or where the port leads."""
        for where in ((address, port), (_ANY, port)):
            if where in self.listeners:
                return self.listeners[where]
            if where in self.forwards:
                inside, number = self.forwards[where]
                return inside.listener_at(inside.address, number)
        return None

    @property
    def address(self) -> str:
        """The address that others see: that of the first interface but ``lo``."""
        for each in self.interfaces.values():
            if each.name != "lo" and each.address is not None:
                return str(each.address.ip)
        return "127.0.0.1"

    def drop(self) -> None:
        """Take all interfaces away but ``lo``: the owner's process has ended."""
        self.interfaces = {"lo": LOOPBACK}
