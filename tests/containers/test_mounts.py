"""Mount tables: one walk, and what is where."""

from __future__ import annotations

import errno

import pytest

from tests.containers.tables import image, table
from unionfs_sim import FileSystem, Layer, UnionFS
from unionfs_sim.containers.forwarding import ForwardingFileSystem
from unionfs_sim.containers.mounts import MountTable, mount_order
from unionfs_sim.testing.contract import failing

# --- one walk -------------------------------------------------------------------


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


# --- what is where --------------------------------------------------------------


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
