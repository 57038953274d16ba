"""An engine behind a server, and a way to ask it that hides nothing."""

from __future__ import annotations

import gc
import http.client
import json
import socket
import time
import warnings
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from tests.containers.api.daemon import emptied, running
from unionfs_sim.containers.api.connection import Limits
from unionfs_sim.containers.api.server import Server
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.ids import random_id
from unionfs_sim.containers.scheduling import Timeline


class Answer:
    """What a call gave."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The sentence of an error."""
        return str(self.json["message"])


class Asker:
    """Asks a server, over a new connection each time."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = self.server.connect()
        given = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body=body, headers=given)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def run(self, name: str, *argv: str, **config: Any) -> str:
        """Make a container and start it, and give its id."""
        body = {"Image": "busybox", "Cmd": list(argv) or None, **config}
        made = self("POST", f"/containers/create?name={name}", body)
        assert made.status == 201, made.body
        started = self("POST", f"/containers/{name}/start")
        assert started.status == 204, started.body
        return str(made.json["Id"])

    def hijack(self, path: str, body: Any = None) -> tuple[socket.socket, bytes]:
        """Take over a connection; give it, and the head of the answer."""
        sock = self.server.connect()
        sock.settimeout(20)
        raw = b"" if body is None else json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        sock.sendall(head.encode() + raw)
        found = b""
        while b"\r\n\r\n" not in found:
            piece = sock.recv(1)
            assert piece, found
            found += piece
        return sock, found


@pytest.fixture
def limits() -> Limits:
    """Give what clients may take."""
    return Limits()


@pytest.fixture
def real_engine() -> Iterator[Engine]:
    """Give an engine whose time is the real one."""
    clock = Timeline(time.time_ns, real=True)
    with Engine.with_busybox(clock=clock, ids=random_id) as engine:
        yield engine


@pytest.fixture
def server(real_engine: Engine, limits: Limits) -> Iterator[Server]:
    """Give a server for it."""
    with Server(real_engine, limits=limits) as made:
        yield made


@pytest.fixture
def ask(server: Server) -> Asker:
    """Give what asks it."""
    return Asker(server)


@pytest.fixture(scope="session")
def daemon() -> Iterator[tuple[str, docker.DockerClient]]:
    """Give the address of a real engine, and a client of it."""
    with running() as made:
        yield made


@pytest.fixture
def real(
    daemon: tuple[str, docker.DockerClient],
) -> Iterator[tuple[str, docker.DockerClient]]:
    """Give them, the engine empty but for a busybox."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the SDK forgets sockets
        emptied(daemon[1])
        yield daemon
        gc.collect()


def read_all(sock: socket.socket) -> bytes:
    """Read to the end of a stream."""
    found = b""
    while piece := sock.recv(65536):
        found += piece
    return found
