"""Open files as real `io` objects, buffered and decoded by the standard library."""

from __future__ import annotations

import errno
import functools
import io
from typing import IO, TYPE_CHECKING, Protocol, cast, final

import attrs

from unionfs_sim.core import flags
from unionfs_sim.core.content import Content
from unionfs_sim.errors import fs_error

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class OpenFile(Protocol):
    """What an open file stands on: content to read, and a way to replace it."""

    @property
    def path(self) -> str:
        """The path that it was opened by."""
        ...  # pragma: no cover

    def content(self) -> Content:
        """Give the content as it is now."""
        ...  # pragma: no cover

    def replace(self, op: str, content: Content) -> None:
        """Make this the content."""
        ...  # pragma: no cover


@final
@attrs.frozen
class Mode:
    """
    What a mode of ``open`` asks for.

    Attributes:
        read: Whether the file can be read.
        write: Whether it can be written.
        append: Whether every write goes to the end.
        create: Whether a missing file is made.
        exclusive: Whether an existing file is an error.
        truncate: Whether an existing file is emptied.
        text: Whether it is read and written as text.

    >>> Mode.parse("r+b").write
    True
    """

    read: bool
    write: bool
    append: bool
    create: bool
    exclusive: bool
    truncate: bool
    text: bool

    @classmethod
    @functools.lru_cache(64)
    def parse(cls, mode: str) -> Mode:
        """
        Read a mode as the built-in ``open`` does.

        Raises:
            ValueError: It is not one; the text is Python's own.
        """
        if set(mode) - set("axrwb+t") or len(mode) > len(set(mode)):
            msg = f"invalid mode: {mode!r}"
            raise ValueError(msg)
        if "t" in mode and "b" in mode:
            msg = "can't have text and binary mode at once"
            raise ValueError(msg)
        if sum(letter in mode for letter in "rwxa") != 1:
            msg = "must have exactly one of create/read/write/append mode"
            raise ValueError(msg)
        plus = "+" in mode
        reading = "r" in mode
        return cls(
            read=reading or plus,
            write=not reading or plus,
            append="a" in mode,
            create=not reading,
            exclusive="x" in mode,
            truncate="w" in mode,
            text="b" not in mode,
        )

    @property
    def flags(self) -> int:
        """The flags of ``os_open`` that it stands for."""
        access = flags.O_RDWR if self.read else flags.O_WRONLY
        return (
            (access if self.write else flags.O_RDONLY)
            | (flags.O_CREAT if self.create else 0)
            | (flags.O_EXCL if self.exclusive else 0)
            | (flags.O_TRUNC if self.truncate else 0)
            | (flags.O_APPEND if self.append else 0)
        )


@final
class RawFile(io.RawIOBase):
    """An open file without a buffer; `wrap` puts the buffers around it."""

    def __init__(self, file: OpenFile, mode: Mode) -> None:
        self._file = file
        self._mode = mode
        self._position = file.content().size if mode.append else 0

    @property
    def name(self) -> str:
        """The path that the file was opened by."""
        return self._file.path

    @property
    def mode(self) -> str:
        """The mode, as a raw file of Python has it."""
        if not self._mode.write:
            return "rb"
        plus = "+" if self._mode.read else ""
        if self._mode.append:
            return f"ab{plus}"
        if self._mode.exclusive:
            return f"xb{plus}"
        return "rb+" if plus else "wb"

    def readable(self) -> bool:
        """Tell whether the file can be read."""
        return self._mode.read

    def writable(self) -> bool:
        """Tell whether the file can be written."""
        return self._mode.write

    def seekable(self) -> bool:
        """Tell that the file can be sought in."""
        self._check_open()
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into a buffer from the position on; 0 at the end."""
        self._check_open()
        if not self._mode.read:
            msg = "not readable"
            raise io.UnsupportedOperation(msg)
        view = memoryview(buffer).cast("B")
        data = self._file.content().read(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        """Read from the position to the end."""
        self._check_open()
        if not self._mode.read:
            msg = "not readable"
            raise io.UnsupportedOperation(msg)
        content = self._file.content()
        data = content.read(self._position, max(content.size - self._position, 0))
        self._position += len(data)
        return data

    def write(self, buffer: ReadableBuffer, /) -> int:
        """Write a buffer at the position, or at the end of a file opened to append."""
        self._check_open()
        if not self._mode.write:
            msg = "not writable"
            raise io.UnsupportedOperation(msg)
        data = bytes(memoryview(buffer).cast("B"))
        content = self._file.content()
        if self._mode.append:
            self._position = content.size
        if data:
            self._file.replace("write", content.splice(self._position, data))
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """
        Move the position.

        Raises:
            UnionFSError: EINVAL, it would be before the start.
        """
        self._check_open()
        start = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._file.content().size,
        }.get(whence)
        if start is None or start + offset < 0:
            raise fs_error(errno.EINVAL, self._file.path, op="seek")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Give the position."""
        self._check_open()
        return self._position

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or prolong the file to a size, the position by default."""
        self._check_open()
        if not self._mode.write:
            msg = "not writable"
            raise io.UnsupportedOperation(msg)
        size = self._position if size is None else size
        if size < 0:
            raise fs_error(errno.EINVAL, self._file.path, op="truncate")
        self._file.replace("truncate", self._file.content().resize(size))
        return size

    def _check_open(self) -> None:
        if self.closed:
            msg = "I/O operation on closed file"
            raise ValueError(msg)


def wrap(
    raw: RawFile,
    mode: Mode,
    *,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> IO[str] | IO[bytes]:
    """
    Put buffers and a decoder around an open file, as the built-in ``open`` does.

    Text is UTF-8 unless told otherwise, on every host.

    Raises:
        ValueError: The arguments do not go together.
    """
    if not mode.text and (encoding or errors or newline) is not None:
        msg = "binary mode doesn't take an encoding, errors or newline argument"
        raise ValueError(msg)
    if buffering == 0:
        if mode.text:
            msg = "can't have unbuffered text I/O"
            raise ValueError(msg)
        return cast("IO[bytes]", raw)
    size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
    buffer: io.BufferedRandom | io.BufferedReader | io.BufferedWriter
    if mode.read and mode.write:
        buffer = io.BufferedRandom(raw, size)
    elif mode.write:
        buffer = io.BufferedWriter(raw, size)
    else:
        buffer = io.BufferedReader(raw, size)
    if not mode.text:
        return cast("IO[bytes]", buffer)
    return io.TextIOWrapper(
        buffer,
        encoding or "utf-8",
        errors,
        newline,
        line_buffering=buffering == 1,
    )
