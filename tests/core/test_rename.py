"""Renames by the tables of overlayfs.md: 6.1, 6.2, section 7, appendix B."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Directory,
    Layer,
    Meta,
    Regular,
    Symlink,
    UnionFS,
    UnionFSError,
)
from unionfs_sim.core.layer import Spec, SpecValue
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.rename import (
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
    RENAME_WHITEOUT,
    flags_error,
)
from unionfs_sim.core.upper import UpperDirectory, UpperFile

#: What the upper has under a name, and what lies below.
KINDS: dict[str, tuple[SpecValue | None, SpecValue | None]] = {
    "nothing": (None, None),
    "upper file": ("u", None),
    "lower file": (None, "l"),
    "upper over lower file": ("u", "l"),
    "lower symlink": (None, Symlink("x")),
    "whiteouted file": (WHITEOUT, "l"),
    "whiteouted dir": (WHITEOUT, {"x": ""}),
    "empty upper dir": ({}, None),
    "full upper dir": ({"x": ""}, None),
    "empty lower dir": (None, {}),
    "full lower dir": (None, {"x": ""}),
    "full merged dir": ({}, {"x": ""}),
    "merged dir of whiteouts": ({"x": WHITEOUT}, {"x": ""}),
    "opaque dir over lower dir": (OPAQUE, {"x": ""}),
}
GONE = {"nothing", "whiteouted file", "whiteouted dir"}
PLAIN = {"upper file", "lower file"}
EMPTY_DIRS = {
    "empty upper dir",
    "empty lower dir",
    "merged dir of whiteouts",
    "opaque dir over lower dir",
}
FULL_DIRS = {"full upper dir", "full lower dir"}
PURE = {"empty upper dir", "full upper dir", "opaque dir over lower dir"}
BELOW = {"empty lower dir", "full lower dir", "merged dir of whiteouts"}
UP = "unchanged"

#: Appendix B: source, targets, result, and what the upper holds for both.
DEFAULTS: list[tuple[str, set[str], str, str, str]] = [
    ("upper file", GONE | PLAIN, "ok", "none", "file"),
    ("lower file", GONE | PLAIN, "ok", "whiteout", "file[origin]"),
    ("upper over lower file", GONE | PLAIN, "ok", "whiteout", "file"),
    ("lower symlink", GONE | PLAIN, "ok", "whiteout", "symlink[origin]"),
    *(
        (source, EMPTY_DIRS | FULL_DIRS, "EISDIR", UP, UP)
        for source in (
            "upper file",
            "lower file",
            "upper over lower file",
            "lower symlink",
        )
    ),
    *(
        row
        for source in ("empty upper dir", "full upper dir")
        for row in (
            (source, GONE | EMPTY_DIRS, "ok", "none", "dir[opaque]"),
            (source, PLAIN, "ENOTDIR", UP, UP),
            (source, {"full upper dir"}, "ENOTEMPTY", "dir[opaque]", "dir"),
            (source, {"full lower dir"}, "ENOTEMPTY", UP, UP),
        )
    ),
    *(
        row
        for source in ("full lower dir", "full merged dir", "merged dir of whiteouts")
        for row in (
            (source, GONE | EMPTY_DIRS | FULL_DIRS, "EXDEV", UP, UP),
            (source, PLAIN, "ENOTDIR", UP, UP),
        )
    ),
    ("opaque dir over lower dir", GONE | EMPTY_DIRS, "ok", "whiteout", "dir[opaque]"),
    ("opaque dir over lower dir", PLAIN, "ENOTDIR", UP, UP),
    ("opaque dir over lower dir", FULL_DIRS, "ENOTEMPTY", UP, UP),
]
MOVED = "dir[origin,redirect=s]"
REDIRECT: list[tuple[str, set[str], str, str, str]] = [
    row
    for source in ("full lower dir", "full merged dir", "merged dir of whiteouts")
    for row in (
        (source, GONE | EMPTY_DIRS, "ok", "whiteout", MOVED),
        (source, PLAIN, "ENOTDIR", UP, UP),
        (source, {"full upper dir"}, "ENOTEMPTY", MOVED, "dir"),
        (source, {"full lower dir"}, "ENOTEMPTY", UP, UP),
    )
]
EXCHANGE: list[tuple[str, set[str], str, str, str]] = [
    row
    for source, there in (
        ("upper file", "file"),
        ("lower file", "file[origin]"),
        ("full upper dir", "dir[opaque]"),
        ("opaque dir over lower dir", "dir[opaque]"),
    )
    for row in (
        (source, {"upper file"}, "ok", "file", there),
        (source, {"lower file"}, "ok", "file[origin]", there),
        (source, {"whiteouted file", "whiteouted dir"}, "ENOENT", UP, UP),
        (source, PURE, "ok", "dir[opaque]", there),
        (source, BELOW, "EXDEV", UP, UP),
    )
]


def table(
    rows: list[tuple[str, set[str], str, str, str]],
) -> list[Any]:
    """Make a test of each pair."""
    return [
        pytest.param(source, target, result, at_s, at_t, id=f"{source}, {target}")
        for source, targets, result, at_s, at_t in rows
        for target in sorted(targets)
    ]


def union(source: str, target: str, home: str, policy: Policy) -> UnionFS:
    """Make a union with a source ``s`` and a target ``t`` in a directory."""
    upper: dict[str, SpecValue] = {}
    lower: dict[str, SpecValue] = {f"{home}still": ""}
    for name, kind in (("s", source), ("t", target)):
        above, below = KINDS[kind]
        if above is not None:
            upper[home + name] = above
        if below is not None:
            lower[home + name] = below
    return UnionFS([Layer.build(lower)], upper=Layer.build(upper), policy=policy)


def on_disk(fs: UnionFS, path: str, *, origin: bool = True) -> str:
    """Give what the upper has at a path, with its marks."""
    entry: object = fs.space.root
    for name in path.split("/"):
        entry = entry.entries.get(name) if isinstance(entry, UpperDirectory) else None
    if entry is WHITEOUT:
        return "whiteout"
    if not isinstance(entry, (UpperDirectory, UpperFile)):
        return "none"
    marks = []
    if isinstance(entry, UpperDirectory) and entry.opaque:
        marks.append("opaque")
    for key, value in sorted(entry.meta.private.items()):
        if key == "redirect":
            marks.append(f"redirect={value.decode()}")
        elif key == "metacopy" or (key == "origin" and origin):
            marks.append(key)
    kind = entry.kind.value
    return f"{kind}[{','.join(marks)}]" if marks else kind


def outcome(fs: UnionFS, source: str, target: str, flags: int = 0) -> str:
    """Give ``ok``, or the name of the error."""
    try:
        fs.renameat2(source, target, flags)
    except UnionFSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


def check_pair(
    fs: UnionFS, home: str, flags: int, result: str, at_s: str, at_t: str
) -> None:
    """Rename, and compare the result and what the upper holds."""
    plain = [on_disk(fs, home + name, origin=False) for name in "st"]

    assert result == outcome(fs, f"/{home}s", f"/{home}t", flags)
    for name, expected, before in zip("st", (at_s, at_t), plain, strict=True):
        if expected == UP:
            # A merged directory gets its origin by the lookup alone.
            assert before == on_disk(fs, home + name, origin=False)
        else:
            assert expected == on_disk(fs, home + name)


@pytest.mark.parametrize(
    ("source", "target", "result", "at_s", "at_t"), table(DEFAULTS)
)
def test_pairs(source: str, target: str, result: str, at_s: str, at_t: str) -> None:
    """Appendix B with the defaults."""
    fs = union(source, target, "", Policy.from_options({}))
    check_pair(fs, "", 0, result, at_s, at_t)


@pytest.mark.parametrize(
    ("source", "target", "result", "at_s", "at_t"), table(REDIRECT)
)
def test_pairs_with_redirects(
    source: str, target: str, result: str, at_s: str, at_t: str
) -> None:
    """Appendix B with redirect_dir=on."""
    fs = union(source, target, "p/", Policy.from_options({"redirect_dir": "on"}))
    check_pair(fs, "p/", 0, result, at_s, at_t)


@pytest.mark.parametrize(
    ("source", "target", "result", "at_s", "at_t"), table(EXCHANGE)
)
def test_pairs_that_are_exchanged(
    source: str, target: str, result: str, at_s: str, at_t: str
) -> None:
    """Appendix B with EXCHANGE."""
    fs = union(source, target, "", Policy.from_options({}))
    check_pair(fs, "", RENAME_EXCHANGE, result, at_s, at_t)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0, 0),
        (RENAME_NOREPLACE, 0),
        (RENAME_EXCHANGE, 0),
        (RENAME_WHITEOUT, 0),
        (RENAME_NOREPLACE | RENAME_WHITEOUT, 0),
        (RENAME_NOREPLACE | RENAME_EXCHANGE, errno.EINVAL),
        (RENAME_WHITEOUT | RENAME_EXCHANGE, errno.EINVAL),
        (8, errno.EINVAL),
        (-1, errno.EINVAL),
    ],
)
def test_flags(flags: int, expected: int) -> None:
    """Flags that do not go together are refused before any path (6.1, 1)."""
    assert expected == flags_error(flags)


N, E, W = RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT

ORDER = [
    # 6.1, by its numbers: source, target, flags, the first error in order.
    ("/none", "/none", N | E, "EINVAL"),  # 1
    ("/none", "/t", W, "ENOENT"),
    ("/f", "/n", W, "EINVAL"),
    ("/none/x", "/t", 0, "ENOENT"),  # 2
    ("/f/x", "/t", 0, "ENOTDIR"),
    ("/d/.", "/n", 0, "EBUSY"),
    ("/none", "/d/.", 0, "EBUSY"),
    ("/f", "/d/..", N, "EEXIST"),
    ("/", "/n", 0, "EBUSY"),
    ("/f", "/", 0, "EBUSY"),
    ("/none", "/f", N, "ENOENT"),  # 3
    ("/f", "/f", N, "EEXIST"),
    ("/f", "/d", N, "EEXIST"),
    ("/f", "/none", E, "ENOENT"),
    ("/f/", "/n", 0, "ENOTDIR"),  # 4
    ("/f", "/n/", 0, "ENOTDIR"),
    ("/f", "/g/", 0, "ENOTDIR"),
    ("/d", "/g/", E, "ENOTDIR"),
    ("/mine/", "/n/", 0, "ok"),
    ("/d", "/d/x", 0, "EINVAL"),  # 5
    ("/d/s", "/d", 0, "ENOTEMPTY"),
    ("/d/s", "/d", E, "EINVAL"),
    ("/d", "/d/s", E, "EINVAL"),
    ("/d", "/d", 0, "ok"),  # 6
    ("/twin", "/own", 0, "ok"),
    ("/twin", "/own", N, "EEXIST"),
    ("/d", "/f", 0, "ENOTDIR"),  # 8, before EXDEV (S11)
    ("/f", "/d", 0, "EISDIR"),
    ("/d", "/full", W, "EINVAL"),  # 9
    ("/d", "/full", 0, "EXDEV"),  # 10, before ENOTEMPTY (S10, S11)
    ("/mine", "/full", 0, "ENOTEMPTY"),  # 11
]


@pytest.mark.parametrize(("source", "target", "flags", "result"), ORDER)
def test_order_of_checks(source: str, target: str, flags: int, result: str) -> None:
    """Where several errors apply, the kernel's first one is given (6.1)."""
    base = Layer.build({"f": "x", "g": "y", "d/s/x": "", "full/x": ""})
    fs = UnionFS([base])
    fs.mkdir("/mine")
    fs.write_text("/own", "")
    fs.link("/own", "/twin")

    assert result == outcome(fs, source, target, flags)


