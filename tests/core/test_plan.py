"""What verbs do to the upper, by the tables of overlayfs.md (3.1, 4.1, 5.2, appendix A)."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Directory,
    Fifo,
    Layer,
    Meta,
    Plan,
    Regular,
    Symlink,
    UnionFS,
    UnionFSError,
)
from unionfs_sim.core import flags
from unionfs_sim.core.layer import Spec, SpecValue
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.upper import UpperDirectory, UpperFile

#: Appendix A: the kinds of ``d/t``: what the upper has, and what lies below.
KINDS: dict[str, tuple[SpecValue | None, SpecValue | None]] = {
    "nothing": (None, None),
    "upper file": ("u", None),
    "lower file": (None, Regular("l", Meta(mode=0o644, xattrs={"user.k": b"v"}))),
    "upper over lower file": ("u", "l"),
    "upper file over lower dir": ("u", {"x": ""}),
    "upper symlink": (Symlink("gone"), None),
    "lower symlink": (None, Symlink("gone")),
    "lower fifo": (None, Fifo()),
    "whiteouted file": (WHITEOUT, "l"),
    "whiteouted dir": (WHITEOUT, {"x": ""}),
    "empty upper dir": ({}, None),
    "full upper dir": ({"x": ""}, None),
    "upper dir over lower file": ({}, "l"),
    "opaque dir over lower dir": (OPAQUE, {"x": ""}),
    "empty lower dir": (None, {}),
    "full lower dir": (None, {"x": ""}),
    "empty merged dir": ({}, {}),
    "full merged dir": ({}, {"x": ""}),
    "merged dir of whiteouts": ({"x": WHITEOUT}, {"x": ""}),
}
FILES = {"upper file", "upper over lower file", "upper file over lower dir"}
UPPER_DIRS = {
    "empty upper dir",
    "full upper dir",
    "upper dir over lower file",
    "opaque dir over lower dir",
}
LOWER_DIRS = {"empty lower dir", "full lower dir"}
MERGED_DIRS = {"empty merged dir", "full merged dir", "merged dir of whiteouts"}
DIRS = UPPER_DIRS | LOWER_DIRS | MERGED_DIRS
MISSING = {"nothing", "whiteouted file", "whiteouted dir"}
LINKS = {"upper symlink", "lower symlink"}
HOME = Meta(mode=0o751, uid=9, gid=9)


def union(kind: str, policy: Policy | None = None) -> UnionFS:
    """Make a union with one kind of object at ``d/t``, as appendix A has it."""
    upper, lower = KINDS[kind]
    below: dict[str, SpecValue] = {"d": Directory(HOME), "d/other": "o"}
    above: dict[str, SpecValue] = {}
    if lower is not None:
        below["d/t"] = lower
    if upper is not None:
        above = {"d": Directory(HOME), "d/t": upper}
    return UnionFS(
        [Layer.build(below)],
        upper=Layer.build(above) if above else None,
        policy=policy or Policy.from_options({}),
    )


def on_disk(fs: UnionFS, path: str) -> str:
    """Give what the upper has at a path, with its marks, as appendix A writes it."""
    entry: object = fs.space.root
    for name in path.split("/"):
        if not isinstance(entry, UpperDirectory):
            return "none"
        entry = entry.entries.get(name)
    if entry is WHITEOUT:
        return "whiteout"
    if not isinstance(entry, (UpperDirectory, UpperFile)):
        return "none"
    marks = {key for key in entry.meta.private if key != "impure"}
    if isinstance(entry, UpperDirectory) and entry.opaque:
        marks.add("opaque")
    kind = entry.kind.value
    return f"{kind}[{','.join(sorted(marks))}]" if marks else kind


def outcome(fs: UnionFS, call: Callable[[UnionFS], object]) -> str:
    """Give ``ok``, or the name of the error."""
    try:
        call(fs)
    except UnionFSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


def _open(how: int, data: bytes = b"") -> Callable[[UnionFS], object]:
    def call(fs: UnionFS) -> object:
        fd = fs.os_open("/d/t", how | flags.O_NONBLOCK, 0o644)
        return fs.write(fd, data) if data else fd

    return call


def _kinds(*names: str | set[str]) -> set[str]:
    return {
        name for item in names for name in ({item} if isinstance(item, str) else item)
    }


Row = tuple[str, str, set[str]]
UP = "unchanged"

#: Appendix A by calls: the result, the upper afterwards, and the kinds of objects.
CALLS: dict[str, tuple[Callable[[UnionFS], object], list[Row]]] = {
    "lstat": (
        lambda fs: fs.lstat("/d/t"),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, _kinds(FILES, LINKS, "lower file", "lower fifo")),
            ("ok", UP, UPPER_DIRS | LOWER_DIRS),
            ("ok", "dir[origin]", MERGED_DIRS),
        ],
    ),
    "readlink": (
        lambda fs: fs.readlink("/d/t"),
        [
            ("ENOENT", UP, MISSING),
            ("EINVAL", UP, _kinds(FILES, "lower file", "lower fifo")),
            ("ok", UP, LINKS),
        ],
    ),
    "readdir": (
        lambda fs: fs.listdir("/d/t"),
        [
            ("ENOENT", UP, _kinds(MISSING, LINKS)),
            ("ENOTDIR", UP, _kinds(FILES, "lower file", "lower fifo")),
            ("ok", UP, UPPER_DIRS | LOWER_DIRS),
            ("ok", "dir[origin]", MERGED_DIRS),
        ],
    ),
    "open to read": (
        _open(flags.O_RDONLY),
        [
            ("ENOENT", UP, _kinds(MISSING, LINKS)),
            ("ok", UP, _kinds(FILES, UPPER_DIRS, LOWER_DIRS, "lower file")),
            ("ok", UP, {"lower fifo"}),
        ],
    ),
    "open to write": (
        _open(flags.O_WRONLY),
        [
            ("ENOENT", UP, _kinds(MISSING, LINKS)),
            ("ok", UP, FILES),
            ("ok", "file[origin]", {"lower file"}),
            ("ENXIO", UP, {"lower fifo"}),
            ("EISDIR", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "append": (
        _open(flags.O_RDWR | flags.O_APPEND, b"x"),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, _kinds(FILES, "lower fifo")),
            ("ok", "file[origin]", {"lower file"}),
            ("EISDIR", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "create": (
        _open(flags.O_WRONLY | flags.O_CREAT, b"x"),
        [
            ("ok", "file", MISSING),
            ("ok", UP, FILES),
            ("ok", "file[origin]", {"lower file"}),
            ("ENXIO", UP, {"lower fifo"}),
            ("EISDIR", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "create, exclusive": (
        _open(flags.O_WRONLY | flags.O_CREAT | flags.O_EXCL),
        [
            ("ok", "file", MISSING),
            ("EEXIST", UP, _kinds(FILES, LINKS, "lower file", "lower fifo")),
            ("EEXIST", UP, UPPER_DIRS | LOWER_DIRS),
            ("EEXIST", "dir[origin]", MERGED_DIRS),
        ],
    ),
    "open to truncate": (
        _open(flags.O_RDONLY | flags.O_TRUNC),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, _kinds(FILES, "lower fifo")),
            ("ok", "file[origin]", {"lower file"}),
            ("EISDIR", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "truncate": (
        lambda fs: fs.truncate("/d/t", 0),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, FILES),
            ("ok", "file[origin]", {"lower file"}),
            ("EINVAL", UP, {"lower fifo"}),
            ("EISDIR", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "mkdir": (
        lambda fs: fs.mkdir("/d/t"),
        [
            ("ok", "dir", {"nothing"}),
            ("ok", "dir[opaque]", {"whiteouted file", "whiteouted dir"}),
            ("EEXIST", UP, _kinds(FILES, LINKS, "lower file", "lower fifo")),
            ("EEXIST", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "symlink": (
        lambda fs: fs.symlink("x", "/d/t"),
        [
            ("ok", "symlink", MISSING),
            ("EEXIST", UP, _kinds(FILES, LINKS, "lower file", LOWER_DIRS)),
        ],
    ),
    "mkfifo": (
        lambda fs: fs.mkfifo("/d/t"),
        [("ok", "fifo", MISSING), ("EEXIST", UP, _kinds(FILES, "lower file"))],
    ),
    "link to it": (
        lambda fs: fs.link("/d/other", "/d/t"),
        [
            ("ok", "file[origin]", MISSING),
            ("EEXIST", UP, _kinds(FILES, "lower file", UPPER_DIRS, LOWER_DIRS)),
        ],
    ),
    "link of it": (
        lambda fs: fs.link("/d/t", "/d/n"),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, _kinds(FILES, "upper symlink")),
            ("ok", "file[origin]", {"lower file"}),
            ("ok", "symlink[origin]", {"lower symlink"}),
            ("ok", "fifo[origin]", {"lower fifo"}),
            ("EPERM", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "unlink": (
        lambda fs: fs.unlink("/d/t"),
        [
            ("ENOENT", UP, MISSING),
            ("ok", "none", {"upper file", "upper symlink"}),
            (
                "ok",
                "whiteout",
                _kinds(
                    "lower file",
                    "upper over lower file",
                    "upper file over lower dir",
                    "lower symlink",
                    "lower fifo",
                ),
            ),
            ("EISDIR", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "rmdir": (
        lambda fs: fs.rmdir("/d/t"),
        [
            ("ENOENT", UP, MISSING),
            ("ENOTDIR", UP, _kinds(FILES, LINKS, "lower file", "lower fifo")),
            ("ok", "none", {"empty upper dir"}),
            (
                "ok",
                "whiteout",
                _kinds(
                    "upper dir over lower file",
                    "opaque dir over lower dir",
                    "empty lower dir",
                    "empty merged dir",
                    "merged dir of whiteouts",
                ),
            ),
            ("ENOTEMPTY", UP, {"full upper dir", "full lower dir"}),
            ("ENOTEMPTY", "dir[origin]", {"full merged dir"}),
        ],
    ),
    "chmod": (
        lambda fs: fs.chmod("/d/t", 0o600),
        [
            ("ENOENT", UP, _kinds(MISSING, LINKS)),
            ("ok", UP, FILES | UPPER_DIRS),
            ("ok", "file[origin]", {"lower file"}),
            ("ok", "fifo[origin]", {"lower fifo"}),
            ("ok", "dir[origin]", LOWER_DIRS | MERGED_DIRS),
        ],
    ),
    "lchown": (
        lambda fs: fs.lchown("/d/t", 1, 1),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, _kinds(FILES, UPPER_DIRS, "upper symlink")),
            ("ok", "file[origin]", {"lower file"}),
            ("ok", "symlink[origin]", {"lower symlink"}),
            ("ok", "fifo[origin]", {"lower fifo"}),
            ("ok", "dir[origin]", LOWER_DIRS | MERGED_DIRS),
        ],
    ),
    "utime": (
        lambda fs: fs.utime("/d/t", ns=(1, 2), follow_symlinks=False),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, _kinds(FILES, UPPER_DIRS, "upper symlink")),
            ("ok", "file[origin]", {"lower file"}),
            ("ok", "symlink[origin]", {"lower symlink"}),
            ("ok", "dir[origin]", LOWER_DIRS | MERGED_DIRS),
        ],
    ),
    "utime, both left": (
        lambda fs: fs.utime("/d/t", ns=(None, None)),
        [("ok", UP, _kinds(FILES, "lower file", "lower fifo", LOWER_DIRS))],
    ),
    "setxattr user": (
        lambda fs: fs.setxattr("/d/t", "user.n", b"", follow_symlinks=False),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, FILES | UPPER_DIRS),
            ("ok", "file[origin]", {"lower file"}),
            ("EPERM", UP, _kinds(LINKS, "lower fifo")),
            ("ok", "dir[origin]", LOWER_DIRS | MERGED_DIRS),
        ],
    ),
    "removexattr user": (
        lambda fs: fs.removexattr("/d/t", "user.k", follow_symlinks=False),
        [
            ("ENOENT", UP, MISSING),
            ("ENODATA", UP, FILES | UPPER_DIRS | LOWER_DIRS),
            ("ok", "file[origin]", {"lower file"}),
            ("EPERM", UP, _kinds(LINKS, "lower fifo")),
        ],
    ),
    "setxattr trusted": (
        lambda fs: fs.setxattr("/d/t", "trusted.q", b"", follow_symlinks=False),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, _kinds(FILES, UPPER_DIRS, "upper symlink")),
            ("ok", "file[origin]", {"lower file"}),
            ("ok", "symlink[origin]", {"lower symlink"}),
            ("ok", "fifo[origin]", {"lower fifo"}),
        ],
    ),
    "rename away": (
        lambda fs: fs.rename("/d/t", "/d/n"),
        [
            ("ENOENT", UP, MISSING),
            ("ok", "none", _kinds("upper file", "upper symlink")),
            ("ok", "none", {"empty upper dir", "full upper dir"}),
            (
                "ok",
                "whiteout",
                _kinds(
                    "lower file",
                    "upper over lower file",
                    "upper file over lower dir",
                    "lower symlink",
                    "lower fifo",
                    "upper dir over lower file",
                    "opaque dir over lower dir",
                ),
            ),
            ("EXDEV", UP, LOWER_DIRS),
            ("EXDEV", "dir[origin]", MERGED_DIRS),
        ],
    ),
    "rename to itself": (
        lambda fs: fs.rename("/d/t", "/d/t"),
        [
            ("ENOENT", UP, MISSING),
            ("ok", UP, _kinds(FILES, LINKS, "lower file", UPPER_DIRS, LOWER_DIRS)),
        ],
    ),
    "rename, noreplace, to itself": (
        lambda fs: fs.renameat2("/d/t", "/d/t", 1),
        [
            ("ENOENT", UP, MISSING),
            ("EEXIST", UP, _kinds(FILES, LINKS, "lower file", UPPER_DIRS, LOWER_DIRS)),
        ],
    ),
    "rename, whiteout": (
        lambda fs: fs.renameat2("/d/t", "/d/n", 4),
        [
            ("ENOENT", UP, MISSING),
            ("EINVAL", UP, _kinds(FILES, LINKS, "lower file", UPPER_DIRS, LOWER_DIRS)),
        ],
    ),
    "rename into itself": (
        lambda fs: fs.rename("/d/t", "/d/t/q"),
        [
            ("ENOENT", UP, MISSING),
            ("ENOTDIR", UP, _kinds(FILES, "lower file", "lower fifo")),
            ("EINVAL", UP, UPPER_DIRS | LOWER_DIRS),
        ],
    ),
    "create in it": (
        lambda fs: fs.write_text("/d/t/new", ""),
        [
            ("ENOENT", UP, MISSING),
            ("ENOTDIR", UP, _kinds(FILES, "lower file", "lower fifo")),
            ("ok", UP, UPPER_DIRS),
            ("ok", "dir[origin]", LOWER_DIRS | MERGED_DIRS),
        ],
    ),
}
ROWS = [
    pytest.param(call, kind, result, after, id=f"{name}-{kind}")
    for name, (call, rows) in CALLS.items()
    for result, after, kinds in rows
    for kind in sorted(kinds)
]


@pytest.mark.parametrize(("call", "kind", "result", "after"), ROWS)
def test_one_object_one_call(
    call: Callable[[UnionFS], object], kind: str, result: str, after: str
) -> None:
    """Appendix A: what a call answers, and what it leaves in the upper."""
    fs = union(kind)
    before = on_disk(fs, "d/t")

    assert result == outcome(fs, call)
    assert (before if after == UP else after) == on_disk(fs, "d/t")


@pytest.mark.parametrize(
    ("path", "call", "number"),
    [
        # 3.3: what comes before and after the name itself.
        ("/d/t/", "unlink", errno.ENOTDIR),
        ("/d/", "unlink", errno.EISDIR),
        ("/d/.", "unlink", errno.EISDIR),
        ("/d/..", "unlink", errno.EISDIR),
        ("/", "unlink", errno.EISDIR),
        ("/d/.", "rmdir", errno.EINVAL),
        ("/d/..", "rmdir", errno.ENOTEMPTY),
        ("/", "rmdir", errno.EBUSY),
        ("/d/t/", "rmdir", errno.ENOTDIR),
        # 5.1.
        ("/d/.", "mkdir", errno.EEXIST),
        ("/d/..", "mkdir", errno.EEXIST),
        ("/", "mkdir", errno.EEXIST),
        ("/d/n/", "mkfifo", errno.ENOENT),
        ("/", "mkfifo", errno.EEXIST),
    ],
)
def test_odd_last_names(path: str, call: str, number: int) -> None:
    """Dots and slashes at the end of a path have errors of their own."""
    fs = union("lower file")

    with pytest.raises(UnionFSError) as caught:
        getattr(fs, call)(path)
    assert number == caught.value.errno


MKDIR = [
    # 5.2: the options, the world, the path, whether the new directory is opaque.
    ({}, {"x": ""}, {"n": WHITEOUT}, "n", True),
    ({}, {"x": ""}, {}, "n", False),
    ({}, {}, {"p": {"n": WHITEOUT}}, "p/n", True),
    ({"index": "on"}, {"x": ""}, {}, "n", True),
    ({"metacopy": "on"}, {"x": ""}, {}, "n", True),
    ({"redirect_dir": "on"}, {"x": ""}, {}, "n", True),
    ({"xino": "on"}, {"x": ""}, {}, "n", True),
    ({"nfs_export": "on"}, {"x": ""}, {}, "n", True),
    ({"xino": "auto"}, {"x": ""}, {}, "n", False),
    ({"redirect_dir": "follow"}, {"x": ""}, {}, "n", False),
    ({"redirect_dir": "nofollow"}, {"x": ""}, {}, "n", False),
    ({"userxattr": True}, {"x": ""}, {}, "n", False),
    ({"volatile": True}, {"x": ""}, {}, "n", False),
    ({"redirect_dir": "on"}, {}, {"p": {}}, "p/n", False),
]


@pytest.mark.parametrize(("options", "below", "above", "path", "opaque"), MKDIR)
def test_when_a_new_directory_is_opaque(
    options: dict[str, str | bool], below: Spec, above: Spec, path: str, opaque: bool
) -> None:
    """Over a whiteout always, and by some options wherever the parent merges (5.2)."""
    fs = UnionFS(
        [Layer.build(below)],
        upper=Layer.build(above),
        policy=Policy.from_options(options),
    )
    fs.mkdir(f"/{path}")

    assert ("dir[opaque]" if opaque else "dir") == on_disk(fs, path)


@pytest.mark.parametrize(
    ("setid", "uid", "groups", "mode", "expected"),
    [
        (False, 0, (), 0o777, (0o755, 0)),
        (True, 0, (), 0o2775, (0o2755, 50)),
        (True, 1, (50,), 0o2775, (0o2755, 50)),
        (True, 1, (), 0o2775, (0o755, 50)),
        (True, 1, (), 0o2765, (0o2745, 50)),
    ],
)
def test_new_files_take_the_group_of_a_set_group_id_directory(
    setid: bool,
    uid: int,
    groups: tuple[int, ...],
    mode: int,
    expected: tuple[int, int],
) -> None:
    """Owner, group and mode of a new file follow caller, umask and parent (5.1)."""
    meta = Meta(mode=0o2777 if setid else 0o777, gid=50)
    fs = UnionFS([Layer.build({"d": Directory(meta)})]).as_user(uid, uid, groups)
    fs.mknod("/d/f", 0o100000 | mode)

    got = fs.stat("/d/f")
    assert expected == (got.st_mode & 0o7777, got.st_gid)
    assert uid == got.st_uid


def test_new_directories_inherit_set_group_id() -> None:
    """A directory in a set-group-id directory is one as well."""
    meta = Meta(mode=0o2777, gid=50)
    fs = UnionFS([Layer.build({"d": Directory(meta)})])
    fs.mkdir("/d/n")

    got = fs.stat("/d/n")
    assert (0o2755, 50) == (got.st_mode & 0o7777, got.st_gid)


@pytest.mark.parametrize(
    ("mode", "device", "uid", "result"),
    [
        (0o020600, 0, 0, "EPERM"),
        (0o060600, 0, 0, "ok"),
        (0o020600, 1, 0, "ok"),
        (0o020600, 259, 1, "EPERM"),
        (0o010600, 0, 1, "ok"),
        (0o140600, 0, 1, "ok"),
        (0o100600, 0, 1, "ok"),
        (0o600, 0, 1, "ok"),
        (0o040600, 0, 0, "EPERM"),
        (0o120600, 0, 0, "EINVAL"),
    ],
)
def test_mknod(mode: int, device: int, uid: int, result: str) -> None:
    """A device 0:0 would be a whiteout, and devices are for root (5.1, S34)."""
    fs = UnionFS(upper=Layer.build({".": Directory(Meta(mode=0o777))}))

    assert result == outcome(
        fs.as_user(uid, uid), lambda x: x.mknod("/n", mode, device)
    )


def test_devices_keep_large_numbers() -> None:
    """Device numbers come back as Linux puts them together."""
    fs = UnionFS()
    device = (0x345 << 8) | 0x67 | (0x8 << 20) | (0x1 << 44)
    fs.mknod("/n", 0o020600, device)

    assert device == fs.stat("/n").st_rdev


READ_ONLY = [
    # 9.3: everything is EROFS, but existence wins for creation.
    ("mkdir", ("/f",), "EEXIST"),
    ("mkdir", ("/n",), "EROFS"),
    (
        "symlink",
        (
            "x",
            "/f",
        ),
        "EEXIST",
    ),
    (
        "symlink",
        (
            "x",
            "/n",
        ),
        "EROFS",
    ),
    ("mkfifo", ("/n",), "EROFS"),
    (
        "link",
        (
            "/f",
            "/d",
        ),
        "EEXIST",
    ),
    (
        "link",
        (
            "/f",
            "/n",
        ),
        "EROFS",
    ),
    ("unlink", ("/f",), "EROFS"),
    ("unlink", ("/none",), "EROFS"),
    ("rmdir", ("/d",), "EROFS"),
    ("rmdir", ("/none",), "EROFS"),
    (
        "rename",
        (
            "/f",
            "/n",
        ),
        "EROFS",
    ),
    (
        "rename",
        (
            "/none",
            "/n",
        ),
        "EROFS",
    ),
    (
        "chmod",
        (
            "/f",
            0,
        ),
        "EROFS",
    ),
    (
        "chown",
        (
            "/f",
            1,
            1,
        ),
        "EROFS",
    ),
    ("utime", ("/f",), "EROFS"),
    (
        "truncate",
        (
            "/f",
            0,
        ),
        "EROFS",
    ),
    (
        "setxattr",
        (
            "/f",
            "user.k",
            b"",
        ),
        "EROFS",
    ),
    (
        "removexattr",
        (
            "/f",
            "user.k",
        ),
        "EROFS",
    ),
    (
        "os_open",
        (
            "/f",
            flags.O_RDONLY,
        ),
        "ok",
    ),
    (
        "os_open",
        (
            "/f",
            flags.O_WRONLY,
        ),
        "EROFS",
    ),
    (
        "os_open",
        (
            "/f",
            flags.O_TRUNC,
        ),
        "EROFS",
    ),
    (
        "os_open",
        (
            "/f",
            flags.O_CREAT,
        ),
        "ok",
    ),
    (
        "os_open",
        (
            "/f",
            flags.O_CREAT | flags.O_EXCL,
        ),
        "EEXIST",
    ),
    (
        "os_open",
        (
            "/n",
            flags.O_CREAT,
        ),
        "EROFS",
    ),
    (
        "os_open",
        (
            "/d",
            flags.O_WRONLY,
        ),
        "EISDIR",
    ),
    (
        "os_open",
        (
            "/d",
            flags.O_TMPFILE | flags.O_RDWR,
        ),
        "EROFS",
    ),
]


@pytest.mark.parametrize(("verb", "args", "result"), READ_ONLY)
def test_read_only(verb: str, args: tuple[object, ...], result: str) -> None:
    """A union without an upper answers as a mount without one (9.3)."""
    layer = Layer.build({"f": "x", "d": {}})
    fs = UnionFS([layer], read_only=True)

    assert result == outcome(fs, lambda fs: getattr(fs, verb)(*args))


def test_plans_are_told_to_the_observer() -> None:
    """Who looks on is told each plan, once it is done, in words that can be read."""
    plans: list[Plan] = []
    fs = UnionFS([Layer.build({"d/f": "x"})], observer=plans.append)
    fs.unlink("/d/f")
    fs.write_text("/d/g", "new")

    assert ["unlink\n  copy up /d\n  mark impure='y'\n  whiteout /d/f"] == [
        str(plan) for plan in plans[:1]
    ]
    assert "make file /d/g" in str(plans[1])


@pytest.mark.parametrize(
    ("kind", "listed", "removable"),
    [("stray", ["w"], "ENOTEMPTY"), ("covered", ["w"], "ok")],
)
def test_stray_whiteouts(kind: str, listed: list[str], removable: str) -> None:
    """A stray whiteout is listed and keeps a directory, unless its name is covered."""
    below: Spec = {"d": {}} if kind == "covered" else {"x": ""}
    above: Spec = {"d": {".": OPAQUE, "w": WHITEOUT}}
    fs = UnionFS(
        [Layer.build(below)],
        upper=Layer.build(above),
        policy=Policy.from_options({}),
    )

    assert listed == fs.listdir("/d")
    assert removable == outcome(fs, lambda fs: fs.rmdir("/d"))


def test_images_leftovers_do_not_count_by_default() -> None:
    """Without the kernel's manners a stray whiteout is nobody's business."""
    fs = UnionFS([Layer.build({})], upper=Layer.build({"d": {"w": WHITEOUT}}))

    assert [] == fs.listdir("/d")
    fs.rmdir("/d")
    assert [] == fs.listdir("/")
