"""The walk over headers: every dialect, and every way in which an archive can lie."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Callable
from typing import Final

import pytest

from unionfs_sim.core.content import Content, Extent, concat, hole, literal
from unionfs_sim.errors import FormatError
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.tarstream import TarEntry, TarWalk

MakeBytes = Callable[..., bytes]


def walk(data: bytes | Content, *, limits: Limits | None = None) -> list[TarEntry]:
    """Go through an archive."""
    content = literal(data) if isinstance(data, bytes) else data
    return list(TarWalk(content, place="t.tar", limits=limits or Limits()))


def only(data: bytes) -> TarEntry:
    """Give the only entry of an archive."""
    (entry,) = walk(data + bytes(1024))
    return entry


def test_types(header: MakeBytes) -> None:
    """Every letter has its type; a NUL and a contiguous file are files."""
    letters = [b"0", b"\0", b"7", b"1", b"2", b"3", b"4", b"5", b"6", b"V"]
    data = b"".join(header("f", type=letter) for letter in letters)

    assert list("000123456V") == [entry.type for entry in walk(data)]


def test_ustar_prefix(header: MakeBytes) -> None:
    """A ustar name is prefix and name; GNU has other things in that place."""
    assert "p/q/f" == only(header("f", prefix=b"p/q")).name
    assert "f" == only(header("f", prefix=b"p/q", magic=b"ustar  \0")).name


def test_name_of_a_hundred_bytes(header: MakeBytes) -> None:
    """A name may fill its field without a NUL, and need not be UTF-8."""
    assert "a" * 100 == only(header("a" * 100)).name
    assert "caf\udce9" == only(header(b"caf\xe9")).name


def test_directory_of_v7(header: MakeBytes) -> None:
    """A v7 file whose name ends in a slash is a directory; in ustar it is a file."""
    assert "5" == only(header("d/", magic=b"\0" * 8)).type
    assert "0" == only(header("d/")).type


def test_gnu_long_names(header: MakeBytes) -> None:
    """L and K entries carry name and link of the next entry, and only of that."""
    data = (
        header("././@LongLink", b"n" * 300 + b"\0", type="L")
        + header("././@LongLink", b"k" * 300 + b"\0", type="K")
        + header("short", type="2", link="s")
        + header("after", type="2", link="t")
    )
    entries = walk(data)

    assert [("n" * 300, "k" * 300), ("after", "t")] == [
        (e.name, e.link) for e in entries
    ]


def test_pax_overrides_gnu_names(header: MakeBytes, pax: MakeBytes) -> None:
    """The records of pax win over long names and fields."""
    records = {
        "path": "pax",
        "linkpath": "to",
        "uid": "4294967294",
        "gid": "7",
        "mtime": "-1.5",
        "unknown": "x",
    }
    entry = only(
        header("l", b"long\0", type="L") + pax(records) + header("short", type="2")
    )

    assert ("pax", "to") == (entry.name, entry.link)
    assert (4294967294, 7) == (entry.meta.uid, entry.meta.gid)
    assert -1_500_000_000 == entry.meta.mtime_ns


def test_pax_size_counts(header: MakeBytes, pax: MakeBytes) -> None:
    """The size of pax says how much data follows."""
    data = pax({"size": "3"}) + header("f", b"abc", raw_size=b"0" * 11 + b"\0")
    entries = walk(data + header("g"))

    assert ["f", "g"] == [entry.name for entry in entries]
    assert b"abc" == entries[0].content.read_all()


def test_global_headers(header: MakeBytes, pax: MakeBytes) -> None:
    """A global record holds until it is removed; an entry's own record wins."""
    data = (
        pax({"uid": "5"}, scope="g")
        + header("a")
        + pax({"uid": "6"})
        + header("b")
        + header("c")
        + pax({"uid": ""}, scope="g")
        + header("d")
    )

    assert [5, 6, 5, 0] == [entry.meta.uid for entry in walk(data)]


def test_empty_record_removes_a_keyword(header: MakeBytes, pax: MakeBytes) -> None:
    """With an empty value the field of the header counts again."""
    data = pax({"path": "global"}, scope="g") + pax({"path": ""}) + header("own")

    assert "own" == only(data).name


def test_equal_attributes_are_shared(header: MakeBytes, pax: MakeBytes) -> None:
    """A hundred thousand entries of one owner and time hold one value."""
    one, two = walk(header("a") + header("b"))
    three, four = walk((pax({"mtime": "1.5"}) + header("a")) * 2)

    assert one.meta is two.meta
    assert three.meta is four.meta


