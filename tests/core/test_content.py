"""Contents share what they do not change, and cost no more than they hold."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from unionfs_sim.core import content
from unionfs_sim.core.content import (
    BLOCK_BYTES,
    CHUNK_BYTES_MAX,
    EMPTY,
    Content,
    Extent,
    concat,
    hole,
    literal,
)


class Tape:
    """A source that counts what is read from it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.read_bytes = 0

    def read_at(self, offset: int, size: int) -> bytes:
        assert 0 <= offset
        assert offset + size <= len(self.data)
        self.read_bytes += size
        return self.data[offset : offset + size]


def tape(data: bytes) -> Extent:
    """Make a content on a tape."""
    return Extent(Tape(data), 0, len(data))


def sizes(made: Content) -> list[int]:
    """Give the sizes of the extents, holes negative."""
    return [x.size if x.source else -x.size for x in made.extents()]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (literal(b""), []),
        (hole(0), []),
        (literal(b"ab"), [2]),
        (hole(9), [-9]),
        (concat([literal(b"a"), literal(b"b")]), [2]),
        (concat([hole(1), hole(2)]), [-3]),
        (concat([literal(b"a"), hole(2), literal(b"b")]), [1, -2, 1]),
        (concat([EMPTY, literal(b"a"), EMPTY]), [1]),
        (concat([]), []),
        (
            concat([literal(b"x" * CHUNK_BYTES_MAX), literal(b"y")]),
            [CHUNK_BYTES_MAX, 1],
        ),
        (concat([tape(b"ab"), tape(b"cd")]), [2, 2]),
        (concat([tape(b"ab"), literal(b"cd")]), [2, 2]),
    ],
)
def test_concat(made: Content, expected: list[int]) -> None:
    """Neighbours become one where that copies little; empty ones go."""
    assert expected == sizes(made)
    assert made.size == sum(abs(size) for size in expected)


def test_concat_joins_neighbours_of_one_source() -> None:
    """Two ranges that touch in their source become one, without a read."""
    whole = tape(b"abcdef")
    made = concat([whole.part(0, 2), whole.part(2, 3)])

    assert [5] == sizes(made)
    assert isinstance(whole.source, Tape)
    assert 0 == whole.source.read_bytes


def test_concat_keeps_ranges_that_do_not_touch() -> None:
    """Two ranges of one source with a gap, or in the wrong order, stay two."""
    whole = tape(b"abcdef")

    assert b"acd" == concat([whole.part(0, 1), whole.part(2, 2)]).read_all()
    assert b"ba" == concat([whole.part(1, 1), whole.part(0, 1)]).read_all()


@pytest.mark.parametrize(
    ("offset", "size", "expected"),
    [
        (0, 99, b"ab\0\0\0cdef"),
        (1, 3, b"b\0\0"),
        (2, 3, b"\0\0\0"),
        (5, 2, b"cd"),
        (6, 2, b"de"),
        (9, 1, b""),
        (50, 1, b""),
        (0, 0, b""),
    ],
)
def test_read_over_extents(offset: int, size: int, expected: bytes) -> None:
    """A read gathers what it needs from as many extents as it crosses."""
    made = concat([literal(b"ab"), hole(3), tape(b"cd"), tape(b"ef")])

    assert expected == made.read(offset, size)


@pytest.mark.parametrize(
    ("offset", "data", "expected"),
    [
        (0, b"", b"hello"),
        (99, b"", b"hello"),
        (0, b"J", b"Jello"),
        (1, b"EL", b"hELlo"),
        (4, b"O!", b"hellO!"),
        (5, b"!", b"hello!"),
        (7, b"!", b"hello\0\0!"),
        (0, b"goodbye", b"goodbye"),
    ],
)
def test_splice(offset: int, data: bytes, expected: bytes) -> None:
    """A write replaces what is under it; a gap before it reads as zeros."""
    assert expected == tape(b"hello").splice(offset, data).read_all()


def test_splice_shares_what_it_does_not_touch() -> None:
    """A write in the middle keeps both ends by reference."""
    whole = tape(b"x" * 1_000_000)
    made = whole.splice(500_000, b"y")

    assert [500_000, 1, 499_999] == sizes(made)
    assert [whole.source] * 2 == [made.extents()[i].source for i in (0, 2)]
    assert isinstance(whole.source, Tape)
    assert 0 == whole.source.read_bytes


def test_small_writes_keep_few_extents() -> None:
    """A file written byte by byte is a few large extents."""
    made: Content = EMPTY
    for _ in range(1000):
        made = made.splice(made.size, b"x")

    assert [1000] == sizes(made)


def test_write_into_a_large_hole_takes_little_memory() -> None:
    """One byte in a hole of 256 MiB allocates less than 1 MiB."""
    made = hole(256 << 20)
    tracemalloc.start()
    try:
        made.splice(128 << 20, b"x").resize(300 << 20).punch(5, 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, b""), (2, b"he"), (5, b"hello"), (7, b"hello\0\0")],
)
def test_resize(size: int, expected: bytes) -> None:
    """A content is cut, or prolonged by a hole."""
    made = literal(b"hello").resize(size)

    assert expected == made.read_all()
    assert size == made.size


