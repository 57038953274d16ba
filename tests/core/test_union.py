"""The union as a whole: how it starts, forks, is frozen, and shows itself."""

from __future__ import annotations

import errno
import gc
import weakref
from threading import Thread

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Directory,
    Layer,
    Meta,
    Negative,
    Regular,
    Stack,
    Symlink,
    UnionFS,
    UnionFSError,
)
from unionfs_sim.core.forking import Fork, Snapshot
from unionfs_sim.core.layer import Spec
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.upper import UpperDirectory, UpperFile


def private(**marks: bytes) -> Meta:
    """Make attributes with private marks."""
    return Meta(mode=0o755, private=marks)


def outcome(fs: UnionFS, path: str) -> object:
    """Give a file's text, a directory's names, or the error of the lookup."""
    try:
        return fs.listdir(path) if fs.isdir(path) else fs.read_text(path)
    except UnionFSError as error:
        return errno.errorcode[error.errno or 0]


BELOW: Spec = {"p/d/f": "data", "g": "other", "e/x": ""}

STARTS: list[tuple[Spec, dict[str, str | bool], str, object]] = [
    # What an upper that was made elsewhere starts as: its layer, options, a path.
    ({"p": WHITEOUT}, {}, "/p", "ENOENT"),
    ({"e": OPAQUE}, {}, "/e", []),
    ({"e/y": ""}, {}, "/e", ["x", "y"]),
    ({"p/r": Directory(private(redirect=b"d"))}, {}, "/p/r", ["f"]),
    ({"p/r": Directory(private(redirect=b"/e"))}, {}, "/p/r", ["x"]),
    ({"p/r": Directory(private(redirect=b"/none"))}, {}, "/p/r", []),
    ({"p/r": Directory(private(redirect=b"/g/x"))}, {}, "/p/r", []),
    ({"p/r": Directory(private(redirect=b"a/b"))}, {}, "/p/r", "EINVAL"),
    (
        {"p/r": Directory(private(redirect=b"d"))},
        {"redirect_dir": "nofollow"},
        "/p/r",
        "EPERM",
    ),
    ({"p/r": Directory(private(redirect=b"d"), opaque=True)}, {}, "/p/r", []),
    ({"g": Regular("", private(metacopy=b""))}, {"metacopy": "on"}, "/g", "other"),
    ({"g": Regular("", private(metacopy=b""))}, {}, "/g", "EPERM"),
    ({"n": Regular("", private(metacopy=b""))}, {"metacopy": "on"}, "/n", "EIO"),
    (
        {"n": Regular("", private(metacopy=b"", redirect=b"/p/d/f"))},
        {"metacopy": "on"},
        "/n",
        "data",
    ),
    (
        {"n": Regular("", private(metacopy=b"", redirect=b"a/b"))},
        {"metacopy": "on"},
        "/n",
        "EIO",
    ),
    ({"g": Regular("", private(whiteout=b""))}, {}, "/g", "ENOENT"),
    ({"g": Regular("x", private(whiteout=b""))}, {}, "/g", "x"),
]


@pytest.mark.parametrize(("above", "options", "path", "expected"), STARTS)
def test_upper_starts_as_a_layer(
    above: Spec, options: dict[str, str | bool], path: str, expected: object
) -> None:
    """An upper that was written elsewhere shows what its marks say (1, 7, 8)."""
    fs = UnionFS(
        [Layer.build(BELOW)],
        upper=Layer.build(above),
        policy=Policy.from_options(options),
    )

    assert expected == outcome(fs, path)


@pytest.mark.parametrize("verb", ["unlink", "chmod", "rename", "os_open"])
def test_broken_names_fail(verb: str) -> None:
    """What cannot be looked up cannot be worked on either."""
    upper = Layer.build({"g": Regular("", private(metacopy=b""))})
    fs = UnionFS([Layer.build(BELOW)], upper=upper, policy=Policy.from_options({}))
    args = {"chmod": (0o600,), "rename": ("/n",), "os_open": (0,)}.get(verb, ())

    with pytest.raises(PermissionError):
        getattr(fs, verb)("/g", *args)
    assert Negative(errno.EPERM) == fs.lookup("/g")


def test_upper_layer_never_changes() -> None:
    """The layer that an upper starts as stays as it is."""
    layer = Layer.build({"f": "x", "d/g": "y"})
    fs = UnionFS(upper=layer)
    fs.rmtree("/d")
    fs.write_text("/f", "new")

    assert Layer.build({"f": "x", "d/g": "y"}) == layer


