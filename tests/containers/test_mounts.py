"""Mount tables: one walk, what a mount forbids, and whom a change concerns."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Callable

import pytest

from unionfs_sim import WHITEOUT, FileSystem, Layer, UnionFS
from unionfs_sim.containers.forwarding import ForwardingFileSystem
from unionfs_sim.containers.mounts import MountSource, MountTable, mount_order
from unionfs_sim.containers.tmpfs import TmpFS
from unionfs_sim.core import flags
from unionfs_sim.testing.contract import errors, failing


def image() -> UnionFS:
    """Make a small image with a whiteout."""
    base = Layer.build(
        {
            "bin/sh": "busybox",
            "data/": {"old": "hidden", "sub/": {}},
            "etc/": {"conf": "image", "passwd": "root"},
            "srv/www/index": "image",
        },
        label="base",
    )
    return UnionFS([Layer.build({"etc/gone": WHITEOUT}, label="top"), base])


def table() -> tuple[MountTable, UnionFS]:
    """Make a table over the image with a volume at ``/data``."""
    volume = UnionFS()
    made = MountTable(image())
    made.mount("/data", volume, source=MountSource("volume", "/v/_data", "v", "local"))
    volume.write_text("/x", "in the volume")
    return made, volume


# --- one walk ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "text", "path", "expected"),
    [
        ("/data", "/into", "/into/x", "in the volume"),
        ("data", "/into", "/into/x", "in the volume"),
        ("../data/x", "/etc/into", "/etc/into", "in the volume"),
        ("/etc/conf", "/data/out", "/data/out", "image"),
        ("../etc/conf", "/data/out", "/data/out", "image"),
        ("../../../etc/conf", "/data/out", "/data/out", "image"),
        ("..", "/data/up", "/data/up/etc/conf", "image"),
        ("/", "/data/root", "/data/root/data/x", "in the volume"),
        ("..", "/data/up", "/data/up/data/up/data/x", "in the volume"),
    ],
)
def test_links_cross_mounts(link: str, text: str, path: str, expected: str) -> None:
    """Links lead into mounts and out of them; absolute ones start at the table's root."""
    fs, _ = table()
    fs.symlink(link, text)

    assert expected == fs.read_text(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/../etc/conf", "image"),
        ("/data/./../data/x", "in the volume"),
        ("/data/../../../../etc/conf", "image"),
        ("data//x", "in the volume"),
    ],
)
def test_dots_lead_out_of_mounts(path: str, expected: str) -> None:
    """``..`` in the root of a mount is the directory that holds the mount point."""
    assert expected == table()[0].read_text(path)


def test_dots_behind_a_link_are_walked() -> None:
    """Behind a link into a mount ``..`` is the parent there, not that of the text."""
    fs, volume = table()
    volume.makedirs("/deep/er")
    fs.symlink("/data/deep/er", "/link")

    assert ["deep", "x"] == fs.listdir("/link/../..")
    assert fs.stat("/link/../../..").st_ino == fs.stat("/").st_ino


def test_text_of_a_path_does_not_matter() -> None:
    """A directory whose name starts like the mount point's is not in the mount."""
    fs, _ = table()
    fs.mkdir("/database")

    assert [] == fs.listdir("/database")


def test_loop_over_mounts_is_one() -> None:
    """Links that lead to each other across a mount are too many."""
    fs, _ = table()
    fs.symlink("/data/b", "/a")
    fs.symlink("/a", "/data/b")

    with failing(errno.ELOOP):
        fs.stat("/a")


def test_walk_takes_a_lookup_a_name() -> None:
    """A path of n names asks n times: the walk does not start again at a mount."""
    asked: list[str] = []

    class Counting(ForwardingFileSystem):
        def __init__(self, fs: FileSystem) -> None:
            self._fs = fs

        def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
            asked.append(path)
            return self._fs, path

    fs = MountTable(UnionFS())
    fs.mkdir("/m")
    inner = UnionFS()
    inner.makedirs("/a/b/c/d/e")
    fs.mount("/m", Counting(inner))
    fs.stat("/m/a/b/c/d/e")

    assert 5 + 1 == len(asked)


# --- what is where -----------------------------------------------------------------


def test_mount_hides_and_uncovers() -> None:
    """A mount hides what is under it, which is there again when it goes."""
    fs, _ = table()

    assert ["x"] == fs.listdir("/data")
    fs.unmount("/data")
    assert ["old", "sub"] == fs.listdir("/data")