def test_links_to_one_upper_inode_stay_both() -> None:
    """Renaming one name of an inode to another does nothing at all (6.1, 6)."""
    fs = UnionFS()
    fs.write_text("/a", "x")
    fs.link("/a", "/b")
    fs.rename("/a", "/b")

    assert ["a", "b"] == fs.listdir("/")


@pytest.mark.parametrize(
    ("options", "left"), [({}, ["b"]), ({"index": "on"}, ["a", "b"])]
)
def test_lower_links_are_one_inode_with_an_index(
    options: dict[str, str | bool], left: list[str]
) -> None:
    """With index=off two lower names of one file are two inodes (S30)."""
    node = Regular("x")
    base = Layer.build({"a": node, "b": node})
    fs = UnionFS([base], policy=Policy.from_options(options))
    fs.rename("/a", "/b")

    assert left == fs.listdir("/")


USER = [
    # What a directory is, who calls, the result (6.1, 7).
    (0o755, 1000, "EACCES"),
    (0o777, 1000, "ok"),
    (0o1777, 1000, "EPERM"),
    (0o1777, 7, "ok"),
    (0o1777, 8, "ok"),
]


@pytest.mark.parametrize(("mode", "uid", "result"), USER)
def test_permissions(mode: int, uid: int, result: str) -> None:
    """Directories must be writable, and what is in a sticky one be one's own."""
    base = Layer.build(
        {
            "s": Directory(Meta(mode=mode, uid=8)),
            "s/f": Regular("x", Meta(mode=0o644, uid=7)),
            "t": Directory(Meta(mode=0o777)),
        }
    )
    fs = UnionFS([base]).as_user(uid, uid)

    assert result == outcome(fs, "/s/f", "/t/f")