def test_upper_keeps_hard_links() -> None:
    """Names that are one inode in the layer are one in the upper."""
    node = Regular("x")
    fs = UnionFS(upper=Layer.build({"a": node, "b": node}))
    fs.write_text("/a", "y")

    assert ("y", 2) == (fs.read_text("/b"), fs.stat("/b").st_nlink)


def test_implied_root_shows_the_attributes_below() -> None:
    """A root that the upper's layer only implies looks like the one below it."""
    base = Layer.build({".": Directory(Meta(mode=0o700))})
    upper = Layer("u", Directory(implied=True, entries={"x": WHITEOUT}))

    assert 0o700 == UnionFS([base], upper=upper).stat("/").st_mode & 0o777


def test_implied_directory_of_an_upper_shows_the_attributes_below() -> None:
    """A directory that the upper's layer only implies looks like the one below it."""
    base = Layer.build({"d": Directory(Meta(mode=0o700))})
    entries = {"d": Directory(implied=True, entries={"x": Regular()})}
    upper = Layer("u", Directory(implied=True, entries=entries))

    assert 0o700 == UnionFS([base], upper=upper).stat("/d").st_mode & 0o777


def test_bare_directory_of_an_upper_is_nothing() -> None:
    """Whiteouts in a directory that is nowhere make none."""
    entries = {"d": Directory(implied=True, entries={"x": WHITEOUT})}
    upper = Layer("u", Directory(implied=True, entries=entries))

    assert [] == UnionFS([Layer.build({})], upper=upper).listdir("/")


def test_commit_keeps_what_a_layer_needs() -> None:
    """A frozen upper holds files, whiteouts, opaque directories and hard links."""
    fs = UnionFS([Layer.build({"a": "", "d/x": "", "e/y": ""})])
    fs.unlink("/a")
    fs.rmtree("/d")
    fs.mkdir("/d")
    fs.write_text("/d/f", "f")
    fs.link("/d/f", "/d/g")
    layer = fs.commit("patch")

    node = layer.get(("d", "f"))
    assert isinstance(node, Regular)
    assert ("patch", 2, {}) == (layer.label, node.nlink, dict(node.meta.private))
    assert node is layer.get(("d", "g"))
    assert WHITEOUT is layer.get(("a",))
    d = layer.get(("d",))
    assert isinstance(d, Directory)
    assert d.opaque


def test_commit_of_nothing_is_an_empty_layer() -> None:
    """A union that nobody changed freezes to a layer without entries."""
    assert 0 == len(UnionFS([Layer.build({"f": ""})]).commit())


def test_fork_shares_content_and_layers() -> None:
    """A fork copies entries, not bytes: nodes and views are the same objects."""
    fs = UnionFS([Layer.build({"f": "x"})])
    fs.write_bytes("/big", b"x" * 100_000)
    twin = fs.fork()

    one, other = fs.lookup("/big"), twin.lookup("/big")
    assert one is not other
    assert getattr(one, "node", 1) is getattr(other, "node", 2)
    assert fs.stack.view is twin.stack.view
    assert fs.lookup("/f") is twin.lookup("/f")


def test_fork_goes_its_own_way() -> None:
    """What is done to a fork, or to what it was forked from, does not show there."""
    fs = UnionFS([Layer.build({"d/f": "x"})])
    fs.write_text("/n", "1")
    fs.link("/n", "/m")
    twin = fs.fork()
    twin.write_text("/n", "2")
    fs.unlink("/d/f")

    assert ("1", "2", True) == (
        fs.read_text("/m"),
        twin.read_text("/m"),
        twin.exists("/d/f"),
    )
    assert fs.stat("/n").st_ino == twin.stat("/n").st_ino


def test_copies_of_forks_forget_nothing() -> None:
    """Whatever an inode has, its copy in a fork has: all fields but the status."""
    fs = UnionFS()
    fs.write_text("/f", "x")
    file, root = fs.space.root.entries["f"], fs.space.root
    assert isinstance(file, UpperFile)
    for number, name in enumerate(UpperFile.__slots__):
        setattr(file, name, number + 5)
    for number, name in enumerate(UpperDirectory.__slots__):
        if name not in {"entries", "parent", "name"}:
            setattr(root, name, number + 50)
    twin = Fork(Snapshot()).directory(root, None, "")
    copy = twin.entries["f"]

    assert [getattr(root, x) for x in UpperDirectory.__slots__ if x not in _OWN] == [
        getattr(twin, x) for x in UpperDirectory.__slots__ if x not in _OWN
    ]
    assert [getattr(file, x) for x in UpperFile.__slots__ if x not in _OWN] == [
        getattr(copy, x) for x in UpperFile.__slots__ if x not in _OWN
    ]


