"""A tmpfs is full at some point, and counts in pages as the kernel does."""

from __future__ import annotations

import errno
import itertools

import pytest

from unionfs_sim import UnionFS
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.tmpfs import TmpFS, TmpfsSettings
from unionfs_sim.core import flags
from unionfs_sim.testing.contract import failing


def test_recorded_dd() -> None:
    """As recorded: 64k hold one small file and fifteen pages (scenario mount-tmpfs)."""
    fs = MountTable(UnionFS())
    fs.mkdir("/x")
    fs.mount("/x", TmpFS("size=64k,mode=0750"))
    fs.write_text("/x/f", "1\n")
    with fs.open("/x/big", "wb", 0) as file, failing(errno.ENOSPC):
        for _ in range(100):
            file.write(bytes(1024))

    assert 61440 == fs.stat("/x/big").st_size
    assert 0o40750 == fs.stat("/x").st_mode


def full() -> TmpFS:
    """Make a tmpfs of four pages, with a file in each."""
    fs = TmpFS("size=16k")
    for name in "abcd":
        fs.write_bytes(f"/{name}", bytes(4096))
    with failing(errno.ENOSPC):
        fs.write_text("/e", "x")
    fs.unlink("/e")
    return fs


def test_what_makes_room() -> None:
    """Removing, replacing, cutting and emptying files makes room for others."""
    fs = full()
    assert 0 == fs.statvfs("/").f_bavail

    fs.unlink("/a")
    fs.rename("/b", "/c")
    fs.truncate("/d", 0)
    assert 4096 == fs.used_bytes
    with fs.open("/c", "w"):
        pass
    assert 0 == fs.used_bytes


def test_what_makes_no_room() -> None:
    """One of two names, a rename to itself, and directories hold the space they hold."""
    fs = full()
    fs.link("/a", "/twin")
    fs.unlink("/a")
    fs.rename("/twin", "/a")
    fs.link("/a", "/twin")
    fs.rename("/a", "/twin")
    fs.mkdir("/dir")
    fs.symlink("x" * 100, "/link")

    assert 16384 == fs.used_bytes
    fs.unlink("/a")
    fs.unlink("/twin")
    assert 12288 == fs.used_bytes


def test_writing_in_place_needs_no_room() -> None:
    """A full tmpfs lets files be overwritten, and their last page be filled."""
    fs = TmpFS("size=4k")
    fs.write_bytes("/a", b"x" * 10)
    with fs.open("/a", "r+b") as file:
        file.write(b"y" * 4096)

    assert b"y" * 4096 == fs.read_bytes("/a")
    with fs.open("/a", "ab", 0) as file, failing(errno.ENOSPC):
        file.write(b"z")


def test_holes_take_no_room() -> None:
    """A file is prolonged without taking space, and written far behind its end."""
    fs = TmpFS("size=8k")
    fs.write_bytes("/a", b"")
    fs.truncate("/a", 1 << 30)
    with fs.open("/a", "r+b", 0) as file:
        file.seek(1 << 20)
        assert 5000 == file.write(bytes(5000))
        file.seek(1 << 25)
        with failing(errno.ENOSPC):
            file.write(b"x")

    assert 8192 == fs.used_bytes


def test_descriptors_count_as_well() -> None:
    """Writes by descriptor are as full as any, and say how much they took."""
    fs = TmpFS("size=8k")
    fd = fs.os_open("/a", flags.O_RDWR | flags.O_CREAT | flags.O_APPEND)
    twin = fs.dup(fd)

    assert 8192 == fs.write(fd, bytes(9000))
    with failing(errno.ENOSPC):
        fs.pwrite(twin, b"x", 0)
    fs.ftruncate(fd, 0)
    assert (0, 0) == (fs.used_bytes, fs.fstat(fd).st_size)
    fs.fallocate(fd, 0, 0, 100)
    fs.fchmod(fd, 0o600)
    fs.fchown(fd, 1, 1)
    fs.fsync(fd)
    assert b"" == fs.read(fd, 0)
    assert bytes(3) == fs.pread(fd, 3, 0)
    fs.link(fd, "/b")
    fs.close(fd)
    fs.close(twin)
    directory = fs.os_open("/", flags.O_RDONLY)
    assert ["a", "b"] == fs.listdir(directory)


def test_users_share_the_room() -> None:
    """What one user takes another lacks, and the root's mode lets all of them write."""
    fs = full()
    user = fs.as_user(1000, 1000)
    with failing(errno.ENOSPC):
        user.write_text("/mine", "x")
    fs.unlink("/a")

    assert 1 == user.write_text("/mine", "x")
    assert 1000 == fs.stat("/mine").st_uid


@pytest.mark.parametrize(
    ("text", "below", "mode", "owner"),
    [
        ("", None, 0o41777, (0, 0)),
        ("", 0o711, 0o40711, (0, 0)),
        ("mode=0750", 0o711, 0o40750, (0, 0)),
        ("uid=1000,gid=5", None, 0o41777, (1000, 5)),
    ],
)
def test_root(text: str, below: int | None, mode: int, owner: tuple[int, int]) -> None:
    """Without a mode the root has that of the directory below, and not its owner (4.5)."""
    status = TmpFS(text, mode=below).stat("/")

    assert mode == status.st_mode
    assert owner == (status.st_uid, status.st_gid)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bogus", 'invalid tmpfs option ["bogus"]'),
        ("size=64k,bogus", 'invalid tmpfs option ["bogus"]'),
        ("foo=1", 'invalid tmpfs option ["foo" "1"]'),
        ("size=big", 'invalid tmpfs option ["size" "big"]'),
        ("mode=9", 'invalid tmpfs option ["mode" "9"]'),
        ("uid", 'invalid tmpfs option ["uid"]'),
    ],
)
def test_options_are_refused(text: str, message: str) -> None:
    """An option that the kernel does not know is quoted (4.5)."""
    with pytest.raises(InvalidParameter) as caught:
        TmpfsSettings.parse(text)

    assert message == str(caught.value)


def test_options() -> None:
    """Flags, sizes and numbers are read; later ones win."""
    got = TmpfsSettings.parse("ro,rw,ro,noexec,size=1k,size=2k,defaults,nr_inodes=1k")

    assert TmpfsSettings(size_bytes=2048, read_only=True, flags=("noexec",)) == got


@pytest.mark.parametrize(
    ("path", "number"), [("/dir", errno.EISDIR), ("/pipe", errno.ENXIO)]
)
def test_only_files_are_opened(path: str, number: int) -> None:
    """A directory or a fifo is not opened as a file, and no descriptor is left."""
    fs = TmpFS()
    fs.mkdir("/dir")
    fs.mkfifo("/pipe")
    with failing(number):
        fs.open(path)

    assert 3 == fs.os_open("/", flags.O_RDONLY)


def test_counting_is_right_after_many_changes() -> None:
    """After many writes, cuts and removals the count is what the files hold."""
    fs = TmpFS("size=1m")
    sizes = itertools.cycle([0, 1, 4096, 5000, 12288])
    for step in range(200):
        name = f"/{step % 7}"
        if step % 5 == 4 and fs.exists(name):
            fs.unlink(name)
        elif step % 3 == 2 and fs.exists(name):
            fs.truncate(name, next(sizes))
        else:
            with fs.open(name, "ab" if step % 2 else "wb") as file:
                file.write(bytes(next(sizes)))
    held = sum(fs.stat(f"/{name}").st_blocks * 512 for name in fs.listdir("/"))

    assert held == fs.used_bytes
