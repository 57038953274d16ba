"""Files that are open through a mount, read and written under the lock of what they lie on."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import (
    IO,
    TYPE_CHECKING,
    Any,
    Protocol,
    TypeVar,
    cast,
    final,
    runtime_checkable,
)

from unionfs_sim.core import fileio
from unionfs_sim.core.paths import StrPath
from unionfs_sim.core.status import stat_result
from unionfs_sim.errors import UnionFSError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_Result = TypeVar("_Result")


@runtime_checkable
class Descriptors(Protocol):
    """The verbs of a file system on descriptors, as `UnionFS` has them."""

    def os_open(self, path: StrPath, flags: int, mode: int = 0o777) -> int:
        """Open a file and give a descriptor."""
        ...  # pragma: no cover

    def listdir(self, path: StrPath | int = "/") -> list[str]:
        """List the names in an open directory."""
        ...  # pragma: no cover

    def link(self, src: StrPath | int, dst: StrPath) -> None:
        """Give an open file a name."""
        ...  # pragma: no cover

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        ...  # pragma: no cover

    def dup(self, fd: int) -> int:
        """Give a second descriptor of the same open file."""
        ...  # pragma: no cover

    def fstat(self, fd: int) -> stat_result:
        """Give the status of an open file."""
        ...  # pragma: no cover

    def read(self, fd: int, size: int) -> bytes:
        """Read from the position on."""
        ...  # pragma: no cover

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Read from an offset on."""
        ...  # pragma: no cover

    def write(self, fd: int, data: bytes) -> int:
        """Write at the position."""
        ...  # pragma: no cover

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """Write at an offset."""
        ...  # pragma: no cover

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """Move the position."""
        ...  # pragma: no cover

    def ftruncate(self, fd: int, length: int) -> None:
        """Cut or prolong an open file."""
        ...  # pragma: no cover

    def fsync(self, fd: int) -> None:
        """Make an open file safe."""
        ...  # pragma: no cover

    def fchmod(self, fd: int, mode: int) -> None:
        """Change the mode of an open file."""
        ...  # pragma: no cover

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """Change the owner of an open file."""
        ...  # pragma: no cover

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """Reserve, punch or zero a range."""
        ...  # pragma: no cover


class RawLike(Protocol):
    """What an open file is made of here: a raw file, of this library or of Python."""

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read into a buffer."""
        ...  # pragma: no cover

    def write(self, buffer: ReadableBuffer, /) -> int | None:
        """Write a buffer."""
        ...  # pragma: no cover

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move the position."""
        ...  # pragma: no cover

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or prolong."""
        ...  # pragma: no cover

    def close(self) -> None:
        """Close."""
        ...  # pragma: no cover


@final
class LockedFile(io.RawIOBase):
    """
    A raw file whose calls hold a lock, and whose errors name the path as given.

    An append is one call, so that appends of several threads lose nothing.
    """

    def __init__(
        self, raw: RawLike, lock: threading.RLock, path: str, mode: fileio.Mode
    ) -> None:
        self._raw = raw
        self._lock = lock
        self._path = path
        self._mode = mode

    @property
    def name(self) -> str:
        """The path that the file was opened by."""
        return self._path

    @property
    def mode(self) -> str:
        """The mode, as a raw file of Python has it."""
        if not self._mode.write:
            return "rb"
        if self._mode.append:
            return "ab+" if self._mode.read else "ab"
        return "rb+" if self._mode.read else "wb"

    def _do(self, call: Callable[[], _Result]) -> _Result:
        if self.closed:
            msg = "I/O operation on closed file"
            raise ValueError(msg)
        try:
            with self._lock:
                return call()
        except UnionFSError as error:
            error.filename = self._path
            raise

    def readable(self) -> bool:
        """Tell whether the file can be read."""
        return self._mode.read

    def writable(self) -> bool:
        """Tell whether the file can be written."""
        return self._mode.write

    def seekable(self) -> bool:
        """Tell that the file can be sought in."""
        return self._do(lambda: True)

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read into a buffer from the position on; 0 at the end."""
        return self._do(lambda: self._raw.readinto(buffer))

    def write(self, buffer: ReadableBuffer, /) -> int | None:
        """Write a buffer at the position, or at the end of a file opened to append."""
        return self._do(lambda: self._raw.write(buffer))

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position."""
        return self._do(lambda: self._raw.seek(offset, whence))

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or prolong the file to a size, the position by default."""
        if size is None:
            size = self.tell()
        return self._do(lambda: self._raw.truncate(size))

    def close(self) -> None:
        """Close the file, also if what it lies on says that something went wrong."""
        try:
            if not self.closed:
                self._do(self._raw.close)
        finally:
            super().close()


def binary(mode: str) -> str:
    """
    Give the mode of the raw file under one.

    >>> binary("r+"), binary("wb"), binary("at")
    ('r+b', 'wb', 'ab')
    """
    return mode.replace("t", "").replace("b", "") + "b"


def opened(
    raw: IO[Any] | RawLike,
    lock: threading.RLock,
    path: str,
    mode: fileio.Mode,
    *,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> IO[Any]:
    """Put the lock, buffers and a decoder around a raw file."""
    locked = LockedFile(cast("RawLike", raw), lock, path, mode)
    return fileio.wrap(
        # Only what all raw files have is asked of it.
        cast("fileio.RawFile", locked),
        mode,
        buffering=buffering,
        encoding=encoding,
        errors=errors,
        newline=newline,
    )


@final
class DescriptorFile(io.RawIOBase):
    """A raw file on a descriptor, with a position of its own; closed if it is *owned*."""

    def __init__(
        self, fs: Descriptors, fd: int, mode: fileio.Mode, *, owned: bool = False
    ) -> None:
        self._owned = owned
        self._fs = fs
        self._fd = fd
        self._append = mode.append
        self._position = fs.fstat(fd).st_size if mode.append else 0

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into a buffer from the position on; 0 at the end."""
        view = memoryview(buffer).cast("B")
        data = self._fs.pread(self._fd, len(view), self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def write(self, buffer: ReadableBuffer, /) -> int:
        """Write a buffer at the position, or at the end of a file opened to append."""
        if self._append:
            self._position = self._fs.fstat(self._fd).st_size
        data = bytes(memoryview(buffer).cast("B"))
        count = self._fs.pwrite(self._fd, data, self._position)
        self._position += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position."""
        size = self._fs.fstat(self._fd).st_size
        start = (0, self._position, size)[whence]
        self._position = max(start + offset, 0)
        return self._position

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or prolong the file to a size, the position by default."""
        size = self._position if size is None else size
        self._fs.ftruncate(self._fd, size)
        return size

    def close(self) -> None:
        """Close the file."""
        if self._owned and not self.closed:
            self._fs.close(self._fd)
        super().close()