def test_mounts_pile_up() -> None:
    """Of two mounts at one place the later one shows, then the other again."""
    fs, _ = table()
    fs.mount("/data", UnionFS([Layer.build({"second": ""})]))

    assert ["second"] == fs.listdir("/data")
    assert ["bin", "data", "etc", "srv"] == fs.listdir("/data/..")
    fs.unmount("/data")
    assert ["x"] == fs.listdir("/data")


def test_listing_shows_mount_points() -> None:
    """A mount point is an entry of its parent like any other."""
    fs, volume = table()
    volume.mkdir("/inner")
    fs.mount("/data/inner", UnionFS())

    with fs.scandir("/") as entries:
        kinds = {entry.name: entry.is_dir() for entry in entries}
    assert {"bin": True, "data": True, "etc": True, "srv": True} == kinds
    assert ["inner", "x"] == fs.listdir("/data")
    walked = [path for path, _, _ in fs.walk("/data")]
    assert ["/data", "/data/inner"] == walked


def test_nested_order() -> None:
    """Sorted by the number of names, parents come before children (4.4)."""
    wanted = ["/z/z/z", "/a/b", "/z/y", "/a"]

    assert ["/a", "/a/b", "/z/y", "/z/z/z"] == sorted(wanted, key=mount_order)


def test_nested_mounts_make_their_points_in_their_parents() -> None:
    """A mount point in a volume is made in the volume, where it stays (4.4)."""
    fs, (outer, middle, inner) = MountTable(UnionFS()), (UnionFS() for _ in range(3))
    for path, volume in (("/a", outer), ("/a/b", middle), ("/a/b/c", inner)):
        assert path == fs.make_mount_point(path)
        fs.mount(path, volume)
    fs.write_text("/a/b/c/f", "1")

    assert [["b"], ["c"], ["f"]] == [x.listdir("/") for x in (outer, middle, inner)]
    assert ["/a", "/a/b", "/a/b/c"] == [mount.path for mount in fs.mounts()]
    fs.unmount_all()
    assert [] == fs.listdir("/a")


def test_file_mount() -> None:
    """A single file can be mounted over a file; the rest of the directory shows."""
    fs = MountTable(image())
    host = UnionFS()
    host.write_text("/conf", "host")
    fs.mount("/etc/conf", host, subpath="/conf")
    with fs.open("/etc/conf", "a") as file:
        file.write(" and container")

    assert "host and container" == host.read_text("/conf")
    assert ["conf", "passwd"] == fs.listdir("/etc")
    with failing(errno.ENOTDIR):
        fs.stat("/etc/conf/x")
    fs.unmount("/etc/conf")
    assert "image" == fs.read_text("/etc/conf")


@pytest.mark.parametrize(
    ("number", "path", "subpath"),
    [
        (errno.ENOTDIR, "/etc", "/file"),
        (errno.ENOTDIR, "/etc/conf", "/dir"),
        (errno.ENOENT, "/none", "/dir"),
        (errno.ENOENT, "/etc", "/none"),
        (errno.EBUSY, "/", "/dir"),
        (errno.EBUSY, "/etc/..", "/dir"),
        (errno.ENOTDIR, "/etc/conf/x", "/dir"),
    ],
)
def test_mount_fails(number: int, path: str, subpath: str) -> None:
    """A mount point must be there and of the same kind, and is never the root."""
    source = UnionFS([Layer.build({"file": "", "dir/": {}})])

    with failing(number):
        MountTable(image()).mount(path, source, subpath=subpath)


@pytest.mark.parametrize(
    ("number", "path"),
    [(errno.EINVAL, "/etc"), (errno.EBUSY, "/"), (errno.ENOENT, "/none")],
)
def test_unmount_fails(number: int, path: str) -> None:
    """Only what is mounted, and not the root, is unmounted."""
    with failing(number):
        table()[0].unmount(path)


def test_unmount_of_a_parent_is_busy() -> None:
    """A mount that holds another is not taken away under it."""
    fs, volume = table()
    volume.mkdir("/inner")
    fs.mount("/data/inner", UnionFS())

    with failing(errno.EBUSY):
        fs.unmount("/data")


def test_source_may_be_behind_a_link() -> None:
    """A source that is a link is followed when it is mounted."""
    host = UnionFS([Layer.build({"real/f": "x"})])
    host.symlink("/real", "/link")
    fs = MountTable(image())
    fs.mount("/data", host, subpath="/link")
    host.unlink("/link")

    assert ["f"] == fs.listdir("/data")


