"""Copy-up: what comes up, what it carries, and what it costs."""

from __future__ import annotations

import tracemalloc

import attrs
import pytest

from unionfs_sim import (
    Device,
    Directory,
    Fifo,
    Layer,
    Meta,
    Negative,
    Plan,
    Regular,
    Socket,
    Symlink,
    UnionFS,
    hole,
)
from unionfs_sim.core.content import Content, Extent
from unionfs_sim.core.layer import Spec
from unionfs_sim.core.nodes import Leaf
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.steps import AddToIndex, CopyUp
from unionfs_sim.core.upper import UpperDirectory, UpperFile

META = Meta(
    mode=0o6750,
    uid=5,
    gid=6,
    atime_ns=1,
    mtime_ns=2,
    ctime_ns=3,
    xattrs={"user.k": b"v", "trusted.q": b"w"},
    private={"impure": b"y"},
)


class Tape:
    """A source that counts the bytes that are read of it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.read_bytes = 0

    def read_at(self, offset: int, size: int) -> bytes:
        assert offset + size <= self.size
        self.read_bytes += size
        return b"x" * size


def upper_file(fs: UnionFS, path: str) -> UpperFile:
    """Give a file of the upper."""
    found = fs.lookup(path)
    assert isinstance(found, UpperFile)
    return found


@pytest.mark.parametrize(
    "node",
    [
        Regular("data", META),
        Symlink("target", META),
        Device(1, 3, meta=META),
        Device(8, 0, block=True, meta=META),
        Fifo(META),
        Socket(META),
    ],
)
def test_what_a_copy_carries(node: Leaf) -> None:
    """Kind, content, mode, owner, times and xattrs come up; private marks do not."""
    fs = UnionFS([Layer.build({"d/f": node})], clock=lambda: 77)
    fs.chown("/d/f", 9, -1, follow_symlinks=False)

    made = upper_file(fs, "/d/f")
    mode = 0o750  # a chown drops the set-id bits (section 10)
    wanted = attrs.evolve(META, uid=9, mode=mode, ctime_ns=77, private={})
    assert wanted == attrs.evolve(made.meta, private={})
    assert {"origin"} == made.meta.private.keys()
    assert node == attrs.evolve(made.node, meta=META)


def test_parents_come_up_as_they_are() -> None:
    """Directories come up with their attributes, times included (4.3, S8, S42)."""
    base: Spec = {
        "a": Directory(META),
        "a/b": Directory(attrs.evolve(META, mode=0o711)),
        "a/b/f": "x",
    }
    fs = UnionFS([Layer.build(base)])
    fs.chmod("/a/b/f", 0o600)

    for path, mode in (("/a", 0o6750), ("/a/b", 0o711)):
        found = fs.lookup(path)
        assert isinstance(found, UpperDirectory)
        assert {"origin", "impure"} == found.meta.private.keys()
        wanted = attrs.evolve(META, mode=mode, private={})
        assert wanted == attrs.evolve(found.meta, private={})


def test_inode_number_survives() -> None:
    """A file keeps its number over copy-up and rename (S43)."""
    fs = UnionFS([Layer.build({"f": "x", "d/x": ""})])
    before = fs.stat("/f").st_ino, fs.stat("/d").st_ino
    fs.write_text("/f", "y")
    fs.chmod("/d", 0o700)
    fs.rename("/f", "/g")

    assert before == (fs.stat("/g").st_ino, fs.stat("/d").st_ino)
    fs.write_text("/f", "new")
    assert fs.stat("/f").st_ino not in before


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("chmod", (0o600,)),
        ("setxattr", ("user.n", b"")),
        ("truncate", (1 << 30,)),
        ("utime", ()),
    ],
)
def test_data_is_not_read(verb: str, args: tuple[object, ...]) -> None:
    """A copy-up refers to the lower data and reads none of it."""
    tape = Tape(1 << 30)
    base = Layer.build({"f": Regular(Extent(tape, 0, tape.size))})
    fs = UnionFS([base])
    getattr(fs, verb)("/f", *args)
    with fs.open("/f", "r+b", 0) as file:
        file.write(b"y")

    assert 0 == tape.read_bytes
    assert 1 << 30 == fs.stat("/f").st_size


def test_large_sparse_files_come_up_cheaply() -> None:
    """A copy-up of a large hole allocates less than 1 MiB."""
    fs = UnionFS([Layer.build({"f": Regular(hole(256 << 20).splice(100, b"x"))})])
    tracemalloc.start()
    try:
        with fs.open("/f", "r+b", 0) as file:
            file.seek(200 << 20)
            file.write(b"y")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1 << 20


def test_holes_are_skipped_in_large_steps() -> None:
    """4 KiB of data in a hole of 10 MiB become 1 MiB (4.2)."""
    made: Content = hole(10 << 20).splice(4 << 20, b"x" * 4096)
    fs = UnionFS([Layer.build({"f": Regular(made)})])
    before = fs.stat("/f").st_blocks * 512
    fs.chmod("/f", 0o600)

    assert (4096, 1 << 20) == (before, fs.stat("/f").st_blocks * 512)


def linked(index: str) -> tuple[UnionFS, list[Plan]]:
    """Make a union over two hard links and a third name elsewhere."""
    node = Regular("x", META)
    plans: list[Plan] = []
    fs = UnionFS(
        [Layer.build({"a": node, "b": node, "d/c": node})],
        policy=Policy.from_options({"index": index}),
        observer=plans.append,
    )
    return fs, plans


def test_hard_links_break_without_an_index() -> None:
    """One name comes up alone; the others keep the old file and its count (S28)."""
    fs, _ = linked("off")
    old = fs.stat("/b")
    fs.write_text("/a", "new")

    assert ("x", "x") == (fs.read_text("/b"), fs.read_text("/d/c"))
    assert (1, 3) == (fs.stat("/a").st_nlink, fs.stat("/b").st_nlink)
    assert old.st_ino == fs.stat("/b").st_ino != fs.stat("/a").st_ino
    assert "origin" not in upper_file(fs, "/a").meta.private
    assert "impure" in fs.space.root.meta.private


def test_hard_links_hold_with_an_index() -> None:
    """With index=on all names show the one inode that came up (4.4)."""
    fs, plans = linked("on")
    number = fs.stat("/b").st_ino
    fs.write_text("/a", "new")

    assert ["new"] * 3 == [fs.read_text(path) for path in ("/a", "/b", "/d/c")]
    assert {(3, number)} == {
        (fs.stat(path).st_nlink, fs.stat(path).st_ino) for path in ("/a", "/b", "/d/c")
    }
    assert [1] == [
        sum(isinstance(step, AddToIndex) for step in plan.steps) for plan in plans[:1]
    ]
    assert b"U+1" == upper_file(fs, "/a").meta.private["nlink"]


@pytest.mark.parametrize("touched", [True, False])
def test_removing_names_counts_down_with_an_index(touched: bool) -> None:
    """Each name that goes counts, whether or not the inode was in the upper (S29)."""
    fs, _ = linked("on")
    if touched:
        fs.chmod("/a", 0o600)
    counts = []
    for path in ("/b", "/a"):
        fs.unlink(path)
        counts.append(fs.stat("/d/c").st_nlink)

    assert [2, 1] == counts
    assert "x" == fs.read_text("/d/c")


def test_alias_comes_up_as_the_same_inode() -> None:
    """A second lower name of an indexed inode is linked to it when it is changed."""
    fs, plans = linked("on")
    fs.chmod("/a", 0o600)
    fs.chmod("/d/c", 0o640)

    assert upper_file(fs, "/a") is upper_file(fs, "/d/c")
    assert 3 == fs.stat("/b").st_nlink
    assert 0o640 == fs.stat("/a").st_mode & 0o777
    assert 2 == sum(isinstance(step, CopyUp) for step in plans[1].steps)


def test_link_to_a_lower_file_counts_in_the_upper() -> None:
    """A lower file is copied up to be linked, and both names show two links (4.4)."""
    fs = UnionFS([Layer.build({"f": "x"})])
    fs.link("/f", "/g")

    assert (2, 2) == (fs.stat("/f").st_nlink, fs.stat("/g").st_nlink)


def test_fork_keeps_the_index() -> None:
    """A fork of a union with an index goes on alone."""
    fs, _ = linked("on")
    fs.unlink("/a")
    twin = fs.fork()
    twin.write_text("/b", "twin")

    assert ("x", "twin") == (fs.read_text("/d/c"), twin.read_text("/d/c"))
    assert (2, 2) == (fs.stat("/b").st_nlink, twin.stat("/b").st_nlink)


def test_looking_marks_a_merged_directory() -> None:
    """A directory of the upper over a lower one gets its origin when seen (S20)."""
    fs = UnionFS([Layer.build({"d": {}})], upper=Layer.build({"d": {}}))
    root = fs.space.root
    assert {} == dict(root.meta.private)
    fs.stat("/d")

    found = fs.lookup("/d")
    assert not isinstance(found, Negative)
    assert [{"origin"}, {"impure"}] == [
        set(found.meta.private),
        set(root.meta.private),
    ]


def test_listing_drops_a_mark_that_is_not_needed() -> None:
    """A plain directory that holds nothing copied up loses the mark (S21)."""
    fs = UnionFS([Layer.build({"f": "x"})], upper=Layer.build({"p": {}}))
    fs.rename("/f", "/p/f")
    fs.unlink("/p/f")
    found = fs.lookup("/p")
    assert not isinstance(found, Negative)
    before = set(found.meta.private)
    fs.listdir("/p")

    assert ({"impure"}, {}) == (before, dict(found.meta.private))