@pytest.mark.parametrize(
    ("mode", "target", "result"),
    [(0o555, "/t/n", "EACCES"), (0o755, "/t/n", "ok"), (0o555, "/s/n", "ok")],
)
def test_moved_directory_must_be_writable(mode: int, target: str, result: str) -> None:
    """A directory that gets another parent is written to, for its ``..``."""
    fs = UnionFS()
    fs.mkdir("/s")
    fs.mkdir("/t")
    fs.mkdir("/s/d", 0o755)
    for path in ("/s", "/t"):
        fs.chmod(path, 0o777)
    fs.chmod("/s/d", mode)
    fs.chown("/s/d", 5, 5)

    assert result == outcome(fs.as_user(5, 5), "/s/d", target)


Moves = list[tuple[str, str]]

REDIRECTS: list[tuple[Spec, Moves, str, str]] = [
    # Section 7, S16, S17, S18: layers, renames, a path, its redirect.
    ({"p/d": {}}, [("p/d", "p/e")], "p/e", "d"),
    ({"p/d": {}, "q": {}}, [("p/d", "q/g")], "q/g", "/p/d"),
    ({"p/d": {}, "q": {}}, [("p/d", "p/e"), ("p/e", "q/g")], "q/g", "/p/d"),
    (
        {"p/d": {}, "q": {}},
        [("p/d", "q/g"), ("q/g", "q/h"), ("q/h", "i")],
        "i",
        "/p/d",
    ),
    ({"p/d": {}}, [("p/d", "p/e"), ("p/e", "p/d")], "p/d", "d"),
    ({"a/b": {}}, [("a", "x"), ("x/b", "y")], "y", "/a/b"),
    ({"a/b/c": {}}, [("a/b", "x"), ("x/c", "y")], "y", "/a/b/c"),
    ({"a/b/c": {}}, [("a", "x"), ("x/b", "x/d"), ("x/d/c", "y")], "y", "/a/b/c"),
    ({"d": {}}, [("d", "e")], "e", "d"),
]


