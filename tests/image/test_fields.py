"""Numbers, times, pax records, names, sparse maps and attributes, field by field."""

from __future__ import annotations

import pytest

from unionfs_sim.core.content import Extent, Literal, literal
from unionfs_sim.image import tarfields, tarsparse, tarxattrs


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"0000644\0", 0o644),
        (b"644 \0\0\0\0", 0o644),
        (b"    644\0", 0o644),
        (b"7777777\0", 2097151),
        (b"77777777777\0", 8**11 - 1),
        (b"644\0junk", 0o644),
        (b"\0" * 8, 0),
        (b"        ", 0),
        (b"\x80" + (2**33).to_bytes(11, "big"), 2**33),
        (b"\xff" * 12, -1),
        (b"\xff" * 4 + (-5).to_bytes(8, "big", signed=True), -5),
    ],
)
def test_header_number(raw: bytes, expected: int) -> None:
    """Octal text ends at a NUL or blank; the top bit means base-256."""
    assert expected == tarfields.number(raw)


@pytest.mark.parametrize(
    "raw", [b"0000008\0", b"-000001\0", b"+1\0", b"1_1\0", b"0o17\0", b"x", b"1 1\0"]
)
def test_header_number_is_refused(raw: bytes) -> None:
    """What Python's int() takes beyond octal digits is no number of a header."""
    with pytest.raises(ValueError, match="is not a number"):
        tarfields.number(raw)


def test_pax_number() -> None:
    """A pax number is decimal, not negative, and within 63 bits."""
    assert 4294967294 == tarfields.decimal(b"4294967294")
    for raw in (b"-1", b"", b"1.5", b"0x10", b"9" * 5000, b"9223372036854775808"):
        with pytest.raises(ValueError, match="is not a number"):
            tarfields.decimal(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"0", 0),
        (b"1700000000.123456789", 1700000000123456789),
        (b"1700000000.1234567899", 1700000000123456789),
        (b"1700000000.5", 1700000000500000000),
        (b"1700000000.", 1700000000000000000),
        (b"-1", -1000000000),
        (b"-2.5", -2500000000),
        (b"-0.5", -500000000),
    ],
)
def test_time_is_read_as_text(raw: bytes, expected: int) -> None:
    """The last digits of a time survive, and the sign covers the fraction."""
    assert expected == tarfields.time_ns(raw)


@pytest.mark.parametrize("raw", [b"", b"x", b"1e9", b".5", b"--1", b"9" * 20, b"1.5.5"])
def test_time_is_refused(raw: bytes) -> None:
    """What is not a decimal number is no time."""
    with pytest.raises(ValueError, match="is not a time"):
        tarfields.time_ns(raw)


def test_pax_value_may_hold_anything() -> None:
    """A value is counted, so newlines, equal signs and NULs stay in it."""
    body = b"a=b\n\0c"
    record = b"%d k=%s\n" % (len(body) + 6, body)

    assert [(b"k", body)] == tarfields.pax_records(record)


@pytest.mark.parametrize(
    "data",
    [
        b"11 path=a/b\n",
        b"13 path=a/b\n",
        b"99 path=a/b\n",
        b"3 \n",
        b"0 a=b\n",
        b"x a=b\n",
        b"-6 a=b\n",
        b" a=b\n",
        b"6 a=b\n\0\0",
        b"5 =b\n",
        b"5 ab\n",
        b"7 a\0=b\n",
        b"6 a=b",
        b"99999999999999999999999 a=b\n",
    ],
)
def test_pax_record_is_refused(data: bytes) -> None:
    """A record whose length lies, or that has no key, is an error."""
    with pytest.raises(ValueError, match="pax record"):
        tarfields.pax_records(data)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b", ("a", "b")),
        ("/a//b/", ("a", "b")),
        ("./a/./b", ("a", "b")),
        ("../x", ("x",)),
        ("d/../../x", ("x",)),
        (".", ()),
        ("/", ()),
        ("", ()),
        (".../..x/ /\n", ("...", "..x", " ", "\n")),
    ],
)
def test_names_stay_inside_the_root(name: str, expected: tuple[str, ...]) -> None:
    """No name leads above the root (rules-main, t19 and t22)."""
    assert expected == tarfields.normalise(name, components_max=10)


def test_too_many_components() -> None:
    """A name has a limited number of components."""
    with pytest.raises(ValueError, match="11 components, more than 10"):
        tarfields.normalise("a/" * 11, components_max=10)


def test_sparse_file_of_a_pebibyte_takes_no_memory() -> None:
    """Holes stay ranges, however long they are."""
    content = tarsparse.expand(literal(b"end"), [(2**50, 3)], 2**50 + 3)

    assert 2**50 + 3 == content.size
    assert b"\0end" == content.read(2**50 - 1, 10)
    assert 2 == len(content.extents())