def test_old_times_and_ids(header: MakeBytes) -> None:
    """base-256 goes on where octal ends; the type bits of a mode are cut off."""
    entry = only(
        header(
            mode=0o100755,
            raw_mtime=b"\xff" * 12,
            raw={108: b"\x80\0\0\0\xff\xff\xff\xfe"},
        )
    )

    assert (0o755, 4294967294) == (entry.meta.mode, entry.meta.uid)
    assert -1_000_000_000 == entry.meta.mtime_ns


def test_no_data_after_links_and_directories(header: MakeBytes) -> None:
    """A size on a type without data means nothing (section 4.1)."""
    size = b"00000000777\0"
    data = b"".join(header("x", type=letter, raw_size=size) for letter in "125")

    assert 3 == len(walk(data))


def test_signed_checksum(header: MakeBytes) -> None:
    """Some old writers summed signed bytes up."""
    block = bytearray(header(b"caf\xe9"))
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % (sum(block) - 256)

    assert "caf\udce9" == only(bytes(block)).name


def test_end_of_archive(header: MakeBytes) -> None:
    """Two zero blocks, one, or none may end it; what follows is not interpreted."""
    for end in (b"", bytes(512), bytes(700), bytes(1024), bytes(1024) + b"junk" * 999):
        assert 1 == len(walk(header("f") + end))
    assert [] == walk(b"")
    assert 1 == len(walk(header("f", b"abc", pad=False)))


BROKEN: Final[list[tuple[Callable[[MakeBytes, MakeBytes], bytes], str]]] = [
    (lambda h, _: h("f") + b"x" * 512, "checksum is wrong"),
    (lambda h, _: h("f") + h("g")[:500], "ends inside a header"),
    (lambda h, _: h("f") + bytes(512) + h("g"), "lone zero block"),
    (lambda h, _: h("f", b"x" * 600)[:900], "ends inside the data"),
    (lambda h, _: h("f", raw_size=b"77777777777\0"), "ends inside the data"),
    (lambda h, _: h("f", raw_size=b"\xff" * 12), "size is negative"),
    (lambda h, _: h("f", raw_size=b"1x000000000\0"), "not a number"),
    (lambda h, _: h("f", raw_size=b"-0000000001\0"), "not a number"),
    (lambda h, _: h("f", raw={108: b"\xff" * 8}), "owner -1:0 cannot be"),
    (lambda h, _: h("f", type="3", raw={329: b"\xff" * 8}), "device number"),
    (lambda h, p: p({"size": "-1"}) + h("f"), "not a number"),
    (lambda h, p: p({"uid": "x"}) + h("f"), "not a number"),
    (lambda h, p: p({"mtime": "soon"}) + h("f"), "not a time"),
    (lambda h, p: p({"path": "a\0b"}) + h("f"), "holds a NUL"),
    (lambda h, p: p({"linkpath": "a\0b"}) + h("f", type="2"), "holds a NUL"),
    (lambda h, p: p({"uid": "1"}), "no entry follows"),
    (lambda h, _: h("l", b"name\0", type="L"), "no entry follows"),
    (lambda h, _: h("x", b"99 path=a\n", type="x") + h("f"), "its length says"),
    (lambda h, _: h("x", raw_size=b"77777777777\0", type="x"), "more than 1048576"),
    (lambda h, _: h("x", raw_size=b"77777777777\0", type="L"), "more than 65537"),
    (lambda h, _: h("x", raw_size=b"\xff" * 12, type="x"), "size is negative"),
    (lambda h, p: p({"a": "x"}) * 2 + h("f"), "two pax headers for one entry"),
    (
        lambda h, p: (
            p({"comment": "x" * 20000, "path": "x" * 9000}, scope="g")
            + p({"linkpath": "x" * 9000}, scope="g")
            + h("f")
        ),
        "global pax headers of more",
    ),
]


@pytest.mark.parametrize(("make", "reason"), BROKEN, ids=map(str, range(len(BROKEN))))
def test_broken_archive_is_refused(
    make: Callable[[MakeBytes, MakeBytes], bytes],
    reason: str,
    header: MakeBytes,
    pax: MakeBytes,
) -> None:
    """What tarfile passes over in silence is an error that names the place."""
    with pytest.raises(FormatError, match=rf"^t\.tar: .*byte \d+: .*{reason}"):
        walk(make(header, pax))


def test_entries_are_limited(header: MakeBytes) -> None:
    """The number of entries has a limit of the caller's."""
    with pytest.raises(FormatError, match="more than 2 entries"):
        walk(header("f") * 3, limits=Limits(entries_max=2))


