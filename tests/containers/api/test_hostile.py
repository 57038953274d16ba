"""Clients that mean harm, or know no better: a clear answer, and the server lives."""

from __future__ import annotations

import gzip
import io
import socket
import tarfile
import threading
import time
from pathlib import Path

import pytest

from tests.containers.api.conftest import Asker, read_all
from unionfs_sim.containers.api.connection import Limits
from unionfs_sim.containers.api.server import Server


@pytest.fixture
def limits() -> Limits:
    """Give limits that a test can reach."""
    return Limits(
        connections=8,
        head_bytes=4096,
        document_bytes=10_000,
        archive_bytes=200_000,
        pending_bytes=150_000,
        head_seconds=0.3,
        idle_seconds=0.6,
        stall_seconds=0.3,
    )


def told(server: Server, data: bytes, *, close: bool = False) -> bytes:
    """Send bytes, and give all that comes back until the server is done."""
    with server.connect() as sock:
        sock.settimeout(20)
        sock.sendall(data)
        if close:
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


@pytest.fixture(autouse=True)
def _lives(ask: Asker) -> object:
    """Whatever a test did, the server answers afterwards."""
    yield
    for _ in range(200):
        if ask.server.connections < 8:
            break
        time.sleep(0.01)
    assert 200 == ask("GET", "/_ping").status


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /info HTTP/1.1\r\n\r\n",  # no Host
        b"GET /info HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /info HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n",
        b"GET /info HTTP/1.1\r\nHost x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",  # TLS
        b"POST /build HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_malformed_http(server: Server, data: bytes) -> None:
    """400 or 501, and the connection is closed."""
    answer = told(server, data)

    assert answer.split(b" ")[1] in {b"400", b"501"}


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /info HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /info HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    ],
)
def test_a_head_that_is_too_long(server: Server, head: bytes) -> None:
    """431, whatever is long in it."""
    assert told(server, head).startswith(b"HTTP/1.1 431 ")


def test_a_body_that_says_it_is_too_long(server: Server) -> None:
    """413 at once: nothing of it is received."""
    answer = told(
        server,
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: 999999999999\r\n\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_turns_out_too_long(server: Server) -> None:
    """413 as soon as that is seen, for a body of chunks."""
    chunk = b"1000\r\n" + b"a" * 0x1000 + b"\r\n"
    answer = told(
        server,
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 4,
    )

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_archives_may_be_longer(server: Server) -> None:
    """But not without end; and all together only so long at once."""
    start = b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: "
    assert told(server, start + b"300000\r\n\r\n").startswith(b"HTTP/1.1 413 ")
    full = told(server, start + b"180000\r\n\r\n" + b"a" * 180_000)
    assert full.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "start",
    [
        b"GET /in",
        b"GET /info HTTP/1.1\r\nHost: x\r\n",
        b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
    ],
)
def test_clients_that_stop_half_way(server: Server, start: bytes) -> None:
    """The connection is closed when their time is over, and before they say a word."""
    began = time.monotonic()

    assert b"" == told(server, start)
    assert time.monotonic() - began < 10


def test_a_client_that_sends_a_byte_now_and_then(server: Server) -> None:
    """It does not keep its thread."""
    with server.connect() as sock:
        sock.settimeout(20)
        sock.sendall(
            b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n"
        )
        assert drips(sock) < 200


def drips(sock: socket.socket) -> int:
    """Send a byte now and then; give how many were taken."""
    for count in range(200):
        try:
            sock.sendall(b"a")
        except OSError:
            return count
        time.sleep(0.05)
    return 200


def test_silent_clients_are_let_go(server: Server) -> None:
    """After a while without a request."""
    assert b"" == told(server, b"")


