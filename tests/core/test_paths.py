"""Paths: what is split, what is too long, and what is no path at all."""

from __future__ import annotations

import errno
import pathlib

import pytest

from unionfs_sim import UnionFSError
from unionfs_sim.core import paths


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ((), True)),
        ("//", ((), True)),
        (".", ((), True)),
        ("a", (("a",), False)),
        ("/a", (("a",), False)),
        ("/a/", (("a",), True)),
        ("/a/.", (("a",), True)),
        ("/a/..", (("a", ".."), True)),
        ("../a", (("..", "a"), False)),
        ("/a//./b", (("a", "b"), False)),
        ("/.a/...", ((".a", "..."), False)),
        ("/a b/\n/\udcff", (("a b", "\n", "\udcff"), False)),
    ],
)
def test_split(path: str, expected: tuple[paths.Parts, bool]) -> None:
    """A path is cut at slashes; ``..`` stays for the walk."""
    assert expected == paths.split(path, op="stat")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("", errno.ENOENT),
        ("a\0b", errno.EINVAL),
        ("x" * 4096, errno.ENAMETOOLONG),
        ("é" * 2048, errno.ENAMETOOLONG),
    ],
)
def test_split_refuses(path: str, number: int) -> None:
    """Nothing, a NUL and more than 4095 bytes are no path."""
    with pytest.raises(UnionFSError) as caught:
        paths.split(path, op="stat")

    assert (number, "stat") == (caught.value.errno, caught.value.op)


@pytest.mark.parametrize("path", ["x/" * 2047 + "x", "é" * 2047])
def test_split_takes_the_longest(path: str) -> None:
    """4095 bytes are not too long."""
    assert not paths.split(path, op="stat")[1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", True),
        ("x" * 255, True),
        ("x" * 256, False),
        ("é" * 127, True),
        ("é" * 128, False),
        ("\udcff" * 255, True),
        ("\udcff" * 256, False),
        ("😀" * 63, True),
        ("😀" * 64, False),
    ],
)
def test_name_fits(name: str, expected: bool) -> None:
    """The limit of a name counts bytes, not characters."""
    assert expected is paths.name_fits(name)


@pytest.mark.parametrize("raw", [b"", b"a", b"\xff\xfe", "é".encode(), b"a\xe9\n"])
def test_bytes_come_back(raw: bytes) -> None:
    """Whatever bytes a name has, text carries them there and back."""
    assert raw == paths.to_bytes(paths.to_text(raw))


@pytest.mark.parametrize(
    ("parts", "path"), [((), "/"), (("a",), "/a"), (("a", "b"), "/a/b")]
)
def test_join(parts: paths.Parts, path: str) -> None:
    """A joined path is absolute."""
    assert path == paths.join(parts)


class Pathy:
    """Something path-like."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __fspath__(self) -> str:
        return self.value  # type: ignore[return-value]  # it may lie


@pytest.mark.parametrize("path", ["/a", pathlib.PurePosixPath("/a"), Pathy("/a")])
def test_fspath(path: paths.StrPath) -> None:
    """Text and whatever gives text are paths."""
    assert "/a" == paths.fspath(path)


@pytest.mark.parametrize("path", [b"/a", 3, None, Pathy(b"/a"), Pathy])
def test_fspath_refuses(path: object) -> None:
    """Bytes, numbers and nothing are not."""
    with pytest.raises(TypeError, match="path must be str"):
        paths.fspath(path)  # type: ignore[arg-type]
