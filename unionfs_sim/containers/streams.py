"""Streams: what programs read and write, as pipes in memory or as open files."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import IO, Any, Protocol, final

from unionfs_sim.containers.scheduling import Event, Steps, Wait, at_once
from unionfs_sim.errors import error_text


def _encoded(data: str | bytes) -> bytes:
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data


class Output(Protocol):
    """What a program can write to."""

    def write(self, data: str | bytes) -> int:
        """Write text, as UTF-8, or bytes; give the number of bytes."""
        ...  # pragma: no cover

    def close(self) -> None:
        """Let go of it."""
        ...  # pragma: no cover


class Input(Protocol):
    """
    What a program can read from.

    Reading what has not come yet is waiting, so `read` and `readline` are to be
    called with ``yield from``; `read_now` gives what is there.
    """

    def read(self, size: int = -1) -> Steps[bytes]:
        """Read so many bytes, or all until the end."""
        ...  # pragma: no cover

    def readline(self) -> Steps[bytes]:
        """Read a line; nothing at the end."""
        ...  # pragma: no cover

    def read_now(self) -> bytes:
        """Read what is there."""
        ...  # pragma: no cover

    def close(self) -> None:
        """Let go of it."""
        ...  # pragma: no cover


@final
class Pipe:
    """
    A pipe: what is written to it can be read from it, until it is closed.

    Attributes:
        closed: Whether nothing more will be written.
        broken: Whether nobody reads any more; a write is then EPIPE.
        terminal: Whether a person sits at the other end.
        changed: Happens when something is written, and at the end.

    >>> pipe = Pipe()
    >>> pipe.write("one\\ntwo\\n")
    8
    >>> pipe.close()
    >>> pipe.read_now()
    b'one\\ntwo\\n'
    """

    __slots__ = ("_data", "_tee", "broken", "changed", "closed", "terminal")

    def __init__(self, tee: Callable[[bytes], object] | None = None) -> None:
        self._data = bytearray()
        self._tee = tee
        self.closed = False
        self.broken = False
        self.terminal = False
        self.changed = Event()

    def __len__(self) -> int:
        """Count the bytes that wait to be read."""
        return len(self._data)

    def write(self, data: str | bytes) -> int:
        """
        Put something in.

        Raises:
            BrokenPipeError: EPIPE, nobody reads any more.
        """
        raw = _encoded(data)
        if self.broken:
            raise BrokenPipeError(errno.EPIPE, error_text(errno.EPIPE))
        if self._tee is not None:
            self._tee(raw)
        self._data += raw
        self.changed.notify()
        return len(raw)

    def close(self) -> None:
        """Say that nothing more will be written."""
        self.closed = True
        self.changed.notify()

    def stop_reading(self) -> None:
        """Say that nobody reads any more."""
        self.broken = True
        self._data.clear()
        self.changed.notify()

    def read(self, size: int = -1) -> Steps[bytes]:
        """Read so many bytes, or all until the end; waits for them."""
        while not self.closed and (size < 0 or len(self._data) < size):
            yield Wait((self.changed,))
        return self._take(len(self._data) if size < 0 else size)

    def read_some(self, size: int = -1) -> Steps[bytes]:
        """Read what comes first, so many bytes at most; nothing at the end."""
        while not self.closed and not self._data:
            yield Wait((self.changed,))
        return self._take(len(self._data) if size < 0 else size)

    def readline(self) -> Steps[bytes]:
        """Read a line; nothing at the end."""
        while not self.closed and b"\n" not in self._data:
            yield Wait((self.changed,))
        end = self._data.find(b"\n") + 1
        return self._take(end or len(self._data))

    def read_now(self) -> bytes:
        """Read what is there."""
        return self._take(len(self._data))

    def _take(self, size: int) -> bytes:
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken


@final
class Nothing:
    """A stream without anything in it, which forgets what is written: ``/dev/null``."""

    __slots__ = ()

    def write(self, data: str | bytes) -> int:
        """Forget it."""
        return len(_encoded(data))

    def read(self, size: int = -1) -> Steps[bytes]:
        """Give nothing, however much is asked for."""
        return at_once(bytes(0 * size))

    def readline(self) -> Steps[bytes]:
        """Give nothing."""
        return at_once(b"")

    def read_now(self) -> bytes:
        """Give nothing."""
        return b""

    def close(self) -> None:
        """Do nothing."""


@final
class FileStream:
    """An open file as a stream."""

    __slots__ = ("_file",)

    def __init__(self, file: IO[Any]) -> None:
        self._file = file

    def write(self, data: str | bytes) -> int:
        """Write to the file."""
        return int(self._file.write(_encoded(data)))

    def read(self, size: int = -1) -> Steps[bytes]:
        """Read from the file; files never make wait."""
        return at_once(bytes(self._file.read(size)))

    def readline(self) -> Steps[bytes]:
        """Read a line."""
        return at_once(bytes(self._file.readline()))

    def read_now(self) -> bytes:
        """Read all that is left."""
        return bytes(self._file.read())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@final
class Collected:
    """
    Takes what is written, and hands it on as it comes.

    >>> out = Collected()
    >>> out.write("hello")
    5
    >>> out.data
    b'hello'
    """

    __slots__ = ("_keep", "_parts", "_tee")

    def __init__(
        self, tee: Callable[[bytes], object] | None = None, *, keep: bool = True
    ) -> None:
        self._parts: list[bytes] = []
        self._tee = tee
        self._keep = keep

    def write(self, data: str | bytes) -> int:
        """Take something."""
        raw = _encoded(data)
        if self._keep:
            self._parts.append(raw)
        if self._tee is not None:
            self._tee(raw)
        return len(raw)

    def close(self) -> None:
        """Do nothing: what was written stays."""

    @property
    def data(self) -> bytes:
        """All that was written."""
        return b"".join(self._parts)


def lines(data: bytes) -> list[str]:
    """
    Give lines as text, without their ends.

    >>> lines(b"a\\nb"), lines(b"")
    (['a', 'b'], [])
    """
    text = data.decode("utf-8", "surrogateescape")
    return text.removesuffix("\n").split("\n") if text else []
