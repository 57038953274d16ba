"""What is remembered: exactly what is still true, and not too much."""

from __future__ import annotations

import errno

import pytest

from unionfs_sim import WHITEOUT, Layer, Negative, Symlink, UnionFS
from unionfs_sim.core import cache
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.space import Space
from unionfs_sim.core.upper import Live, LiveDirectory

PATHS = [
    "/",
    "/d",
    "/d/f",
    "/d/g",
    "/d/none",
    "/d/s/x",
    "/e",
    "/e/f",
    "/link",
    "/link/f",
    "/d/../d/f",
    "//d/f",
    "d/f",
    "/none",
    "/none/x",
    "/none/x/y",
]


def union() -> UnionFS:
    """Make a union with a merged directory, links and something deleted."""
    base = Layer.build(
        {"d/f": "1", "d/s/x": "", "e/f": "2", "link": Symlink("d"), "h": "x"}
    )
    top = Layer.build({"d/g": "3", "e/f": WHITEOUT})
    return UnionFS([top, base])


def answers(fs: UnionFS) -> list[object]:
    """Give what a union says of each path."""
    found: list[object] = []
    for path in PATHS:
        live = fs.lookup(path)
        found.append(live if isinstance(live, Negative) else id(live))
        found.append(fs.exists(path) and tuple(fs.stat(path)))
        found.append(fs.islink(path))
    return found


#: Programs, each a list of calls.
VERBS: dict[str, list[tuple[str, tuple[object, ...]]]] = {
    "nothing": [],
    "mkdir": [("mkdir", ("/none",))],
    "makedirs": [("makedirs", ("/none/x/y",))],
    "create": [("write_text", ("/none", ""))],
    "create below": [("write_text", ("/d/none", ""))],
    "unlink": [("unlink", ("/d/f",))],
    "unlink link": [("unlink", ("/link",))],
    "turn link": [("unlink", ("/link",)), ("symlink", ("e", "/link"))],
    "rmtree": [("rmtree", ("/d",))],
    "rmtree, mkdir": [("rmtree", ("/d",)), ("mkdir", ("/d",))],
    "rmdir": [("rmdir", ("/e",))],
    "rename": [("rename", ("/d/f", "/e/f"))],
    "rename onto": [("rename", ("/h", "/d/f"))],
    "rename tree": [
        ("makedirs", ("/new/x",)),
        ("lookup", ("/none/x",)),
        ("lookup", ("/new/x",)),
        ("rename", ("/new", "/none")),
    ],
    "exchange": [("renameat2", ("/d/f", "/h", 2))],
    "link": [("link", ("/h", "/none"))],
    "chmod": [("chmod", ("/d", 0o700))],
    "chmod below": [("chmod", ("/d/s/x", 0o700))],
    "chmod root": [("chmod", ("/", 0o700))],
    "truncate": [("truncate", ("/d/f", 9))],
    "write": [("write_text", ("/link/f", "longer"))],
    "several": [("write_text", ("/d/s/y", "")), ("mkdir", ("/d/none",))],
}


@pytest.mark.parametrize("verb", VERBS)
def test_remembered_answers_stay_true(verb: str) -> None:
    """After every verb a union that remembers says what one that forgot says."""
    fs = union()
    answers(fs)
    for name, args in VERBS[verb]:
        getattr(fs, name)(*args)
    warm = answers(fs)
    fs._cache.forget()

    assert answers(fs) == warm


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/e/f", True),
        ("/d/g", True),
        ("/d/s/x", True),
        ("/d/f", False),
        ("//d/f", False),
        ("/link/f", False),
    ],
)
def test_only_what_changed_is_forgotten(path: str, kept: bool) -> None:
    """A new file in a directory leaves the answers for its neighbours."""
    fs = union()
    answers(fs)
    fs.write_text("/d/f", "")

    assert kept is (path in fs._cache)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the names that directories are asked for from here on."""
    asked: list[str] = []
    child = Space.child

    def counting(space: Space, directory: LiveDirectory, name: str) -> Live | None:
        asked.append(name)
        return child(space, directory, name)

    monkeypatch.setattr(Space, "child", counting)
    return asked


def test_warm_calls_ask_no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that was asked for before takes no look into any directory."""
    fs = union()
    for path in ("/d/f", "/link", "/d/none"):
        fs.lookup(path)
        fs.exists(path)
        fs.stat("/link/f")
    asked = counted(monkeypatch)
    for path in ("/d/f", "/link", "/d/none"):
        fs.lookup(path)
    fs.stat("/d/f")
    fs.stat("/link/f")

    assert [] == asked
    fs.lookup("/d/new")
    assert len(asked) <= 1


def test_new_name_in_a_known_directory_takes_one_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However deep a known directory is, a name in it is one look away."""
    fs = UnionFS([Layer.build({"a/b/c/d/e/f": "", "a/b/c/d/e/g": ""})])
    fs.lookup("/a/b/c/d/e/f")
    asked = counted(monkeypatch)
    fs.stat("/a/b/c/d/e/g")

    assert len(asked) <= 1


def test_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A union that was asked for too many paths forgets them all."""
    monkeypatch.setattr(cache, "PATHS_MAX", 8)
    fs = UnionFS([Layer.build({f"f{n}": "" for n in range(20)})])
    for n in range(20):
        fs.stat(f"/f{n}")
        fs.lookup(f"//f{n}")
        assert len(fs._cache) <= 8
        assert len(fs._cache.stats) <= 8

    assert Kind.REGULAR is getattr(fs.lookup("/f0"), "kind", None)


def test_status_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statuses of links are bounded as well."""
    fs = UnionFS([Layer.build({"l": Symlink("f"), "f": "x", "g": ""})])
    monkeypatch.setattr(cache, "PATHS_MAX", 2)
    for path in ("/l", "/f", "/g", "/l"):
        fs.stat(path)
    fs.write_text("/f", "longer")

    assert 6 == fs.stat("/l").st_size


def test_missing_on_the_way_is_not_remembered() -> None:
    """A path through what is missing is walked again each time."""
    fs = union()
    fs.lookup("/none/x")

    assert "/none/x" not in fs._cache


@pytest.mark.parametrize("path", ["/" + "x" * 300, "/" + "d/" * 600 + "f", "/d/f/"])
def test_odd_paths_are_walked(path: str) -> None:
    """What could be too long, or ends in a slash, is left to the walk."""
    fs = union()
    fs.listdir("/")

    assert not fs.lookup(path)


def test_long_paths_are_too_long_however_well_known() -> None:
    """A path of more than 4095 bytes is no path, also where its directory is known."""
    head = "/" + "/".join(["x" * 200] * 20)
    short, long = f"{head}/{'y' * 30}", f"{head}/{'y' * 200}"
    fs = UnionFS([Layer.build({short: "", long: ""})])
    before = fs.lookup(long)
    fs.lookup(short)

    assert Negative(errno.ENAMETOOLONG) == before == fs.lookup(long)


def test_negative_is_false() -> None:
    """Absence is a value that reads as no."""
    assert not Negative(2)
    assert Negative(2) == Negative(2)


def test_other_users_are_not_answered_from_memory() -> None:
    """A user who may not search a directory does not profit from root's lookups."""
    fs = union()
    fs.chmod("/d", 0o700)
    fs.stat("/d/f")
    other = fs.as_user(1, 1)

    assert not other.lookup("/d/f")
    assert not other.exists("/d/f")
    assert other.lookup("/e")
    assert fs.as_user(0, 0).exists("/d/f")