def test_mount_point_behind_links() -> None:
    """A link to a directory is followed for a mount point, and told in the path."""
    fs = MountTable(image())
    fs.symlink("/srv/www", "/web")
    mount = fs.mount("/web", UnionFS())

    assert ("/srv/www", "/web") == (mount.path, mount.destination)


def test_mount_point_behind_a_dangling_link_is_made() -> None:
    """The directory that a dangling link names is made, 0755 (3.2)."""
    root = image()
    fs = MountTable(root)
    fs.symlink("/nowhere/deep", "/vol")

    assert "/nowhere/deep" == fs.make_mount_point("/vol")
    assert 0o40755 == root.stat("/nowhere").st_mode


def test_mount_point_for_a_file_is_an_empty_file() -> None:
    """A mount point for a file is an empty file, its directories 0755 (4.3)."""
    root = image()
    MountTable(root).make_mount_point("/opt/app/conf", file=True)

    assert (0o100755, 0) == (
        root.stat("/opt/app/conf").st_mode,
        root.stat("/opt/app/conf").st_size,
    )
    assert root.isdir("/opt/app")


def test_mount_point_in_a_read_only_mount() -> None:
    """A read-only mount that lacks the mount point is not written to (4.4)."""
    fs = MountTable(image())
    fs.mount("/data", UnionFS(), read_only=True)

    with pytest.raises(OSError, match="Read-only file system: '/data/b'") as caught:
        fs.make_mount_point("/data/b")
    assert "mkdir" == getattr(caught.value, "op", "")


# --- what a mount forbids ----------------------------------------------------------

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


# --- users -------------------------------------------------------------------------


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


# --- binds follow files, not names -------------------------------------------------


def bound(subpath: str, at: str) -> tuple[MountTable, MountTable]:
    """Bind a path of a host's table into a container's table."""
    host = MountTable(UnionFS())
    host.makedirs("/data/q/sub")
    host.write_text("/data/conf", "one\n")
    host.write_text("/data/q/f", "f")
    fs = MountTable(image())
    fs.mount(at, host, subpath=subpath)
    return host, fs


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


# --- mounts of mounts --------------------------------------------------------------


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


# --- descriptors -------------------------------------------------------------------


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


# --- telling -----------------------------------------------------------------------


def test_mounts_as_inspect_shows_them() -> None:
    """A mount is shown key by key as Docker does, in order (4.1)."""
    fs, _ = table()
    fs.mount("/etc/conf", UnionFS([Layer.build({"q": ""})]), subpath="/q", source="/q")
    fs.mount("/srv", TmpFS(), source=MountSource("tmpfs"), read_only=True)

    assert [
        '{"Type": "volume", "Name": "v", "Source": "/v/_data", "Destination": "/data",'
        ' "Driver": "local", "Mode": "", "RW": true, "Propagation": ""}',
        '{"Type": "bind", "Source": "/q", "Destination": "/etc/conf", "Mode": "",'
        ' "RW": true, "Propagation": "rprivate"}',
        '{"Type": "tmpfs", "Source": "", "Destination": "/srv", "Mode": "",'
        ' "RW": false, "Propagation": ""}',
    ] == [json.dumps(mount.attrs()) for mount in fs.mounts()]


def test_explain_tells_who_answers() -> None:
    """For any path one can ask whether the union answers, and which layer, or a mount."""
    fs, _ = table()
    fs.symlink("/data/x", "/link")
    fs.write_text("/mine", "")

    assert ("union", ("base",), False) == told(fs, "/etc/conf")
    assert ("union", ("upper",), False) == told(fs, "/mine")
    assert ("union", (), False) == told(fs, "/none")
    assert ("volume", (), True) == told(fs, "/link")
    link = fs.explain("/link")
    assert ("/link", "/data/x") == (link.path, link.resolved)
    assert "/link" == fs.explain("/link", follow_symlinks=False).resolved
    assert "/link\n  leads to /data/x\n  volume v at /data answers" == str(link)
    assert "it goes when the container is removed" in str(fs.explain("/mine"))
    assert "nothing is there" in str(fs.explain("/data/none"))
    assert "volume" == link.to_json()["by"]


def told(fs: MountTable, path: str) -> tuple[str, tuple[str, ...], bool]:
    """Give the gist of an explanation."""
    answer = fs.explain(path)
    return answer.by, answer.layers, answer.survives


