"""Where a server listens, who may come, and that nothing stays when it goes."""

from __future__ import annotations

import gc
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from tests.containers.api.conftest import read_all
from unionfs_sim.containers.api.server import Server, is_loopback
from unionfs_sim.containers.engine import Engine

PING = b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def ping(sock: socket.socket) -> bool:
    """Tell whether a server answers."""
    with sock:
        sock.settimeout(20)
        sock.sendall(PING)
        return read_all(sock).endswith(b"OK")


def unix(path: Path) -> socket.socket:
    """Connect to a Unix socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return sock


def test_a_unix_socket_is_for_its_owner_alone(server: Server, tmp_path: Path) -> None:
    """Mode 0600, whatever the umask; gone at the end."""
    place = tmp_path / "sock"
    before = os.umask(0)
    try:
        address = server.listen_unix(place)
    finally:
        os.umask(before)

    assert f"unix://{place}" == address
    assert 0o600 == stat.S_IMODE(place.stat().st_mode)
    assert ping(unix(place))
    server.close()
    assert not place.exists()


def test_a_socket_that_was_left_behind_is_replaced(
    server: Server, tmp_path: Path
) -> None:
    """By a server that was killed."""
    place = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    server.listen_unix(place)

    assert ping(unix(place))


def test_a_server_that_is_there_keeps_its_socket(
    server: Server, tmp_path: Path
) -> None:
    """And a file is no socket."""
    server.listen_unix(tmp_path / "sock")
    (tmp_path / "file").write_text("precious", encoding="utf-8")
    with Engine() as engine, Server(engine) as other:
        for name in ("sock", "file"):
            with pytest.raises(OSError, match="in use"):
                other.listen_unix(tmp_path / name)

    assert ping(unix(tmp_path / "sock"))
    assert "precious" == (tmp_path / "file").read_text(encoding="utf-8")


def test_tcp(server: Server) -> None:
    """On the loopback."""
    address = server.listen_tcp("127.0.0.1", 0)
    port = int(address.rpartition(":")[2])

    assert ping(socket.create_connection(("127.0.0.1", port)))
    with pytest.raises(OSError, match="in use"):
        server.listen_tcp("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_which_addresses_are_this_machine(host: str, expected: bool) -> None:
    """Names that might be anything are not."""
    assert expected == is_loopback(host)


def test_nothing_stays_when_a_server_is_closed(tmp_path: Path) -> None:
    """No thread, no open file; clients that wait are let go."""

    def session() -> None:
        with Engine.with_busybox() as engine, Server(engine) as server:
            server.listen_unix(tmp_path / "sock")
            ping(unix(tmp_path / "sock"))
            idle = server.connect()
            waiting = server.connect()
            waiting.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            waiting.recv(12)
            server.close()
            for sock in (idle, waiting):
                read_all(sock)
                sock.close()

    session()
    gc.collect()
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    session()
    gc.collect()

    assert (threads, files) == (
        threading.active_count(), len(os.listdir("/proc/self/fd"))
    )  # fmt: skip