def test_half_closed_requests(server: Server) -> None:
    """A client may say that it sends no more, and still get its answer."""
    answer = told(server, b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n", close=True)

    assert answer.endswith(b"OK")


def test_too_many_clients(server: Server) -> None:
    """503, and no thread for them."""
    kept = [server.connect() for _ in range(8)]
    with server.connect() as sock:
        sock.settimeout(20)
        assert read_all(sock).startswith(b"HTTP/1.1 503 ")
    for each in kept:
        each.close()


def test_several_requests_at_once(server: Server) -> None:
    """Answered one after the other, in order."""
    one = b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = told(server, one * 3 + last)

    assert (3, 1) == (answer.count(b"200 OK"), answer.count(b"404 Not Found"))


def test_strange_paths(ask: Asker) -> None:
    """Bytes that are no UTF-8, dots, slashes, much nesting."""
    for path in ("/containers/%ff%fe/json", "/images/../../etc/json", "/%2e%2e/info",
                 "/containers/" + "%2f" * 500 + "/json", "//info"):  # fmt: skip
        assert ask("GET", path).status in {400, 404}


@pytest.mark.parametrize("depth", [10, 3000])
def test_json_that_is_deep(ask: Asker, depth: int) -> None:
    """Refused, whether or not Python can read it."""
    body = b"[" * depth + b"]" * depth
    headers = {"Content-Type": "application/json"}

    assert 400 == ask("POST", "/containers/create", body, headers).status


def archive(*members: tuple[str, bytes, str]) -> bytes:
    """Make a tar of names, types and link targets."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = target
            data = b"" if kind != tarfile.REGTYPE else b"evil"
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_archives_that_climb_out(ask: Asker, tmp_path: Path) -> None:
    """Names with dots and links stay in the container; the real disk is not touched."""
    ask.run("web", "sleep", "1000")
    outside = tmp_path / "evil"
    data = archive(
        ("../../../../etc/evil", tarfile.REGTYPE, ""),
        ("out", tarfile.SYMTYPE, str(tmp_path)),
        ("out/evil", tarfile.REGTYPE, ""),
        ("hard", tarfile.LNKTYPE, "../../etc/passwd"),
    )
    ask("PUT", "/containers/web/archive?path=/tmp", data)

    assert not outside.exists()
    assert 200 == ask("GET", "/containers/web/archive?path=/tmp/etc/evil").status


def test_a_context_that_climbs_out(ask: Asker, tmp_path: Path) -> None:
    """A link in it leads nowhere but to the context itself."""
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        text = b"FROM busybox\nCOPY link /got\nRUN cat /got\n"
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        made.addfile(member, io.BytesIO(text))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        made.addfile(link)
    answer = ask("POST", "/build", out.getvalue())

    assert b"secret\\n" not in answer.body
    assert b"errorDetail" in answer.body or 400 == answer.status


def test_a_file_that_claims_to_be_huge(ask: Asker) -> None:
    """A sparse file of a terabyte in a tar of some bytes: refused, not unpacked."""
    ask.run("web", "sleep", "1000")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as made:
        member = tarfile.TarInfo("f")
        member.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.map": "0,0",
            "GNU.sparse.size": str(1 << 40),
        }
        made.addfile(member)
    answer = ask("PUT", "/containers/web/archive?path=/tmp", out.getvalue())

    assert 400 == answer.status
    assert "more than" in answer.message


def test_a_compressed_bomb(ask: Asker) -> None:
    """A gigabyte and more of nothing in a short archive: refused."""
    ask.run("web", "sleep", "1000")
    member = tarfile.TarInfo("f")
    member.size = 2 << 30
    data = gzip.compress(member.tobuf() + bytes(1024))
    answer = ask("PUT", "/containers/web/archive?path=/tmp", data)

    assert 400 == answer.status


def test_requests_from_many_threads_at_once(ask: Asker) -> None:
    """More than there may be: some are refused, none hangs."""
    statuses: list[int] = []

    def work() -> None:
        for _ in range(5):
            try:
                statuses.append(ask("GET", "/info").status)
            except OSError:  # refused before the request was sent
                statuses.append(503)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert 100 == len(statuses)
    assert {200, 503} >= set(statuses)
