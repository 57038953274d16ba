"""Streams of output and input: framed, followed, typed into, and let go of."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, final

from unionfs_sim.containers.api.call import Wire
from unionfs_sim.containers.api.waiting import never, wait_until
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import InvalidParameter

_NUMBERS: Final = {"stdin": 0, "stdout": 1, "stderr": 2}
_PIECE_BYTES: Final = 32 * 1024
_DETACH_KEYS: Final = b"\x10\x11"  # Ctrl-P Ctrl-Q


def frame(stream: str, data: bytes) -> bytes:
    r"""
    Put the header of a stream of several before some bytes.

    >>> frame("stderr", b"no\n")
    b'\x02\x00\x00\x00\x00\x00\x00\x03no\n'
    """
    return struct.pack(">BxxxL", _NUMBERS[stream], len(data)) + data


def framed(stream: str, data: bytes, *, raw: bool) -> Iterator[bytes]:
    """Give bytes in frames, none too long, or as they are if the stream is *raw*."""
    for at in range(0, len(data), _PIECE_BYTES):
        piece = data[at : at + _PIECE_BYTES]
        yield piece if raw else frame(stream, piece)


def follow(
    engine: Engine,
    log: Sequence[tuple[str, bytes]] | Sequence[tuple[str, bytes, int]],
    *,
    start: int,
    streams: frozenset[str],
    raw: bool,
    ended: Callable[[], bool],
    gone: Callable[[], bool],
    still: Callable[[], bool] = never,
) -> Iterator[bytes]:
    """
    Give what is written to a log, as it comes, until there is no more.

    Args:
        engine: The engine.
        log: What was written: the stream, and the bytes; it only grows.
        start: Where to start.
        streams: Which streams are wanted.
        raw: Whether there are no frames.
        ended: Whether nothing more will be written.
        gone: Whether nobody listens any more.
        still: Whether it is the client's turn.
    """
    at = start

    def more() -> bool:
        return len(log) > at or ended()

    while wait_until(engine, more, gone, still):
        with engine.lock:
            over = ended()
            entries = log[at:]
        for stream, data, *_ in entries:
            if stream in streams:
                yield from framed(stream, data, raw=raw)
        at += len(entries)
        if over and len(log) <= at:
            return


def detach_keys(text: str) -> bytes:
    r"""
    Read the keys that leave a stream, as ``--detach-keys`` has them.

    Raises:
        InvalidParameter: There are no such keys.

    >>> detach_keys("ctrl-a,d"), detach_keys("")
    (b'\x01d', b'\x10\x11')
    """
    if not text:
        return _DETACH_KEYS
    made = bytearray()
    for key in text.split(","):
        letter = key.removeprefix("ctrl-")
        if len(key) == 1:
            made += key.encode()
        elif key.startswith("ctrl-") and len(letter) == 1 and "@" <= letter <= "z":
            made.append(ord(letter.upper()) & 0x1F)
        else:
            msg = f"Invalid escape keys ({text}) provided"
            raise InvalidParameter(msg)
    return bytes(made)


@final
class Escape:
    r"""
    Looks for the keys that leave a stream in what is typed.

    >>> escape = Escape(b"\x10\x11")
    >>> escape.feed(b"a\x10"), escape.found
    (b'a', False)
    >>> escape.feed(b"\x11b"), escape.found
    (b'', True)
    """

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._seen = 0
        self.found = False

    def feed(self, data: bytes) -> bytes:
        """Take what is typed, and give what is meant for the program."""
        passed = bytearray()
        for key in data:
            if self.found:
                break
            if key == self._keys[self._seen]:
                self._seen += 1
                self.found = self._seen == len(self._keys)
                continue
            passed += self._keys[: self._seen]
            self._seen = 0
            if key == self._keys[0] and len(self._keys) > 1:
                self._seen = 1
            else:
                passed.append(key)
        return bytes(passed)


@final
class Typist:
    """
    Hands on what a client sends, in a thread of its own, until it sends no more.

    Args:
        engine: The engine.
        wire: Where it comes from.
        feed: Takes it; gives whether more may come.
        end: Is called when the client has said that it sends no more.
        escape: The keys that leave the stream, if there are any.

    Attributes:
        left: Whether the client typed the keys that leave the stream.
        silent: Whether nothing more will be typed.
    """

    def __init__(
        self,
        engine: Engine,
        wire: Wire,
        *,
        feed: Callable[[bytes], bool],
        end: Callable[[], None],
        escape: Escape | None = None,
    ) -> None:
        self._engine = engine
        self._wire = wire
        self._feed = feed
        self._end = end
        self._escape = escape
        self.left = False
        self.silent = False
        self._thread = threading.Thread(
            target=self._work, name="unionfs-sim typist", daemon=True
        )
        self._thread.start()

    def _work(self) -> None:
        try:
            self._read()
        finally:
            self.silent = True

    def _read(self) -> None:
        with suppress(OSError):
            while data := self._wire.receive():
                if self._escape is not None:
                    data = self._escape.feed(data)
                if data and not self._feed(data):
                    return
                if self._escape is not None and self._escape.found:
                    with self._engine.verb():  # so that the follower looks
                        self.left = True
                    return
            self._end()

    def join(self) -> None:
        """Wait until it is done: the wire must be shut before."""
        self._thread.join()
