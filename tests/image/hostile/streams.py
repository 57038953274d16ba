"""Hostile bytes of a layer: headers that lie, maps, sizes, compression, bombs."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from typing import Final

from tests.image.hostile.cases import SMALL, Case, layered
from tests.image.hostile.cases import make_header as h
from tests.image.hostile.cases import make_pax as p
from tests.image.hostile.entries import refused, shown
from unionfs_sim.image.limits import Limits

_OCI: Final = "application/vnd.oci.image.layer.v1.tar"
_HUGE: Final = b"\x80" + b"\x7f" + b"\xff" * 10  # base-256, about 2**87
_END: Final = bytes(1024)

#: A sparse file of pax form 1.0: a map in front of the data.
_PAX_1_0: Final = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}


def _sparse(size: str, map_: bytes, *, name: str = "s") -> bytes:
    body = map_ + bytes(-len(map_) % 512) + b"data"
    return p({**_PAX_1_0, "GNU.sparse.realsize": size}) + h(name, body)


def _gnu_sparse(*spans: tuple[int, int], size: int, stored: bytes = b"data") -> bytes:
    """Give a sparse file of old GNU tar, map in the header."""
    raw = {483: b"%011o\0" % size}
    for number, (offset, length) in enumerate(spans):
        raw[386 + 24 * number] = b"%011o\0%011o\0" % (offset, length)
    return h("s", stored, type="S", magic=b"ustar  \0", raw=raw)


#: Headers and sizes that do not add up.
HEADERS: Final = {
    "archive ends inside data": refused("ends inside the data", h("x", b"1" * 600)[:900], at="entry 'x'"),
    "archive ends inside a header": refused("ends inside a header", h("x") + h("y")[:300], at="header at byte 512"),
    "archive ends inside padding": shown({"/x": "=abc"}, h("x", b"abc", pad=False), as_="all"),
    "no end blocks": shown({"/x": "file"}, h("x"), as_="all"),
    "one end block": shown({"/x": "file"}, h("x") + bytes(512), as_="all"),
    "bytes after the end": shown({"/x": "file"}, h("x") + _END + b"junk" * 999, as_="all"),
    "entries after the end": shown({"/x": "file", "/y": None}, h("x") + _END + h("y"), as_="all"),
    "zero block in the middle": refused("lone zero block", h("x") + bytes(512) + h("y")),
    "wrong checksum": refused("the checksum is wrong", h("x") + h("y").replace(b"y", b"z", 1), at="header at byte 512"),
    "garbage instead of a header": refused("the checksum is wrong", h("x") + b"\xa5" * 1024),
    "no tar at all": refused("or this is no tar", b"#!/bin/sh\n" * 200),
    "size negative": refused("the size is negative", h("x", raw_size=b"\xff" * 12), at="entry 'x'"),
    "size negative, in text": refused("is not a number", h("x", raw_size=b"-0000000512\0"), at="entry 'x'"),
    "size not octal": refused("is not a number", h("x", raw_size=b"00000000008\0"), at="entry 'x'"),
    "size of eight gigabytes": refused("ends inside the data", h("x", raw_size=b"77777777777\0"), at="entry 'x'"),
    "size of 2**87": refused("ends inside the data", h("x", raw_size=_HUGE), at="entry 'x'"),
    "size by pax negative": refused("is not a number", p({"size": "-1"}) + h("x"), at="entry 'x'"),
    "size by pax of 2**63": refused("is not a number", p({"size": str(2**63)}) + h("x"), at="entry 'x'"),
    "size by pax past the end": refused("ends inside the data", p({"size": "999999"}) + h("x"), at="entry 'x'"),
    "size of a link": shown({"/s": "->t", "/x": "file"}, h("s", type="2", link="t", raw_size=_HUGE), h("x"), as_="all"),
    "pax record of a lying length": refused("does not end where its length says", h("p", b"99 path=a\n", type="x") + h("x")),
    "pax record without a length": refused("has no length", h("p", b"path=a\n", type="x") + h("x")),
    "pax record of a giant length": refused("has no length|its length says", h("p", b"9" * 30 + b" a=b\n", type="x") + h("x")),
    "pax record of a bad number": refused("is not a number", p({"uid": "0x10"}) + h("x")),
    "pax header of eight gigabytes": refused("more than 1048576", h("p", raw_size=b"77777777777\0", type="x")),
    "pax header of two gigabytes of zeros": refused("more than 1048576", h("p", raw_size=b"17777777777\0", type="g")),
    "pax header twice": refused("two pax headers", p({"uid": "1"}) + p({"uid": "2"}) + h("x")),
    "pax header without an entry": refused("no entry follows", p({"uid": "1"})),
    "global pax headers without end": refused("global pax headers of more than", p({"path": "x" * 9000}, scope="g") + p({"linkpath": "x" * 9000}, scope="g") + h("x")),
    "long name of a gigabyte": refused("more than 65537", h("l", raw_size=b"10000000000\0", type="L")),
    "long name that is empty": shown({"/x": "file"}, h("l", b"\0", type="L") + h("x")),
    "long link to a long link": shown({"/b": "file"}, h("l", b"a\0", type="L") + h("l", b"b\0", type="L") + h("x")),
}  # fmt: skip

#: Sparse files whose maps lie.
SPARSE: Final = {
    "sparse map beyond the file": refused("does not fit", _gnu_sparse((0, 2), (4, 2), size=5), at="entry 's'"),
    "sparse map that overlaps": refused("does not fit", _gnu_sparse((0, 2), (1, 2), size=9), at="entry 's'"),
    "sparse map that goes back": refused("does not fit", _gnu_sparse((5, 2), (0, 2), size=9), at="entry 's'"),
    "sparse map of more than is stored": refused("covers more", _gnu_sparse((0, 9), size=9), at="entry 's'"),
    "sparse map of less than is stored": refused("covers 2 of the 4", _gnu_sparse((0, 2), size=9), at="entry 's'"),
    "sparse map of negative numbers": refused("does not fit", h("s", b"data", type="S", magic=b"ustar  \0", raw={386: b"\xff" * 12 + b"00000000004\0", 483: b"00000000010\0"})),
    "sparse map of pax beyond the file": refused("does not fit", _sparse("5", b"1\n4\n4\n"), at="entry 's'"),
    "sparse map of a million million ranges": refused("does not end|is not a number", _sparse("5", b"1000000000000\n")),
    "sparse map without an end": refused("does not end", _sparse("5", b"9" * 2000)),
    "sparse map of odd length": refused("not pairs", p({"GNU.sparse.size": "9", "GNU.sparse.map": "0,2,4"}) + h("s", b"da")),
    "sparse map of unknown form": refused("is unknown", p({**_PAX_1_0, "GNU.sparse.major": "7", "GNU.sparse.realsize": "1"}) + h("s")),
    "sparse map that continues past the end": refused("ends inside a sparse map", h("s", type="S", magic=b"ustar  \0", raw={482: b"\1", 483: b"%011o\0" % 9})),
    "sparse file of a pebibyte": refused("2560 bytes become 1125899906844668 and more, which is over 500 times", _sparse(str(1 << 50), b"1\n0\n4\n"), at="entry 's'"),
    "sparse file of a pebibyte, old GNU": refused("which is over 500 times", _gnu_sparse((0, 4), size=1 << 32), at="entry 's'"),
    "sparse file of a pebibyte, wanted": shown({"/s": "file"}, _sparse(str(1 << 50), b"1\n0\n4\n"), odd="a sparse file", exported=".", limits=Limits(ratio_max=None)),
    "sparse file over the limit of bytes": refused("more than 67108864 bytes", _sparse(str(1 << 27), b"1\n0\n4\n"), at="entry 's'", limits=SMALL),
    "sparse files that are large together": refused("which is over 500 times", *(_sparse(str(600 << 20), b"1\n0\n4\n", name=name) for name in ("s", "t")), at="entry 't'"),
    "sparse layer in an archive": Case(
        make=lambda _: p({"GNU.sparse.size": str(1 << 50), "GNU.sparse.map": "0,4"}) + h("manifest.json", b"data"),
        refused="which is over 500 times", place="entry 'manifest.json'",
    ),
    "sparse file of 2**63 bytes": refused("is not a number|cannot be", _sparse(str(1 << 63), b"1\n0\n4\n")),
}  # fmt: skip


def _gzipped(damage: Callable[[bytes], bytes], reason: str, *, odd: str = "") -> Case:
    """Say what becomes of a layer whose gzip stream is damaged."""
    return Case(
        make=lambda _: layered(
            h("x", b"data"),
            base=False,
            stored=lambda tar: damage(gzip.compress(tar, mtime=0)),
            media_type=f"{_OCI}+gzip",
        ),
        refused=reason,
        place="layer 0 ",
        shows={} if reason else {"/x": "=data"},
        odd=odd,
    )


def _zstd(tar: bytes) -> bytes:
    """Give a zstd frame of stored blocks, which needs no library."""
    frame = b"\x28\xb5\x2f\xfd" + b"\xa0" + struct.pack("<I", len(tar))
    for at in range(0, len(tar), 1 << 16):
        piece = tar[at : at + (1 << 16)]
        last = at + len(piece) == len(tar)
        frame += struct.pack("<I", len(piece) << 3 | last)[:3] + piece
    return frame


def _zstded(damage: Callable[[bytes], bytes], reason: str) -> Case:
    return Case(
        make=lambda _: layered(
            h("x", b"data"),
            base=False,
            stored=lambda tar: damage(_zstd(tar)),
            media_type=f"{_OCI}+zstd",
        ),
        refused=reason,
        place="layer 0 ",
        shows={} if reason else {"/x": "=data"},
    )


def zeros(size_mib: int) -> bytes:
    """Give gzip of a file of zeros, made of members of a mebibyte: quickly made."""
    member = gzip.compress(bytes(1 << 20), mtime=0)
    head = gzip.compress(h("zeros", raw_size=b"%011o\0" % (size_mib << 20)), mtime=0)
    return head + member * size_mib


def zeros_digest(size_mib: int) -> str:
    """Give the diff ID of such a layer."""
    import hashlib  # noqa: PLC0415 - used here alone

    digest = hashlib.sha256(h("zeros", raw_size=b"%011o\0" % (size_mib << 20)))
    for _ in range(size_mib):
        digest.update(bytes(1 << 20))
    return f"sha256:{digest.hexdigest()}"


def _bomb(
    size_mib: int, *, reason: str = "", odd: str = "", limits: Limits | None = None
) -> Case:
    def edit(documents: dict[str, object]) -> None:
        config = documents.get("config")
        if not reason and isinstance(config, dict):
            config["rootfs"]["diff_ids"][0] = zeros_digest(size_mib)

    return Case(
        make=lambda _: layered(
            h("zeros"),
            base=False,
            stored=lambda _: zeros(size_mib),
            media_type=f"{_OCI}+gzip",
            edit=edit,
        ),
        refused=reason,
        place="layer 0 ",
        shows={} if reason else {"/zeros": "file"},
        odd=odd,
        options={"limits": limits} if limits else {},
        exported="" if reason else "not tried",
    )


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 0xFF,)) + data[at:][1:]


_CRC_AT: Final = -8

#: Compression that is broken, or too good to be true.
COMPRESSION: Final = {
    "gzip that ends early": _gzipped(lambda z: z[:-20], "ends early"),
    "gzip without its trailer": _gzipped(lambda z: z[:-8], "ends early"),
    "gzip of a wrong CRC": _gzipped(lambda z: _flip(z, _CRC_AT), "the gzip stream is broken"),
    "gzip of a wrong length": _gzipped(lambda z: _flip(z, -1), "the gzip stream is broken"),
    "gzip with a bit off": _gzipped(lambda z: _flip(z, len(z) // 2), "the gzip stream is broken|the tar is|ends early"),
    "gzip with trailing zeros": _gzipped(lambda z: z + bytes(512), "something that is not gzip follows"),
    "gzip with trailing garbage": _gzipped(lambda z: z + b"garbage", "something that is not gzip follows"),
    "gzip header alone": _gzipped(lambda z: z[:10], "ends early"),
    "gzip of members": _gzipped(lambda z: gzip.compress(gzip.decompress(z)[:99]) + gzip.compress(gzip.decompress(z)[99:]), ""),
    "gzip with an empty member": _gzipped(lambda z: z + gzip.compress(b""), ""),
    "nothing called gzip": _gzipped(lambda _: b"", "is empty|no bytes|the tar is"),
    "plain called gzip": _gzipped(gzip.decompress, "", odd="is not compressed"),
    "gzip of gzip": _gzipped(gzip.compress, "the tar is"),
    "zlib called gzip": _gzipped(lambda z: zlib.compress(gzip.decompress(z)), "the tar is|no tar"),
    "gzip called plain": Case(
        make=lambda _: layered(h("x", b"data"), stored=gzip.compress),
        shows={"/x": "=data"}, odd="is gzip", as_="Docker, podman, skopeo",
    ),
    "zstd": _zstded(lambda z: z, ""),
    "zstd that ends early": _zstded(lambda z: z[:-9], "ends early"),
    "zstd with trailing garbage": _zstded(lambda z: z + b"garbage", "something that is not zstd follows"),
    "zstd of a window of two gigabytes": _zstded(lambda z: z[:4] + b"\x00\xa8" + z[9:], "the zstd stream is broken"),
    "zstd with a broken block": _zstded(lambda z: z[:9] + b"\xff\xff\xff" + z[12:], "the zstd stream is broken|ends early"),
    "zstd skippable frame past the end": _zstded(lambda z: z + b"\x50\x2a\x4d\x18\xff\xff\xff\xff", "inside a skippable frame"),
    "unknown media type": Case(
        make=lambda _: layered(h("x"), media_type="application/x-rar"),
        refused="of the unknown type 'application/x-rar'", place="layer sha256:",
    ),
    "encrypted layer": Case(
        make=lambda _: layered(h("x"), media_type=f"{_OCI}+gzip+encrypted"),
        refused=r"of the unknown type '.*\+encrypted'", place="layer sha256:",
    ),
    "300 MiB of zeros": _bomb(300, odd="bytes become"),
    "300 MiB of zeros, limited": _bomb(300, reason="more than 67108864 bytes", limits=SMALL),
    "10 GiB of zeros in 10 MB, ratio": _bomb(
        10_240, reason="over 500 times as many", limits=Limits(ratio_free_bytes=128 << 20)
    ),
    "10 GiB of zeros in 10 MB, size": _bomb(10_240, reason="more than 67108864 bytes", limits=SMALL),
}  # fmt: skip

#: Much out of little.
BOMBS: Final = {
    "directories out of one name": refused("more than 20000 entries", *(p({"path": f"{n}/" + "d/" * 990 + "x"}) + h("x") for n in range(60)), limits=Limits(entries_max=20_000)),
    "whiteouts far down": refused("more than 2000 entries", *(p({"path": "d/" * 990 + f".wh.{n}"}) + h("x") for n in range(99)), limits=Limits(entries_max=2000)),
    "long targets": refused("more than 2000 entries", *(p({"linkpath": "x" * 60_000}) + h(f"{n}", type="2") for n in range(20)), limits=Limits(entries_max=2000)),
    "big xattrs": refused("more than 2000 entries", *(p({"SCHILY.xattr.user.k": b"x" * 60_000}) + h(f"{n}") for n in range(20)), limits=Limits(entries_max=2000)),
    "entries over the limit": refused("more than 20000 entries", *(h(f"{n}") for n in range(20_001)), limits=SMALL, at="entry '19993'"),  # and 7 of the base
}  # fmt: skip
