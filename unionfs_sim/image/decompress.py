"""
Decompression in a stream: all members and frames, checked to the end.

Nothing may follow the last member, and a stream that ends early is an error; Python's
``tarfile`` stops at the end of the archive inside, so it never sees a wrong CRC.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeAlias

from unionfs_sim.core.content import READ_BYTES, Content
from unionfs_sim.errors import FormatError, MissingExtraError
from unionfs_sim.image.limits import Limits, why_too_large

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"

#: A skippable frame of zstd begins with 0x50 to 0x5f and these bytes.
_SKIPPABLE_MAGIC: Final = b"\x2a\x4d\x18"
_SKIPPABLE_HEADER_BYTES: Final = 8

#: zlib's code for "gzip, with header and trailer".
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS

#: How much compressed gzip is read at the start of a member.
_GZIP_STEP_BYTES: Final = 4096

#: How much compressed zstd is handed over at once: four bytes can stand for 128 KiB,
#: so this bounds what comes out in one piece to 32 MiB.
_ZSTD_STEP_BYTES: Final = 1024

#: How a blob is compressed.
Compression: TypeAlias = Literal["gzip", "zstd"]


def recognise(content: Content) -> Compression | None:
    """
    Tell by its first bytes how a content is compressed, if it is.

    >>> from unionfs_sim.core.content import literal
    >>> recognise(literal(bytes.fromhex("1f8b08"))), recognise(literal(b"ustar"))
    ('gzip', None)
    """
    magic = content.read(0, 4)
    if magic[:2] == GZIP_MAGIC:
        return "gzip"
    if magic == ZSTD_MAGIC or _is_skippable(magic):
        return "zstd"
    return None


def chunks(
    content: Content, compression: Compression, *, place: str, limits: Limits
) -> Iterator[bytes]:
    """
    Give the decompressed bytes, piece by piece.

    Raises:
        FormatError: The stream is broken, ends early or is followed by something;
            it is longer than `Limits.layer_bytes_max` or grows by more than
            `Limits.ratio_max`; or zstd is not installed.
    """
    pieces = _gzip if compression == "gzip" else _zstd
    size = 0
    for piece, taken in pieces(content, place, limits):
        size += len(piece)
        reason = why_too_large(taken, size, limits)
        if reason:
            msg = f"{place}: {reason}"
            raise FormatError(msg)
        yield piece


def _is_skippable(magic: bytes) -> bool:
    return magic[1:4] == _SKIPPABLE_MAGIC and magic[0] & 0xF0 == 0x50


def _gzip(content: Content, place: str, limits: Limits) -> Iterator[tuple[bytes, int]]:
    """
    Go through all members; zlib checks CRC and length of each.

    Each piece comes with how far in the compressed bytes it ends.
    """
    del limits
    position = 0
    while position < content.size:
        if content.read(position, 2) != GZIP_MAGIC:
            msg = f"{place}: something that is not gzip follows at byte {position}"
            raise FormatError(msg)
        member = zlib.decompressobj(_GZIP_WINDOW)
        # Small at first: what lies behind a member is read again for the next one,
        # and a megabyte can hold fifty thousand members.
        step = _GZIP_STEP_BYTES
        while not member.eof:
            data = member.unconsumed_tail
            if not data:
                data = content.read(position, step)
                position += len(data)
                step = min(4 * step, READ_BYTES)
                if not data:
                    msg = f"{place}: the gzip stream ends early"
                    raise FormatError(msg)
            try:
                piece = member.decompress(data, READ_BYTES)
            except zlib.error as error:
                msg = f"{place}: the gzip stream is broken: {error}"
                raise FormatError(msg) from error
            if piece:
                yield piece, position - len(member.unconsumed_tail)
        position -= len(member.unused_data)


def _zstd(content: Content, place: str, limits: Limits) -> Iterator[tuple[bytes, int]]:
    """Go through all frames like `_gzip`, skippable ones as well."""
    new_decoder, decoder_error = _zstd_library(place, limits)
    position = 0
    while position < content.size:
        header = content.read(position, _SKIPPABLE_HEADER_BYTES)
        if _is_skippable(header) and len(header) == _SKIPPABLE_HEADER_BYTES:
            position += len(header) + int.from_bytes(header[4:], "little")
            if position > content.size:
                msg = f"{place}: the zstd stream ends inside a skippable frame"
                raise FormatError(msg)
            continue
        if header[:4] != ZSTD_MAGIC:
            msg = f"{place}: something that is not zstd follows at byte {position}"
            raise FormatError(msg)
        frame = new_decoder()
        while not frame.eof:
            data = content.read(position, _ZSTD_STEP_BYTES)
            if not data:
                msg = f"{place}: the zstd stream ends early"
                raise FormatError(msg)
            position += len(data)
            try:
                piece = frame.decompress(data)
            except decoder_error as error:
                msg = f"{place}: the zstd stream is broken: {error}"
                raise FormatError(msg) from error
            if piece:
                yield piece, position
        position -= len(frame.unused_data)


def _zstd_library(
    place: str, limits: Limits
) -> tuple[Callable[[], Any], type[Exception]]:
    """Find zstd in the standard library (3.14 on) or in the package zstandard."""
    try:
        library = importlib.import_module("compression.zstd")
    except ImportError:
        pass
    else:
        log = limits.window_bytes_max.bit_length() - 1
        options = {library.DecompressionParameter.window_log_max: log}
        return lambda: library.ZstdDecompressor(options=options), library.ZstdError
    try:
        library = importlib.import_module("zstandard")
    except ImportError as error:
        msg = (
            f"{place}: compressed with zstd, which needs Python 3.14"
            " or the extra: pip install unionfs-sim[zstd]"
        )
        raise MissingExtraError(msg) from error
    context = library.ZstdDecompressor(max_window_size=limits.window_bytes_max)
    return context.decompressobj, library.ZstdError
