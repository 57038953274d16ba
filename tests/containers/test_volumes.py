"""Volumes: names, options, who uses them, seeding, and what a prune takes."""

from __future__ import annotations

import errno
import json
from typing import Any

import attrs
import pytest

from unionfs_sim import (
    WHITEOUT,
    Directory,
    Fifo,
    Layer,
    Meta,
    Regular,
    Symlink,
    UnionFS,
)
from unionfs_sim.containers import Engine
from unionfs_sim.containers.errors import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotFound,
    System,
)
from unionfs_sim.containers.host import Host
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.seeding import copy_tree
from unionfs_sim.containers.spec import parse_volume
from unionfs_sim.containers.volumes import VolumeStore
from unionfs_sim.testing.contract import failing

MERGED = "/var/lib/docker/overlay2/1234/merged"
BIND = {"type": "none", "o": "bind", "device": "/data/ext"}
TMPFS = {"type": "tmpfs", "o": "size=1m,uid=1000", "device": "tmpfs"}
CHARACTERS = (
    "includes invalid characters for a local volume name, only"
    ' "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host'
    " directory, use absolute path"
)
SHORT = "volume name is too short, names should be at least two alphanumeric characters"


@pytest.fixture
def store() -> VolumeStore:
    """Give the volumes of a host with a directory ``/data/ext``."""
    host = Host("a")
    host.fs.makedirs("/data/ext")
    return VolumeStore(host)


def mounted(store: VolumeStore, name: str, container: str = "c") -> MountTable:
    """Start a container with a volume at ``/x``."""
    volume = store.get(name)
    volume.acquire(container)
    volume.mount(container)
    table = MountTable(UnionFS())
    table.mkdir("/x")
    table.mount("/x", volume.fs, source=volume.source("z"))
    return table


# --- names, create, inspect ----------------------------------------------------------


@pytest.mark.parametrize("name", ["ab", "a.b-c_d", "ABC", "1x", "a" * 255])
def test_names(store: VolumeStore, name: str) -> None:
    """Two characters at least, the first a letter or digit (3.1)."""
    assert name == store.create(name).name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a", SHORT),
        *((x, f'"{x}" {CHARACTERS}') for x in ("_ab", "-ab", ".ab", "a/b", "a b")),
        *((x, f'"{x}" {CHARACTERS}') for x in ("é1", "a:b", "./a", "/data/q", "ab\n")),
    ],
)
def test_names_are_refused(store: VolumeStore, name: str, reason: str) -> None:
    """Other names are refused in the engine's words, and nothing is made (3.1)."""
    with pytest.raises(InvalidParameter) as caught:
        store.create(name)

    assert f"create {name}: {reason}" == str(caught.value)
    assert 0 == len(store)


def test_inspect(store: VolumeStore) -> None:
    """``docker volume inspect`` shows these keys in this order (3.1)."""
    shown = store.create("hb_n", options={}, labels={}).attrs()

    assert "2001-09-09T01:46:40Z" == shown.pop("CreatedAt")
    assert (
        '{"Driver": "local", "Labels": {}, "Mountpoint":'
        ' "/var/lib/docker/volumes/hb_n/_data", "Name": "hb_n", "Options": {},'
        ' "Scope": "local"}'
    ) == json.dumps(shown)


def test_inspect_of_what_was_made_by_the_way(store: VolumeStore) -> None:
    """What ``-v`` makes has null labels and options, a label that is given apart (3.1)."""
    plain, labelled = store.create("hb_n"), store.create("hb_l", labels={"a": "b"})

    assert (None, None) == (plain.attrs()["Labels"], plain.attrs()["Options"])
    assert ({"a": "b"}, None) == (
        labelled.attrs()["Labels"],
        labelled.attrs()["Options"],
    )


def test_anonymous_names_are_ids(store: VolumeStore) -> None:
    """A volume without a name has 64 digits for one, the same in every run."""
    first, second = store.create(), store.create()

    assert 64 == len(first.name) == len(f"{int(first.name, 16):064x}")
    assert first.name != second.name
    assert first.name == VolumeStore(Host("a")).create().name
    assert first.anonymous
    assert not store.create("hb_n").anonymous


def test_creating_again_changes_nothing(store: VolumeStore) -> None:
    """The same name again gives the same volume, whatever the options say (3.1)."""
    volume = store.create("hb_n", labels={})
    again = store.create("hb_n", options={"bogus": "1"}, labels={"other": "1"})

    assert volume is again
    assert ({}, None) == (volume.labels, volume.options)