@pytest.mark.parametrize(
    ("spans", "size", "reason"),
    [
        ([(0, 2)], 1, "does not fit"),
        ([(0, 1), (0, 1)], 9, "does not fit"),
        ([(5, 1), (2, 1)], 9, "does not fit"),
        ([(8, 2)], 9, "does not fit"),
        ([(0, -1), (0, 3)], 9, "does not fit"),
        ([(0, 3)], 9, "covers more"),
        ([(0, 1)], 9, "covers 1 of the 2"),
        ([], 9, "covers 0 of the 2"),
        ([(0, 2)], 2**63, "cannot be"),
        ([(0, 2)], -1, "cannot be"),
    ],
)
def test_sparse_map_is_refused(
    spans: list[tuple[int, int]], size: int, reason: str
) -> None:
    """A map goes forward, stays within the file and covers what is stored."""
    with pytest.raises(ValueError, match=reason):
        tarsparse.expand(literal(b"ab"), spans, size)


@pytest.mark.parametrize(
    "data",
    [b"", b"1\n0\n", b"1" * 600, b"x\n", b"9999999\n0\n1\n".ljust(512, b"\0"), b"-1\n"],
)
def test_sparse_map_in_front_of_the_data_is_refused(data: bytes) -> None:
    """A map of form 1.0 ends within the data."""
    extent = Extent(Literal(data), 0, len(data))
    with pytest.raises(ValueError, match=r"sparse map|not a number"):
        tarsparse.pax_spans({b"GNU.sparse.major": b"1"}, [], extent)


def test_sparse_map_of_many_spans_in_front_of_the_data() -> None:
    """A map of form 1.0 goes on over as many blocks as it needs."""
    numbers = [200] + [n for i in range(200) for n in (i * 10, 1)]
    text = b"".join(b"%d\n" % n for n in numbers)
    stored = text.ljust(-(-len(text) // 512) * 512, b"\0") + b"x" * 200
    spans, data = tarsparse.pax_spans({b"GNU.sparse.major": b"1"}, [], literal(stored))

    assert [(i * 10, 1) for i in range(200)] == spans
    assert b"x" * 200 == data.read_all()


def test_sparse_form_is_refused() -> None:
    """An unknown form, an odd map, and records out of order are errors."""
    offset, length = b"GNU.sparse.offset", b"GNU.sparse.numbytes"
    with pytest.raises(ValueError, match="format b'2' is unknown"):
        tarsparse.pax_spans({b"GNU.sparse.major": b"2"}, [], literal(b"a"))
    with pytest.raises(ValueError, match="1 numbers, not pairs"):
        tarsparse.pax_spans({b"GNU.sparse.map": b"5"}, [], literal(b"a"))
    with pytest.raises(ValueError, match="do not alternate"):
        tarsparse.pax_spans({}, [(length, b"1"), (offset, b"0")], literal(b"a"))


def xattrs(records: dict[bytes, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Give what is found in some records, and what is said about it."""
    said: list[str] = []
    found = tarxattrs.from_pax(records, bytes_max=1000, report=said.append)
    return dict(found), said


def test_name_of_a_twin_comes_from_libarchive() -> None:
    """bsdtar encodes names in both dialects: libarchive's is decoded, its twin goes."""
    records = {
        b"SCHILY.xattr.user.d%C3%A9": b"v",
        b"LIBARCHIVE.xattr.user.d%C3%A9": b"dg",
        b"SCHILY.xattr.user.100%25": b"w",
    }

    assert ({"user.dé": b"v", "user.100%25": b"w"}, []) == xattrs(records)


@pytest.mark.parametrize(
    ("key", "value", "kept", "sentence"),
    [
        (b"SCHILY.xattr.", b"v", False, "without a name"),
        (b"SCHILY.xattr.user.e", b"", False, "empty value"),
        (b"LIBARCHIVE.xattr.user.e", b"!!!", False, "not base64"),
        (b"SCHILY.xattr.trusted.overlay.opaque", b"y", False, "bookkeeping"),
        (b"SCHILY.xattr.user.overlay.opaque", b"y", False, "bookkeeping"),
        (b"SCHILY.xattr.user.fuseoverlayfs.opaque", b"y", False, "bookkeeping"),
        (b"SCHILY.xattr.user.containers.override_stat", b"0", False, "bookkeeping"),
        (b"SCHILY.xattr.weird.name", b"v", True, "no namespace"),
        (b"SCHILY.xattr.security.selinux", b"v", True, None),
    ],
)
def test_odd_attributes_are_reported(
    key: bytes, value: bytes, *, kept: bool, sentence: str | None
) -> None:
    """What is dropped or unusual is told, never printed."""
    found, said = xattrs({key: value})

    assert kept == bool(found)
    assert bool(sentence) == bool(said)
    assert (sentence or "") in " ".join(said)


def test_attributes_over_the_limit() -> None:
    """Attributes of one entry have a limit, and no NUL in their names."""
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        xattrs({b"SCHILY.xattr.user.big": bytes(1000)})
    with pytest.raises(ValueError, match="holds a NUL"):
        xattrs({b"LIBARCHIVE.xattr.user.%00": b"dg=="})
