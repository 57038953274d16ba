"""
File content as immutable extents over shared sources.

A content is one extent, or a few in a row; an extent is a range of a source, and a
source is some bytes, an archive, a file of the host, or nothing at all (a hole, which
reads as zeros).  Copying a file up copies a reference, and a write makes a new content
that shares all extents which it does not touch.
"""

from __future__ import annotations

import bisect
import errno
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, final

import attrs

from unionfs_sim.core.values import plain
from unionfs_sim.errors import fs_error

#: Neighbouring literal extents are merged up to this size, so that a file written in
#: many small pieces keeps few extents, and no write copies more than this.
CHUNK_BYTES_MAX: Final = 64 * 1024

#: What holes and data are told apart by, as on most file systems.
BLOCK_BYTES: Final = 4096

#: How much is read at once where a content is gone through from start to end.
READ_BYTES: Final = 1024 * 1024


class Source(Protocol):
    """Immutable bytes that can be read at any offset."""

    def read_at(self, offset: int, size: int) -> bytes:
        """
        Give exactly *size* bytes from *offset* on; the caller stays within bounds.

        Raises:
            OSError: EIO, the bytes behind the source are gone or have changed.
        """
        ...  # pragma: no cover


class Content(ABC):
    """
    The bytes of a regular file, as an immutable value.

    >>> text = literal(b"hello world")
    >>> text.splice(6, b"there").read_all()
    b'hello there'
    >>> text.resize(5).read_all()
    b'hello'
    """

    __slots__ = ()

    size: int

    @abstractmethod
    def extents(self) -> Sequence[Extent]:
        """Give the extents in order; together they are the content."""

    @abstractmethod
    def read(self, offset: int, size: int) -> bytes:
        """
        Read up to *size* bytes from *offset* on; fewer at the end of the content.

        Takes O(log e + result) for e extents.
        """

    def read_all(self) -> bytes:
        """Read everything into memory."""
        return self.read(0, self.size)

    def chunks(self, size: int = READ_BYTES) -> Iterator[bytes]:
        """Read everything, at most *size* bytes at a time."""
        for offset in range(0, self.size, size):
            yield self.read(offset, size)

    def sha256(self) -> str:
        """
        Give the SHA-256 of the bytes as 64 hexadecimal digits; reads them all.

        >>> literal(b"").sha256()[:8]
        'e3b0c442'
        """
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def slice(self, start: int, stop: int) -> list[Extent]:
        """Give the extents of a range, cut at both ends, sharing their sources."""
        found = []
        position = 0
        for extent in self.extents():
            end = position + extent.size
            if end > start and position < stop:
                low = max(start - position, 0)
                high = min(stop, end) - position
                found.append(extent.part(low, high - low))
            position = end
        return found

    def splice(self, offset: int, data: bytes) -> Content:
        """
        Give the content that a write of *data* at *offset* leaves.

        A gap before *offset* becomes a hole.  Takes O(e) for e extents and copies no
        more than `CHUNK_BYTES_MAX` bytes besides *data*.
        """
        if not data:
            return self
        if not offset and len(data) >= self.size:
            return literal(data)
        before = self.slice(0, min(offset, self.size))
        if offset > self.size:
            before.append(hole(offset - self.size))
        end = offset + len(data)
        after = self.slice(end, self.size) if end < self.size else []
        return concat((*before, literal(data), *after))

    def resize(self, size: int) -> Content:
        """Give the content cut, or prolonged with a hole, to *size* bytes."""
        if size == self.size:
            return self
        if size > self.size:
            return concat((*self.extents(), hole(size - self.size)))
        return concat(self.slice(0, size))

    def punch(self, offset: int, length: int) -> Content:
        """Give the content with a hole in it; its size stays."""
        end = min(offset + length, self.size)
        if end <= offset:
            return self
        before, after = self.slice(0, offset), self.slice(end, self.size)
        return concat((*before, hole(end - offset), *after))

    def next_part(self, offset: int, *, data: bool) -> int:
        """
        Find the next data or hole from *offset* on, in whole blocks.

        Every file ends in a hole; -1 if there is no more data.

        >>> concat([literal(b"x"), hole(9999)]).next_part(0, data=False)
        4096
        """
        if data and offset >= self.size:
            return -1
        reach = 0  # the end of the last block with data
        position = 0
        for extent in self.extents():
            start, end = position, position + extent.size
            position = end
            if extent.source is None:
                continue
            low = start - start % BLOCK_BYTES
            if not data and low > max(reach, offset):
                break
            reach = end + -end % BLOCK_BYTES
            if data and reach > offset:
                return max(low, offset)
        return -1 if data else min(max(reach, offset), self.size)

    def dense(self, step: int) -> Content:
        """
        Give the content as a copy in steps leaves it: holes between data are filled.

        A step copies *step* bytes from where the next data is, holes included, as the
        kernel's copy-up does (overlayfs.md, 4.2).
        """
        if not any(extent.source is None for extent in self.extents()):
            return self
        parts: list[Extent] = []
        position = 0
        while position < self.size:
            found = self.next_part(position, data=True)
            if found != position:
                end = self.size if found < 0 else found
                parts.append(hole(end - position))
            else:
                end = min(position + step, self.size)
                parts.extend(
                    extent if extent.source else Extent(_ZEROS, 0, extent.size)
                    for extent in self.slice(position, end)
                )
            position = end
        return concat(parts)

    def cut(self, offset: int, length: int) -> Content:
        """Give the content without a range; what follows moves up."""
        return concat((*self.slice(0, offset), *self.slice(offset + length, self.size)))

    def insert(self, offset: int, extent: Extent) -> Content:
        """Give the content with an extent put in; what follows moves down."""
        return concat((*self.slice(0, offset), extent, *self.slice(offset, self.size)))

    def __eq__(self, other: object) -> bool:
        """Compare by bytes; equal extents of one source are not read."""
        if not isinstance(other, Content):
            return NotImplemented
        if self is other:
            return True
        if self.size != other.size:
            return False
        mine, theirs = self.extents(), other.extents()
        if len(mine) == len(theirs) and all(
            a.source is b.source and a.offset == b.offset and a.size == b.size
            for a, b in zip(mine, theirs, strict=True)
        ):
            return True
        return all(a == b for a, b in zip(self.chunks(), other.chunks(), strict=True))

    __hash__ = None  # type: ignore[assignment]  # equal by bytes: too dear to hash