def test_resize_to_the_same_size_is_the_same() -> None:
    """Nothing is made where nothing changes."""
    made = literal(b"hello")

    assert made is made.resize(5)


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (1, 2, b"h\0\0lo"),
        (0, 99, b"\0\0\0\0\0"),
        (4, 9, b"hell\0"),
        (5, 1, b"hello"),
        (9, 1, b"hello"),
    ],
)
def test_punch(offset: int, length: int, expected: bytes) -> None:
    """A hole replaces what is in it; the size stays."""
    assert expected == literal(b"hello").punch(offset, length).read_all()


def test_cut_and_insert() -> None:
    """Ranges go and come; what follows moves."""
    made = literal(b"hello")

    assert b"ho" == made.cut(1, 3).read_all()
    assert b"h\0\0ello" == made.insert(1, hole(2)).read_all()


@pytest.mark.parametrize(
    ("offset", "data", "hole_at"),
    [
        (0, 8192, 0),
        (4095, 8192, 4095),
        (8192, 8192, 12288),
        (9000, 9000, 12288),
        (12287, 12287, 12288),
        (12288, 20480, 12288),
        (20480, 20480, 20481),
        (99999, -1, 20481),
    ],
)
def test_next_part(offset: int, data: int, hole_at: int) -> None:
    """Data and holes are told apart by whole blocks; a file ends in a hole."""
    made = hole(20481).splice(9000, b"x").splice(20480, b"y")

    assert data == made.next_part(offset, data=True)
    assert hole_at == made.next_part(offset, data=False)


def test_next_part_of_data_alone() -> None:
    """A file without a hole has one at its end."""
    made = concat([tape(b"x" * 5000), tape(b"y" * 5000)])

    assert (10_000, 7000) == (
        made.next_part(0, data=False),
        made.next_part(7000, data=True),
    )


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (literal(b"abc"), [3]),
        (hole(10 << 20), [-(10 << 20)]),
        # overlayfs.md, 4.2: 4 KiB of data in a hole of 10 MiB became 1 MiB.
        (
            concat([hole(4 << 20), tape(b"x" * 4096), hole((6 << 20) - 4096)]),
            [-(4 << 20), 4096, (1 << 20) - 4096, -(5 << 20)],
        ),
        (concat([tape(b"x"), hole(9)]), [1, 9]),
        (concat([hole(BLOCK_BYTES), tape(b"x")]), [-BLOCK_BYTES, 1]),
    ],
)
def test_dense(before: Content, expected: list[int]) -> None:
    """A copy in steps fills the holes of a step that starts with data."""
    made = before.dense(1 << 20)

    assert expected == sizes(made)
    assert before == made


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (literal(b"ab"), literal(b"ab"), True),
        (literal(b"ab"), tape(b"ab"), True),
        (literal(b"ab"), literal(b"ac"), False),
        (literal(b"ab"), literal(b"abc"), False),
        (hole(3), literal(b"\0\0\0"), True),
        (concat([tape(b"a"), hole(1)]), literal(b"a\0"), True),
        (EMPTY, literal(b""), True),
    ],
)
def test_equal_by_bytes(one: Content, other: Content, equal: bool) -> None:
    """Contents are equal if their bytes are, whatever holds them."""
    assert equal is (one == other)
    assert equal is (other == one)


def test_equal_extents_are_not_read() -> None:
    """Two contents over the same ranges are equal without a read."""
    whole = tape(b"x" * 100)
    one, other = (concat([whole.part(0, 50), hole(5)]) for _ in range(2))

    assert one == other
    assert one == one  # noqa: PLR0124 - itself
    assert isinstance(whole.source, Tape)
    assert 0 == whole.source.read_bytes


def test_content_equals_nothing_else() -> None:
    """Bytes are no content, and a content has no hash."""
    assert literal(b"a") != b"a"
    with pytest.raises(TypeError, match="unhashable"):
        hash(literal(b"a"))


@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
def test_chunks(size: int) -> None:
    """Chunks are what a content is, in pieces of at most the size."""
    made = concat([literal(b"hello"), hole(2), tape(b"you")])
    chunks = list(made.chunks(size))

    assert made.read_all() == b"".join(chunks)
    assert max(len(chunk) for chunk in chunks) <= size


def test_sha256() -> None:
    """The digest is that of the bytes."""
    made = concat([literal(b"hello"), hole(100)])

    assert hashlib.sha256(b"hello" + bytes(100)).hexdigest() == made.sha256()


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (EMPTY, "EMPTY"),
        (hole(3), "hole(3)"),
        (literal(b"hi"), "literal(b'hi')"),
        (concat([literal(b"a"), hole(2)]), "<3 bytes in 2 extents>"),
        (literal(b"x" * 65), "<65 bytes of Literal() at 0>"),
        (
            concat([literal(b"x"), hole(1)]).dense(9).slice(1, 2)[0],
            "<1 bytes of zeros at 0>",
        ),
    ],
)
def test_repr(made: Content, text: str) -> None:
    """Short literals show themselves, all else its size."""
    assert text == repr(made)


def test_part_of_all_is_all() -> None:
    """The whole range of an extent is the extent."""
    made = literal(b"abc")

    assert made is made.part(0, 3)
    assert content.EMPTY is literal(b"")
