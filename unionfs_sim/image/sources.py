"""Where the bytes of an image are: files that stay open, and one spool beside them."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Final, Self

from unionfs_sim.core.content import EMPTY, READ_BYTES, Extent
from unionfs_sim.errors import FormatError, fs_error

#: Never waits for a writer where a pipe stands in a file's place.
_OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


class FileSource:
    """
    A file of the host as a source of bytes, on one descriptor.

    Reading uses ``pread``, so threads may share it.  The file must not change while
    it is open; if it gets shorter, reading beyond its end fails with EIO.

    Attributes:
        name: What errors call the file.
        size: Its size when it was opened, in bytes.
        identity: Which file it is, and when it last changed, as of then: device,
            inode, size, and the times of its content and of its inode.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """
        Open a regular file.

        Raises:
            OSError: It cannot be opened.
            FormatError: It is not a regular file.
        """
        self.name = os.fspath(path)
        self._fd = os.open(path, _OPEN_FLAGS)
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            msg = f"{self.name}: not a regular file"
            raise FormatError(msg)
        self.size = status.st_size
        self.identity = _identity(status)

    def identity_now(self) -> tuple[int, ...]:
        """Give the same as of now; equal if the file has not changed."""
        return _identity(os.fstat(self._fd))

    def content(self) -> Extent:
        """Give the whole file as a content."""
        return Extent(self, 0, self.size) if self.size else EMPTY

    def read_at(self, offset: int, size: int) -> bytes:
        """
        Give exactly *size* bytes from *offset* on.

        Raises:
            UnionFSError: EIO, the file got shorter; EBADF, it is closed.
        """
        return _read_exactly(self._fd, offset, size, name=self.name)

    def close(self) -> None:
        """Close the descriptor; closing twice is fine."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        """Give the source itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the descriptor."""
        self.close()

    def __repr__(self) -> str:
        """Show the file's name."""
        return f"FileSource({self.name!r})"


class Spool:
    """
    One temporary file without a name, to which decompressed bytes are appended.

    It is made when it is first needed and is gone when it is closed, however the
    process ends.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._size = 0

    def add(self, chunks: Iterable[bytes]) -> Extent:
        """
        Append bytes and give their range; nothing is kept in memory.

        What *chunks* raises goes through, and what was appended then is forgotten.

        Raises:
            UnionFSError: ENOSPC and the like; it names the directory of the file.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0, prefix="unionfs-sim-")  # noqa: SIM115 - closed with the spool
        self._file.seek(self._size)
        size = 0
        for chunk in chunks:
            self._write(self._file, chunk)
            size += len(chunk)
        extent = Extent(self, self._size, size) if size else EMPTY
        self._size += size
        return extent

    def _write(self, file: IO[bytes], chunk: bytes) -> None:
        view = memoryview(chunk)
        try:
            while view:
                view = view[file.write(view) :]
        except OSError as error:
            # It has no name of its own; TMPDIR is what its owner can do something about.
            where = tempfile.gettempdir()
            raise fs_error(error.errno or errno.EIO, where, op="write") from error

    def read_at(self, offset: int, size: int) -> bytes:
        """
        Give exactly *size* bytes from *offset* on.

        Raises:
            UnionFSError: EBADF, the spool is closed.
        """
        fd = -1 if self._file is None else self._file.fileno()
        return _read_exactly(fd, offset, size, name=repr(self))

    def close(self) -> None:
        """Close the file, with which it is gone; closing twice is fine."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __repr__(self) -> str:
        """Show the size."""
        return f"<Spool of {self._size} bytes>"


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _read_exactly(fd: int, offset: int, size: int, *, name: str) -> bytes:
    """Read a range of a descriptor; the kernel may give it in several pieces."""
    if fd < 0:
        raise fs_error(errno.EBADF, name, op="read")
    data = os.pread(fd, size, offset)
    if len(data) == size:
        return data
    pieces = [data]
    missing = size - len(data)
    while data and missing:
        data = os.pread(fd, min(missing, READ_BYTES), offset + size - missing)
        pieces.append(data)
        missing -= len(data)
    if missing:
        raise fs_error(errno.EIO, name, op="read")
    return b"".join(pieces)