#: What a copy has of its own.
_OWN = {"entries", "parent", "status"}


def test_fork_is_let_go_of() -> None:
    """Nothing is kept for a fork that is gone, or has seen everything."""
    fs = UnionFS()
    fs.makedirs("/a/b")
    twin = fs.fork()
    kept = fs.space.snapshot()
    assert kept is not None
    fs.write_text("/a/f", "")
    assert len(kept.kept) > 0
    assert fs.fork().space.snapshot() is None
    kept = None

    assert [("/", ["a"], []), ("/a", ["b"], []), ("/a/b", [], [])] == [*twin.walk("/")]
    gc.collect()
    assert fs.space.snapshot() is None


def test_forks_of_one_moment_share_a_snapshot() -> None:
    """A thousand forks of what does not change keep one thing between them."""
    fs = UnionFS()
    fs.write_text("/f", "")
    forks = [fs.fork() for _ in range(10)]
    one = fs.space.snapshot()
    fs.write_text("/g", "")
    forks.append(fs.fork())

    assert one is not fs.space.snapshot()
    assert one is not None
    assert one.newer is fs.space.snapshot()
    assert [["f"]] * 10 + [["f", "g"]] == [fork.listdir("/") for fork in forks]


def test_forks_go_their_own_way_in_threads() -> None:
    """A fork in another thread stays as it was while what it came from changes."""
    fs = UnionFS()
    for number in range(300):
        fs.makedirs(f"/d{number}")
        fs.write_text(f"/d{number}/f", "old")
    seen: list[set[str]] = []

    def look(fork: UnionFS) -> None:
        seen.append({fork.read_text(f"/d{n}/f") for n in range(300)})

    threads = [Thread(target=look, args=(fs.fork(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(300):
        fs.write_text(f"/d{number}/f", "new")
        fs.rename(f"/d{number}", f"/e{number}")
    for thread in threads:
        thread.join()

    assert [{"old"}] * 4 == seen


def test_same_program_gives_the_same_answers() -> None:
    """Two runs of one program agree in times and numbers."""

    def run() -> list[object]:
        fs = UnionFS([Layer.build({"f": "x"})])
        fs.write_text("/g", "y")
        fs.rename("/f", "/h")
        return [tuple(fs.stat(path)) for path in ("/", "/g", "/h")]

    assert run() == run()


def test_as_user() -> None:
    """Another user sees the same union with other eyes; new files are theirs."""
    fs = UnionFS()
    fs.mkdir("/open")
    fs.chmod("/open", 0o777)
    fs.mkdir("/shut", 0o700)
    other = fs.as_user(5, 6, groups=[7], umask=0o077)
    other.write_text("/open/f", "x")

    got = fs.stat("/open/f")
    assert (5, 6, 0o600) == (got.st_uid, got.st_gid, got.st_mode & 0o777)
    for verb in ("listdir", "scandir"):
        with pytest.raises(PermissionError):
            getattr(other, verb)("/shut")
    assert (True, False, False) == (
        other.access("/shut", 0),
        other.access("/shut", 4),
        other.access("/shut/x", 0),
    )


def test_union_goes_with_its_last_reference() -> None:
    """Nothing keeps a union alive that nobody holds."""
    fs = UnionFS([Layer.build({"d/f": "x"})])
    fs.write_text("/d/g", "y")
    root = weakref.ref(fs.stack.view)
    fs.fork().listdir("/")
    del fs
    gc.collect()

    assert root() is None


def test_stack_is_taken_as_it_is() -> None:
    """A stack can be given instead of layers."""
    stack = Stack([Layer.build({"f": ""}, label="base")])
    fs = UnionFS(stack)

    assert (stack, "<UnionFS ['base']>") == (fs.stack, repr(fs))


def test_notebooks_show_the_upper() -> None:
    """A union shows what is in its upper."""
    fs = UnionFS([Layer.build({"f": ""})])
    fs.unlink("/f")

    assert "f (whiteout)" in fs._repr_html_()


def test_reprs_of_upper_inodes() -> None:
    """What is in the upper shows its path and names, or its node."""
    fs = UnionFS()
    fs.write_text("/f", "x")
    root = fs.space.root

    assert "<upper directory /: ['f']>" == repr(root)
    assert repr(root.entries["f"]).startswith("<upper Regular(")
    assert isinstance(root, UpperDirectory)
    assert (False, False) == (root.implied, root.bare)


def test_links_of_a_layer_are_read() -> None:
    """The text of a link is given, from a layer and from the upper."""
    fs = UnionFS([Layer.build({"l": Symlink("x")})])
    fs.lchown("/l", 1, 1)

    assert "x" == fs.readlink("/l")