@pytest.mark.parametrize(("below", "moves", "path", "redirect"), REDIRECTS)
def test_redirects(below: Spec, moves: Moves, path: str, redirect: str) -> None:
    """A moved lower directory remembers where its lower part is (section 7)."""
    fs = UnionFS(
        [Layer.build(below)], policy=Policy.from_options({"redirect_dir": "on"})
    )
    for source, target in moves:
        fs.rename(f"/{source}", f"/{target}")

    assert f"dir[origin,redirect={redirect}]" == on_disk(fs, path)


@pytest.mark.parametrize(
    ("names", "result"), [(["x" * 251], "ok"), (["x" * 255], "EXDEV")]
)
def test_long_redirects_are_not_set(names: list[str], result: str) -> None:
    """An absolute redirect of more than 256 bytes is EXDEV; relative ones are free."""
    path = "d/" + "/".join(names)
    fs = UnionFS(
        [Layer.build({path: {}, "q": {}})],
        policy=Policy.from_options({"redirect_dir": "on"}),
    )

    assert result == outcome(fs, f"/{path}", "/q/n")
    if result == "EXDEV":
        assert "ok" == outcome(fs, f"/{path}", "/d/n")


def test_moved_directory_shows_what_it_showed() -> None:
    """A renamed lower directory keeps its content, also when frozen and restacked."""
    base = Layer.build({"p/d/f": "x", "q": {}})
    fs = UnionFS([base], policy=Policy.from_options({"redirect_dir": "on"}))
    fs.rename("/p/d", "/q/g")
    fs.write_text("/q/g/new", "y")

    assert ["f", "new"] == fs.listdir("/q/g")
    again = UnionFS([fs.commit(), base], policy=Policy.from_options({}))
    assert ["f", "new"] == again.listdir("/q/g")
    assert [] == again.listdir("/p")


