"""Descriptors: every flag, every call, and files that outlive their names."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from unionfs_sim import (
    Device,
    Directory,
    Fifo,
    Layer,
    Meta,
    Regular,
    Socket,
    Symlink,
    UnionFS,
    UnionFSError,
    hole,
)
from unionfs_sim.core.flags import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
    O_APPEND,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
)

BASE = Layer.build(
    {
        "f": "hello",
        "g": "other",
        "d": {"x": "in"},
        "link": Symlink("f"),
        "dirlink": Symlink("d"),
        "dangling": Symlink("none"),
        "loop": Symlink("loop"),
        "fifo": Fifo(),
        "socket": Socket(),
        "null": Device(1, 3),
        "zero": Device(1, 5),
        "disk": Device(8, 0, block=True),
        "tty": Device(5, 0),
    }
)


def union(**options: object) -> UnionFS:
    """Make a union over one layer of everything."""
    return UnionFS([BASE], **options)  # type: ignore[arg-type]


def outcome(call: Callable[[], object]) -> object:
    """Give a result, or the name of the error."""
    try:
        return call()
    except UnionFSError as error:
        return errno.errorcode[error.errno or 0]


def is_up(fs: UnionFS, name: str) -> bool:
    """Tell whether the upper has a name."""
    return name in fs.space.root.entries


OPENS = [
    # path, flags, the result ("ok" for a descriptor), whether it is in the upper then.
    ("f", O_RDONLY, "ok", False),
    ("f", O_PATH, "ok", False),
    ("f", O_PATH | O_WRONLY | O_TRUNC, "ok", False),
    ("f", O_RDONLY | O_CREAT, "ok", False),
    ("f", O_WRONLY, "ok", True),
    ("f", O_RDWR, "ok", True),
    ("f", O_RDONLY | O_TRUNC, "ok", True),
    ("f", O_WRONLY | O_APPEND, "ok", True),
    ("f", O_WRONLY | O_CREAT | O_TRUNC, "ok", True),
    ("f", O_CREAT | O_EXCL, "EEXIST", False),
    ("f", O_DIRECTORY, "ENOTDIR", False),
    ("f", O_DIRECTORY | O_CREAT, "EINVAL", False),
    ("f/", O_RDONLY, "ENOTDIR", False),
    ("f/", O_CREAT, "EISDIR", False),
    ("f/x", O_CREAT, "ENOTDIR", False),
    ("n", O_RDONLY, "ENOENT", False),
    ("n", O_CREAT, "ok", True),
    ("n", O_CREAT | O_EXCL | O_WRONLY, "ok", True),
    ("n/", O_CREAT, "EISDIR", False),
    ("none/n", O_CREAT, "ENOENT", False),
    ("none/", O_CREAT, "EISDIR", False),
    ("none/n/", O_CREAT, "ENOENT", False),
    ("d", O_RDONLY, "ok", False),
    ("d", O_RDONLY | O_DIRECTORY, "ok", False),
    ("d", O_WRONLY, "EISDIR", False),
    ("d", O_RDWR | O_DIRECTORY, "EISDIR", False),
    ("d", O_TRUNC, "EISDIR", False),
    ("d", O_CREAT, "EISDIR", False),
    ("d", O_PATH | O_DIRECTORY, "ok", False),
    ("link", O_RDONLY, "ok", False),
    ("link", O_RDONLY | O_NOFOLLOW, "ELOOP", False),
    ("link", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, "ENOTDIR", False),
    ("link", O_PATH | O_NOFOLLOW, "ok", False),
    ("link", O_CREAT | O_EXCL, "EEXIST", False),
    ("dirlink", O_DIRECTORY, "ok", False),
    ("dirlink", O_DIRECTORY | O_NOFOLLOW, "ENOTDIR", False),
    ("dangling", O_RDONLY, "ENOENT", False),
    ("dangling", O_CREAT | O_EXCL, "EEXIST", False),
    ("dangling", O_CREAT, "ok", False),
    ("loop", O_RDONLY, "ELOOP", False),
    ("fifo", O_RDONLY, "ok", False),
    ("fifo", O_RDWR, "ok", False),
    ("fifo", O_WRONLY, "ENXIO", False),
    ("socket", O_RDONLY, "ENXIO", False),
    ("socket", O_PATH, "ok", False),
    ("null", O_RDWR, "ok", False),
    ("zero", O_RDONLY, "ok", False),
    ("disk", O_RDONLY, "ENXIO", False),
    ("tty", O_WRONLY, "ENXIO", False),
    ("d", O_TMPFILE | O_WRONLY, "ok", True),
    ("d", O_TMPFILE | O_RDWR | O_EXCL, "ok", True),
    ("d", O_TMPFILE | O_RDONLY, "EINVAL", False),
    ("d", O_TMPFILE | O_RDWR | O_CREAT, "EINVAL", False),
    ("f", O_TMPFILE | O_RDWR, "ENOTDIR", False),
    ("none", O_TMPFILE | O_RDWR, "ENOENT", False),
    ("", O_RDONLY, "ENOENT", False),
]


@pytest.mark.parametrize(("path", "how", "result", "up"), OPENS)
def test_open(path: str, how: int, result: str, up: bool) -> None:
    """What each flag does to each kind of object, and what it copies up (4.1, 5.1)."""
    fs = union()
    got = outcome(lambda: fs.os_open(f"/{path}" if path else "", how, 0o644))

    assert result == ("ok" if got == 3 else got)
    assert up is is_up(fs, path.rstrip("/").split("/")[0])


def test_create_through_a_dangling_link() -> None:
    """The target of the link is made (5.1)."""
    fs = union()
    fs.os_open("/dangling", O_CREAT)

    assert fs.isfile("/none")


@pytest.mark.parametrize(
    ("how", "mode", "result"),
    [
        (O_RDONLY, 0o400, "ok"),
        (O_RDONLY, 0o200, "EACCES"),
        (O_WRONLY, 0o200, "ok"),
        (O_WRONLY, 0o400, "EACCES"),
        (O_RDWR, 0o600, "ok"),
        (O_RDWR, 0o400, "EACCES"),
        (O_RDONLY | O_TRUNC, 0o400, "EACCES"),
        (O_RDONLY | O_TRUNC, 0o600, "ok"),
        (O_PATH, 0, "ok"),
    ],
)
def test_open_asks_the_mode(how: int, mode: int, result: str) -> None:
    """Who may not read or write does not open, and nothing comes up."""
    base = Layer.build({"f": Regular("x", Meta(mode=mode, uid=7))})
    fs = UnionFS([base])
    got = outcome(lambda: fs.as_user(7, 7).os_open("/f", how))

    assert result == ("ok" if got == 3 else got)
    assert result == "ok" or not is_up(fs, "f")


@pytest.mark.parametrize(
    ("how", "result"), [(O_CREAT, "EACCES"), (O_TMPFILE | O_RDWR, "EACCES")]
)
def test_creating_asks_the_directory(how: int, result: str) -> None:
    """Who may not write a directory makes nothing in it."""
    base = Layer.build({"d": Directory(Meta(mode=0o755))})
    fs = UnionFS([base]).as_user(7, 7)
    path = "/d" if how & O_TMPFILE == O_TMPFILE else "/d/n"

    assert result == outcome(lambda: fs.os_open(path, how))


def test_new_files_get_mode_less_umask() -> None:
    """The umask is taken off the mode of a new file."""
    fs = UnionFS()
    fs.os_open("/f", O_CREAT, 0o666)

    assert 0o644 == fs.stat("/f").st_mode & 0o7777


def test_lowest_descriptor_is_taken() -> None:
    """Descriptors are the lowest that are free, from 3 on."""
    fs = union()
    fds = [fs.os_open("/f", 0) for _ in range(3)]
    fs.close(4)

    assert [3, 4, 5, 4] == [*fds, fs.os_open("/f", 0)]


CALLS: list[tuple[str, tuple[object, ...]]] = [
    ("close", ()),
    ("dup", ()),
    ("fstat", ()),
    ("listdir", ()),
    ("read", (1,)),
    ("pread", (1, 0)),
    ("write", (b"x",)),
    ("pwrite", (b"x", 0)),
    ("lseek", (0, 0)),
    ("ftruncate", (0,)),
    ("fsync", ()),
    ("fchmod", (0o600,)),
    ("fchown", (1, 1)),
    ("fallocate", (0, 0, 1)),
    ("link", ("/n",)),
]


@pytest.mark.parametrize(("verb", "args"), CALLS)
def test_closed_descriptors_are_bad(verb: str, args: tuple[object, ...]) -> None:
    """Every call on a descriptor that is not open is EBADF."""
    fs = union()
    fd = fs.os_open("/f", O_RDWR)
    fs.close(fd)

    assert "EBADF" == outcome(lambda: getattr(fs, verb)(fd, *args))


ACCESS = [
    # the flags, and what read, write, ftruncate, fsync, fchmod, fallocate, fstat say.
    ("/f", O_RDONLY, [b"h", "EBADF", "EINVAL", None, None, "EBADF"]),
    ("/f", O_WRONLY, ["EBADF", 1, None, None, None, None]),
    ("/f", O_RDWR, [b"h", 1, None, None, None, None]),
    ("/f", O_PATH, ["EBADF", "EBADF", "EBADF", "EBADF", "EBADF", "EBADF"]),
    ("/d", O_RDONLY, ["EISDIR", "EBADF", "EINVAL", None, None, "EBADF"]),
    ("/null", O_RDWR, [b"", 1, "EINVAL", "EINVAL", None, "ENODEV"]),
    ("/fifo", O_RDWR, ["EAGAIN", 1, "EINVAL", "EINVAL", None, "ESPIPE"]),
]


@pytest.mark.parametrize(("path", "how", "expected"), ACCESS)
def test_access_of_descriptors(path: str, how: int, expected: list[object]) -> None:
    """What a descriptor was not opened for, it does not do."""
    fs = union()
    fd = fs.os_open(path, how)

    assert expected == [
        outcome(lambda: fs.read(fd, 1)),
        outcome(lambda: fs.write(fd, b"x")),
        outcome(lambda: fs.ftruncate(fd, 1)),
        outcome(lambda: fs.fsync(fd)),
        outcome(lambda: fs.fchmod(fd, 0o600)),
        outcome(lambda: fs.fallocate(fd, 0, 0, 1)),
    ]


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("read", (-1,)),
        ("pread", (1, -1)),
        ("pwrite", (b"x", -1)),
        ("lseek", (-1, SEEK_SET)),
        ("lseek", (-6, SEEK_END)),
        ("lseek", (-1, SEEK_CUR)),
        ("lseek", (0, 9)),
        ("ftruncate", (-1,)),
    ],
)
def test_senseless_arguments(verb: str, args: tuple[object, ...]) -> None:
    """Negative sizes and positions are EINVAL."""
    fs = union()
    fd = fs.os_open("/f", O_RDWR)

    assert "EINVAL" == outcome(lambda: getattr(fs, verb)(fd, *args))


def test_position_moves_with_reads_and_writes() -> None:
    """Reads and writes move the position; pread and pwrite do not."""
    fs = union()
    fd = fs.os_open("/f", O_RDWR)

    assert [b"he", b"lo", 1, b"l", 2, b""] == [
        fs.read(fd, 2),
        fs.pread(fd, 9, 3),
        fs.pwrite(fd, b"L", 2),
        fs.pread(fd, 1, 3),
        fs.write(fd, b"LL"),
        fs.pread(fd, 9, 9),
    ]
    assert "heLLo" == fs.read_text("/f")


def test_append_writes_at_the_end() -> None:
    """With O_APPEND every write, pwrite too, goes to the end."""
    fs = union()
    fd = fs.os_open("/f", O_RDWR | O_APPEND)
    fs.write(fd, b"1")
    fs.pwrite(fd, b"2", 0)
    fs.lseek(fd, 0, SEEK_SET)
    fs.write(fd, b"3")

    assert ("hello123", 8) == (fs.read_text("/f"), fs.lseek(fd, 0, SEEK_CUR))


def test_writing_nothing_changes_nothing() -> None:
    """An empty write behind the end makes no file longer."""
    fs = union()
    fd = fs.os_open("/f", O_RDWR)

    assert 0 == fs.pwrite(fd, b"", 99)
    assert 5 == fs.stat("/f").st_size


def test_dup_shares_the_position() -> None:
    """Two descriptors of one open file move together; one outlives the other."""
    fs = union()
    fd = fs.os_open("/f", O_RDONLY)
    twin = fs.dup(fd)
    first = fs.read(fd, 2)
    fs.close(fd)

    assert (b"he", b"llo") == (first, fs.read(twin, 9))


@pytest.mark.parametrize(
    ("offset", "whence", "expected"),
    [
        (3, SEEK_SET, 3),
        (99, SEEK_SET, 99),
        (2, SEEK_CUR, 3),
        (-1, SEEK_CUR, 0),
        (-2, SEEK_END, 20478),
        (0, SEEK_DATA, 8192),
        (9000, SEEK_DATA, 9000),
        (12288, SEEK_DATA, "ENXIO"),
        (0, SEEK_HOLE, 0),
        (9000, SEEK_HOLE, 12288),
        (20480, SEEK_HOLE, "ENXIO"),
        (-1, SEEK_DATA, "ENXIO"),
    ],
)
def test_lseek(offset: int, whence: int, expected: object) -> None:
    """Positions, data and holes are found."""
    base = Layer.build({"f": Regular(hole(20480).splice(9000, b"x"))})
    fs = UnionFS([base])
    fd = fs.os_open("/f", O_RDONLY)
    fs.lseek(fd, 1, SEEK_SET)

    assert expected == outcome(lambda: fs.lseek(fd, offset, whence))


B = 4096
FALLOCATE = [
    # mode, offset, length, the error or the new size, what lies at 4096.
    (0, 0, 2 * B, 3 * B, b"b"),
    (0, 0, 4 * B, 4 * B, b"b"),
    (FALLOC_FL_KEEP_SIZE, 0, 4 * B, 3 * B, b"b"),
    (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, B, B, 3 * B, b"\0"),
    (FALLOC_FL_PUNCH_HOLE, B, B, "ENOTSUP", b"b"),
    (FALLOC_FL_ZERO_RANGE, B, 3 * B, 4 * B, b"\0"),
    (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, B, 3 * B, 3 * B, b"\0"),
    (FALLOC_FL_COLLAPSE_RANGE, 0, B, 2 * B, b"c"),
    (FALLOC_FL_COLLAPSE_RANGE, 0, 3 * B, "EINVAL", b"b"),
    (FALLOC_FL_COLLAPSE_RANGE, 1, B, "EINVAL", b"b"),
    (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, B, "ENOTSUP", b"b"),
    (FALLOC_FL_INSERT_RANGE, B, B, 4 * B, b"\0"),
    (FALLOC_FL_INSERT_RANGE, 3 * B, B, "EINVAL", b"b"),
    (FALLOC_FL_INSERT_RANGE, B, 1, "EINVAL", b"b"),
    (0x80, 0, B, "ENOTSUP", b"b"),
    (0, -1, B, "EINVAL", b"b"),
    (0, 0, 0, "EINVAL", b"b"),
]


@pytest.mark.parametrize(
    ("mode", "offset", "length", "expected", "at_block"), FALLOCATE
)
def test_fallocate(
    mode: int, offset: int, length: int, expected: object, at_block: bytes
) -> None:
    """Ranges are reserved, punched, zeroed, collapsed and inserted."""
    fs = UnionFS([Layer.build({"f": "a" * B + "b" * B + "c" * B})])
    fd = fs.os_open("/f", O_RDWR)
    got = outcome(lambda: fs.fallocate(fd, mode, offset, length))

    assert expected == (fs.stat("/f").st_size if got is None else got)
    assert at_block == fs.pread(fd, 1, B)


def test_fifo_carries_bytes() -> None:
    """What is written to a fifo can be read once; then it would block, or has ended."""
    fs = union()
    reader = fs.os_open("/fifo", O_RDONLY)
    writer = fs.os_open("/fifo", O_WRONLY)
    fs.write(writer, b"ping")

    assert [b"pi", b"ng", "EAGAIN"] == [
        fs.read(reader, 2),
        fs.read(reader, 9),
        outcome(lambda: fs.read(reader, 1)),
    ]
    fs.close(writer)
    assert b"" == fs.read(reader, 1)


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("pread", (1, 0)),
        ("pwrite", (b"x", 0)),
        ("lseek", (0, 0)),
        ("fallocate", (0, 0, 1)),
    ],
)
def test_fifo_has_no_position(verb: str, args: tuple[object, ...]) -> None:
    """A fifo cannot be sought in."""
    fs = union()
    fd = fs.os_open("/fifo", O_RDWR)

    assert "ESPIPE" == outcome(lambda: getattr(fs, verb)(fd, *args))


def test_reader_follows_a_copy_up() -> None:
    """A descriptor on a lower file shows what is written after it came up (S31)."""
    fs = union()
    fd = fs.os_open("/f", O_RDONLY)
    number = fs.fstat(fd).st_ino
    fs.write_text("/f", "longer text")

    assert (b"longer text", 11) == (fs.read(fd, 99), fs.fstat(fd).st_size)
    assert number == fs.fstat(fd).st_ino


@pytest.mark.parametrize("up", [True, False])
def test_descriptor_outlives_its_name(up: bool) -> None:
    """An unlinked file goes on; its link count is 0 if it was in the upper (S32)."""
    fs = union()
    if up:
        fs.chmod("/f", 0o600)
    fd = fs.os_open("/f", O_RDONLY)
    fs.unlink("/f")
    fs.write_text("/f", "another")

    assert (b"hello", 0 if up else 1) == (fs.read(fd, 9), fs.fstat(fd).st_nlink)


def test_writer_outlives_its_name() -> None:
    """What is written to an unlinked file can be read through its descriptor."""
    fs = union()
    fd = fs.os_open("/f", O_RDWR)
    fs.unlink("/f")
    fs.write(fd, b"J")
    fs.ftruncate(fd, 3)

    assert (b"Jel", False) == (fs.pread(fd, 9, 0), fs.exists("/f"))


def test_changing_an_orphan_fails() -> None:
    """Attributes of a lower file whose name is gone cannot change (S33)."""
    fs = union()
    fd = fs.os_open("/f", O_RDONLY)
    fs.unlink("/f")

    assert ["EEXIST", "EEXIST"] == [
        outcome(lambda: fs.fchmod(fd, 0o600)),
        outcome(lambda: fs.fchown(fd, 1, 1)),
    ]
    assert b"y" == fs.space.root.meta.private["impure"]


def test_fchmod_of_a_reader_copies_up() -> None:
    """A descriptor for reading is enough to change attributes (4.1)."""
    fs = union()
    fd = fs.os_open("/f", O_RDONLY)
    fs.fchmod(fd, 0o600)
    fs.fchown(fd, 5, 6)

    got = fs.stat("/f")
    assert (0o600, 5, 6) == (got.st_mode & 0o777, got.st_uid, got.st_gid)
    assert got == fs.fstat(fd)


def test_fchmod_of_a_directory() -> None:
    """A lower directory comes up by its descriptor, which follows it."""
    fs = union()
    fd = fs.os_open("/d", O_RDONLY)
    fs.fchmod(fd, 0o700)
    fs.write_text("/d/new", "")

    assert (["new", "x"], 0o700) == (fs.listdir(fd), fs.fstat(fd).st_mode & 0o777)


def test_changing_by_descriptor_on_read_only() -> None:
    """Without an upper attributes do not change."""
    fs = union(read_only=True)
    fd = fs.os_open("/f", O_RDONLY)

    assert "EROFS" == outcome(lambda: fs.fchmod(fd, 0o600))


def test_others_do_not_change_by_descriptor() -> None:
    """Who does not own a file does not change it through a descriptor either."""
    fs = union().as_user(7, 7)
    fd = fs.os_open("/f", O_RDONLY)

    assert ["EPERM", "EPERM"] == [
        outcome(lambda: fs.fchmod(fd, 0o600)),
        outcome(lambda: fs.fchown(fd, 7, 7)),
    ]


def test_listing_by_descriptor() -> None:
    """A directory is listed by its descriptor, a file is not."""
    fs = union()

    assert ["x"] == fs.listdir(fs.os_open("/d", O_RDONLY))
    assert "ENOTDIR" == outcome(lambda: fs.listdir(fs.os_open("/f", O_RDONLY)))


@pytest.mark.parametrize("up", [True, False])
def test_removed_directory_is_empty(up: bool) -> None:
    """A removed directory that is open lists nothing, and fstat goes on (1.6)."""
    fs = UnionFS([Layer.build({"d": {}})])
    if up:
        fs.mkdir("/e")
    path = "/e" if up else "/d"
    fd = fs.os_open(path, O_RDONLY)
    fs.rmdir(path)
    fs.mkdir(path)
    fs.write_text(f"{path}/x", "")

    assert ([], 0 if up else 2) == (fs.listdir(fd), fs.fstat(fd).st_nlink)


def test_nameless_file_gets_a_name() -> None:
    """A file made with O_TMPFILE has no name until it is linked."""
    fs = union()
    fd = fs.os_open("/d", O_TMPFILE | O_RDWR, 0o600)
    fs.write(fd, b"new")
    before = fs.fstat(fd).st_nlink
    fs.link(fd, "/d/named")

    assert (0, 1, "new") == (before, fs.fstat(fd).st_nlink, fs.read_text("/d/named"))


LINKS = [
    # what is open, the new name, the result.
    (("/d", O_TMPFILE | O_RDWR | O_EXCL), "/n", "ENOENT"),
    (("/d", O_TMPFILE | O_RDWR), "/f", "EEXIST"),
    (("/f", O_RDONLY), "/n", None),
    (("/f", O_RDWR), "/n", None),
    (("/f", O_RDWR), "/g", "EEXIST"),
    (("/f", O_RDONLY), "/g", "EEXIST"),
    (("/d", O_RDONLY), "/n", "EPERM"),
    (("/d", O_RDONLY), "/g", "EEXIST"),
    (("/f", O_RDONLY), "/none/n", "ENOENT"),
    (("/d", O_TMPFILE | O_RDWR), "/n/", "ENOENT"),
]


@pytest.mark.parametrize(("opened", "target", "result"), LINKS)
def test_link_of_an_open_file(
    opened: tuple[str, int], target: str, result: str | None
) -> None:
    """An open file is given a name, unless it may not have one."""
    fs = union()
    fd = fs.os_open(*opened)

    assert result == outcome(lambda: fs.link(fd, target))
    assert (result is None) is fs.exists("/n")


@pytest.mark.parametrize("up", [True, False])
def test_unlinked_files_are_not_linked_again(up: bool) -> None:
    """A file whose last name is gone gets no new one."""
    fs = union()
    fd = fs.os_open("/f", O_RDWR if up else O_RDONLY)
    fs.unlink("/f")

    assert "ENOENT" == outcome(lambda: fs.link(fd, "/n"))


def test_writes_of_others_drop_set_id_bits() -> None:
    """A write by an unprivileged caller drops set-id bits; root keeps them (10)."""
    base = Layer.build(
        {
            "f": Regular("x", Meta(mode=0o6777, uid=7)),
            "g": Regular("x", Meta(mode=0o6777, uid=7)),
        }
    )
    fs = UnionFS([base])
    fs.write_text("/g", "y")
    fs.as_user(7, 7).write_text("/f", "y")

    assert (0o777, 0o6777) == (
        fs.stat("/f").st_mode & 0o7777,
        fs.stat("/g").st_mode & 0o7777,
    )


def test_forks_leave_open_files_behind() -> None:
    """A fork has no descriptors; users share them."""
    fs = union()
    fd = fs.os_open("/f", O_RDONLY)

    assert "EBADF" == outcome(lambda: fs.fork().read(fd, 1))
    assert b"h" == fs.as_user(7, 7).read(fd, 1)


def test_devices_have_no_position() -> None:
    """``/dev/null`` answers every seek with 0."""
    fs = union()

    assert 0 == fs.lseek(fs.os_open("/null", O_RDWR), 99, SEEK_SET)


def test_orphan_of_a_removed_directory_is_not_linked() -> None:
    """A lower file whose directory is gone as well gets no new name."""
    fs = UnionFS([Layer.build({"d/e/f": "x"})])
    fd = fs.os_open("/d/e/f", O_RDONLY)
    fs.rmtree("/d")
    fs.write_text("/d", "a file now")

    assert "ENOENT" == outcome(lambda: fs.link(fd, "/n"))


def test_linking_by_descriptor_on_read_only() -> None:
    """Without an upper an open file gets no name."""
    fs = union(read_only=True)
    fd = fs.os_open("/f", O_RDONLY)

    assert ["EROFS", "EEXIST"] == [
        outcome(lambda: fs.link(fd, "/n")),
        outcome(lambda: fs.link(fd, "/g")),
    ]
