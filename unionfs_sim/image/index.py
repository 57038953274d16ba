"""
An index of images that were opened before, so that opening them again reads no layer.

A directory, best of the user's cache, holds one file for each layer that was checked
and parsed.  It is believed as far as git believes its own: only for the very file that
was checked, by device, inode, size and both times, if that was settled when it was
checked, and only if nobody but the user can write in the directory.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import tempfile
import threading
import time
from pathlib import Path
from typing import Final, cast

import attrs

import unionfs_sim
from unionfs_sim.core.content import Content, Extent
from unionfs_sim.core.layer import Layer
from unionfs_sim.errors import FormatError, fs_error
from unionfs_sim.image import decompress, digest
from unionfs_sim.image.decompress import Compression
from unionfs_sim.image.limits import DEFAULT_LIMITS
from unionfs_sim.image.model import LAYER_TYPES
from unionfs_sim.image.selection import StoredLayer
from unionfs_sim.image.sources import FileSource, Spool
from unionfs_sim.image.tarstream import as_extent
from unionfs_sim.image.treefile import TreeFile, UnfitError, encode

#: What a file of the index begins with; then the digest of all that follows it.
_MAGIC: Final = b"unionfs-sim index 1 "

_MAGIC_END: Final = len(_MAGIC) + 64 + 1

#: How long a file must not have changed before it was read: within one tick of its
#: times it could change again without showing it.
SETTLED_NS: Final = 2_000_000_000

#: How many layers an index keeps; the oldest go first.
LAYERS_MAX: Final = 1024

#: A file of the index that is larger is none of ours.
_FILE_BYTES_MAX: Final = 1 << 30

_COMPRESSIONS: Final = frozenset({None, "gzip", "zstd"})


@attrs.frozen(kw_only=True)
class IndexedLayer:
    """
    A layer as the index has it.

    Attributes:
        tree: Its tree.
        tar: Its tar; decompressed and checked when a content in it is first read.
        compression: How it is stored.
        stored_digest: The digest of its stored bytes.
        entries: How many entries count towards the limit.
    """

    tree: TreeFile
    tar: Extent
    compression: Compression | None
    stored_digest: str
    entries: int


class Index:
    """
    The index in one directory, while one image is opened.

    Args:
        path: The directory, which is made if it is not there.
        spool: Where layers are decompressed to when their contents are read.
        options: What else the reading of a layer depends on.

    Raises:
        FormatError: Others can write in the directory.
        OSError: It cannot be made.
    """

    def __init__(
        self, path: str | os.PathLike[str], spool: Spool, *options: object
    ) -> None:
        self._folder = Path(path)
        self._spool = spool
        self._options = [unionfs_sim.__version__, *options]
        self._began_ns = time.time_ns()
        self._lock = threading.Lock()  # of the spool
        self._found: dict[str, IndexedLayer | None] = {}
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(self._folder.stat()):
            msg = f"{self._folder}: others can write there, so it can be no index"
            raise FormatError(msg)

    def find(self, stored: StoredLayer) -> IndexedLayer | None:
        """Give a layer that is as it was when it was checked, if the index has it."""
        key = self._key(stored)
        if key is None:
            return None
        if key not in self._found:
            self._found[key] = self._load(key, stored)
        found = self._found[key]
        media_type = stored.descriptor.media_type if stored.descriptor else None
        if found and media_type and LAYER_TYPES.get(media_type) != found.compression:
            return None
        return found

    def keep(
        self,
        stored: StoredLayer,
        tar: Content,
        layer: Layer,
        *,
        compression: Compression | None,
        stored_digest: str,
        entries: int,
    ) -> None:
        """
        Keep a layer that has been checked and parsed, and had nothing odd.

        Whatever is in the way (a full disk, a file that has just changed, a tree that
        has no bytes) means only that the layer is not kept.
        """
        key = self._key(stored)
        if key is None or not self._is_settled(stored):
            return
        extent = as_extent(tar)
        head = [key, compression, stored_digest, extent.size, entries]
        with contextlib.suppress(UnfitError, OSError):
            body = json.dumps(head).encode() + b"\n" + encode(layer.root, extent)
            check = hashlib.sha256(body).hexdigest().encode()
            _write(self._folder / _name(key), _MAGIC + check + b"\n" + body)

    def trim(self) -> None:
        """Remove the oldest layers over the limit."""
        with contextlib.suppress(OSError):
            files = list(self._folder.glob("*.layer"))
            if len(files) > LAYERS_MAX:
                files.sort(key=lambda path: path.stat().st_mtime_ns)
                for path in files[: len(files) - LAYERS_MAX]:
                    path.unlink(missing_ok=True)

    def _key(self, stored: StoredLayer) -> str | None:
        """Say which bytes of which file these are, and how they are read."""
        extent = as_extent(stored.blob)
        if not isinstance(extent.source, FileSource):
            return None  # in an archive that is compressed as a whole
        return json.dumps(
            [
                stored.diff_id,
                stored.descriptor.digest if stored.descriptor else None,
                extent.source.identity,
                extent.offset,
                extent.size,
                self._options,
            ]
        )

    def _is_settled(self, stored: StoredLayer) -> bool:
        source = cast("FileSource", as_extent(stored.blob).source)
        newest = max(source.identity[-2:])
        return (
            newest < self._began_ns - SETTLED_NS
            and source.identity_now() == source.identity
        )

    def _load(self, key: str, stored: StoredLayer) -> IndexedLayer | None:
        path = self._folder / _name(key)
        try:
            data = _read(path)
            body = data[_MAGIC_END:]
            check = hashlib.sha256(body).hexdigest().encode()
            if data[:_MAGIC_END] != _MAGIC + check + b"\n":
                return None
            end = body.index(b"\n")
            found, compression, stored_digest, size, entries = json.loads(body[:end])
            if found != key or compression not in _COMPRESSIONS:
                return None
            if min(size, entries) < 0 or {type(size), type(entries)} != {int}:
                return None
            digest.parse(stored_digest, place=str(path))
            tar = as_extent(stored.blob)
            if compression is not None:
                late = _LateTar(stored, compression, size, self._spool, self._lock)
                tar = Extent(late, 0, size)
            return IndexedLayer(
                tree=TreeFile(body[end + 1 :], tar, place=str(path)),
                tar=tar,
                compression=compression,
                stored_digest=stored_digest,
                entries=entries,
            )
        except (OSError, ValueError, TypeError, RecursionError):
            return None  # not there, damaged, or not ours: the layer is read


class _LateTar:
    """A compressed layer that is decompressed, and checked, when it is first read."""

    def __init__(
        self,
        stored: StoredLayer,
        compression: Compression,
        size: int,
        spool: Spool,
        lock: threading.Lock,
    ) -> None:
        self._stored = stored
        self._compression = compression
        self._size = size
        self._spool = spool
        self._lock = lock
        self._tar: Extent | None = None

    def read_at(self, offset: int, size: int) -> bytes:
        """
        Give exactly *size* bytes from *offset* on.

        Raises:
            UnionFSError: EIO, the layer is not what it was; EBADF, it is closed.
        """
        with self._lock:
            if self._tar is None:
                self._tar = self._decompressed()
            tar = self._tar
        return tar.read(offset, size)

    def _decompressed(self) -> Extent:
        place = repr(self)
        blob = self._stored.blob
        blob.read(0, 1)  # fails where the image is closed, and before there is a spool
        try:
            pieces = decompress.chunks(
                blob, self._compression, place=place, limits=DEFAULT_LIMITS
            )
            tar = self._spool.add(pieces)
            algorithm = self._stored.diff_id.partition(":")[0]
            found = digest.of_content(tar, algorithm=algorithm)
        except FormatError as error:
            raise fs_error(errno.EIO, place, op="read") from error
        if found != self._stored.diff_id or tar.size != self._size:
            raise fs_error(errno.EIO, place, op="read")
        return tar

    def __repr__(self) -> str:
        """Show the digest."""
        return f"<tar {self._stored.diff_id}>"


def _name(key: str) -> str:
    return f"{hashlib.sha256(key.encode()).hexdigest()}.layer"


def _is_ours(status: os.stat_result) -> bool:
    """Tell whether nobody else can have written there."""
    user = os.geteuid() if hasattr(os, "geteuid") else status.st_uid
    return status.st_uid == user and not status.st_mode & 0o022


def _read(path: Path) -> bytes:
    """
    Read a file of the index.

    Raises:
        OSError: It cannot be opened.
        ValueError: It is none of ours.
    """
    flags = os.O_RDONLY
    for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - by descriptor
        status = os.fstat(file.fileno())
        if (
            not stat.S_ISREG(status.st_mode)
            or not _is_ours(status)
            or status.st_size > _FILE_BYTES_MAX
        ):
            msg = f"{path}: no file of an index"
            raise ValueError(msg)
        return file.read()


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is there as a whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - by descriptor
            file.write(data)
        os.replace(name, path)  # noqa: PTH105 - one name is text
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - likewise
        raise