def test_unknown_driver(store: VolumeStore) -> None:
    """There is no driver but the local one (3.1)."""
    with pytest.raises(NotFound) as caught:
        store.create("hb_n", "nope")

    assert (
        'create hb_n: error looking up volume plugin nope: plugin "nope" not found'
    ) == str(caught.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"bogus": "1"}, 'invalid option: "bogus"'),
        ({"type": "tmpfs"}, 'missing required option: "device"'),
        ({"o": "bind"}, 'missing required option: "device"'),
        ({"device": "/data"}, 'missing required option: "type"'),
        ({"size": "1m"}, "quota size requested but no quota support"),
    ],
)
def test_options_are_refused(
    store: VolumeStore, options: dict[str, str], reason: str
) -> None:
    """The local driver's options go together or not at all (7)."""
    with pytest.raises(InvalidParameter) as caught:
        store.create("hb_x", options=options)

    assert f"create hb_x: {reason}" == str(caught.value)


def test_on_disk(store: VolumeStore) -> None:
    """Directories and files are where the engine has them, with its modes (3.1)."""
    store.create("hb_t", options={"type": "tmpfs", "device": "tmpfs"})
    fs = store.host.fs
    home = "/var/lib/docker/volumes"

    assert ["backingFsBlockDev", "hb_t", "metadata.db"] == fs.listdir(home)
    modes = {
        path: oct(fs.lstat(f"{home}{path}").st_mode & 0o7777)
        for path in ("", "/hb_t", "/hb_t/_data")
    }
    assert {"": "0o701", "/hb_t": "0o701", "/hb_t/_data": "0o755"} == modes
    assert (
        '{"MountType":"tmpfs","MountOpts":"","MountDevice":"tmpfs","Quota":{"Size":0}}'
    ) == fs.read_text(f"{home}/hb_t/opts.json")


# --- ls, rm, prune -------------------------------------------------------------------


def test_listing(store: VolumeStore) -> None:
    """Volumes are listed by name in natural order (3.1)."""
    for name in ("hb_a", "hb_10", "hb_B", "hb_2", "hb_1"):
        store.create(name)

    names = [volume.name for volume in store.list()]
    assert ["hb_1", "hb_2", "hb_10", "hb_B", "hb_a"] == names
    assert names == [volume.name for volume in store]
    assert "hb_B" in store


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"dangling": ["true"]}, ["hb_l", "other"]),
        ({"dangling": ["1"]}, ["hb_l", "other"]),
        ({"dangling": ["false"]}, ["hb_used"]),
        ({"name": ["b_"]}, ["hb_l", "hb_used"]),
        ({"name": ["^o", "l$"]}, ["hb_l", "other"]),
        ({"driver": ["local"]}, ["hb_l", "hb_used", "other"]),
        ({"driver": ["nope"]}, []),
        ({"label": ["tier"]}, ["hb_l"]),
        ({"label": ["tier=db"]}, ["hb_l"]),
        ({"label": ["tier=web"]}, []),
        ({"label": {"tier": True}}, ["hb_l"]),
        ({"label": ["tier", "x"]}, ["hb_l"]),
        ({"name": ["hb"], "dangling": ["true"]}, ["hb_l"]),
    ],
)
def test_filters(
    store: VolumeStore, filters: dict[str, Any], expected: list[str]
) -> None:
    """Filters of ``volume ls``; dangling is what no container refers to (3.1)."""
    store.create("hb_l", labels={"tier": "db", "x": ""})
    store.create("hb_used").acquire("c")
    store.create("other")

    assert expected == [volume.name for volume in store.list(filters)]


@pytest.mark.parametrize("filters", [{"bogus": ["1"]}, {"dangling": ["maybe"]}])
def test_filters_are_refused(store: VolumeStore, filters: dict[str, Any]) -> None:
    """There are no other filters."""
    with pytest.raises(InvalidParameter, match="Invalid filter"):
        store.list(filters)