def test_proc_mounts() -> None:
    """``/proc/mounts`` shows sizes and modes as the kernel does (4.5, 7)."""
    fs, _ = table()
    fs.mount("/srv", TmpFS("size=64k,mode=0750", flags="nosuid,nodev,noexec"))
    fs.mount("/etc", TmpFS("size=1m,uid=1000"))

    assert [
        "overlay / overlay rw,relatime 0 0",
        "/dev/sda1 /data ext4 rw,relatime 0 0",
        "tmpfs /srv tmpfs rw,nosuid,nodev,noexec,relatime,size=64k,mode=750 0 0",
        "tmpfs /etc tmpfs rw,relatime,size=1024k,uid=1000 0 0",
    ] == fs.proc_mounts().splitlines()


# --- threads -----------------------------------------------------------------------


def in_threads(*jobs: Callable[[], object]) -> None:
    """Run jobs at the same time, and fail if one does."""
    failed: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not failed, failed


def test_tables_in_threads_share_a_volume() -> None:
    """Appends to one file through several tables at once lose nothing."""
    volume = UnionFS()
    volume.write_text("/log", "")
    tables = []
    for _ in range(4):
        made = MountTable(image())
        made.mount("/data", volume)
        tables.append(made)

    def append(fs: MountTable, name: int) -> None:
        for count in range(50):
            with fs.open("/data/log", "a") as file:
                file.write(f"{name}:{count}\n")
            fs.write_text(f"/data/{name}", str(count))
            fs.stat("/data/log")

    in_threads(*(lambda x=x, i=i: append(x, i) for i, x in enumerate(tables)))

    lines = volume.read_text("/log").splitlines()
    assert {f"{name}:{count}" for name in range(4) for count in range(50)} == set(lines)
    assert 200 == len(lines)


def test_one_table_in_threads() -> None:
    """Verbs of one table, mounts and renames among them, do not get in each other's way."""
    fs, _ = table()
    fs.mkdir("/point")

    def change(name: str) -> None:
        for count in range(40):
            fs.makedirs(f"/{name}/{count}/point")
            fs.write_text(f"/{name}/{count}/f", "x")
            fs.rename(f"/{name}/{count}", f"/{name}/moved")
            fs.rmtree(f"/{name}/moved")

    def remount() -> None:
        for _ in range(60):
            fs.mount("/point", UnionFS())
            fs.listdir("/point")
            fs.unmount("/point")

    in_threads(lambda: change("a"), lambda: change("b"), remount)

    assert ([], []) == (fs.listdir("/a"), fs.listdir("/b"))
    assert ["/data"] == [mount.path for mount in fs.mounts()]


# --- corners that the kernel taught ------------------------------------------------


def test_mount_point_is_busy_by_every_path_to_it() -> None:
    """A directory that is mounted on through one bind is busy through another too."""
    fs = MountTable(UnionFS())
    fs.makedirs("/srv/www")
    fs.mkdir("/data")
    fs.mount("/data", fs, subpath="/srv")
    fs.mount("/data/www", UnionFS())
    with failing(errno.EBUSY):
        fs.rename("/srv/www", "/srv/moved")
    with failing(errno.EBUSY):
        fs.rmdir("/srv/www")

    fs.unmount("/data/www")
    fs.rename("/srv/www", "/srv/moved")
    assert ["moved"] == fs.listdir("/data")


@errors(
    (errno.ENOTDIR, "file to mount and slash", lambda fs: fs.rename("/f", "/m/p/")),
    (errno.EINVAL, "into itself", lambda fs: fs.rename("/m", "/m/p")),
    (errno.ENOTEMPTY, "over its parent", lambda fs: fs.rename("/m/p", "/m")),
    (errno.EISDIR, "file over a mount", lambda fs: fs.rename("/f", "/m/p")),
    (errno.ENOTDIR, "directory over a file", lambda fs: fs.rename("/d", "/conf")),
    (errno.EBUSY, "directory over a mount", lambda fs: fs.rename("/d", "/m/p")),
    (errno.ENOENT, "link to a new name and slash", lambda fs: fs.link("/f", "/m/p/x/")),
)
def test_errors_before_busy(number: int, call: Callable[[FileSystem], object]) -> None:
    """A mount point is busy only after all else that is wrong has been told."""
    fs = MountTable(UnionFS([Layer.build({"f": "", "d/": {}, "m/p/": {}, "conf": ""})]))
    fs.mount("/m/p", UnionFS())
    fs.mount("/conf", UnionFS([Layer.build({"c": ""})]), subpath="/c")
    with failing(number):
        call(fs)


