"""Hosts of one world: exports, clients, squashed root, and servers that die."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

import pytest

from unionfs_sim import FileSystem, UnionFS
from unionfs_sim.containers.host import Host, World
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.nfs import NfsOptions, WouldBlockError
from unionfs_sim.containers.volumes import Volume, VolumeStore
from unionfs_sim.core import flags
from unionfs_sim.testing.contract import FilesystemContract, errors, failing

SECOND_NS = 1_000_000_000


def world(options: str = "", **export: bool) -> tuple[Host, Host, Host]:
    """Make a server with ``/srv`` and two clients that have it at ``/mnt``."""
    made = World()
    server = made.host("server")
    server.fs.mkdir("/srv")
    server.export("/srv", **export)
    clients = []
    for name in ("one", "two"):
        client = made.host(name)
        client.fs.mkdir("/mnt")
        client.mount("nfs", "server:/srv", "/mnt", options)
        clients.append(client)
    return server, clients[0], clients[1]


class TestNfs(FilesystemContract):
    """A directory of another host keeps the contract."""

    def make_fs(self) -> FileSystem:
        return MountTable(world()[1].fs, subpath="/mnt")


class TestNfsCloseToOpen(FilesystemContract):
    """So it does if the client keeps what it writes until it closes a file."""

    def make_fs(self) -> FileSystem:
        return MountTable(world("cto")[1].fs, subpath="/mnt")

    def test_reader_sees_a_later_write(self, fs: FileSystem) -> None:
        """Only after opening it again: that is what close-to-open means."""
        with fs.open("/file", "rb") as file:
            fs.write_text("/file", "later")
            assert b"hello" == file.read()
        assert "later" == fs.read_text("/file")


# --- what all see ------------------------------------------------------------------


def test_hosts_see_each_others_files() -> None:
    """What one client writes the server has, and another client reads."""
    server, one, two = world()
    one.fs.write_text("/mnt/f", "from one")
    two.fs.chown("/mnt/f", 5, 6)

    assert ("from one", "from one") == (
        server.fs.read_text("/srv/f"),
        two.fs.read_text("/mnt/f"),
    )
    assert (5, 6) == (one.fs.stat("/mnt/f").st_uid, server.fs.stat("/srv/f").st_gid)


@pytest.mark.parametrize("options", ["", "cto"])
def test_concurrent_appends_lose_nothing(options: str) -> None:
    """Containers on several hosts append to one file at once, and all lines are there."""
    server, one, two = world(options)
    server.fs.write_text("/srv/log", "")

    def append(host: Host) -> None:
        table = MountTable(UnionFS())
        table.mkdir("/data")
        table.mount("/data", host.fs, subpath="/mnt")
        for count in range(60):
            with table.open("/data/log", "a") as file:
                file.write(f"{host.name}:{count}\n")

    threads = [threading.Thread(target=append, args=(host,)) for host in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    expected = {f"{name}:{count}" for name in ("one", "two") for count in range(60)}
    lines = server.fs.read_text("/srv/log").splitlines()
    assert (120, expected) == (len(lines), set(lines))


def test_open_appends_interleave() -> None:
    """Two clients that both hold a file open to append do not write over each other."""
    server, one, two = world()
    with one.fs.open("/mnt/log", "ab", 0) as a, two.fs.open("/mnt/log", "ab", 0) as b:
        for _ in range(3):
            a.write(b"a")
            b.write(b"b")

    assert b"ababab" == server.fs.read_bytes("/srv/log")


def test_close_to_open() -> None:
    """With ``cto`` writes reach the server at closing, and show at the next opening."""
    server, one, two = world("cto")
    server.fs.write_text("/srv/f", "old")
    reader = two.fs.open("/mnt/f")
    with one.fs.open("/mnt/f", "w") as writer:
        writer.write("new")
        writer.flush()
        assert "" == server.fs.read_text("/srv/f")
        assert 3 == one.fs.stat("/mnt/f").st_size  # asking makes the client tell
    assert "new" == server.fs.read_text("/srv/f")
    assert "old" == reader.read()
    reader.close()
    assert "new" == two.fs.read_text("/mnt/f")


def test_close_to_open_keeps_positions() -> None:
    """A file that is kept is read, sought, cut and written as any other."""
    server, one, _ = world("cto")
    with one.fs.open("/mnt/f", "w+b") as file:
        file.write(b"hello world")
        file.seek(6)
        assert b"world" == file.read()
        file.seek(0)
        file.write(b"J")
        file.truncate(5)
        file.seek(-1, 2)
        file.write(b"y!")

    assert b"Jelly!" == server.fs.read_bytes("/srv/f")


# --- who may -----------------------------------------------------------------------


def test_root_is_root_by_default() -> None:
    """Root of a client makes files of root."""
    server, one, _ = world()
    one.fs.write_text("/mnt/f", "")

    assert 0 == server.fs.stat("/srv/f").st_uid


def test_squashed_root_is_nobody() -> None:
    """With ``root_squash`` root of a client has no rights, and its files are nobody's."""
    server, one, _ = world(root_squash=True)
    with failing(errno.EACCES):
        one.fs.write_text("/mnt/f", "")
    server.fs.chmod("/srv", 0o777)
    one.fs.write_text("/mnt/f", "mine")
    with failing(errno.EPERM):
        one.fs.chown("/mnt/f", 0, 0)
    server.fs.write_text("/srv/secret", "root's")
    server.fs.chmod("/srv/secret", 0o600)
    with failing(errno.EACCES):
        one.fs.read_text("/mnt/secret")

    status = server.fs.stat("/srv/f")
    assert (65534, 65534) == (status.st_uid, status.st_gid)


