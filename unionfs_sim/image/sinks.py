"""
Where written images go: directories and archives that appear under their name at once.

Everything is made under another name beside the wanted one, which it takes at the end;
whatever is raised on the way, nothing is left.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol, final

from unionfs_sim.core.content import READ_BYTES
from unionfs_sim.core.meta import DIRECTORY_META, FILE_META
from unionfs_sim.errors import DigestError, fs_error
from unionfs_sim.image import digest, tarheaders, tarstream
from unionfs_sim.image.compress import Measured

#: Made anew for every try, so that two writers do not meet.
_TOKEN_BYTES: Final = 6

#: How the names end of what is not complete yet.
_PARTIAL: Final = ".partial"

#: What file systems say that have no hard links.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})

_BLOBS: Final = "blobs/sha256"


class Sink(Protocol):
    """Takes the blobs and documents of an image."""

    def put(self, digest: str, size: int, pieces: Iterable[bytes]) -> None:
        """
        Take a blob whose digest and size are known.

        Raises:
            DigestError: It turned out to be something else.
        """
        ...  # pragma: no cover

    def put_new(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Take a blob of unknown digest and size, and give both."""
        ...  # pragma: no cover

    def put_document(self, name: str, data: bytes) -> None:
        """Take a document that is not a blob."""
        ...  # pragma: no cover


@final
class DirectorySink:
    """
    An image layout in a directory.

    Args:
        root: The directory, which is there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, digest_: str, size: int, pieces: Iterable[bytes]) -> None:
        """
        Write a blob under its digest, unless it is there in that size.

        Raises:
            DigestError: It turned out to be something else.
            OSError: It cannot be written.
        """
        path = self._path(digest_)
        if path.is_file() and path.stat().st_size == size:
            return
        measured = Measured(pieces, digest_.partition(":")[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path, replace=True) as out:
            _copy(measured, out)
            check_blob(measured, digest_, size)

    def put_new(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Write a blob, and name it when its digest is known."""
        measured = Measured(pieces)
        folder = self._root / _BLOBS
        folder.mkdir(parents=True, exist_ok=True)
        with _partial(folder) as (partial, out):
            _copy(measured, out)
            out.close()
            partial.replace(self._path(measured.digest))
        return measured.digest, measured.size

    def put_document(self, name: str, data: bytes) -> None:
        """Write a document, replacing one that is there in one step."""
        with new_file(self._root / name, replace=True) as out:
            out.write(data)

    def _path(self, digest_: str) -> Path:
        return self._root / digest.blob_path(digest_)


@final
class ArchiveSink:
    """
    An image layout in a tar, which needs no seeking.

    Args:
        out: Takes the archive.
        folder: Where blobs wait whose size is not known before they are written.
    """

    def __init__(self, out: BinaryIO, folder: Path) -> None:
        self._out = out
        self._folder = folder
        self._blobs: set[str] = set()
        self._directories: set[str] = set()

    def put(self, digest_: str, size: int, pieces: Iterable[bytes]) -> None:
        """
        Write a blob, unless it is there.

        Raises:
            DigestError: It turned out to be something else.
            OSError: It cannot be written.
        """
        if digest_ in self._blobs:
            return
        self._blobs.add(digest_)
        measured = Measured(pieces, digest_.partition(":")[0])
        self._entry(digest.blob_path(digest_), size)
        _copy(measured, self._out)
        check_blob(measured, digest_, size)
        self._out.write(tarheaders.padding(size))

    def put_new(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Write a blob by way of a file without a name, for its size comes first."""
        measured = Measured(pieces)
        with tempfile.TemporaryFile(dir=self._folder) as waiting:
            _copy(measured, waiting)
            waiting.seek(0)
            rest = iter(lambda: waiting.read(READ_BYTES), b"")
            self.put(measured.digest, measured.size, rest)
        return measured.digest, measured.size

    def put_document(self, name: str, data: bytes) -> None:
        """Write a document."""
        self._entry(name, len(data))
        self._out.write(data + tarheaders.padding(len(data)))

    def finish(self) -> None:
        """Write the end of the archive."""
        self._out.write(tarheaders.END)

    def _entry(self, name: str, size: int) -> None:
        """Write a file's header, and before it those of new directories."""
        for cut, letter in enumerate(name):
            if letter == "/" and name[: cut + 1] not in self._directories:
                self._directories.add(name[: cut + 1])
                raw = name[: cut + 1].encode()
                kind = tarstream.DIRECTORY
                self._out.write(tarheaders.header(raw, kind, DIRECTORY_META))
        kind = tarstream.FILE
        self._out.write(tarheaders.header(name.encode(), kind, FILE_META, size=size))


def _copy(pieces: Iterable[bytes], out: BinaryIO) -> None:
    out.writelines(pieces)


def check_blob(measured: Measured, wanted: str, size: int) -> None:
    """
    Make sure that a blob is what was announced; its source may have changed.

    Raises:
        DigestError: It is not.
    """
    if (measured.digest, measured.size) != (wanted, size):
        msg = (
            f"the blob is {measured.digest} of {measured.size} bytes,"
            f" not {wanted} of {size}"
        )
        raise DigestError(msg)


@contextmanager
def new_file(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """
    Give a file to write that gets its name when all is well, and else is gone.

    Args:
        path: The name.
        replace: Whether a file of that name is replaced, which happens at the end;
            what is no file, such as a device, never is.

    Raises:
        ExistsError: EEXIST, there is such a file, and it is not to be replaced.
        OSError: It cannot be written.
    """
    _refuse(path, replace=replace)
    with _named(path), _partial(path.parent) as (partial, out):
        yield out
        out.close()
        if replace:
            _refuse(path, replace=True)
            partial.replace(path)
        else:
            _give_name(partial, path)


def _give_name(partial: Path, path: Path) -> None:
    """Give a file a name that nothing has: a link never replaces, as a rename does."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        _refuse(path)
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _refuse(path)
        partial.replace(path)


@contextmanager
def _partial(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Give a file to write, which is gone at the end if it has no other name by then."""
    path = folder / _partial_name()
    try:
        with path.open("xb") as out:
            yield path, out
    finally:
        path.unlink(missing_ok=True)


def _partial_name() -> str:
    return f".{secrets.token_hex(_TOKEN_BYTES)}{_PARTIAL}"


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """
    Give a directory to fill that gets its name when all is well, and else is gone.

    Raises:
        ExistsError: EEXIST, there is something of that name that is not an empty
            directory.
        OSError: It cannot be made.
    """
    if not (path.is_dir() and not path.is_symlink() and not any(path.iterdir())):
        _refuse(path)
    partial = path.parent / _partial_name()
    with _named(path):
        try:
            partial.mkdir()
            yield partial
            partial.replace(path)  # an empty directory is replaced as well
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors name what was to be written, not what stood for it or nothing."""
    try:
        yield
    except OSError as error:
        name = error.filename
        hidden = isinstance(name, str) and _PARTIAL in name
        if error.errno is None or not (name is None or hidden):
            raise
        raise fs_error(error.errno, os.fspath(path), op="write") from error


def _refuse(path: Path, *, replace: bool = False) -> None:
    """Refuse a name that something has; a device, pipe or socket is never replaced."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # nothing, or nothing that can be reached: writing tells
    if not replace or _is_special(mode):
        raise fs_error(errno.EEXIST, os.fspath(path), op="write")


def _is_special(mode: int) -> bool:
    kinds = (stat.S_ISCHR, stat.S_ISBLK, stat.S_ISFIFO, stat.S_ISSOCK)
    return any(kind(mode) for kind in kinds)