@final
@attrs.frozen(eq=False, weakref_slot=False, repr=False)
class Extent(Content):
    """
    A range of one source, or a hole where there is no source.

    Attributes:
        source: Where the bytes are; ``None`` for a hole.
        offset: Where the range starts in the source, in bytes.
        size: Its length in bytes.
    """

    source: Source | None
    offset: int
    size: int

    def extents(self) -> Sequence[Extent]:
        """Give this extent alone, or nothing if it is empty."""
        return (self,) if self.size else ()

    def read(self, offset: int, size: int) -> bytes:
        """Read up to *size* bytes from *offset* on."""
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        if self.source is None:
            return bytes(size)
        return self.source.read_at(self.offset + offset, size)

    def part(self, offset: int, size: int) -> Extent:
        """Give a range of this extent."""
        if offset == 0 and size == self.size:
            return self
        return Extent(self.source, self.offset + offset, size)

    def __repr__(self) -> str:
        """Show literal bytes as such, everything else by its size."""
        if self.source is None:
            return f"hole({self.size})" if self.size else "EMPTY"
        if isinstance(self.source, Literal) and self.size <= 64:
            return f"literal({self.read_all()!r})"
        return f"<{self.size} bytes of {self.source!r} at {self.offset}>"


@final
@attrs.frozen(eq=False, weakref_slot=False, repr=False)
class Spliced(Content):
    """Two or more extents in a row; made by `concat` only."""

    _extents: tuple[Extent, ...]
    _starts: tuple[int, ...]
    size: int

    def extents(self) -> Sequence[Extent]:
        """Give the extents in order."""
        return self._extents

    def read(self, offset: int, size: int) -> bytes:
        """Read up to *size* bytes from *offset* on."""
        stop = min(offset + size, self.size)
        if stop <= offset:
            return b""
        pieces = []
        index = bisect.bisect_right(self._starts, offset) - 1
        while offset < stop:
            extent = self._extents[index]
            within = offset - self._starts[index]
            piece = extent.read(within, min(extent.size - within, stop - offset))
            pieces.append(piece)
            offset += len(piece)
            index += 1
        return b"".join(pieces)

    def __repr__(self) -> str:
        """Show the number of extents and the size."""
        return f"<{self.size} bytes in {len(self._extents)} extents>"