def test_squashing_leaves_users_alone() -> None:
    """``root_squash`` is for root; ``all_squash`` for everybody."""
    for squash, uid in (("root_squash", 1000), ("all_squash", 65534)):
        server, one, _ = world("", **{squash: True})
        server.fs.chmod("/srv", 0o777)
        one.fs.as_user(1000, 1000).write_text("/mnt/f", "")

        assert uid == server.fs.stat("/srv/f").st_uid


@pytest.mark.parametrize("where", ["export", "options"])
def test_read_only(where: str) -> None:
    """An export or a mount can be read-only."""
    server, one, _ = world("ro") if where == "options" else world(read_only=True)
    server.fs.write_text("/srv/f", "x")
    for call in (
        lambda: one.fs.write_text("/mnt/f", ""),
        lambda: one.fs.mkdir("/mnt/d"),
        lambda: one.fs.unlink("/mnt/f"),
    ):
        with failing(errno.EROFS):
            call()

    assert "x" == one.fs.read_text("/mnt/f")


# --- mounting ----------------------------------------------------------------------


@errors(
    (errno.EHOSTUNREACH, "nobody", lambda fs: mounting("nobody:/srv")),
    (errno.ENOENT, "not exported", lambda fs: mounting("server:/etc")),
    (errno.ENOENT, "not there", lambda fs: mounting("server:/srv/none")),
    (errno.EINVAL, "no server", lambda fs: mounting(":/srv")),
    (errno.EINVAL, "no path", lambda fs: mounting("server")),
    (errno.ENODEV, "unknown type", lambda fs: mounting("x", kind="zfs")),
    (errno.ENOENT, "bind of nothing", lambda fs: mounting("/none", options="bind")),
    (errno.EINVAL, "tmpfs option", lambda fs: mounting("t", "tmpfs", "bogus")),
)
def test_mounting_fails(number: int, call: Callable[[object], object]) -> None:
    """What cannot be mounted says why."""
    with failing(number):
        call(None)


def mounting(device: str, kind: str = "nfs", options: str = "") -> None:
    """Mount something on a client."""
    world()[1].mount(kind, device, "/tmp", options)


def test_mounting_without_nfs_or_server() -> None:
    """A kernel without NFS mounts none; a server that is down does not answer."""
    server, one, _ = world()
    one.nfs = False
    with failing(errno.ENODEV):
        one.mount("nfs", "server:/srv", "/tmp")
    one.nfs = True
    server.crash()
    with failing(errno.ETIMEDOUT):
        one.mount("nfs", "server:/srv", "/tmp")
    server.restart()
    server.unexport("/srv")
    with failing(errno.ENOENT):
        one.mount("nfs", "server:/srv", "/tmp")


def test_only_directories_are_exported() -> None:
    """What is not there, or no directory, cannot be exported."""
    host = Host("a")
    host.fs.write_text("/file", "")
    for path, number in (("/none", errno.ENOENT), ("/file", errno.ENOTDIR)):
        with failing(number):
            host.export(path)


@pytest.mark.parametrize("device", ["server:/srv/sub", "10.0.0.1:/srv/sub/"])
def test_directory_of_an_export(device: str) -> None:
    """A directory in an export can be mounted, by name or address of the server."""
    server, one, _ = world()
    server.fs.makedirs("/srv/sub")
    one.mount("nfs", device, "/tmp")
    one.fs.write_text("/tmp/f", "x")

    assert "x" == server.fs.read_text("/srv/sub/f")
    assert "it lies at server:/srv/sub/f" in str(one.fs.explain("/tmp/f"))


