"""
Headers of tar entries, written: ustar where everything fits, pax for what does not.

Pure functions over bytes, and the counterpart of `tarfields`.  Nothing here depends on
when, where and by whom an archive is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Final

from unionfs_sim.core.meta import Meta
from unionfs_sim.image.tarfields import NS_PER_SECOND
from unionfs_sim.image.tarxattrs import SCHILY

BLOCK_BYTES: Final = 512

#: What ends an archive: two blocks of zeros, and no padding beyond them.
END: Final = bytes(2 * BLOCK_BYTES)

#: name, mode, uid, gid, size, mtime, checksum, type, link name, magic and version,
#: user and group names, device numbers, prefix.
_HEADER: Final = Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_MAGIC: Final = b"ustar\x0000"
_CHECKSUM_AT: Final = 148
_BLANKS: Final = b" " * 8

_NAME_BYTES: Final = 100
_PREFIX_BYTES: Final = 155

#: The first number that seven octal digits cannot hold: modes, ids, device numbers.
SMALL_LIMIT: Final = 8**7

#: The first number that eleven octal digits cannot hold: sizes and seconds.
LARGE_LIMIT: Final = 8**11

_PAX_DIRECTORY: Final = b"PaxHeaders.0/"
_PAX: Final = b"x"


def padding(size: int) -> bytes:
    """
    Give the zeros that fill the last block of an entry's data.

    >>> len(padding(1)), len(padding(1024))
    (511, 0)
    """
    return bytes(-size % BLOCK_BYTES)


def header(
    name: bytes,
    kind: str,
    meta: Meta,
    *,
    size: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    """
    Give the header of an entry, with a pax header before it where ustar does not do.

    Takes O(length of names and xattrs).

    Args:
        name: The name; that of a directory ends in a slash.
        kind: The type, one of the letters ``"0"`` to ``"6"``.
        meta: Mode, owner, time of the last change, and xattrs.
        size: How many bytes of data follow.
        link: The target of a link.
        device: A device's numbers, each less than `SMALL_LIMIT`.

    >>> len(header(b"etc/motd", "0", Meta(mode=0o644), size=6))
    512
    >>> len(header(b"etc/motd", "0", Meta(mode=0o644, mtime_ns=5), size=6))
    1536
    """
    records: dict[bytes, bytes] = {}
    fitting = _split(name)
    if fitting is None:
        records[b"path"] = name
        fitting = b"", _plain(name)
    if len(link) > _NAME_BYTES or not link.isascii():
        records[b"linkpath"] = link
        link = _plain(link)
    numbers = []
    for key, value, limit in (
        (b"uid", meta.uid, SMALL_LIMIT),
        (b"gid", meta.gid, SMALL_LIMIT),
        (b"size", size, LARGE_LIMIT),
    ):
        if value >= limit:
            records[key] = b"%d" % value
        numbers.append(value if value < limit else 0)
    seconds, fraction = divmod(meta.mtime_ns, NS_PER_SECOND)
    if fraction or not 0 <= seconds < LARGE_LIMIT:
        records[b"mtime"] = time_text(meta.mtime_ns)
        seconds = min(max(seconds, 0), LARGE_LIMIT - 1)
    for xattr, content in meta.xattrs.items():
        records[SCHILY + xattr.encode("utf-8", "surrogateescape")] = content
    block = _block(fitting, kind, meta.mode, (*numbers, seconds), link, device)
    return pax(records, name) + block if records else block


def pax(records: Mapping[bytes, bytes], name: bytes) -> bytes:
    """
    Give the pax header that goes before an entry, its records in order.

    >>> pax({b"path": b"a/b"}, b"a/b")[512:524]
    b'12 path=a/b\\n'
    """
    data = b"".join(record(key, records[key]) for key in sorted(records))
    own = _PAX_DIRECTORY + _plain(name.rstrip(b"/").rpartition(b"/")[2])
    fields = (0, 0, len(data), 0)
    block = _block((b"", own[:_NAME_BYTES]), _PAX.decode(), 0o644, fields, b"", (0, 0))
    return block + data + padding(len(data))


def record(key: bytes, value: bytes) -> bytes:
    """
    Give a pax record, whose length counts its own digits.

    >>> record(b"path", b"a/b")
    b'12 path=a/b\\n'
    >>> len(record(b"k", b"v" * 93)), len(record(b"k", b"v" * 94))
    (99, 101)
    """
    rest = len(key) + len(value) + 3  # the blank, the equals sign, the newline
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def time_text(time_ns: int) -> bytes:
    """
    Give a time as pax has it; the sign covers the fraction.

    >>> time_text(1_700_000_000_123_456_789), time_text(-2_500_000_000)
    (b'1700000000.123456789', b'-2.5')
    """
    seconds, fraction = divmod(abs(time_ns), NS_PER_SECOND)
    text = b"%b%d" % (b"-" if time_ns < 0 else b"", seconds)
    return text + (b".%09d" % fraction).rstrip(b"0") if fraction else text


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """
    Split a name into ustar's prefix and name, or give ``None`` if it does not fit.

    >>> _split(b"a"), _split(b"d/" + b"n" * 99)[0], _split("\u00e9".encode())
    ((b'', b'a'), b'd', None)
    """
    if not name.isascii():
        return None
    if len(name) <= _NAME_BYTES:
        return b"", name
    cut = name.rfind(b"/", 0, min(_PREFIX_BYTES + 1, len(name) - 1))
    if cut <= 0 or len(name) - cut - 1 > _NAME_BYTES:
        return None
    return name[:cut], name[cut + 1 :]


def _plain(name: bytes) -> bytes:
    """Give what readers without pax see of a name that does not fit."""
    ascii_only = bytes(byte if byte < 0x80 else 0x3F for byte in name[:_NAME_BYTES])
    return ascii_only.rstrip(b"/")


def _block(
    name: tuple[bytes, bytes],
    kind: str,
    mode: int,
    fields: tuple[int, ...],
    link: bytes,
    device: tuple[int, int],
) -> bytes:
    """Put a header together; all values fit."""
    uid, gid, size, seconds = fields
    block = _HEADER.pack(
        name[1],
        b"%07o\0" % (mode & 0o7777),
        b"%07o\0" % uid,
        b"%07o\0" % gid,
        b"%011o\0" % size,
        b"%011o\0" % seconds,
        _BLANKS,
        kind.encode("ascii"),
        link,
        _MAGIC,
        b"",
        b"",
        b"%07o\0" % device[0],
        b"%07o\0" % device[1],
        name[0],
    )
    checksum = b"%06o\0 " % sum(block)
    return block[:_CHECKSUM_AT] + checksum + block[_CHECKSUM_AT + 8 :]
