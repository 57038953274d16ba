"""A server: Docker's API on a Unix socket, on TCP, or between two ends in memory."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Self, final

from unionfs_sim.containers.api.connection import Budget, Connection, Limits
from unionfs_sim.containers.api.ticking import Ticker
from unionfs_sim.containers.api.waiting import real
from unionfs_sim.containers.engine import Engine

_BACKLOG = 128
_MODE = 0o600


def report(error: Exception) -> None:
    """Tell of an error that no client should see."""
    sys.stderr.write("".join(traceback.format_exception(error)))


def is_loopback(host: str) -> bool:
    """
    Tell whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("localhost")
    (True, False, True)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@final
class Server:
    """
    Serves one engine to any number of clients, a thread each.

    Where the clock of the engine is real, its programs go on by themselves.

    Args:
        engine: The engine.
        limits: What clients may take.

    >>> from unionfs_sim.containers import Engine
    >>> with Server(Engine.with_busybox()) as server:
    ...     client = server.connect()
    ...     _ = client.send(b"GET /_ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    ...     client.recv(15)
    ...     client.close()
    b'HTTP/1.1 200 OK'
    """

    def __init__(self, engine: Engine, *, limits: Limits | None = None) -> None:
        self.engine = engine
        self._limits = limits or Limits()
        self._budget = Budget(self._limits.pending_bytes)
        self._listeners: list[tuple[socket.socket, threading.Thread]] = []
        self._paths: list[Path] = []
        self._connections: dict[Connection, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._ticker = Ticker(engine, report) if real(engine) else None

    # --- listening ----------------------------------------------------------------

    def listen_unix(self, path: str | os.PathLike[str]) -> str:
        """
        Listen on a Unix socket that nobody else may open, and give its address.

        A socket that a server left behind is replaced.

        Raises:
            OSError: EADDRINUSE, a server is there, or a file.
        """
        place = Path(path)
        _clear(place)
        sock = socket.socket(socket.AF_UNIX)
        try:
            with suppress(OSError):
                os.fchmod(sock.fileno(), _MODE)  # Linux makes the file with this mode
            sock.bind(str(place))
            place.chmod(_MODE)
        except OSError:
            sock.close()
            raise
        self._paths.append(place)
        self._listen(sock)
        return f"unix://{place.absolute()}"

    def listen_tcp(self, host: str, port: int) -> str:
        """
        Listen on a port, and give its address.

        Raises:
            OSError: The port is taken, or the address is none of this machine.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        self._listen(sock)
        shown = f"[{host}]" if ":" in host else host
        return f"tcp://{shown}:{sock.getsockname()[1]}"

    def connect(self) -> socket.socket:
        """Give a client's end of a new connection that has no name."""
        client, ours = socket.socketpair()
        self._take(ours)
        return client

    def _listen(self, sock: socket.socket) -> None:
        sock.listen(_BACKLOG)
        thread = threading.Thread(
            target=self._accept, args=(sock,), name="unionfs-sim accept", daemon=True
        )
        self._listeners.append((sock, thread))
        thread.start()

    def _accept(self, sock: socket.socket) -> None:
        while True:
            try:
                client, _ = sock.accept()
            except OSError:
                if self._is_closed():
                    return
                continue  # that client was gone before it was there
            if client.family != socket.AF_UNIX:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._take(client)

    def _take(self, client: socket.socket) -> None:
        """Serve a client in a thread of its own."""
        connection = Connection(
            client,
            self.engine,
            limits=self._limits,
            budget=self._budget,
            report=report,
        )
        thread = threading.Thread(
            target=self._serve,
            args=(connection,),
            name="unionfs-sim client",
            daemon=True,
        )
        with self._lock:
            full = self._closed or len(self._connections) >= self._limits.connections
            if not full:
                self._connections[connection] = thread
        if full:
            connection.refuse()
            return
        thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            with self._lock:
                self._connections.pop(connection, None)

    def _is_closed(self) -> bool:
        return self._closed

    @property
    def connections(self) -> int:
        """How many clients there are at the moment."""
        return len(self._connections)

    # --- the end ------------------------------------------------------------------

    def close(self) -> None:
        """Stop listening, cut all connections, and wait until all threads are done."""
        self._closed = True
        for sock, thread in self._listeners:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            thread.join()
        for path in self._paths:
            path.unlink(missing_ok=True)
        with self._lock:
            left = list(self._connections.items())
        for connection, _ in left:
            connection.shut()
        with self.engine.verb():  # whoever waits for the engine looks again
            pass
        for _, thread in left:
            thread.join()
        if self._ticker is not None:
            self._ticker.stop()

    def __enter__(self) -> Self:
        """Give the server itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _clear(place: Path) -> None:
    """Remove a socket that nobody listens on any more."""
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(place))
        except ConnectionRefusedError:
            place.unlink()
