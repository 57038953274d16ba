"""What follows from the verbs: entries, walks, whole files, trees."""

from __future__ import annotations

import errno
import pathlib

import pytest

from unionfs_sim import Kind, Layer, Symlink, UnionFS, UnionFSError


@pytest.fixture
def fs() -> UnionFS:
    """Give a union with a little of everything."""
    return UnionFS(
        [
            Layer.build(
                {
                    "d/e/x": "",
                    "d/f": "text",
                    "to-d": Symlink("d"),
                    "to-f": Symlink("d/f"),
                    "gone": Symlink("none"),
                }
            )
        ]
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # is_dir, is_file, the same without following, is_symlink.
        ("d", (True, False, True, False, False)),
        ("to-d", (True, False, False, False, True)),
        ("to-f", (False, True, False, False, True)),
        ("gone", (False, False, False, False, True)),
    ],
)
def test_entries(fs: UnionFS, name: str, expected: tuple[bool, ...]) -> None:
    """Entries answer as `os.DirEntry` does."""
    entry = next(x for x in fs.scandir("/") if x.name == name)

    assert expected == (
        entry.is_dir(),
        entry.is_file(),
        entry.is_dir(follow_symlinks=False),
        entry.is_file(follow_symlinks=False),
        entry.is_symlink(),
    )
    assert fs.lstat(f"/{name}").st_ino == entry.inode()
    assert fs.lstat(f"/{name}") == entry.stat(follow_symlinks=False)
    assert (f"/{name}", f"<DirEntry {name!r}>") == (entry.__fspath__(), repr(entry))


def test_entry_can_be_opened(fs: UnionFS) -> None:
    """An entry is a path."""
    (entry,) = (x for x in fs.scandir("d") if x.name == "f")

    assert "text" == fs.read_text(entry)


def test_scandir_closes(fs: UnionFS) -> None:
    """Behind the ``with`` nothing more comes."""
    with fs.scandir("/") as entries:
        next(entries)

    assert [] == list(entries)


def test_entries_of_the_upper_know_their_kinds(fs: UnionFS) -> None:
    """Kinds are those of what shows, upper or lower."""
    fs.mkfifo("/d/p")

    assert {"e": Kind.DIRECTORY, "f": Kind.REGULAR, "p": Kind.FIFO} == {
        entry.name: entry.kind for entry in fs.scandir("/d")
    }


def test_walk_follows_links_if_asked(fs: UnionFS) -> None:
    """Links to directories are named as such, and entered if wanted."""
    assert ["/", "/d", "/d/e"] == [path for path, _, _ in fs.walk()]
    assert ["/", "/d", "/d/e", "/to-d", "/to-d/e"] == [
        path for path, _, _ in fs.walk(followlinks=True)
    ]


def test_walk_can_be_pruned(fs: UnionFS) -> None:
    """Who empties the list of directories does not go further."""
    seen = []
    for path, directories, _ in fs.walk("/d"):
        seen.append(path)
        directories.clear()

    assert ["/d"] == seen


def test_walk_passes_over_what_went_away(fs: UnionFS) -> None:
    """A directory that goes during the walk is an error for those who ask."""
    told: list[OSError] = []
    for path, _, _ in fs.walk("/d", onerror=told.append):
        if path == "/d":
            fs.rmtree("/d/e")

    assert [(errno.ENOENT, "/d/e")] == [(x.errno, x.filename) for x in told]


def test_aliases_do_the_same(fs: UnionFS) -> None:
    """`remove` is `unlink`, `replace` is `rename`."""
    fs.replace("/d/f", "/d/g")
    fs.remove("/to-f")

    assert (True, False) == (fs.exists("/d/g"), fs.islink("/to-f"))


@pytest.mark.parametrize("path", ["/n/m/o", "n/m/o", "/n/m/o/", "/d/../n/m/o"])
def test_makedirs(fs: UnionFS, path: str) -> None:
    """Missing parents are made with the default mode, the last with the given one."""
    fs.makedirs(path, 0o700)

    assert [0o755, 0o755, 0o700] == [
        fs.stat(x).st_mode & 0o777 for x in ("/n", "/n/m", "/n/m/o")
    ]


def test_makedirs_takes_what_is_there(fs: UnionFS) -> None:
    """A directory that is there is fine where the caller says so."""
    fs.makedirs("/d/e", exist_ok=True)

    assert ["x"] == fs.listdir("/d/e")


@pytest.mark.parametrize(
    ("path", "exist_ok", "number"),
    [
        ("/d", False, errno.EEXIST),
        ("/d/f", True, errno.EEXIST),
        ("/gone", True, errno.EEXIST),
        ("/d/f/x", True, errno.EEXIST),
    ],
)
def test_makedirs_fails(fs: UnionFS, path: str, exist_ok: bool, number: int) -> None:
    """What is in the way is told."""
    with pytest.raises(UnionFSError) as caught:
        fs.makedirs(path, exist_ok=exist_ok)
    assert number == caught.value.errno


@pytest.mark.parametrize(
    ("path", "number"),
    [("/d/f", errno.ENOTDIR), ("/to-d", errno.ENOTDIR), ("/none", errno.ENOENT)],
)
def test_rmtree_fails(fs: UnionFS, path: str, number: int) -> None:
    """Only a directory itself is a tree."""
    with pytest.raises(UnionFSError) as caught:
        fs.rmtree(path)
    assert number == caught.value.errno


def test_text_has_options(fs: UnionFS) -> None:
    """Encoding, errors and newline are passed on."""
    fs.write_text("/n", "é\n", encoding="latin-1", newline="\r\n")

    assert b"\xe9\r\n" == fs.read_bytes("/n")
    assert "?\n" == fs.read_text("/n", encoding="ascii", errors="replace").replace(
        "\ufffd", "?"
    )


def test_paths_may_be_objects(fs: UnionFS) -> None:
    """Every verb takes path-like objects."""
    path = pathlib.PurePosixPath("/d/f")

    assert fs.stat("/d/f") == fs.stat(path)
    assert fs.lookup("/d/f") is fs.lookup(path)
    fs.unlink(path)
    assert not fs.exists(path)


def test_utime_takes_seconds(fs: UnionFS) -> None:
    """Times can be given in seconds; both forms at once are refused."""
    fs.utime("/d/f", (1.5, -0.5))

    got = fs.stat("/d/f")
    assert (1_500_000_000, -500_000_000) == (got.st_atime_ns, got.st_mtime_ns)
    with pytest.raises(ValueError, match="both"):
        fs.utime("/d/f", (1, 2), ns=(1, 2))


def test_chmod_of_a_link_itself(fs: UnionFS) -> None:
    """Linux has no mode for links."""
    with pytest.raises(UnionFSError) as caught:
        fs.chmod("/to-f", 0o600, follow_symlinks=False)

    assert errno.EOPNOTSUPP == caught.value.errno
    assert [] == fs.changes()
