"""Compression that says nothing of when and where, in a stream."""

from __future__ import annotations

import gzip
import importlib
import io
from typing import Any

import pytest

from unionfs_sim import FormatError, literal
from unionfs_sim.image import decompress
from unionfs_sim.image.compress import Measured, check_available, compress
from unionfs_sim.image.decompress import Compression
from unionfs_sim.image.limits import DEFAULT_LIMITS

PIECES = [b"hello " * 1000, b"", b"world" * 99_999]


def test_gzip_header_is_fixed() -> None:
    """No time, no name, no system: the header never changes."""
    data = b"".join(compress(PIECES, "gzip"))

    assert "1f8b08000000000000ff" == data[:10].hex()
    assert b"".join(PIECES) == gzip.decompress(data)


@pytest.mark.parametrize("compression", ["gzip", "zstd", None])
def test_what_goes_in_comes_out(compression: Compression | None) -> None:
    """Our own reader gives the bytes back, and recognises what it is."""
    if compression == "zstd":
        pytest.importorskip("zstandard")
    data = literal(b"".join(compress(PIECES, compression)))

    assert compression == decompress.recognise(data)
    if compression is not None:
        pieces = decompress.chunks(data, compression, place="", limits=DEFAULT_LIMITS)
        assert b"".join(PIECES) == b"".join(pieces)
    again = literal(b"".join(compress(iter(PIECES), compression)))
    assert data == again


def test_pieces_do_not_change_gzip() -> None:
    """How the bytes were cut into pieces does not show."""
    joined = [b"".join(PIECES)]

    assert b"".join(compress(joined, "gzip")) == b"".join(compress(PIECES, "gzip"))


def test_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a library, zstd is refused in words that help."""

    def none(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", none)

    with pytest.raises(FormatError, match=r"unionfs-sim\[zstd\]"):
        check_available("zstd")
    check_available("gzip")
    check_available(None)


def test_measured() -> None:
    """Digest and size are those of what has gone through."""
    measured = Measured(PIECES, "sha512")
    out = io.BytesIO()
    for piece in measured:
        out.write(piece)

    assert len(out.getvalue()) == measured.size
    assert measured.digest.startswith("sha512:")


def test_zstd_of_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python 3.14 on no extra is needed; a checksum is asked for in any case."""
    asked: dict[str, int] = {}

    class Frame:
        def __init__(self, options: dict[str, int]) -> None:
            asked.update(options)

        def compress(self, piece: bytes) -> bytes:
            return piece

        def flush(self) -> bytes:
            return b"end"

    class Parameter:
        compression_level = "level"
        checksum_flag = "checksum"

    class Library:
        CompressionParameter = Parameter
        ZstdCompressor = Frame

    monkeypatch.setattr(importlib, "import_module", lambda name: Library)

    assert b"abend" == b"".join(compress([b"a", b"b"], "zstd"))
    assert {"level": 3, "checksum": 1} == asked
