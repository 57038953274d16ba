"""
A walk over the 512-byte headers of a tar, in every dialect that layers come in.

The standard library's ``tarfile`` ends a listing silently at a bad checksum, hands
out negative sizes and reads times as floats; here whatever does not add up is a
`FormatError` that names archive, entry and reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Final, NamedTuple, NoReturn
from zlib import adler32

import attrs

from unionfs_sim.core.content import EMPTY, Content, Extent, Source
from unionfs_sim.core.meta import NO_XATTRS, Meta
from unionfs_sim.errors import FormatError
from unionfs_sim.image import tarfields, tarsparse, tarxattrs
from unionfs_sim.image.limits import (
    DEFAULT_LIMITS,
    NUMBER_MAX,
    Limits,
    Oddity,
    why_too_large,
)

BLOCK_BYTES: Final = 512

#: How much is read at once: little after a jump over a file's data, and four times as
#: much each time that the next header follows closely.
_WINDOW_BYTES_MIN: Final = 4 * 1024
_WINDOW_BYTES_MAX: Final = 256 * 1024

_ZERO_BLOCK: Final = bytes(BLOCK_BYTES)

#: Texts of an entry that are longer count as further entries.
_ENTRY_BYTES: Final = 256

#: name, mode + uid + gid, size, mtime, type, link name, magic, device
#: numbers, prefix.
_HEADER: Final = Struct("100s24s12s12s8xc100s8s64x16s155s12x")

#: The largest owner that Linux has; the next one means "leave it".
_OWNER_MAX: Final = 2**32 - 2

_ADLER_BASE: Final = 65521
_CHECKSUM_BLANKS: Final = 8 * 0x20

#: The pax keywords that we know; others are ignored.
_KEYWORDS: Final = frozenset((b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime"))
_KEYWORD_PREFIXES: Final = (b"GNU.sparse.", tarxattrs.SCHILY, tarxattrs.LIBARCHIVE)

_USTAR: Final = b"ustar\0"

FILE: Final = "0"
HARD_LINK: Final = "1"
SYMLINK: Final = "2"
CHAR: Final = "3"
BLOCK: Final = "4"
DIRECTORY: Final = "5"
FIFO: Final = "6"

#: Types that no data follows, whatever their size says.
_DATALESS: Final = frozenset("123456")


class TarEntry(NamedTuple):
    """
    One entry of an archive, with all its extension headers applied.

    Attributes:
        type: One of the letters "0" to "6", or a letter that nobody knows.
        name: The name as the archive has it.
        link: The target of a link as the archive has it, else the empty text.
        meta: The attributes.
        content: The bytes of a file, which are not read yet.
        major: A device's major number.
        minor: A device's minor number.
    """

    type: str
    name: str
    link: str
    meta: Meta
    content: Content
    major: int = 0
    minor: int = 0


@attrs.frozen(eq=False)
class ContentSource:
    """A content of several extents, as a source."""

    content: Content

    def read_at(self, offset: int, size: int) -> bytes:
        """Give *size* bytes from *offset* on."""
        return self.content.read(offset, size)


def as_extent(content: Content) -> Extent:
    """
    Give a content as one range of one source.

    >>> from unionfs_sim.core.content import literal
    >>> as_extent(literal(b"ab"))
    literal(b'ab')
    """
    if isinstance(content, Extent):
        return content
    return Extent(ContentSource(content), 0, content.size)


@attrs.frozen
class _Extension:
    """What extension headers say of the entry that comes next."""

    path: bytes | None = None
    linkpath: bytes | None = None
    records: tuple[tuple[bytes, bytes], ...] = ()


_NO_EXTENSION: Final = _Extension()
_NO_RECORDS: Final[Mapping[bytes, bytes]] = {}


class TarWalk:
    """
    Goes through the entries of a tar once, in order.

    Memory is in proportion to the largest extension header, never to declared sizes.

    Attributes:
        oddities: What was odd so far.
        entries: How many entries count so far, with those before this tar.

    >>> from unionfs_sim.core.content import literal
    >>> list(TarWalk(literal(bytes(1024)), place="empty.tar"))
    []
    """

    def __init__(
        self,
        tar: Content,
        *,
        place: str,
        limits: Limits = DEFAULT_LIMITS,
        stored_bytes: int | None = None,
        entries_before: int = 0,
        like: tarxattrs.Like | None = None,
    ) -> None:
        extent = as_extent(tar)
        self.oddities: list[Oddity] = []
        self.entries = entries_before
        self._place = place
        self._limits = limits
        self._like = like
        self._source: Source | None = extent.source
        self._tar = extent
        self._start = extent.offset
        self._size = extent.size
        self._stored_bytes = extent.size if stored_bytes is None else stored_bytes
        self._hole_bytes = 0
        self._window = b""
        self._window_start = 0
        self._window_bytes = _WINDOW_BYTES_MIN
        self._metas: dict[object, Meta] = {}
        self._globals: dict[bytes, bytes] = {}
        self._at = 0  # where the entry's header is, for messages
        self._name = ""

    def __iter__(self) -> Iterator[TarEntry]:
        """
        Give the entries.

        Takes O(n) for n entries and reads no file's data.

        Raises:
            FormatError: The archive is broken or over a limit.
        """
        position = 0
        extension = _NO_EXTENSION
        while (block := self._header(position)) is not None:
            self._at = position
            self._name = ""
            letter = block[156:157]
            try:
                if letter in b"xgLK":
                    extension, position = self._extend(extension, block, position)
                    continue
                entry, position = self._entry(block, position, extension)
                if extension is not _NO_EXTENSION or self._globals:
                    extension = _NO_EXTENSION
                    self.count(1 + _excess(entry))
                else:
                    self.count(1)
            except ValueError as error:
                raise self._error(error) from error
            yield entry
        if extension is not _NO_EXTENSION:
            self._fail(position, "an extension header that no entry follows")

    def count(self, entries: int) -> None:
        """
        Count entries, or what takes as much memory.

        Raises:
            ValueError: There are more than the limit allows.
        """
        self.entries += entries
        if self.entries > self._limits.entries_max:
            msg = f"more than {self._limits.entries_max} entries"
            raise ValueError(msg)

    def begins(self) -> bool:
        """Tell whether there is an entry's header at the start, whatever follows."""
        try:
            return self._header(0) is not None
        except FormatError:
            return False

    def _error(self, reason: object) -> FormatError:
        entry = f"entry {self._name!r}" if self._name else "header"
        return FormatError(f"{self._place}: {entry} at byte {self._at}: {reason}")

    def _fail(self, position: int, reason: str) -> NoReturn:
        self._at, self._name = position, ""
        raise self._error(reason)

    def _report(self, sentence: str) -> None:
        self.oddities.append(Oddity(f"{self._place}: entry {self._name!r}", sentence))

    def _header(self, position: int) -> bytes | None:
        """Give the checked header at a position, or ``None`` at the archive's end."""
        start = position - self._window_start
        block = self._window[start : start + BLOCK_BYTES] if start >= 0 else b""
        if len(block) < BLOCK_BYTES:
            if position >= self._size:
                return None  # no end blocks: accepted by all tools
            jump = position - self._window_start - len(self._window)
            self._window_bytes = (
                min(4 * self._window_bytes, _WINDOW_BYTES_MAX)
                if jump < _WINDOW_BYTES_MIN
                else _WINDOW_BYTES_MIN
            )
            self._window = self._tar.read(position, self._window_bytes)
            self._window_start = position
            block = self._window[:BLOCK_BYTES]
            if len(block) < BLOCK_BYTES:
                self._fail(position, "the archive ends inside a header")
        if block == _ZERO_BLOCK:
            after = self._tar.read(position + BLOCK_BYTES, BLOCK_BYTES)
            if after and after != _ZERO_BLOCK[: len(after)]:
                self._fail(position, "a lone zero block in the middle of the archive")
            return None
        stored = block[148:156]
        # adler32 from 0 is the plain sum in its low half, modulo 65521, and thirty
        # times as fast as sum(); what it cannot tell for sure is summed again.
        try:
            expected = tarfields.number(stored) + sum(stored) - _CHECKSUM_BLANKS
        except ValueError:
            expected = -1
        if (
            adler32(block, 0) & 0xFFFF != expected or expected >= _ADLER_BASE
        ) and not _checksum_holds(block, expected):
            self._fail(position, "the checksum is wrong, or this is no tar")
        return block

    def _data(self, start: int, size: int) -> Extent:
        """Give the data at a place; their padding may be missing at the end."""
        if size < 0 or start + size > self._size:
            msg = (
                f"the size is negative ({size})"
                if size < 0
                else f"the archive ends inside the data ({size} bytes are announced)"
            )
            raise ValueError(msg)
        if not size:
            return EMPTY
        return Extent(self._source, self._start + start, size)

    def _extend(
        self, extension: _Extension, block: bytes, position: int
    ) -> tuple[_Extension, int]:
        """Read an extension header: pax of one entry or of all, or a long GNU name."""
        letter = block[156:157]
        size = tarfields.number(block[124:136])
        long = letter in b"LK"
        limit = self._limits.path_bytes_max + 1 if long else self._limits.pax_bytes_max
        if size > limit:
            msg = f"an extension header of {size} bytes, more than {limit}"
            raise ValueError(msg)
        data = self._data(position + BLOCK_BYTES, size).read_all()
        after = position + BLOCK_BYTES + -(-size // BLOCK_BYTES) * BLOCK_BYTES
        if letter == b"L":
            return attrs.evolve(extension, path=data.partition(b"\0")[0]), after
        if letter == b"K":
            return attrs.evolve(extension, linkpath=data.partition(b"\0")[0]), after
        records = tarfields.pax_records(data)
        if letter == b"g":
            self._set_globals(records)
            return extension, after
        if extension.records:
            msg = "two pax headers for one entry"
            raise ValueError(msg)
        return attrs.evolve(extension, records=tuple(records)), after

    def _set_globals(self, records: list[tuple[bytes, bytes]]) -> None:
        """Take the records of a global header that mean anything to us."""
        for key, value in records:
            if key in _KEYWORDS or key.startswith(_KEYWORD_PREFIXES):
                if value:
                    self._globals[key] = value
                else:
                    self._globals.pop(key, None)  # an empty value removes a keyword
        limit = self._limits.pax_global_bytes_max
        if sum(len(key) + len(value) for key, value in self._globals.items()) > limit:
            msg = f"global pax headers of more than {limit} bytes"
            raise ValueError(msg)

    def _entry(
        self, block: bytes, position: int, extension: _Extension
    ) -> tuple[TarEntry, int]:
        """Read an entry from its header, and say where the next header is."""
        (
            raw_name, owner, raw_size, raw_time, letter, raw_link, magic, device, prefix
        ) = _HEADER.unpack(block)  # fmt: skip
        name: bytes = raw_name.partition(b"\0")[0]
        if prefix[0] and magic[:6] == _USTAR:
            name = prefix.partition(b"\0")[0] + b"/" + name
        link: bytes = raw_link.partition(b"\0")[0]
        if extension is _NO_EXTENSION and not self._globals:
            records = _NO_RECORDS
            self._name = path = name.decode("utf-8", "surrogateescape")
            size = tarfields.number(raw_size)
            meta = self._metas.get((owner, raw_time))
            if meta is None:
                meta = self._metas[owner, raw_time] = self._meta(block, records)
        else:
            records = {**self._globals, **dict(extension.records)}
            name = records.get(b"path") or extension.path or name
            self._name = path = tarfields.text(records.get(b"GNU.sparse.name") or name)
            link = records.get(b"linkpath") or extension.linkpath or link
            value = records.get(b"size")
            size = tarfields.decimal(value) if value else tarfields.number(raw_size)
            meta = self._meta(block, records)
            facts = (meta.mode, meta.uid, meta.gid, meta.mtime_ns)
            key = (facts, *meta.xattrs.items())
            meta = self._metas.setdefault(key, meta)
        kind = _kind(letter, magic, path)
        if letter == b"7":
            self._report("a contiguous file, which umoci, Docker and podman refuse")
        start = position + BLOCK_BYTES
        if kind in _DATALESS:
            return _dataless(kind, path, tarfields.text(link), meta, device), start
        content: Content
        if letter == b"S":
            spans, last = tarsparse.gnu_spans(self._tar, block, position)
            start = last + BLOCK_BYTES
            content = tarsparse.expand(
                self._data(start, size), spans, tarsparse.gnu_size(block)
            )
            self._sparse(content, size, "umoci, Docker and podman refuse")
        else:
            content = self._data(start, size)
            if records and kind == FILE:
                content = _pax_content(content, records, extension.records)
                if tarsparse.pax_size(records) is not None:
                    self._sparse(content, size, "Docker and podman cannot save again")
        after = start + -(-size // BLOCK_BYTES) * BLOCK_BYTES
        return TarEntry(kind, path, "", meta, content), after

    def _sparse(self, content: Content, stored_bytes: int, trouble: str) -> None:
        """
        Report a sparse file, and bound how much it grows.

        Docker 20.10 loads one with pax records and then refuses to save the image,
        podman 4.3 to push it, for they write another length than they announce.
        """
        self._report(f"a sparse file, which {trouble}")
        self._hole_bytes += content.size - stored_bytes
        reason = why_too_large(
            self._stored_bytes, self._size + self._hole_bytes, self._limits
        )
        if reason:
            raise ValueError(reason)

    def _meta(self, block: bytes, records: Mapping[bytes, bytes]) -> Meta:
        """Read mode, owner, time and extended attributes."""
        uid, gid, time = (records.get(key) for key in (b"uid", b"gid", b"mtime"))
        meta = Meta(
            mode=tarfields.number(block[100:108]) & 0o7777,
            uid=tarfields.decimal(uid) if uid else tarfields.number(block[108:116]),
            gid=tarfields.decimal(gid) if gid else tarfields.number(block[116:124]),
            mtime_ns=tarfields.time_ns(time)
            if time
            else tarfields.number(block[136:148]) * tarfields.NS_PER_SECOND,
            xattrs=tarxattrs.from_pax(
                records,
                bytes_max=self._limits.xattr_bytes_max,
                report=self._report,
                like=self._like,
            )
            if records
            else NO_XATTRS,
        )
        if not (0 <= meta.uid <= NUMBER_MAX and 0 <= meta.gid <= NUMBER_MAX):
            msg = f"the owner {meta.uid}:{meta.gid} cannot be"
            raise ValueError(msg)
        if max(meta.uid, meta.gid) > _OWNER_MAX:
            self._report(f"the owner {meta.uid}:{meta.gid}, which Linux cannot have")
        return meta


def _excess(entry: TarEntry) -> int:
    """Say how many entries more would take the memory that long texts do."""
    size = len(entry.name) + len(entry.link)
    size += sum(len(name) + len(value) for name, value in entry.meta.xattrs.items())
    return size // _ENTRY_BYTES


def _checksum_holds(block: bytes, expected: int) -> bool:
    """Sum a header up, as unsigned bytes or, as some old writers did, signed ones."""
    unsigned = sum(block)
    if unsigned == expected:
        return True
    field = block[148:156]
    signed = unsigned - 256 * sum(1 for byte in block if byte > 0x7F)
    return signed == expected - 256 * sum(1 for byte in field if byte > 0x7F)


def _kind(letter: bytes, magic: bytes, path: str) -> str:
    """Give an entry's type; a v7 file whose name ends in a slash is a directory."""
    if letter in b"\x000" and letter:
        if path.endswith("/") and not magic.startswith(b"ustar"):
            return DIRECTORY
        return FILE
    # A contiguous file reads as a file (disputed/contiguous-type), a sparse one too.
    return FILE if letter in b"7S" else letter.decode("latin-1")


def _dataless(kind: str, path: str, link: str, meta: Meta, device: bytes) -> TarEntry:
    """Make an entry of a type that no data follows."""
    if kind in {CHAR, BLOCK}:
        major, minor = tarfields.number(device[:8]), tarfields.number(device[8:])
        if not (0 <= major <= NUMBER_MAX and 0 <= minor <= NUMBER_MAX):
            msg = f"the device number {major}:{minor} cannot be"
            raise ValueError(msg)
        return TarEntry(kind, path, "", meta, EMPTY, major, minor)
    return TarEntry(kind, path, link, meta, EMPTY)


def _pax_content(
    data: Extent,
    records: Mapping[bytes, bytes],
    in_order: tuple[tuple[bytes, bytes], ...],
) -> Content:
    """Give the content of a file with pax records, which may make it sparse."""
    size = tarsparse.pax_size(records)
    if size is None:
        return data
    spans, stored = tarsparse.pax_spans(records, in_order, data)
    return tarsparse.expand(stored, spans, size)
