"""Extended attributes: names, spaces, kinds, callers (overlayfs.md, 2.1)."""

from __future__ import annotations

import errno

import pytest

from unionfs_sim import (
    Directory,
    Fifo,
    Layer,
    Meta,
    Regular,
    Symlink,
    UnionFS,
    UnionFSError,
)
from unionfs_sim.core import xattrs

XATTRS = {"user.k": b"v", "trusted.q": b"w", "security.s": b""}
BASE = Layer.build(
    {
        "f": Regular("", Meta(mode=0o644, uid=7, xattrs=XATTRS)),
        "d": Directory(Meta(mode=0o755, uid=7, xattrs=XATTRS)),
        "sticky": Directory(Meta(mode=0o1777, uid=7)),
        "secret": Regular("", Meta(mode=0, uid=8, xattrs=XATTRS)),
        "link": Symlink("f"),
        "fifo": Fifo(Meta(mode=0o666, uid=7)),
    }
)


def outcome(fs: UnionFS, verb: str, *args: object) -> object:
    """Give a result, or the name of the error; links are not followed."""
    try:
        return getattr(fs, verb)(*args, follow_symlinks=False)
    except UnionFSError as error:
        return errno.errorcode[error.errno or 0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user.k", 0),
        ("user." + "k" * 250, 0),
        ("user." + "k" * 251, errno.ERANGE),
        ("user." + "é" * 126, errno.ERANGE),
        ("", errno.ERANGE),
    ],
)
def test_name_error(name: str, expected: int) -> None:
    """A name has 1 to 255 bytes."""
    assert expected == xattrs.name_error(name)


SETS = [
    # path, name, caller, the result of setting.
    ("/f", "user.n", 0, None),
    ("/f", "user.n", 7, None),
    ("/f", "user.n", 9, "EACCES"),
    ("/d", "user.n", 7, None),
    ("/sticky", "user.n", 9, "EPERM"),
    ("/sticky", "user.n", 7, None),
    ("/link", "user.n", 0, "EPERM"),
    ("/fifo", "user.n", 0, "EPERM"),
    ("/link", "trusted.n", 0, None),
    ("/f", "trusted.n", 7, "EPERM"),
    ("/f", "security.n", 7, None),
    ("/f", "security.n", 9, "EPERM"),
    ("/f", "user.", 0, "EINVAL"),
    ("/f", "trusted.", 0, "EINVAL"),
    ("/f", "what.n", 0, "ENOTSUP"),
    ("/f", "user", 0, "ENOTSUP"),
    ("/f", "system.n", 0, "ENOTSUP"),
    ("/f", "system.posix_acl_access", 0, None),
    ("/f", "", 0, "ERANGE"),
    ("/f", "user." + "k" * 251, 0, "ERANGE"),
    ("/none", "user.n", 0, "ENOENT"),
]


@pytest.mark.parametrize(("path", "name", "uid", "result"), SETS)
def test_setxattr(path: str, name: str, uid: int, result: str | None) -> None:
    """Who may set what, on what; only the upper file system knows the spaces."""
    fs = UnionFS([BASE])

    assert result == outcome(fs.as_user(uid, uid), "setxattr", path, name, b"x")
    assert (result in {None, "EINVAL", "ENOTSUP"}) is bool(fs.changes())
    if result is None:
        assert b"x" == outcome(fs, "getxattr", path, name)


GETS = [
    ("/f", "user.k", 9, b"v"),
    ("/f", "trusted.q", 0, b"w"),
    ("/f", "trusted.q", 7, "ENODATA"),
    ("/f", "user.none", 0, "ENODATA"),
    ("/link", "user.k", 0, "ENODATA"),
    ("/fifo", "user.k", 0, "ENODATA"),
    ("/secret", "user.k", 9, "EACCES"),
    ("/secret", "user.k", 0, b"v"),
    ("/f", "what.k", 0, "ENOTSUP"),
    ("/f", "user.", 0, "EINVAL"),
    ("/f", "", 0, "ERANGE"),
]


