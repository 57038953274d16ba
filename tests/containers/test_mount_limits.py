"""What a mount forbids, and whom."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from tests.containers.tables import image, table
from unionfs_sim import Layer, UnionFS
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.tmpfs import TmpFS
from unionfs_sim.core import flags
from unionfs_sim.testing.contract import errors, failing

# --- what a mount forbids -------------------------------------------------------

Call = Callable[[MountTable], object]


@errors(
    (
        errno.EXDEV,
        "rename(/etc/conf, /data/conf)",
        lambda fs: fs.rename("/etc/conf", "/data/conf"),
    ),
    (errno.EXDEV, "rename(/data/x, /x)", lambda fs: fs.rename("/data/x", "/x")),
    (errno.EXDEV, "rename(/none, /data/x)", lambda fs: fs.rename("/none", "/data/x")),
    (
        errno.EXDEV,
        "link(/etc/conf, /data/conf)",
        lambda fs: fs.link("/etc/conf", "/data/conf"),
    ),
    (
        errno.EEXIST,
        "link(/etc/conf, /data/x)",
        lambda fs: fs.link("/etc/conf", "/data/x"),
    ),
    (errno.EBUSY, "rmdir(/data)", lambda fs: fs.rmdir("/data")),
    (errno.EISDIR, "unlink(/data)", lambda fs: fs.unlink("/data")),
    (errno.EBUSY, "rename(/data, /moved)", lambda fs: fs.rename("/data", "/moved")),
    (errno.EBUSY, "rename(/srv, /data)", lambda fs: fs.rename("/srv", "/data")),
    (errno.EBUSY, "unlink(/etc/passwd)", lambda fs: fs.unlink("/etc/passwd")),
    (errno.ENOTDIR, "rmdir(/etc/passwd)", lambda fs: fs.rmdir("/etc/passwd")),
    (
        errno.EBUSY,
        "rename(/etc/passwd, /etc/b)",
        lambda fs: fs.rename("/etc/passwd", "/etc/b"),
    ),
    (
        errno.EBUSY,
        "rename(/etc/conf, /etc/passwd)",
        lambda fs: fs.rename("/etc/conf", "/etc/passwd"),
    ),
    (errno.EEXIST, "mkdir(/data)", lambda fs: fs.mkdir("/data")),
    (
        errno.EEXIST,
        "symlink(x, /etc/passwd)",
        lambda fs: fs.symlink("x", "/etc/passwd"),
    ),
    (
        errno.ENOENT,
        "rename(/none, /etc/passwd)",
        lambda fs: fs.rename("/none", "/etc/passwd"),
    ),
    (
        errno.EBUSY,
        "rename(/data/., /data/y)",
        lambda fs: fs.rename("/data/.", "/data/y"),
    ),
    (errno.EINVAL, "rmdir(/data/.)", lambda fs: fs.rmdir("/data/.")),
)
def test_names_stay_in_their_mount(number: int, call: Call) -> None:
    """Names do not move between mounts, and mount points do not move at all."""
    fs, _ = table()
    host = UnionFS([Layer.build({"f": "host"})])
    fs.mount("/etc/passwd", host, subpath="/f")
    with failing(number):
        call(fs)

    assert ("in the volume", "host") == (
        fs.read_text("/data/x"),
        fs.read_text("/etc/passwd"),
    )


def test_two_binds_of_one_directory_are_two_mounts() -> None:
    """A name does not even move between two mounts of the same directory."""
    shared = UnionFS([Layer.build({"f": ""})])
    fs = MountTable(image())
    for path in ("/data", "/srv"):
        fs.mount(path, shared)

    with failing(errno.EXDEV):
        fs.rename("/data/f", "/srv/g")
    assert fs.stat("/data/f").st_dev == fs.stat("/srv/f").st_dev


@errors(
    (errno.EROFS, "write_text(/data/x, )", lambda fs: fs.write_text("/data/x", "")),
    (errno.EROFS, "write_text(/data/new, )", lambda fs: fs.write_text("/data/new", "")),
    (errno.EROFS, "open(/data/x, r+)", lambda fs: fs.open("/data/x", "r+")),
    (errno.EROFS, "open(/data/x, a)", lambda fs: fs.open("/data/x", "a")),
    (errno.EEXIST, "open(/data/x, x)", lambda fs: fs.open("/data/x", "x")),
    (errno.EISDIR, "open(/data, w)", lambda fs: fs.open("/data", "w")),
    (errno.EROFS, "mkdir(/data/d)", lambda fs: fs.mkdir("/data/d")),
    (errno.EEXIST, "mkdir(/data/x)", lambda fs: fs.mkdir("/data/x")),
    (errno.EROFS, "rmdir(/data/none)", lambda fs: fs.rmdir("/data/none")),
    (errno.EROFS, "unlink(/data/x)", lambda fs: fs.unlink("/data/x")),
    (
        errno.EROFS,
        "rename(/data/x, /data/y)",
        lambda fs: fs.rename("/data/x", "/data/y"),
    ),
    (errno.EXDEV, "rename(/data/x, /y)", lambda fs: fs.rename("/data/x", "/y")),
    (errno.EROFS, "link(/data/x, /data/y)", lambda fs: fs.link("/data/x", "/data/y")),
    (errno.EROFS, "symlink(x, /data/y)", lambda fs: fs.symlink("x", "/data/y")),
    (errno.EROFS, "mkfifo(/data/y)", lambda fs: fs.mkfifo("/data/y")),
    (errno.EROFS, "chmod(/data/x, 0o600)", lambda fs: fs.chmod("/data/x", 0o600)),
    (errno.EROFS, "chown(/data/x, 1, 1)", lambda fs: fs.chown("/data/x", 1, 1)),
    (errno.EROFS, "utime(/data/x)", lambda fs: fs.utime("/data/x")),
    (errno.EROFS, "truncate(/data/x, 0)", lambda fs: fs.truncate("/data/x", 0)),
    (
        errno.EROFS,
        "setxattr(/data/x, user.k, b)",
        lambda fs: fs.setxattr("/data/x", "user.k", b""),
    ),
    (
        errno.EROFS,
        "removexattr(/data/x, user.k)",
        lambda fs: fs.removexattr("/data/x", "user.k"),
    ),
    (
        errno.ENOENT,
        "chmod(/data/none, 0o600)",
        lambda fs: fs.chmod("/data/none", 0o600),
    ),
    (errno.EROFS, "chmod(/data, 0o700)", lambda fs: fs.chmod("/data", 0o700)),
)
def test_read_only_mount(number: int, call: Call) -> None:
    """Through a read-only mount nothing is written; its source still can be (4.3)."""
    fs, volume = table()
    fs.remount("/data", read_only=True)
    with failing(number):
        call(fs)

    assert not fs.access("/data/x", os.W_OK)
    assert fs.access("/data/x", os.R_OK)
    assert fs.statvfs("/data").f_flag & os.ST_RDONLY
    volume.write_text("/x", "changed elsewhere")
    assert "changed elsewhere" == fs.read_text("/data/x")


@pytest.mark.parametrize(
    "how",
    [flags.O_WRONLY, flags.O_RDWR, flags.O_TRUNC, flags.O_WRONLY | flags.O_CREAT],
)
def test_read_only_mount_for_descriptors(how: int) -> None:
    """Nothing on a read-only mount is opened for writing, nor changed when open."""
    fs, _ = table()
    fs.remount("/data", read_only=True)
    with failing(errno.EROFS):
        fs.os_open("/data/x", how)
    fd = fs.os_open("/data/x", flags.O_RDONLY)
    with failing(errno.EROFS):
        fs.fchmod(fd, 0o600)
    with failing(errno.EROFS):
        fs.os_open("/data", flags.O_TMPFILE | flags.O_RDWR)


def test_read_only_root_leaves_mounts_alone() -> None:
    """With a read-only root the mounts can still be written (4.5)."""
    fs, _ = table()
    fs.remount("/", read_only=True)

    with failing(errno.EROFS):
        fs.write_text("/etc/conf", "")
    assert 2 == fs.write_text("/data/y", "ok")
    assert not fs.statvfs("/data").f_flag & os.ST_RDONLY


def test_fifos_of_a_read_only_mount_can_be_opened() -> None:
    """A fifo is no content of the file system: who may read it may."""
    fs, volume = table()
    volume.mkfifo("/pipe")
    fs.remount("/data", read_only=True)

    reader = fs.os_open("/data/pipe", flags.O_RDONLY | flags.O_NONBLOCK)
    writer = fs.os_open("/data/pipe", flags.O_WRONLY)
    fs.write(writer, b"hi")
    assert b"hi" == fs.read(reader, 9)


def test_devices_differ_by_file_system() -> None:
    """Files of two file systems are told apart by ``st_dev``, as are their sizes."""
    fs, _ = table()
    fs.mount("/srv", TmpFS("size=64k"))

    assert 3 == len({fs.stat(path).st_dev for path in ("/", "/data", "/srv")})
    assert fs.stat("/data/x").st_dev == fs.stat("/data").st_dev
    assert 16 == fs.statvfs("/srv").f_blocks


# --- users ----------------------------------------------------------------------


def test_user_is_kept_out_inside_a_mount_only() -> None:
    """What lies above the source on the host is not in the way, what lies below is."""
    host = UnionFS()
    host.makedirs("/priv/site/private")
    for path, mode in (("/priv", 0o700), ("/priv/site/private", 0o700)):
        host.chmod(path, mode)
    host.write_text("/priv/site/index", "open")
    host.write_text("/priv/site/private/x", "closed")
    fs = MountTable(image())
    fs.mount("/srv", host, subpath="/priv/site")
    user = fs.as_user(1000, 1000)

    assert "open" == user.read_text("/srv/index")
    with failing(errno.EACCES):
        user.read_text("/srv/private/x")
    with failing(errno.EACCES):
        user.write_text("/srv/new", "")


def test_user_makes_files_of_their_own() -> None:
    """New files in a mount are the caller's, with the caller's umask."""
    fs, volume = table()
    volume.chmod("/", 0o777)
    fs.as_user(1000, 100, umask=0o077).write_text("/data/mine", "")

    status = volume.stat("/mine")
    assert (1000, 100, 0o100600) == (status.st_uid, status.st_gid, status.st_mode)