@pytest.mark.parametrize(
    "options", [{}, {"redirect_dir": "follow"}, {"userxattr": True}]
)
def test_lower_directories_stay_by_default(options: dict[str, str | bool]) -> None:
    """Without redirect_dir=on a lower directory is EXDEV, and nothing changes (S10)."""
    fs = UnionFS([Layer.build({"d/x": ""})], policy=Policy.from_options(options))

    assert "EXDEV" == outcome(fs, "/d", "/e")
    assert [] == fs.changes()


METACOPY = [
    # Section 8: the call, the path, its marks.
    ("rename", ("/p/f", "/p/g"), "p/g", "file[metacopy,origin,redirect=f]"),
    ("rename", ("/p/f", "/g"), "g", "file[metacopy,origin,redirect=/p/f]"),
    ("link", ("/p/f", "/p/g"), "p/f", "file[metacopy,origin,redirect=/p/f]"),
    ("chmod", ("/p/f", 0o600), "p/f", "file[metacopy,origin]"),
    ("chown", ("/p/f", 1, 1), "p/f", "file[metacopy,origin]"),
    ("setxattr", ("/p/f", "user.k", b""), "p/f", "file[metacopy,origin]"),
    ("truncate", ("/p/f", 3), "p/f", "file[origin]"),
    ("write_text", ("/p/f", "x"), "p/f", "file[origin]"),
    ("chmod", ("/p", 0o700), "p", "dir[origin]"),
]


@pytest.mark.parametrize(("verb", "args", "path", "expected"), METACOPY)
def test_metadata_only_copies(
    verb: str, args: tuple[object, ...], path: str, expected: str
) -> None:
    """With metacopy=on a change of attributes leaves the data below (section 8)."""
    fs = UnionFS(
        [Layer.build({"p/f": "data"})], policy=Policy.from_options({"metacopy": "on"})
    )
    getattr(fs, verb)(*args)

    assert expected == on_disk(fs, path)


@pytest.mark.parametrize("write", [True, False])
def test_data_comes_up_when_it_is_written(write: bool) -> None:
    """Opening for writing ends a metadata-only copy; attributes and redirect stay."""
    fs = UnionFS(
        [Layer.build({"p/f": "data"})], policy=Policy.from_options({"metacopy": "on"})
    )
    fs.chmod("/p/f", 0o600)
    fs.rename("/p/f", "/g")
    fs.open("/g", "ab" if write else "rb").close()

    mark = "" if write else "metacopy,"
    assert f"file[{mark}origin,redirect=/p/f]" == on_disk(fs, "g")
    assert ("data", 0o600) == (fs.read_text("/g"), fs.stat("/g").st_mode & 0o777)


@pytest.mark.parametrize("verb", ["rename", "link"])
def test_long_redirects_of_metadata_only_files(verb: str) -> None:
    """A file whose absolute redirect would be too long brings its data or stays."""
    path = "/".join(["x" * 200] * 2)
    fs = UnionFS(
        [Layer.build({f"{path}/f": "data"})],
        policy=Policy.from_options({"metacopy": "on"}),
    )
    fs.chmod(f"/{path}/f", 0o600)
    try:
        getattr(fs, verb)(f"/{path}/f", "/n")
    except UnionFSError as error:
        assert errno.EXDEV == error.errno  # noqa: PT017 - either answer will do
    else:
        assert "data" == fs.read_text("/n")
    assert not fs.exists(f"/{path}/f") or "data" == fs.read_text(f"/{path}/f")


def test_errors_name_both_paths() -> None:
    """The error of a rename carries both paths as they were given."""
    with pytest.raises(FileNotFoundError) as caught:
        UnionFS().rename("none", "new")

    assert ("none", "new") == (caught.value.filename, caught.value.filename2)