def spans(*pairs: tuple[int, int]) -> bytes:
    """Give the fields of an old GNU sparse map."""
    return b"".join(b"%011o\0%011o\0" % pair for pair in pairs)


def test_old_gnu_sparse(header: MakeBytes) -> None:
    """The map of an S entry goes on in further blocks if a flag says so."""
    pairs = [(i * 1000, 1) for i in range(30)]
    fields = {386: spans(*pairs[:4]), 482: b"\1", 483: b"%011o\0" % 30_000}
    block = header("s", type="S", magic=b"ustar  \0", raw=fields, raw_size=b"36\0")
    further = spans(*pairs[4:25]).ljust(504, b"\0") + b"\1" + bytes(7)
    last = spans(*pairs[25:]).ljust(512, b"\0")
    data = block + further + last + (b"x" * 30).ljust(512, b"\0")
    sparse, after = walk(data + header("after"))

    expected = bytearray(30_000)
    for offset, _ in pairs:
        expected[offset] = ord("x")
    assert bytes(expected) == sparse.content.read_all()
    assert ("0", "s", "after") == (sparse.type, sparse.name, after.name)
    for cut in (512, 700, 1024, 1500):
        with pytest.raises(FormatError, match="ends inside"):
            walk(data[:cut])


def test_old_gnu_sparse_past_its_end(header: MakeBytes) -> None:
    """A map beyond the file is refused."""
    fields = {386: spans((100, 1)), 483: b"%011o\0" % 50}
    with pytest.raises(FormatError, match="does not fit"):
        walk(header("s", b"x", type="S", raw=fields))


def test_pax_sparse_forms(header: MakeBytes, pax: MakeBytes) -> None:
    """The three forms of pax give one content (metadata/sparse-pax-*)."""
    offset, length = "GNU.sparse.offset", "GNU.sparse.numbytes"
    records = f"23 {offset}=1\n25 {length}=2\n23 {offset}=7\n25 {length}=1\n"
    data = f"21 GNU.sparse.size=9\n{records}".encode()
    zero_zero = header("pax", data, type="x") + header("f", b"abc")
    zero_one = pax({"GNU.sparse.size": "9", "GNU.sparse.map": "1,2,7,1"})
    one_zero = pax(
        {"GNU.sparse.major": "1", "GNU.sparse.realsize": "9", "GNU.sparse.name": "f"}
    )
    stored = b"2\n1\n2\n7\n1\n".ljust(512, b"\0") + b"abc"
    for data in (
        zero_zero,
        zero_one + header("f", b"abc"),
        one_zero + header("GNUSparseFile.0/f", stored),
    ):
        entry = only(data)

        assert ("f", b"\0ab\0\0\0\0c\0") == (entry.name, entry.content.read_all())


def test_xattrs(header: MakeBytes, pax: MakeBytes) -> None:
    """Attributes come from the records of the entry, as raw bytes."""
    value = bytes(range(256))
    records = {
        "SCHILY.xattr.user.raw": value,
        "LIBARCHIVE.xattr.user.a%20b": base64.b64encode(value).rstrip(b"="),
    }

    assert {"user.raw": value, "user.a b": value} == dict(
        only(pax(records) + header("f")).meta.xattrs
    )


def test_big_archive_of_several_extents(header: MakeBytes) -> None:
    """Files of many gigabytes are passed over unread."""
    size = 9 * 2**30
    block = header("big", raw_size=b"\x80" + size.to_bytes(11, "big"))
    tar = concat(
        [*literal(block).extents(), hole(size), *literal(header("f")).extents()]
    )
    big, small = walk(tar)

    assert (size, "f") == (big.content.size, small.name)
    assert isinstance(big.content, Extent)


@pytest.mark.parametrize(
    "format_number", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_what_tarfile_writes(format_number: int) -> None:
    """Names, links and sizes of another writer come back in each of its dialects."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format_number) as archive:
        for number in range(300):
            info = tarfile.TarInfo(f"{'dir' * 20}/{'sub' * 20}/file{number}")
            info.size, info.uid, info.mtime = number, number, number
            archive.addfile(info, io.BytesIO(b"x" * number))
    entries = walk(target.getvalue())

    assert 300 == len(entries)
    for number, entry in enumerate(entries):
        assert entry.name.endswith(f"/file{number}")
        assert (number, number, number * 10**9) == (
            entry.content.size,
            entry.meta.uid,
            entry.meta.mtime_ns,
        )