def test_host_can_mount_its_own_export() -> None:
    """The loopback address is the host itself."""
    server, _, _ = world()
    server.mount("nfs", ":/srv", "/tmp", "addr=127.0.0.1")
    server.fs.write_text("/tmp/f", "x")

    assert "x" == server.fs.read_text("/srv/f")


def test_mounts_below_an_export_stay_out() -> None:
    """What the server mounts in an exported directory does not show elsewhere."""
    server, one, _ = world()
    server.fs.mkdir("/srv/disk")
    server.mount("tmpfs", "tmpfs", "/srv/disk")
    server.fs.write_text("/srv/disk/f", "")

    assert [] == one.fs.listdir("/mnt/disk")


def test_options() -> None:
    """The options that matter are read, the others taken."""
    got = NfsOptions.parse("addr=1.2.3.4,soft,timeo=5,retrans=1,vers=4,nolock,cto")

    assert (True, True, SECOND_NS) == (got.soft, got.close_to_open, got.timeout_ns)
    assert not NfsOptions.parse("soft,hard").soft


def test_proc_mounts() -> None:
    """An NFS mount is shown with its server."""
    line = world("soft")[1].fs.proc_mounts().splitlines()[-1]

    assert ":/srv /mnt nfs4 rw,relatime,soft 0 0" == line


def test_world() -> None:
    """Hosts of one world have addresses, and names of their own."""
    made = World()
    first = made.host("a")

    assert made.host("a") is first is made.find("10.0.0.1")
    assert made.find("b") is None
    assert [first] == list(made)
    with pytest.raises(ValueError, match="there is a host 'a' already"):
        Host("a", world=made)


# --- death -------------------------------------------------------------------------


def test_soft_mount_fails_after_its_time() -> None:
    """A soft mount waits ``timeo`` a try, then gives EIO; the server has all it took."""
    server, one, two = world("soft,timeo=10,retrans=2")
    one.fs.write_text("/mnt/f", "kept")
    server.crash()
    before = one.clock()
    with failing(errno.EIO):
        one.fs.read_text("/mnt/f")
    assert one.clock() - before > 3 * SECOND_NS
    with failing(errno.EIO):
        one.fs.write_text("/mnt/g", "lost")
    server.restart()

    assert "kept" == two.fs.read_text("/mnt/f")
    assert ["f"] == server.fs.listdir("/srv")


def test_hard_mount_would_block() -> None:
    """A hard mount waits for ever if nobody says when the server is back."""
    server, one, _ = world()
    server.crash()
    with pytest.raises(WouldBlockError, match="server server not responding") as caught:
        one.fs.write_text("/mnt/f", "x")
    assert (errno.EWOULDBLOCK, "/mnt/f") == (caught.value.errno, caught.value.filename)
    server.restart()

    assert 1 == one.fs.write_text("/mnt/f", "x")


@pytest.mark.parametrize("options", ["hard", "soft,timeo=600"])
def test_mount_waits_for_a_server_that_comes_back(options: str) -> None:
    """If the server is back in time a call only takes longer, by the simulated clock."""
    server, one, _ = world(options)
    before = one.clock()
    server.crash(seconds=100)
    one.fs.write_text("/mnt/f", "x")

    assert "x" == server.fs.read_text("/srv/f")
    assert 100 * SECOND_NS <= one.clock() - before < 101 * SECOND_NS
    assert server.up


def test_open_file_over_a_crash() -> None:
    """A file that is open goes on when the server is back, where it was."""
    server, one, _ = world()
    with one.fs.open("/mnt/f", "wb", 0) as file:
        file.write(b"one")
        server.crash()
        with pytest.raises(WouldBlockError):
            file.write(b"x")
        with pytest.raises(WouldBlockError):
            file.truncate(1)
        server.restart()
        file.write(b"two")

    assert b"onetwo" == server.fs.read_bytes("/srv/f")


def test_kept_writes_survive_a_crash() -> None:
    """What a client kept when the server died reaches it once it is back."""
    server, one, _ = world("cto")
    file = one.fs.open("/mnt/f", "wb")
    file.write(b"kept")
    server.crash()
    with pytest.raises(WouldBlockError):
        file.close()
    server.restart()

    assert b"kept" == one.fs.read_bytes("/mnt/f")
    assert b"kept" == server.fs.read_bytes("/srv/f")


