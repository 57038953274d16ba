"""Binds follow files and not names; mounts of mounts; descriptors."""

from __future__ import annotations

import errno
import os

import pytest

from tests.containers.tables import bound, image, table
from unionfs_sim import Layer, UnionFS
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.tmpfs import TmpFS
from unionfs_sim.core import flags
from unionfs_sim.testing.contract import failing

# --- binds follow files, not names ----------------------------------------------


def test_replaced_file_stays() -> None:
    """A bound file that is replaced on the host goes on as it was (4.3)."""
    host, fs = bound("/data/conf", "/etc/conf")
    host.write_text("/data/conf.new", "new\n")
    host.rename("/data/conf.new", "/data/conf")
    fs.write_text("/etc/conf", "mine\n")
    with fs.open("/etc/conf", "a") as file:
        file.write("more\n")

    assert ("mine\nmore\n", "new\n") == (
        fs.read_text("/etc/conf"),
        host.read_text("/data/conf"),
    )
    assert (10, 0) == (fs.stat("/etc/conf").st_size, fs.stat("/etc/conf").st_nlink)


def test_removed_file_stays() -> None:
    """A bound file that is removed on the host can still be read and changed."""
    host, fs = bound("/data/conf", "/etc/conf")
    host.unlink("/data/conf")
    fs.chmod("/etc/conf", 0o600)
    fs.chown("/etc/conf", 5, 6)
    fs.truncate("/etc/conf", 2)

    assert "on" == fs.read_text("/etc/conf")
    status = fs.stat("/etc/conf")
    assert (0o100600, 5, 6) == (status.st_mode, status.st_uid, status.st_gid)
    assert fs.access("/etc/conf", os.R_OK)
    assert [] == fs.listxattr("/etc/conf")
    with failing(errno.ESTALE):
        fs.utime("/etc/conf")
    fs.unmount("/etc/conf")
    assert "image" == fs.read_text("/etc/conf")


def test_renamed_directory_is_followed() -> None:
    """A bound directory that is renamed on the host is still the one that is bound."""
    host, fs = bound("/data/q", "/data")
    fs.mount("/data/sub", UnionFS([Layer.build({"deep": ""})]))
    host.rename("/data", "/elsewhere")
    fs.write_text("/data/new", "")

    assert ["f", "new", "sub"] == host.listdir("/elsewhere/q")
    assert ["deep"] == fs.listdir("/data/sub")


def test_removed_directory_is_empty_for_ever() -> None:
    """A bound directory that is removed and made again is not the one that is bound."""
    host, fs = bound("/data/q", "/data")
    host.rmtree("/data/q")
    host.mkdir("/data/q")
    host.write_text("/data/q/f", "new")

    assert [] == fs.listdir("/data")
    with failing(errno.ENOENT):
        fs.write_text("/data/f", "")
    assert 0o40755 == fs.stat("/data").st_mode


def test_removed_mount_point_is_detached() -> None:
    """A mount whose mount point is removed elsewhere is gone, as in the kernel."""
    host, fs = bound("/data/q", "/data")
    fs.mount("/data/sub", UnionFS([Layer.build({"deep": ""})]))
    host.rmdir("/data/q/sub")
    host.mkdir("/data/q/sub")

    assert [] == fs.listdir("/data/sub")
    assert ["/data"] == [mount.path for mount in fs.mounts()]


def test_own_rename_carries_mounts_along() -> None:
    """A directory that holds a mount point can move, and the mount with it."""
    fs, _ = table()
    fs.makedirs("/new/point")
    fs.mount("/new/point", UnionFS([Layer.build({"f": "x"})]))
    fs.rename("/new", "/moved")

    assert "x" == fs.read_text("/moved/point/f")
    assert "/moved/point" == fs.mounts()[-1].path


def test_exchange_carries_mounts_along() -> None:
    """Two directories that are exchanged take their mounts along."""
    fs, _ = table()
    for name in ("one", "two"):
        fs.makedirs(f"/{name}/point")
        fs.mount(f"/{name}/point", UnionFS([Layer.build({name: ""})]))
    fs.renameat2("/one", "/two", 2)

    assert (["two"], ["one"]) == (fs.listdir("/one/point"), fs.listdir("/two/point"))


# --- mounts of mounts -----------------------------------------------------------


