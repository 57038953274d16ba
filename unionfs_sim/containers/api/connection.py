"""One connection: requests in, answers out, until one end has had enough."""

from __future__ import annotations

import array
import fcntl
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from email.utils import formatdate
from http.client import responses
from typing import Final, final

import attrs
import h11

from unionfs_sim.containers.api import dispatch, errors
from unionfs_sim.containers.api.call import Answer, Call, Hijack
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import EngineError, Unavailable

_READ_BYTES: Final = 64 * 1024
_HUNG_UP: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL
#: Who does not get what comes together with the head of a stream, and how long it
#: may take to read the head.
_READS_AHEAD: Final = "docker-sdk-python/"
_READ_SECONDS: Final = 1.0
_GLANCE_SECONDS: Final = 0.0005
_HALF_CLOSED: Final = getattr(select, "POLLRDHUP", 0)


@final
@attrs.frozen(kw_only=True)
class Limits:
    """
    What one client may take.

    Attributes:
        connections: How many connections at once.
        head_bytes: How long a request line and headers may be together.
        document_bytes: How long a body may be that is no archive.
        archive_bytes: How long one may be that is.
        pending_bytes: How long all bodies may be together that are being received.
        head_seconds: How long a head may take once it has begun.
        idle_seconds: How long a connection may be silent between requests.
        stall_seconds: How long a client may neither send nor take anything.
        bytes_per_second: How fast a body must come, once *stall_seconds* are over.
        hijack_seconds: How long a client may take nothing of a stream.
    """

    connections: int = 1_024
    head_bytes: int = 64 * 1024
    document_bytes: int = 4 << 20
    archive_bytes: int = 512 << 20
    pending_bytes: int = 1 << 30
    head_seconds: float = 10
    idle_seconds: float = 600
    stall_seconds: float = 30
    bytes_per_second: int = 4 * 1024
    hijack_seconds: float = 600


class Closed(Exception):  # noqa: N818 - a way out, no error
    """The connection is of no more use."""


@final
class Budget:
    """
    The bytes that all bodies together may take while they are received.

    >>> budget = Budget(10)
    >>> budget.take(8), budget.take(8)
    (True, False)
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take so many, if there are as many left."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Give so many back."""
        with self._lock:
            self._left += size