@final
@attrs.frozen(eq=False, weakref_slot=False)
class Lost(Content):
    """
    The content of a file that is seen and cannot be opened: its data is nowhere.

    A metadata-only file can say that a data-only layer has its data; whether it is so is
    found out when it is opened (found-100).
    """

    size: int

    def extents(self) -> Sequence[Extent]:
        """Give nothing: it takes no room."""
        return ()

    def read(self, offset: int, size: int) -> bytes:
        """Refuse with ENOENT."""
        del offset, size
        raise fs_error(errno.ENOENT, "data", op="open")

    def dense(self, step: int) -> Content:
        """Give it as it is."""
        del step
        return self


@final
@attrs.frozen(eq=False, weakref_slot=False)
class Literal:
    """Bytes in memory, as a source."""

    data: bytes = attrs.field(repr=False)

    def read_at(self, offset: int, size: int) -> bytes:
        """Give *size* bytes from *offset* on."""
        return self.data[offset : offset + size]


@final
class _Zeros:
    """Zeros that are stored, as a source."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Give *size* zeros."""
        del offset
        return bytes(size)

    def __repr__(self) -> str:
        """Show what it is."""
        return "zeros"


_ZEROS: Final = _Zeros()

_PlainExtent: Final = plain(Extent)
_PlainLiteral: Final = plain(Literal)

#: The content of an empty file.
EMPTY: Final = Extent(None, 0, 0)


def literal(data: bytes) -> Extent:
    """
    Make a content of bytes in memory.

    >>> literal(b"hi")
    literal(b'hi')
    """
    if not data:
        return EMPTY
    source = _PlainLiteral(bytes(data))
    source.__class__ = Literal
    made = _PlainExtent(source, 0, len(data))
    made.__class__ = Extent
    return made  # type: ignore[no-any-return]


def hole(size: int) -> Extent:
    """
    Make a content of *size* zeros that takes no memory.

    >>> hole(3).read_all()
    b'\\x00\\x00\\x00'
    """
    return Extent(None, 0, size) if size else EMPTY


def concat(extents: Iterable[Extent]) -> Content:
    """
    Put extents in a row, merging neighbours that belong together.

    Adjacent ranges of one source and adjacent holes become one; small literal
    neighbours are joined up to `CHUNK_BYTES_MAX`.

    >>> concat([literal(b"ab"), hole(2), literal(b"c")]).read_all()
    b'ab\\x00\\x00c'
    """
    merged: list[Extent] = []
    for extent in extents:
        if not extent.size:
            continue
        joined = _joined(merged[-1], extent) if merged else None
        if joined is None:
            merged.append(extent)
        else:
            merged[-1] = joined
    if not merged:
        return EMPTY
    if len(merged) == 1:
        return merged[0]
    starts = []
    size = 0
    for extent in merged:
        starts.append(size)
        size += extent.size
    return Spliced(tuple(merged), tuple(starts), size)


def _joined(left: Extent, right: Extent) -> Extent | None:
    """Join two neighbours into one extent, or give ``None`` if they stay two."""
    size = left.size + right.size
    if left.source is right.source:
        if left.source is None:
            return Extent(None, 0, size)
        if left.offset + left.size == right.offset or left.source is _ZEROS:
            return Extent(left.source, left.offset, size)
    if (
        isinstance(left.source, Literal)
        and isinstance(right.source, Literal)
        and size <= CHUNK_BYTES_MAX
    ):
        return literal(left.read_all() + right.read_all())
    return None
