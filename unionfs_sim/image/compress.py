"""
Compression in a stream, with headers that say nothing of when, where and of what.

The tar inside is the same on every machine; the compressed bytes are the same for one
version of zlib or zstd.
"""

from __future__ import annotations

import hashlib
import importlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias, final

from unionfs_sim.errors import FormatError
from unionfs_sim.image.decompress import Compression

#: Told how many bytes of how many are done.
Progress: TypeAlias = Callable[[int, int], None]

#: What Docker and containers' tools use as well: neither fast nor small.
GZIP_LEVEL: Final = 6
ZSTD_LEVEL: Final = 3

#: No flags, no time, no name, no hint of the level, system "unknown", as Go's writer.
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_TRAILER: Final = struct.Struct("<LL")
_WORD: Final = 0xFFFF_FFFF


def check_available(compression: Compression | None) -> None:
    """
    Make sure that a compression can be written here.

    Raises:
        FormatError: It is zstd, and no library is there; the text names the extra.

    >>> check_available("gzip")
    """
    if compression == "zstd":
        _zstd_compressor()


def compress(
    pieces: Iterable[bytes], compression: Compression | None
) -> Iterator[bytes]:
    """
    Give the compressed bytes of some pieces, which need never be in memory together.

    Without a compression the pieces go through as they are.

    Raises:
        FormatError: No library for zstd is there.

    >>> zlib.decompress(b"".join(compress([b"he", b"llo"], "gzip")), wbits=31)
    b'hello'
    """
    if compression == "gzip":
        return _gzip(pieces)
    if compression == "zstd":
        return _zstd(pieces)
    return iter(pieces)


@final
class Measured:
    """
    Passes pieces through, and knows their digest and size so far.

    Args:
        pieces: The pieces.
        algorithm: The algorithm of the digest.

    >>> measured = Measured([b"he", b"llo"])
    >>> list(measured), measured.size, measured.digest[:15]
    ([b'he', b'llo'], 5, 'sha256:2cf24dba')
    """

    def __init__(self, pieces: Iterable[bytes], algorithm: str = "sha256") -> None:
        self._pieces = pieces
        self._algorithm = algorithm
        self._hasher = hashlib.new(algorithm, usedforsecurity=False)
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces."""
        for piece in self._pieces:
            self._hasher.update(piece)
            self.size += len(piece)
            yield piece

    @property
    def digest(self) -> str:
        """The digest of what has gone through."""
        return f"{self._algorithm}:{self._hasher.hexdigest()}"


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    deflate = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    checksum = size = 0
    yield _GZIP_HEADER
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
        size += len(piece)
        done = deflate.compress(piece)
        if done:
            yield done
    yield deflate.flush() + _GZIP_TRAILER.pack(checksum, size & _WORD)


def _zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    frame = _zstd_compressor()
    for piece in pieces:
        done: bytes = frame.compress(piece)
        if done:
            yield done
    yield frame.flush()


def _zstd_compressor() -> Any:  # noqa: ANN401 - from one of two libraries
    """Start a frame with a checksum, by the standard library (3.14 on) or zstandard."""
    try:
        library = importlib.import_module("compression.zstd")
    except ImportError:
        pass
    else:
        parameter = library.CompressionParameter
        options = {
            parameter.compression_level: ZSTD_LEVEL,
            parameter.checksum_flag: 1,
        }
        return library.ZstdCompressor(options=options)
    try:
        library = importlib.import_module("zstandard")
    except ImportError as error:
        msg = (
            "writing zstd needs Python 3.14 or the extra: pip install unionfs-sim[zstd]"
        )
        raise FormatError(msg) from error
    return library.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compressobj()
