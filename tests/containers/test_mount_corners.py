"""What a mount table tells, its threads, and corners that the kernel taught."""

from __future__ import annotations

import contextlib
import errno
import json
import threading
from collections.abc import Callable

from tests.containers.tables import bound, image, table
from unionfs_sim import FileSystem, Layer, UnionFS
from unionfs_sim.containers.mounts import MountSource, MountTable
from unionfs_sim.containers.tmpfs import TmpFS
from unionfs_sim.testing.contract import errors, failing

# --- telling --------------------------------------------------------------------


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


# --- threads --------------------------------------------------------------------


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


# --- corners that the kernel taught ---------------------------------------------


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