def test_removing(store: VolumeStore) -> None:
    """A volume goes with all that is in it (3.1)."""
    store.create("hb_n").fs.write_text("/f", "x")
    store.remove("hb_n")

    assert not store.host.fs.exists("/var/lib/docker/volumes/hb_n")
    with pytest.raises(NotFound, match="get hb_n: no such volume"):
        store.get("hb_n")
    with pytest.raises(NotFound, match="get hb_n: no such volume"):
        store.remove("hb_n")
    store.remove("hb_n", force=True)


def test_removing_what_is_in_use(store: VolumeStore) -> None:
    """A volume that containers refer to stays, also by force (3.1)."""
    volume = store.create("hb_n")
    for container in ("one", "two", "one"):
        volume.acquire(container)
    for force in (False, True):
        with pytest.raises(Conflict) as caught:
            store.remove("hb_n", force)
        assert "remove hb_n: volume is in use - [one, two]" == str(caught.value)

    volume.release("one")
    volume.release("two")
    store.remove("hb_n")


def test_prune(store: VolumeStore) -> None:
    """A prune takes what nobody refers to: all of it, or what has no name (3.1)."""
    nameless = store.create()
    store.create("hb_unused").fs.write_text("/f", "12345")
    store.create("hb_used").acquire("c")

    assert (nameless.name,) == store.prune().names
    pruned = store.prune(all=True)
    assert {"VolumesDeleted": ["hb_unused"], "SpaceReclaimed": 5} == pruned.attrs()
    assert ((), 0) == attrs.astuple(store.prune(all=True))
    assert ["hb_used"] == [volume.name for volume in store]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"label": ["keep"]}, ("hb_k", "hb_v")),
        ({"label": ["keep=1"]}, ("hb_v",)),
        ({"label!": ["keep"]}, ("hb_n",)),
        ({"label!": ["keep=1"]}, ("hb_k", "hb_n")),
        ({"all": ["true"]}, ("hb_k", "hb_n", "hb_v")),
    ],
)
def test_prune_filters(
    store: VolumeStore, filters: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Labels choose what a prune takes."""
    store.create("hb_n")
    store.create("hb_k", labels={"keep": ""})
    store.create("hb_v", labels={"keep": "1"})
    everything = "all" not in filters

    assert expected == store.prune(everything, filters).names


def test_prune_leaves_devices(store: VolumeStore) -> None:
    """What lies on a device is neither counted nor removed."""
    store.host.fs.write_text("/data/ext/f", "data")
    store.create("hb_b", options=BIND)

    assert 0 == store.prune(all=True).size_bytes
    assert "data" == store.host.fs.read_text("/data/ext/f")


def test_records(store: VolumeStore) -> None:
    """What a state keeps of volumes brings them back, users included."""
    store.create("hb_b", options=BIND, labels={"a": "b"}).acquire("c")
    store.create().fs.write_text("/f", "x")
    other = VolumeStore(store.host)
    other.load(json.loads(json.dumps(store.records())))

    assert [x.attrs() for x in store] == [x.attrs() for x in other]
    assert ["c"] == other.get("hb_b").users
    assert other.records() == store.records()
    fresh = VolumeStore(Host("b"))
    fresh.load(store.records())
    assert fresh.host.fs.isdir(fresh.get("hb_b").mountpoint)


# --- what containers see -------------------------------------------------------------


def test_volume_is_a_directory_of_the_host(store: VolumeStore) -> None:
    """What a container writes the host sees, and the reverse; it outlives both (2)."""
    store.create("hb_n")
    table = mounted(store, "hb_n")
    table.write_text("/x/index.html", "one\n")
    path = "/var/lib/docker/volumes/hb_n/_data/index.html"
    with store.host.fs.open(path, "a") as file:
        file.write("two\n")

    assert "one\ntwo\n" == table.read_text("/x/index.html")
    table.unmount_all()
    store.get("hb_n").release("c")
    assert "one\ntwo\n" == mounted(store, "hb_n", "d").read_text("/x/index.html")


def test_one_volume_twice(store: VolumeStore) -> None:
    """A volume can be mounted twice in a container, once read-only (scenario)."""
    volume = store.create("hb_n")
    table = mounted(store, "hb_n")
    table.mkdir("/y")
    table.mount("/y", volume.fs, read_only=True, source=volume.source("ro"))
    table.write_text("/x/f", "1")

    assert "1" == table.read_text("/y/f")
    with failing(errno.EROFS):
        table.unlink("/y/f")
    shown = [mount.attrs() for mount in table.mounts()]
    assert [("z", True), ("ro", False)] == [(x["Mode"], x["RW"]) for x in shown]
    assert {"/var/lib/docker/volumes/hb_n/_data"} == {x["Source"] for x in shown}


def test_explain_names_the_volume(store: VolumeStore) -> None:
    """For a path in a volume one is told the volume, the host and the path there."""
    store.create("hb_n")
    answer = mounted(store, "hb_n").explain("/x/f")

    assert ("volume", "a", "/var/lib/docker/volumes/hb_n/_data/f", True) == (
        answer.by,
        answer.host,
        answer.host_path,
        answer.survives,
    )
    assert "volume hb_n at /x answers" in str(answer)


def test_user_reaches_a_volume(store: VolumeStore) -> None:
    """The directories above a volume keep no user of a container out."""
    store.create("hb_n").fs.chmod("/", 0o777)

    assert 1 == mounted(store, "hb_n").as_user(1000, 1000).write_text("/x/f", "x")


# --- driver options --------------------------------------------------------------------


def test_bind_option(store: VolumeStore) -> None:
    """``o=bind`` shows a directory of the host while containers run (7)."""
    volume = store.create("hb_b", options=BIND)
    fs = store.host.fs
    fs.write_text("/data/ext/f", "ext")
    assert [] == fs.listdir(volume.mountpoint)
    first, second = mounted(store, "hb_b", "one"), mounted(store, "hb_b", "two")
    first.write_text("/x/g", "2")

    assert ["f", "g"] == second.listdir("/x") == fs.listdir(volume.mountpoint)
    volume.release("one")
    assert ["f", "g"] == fs.listdir(volume.mountpoint)
    volume.unmount("two")
    assert [] == fs.listdir(volume.mountpoint)
    volume.release("two")
    store.remove("hb_b")
    assert ["f", "g"] == fs.listdir("/data/ext")


def test_bind_option_read_only(store: VolumeStore) -> None:
    """``o=bind,ro`` can be read only (7)."""
    store.create("hb_b", options={**BIND, "o": "bind,ro"})

    with failing(errno.EROFS):
        mounted(store, "hb_b").write_text("/x/f", "")


def test_tmpfs_option(store: VolumeStore) -> None:
    """A tmpfs volume is shared by those who use it at once, and empty afterwards (7)."""
    volume = store.create("hb_t", options=TMPFS)
    first, second = mounted(store, "hb_t", "one"), mounted(store, "hb_t", "two")
    first.write_text("/x/f", "1")

    assert "1" == second.read_text("/x/f")
    assert (0o41777, 1000) == (first.stat("/x").st_mode, first.stat("/x").st_uid)
    line = "tmpfs /x tmpfs rw,relatime,size=1024k,uid=1000 0 0\n"
    assert line == first.proc_mounts().splitlines(keepends=True)[1]
    for name in ("one", "two"):
        volume.release(name)
    assert [] == mounted(store, "hb_t").listdir("/x")


FAILED = "failed to mount local volume: mount "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {**BIND, "device": "/data/none"},
            "/data/none:DATA, flags: 0x1000: no such file or directory",
        ),
        (
            {**BIND, "device": "/data/none", "o": "bind,ro"},
            "/data/none:DATA, flags: 0x1001: no such file or directory",
        ),
        (
            {"type": "nfs", "o": "addr=10.9.9.9", "device": ":/nfs"},
            ":/nfs:DATA, data: addr=10.9.9.9: no route to host",
        ),
        ({"type": "zfs", "device": "pool"}, "pool:DATA: no such device"),
        ({"type": "", "device": "tmpfs"}, "tmpfs:DATA: no such device"),
        ({**TMPFS, "o": "bogus"}, "tmpfs:DATA, data: bogus: invalid argument"),
    ],
)
def test_device_that_cannot_be_mounted(
    store: VolumeStore, options: dict[str, str], message: str
) -> None:
    """The volume is made without a look at the device; the start fails (7)."""
    volume = store.create("hb_b", options=options)
    where = volume.mountpoint
    expected = FAILED + message.replace("DATA", where)
    with pytest.raises(System) as caught:
        volume.mount("c")
    assert f"error while mounting volume '{where}': {expected}" == str(caught.value)

    image = UnionFS([Layer.build({"x/f": ""})])
    with pytest.raises(System) as caught:
        store.seed(volume, image, "/x")
    assert expected == str(caught.value)
    assert not store.seed(volume, image, "/none")
    assert not store.host.fs.exists("/data/none")


def test_kernel_without_nfs(store: VolumeStore) -> None:
    """A kernel that knows no NFS says so, as the recorded one (scenario drv-nfs-fails)."""
    store.host.nfs = False
    options = {"type": "nfs", "o": "addr=127.0.0.1,rw", "device": ":/data/nfs"}
    volume = store.create("hb_nfs", options=options)

    with pytest.raises(System, match=r"data: addr=127.0.0.1: no such device"):
        volume.mount("c")


# --- seeding ---------------------------------------------------------------------------

DATA = Regular(
    "data\n", meta=Meta(mode=0o4751, uid=5, gid=6, mtime_ns=1543907837 * 10**9)
)


def image() -> UnionFS:
    """Make the image of the scenario vol-copyup-details, and a few more paths."""
    base = Layer.build(
        {
            "vol": Directory(meta=Meta(mode=0o711, uid=7, gid=8)),
            "vol/sub/f": DATA,
            "vol/hard": DATA,
            "vol/sym": Symlink("sub/f"),
            "vol/dangling": Symlink("/nowhere"),
            "vol/sticky": Directory(meta=Meta(mode=0o1770)),
            "vol/fifo": Fifo(Meta(mode=0o644)),
            "vol/empty/": {},
            "vol/deleted": "gone",
            "vol/xattr": Regular("", meta=Meta(mode=0o600, xattrs={"user.k": b"v"})),
            "bare": Directory(meta=Meta(mode=0o1777, uid=3, gid=4)),
            "file": "a file",
            "link": Symlink("/vol"),
            "nowhere": Symlink("/missing"),
            "a/f": "outer",
            "a/b/g": "inner",
        }
    )
    vol = Directory(meta=Meta(mode=0o711, uid=7, gid=8))
    return UnionFS([Layer.build({"vol": vol, "vol/deleted": WHITEOUT}), base])


def test_seeding_copies_everything(store: VolumeStore) -> None:
    """Contents, modes, owners, links, fifos, times and attributes come along (3.2)."""
    volume = store.create("hb_n")
    assert store.seed(volume, image(), "/vol")
    fs = volume.fs

    assert ["dangling", "empty", "fifo", "hard", "sticky", "sub", "sym", "xattr"] == (
        fs.listdir("/")
    )
    root = fs.stat("/")
    assert (0o40711, 7, 8) == (root.st_mode, root.st_uid, root.st_gid)
    file = fs.stat("/sub/f")
    assert (0o104751, 5, 6, 2) == (
        file.st_mode,
        file.st_uid,
        file.st_gid,
        file.st_nlink,
    )
    assert 1543907837 * 10**9 == file.st_mtime_ns
    assert fs.stat("/hard").st_ino == file.st_ino
    assert ("sub/f", "/nowhere") == (fs.readlink("/sym"), fs.readlink("/dangling"))
    assert (0o41770, 0o10644) == (fs.stat("/sticky").st_mode, fs.lstat("/fifo").st_mode)
    assert ("data\n", b"v") == (
        fs.read_text("/sym"),
        fs.getxattr("/xattr", "user.k"),
    )


@pytest.mark.parametrize(
    ("path", "seeded", "names", "mode"),
    [
        ("/bare", True, [], 0o41777),
        ("/none", False, [], 0o40755),
        ("/none/deeper", False, [], 0o40755),
        ("/file/x", False, [], 0o40755),
        ("/nowhere", False, [], 0o40755),
        ("/link/sub", True, ["f"], 0o40755),
        ("/a", True, ["b", "f"], 0o40755),
        ("/a/b", True, ["g"], 0o40755),
    ],
)
def test_seeding_by_path(
    store: VolumeStore, path: str, seeded: bool, names: list[str], mode: int
) -> None:
    """A missing path seeds nothing, an empty directory its mode, links are followed (3.2)."""
    volume = store.create("hb_n")

    assert seeded is store.seed(volume, image(), path)
    assert (names, mode) == (volume.fs.listdir("/"), volume.fs.stat("/").st_mode)


def test_only_empty_volumes_are_seeded(store: VolumeStore) -> None:
    """A volume that holds anything is left alone; an emptied one is seeded again (3.2)."""
    volume = store.create("hb_n")
    volume.fs.write_text("/mine", "")
    assert not store.seed(volume, image(), "/a")
    assert ["mine"] == volume.fs.listdir("/")
    volume.fs.unlink("/mine")

    assert store.seed(volume, image(), "/a/b")
    other = UnionFS([Layer.build({"a/b/other": ""})])
    assert not store.seed(volume, other, "/a/b")
    assert ["g"] == volume.fs.listdir("/")


def test_which_mounts_are_seeded() -> None:
    """Volumes are, unless their mode says ``nocopy``; binds never (3.2)."""
    texts = ("/x", "v1:/x", "v1:/x:ro", "v1:/x:nocopy", "v1:/x:rw,nocopy", "/a:/x")

    assert [True, True, True, False, False, False] == [
        parse_volume(text).seeds for text in texts
    ]


def test_seeding_leaves_attributes_that_nobody_can_read() -> None:
    """
    A fifo of an image may claim a ``user.*`` attribute; no fifo can have one.

    An engine of 20.10.24 imports such an image, and seeds the volume: the fifo keeps
    its ``security.*`` attribute alone.
    """
    fifo = Fifo(Meta(mode=0o640, xattrs={"user.x": b"1", "security.y": b"2"}))
    source = UnionFS([Layer.build({"srv/": {"pipe": fifo}})])
    target = UnionFS()

    copy_tree(source, "/srv", target)

    assert ["security.y"] == target.listxattr("/pipe")


def test_seeding_shares_nothing(store: VolumeStore) -> None:
    """What is written to the volume afterwards changes nothing in the image."""
    volume, source = store.create("hb_n"), image()
    store.seed(volume, source, "/a")
    volume.fs.write_text("/f", "changed")

    assert "outer" == source.read_text("/a/f")
    assert [] == source.changes()


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (True, f"source {MERGED}/file is not directory"),
        (
            False,
            f"cannot mount volume over existing file, file exists {MERGED}/file",
        ),
    ],
)
def test_volume_over_a_file(store: VolumeStore, named: bool, message: str) -> None:
    """A file in the image is no place for a volume (3.2)."""
    volume = store.create("hb_n" if named else None)
    with pytest.raises(System) as caught:
        store.seed(volume, image(), "/file", merged=MERGED)

    assert message == str(caught.value)
    assert [] == volume.fs.listdir("/")


def test_device_is_seeded_too(store: VolumeStore) -> None:
    """A volume on a device is mounted for seeding, which fills the device (7)."""
    volume = store.create("hb_b", options=BIND)
    assert store.seed(volume, image(), "/a/b")

    assert ["g"] == store.host.fs.listdir("/data/ext")
    assert [] == store.host.fs.listdir(volume.mountpoint)


def test_device_that_is_too_small(store: VolumeStore) -> None:
    """A device that cannot hold the image's files fails the seeding, with the reason."""
    volume = store.create("hb_t", options={**TMPFS, "o": "size=4k"})
    source = UnionFS([Layer.build({"x/f": "y" * 9000})])

    with pytest.raises(System, match="No space left on device"):
        store.seed(volume, source, "/x")
    assert [] == store.host.fs.listdir(volume.mountpoint)


@pytest.mark.slow
def test_deep_trees_are_copied() -> None:
    """A tree deeper than Python's stack is copied."""
    source, target = UnionFS(), UnionFS()
    path = ""
    for _ in range(1200):
        path += "/d"
        source.mkdir(path)
    copy_tree(source, "/d", target)

    assert target.isdir(path[:-2])


def test_errors_have_a_status(store: VolumeStore) -> None:
    """What is refused carries the status that Docker's API answers with."""
    store.create("hb_n").acquire("c")
    statuses = []
    for call in (
        lambda: store.create("a"),
        lambda: store.get("none"),
        lambda: store.remove("hb_n"),
    ):
        with pytest.raises(EngineError) as caught:
            call()
        statuses.append(caught.value.status)

    assert [400, 404, 409] == statuses


def test_a_prune_keeps_volumes_with_driver_options(engine: Engine) -> None:
    """What a device holds is not taken for garbage: 20.10 removes none of these."""
    engine.volumes.create("with", options={"type": "tmpfs", "device": "tmpfs"})
    engine.volumes.create("labelled", options={}, labels={"a": "b"})

    assert ("labelled",) == engine.volumes.prune(all=True).names
    assert "with" in engine.volumes
