"""Sparse maps of tar entries: old GNU, and pax 0.0, 0.1 and 1.0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from unionfs_sim.core.content import Content, Extent, concat, hole
from unionfs_sim.image.limits import NUMBER_MAX
from unionfs_sim.image.tarfields import decimal, number

_BLOCK_BYTES: Final = 512

#: Spans that the header of an old GNU sparse entry holds, and a further block.
_HEADER_SPANS: Final = 4
_FURTHER_SPANS: Final = 21

#: A range of a sparse file that has data: offset and length.
Span: TypeAlias = tuple[int, int]


def expand(data: Extent, spans: Iterable[Span], size: int) -> Content:
    """
    Give the content of a sparse file, its holes kept as ranges.

    Args:
        data: The stored bytes, one range after the other.
        spans: Where the ranges belong in the file.
        size: The length of the file in bytes.

    Raises:
        ValueError: The ranges overlap, go back or past the end, or are not as long
            together as the stored bytes.

    >>> from unionfs_sim.core.content import literal
    >>> expand(literal(b"ab"), [(2, 2)], 5).read_all()
    b'\\x00\\x00ab\\x00'
    """
    if not 0 <= size <= NUMBER_MAX:
        msg = f"the size {size} of the sparse file cannot be"
        raise ValueError(msg)
    extents: list[Extent] = []
    position = taken = 0
    for offset, length in spans:
        if offset < position or length < 0 or offset + length > size:
            msg = (
                f"the sparse map's range of {length} bytes at {offset} does not fit"
                f" between byte {position} and the file's end at {size}"
            )
            raise ValueError(msg)
        if taken + length > data.size:
            msg = f"the sparse map covers more than the {data.size} stored bytes"
            raise ValueError(msg)
        extents += (hole(offset - position), data.part(taken, length))
        position = offset + length
        taken += length
    if taken != data.size:
        msg = f"the sparse map covers {taken} of the {data.size} stored bytes"
        raise ValueError(msg)
    extents.append(hole(size - position))
    return concat(extents)


def gnu_spans(tar: Content, block: bytes, position: int) -> tuple[list[Span], int]:
    """
    Read the map of an old GNU sparse entry, with its further blocks.

    Args:
        tar: The archive.
        block: The entry's header.
        position: Where the header is in the archive.

    Returns:
        The spans, and where the last block of the map is.

    Raises:
        ValueError: The archive ends inside the map, or a field is not a number.
    """
    spans = _block_spans(block, 386, _HEADER_SPANS)
    more = block[482]
    while more:
        position += _BLOCK_BYTES
        further = tar.read(position, _BLOCK_BYTES)
        if len(further) < _BLOCK_BYTES:
            msg = "the archive ends inside a sparse map"
            raise ValueError(msg)
        spans += _block_spans(further, 0, _FURTHER_SPANS)
        more = further[504]
    return spans, position


def gnu_size(block: bytes) -> int:
    """Give the expanded size that an old GNU sparse header announces."""
    return number(block[483:495])


def pax_size(records: Mapping[bytes, bytes]) -> int | None:
    """
    Give the expanded size of a pax sparse file, or ``None`` if it is not sparse.

    >>> pax_size({b"GNU.sparse.size": b"5"}), pax_size({})
    (5, None)
    """
    value = records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size")
    return decimal(value) if value else None


def pax_spans(
    records: Mapping[bytes, bytes],
    in_order: Sequence[tuple[bytes, bytes]],
    data: Extent,
) -> tuple[list[Span], Extent]:
    """
    Read the map of a pax sparse file, whichever of the three forms it has.

    Args:
        records: The records by keyword (form 0.1 has the map in one of them).
        in_order: All records (form 0.0 repeats a pair of them for each span).
        data: The stored bytes (form 1.0 has the map in front of them).

    Returns:
        The spans, and the stored bytes without any map.

    Raises:
        ValueError: The map is broken.
    """
    major = records.get(b"GNU.sparse.major", b"0")
    if major == b"1":
        return _stored_spans(data)
    if major != b"0":
        msg = f"the sparse format {major!r} is unknown"
        raise ValueError(msg)
    text = records.get(b"GNU.sparse.map")
    if text:
        return _pairs([decimal(item) for item in text.split(b",")]), data
    numbers: list[int] = []
    for key, value in in_order:
        if key in {b"GNU.sparse.offset", b"GNU.sparse.numbytes"}:
            wanted = (
                b"GNU.sparse.numbytes" if len(numbers) % 2 else b"GNU.sparse.offset"
            )
            if key != wanted:
                msg = "the offsets and lengths of the sparse map do not alternate"
                raise ValueError(msg)
            numbers.append(decimal(value))
    return _pairs(numbers), data


def _block_spans(block: bytes, start: int, count: int) -> list[Span]:
    """Read up to *count* spans of 24 bytes; an empty one ends them."""
    spans = []
    for at in range(start, start + 24 * count, 24):
        if not block[at]:
            break
        spans.append((number(block[at : at + 12]), number(block[at + 12 : at + 24])))
    return spans


def _stored_spans(data: Extent) -> tuple[list[Span], Extent]:
    """Read the map of form 1.0: decimal lines, padded to a whole block."""
    numbers: list[int] = []
    wanted = 1
    taken = 0
    rest = b""
    while len(numbers) < wanted:
        block = data.read(taken, _BLOCK_BYTES)
        if not block or len(rest) > _BLOCK_BYTES:
            msg = "the sparse map in front of the data does not end"
            raise ValueError(msg)
        taken += len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if len(numbers) == wanted:
                break
            numbers.append(decimal(line))
            wanted = 1 + 2 * numbers[0]
    return _pairs(numbers[1:]), data.part(taken, data.size - taken)


def _pairs(numbers: Sequence[int]) -> list[Span]:
    """Pair a row of numbers up."""
    if len(numbers) % 2:
        msg = f"the sparse map has {len(numbers)} numbers, not pairs"
        raise ValueError(msg)
    return list(zip(numbers[::2], numbers[1::2], strict=True))
