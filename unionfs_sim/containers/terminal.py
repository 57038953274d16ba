"""
A terminal: what a keyboard types becomes lines, as the kernel's line discipline has it.

A client puts its own terminal into raw mode, so echo, erasing and Ctrl-C are done at
this end, as behind ``docker run -t``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, final

from unionfs_sim.containers.scheduling import Event, Steps, Wait

_INTERRUPT: Final = 0x03
_END: Final = 0x04
_RETURN: Final = 0x0D
_NEWLINE: Final = 0x0A
_KILL: Final = 0x15
_WORD: Final = 0x17
_QUIT: Final = 0x1C
_ERASE: Final = frozenset({0x08, 0x7F})

#: Keys that send a signal.
_SIGNALS: Final = {_INTERRUPT: "SIGINT", _QUIT: "SIGQUIT"}

_BLOT: Final = b"\b \b"


def cooked(data: bytes) -> bytes:
    r"""
    Give output as it leaves a terminal: a newline returns the carriage.

    >>> cooked(b"one\ntwo\n")
    b'one\r\ntwo\r\n'
    """
    return data.replace(b"\n", b"\r\n")


@final
class Terminal:
    r"""
    The keyboard's end of a terminal, to be read as a program reads its input.

    Args:
        echo: Takes what is shown of what is typed.
        signal: Is told the signal that a key sends.

    Attributes:
        closed: Whether nothing more will be typed.
        terminal: True, for programs that ask.
        changed: Happens when there is something to read.

    >>> screen = []
    >>> keyboard = Terminal(screen.append, print)
    >>> keyboard.write("lz\x7fs\r")
    5
    >>> keyboard.read_now(), b"".join(screen)
    (b'ls\n', b'lz\x08 \x08s\r\n')
    >>> _ = keyboard.write("\x03")
    SIGINT
    """

    __slots__ = ("_echo", "_line", "_ready", "_signal", "changed", "closed", "terminal")

    def __init__(
        self, echo: Callable[[bytes], object], signal: Callable[[str], object]
    ) -> None:
        self._echo = echo
        self._signal = signal
        self._line = bytearray()
        # An empty piece is Ctrl-D: the end of the input, once.
        self._ready: deque[bytes] = deque()
        self.closed = False
        self.terminal = True
        self.changed = Event()

    def __len__(self) -> int:
        """Count the bytes that wait to be read."""
        return sum(map(len, self._ready))

    # --- typing -------------------------------------------------------------------

    def write(self, data: str | bytes) -> int:
        """Type something, and give the number of bytes."""
        raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        for key in raw:
            self._type(key)
        return len(raw)

    def _type(self, key: int) -> None:
        line = self._line
        if key in _SIGNALS:
            line.clear()
            self._echo(bytes((0x5E, key + 0x40)))  # ^C
            self._signal(_SIGNALS[key])
        elif key in {_RETURN, _NEWLINE}:
            self._echo(b"\r\n")
            line.append(_NEWLINE)
            self._hand_over()
        elif key == _END:
            self._hand_over()
        elif key in _ERASE:
            self._erase(1)
        elif key == _KILL:
            self._erase(len(line))
        elif key == _WORD:
            kept = line.rstrip(b" ")
            self._erase(len(line) - (kept.rfind(b" ") + 1))
        else:
            line.append(key)
            self._echo(bytes((key,)) if key >= 0x20 or key == 0x09 else (
                bytes((0x5E, key + 0x40))))  # fmt: skip

    def _erase(self, count: int) -> None:
        for _ in range(min(count, len(self._line))):
            gone = self._line.pop()
            while gone & 0xC0 == 0x80 and self._line:  # the rest of a UTF-8 letter
                gone = self._line.pop()
            self._echo(_BLOT)

    def _hand_over(self) -> None:
        self._ready.append(bytes(self._line))
        self._line.clear()
        self.changed.notify()

    def close(self) -> None:
        """Hang up: what was typed can be read, and nothing more comes."""
        self.closed = True
        if self._line:
            self._hand_over()
        self.changed.notify()

    # --- reading ------------------------------------------------------------------

    def read(self, size: int = -1) -> Steps[bytes]:
        """Read so many bytes, or all until Ctrl-D; waits for them."""
        found = bytearray()
        while size < 0 or len(found) < size:
            yield from self._wait()
            if not self._ready:
                break
            piece = self._ready.popleft()
            if not piece:
                break
            room = len(piece) if size < 0 else size - len(found)
            found += piece[:room]
            if piece[room:]:
                self._ready.appendleft(piece[room:])
        return bytes(found)

    def read_some(self) -> Steps[bytes]:
        """Read a line, or what comes before Ctrl-D; nothing at the end."""
        yield from self._wait()
        return self._ready.popleft() if self._ready else b""

    def readline(self) -> Steps[bytes]:
        """Read a line; nothing at the end."""
        return self.read_some()

    def read_now(self) -> bytes:
        """Read what is there, up to Ctrl-D."""
        found = b""
        while self._ready:
            piece = self._ready.popleft()
            if not piece:
                break
            found += piece
        return found

    def _wait(self) -> Steps[None]:
        while not self._ready and not self.closed:
            yield Wait((self.changed,))