@pytest.mark.parametrize(("path", "name", "uid", "result"), GETS)
def test_getxattr(path: str, name: str, uid: int, result: object) -> None:
    """Who may read what, of what."""
    assert result == outcome(UnionFS([BASE]).as_user(uid, uid), "getxattr", path, name)


REMOVES = [
    ("user.k", 0, None),
    ("user.none", 0, "ENODATA"),
    ("trusted.q", 7, "EPERM"),
    ("user.k", 9, "EACCES"),
    ("", 0, "ERANGE"),
]


@pytest.mark.parametrize(("name", "uid", "result"), REMOVES)
def test_removexattr(name: str, uid: int, result: str | None) -> None:
    """A missing attribute copies nothing up (S7)."""
    fs = UnionFS([BASE])

    assert result == outcome(fs.as_user(uid, uid), "removexattr", "/f", name)
    assert (result is None) is bool(fs.changes())


FLAGS = [
    # flags, whether it is there, the result; S7: it comes up in any case.
    (0, True, None),
    (0, False, None),
    (1, True, "EEXIST"),
    (1, False, None),
    (2, True, None),
    (2, False, "ENODATA"),
]


@pytest.mark.parametrize(("flags", "there", "result"), FLAGS)
def test_flags(flags: int, there: bool, result: str | None) -> None:
    """A set that fails by its flags copies up nevertheless."""
    fs = UnionFS([BASE])
    name = "user.k" if there else "user.n"

    assert result == outcome(fs, "setxattr", "/f", name, b"x", flags)
    assert ["C /f"] == [str(change) for change in fs.changes()]


@pytest.mark.parametrize(
    ("uid", "expected"),
    [(0, ["security.s", "trusted.q", "user.k"]), (7, ["security.s", "user.k"])],
)
def test_listxattr(uid: int, expected: list[str]) -> None:
    """Only root sees ``trusted.``; names come in order."""
    assert expected == UnionFS([BASE]).as_user(uid, uid).listxattr("/f")


def test_private_marks_do_not_show() -> None:
    """What overlayfs keeps for itself is no attribute of anybody's."""
    fs = UnionFS([Layer.build({"d/f": "x"})])
    fs.chmod("/d/f", 0o600)

    assert [] == fs.listxattr("/d/f")
    assert [] == fs.listxattr("/d")
    assert "ENODATA" == outcome(fs, "getxattr", "/d", "trusted.overlay.origin")


def test_attributes_named_like_marks_are_ordinary() -> None:
    """An attribute that is set through the union has no meaning for it (2.1)."""
    fs = UnionFS([Layer.build({"d/f": "x"})])
    fs.setxattr("/d", "trusted.overlay.opaque", b"y")

    assert (["f"], b"y") == (
        fs.listdir("/d"),
        fs.getxattr("/d", "trusted.overlay.opaque"),
    )


def test_given_value_can_change_afterwards() -> None:
    """A union keeps the bytes, not the caller's buffer."""
    fs = UnionFS([BASE])
    value = bytearray(b"x")
    fs.setxattr("/f", "user.n", value)  # type: ignore[arg-type]  # works like os
    value[:] = b"y"

    assert b"x" == fs.getxattr("/f", "user.n")


@pytest.mark.parametrize("path", ["/f", "/nowhere"])
def test_values_have_a_limit(path: str) -> None:
    """A value of more than 64 KiB is refused before the path is looked at."""
    assert "E2BIG" == outcome(UnionFS([BASE]), "setxattr", path, "user.k", bytes(65537))


def test_the_longest_value_is_kept() -> None:
    """A value of just 64 KiB is none too long."""
    fs = UnionFS([BASE])

    fs.setxattr("/f", "user.k", bytes(65536))

    assert bytes(65536) == fs.getxattr("/f", "user.k")