def test_what_is_mounted_below_comes_along() -> None:
    """A bind takes along what is mounted below its source, unless told otherwise."""
    host = MountTable(UnionFS())
    host.makedirs("/data/nfs")
    host.mount("/data/nfs", UnionFS([Layer.build({"far": "away"})]))
    fs = MountTable(image())
    fs.mount("/data", host, subpath="/data")
    fs.mount("/srv", host, subpath="/data", recursive=False)

    assert "away" == fs.read_text("/data/nfs/far")
    assert [] == fs.listdir("/srv/nfs")
    assert ["/data", "/srv"] == [mount.path for mount in fs.mounts()]
    assert 3 == len(fs.mounts(implied=True))


def test_private_bind_sees_no_later_mount() -> None:
    """What the host mounts later does not show in a private bind."""
    host, fs = bound("/data/q", "/data")
    host.mount("/data/q/sub", UnionFS([Layer.build({"late": ""})]))

    assert [] == fs.listdir("/data/sub")


def shared_host() -> MountTable:
    """Make a host with a shared mount at ``/data``."""
    host = MountTable(UnionFS())
    host.mkdir("/data")
    host.mount("/data", UnionFS(), propagation="shared")
    host.makedirs("/data/q/sub")
    return host


@pytest.mark.parametrize(
    ("propagation", "down", "up"),
    [
        ("rprivate", [], []),
        ("rslave", ["late"], []),
        ("rshared", ["late"], ["own"]),
    ],
)
def test_propagation(propagation: str, down: list[str], up: list[str]) -> None:
    """A slave sees what its source mounts, a shared bind also the reverse."""
    host = shared_host()
    host.mkdir("/data/q/own")
    fs = MountTable(image())
    fs.mount("/data", host, subpath="/data/q", propagation=propagation)
    host.mount("/data/q/sub", UnionFS([Layer.build({"late": ""})]))
    fs.mount("/data/own", UnionFS([Layer.build({"own": ""})]))

    assert down == fs.listdir("/data/sub")
    assert up == host.listdir("/data/q/own")
    host.unmount("/data/q/sub")
    assert [] == fs.listdir("/data/sub")


# --- descriptors ----------------------------------------------------------------


def test_descriptors_lie_on_their_mounts() -> None:
    """Descriptors read, write and tell as those of the file system below."""
    fs, volume = table()
    fd = fs.os_open("/data/new", flags.O_RDWR | flags.O_CREAT, 0o640)
    twin = fs.dup(fd)
    fs.write(fd, b"hello")
    fs.pwrite(twin, b"J", 0)
    fs.lseek(fd, 0, 0)
    fs.fchmod(fd, 0o600)
    fs.fchown(fd, 1, 2)
    fs.fsync(fd)

    assert b"Jello" == fs.read(twin, 9)
    assert b"ell" == fs.pread(fd, 3, 1)
    fs.ftruncate(fd, 2)
    fs.fallocate(fd, flags.FALLOC_FL_KEEP_SIZE, 0, 10)
    assert (2, 1, 0o100600) == (
        fs.fstat(fd).st_size,
        fs.fstat(fd).st_uid,
        fs.fstat(fd).st_mode,
    )
    assert fs.fstat(fd).st_dev == fs.stat("/data/x").st_dev
    fs.link(fd, "/data/other")
    with failing(errno.EXDEV):
        fs.link(fd, "/other")
    fs.close(fd)
    fs.close(twin)
    assert "Je" == volume.read_text("/other")
    for call in (fs.close, fs.fstat, fs.dup, fs.fsync):
        with failing(errno.EBADF):
            call(fd)


def test_directory_descriptor_lists() -> None:
    """An open directory can be listed."""
    fs, _ = table()
    fd = fs.os_open("/data", flags.O_RDONLY | flags.O_DIRECTORY)

    assert ["x"] == fs.listdir(fd)
    fs.close(fd)


def test_open_file_outlives_its_mount() -> None:
    """A file that is open goes on when the mount is taken away."""
    fs, volume = table()
    with fs.open("/data/x", "a") as file:
        fs.unmount("/data")
        file.write(", still")

    assert "in the volume, still" == volume.read_text("/x")


def test_open_file_is_named_as_it_was_opened() -> None:
    """The name of an open file, and of its errors, is the path as given."""
    fs, _ = table()
    fs.mount("/srv", TmpFS("size=4k"))
    with fs.open("/srv/../srv/f", "wb", 0) as file:
        assert "/srv/../srv/f" == file.name
        file.write(bytes(4096))
        with pytest.raises(
            OSError, match=r"No space left on device: '/srv/\.\./srv/f'"
        ):
            file.write(b"x")