def test_rename_of_a_mount_point_to_itself() -> None:
    """A mount point is renamed to itself, which does nothing."""
    fs, _ = table()
    fs.rename("/data", "/data/")

    assert ["x"] == fs.listdir("/data")


def test_root_below_itself_comes_along_once() -> None:
    """The root can be bound into itself with all that is mounted, piles too."""
    fs, _ = table()
    fs.mount("/data", UnionFS([Layer.build({"second": ""})]))
    fs.mount("/srv", fs)

    assert ["second"] == fs.listdir("/srv/data")
    assert ["www"] == fs.listdir("/srv/srv")


def test_removed_directory_has_attributes_still() -> None:
    """A bound directory that is gone still has an owner and a mode to change."""
    host, fs = bound("/data/q", "/data")
    number = fs.stat("/data").st_ino
    host.rmtree("/data/q")
    fs.chmod("/data", 0o700)
    fs.chown("/data", 5, 6)
    with failing(errno.EINVAL):
        fs.rmdir("/data/.")
    with failing(errno.ENOENT):
        fs.mount("/data", UnionFS())

    status = fs.stat("/data")
    assert (0o40700, 5, 6) == (status.st_mode, status.st_uid, status.st_gid)
    assert (number, 0) == (status.st_ino, status.st_nlink)


def test_failed_removal_leaves_binds_alone() -> None:
    """A removal that fails on the host changes nothing for those who bound the name."""
    host, fs = bound("/data/q", "/data")
    fs.mount("/etc/conf", host, subpath="/data/conf")
    with failing(errno.ENOTEMPTY):
        host.rmdir("/data/q")
    with failing(errno.EACCES):
        host.as_user(1000, 1000).unlink("/data/conf")
    with failing(errno.EACCES):
        host.as_user(1000, 1000).rename("/data/conf", "/data/other")
    host.write_text("/data/conf", "two\n")

    assert "two\n" == fs.read_text("/etc/conf")
    assert ["f", "sub"] == fs.listdir("/data")


def test_lazy_unmount_takes_all() -> None:
    """A lazy unmount takes away what is mounted in a mount, too."""
    fs, volume = table()
    volume.mkdir("/inner")
    fs.mount("/data/inner", UnionFS())
    fs.unmount("/data", lazy=True)

    assert [] == fs.mounts()


def test_remount_of_no_mount_point() -> None:
    """Only a mount is made read-only, not a directory in it."""
    with failing(errno.EINVAL):
        table()[0].remount("/etc", read_only=True)


def test_mount_at_tells_who_answers() -> None:
    """One can ask for the mount itself."""
    fs, _ = table()

    assert fs.mounts()[0] is fs.mount_at("/data/x")
    assert fs.root is fs.mount_at("/etc")
    assert "<Mount v on /data>" == repr(fs.mount_at("/data"))


def test_removals_and_mounts_in_threads() -> None:
    """What one table removes others lose, while they mount and unmount at the same time."""
    host = MountTable(UnionFS())
    host.makedirs("/data/q")

    def replace() -> None:
        for count in range(80):
            host.makedirs("/data/q/sub", exist_ok=True)
            host.write_text("/data/q/f", str(count))
            host.rename("/data/q", "/data/r")
            host.rename("/data/r", "/data/q")
            host.unlink("/data/q/f")
            host.rmdir("/data/q/sub")

    def use() -> None:
        for _ in range(80):
            fs = MountTable(image())
            fs.mount("/data", host, subpath="/data")
            steps: list[Callable[[MountTable], object]] = [
                lambda fs: fs.mount("/srv", host, subpath="/data/q/f"),
                lambda fs: fs.mount("/data/q/sub", UnionFS()),
                lambda fs: fs.read_text("/data/q/f"),
                lambda fs: fs.mount("/etc/conf", host, subpath="/data/q/f"),
                lambda fs: fs.read_text("/etc/conf"),
                lambda fs: fs.stat("/data/q/sub/.."),
            ]
            for step in steps:
                with contextlib.suppress(OSError):
                    step(fs)
            fs.unmount_all()

    in_threads(replace, use, use)

    assert ["q"] == host.listdir("/data")