def test_kept_writes_that_a_soft_mount_gives_up_are_told() -> None:
    """A soft mount that cannot send what it kept fails the close: nothing was promised."""
    server, one, _ = world("cto,soft,timeo=1")
    file = one.fs.open("/mnt/f", "wb")
    file.write(b"given up")
    server.crash()
    with failing(errno.EIO):
        file.close()
    server.restart()

    assert b"" == one.fs.read_bytes("/mnt/f")


def test_acknowledged_writes_are_never_lost() -> None:
    """However often the server dies, what a call acknowledged is there afterwards."""
    server, one, _ = world("soft,timeo=1")
    acknowledged = []
    for count in range(60):
        if count % 7 == 3:
            server.crash()
        if count % 7 == 5:
            server.restart()
        try:
            one.fs.write_text(f"/mnt/{count}", str(count))
        except OSError:
            continue
        acknowledged.append(count)
    server.restart()

    assert sorted(map(str, acknowledged)) == server.fs.listdir("/srv")
    assert acknowledged == [
        int(one.fs.read_text(f"/mnt/{count}")) for count in acknowledged
    ]


def test_descriptors_are_not_for_nfs() -> None:
    """An NFS mount has no descriptors here, and says so."""
    with failing(errno.EOPNOTSUPP):
        world()[1].fs.os_open("/mnt", flags.O_RDONLY)


# --- volumes on several hosts ------------------------------------------------------


def nfs_volume(host: Host, name: str) -> Volume:
    """Make a volume of a host that lies on the server."""
    options = {"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/srv"}
    return VolumeStore(host).create(name, options=options)


def container(volume: Volume, name: str) -> MountTable:
    """Start a container with a volume at ``/data``."""
    volume.acquire(name)
    volume.mount(name)
    table = MountTable(UnionFS())
    table.mkdir("/data")
    table.mount("/data", volume.fs, source=volume.source())
    return table


def test_container_finds_its_data_on_another_host() -> None:
    """Removed on one host and run again on another, a container finds its data."""
    server, one, two = world()
    volume = nfs_volume(one, "shared")
    first = container(volume, "app")
    first.write_text("/data/state", "counted to 7")
    first.chown("/data/state", 33, 33)
    first.unmount_all()
    volume.release("app")
    assert [] == one.fs.listdir(volume.mountpoint)

    second = container(nfs_volume(two, "shared"), "app")
    assert "counted to 7" == second.read_text("/data/state")
    assert 33 == second.stat("/data/state").st_uid
    answer = second.explain("/data/state")
    assert ("volume", "server", "/srv/state") == (
        answer.by,
        answer.host,
        answer.host_path,
    )
    assert ["state"] == server.fs.listdir("/srv")


def test_local_volume_does_not_travel() -> None:
    """A local volume of the same name on two hosts is two volumes."""
    _, one, two = world()
    container(VolumeStore(one).create("data"), "app").write_text("/data/f", "x")
    second = container(VolumeStore(two).create("data"), "app")

    assert [] == second.listdir("/data")
    assert "two" == second.explain("/data").host


def test_data_outlives_the_volume_object() -> None:
    """Removing an NFS volume leaves what is on the server."""
    server, one, _ = world()
    store = VolumeStore(one)
    options = {"type": "nfs", "o": "addr=server", "device": ":/srv"}
    volume = store.create("shared", options=options)
    container(volume, "app").write_text("/data/f", "x")
    volume.release("app")
    store.remove("shared")

    assert "x" == server.fs.read_text("/srv/f")


def test_hosts_that_mount_each_other_do_not_lock_up() -> None:
    """Two hosts may each use a directory of the other, at the same time."""
    made = World()
    pair = made.host("a"), made.host("b")
    for host in pair:
        host.fs.makedirs("/srv")
        host.fs.mkdir("/mnt")
        host.export("/srv")
    pair[0].mount("nfs", "b:/srv", "/mnt")
    pair[1].mount("nfs", "a:/srv", "/mnt")

    def work(host: Host) -> None:
        for count in range(100):
            host.fs.write_text(f"/mnt/{count % 5}", str(count))
            host.fs.write_text(f"/srv/mine{count % 5}", str(count))
            host.fs.listdir("/mnt")

    threads = [threading.Thread(target=work, args=(host,)) for host in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert not any(thread.is_alive() for thread in threads)
    assert 10 == len(pair[0].fs.listdir("/srv")) == len(pair[1].fs.listdir("/mnt"))
