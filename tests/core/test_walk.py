"""The walk of a live union: links, dots, slashes, and limits."""

from __future__ import annotations

import errno

import pytest

from unionfs_sim import Layer, Symlink, UnionFS, UnionFSError
from unionfs_sim.core import walk
from unionfs_sim.core.layer import SpecValue
from unionfs_sim.core.paths import SYMLINKS_MAX


def chain(length: int) -> dict[str, SpecValue]:
    """Describe links, each to the next, and a file at the end."""
    links: dict[str, SpecValue] = {
        f"l{n}": Symlink(f"l{n - 1}") for n in range(1, length + 1)
    }
    return {**links, "l0": "end"}


BASE: dict[str, SpecValue] = {
    "d/e/f": "x",
    "d/up": Symlink(".."),
    "f": "x",
    "to-e": Symlink("d/e"),
    "to-e-slash": Symlink("d/e/"),
    "abs": Symlink("/d"),
    "to-f": Symlink("f"),
    "self": Symlink("self"),
    "dots": Symlink("./d//../d/./e"),
    "gone": Symlink("none/x"),
}
FS = UnionFS([Layer.build(BASE)])


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/", ""),
        ("..", ""),
        ("/../../d", "d"),
        ("/d/e/..", "d"),
        ("/to-e/..", "d"),
        ("/to-e/../e/f", "d e f"),
        ("/to-e-slash/f", "d e f"),
        ("/abs/e", "d e"),
        ("/d/up/d/up/f", "f"),
        ("/dots/f", "d e f"),
        ("/to-f", "f"),
        ("/to-e/", "d e"),
        ("/none", "none"),
        ("/d/none", "d none"),
    ],
)
def test_find(path: str, parts: str) -> None:
    """A path leads where its links and dots lead; a missing last name is a place."""
    place = walk.find(FS.space, path, follow=True, op="stat")

    assert parts == " ".join(place.parts)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("", errno.ENOENT),
        ("/none/x", errno.ENOENT),
        ("/none/", errno.ENOENT),
        ("/none/..", errno.ENOENT),
        ("/gone", errno.ENOENT),
        ("/f/", errno.ENOTDIR),
        ("/f/.", errno.ENOTDIR),
        ("/f/..", errno.ENOTDIR),
        ("/f/x", errno.ENOTDIR),
        ("/to-f/x", errno.ENOTDIR),
        ("/self", errno.ELOOP),
        ("/self/x", errno.ELOOP),
        ("/" + "x" * 256, errno.ENAMETOOLONG),
        ("/d/" + "é" * 128 + "/x", errno.ENAMETOOLONG),
        ("/" + "d/../" * 1000, errno.ENAMETOOLONG),
    ],
)
def test_find_fails(path: str, number: int) -> None:
    """What cannot be walked says why, and keeps the path as it was given."""
    with pytest.raises(UnionFSError) as caught:
        walk.find(FS.space, path, follow=True, op="stat")

    assert (number, path, "stat") == (
        caught.value.errno,
        caught.value.filename,
        caught.value.op,
    )


def test_missing_name_and_slash_is_missing() -> None:
    """A name that is not there is missing with a slash as well."""
    place = walk.find(FS.space, "/none", follow=True, op="stat")

    assert place.live is None


def test_forty_links_are_followed() -> None:
    """The kernel's limit is 40 (case "forty symbolic links ...")."""
    fs = UnionFS([Layer.build(chain(SYMLINKS_MAX))])

    assert "end" == fs.read_text(f"/l{SYMLINKS_MAX}")


def test_forty_one_links_are_a_loop() -> None:
    """One link more is ELOOP."""
    fs = UnionFS([Layer.build(chain(SYMLINKS_MAX + 1))])

    with pytest.raises(UnionFSError) as caught:
        fs.read_text(f"/l{SYMLINKS_MAX + 1}")
    assert errno.ELOOP == caught.value.errno


def test_links_count_over_the_whole_path() -> None:
    """Links in the middle of a path count with those at its end."""
    fs = UnionFS([Layer.build({**chain(30), "back": Symlink("/")})])

    assert "end" == fs.read_text("/" + "back/" * 10 + "l30")
    with pytest.raises(UnionFSError):
        fs.read_text("/" + "back/" * 11 + "l30")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/to-e", ("to-e", False, "to-e", 0)),
        ("/to-e/", ("to-e", True, "to-e", 0)),
        ("/to-e/f", ("f", False, "f", 1)),
        ("/d/.", ("", False, ".", 0)),
        ("/d/..", ("", False, "..", 0)),
        ("/d/../", ("", True, "..", 0)),
        ("/", ("", True, "", 0)),
        ("f//", ("f", True, "f", 0)),
    ],
)
def test_find_parent(path: str, expected: tuple[str, bool, str, int]) -> None:
    """The last name of a path is not followed, whatever slashes are behind it."""
    place = walk.find_parent(FS.space, path, op="mkdir")

    assert expected == (place.name, place.slash, place.last, place.links)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/d/e", True),
        ("/", True),
        ("/none", True),
        ("d/e", False),
        ("/d//e", False),
        ("/d/./e", False),
        ("/d/e/", False),
        ("/d/../d", False),
        ("/to-e/f", False),
    ],
)
def test_is_canonical(path: str, expected: bool) -> None:
    """Only a path that is written as it is depends on its entries alone."""
    place = walk.find(FS.space, path, follow=False, op="stat")

    assert expected is walk.is_canonical(place)


def test_search_permission_is_asked_on_the_way() -> None:
    """Who may not search a directory does not get behind it, nor by ``..``."""
    fs = UnionFS([Layer.build({"d/f": ""})])
    fs.chmod("/d", 0o600)
    other = fs.as_user(1000, 1000)

    assert other.exists("/d")
    for path in ("/d/f", "/d/none", "/d/../d"):
        with pytest.raises(PermissionError):
            other.stat(path)