@final
class Connection:
    """
    One connection; it is served by the thread that calls `serve`.

    Args:
        sock: The socket; it is closed in the end.
        engine: The engine that is asked.
        limits: What the client may take.
        budget: What all clients may take together.
        report: Is told of errors that no client should see.
    """

    def __init__(
        self,
        sock: socket.socket,
        engine: Engine,
        *,
        limits: Limits,
        budget: Budget,
        report: Callable[[Exception], object],
    ) -> None:
        self._socket = sock
        self._engine = engine
        self._limits = limits
        self._budget = budget
        self._report = report
        self._h11 = h11.Connection(
            h11.SERVER, max_incomplete_event_size=limits.head_bytes
        )
        self._rest = b""
        self._hijacked = False

    # --- the wire of streams ------------------------------------------------------

    def receive(self) -> bytes:
        """Wait for what the client sends over a hijacked connection."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        return self._socket.recv(_READ_BYTES)

    def send(self, data: bytes) -> None:
        """Send the client something over a hijacked connection."""
        self._socket.sendall(data)

    def gone(self) -> bool:
        """Tell whether nobody is there any more."""
        poll = select.poll()
        half = 0 if self._hijacked else _HALF_CLOSED
        try:
            poll.register(self._socket, half)
        except (ValueError, OSError):
            return True
        return any(found & (_HUNG_UP | half) for _, found in poll.poll(0))

    # --- serving ------------------------------------------------------------------

    def shut(self) -> None:
        """End the connection from another thread; `serve` returns."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Say that there are too many connections, and close this one."""
        self._socket.settimeout(1)
        with suppress(OSError, h11.ProtocolError):
            self._fail(Unavailable("too many connections"))
        self._socket.close()

    def serve(self) -> None:
        """Answer requests until the client leaves, or is made to."""
        try:
            while self._serve_one():
                self._h11.start_next_cycle()
        except (OSError, Closed):
            pass
        except h11.RemoteProtocolError as error:
            with suppress(OSError, h11.ProtocolError):
                self._malformed(error)
        except Exception as error:
            self._report(error)
        finally:
            self.shut()
            self._socket.close()

    def _malformed(self, error: h11.RemoteProtocolError) -> None:
        if self._h11.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        body = f"{error}\n".encode()
        status = error.error_status_hint
        head = f"HTTP/1.1 {status} {responses[status]}\r\nConnection: close\r\n"
        head += f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        self._linger()

    def _serve_one(self) -> bool:
        """Answer one request, and tell whether another one may come."""
        request = self._request()
        method, text = request.method.decode("ascii"), request.target.decode("latin-1")
        try:
            target = dispatch.target(method, text)
            body = self._body(request, target.route.uploads)
        except EngineError as error:
            self._fail(error)
            return False
        try:
            call = Call(
                engine=self._engine,
                method=method,
                path=target.path,
                names=target.names,
                query=target.query,
                headers={
                    name.decode("ascii"): value.decode("latin-1")
                    for name, value in request.headers
                },
                body=body,
                wire=self,
            )
            answered = dispatch.answer(target.route, call)
        finally:
            self._budget.give_back(len(body))
        if isinstance(answered, Hijack):
            self._hijack(answered, call.headers)
            return False
        return self._give(answered, head_only=method == "HEAD")

    # --- receiving ----------------------------------------------------------------

    def _request(self) -> h11.Request:
        """Wait for the head of a request."""
        limits = self._limits
        event = self._h11.next_event()
        deadline: float | None = None
        while event is h11.NEED_DATA:
            wait = limits.idle_seconds
            if deadline is not None:
                wait = deadline - time.monotonic()
                if wait <= 0:
                    raise Closed
            self._more(wait)
            if deadline is None:
                deadline = time.monotonic() + limits.head_seconds
            event = self._h11.next_event()
        if not isinstance(event, h11.Request):
            raise Closed
        return event

    def _more(self, seconds: float) -> None:
        self._socket.settimeout(seconds)
        self._h11.receive_data(self._socket.recv(_READ_BYTES))

    def _body(self, request: h11.Request, uploads: bool) -> bytes:  # noqa: FBT001
        """
        Receive a body.

        Raises:
            TooLarge: It is longer than it may be.
            Unavailable: All bodies together are.
        """
        limits = self._limits
        most = limits.archive_bytes if uploads else limits.document_bytes
        for name, value in request.headers:
            if name == b"content-length":
                self._check_room(int(value), most)
        parts: list[bytes] = []
        size = 0
        try:
            for piece in self._received():
                self._check_room(size + len(piece), most)
                self._take(len(piece))
                size += len(piece)
                parts.append(piece)
        except BaseException:
            self._budget.give_back(size)
            raise
        return b"".join(parts)

    def _received(self) -> Iterator[bytes]:
        """Give the pieces of a body as they come."""
        size = 0
        began = time.monotonic()
        while True:
            if self._h11.they_are_waiting_for_100_continue:
                self._put(h11.InformationalResponse(status_code=100, headers=[]))
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                self._check_pace(size, time.monotonic() - began)
                self._more(self._limits.stall_seconds)
            elif isinstance(event, h11.Data):
                size += len(event.data)
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise Closed

    def _check_room(self, size: int, most: int) -> None:
        if size > most:
            msg = f"http: request body too large: more than {most} bytes"
            raise errors.TooLarge(msg)

    def _take(self, size: int) -> None:
        if not self._budget.take(size):
            msg = "too many bytes are being received at once"
            raise Unavailable(msg)

    def _check_pace(self, size: int, seconds: float) -> None:
        """Let go of clients that send a byte now and then."""
        due = seconds - self._limits.stall_seconds
        if due > 0 and size < due * self._limits.bytes_per_second:
            raise Closed

    # --- answering ----------------------------------------------------------------

    def _fail(self, error: EngineError) -> None:
        """Answer with an error, and receive no more: the body may still be coming."""
        found = errors.answer(error)
        assert isinstance(found.body, bytes), "errors are short"
        headers = [*self._headers(found), ("Content-Length", str(len(found.body)))]
        headers.append(("Connection", "close"))
        self._put(_head(found.status, headers))
        self._put(h11.Data(data=found.body))
        self._put(h11.EndOfMessage())
        self._linger()

    def _linger(self) -> None:
        """Let the client read the answer before the connection breaks."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(0.5)
            for _ in range(64):
                if not self._socket.recv(_READ_BYTES):
                    return

    def _headers(self, answer: Answer) -> list[tuple[str, str]]:
        headers = [*dispatch.HEADERS, ("Date", formatdate(usegmt=True))]
        if answer.kind:
            headers.append(("Content-Type", answer.kind))
        return [*headers, *answer.headers.items()]

    def _give(self, answered: Answer, *, head_only: bool) -> bool:
        headers = self._headers(answered)
        body = answered.body
        empty = answered.status in {204, 304}
        pieces: Iterable[bytes] = ()
        if not isinstance(body, bytes):
            headers.append(("Transfer-Encoding", "chunked"))
            pieces = body
        elif not empty:
            headers.append(("Content-Length", str(len(body))))
            pieces = (body,)
        self._socket.settimeout(self._limits.stall_seconds)
        head = self._h11.send(_head(answered.status, headers))
        self._pieces(head or b"", () if head_only or empty else pieces)
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    def _pieces(self, head: bytes, pieces: Iterable[bytes]) -> None:
        """Send pieces as they come, the head with the first one."""
        try:
            for piece in pieces:
                data = self._h11.send(h11.Data(data=piece)) if piece else b""
                self._socket.sendall(head + (data or b""))
                head = b""
            end = self._h11.send(h11.EndOfMessage())
            if head or end:
                self._socket.sendall(head + (end or b""))
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def _put(self, event: h11.Event) -> None:
        data = self._h11.send(event)
        if data:
            self._socket.sendall(data)

    def _hijack(self, answer: Hijack, asked: Mapping[str, str]) -> None:
        """Let a stream have the connection, in both directions."""
        headers = dict(dispatch.HEADERS)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {answer.kind}\r\n"
        if "upgrade" in asked:
            head = f"HTTP/1.1 101 UPGRADED\r\nContent-Type: {answer.kind}\r\n"
            head += "Connection: Upgrade\r\nUpgrade: tcp\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._rest, _ = self._h11.trailing_data
        self._hijacked = True
        self._socket.settimeout(None)
        seconds = struct.pack("ll", int(self._limits.hijack_seconds), 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        self._socket.sendall(f"{head}\r\n".encode())
        if asked.get("user-agent", "").startswith(_READS_AHEAD):
            self._until_read()
        answer.run(self)

    def _until_read(self) -> None:
        """
        Wait until the client has read what was sent.

        The Docker SDK for Python drops what comes together with the head: it reads the
        stream past the buffer that the head was read through.  A real engine takes so
        long to start a command that nobody sees it.
        """
        left = array.array("i", [1])
        until = time.monotonic() + _READ_SECONDS
        while left[0] and time.monotonic() < until:
            try:
                fcntl.ioctl(self._socket, termios.TIOCOUTQ, left)
            except OSError:
                return
            time.sleep(_GLANCE_SECONDS)


def _head(status: int, headers: list[tuple[str, str]]) -> h11.Response:
    """Make the head of an answer, with the words that belong to its status."""
    return h11.Response(
        status_code=status, reason=responses.get(status, ""), headers=headers
    )
