"""Files, the spool, and decompression that is checked to the end."""

from __future__ import annotations

import errno
import gzip
import importlib
import os
import random
import tempfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from unionfs_sim.core.content import literal
from unionfs_sim.errors import FormatError, UnionFSError
from unionfs_sim.image import decompress
from unionfs_sim.image.decompress import Compression
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.sources import FileSource, Spool

SKIPPABLE = b"\x5a\x2a\x4d\x18\x03\0\0\0abc"


def unpack(
    data: bytes, compression: Compression, *, limits: Limits | None = None
) -> bytes:
    """Decompress some bytes."""
    pieces = decompress.chunks(
        literal(data), compression, place="blob", limits=limits or Limits()
    )
    return b"".join(pieces)


def squeeze(data: bytes) -> bytes:
    """Make one frame of zstd."""
    try:
        library: Any = importlib.import_module("compression.zstd")
    except ImportError:
        library = pytest.importorskip("zstandard")
    frame: bytes = library.compress(data)
    return frame


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_several_members_are_one_stream(compression: Compression) -> None:
    """All members and frames count, also empty ones and ones that grow a lot."""
    pack = gzip.compress if compression == "gzip" else squeeze
    noise = random.Random(0).randbytes(5000)
    parts = [b"one", b"", noise, bytes(3_000_000), b"end"]
    data = b"".join(map(pack, parts))

    assert b"".join(parts) == unpack(data, compression)
    assert compression == decompress.recognise(literal(data))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_broken_stream_is_refused(compression: Compression) -> None:
    """Truncation, a flipped bit and trailing bytes are errors that name the blob."""
    pack = gzip.compress if compression == "gzip" else squeeze
    data = pack(random.Random(1).randbytes(3000))
    broken = [data[:cut] for cut in (3, 20, len(data) // 2, len(data) - 1)]
    broken += [data + b"\0", data + b"trailing", data + data[:4], data + b"\x1f"]
    for stream in broken:
        with pytest.raises(FormatError, match=rf"^blob: .*{compression}"):
            unpack(stream, compression)


def test_gzip_crc_and_length_are_checked() -> None:
    """A wrong CRC or length at the very end is found (tarfile never gets there)."""
    data = bytearray(gzip.compress(b"text"))
    for place in (-8, -4):
        wrong = (
            bytes(data[:place]) + bytes([data[place] ^ 1]) + bytes(data[place + 1 :])
        )
        with pytest.raises(FormatError, match="gzip stream is broken"):
            unpack(wrong, "gzip")


def test_very_many_members() -> None:
    """Ten thousand tiny members take no longer than their bytes do."""
    assert b"x" * 10_000 == unpack(gzip.compress(b"x") * 10_000, "gzip")


def test_skippable_frames() -> None:
    """Skippable frames of zstd may stand anywhere, and must be whole."""
    frame = squeeze(b"text")
    data = SKIPPABLE + frame + SKIPPABLE * 2 + frame + SKIPPABLE

    assert b"texttext" == unpack(data, "zstd")
    assert "zstd" == decompress.recognise(literal(data))
    for cut in (1, 3, 7):
        with pytest.raises(FormatError, match="zstd"):
            unpack(data[:-cut], "zstd")


def test_window_of_zstd_is_limited() -> None:
    """A frame that asks for two gigabytes of memory is refused."""
    frame = b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00"
    with pytest.raises(FormatError, match="zstd stream is broken"):
        unpack(frame, "zstd")


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_bomb_is_limited_while_it_streams(compression: Compression) -> None:
    """A limit stops decompression before much has come out."""
    pack = gzip.compress if compression == "gzip" else squeeze
    with pytest.raises(FormatError, match="more than 1000 bytes when decompressed"):
        unpack(
            pack(bytes(50_000_000)), compression, limits=Limits(layer_bytes_max=1000)
        )


def test_zstd_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any zstd the message says what to install."""
    real = importlib.import_module

    def missing(name: str, package: str | None = None) -> ModuleType:
        if name in {"compression.zstd", "zstandard"}:
            raise ImportError(name)
        return real(name, package)

    frame = squeeze(b"")
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(FormatError, match=r"pip install unionfs-sim\[zstd\]"):
        unpack(frame, "zstd")


def test_file_source(tmp_path: Path) -> None:
    """A file gives any range of it, until it is closed."""
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    with FileSource(path) as source:
        assert b"345" == source.content().read(3, 3)
        assert 10 == source.content().size
        assert str(path) in repr(source)
    with pytest.raises(UnionFSError) as caught:
        source.read_at(0, 1)
    source.close()

    assert errno.EBADF == caught.value.errno


def test_file_that_gets_shorter(tmp_path: Path) -> None:
    """Bytes that are gone are EIO, with the file's name."""
    path = tmp_path / "f"
    path.write_bytes(bytes(100))
    with FileSource(path) as source:
        os.truncate(path, 50)
        with pytest.raises(UnionFSError) as caught:
            source.read_at(20, 60)

    assert (errno.EIO, str(path)) == (caught.value.errno, caught.value.filename)


def test_file_source_in_threads(tmp_path: Path) -> None:
    """Threads may read one file at once."""
    path = tmp_path / "f"
    data = random.Random(2).randbytes(100_000)
    path.write_bytes(data)
    with FileSource(path) as source, ThreadPoolExecutor(8) as pool:
        read: Callable[[int], bytes] = lambda at: source.read_at(at, 1000)  # noqa: E731
        pieces = list(pool.map(read, range(0, 100_000, 1000)))

    assert data == b"".join(pieces)


def test_not_a_regular_file(tmp_path: Path) -> None:
    """A pipe is refused and never waited for; what is missing is an OSError."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="not a regular file"):
        FileSource(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        FileSource(tmp_path / "missing")


def test_spool() -> None:
    """Ranges of the spool stay readable while it grows, and go with it."""
    spool = Spool()
    one = spool.add([b"ab", b"c"])
    two = spool.add([b"def"])

    assert (b"abc", b"def") == (one.read_all(), two.read_all())
    assert 0 == spool.add([]).size
    assert "6 bytes" in repr(spool)
    spool.close()
    spool.close()
    with pytest.raises(UnionFSError):
        one.read_all()


def test_spool_forgets_what_failed() -> None:
    """A stream that breaks off leaves no trace in the spool."""
    spool = Spool()

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise zlib.error

    with pytest.raises(zlib.error):
        spool.add(broken())

    assert b"whole" == spool.add([b"whole"]).read_all()
    spool.close()


def test_full_disk_is_told_with_its_place() -> None:
    """The spool has no name, so the error names the directory that is full."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool = Spool()
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(UnionFSError) as caught:
            spool.add([bytes(3000), bytes(3000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        spool.close()

    assert errno.EFBIG == caught.value.errno
    assert tempfile.gettempdir() == caught.value.filename
