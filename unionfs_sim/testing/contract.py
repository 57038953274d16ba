"""
The contract of `FileSystem`, as a suite of tests to inherit.

A file system supplies `ReadingContract.make_fs`, and pytest finds the rest::

    class TestMine(FilesystemContract):
        def make_fs(self) -> FileSystem:
            return Mine()

One that cannot be written inherits `ReadingContract` alone, and says in
`ReadingContract.with_tree` how it comes to hold a tree.  Every test asks for what all
file systems of Linux agree on, so that a directory of the host passes as well; that
proves the suite itself.  Needs pytest.
"""

# ruff: noqa: SIM300, FBT001 - as in tests: the expected value first, and in tables

from __future__ import annotations

import errno
import stat
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import pytest

from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.nodes import Symlink

#: The tree that every test starts from: paths, parents first; text is a file, ``None``
#: a directory.
TREE: Final[Mapping[str, str | Symlink | None]] = {
    "bare": None,
    "dangling": Symlink("none"),
    "dir": None,
    "dir/inner": "in",
    "dir/sub": None,
    "dir/sub/leaf": "deep",
    "dirlink": Symlink("dir"),
    "empty": "",
    "file": "hello",
    "link": Symlink("file"),
    "loop": Symlink("loop"),
    "up": Symlink("dir/sub/../inner"),
}

#: The built-in class that a caller may catch for an error number.
BUILTINS: Final[Mapping[int, type[OSError]]] = {
    errno.ENOENT: FileNotFoundError,
    errno.EEXIST: FileExistsError,
    errno.ENOTDIR: NotADirectoryError,
    errno.EISDIR: IsADirectoryError,
    errno.EACCES: PermissionError,
    errno.EPERM: PermissionError,
}

#: A call under test.
Call = Callable[[FileSystem], object]


@contextmanager
def failing(number: int) -> Iterator[None]:
    """Expect an `OSError` with this number, of the built-in class that goes with it."""
    with pytest.raises(OSError) as caught:
        yield
    got = caught.value
    assert number == got.errno, f"{errno.errorcode[number]} wanted, got {got!r}"
    assert isinstance(got, BUILTINS.get(number, OSError))


def populate(fs: FileSystem) -> None:
    """Make `TREE` by the verbs of a file system."""
    for path, value in TREE.items():
        if value is None:
            fs.mkdir(f"/{path}", 0o755)
        elif isinstance(value, Symlink):
            fs.symlink(value.target, f"/{path}")
        else:
            fs.write_text(f"/{path}", value)


def errors(*rows: tuple[int, str, Call]) -> pytest.MarkDecorator:
    """Make a test of a table: an error number, a name for the row, and a call."""
    table = [pytest.param(number, call, id=name) for number, name, call in rows]
    return pytest.mark.parametrize(("number", "call"), table)


class ReadingContract:
    """What can be asked of a file system without changing it."""

    @abstractmethod
    def make_fs(self) -> FileSystem:
        """Give an empty file system; called once a test."""

    def with_tree(self) -> FileSystem:
        """Give a file system that holds `TREE`; written by its own verbs by default."""
        fs = self.make_fs()
        populate(fs)
        return fs

    @pytest.fixture
    def fs(self) -> FileSystem:
        """Give the file system that a test is about."""
        return self.with_tree()

    # --- status -----------------------------------------------------------------

    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/", stat.S_IFDIR),
            ("/file", stat.S_IFREG),
            ("file", stat.S_IFREG),
            ("//dir///inner", stat.S_IFREG),
            ("/./dir/./sub/.", stat.S_IFDIR),
            ("/dir/", stat.S_IFDIR),
            ("/dir/sub/..", stat.S_IFDIR),
            ("/link", stat.S_IFREG),
            ("/dirlink", stat.S_IFDIR),
            ("/dirlink/inner", stat.S_IFREG),
            ("/dirlink/sub/../inner", stat.S_IFREG),
            ("/up", stat.S_IFREG),
        ],
    )
    def test_stat_gives_the_kind(self, fs: FileSystem, path: str, kind: int) -> None:
        """The type bits say what a path leads to, links followed."""
        assert kind == stat.S_IFMT(fs.stat(path).st_mode)

    @pytest.mark.parametrize("path", ["/link", "/dirlink", "/dangling", "/loop"])
    def test_lstat_does_not_follow(self, fs: FileSystem, path: str) -> None:
        """The status of a link itself is that of a link, wherever it leads."""
        assert stat.S_ISLNK(fs.lstat(path).st_mode)

    def test_lstat_follows_before_a_slash(self, fs: FileSystem) -> None:
        """A slash behind a link asks for the directory that it leads to."""
        assert stat.S_ISDIR(fs.lstat("/dirlink/").st_mode)

    def test_stat_gives_the_size(self, fs: FileSystem) -> None:
        """Sizes count bytes; a link's is that of its text."""
        paths = ["/file", "/empty", "/link"]

        assert [5, 0, 4] == [fs.lstat(path).st_size for path in paths]

    def test_stat_tells_files_apart(self, fs: FileSystem) -> None:
        """Two paths to one file have one inode number, two files have two."""
        assert fs.stat("/file").st_ino == fs.stat("/link").st_ino
        assert fs.stat("/file").st_ino != fs.stat("/empty").st_ino

    def test_stat_counts_the_names_of_a_file(self, fs: FileSystem) -> None:
        """A file with one name has one link."""
        assert 1 == fs.stat("/file").st_nlink

    @errors(
        (errno.ENOENT, "missing", lambda fs: fs.stat("/none")),
        (errno.ENOENT, "missing parent", lambda fs: fs.stat("/none/x")),
        (errno.ENOENT, "empty path", lambda fs: fs.stat("")),
        (errno.ENOENT, "dangling", lambda fs: fs.stat("/dangling")),
        (errno.ENOTDIR, "under a file", lambda fs: fs.stat("/file/x")),
        (errno.ENOTDIR, "file and slash", lambda fs: fs.stat("/file/")),
        (errno.ENOTDIR, "file and dot", lambda fs: fs.stat("/file/.")),
        (errno.ENOTDIR, "file and dots", lambda fs: fs.stat("/file/..")),
        (errno.ENOTDIR, "link to a file and slash", lambda fs: fs.stat("/link/")),
        (errno.ELOOP, "loop", lambda fs: fs.stat("/loop")),
        (errno.ELOOP, "under a loop", lambda fs: fs.lstat("/loop/x")),
        (errno.ENAMETOOLONG, "name", lambda fs: fs.stat("/" + "x" * 256)),
        (errno.ENAMETOOLONG, "bytes of a name", lambda fs: fs.stat("/" + "é" * 128)),
        (errno.ENAMETOOLONG, "path", lambda fs: fs.stat("/" + "x/" * 2048)),
    )
    def test_stat_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """What is not there, or cannot be, has no status."""
        with failing(number):
            call(fs)

    def test_error_carries_the_path_as_given(self, fs: FileSystem) -> None:
        """The error of a call names the path as the caller wrote it."""
        with pytest.raises(FileNotFoundError) as caught:
            fs.stat("dir/../none")

        assert "dir/../none" == caught.value.filename

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/file", (True, True, False, False)),
            ("/link", (True, True, False, True)),
            ("/dir", (True, False, True, False)),
            ("/dirlink", (True, False, True, True)),
            ("/dangling", (False, False, False, True)),
            ("/loop", (False, False, False, True)),
            ("/none", (False, False, False, False)),
            ("/file/x", (False, False, False, False)),
        ],
    )
    def test_predicates(
        self, fs: FileSystem, path: str, expected: tuple[bool, ...]
    ) -> None:
        """Predicates answer, and never fail."""
        got = fs.exists(path), fs.isfile(path), fs.isdir(path), fs.islink(path)

        assert expected == got

    @pytest.mark.parametrize(
        ("path", "mode", "expected"),
        [
            ("/file", 0, True),
            ("/file", 4, True),
            ("/dir", 5, True),
            ("/none", 0, False),
        ],
    )
    def test_access(self, fs: FileSystem, path: str, mode: int, expected: bool) -> None:
        """What is there and readable can be accessed."""
        assert expected is fs.access(path, mode)

    # --- listings and links -----------------------------------------------------

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/", sorted(path for path in TREE if "/" not in path)),
            ("/dir", ["inner", "sub"]),
            ("/dir/", ["inner", "sub"]),
            ("dirlink", ["inner", "sub"]),
            ("/dir/sub/..", ["inner", "sub"]),
            ("/bare", []),
        ],
    )
    def test_listdir(self, fs: FileSystem, path: str, expected: list[str]) -> None:
        """A listing has each name once, in order, without ``.`` and ``..``."""
        assert expected == fs.listdir(path)

    @errors(
        (errno.ENOENT, "missing", lambda fs: fs.listdir("/none")),
        (errno.ENOTDIR, "file", lambda fs: fs.listdir("/file")),
        (errno.ENOTDIR, "link to a file", lambda fs: fs.scandir("/link")),
        (errno.ELOOP, "loop", lambda fs: fs.scandir("/loop")),
        (errno.EINVAL, "readlink of a file", lambda fs: fs.readlink("/file")),
        (errno.EINVAL, "readlink of a directory", lambda fs: fs.readlink("/dir")),
        (errno.EINVAL, "readlink and slash", lambda fs: fs.readlink("/dirlink/")),
        (errno.ENOENT, "readlink of nothing", lambda fs: fs.readlink("/none")),
    )
    def test_listing_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """Only directories are listed, and only links have a text."""
        with failing(number):
            call(fs)

    def test_scandir_knows_kinds(self, fs: FileSystem) -> None:
        """Entries tell directories, files and links apart."""
        with fs.scandir("/") as entries:
            kinds = {
                entry.name: (entry.is_dir(), entry.is_file(), entry.is_symlink())
                for entry in entries
            }

        assert (True, False, False) == kinds["dir"]
        assert (False, True, False) == kinds["file"]
        assert (False, True, True) == kinds["link"]
        assert (True, False, True) == kinds["dirlink"]
        assert (False, False, True) == kinds["dangling"]

    def test_scandir_gives_paths_as_asked(self, fs: FileSystem) -> None:
        """The path of an entry starts with the directory's as it was given."""
        assert ["dir/inner", "dir/sub"] == [entry.path for entry in fs.scandir("dir")]

    def test_readlink(self, fs: FileSystem) -> None:
        """The text of a link is as it was made."""
        links = {path: x for path, x in TREE.items() if isinstance(x, Symlink)}

        assert {p: x.target for p, x in links.items()} == {
            path: fs.readlink(f"/{path}") for path in links
        }

    def test_walk(self, fs: FileSystem) -> None:
        """A walk gives each directory once, and does not enter links."""
        names = ["file", "dangling", "empty", "link", "loop", "up"]

        assert [
            ("/", ["bare", "dir", "dirlink"], sorted(names)),
            ("/bare", [], []),
            ("/dir", ["sub"], ["inner"]),
            ("/dir/sub", [], ["leaf"]),
        ] == list(fs.walk("/"))

    def test_walk_bottom_up(self, fs: FileSystem) -> None:
        """Bottom up, a directory comes after what is in it."""
        order = [path for path, _, _ in fs.walk("/dir", topdown=False)]

        assert ["/dir/sub", "/dir"] == order

    def test_walk_tells_its_errors(self, fs: FileSystem) -> None:
        """What cannot be listed is told to those who ask."""
        told: list[OSError] = []
        list(fs.walk("/none", onerror=told.append))

        assert [errno.ENOENT] == [error.errno for error in told]

    # --- reading ----------------------------------------------------------------

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/file", b"hello"),
            ("/link", b"hello"),
            ("/empty", b""),
            ("/dirlink/sub/leaf", b"deep"),
            ("/up", b"in"),
        ],
    )
    def test_read_bytes(self, fs: FileSystem, path: str, expected: bytes) -> None:
        """A file gives the bytes that it holds."""
        assert expected == fs.read_bytes(path)

    def test_read_in_pieces(self, fs: FileSystem) -> None:
        """An open file has a position that reading and seeking move."""
        with fs.open("/file", "rb") as file:
            pieces = [file.read(2), file.read(2), file.read(9), file.read()]
            file.seek(-2, 2)
            pieces.append(file.read())

        assert [b"he", b"ll", b"o", b"", b"lo"] == pieces

    def test_two_readers_have_two_positions(self, fs: FileSystem) -> None:
        """Opening a file twice gives two positions."""
        with fs.open("/file", "rb") as one, fs.open("/file", "rb") as other:
            one.read(3)

            assert b"hello" == other.read()

    @errors(
        (errno.ENOENT, "missing", lambda fs: fs.open("/none", "rb")),
        (errno.ENOENT, "dangling", lambda fs: fs.open("/dangling", "rb")),
        (errno.EISDIR, "directory", lambda fs: fs.open("/dir", "rb")),
        (errno.ENOTDIR, "under a file", lambda fs: fs.open("/file/x", "rb")),
        (errno.ENOTDIR, "file and slash", lambda fs: fs.open("/file/", "rb")),
        (errno.ELOOP, "loop", lambda fs: fs.open("/loop", "rb")),
    )
    def test_open_to_read_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """Only what leads to a file is opened."""
        with failing(number):
            call(fs)

    @pytest.mark.parametrize("mode", ["", "rw", "rr", "q", "tb", "b", "r+w"])
    def test_open_refuses_a_mode(self, fs: FileSystem, mode: str) -> None:
        """A mode that Python's ``open`` refuses is a `ValueError`."""
        with pytest.raises(ValueError, match="mode"):
            fs.open("/file", mode)


class FilesystemContract(ReadingContract):
    """What a file system that can be written must do."""

    # --- files ------------------------------------------------------------------

    def test_write_makes_a_file(self, fs: FileSystem) -> None:
        """What is written to a new name can be read, and the count is given."""
        assert 3 == fs.write_bytes("/new", b"new")
        assert b"new" == fs.read_bytes("/new")

    def test_write_replaces(self, fs: FileSystem) -> None:
        """Writing a whole file leaves nothing of what it held."""
        fs.write_text("/file", "x")

        assert "x" == fs.read_text("/file")

    def test_write_follows_a_link(self, fs: FileSystem) -> None:
        """Writing to a link changes what it leads to, and the link stays."""
        fs.write_text("/link", "x")

        assert ("x", True) == (fs.read_text("/file"), fs.islink("/link"))

    def test_write_through_a_dangling_link(self, fs: FileSystem) -> None:
        """Writing to a link that leads nowhere makes what it names."""
        fs.write_text("/dangling", "x")

        assert "x" == fs.read_text("/none")

    def test_update_in_place(self, fs: FileSystem) -> None:
        """A file opened for update keeps what is not written over."""
        with fs.open("/file", "r+b") as file:
            file.seek(1)
            file.write(b"EL")

        assert b"hELlo" == fs.read_bytes("/file")

    def test_writing_behind_the_end_leaves_zeros(self, fs: FileSystem) -> None:
        """A gap before what is written reads as zeros."""
        with fs.open("/file", "r+b") as file:
            file.seek(7)
            file.write(b"x")

        assert b"hello\0\0x" == fs.read_bytes("/file")

    def test_reader_sees_a_later_write(self, fs: FileSystem) -> None:
        """A file that was open for reading shows what is written to it since."""
        with fs.open("/file", "rb", 0) as reader:
            with fs.open("/file", "ab") as writer:
                writer.write(b"!")

            assert b"hello!" == reader.read()

    @pytest.mark.parametrize(
        ("length", "expected"), [(0, b""), (2, b"he"), (5, b"hello"), (7, b"hello\0\0")]
    )
    def test_truncate(self, fs: FileSystem, length: int, expected: bytes) -> None:
        """A file is cut, or prolonged with zeros."""
        fs.truncate("/file", length)

        assert expected == fs.read_bytes("/file")

    @errors(
        (errno.EEXIST, "exclusive", lambda fs: fs.open("/file", "x")),
        (errno.EEXIST, "exclusive, dangling", lambda fs: fs.open("/dangling", "x")),
        (errno.EISDIR, "write a directory", lambda fs: fs.open("/dir", "w")),
        (errno.EISDIR, "append to a directory", lambda fs: fs.open("/dir", "a")),
        (errno.ENOENT, "update nothing", lambda fs: fs.open("/none", "r+")),
        (errno.ENOENT, "missing parent", lambda fs: fs.open("/none/x", "w")),
        (errno.EISDIR, "new name and slash", lambda fs: fs.open("/new/", "w")),
        (errno.ENOTDIR, "under a file", lambda fs: fs.open("/file/x", "w")),
        (errno.ENOENT, "truncate nothing", lambda fs: fs.truncate("/none", 0)),
        (errno.EISDIR, "truncate a directory", lambda fs: fs.truncate("/dir", 0)),
        (errno.EINVAL, "truncate below zero", lambda fs: fs.truncate("/file", -1)),
    )
    def test_writing_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """What cannot be written says why."""
        with failing(number):
            call(fs)

    # --- directories ------------------------------------------------------------

    @pytest.mark.parametrize("path", ["/new", "/new/", "/dir/new", "/dirlink/new"])
    def test_mkdir(self, fs: FileSystem, path: str) -> None:
        """A new directory is there, and empty."""
        fs.mkdir(path)

        assert [] == fs.listdir(path)

    @errors(
        (errno.EEXIST, "file", lambda fs: fs.mkdir("/file")),
        (errno.EEXIST, "directory", lambda fs: fs.mkdir("/dir/")),
        (errno.EEXIST, "link", lambda fs: fs.mkdir("/dangling")),
        (errno.EEXIST, "root", lambda fs: fs.mkdir("/")),
        (errno.EEXIST, "dot", lambda fs: fs.mkdir("/dir/.")),
        (errno.EEXIST, "dots", lambda fs: fs.mkdir("/dir/..")),
        (errno.ENOENT, "missing parent", lambda fs: fs.mkdir("/none/x")),
        (errno.ENOTDIR, "under a file", lambda fs: fs.mkdir("/file/x")),
        (errno.ENAMETOOLONG, "long name", lambda fs: fs.mkdir("/" + "x" * 256)),
    )
    def test_mkdir_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """A directory is made once, in one that is there."""
        with failing(number):
            call(fs)

    def test_makedirs(self, fs: FileSystem) -> None:
        """Missing parents are made as well."""
        fs.makedirs("/dir/a/b/c")

        assert ["b"] == fs.listdir("/dir/a")

    @errors(
        (errno.EEXIST, "directory", lambda fs: fs.makedirs("/dir")),
        (errno.EEXIST, "file", lambda fs: fs.makedirs("/file", exist_ok=True)),
        (errno.ENOTDIR, "under a file", lambda fs: fs.mkdir("/file/x/y")),
        (errno.ENOTDIR, "rmtree of a file", lambda fs: fs.rmtree("/file")),
    )
    def test_makedirs_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """What is in the way stays."""
        with failing(number):
            call(fs)

    @pytest.mark.parametrize("path", ["/bare", "/bare/", "/dir/../bare"])
    def test_rmdir(self, fs: FileSystem, path: str) -> None:
        """An empty directory is gone once it is removed."""
        fs.rmdir(path)

        assert not fs.exists("/bare")

    @errors(
        (errno.ENOENT, "missing", lambda fs: fs.rmdir("/none")),
        (errno.ENOTDIR, "file", lambda fs: fs.rmdir("/file")),
        (errno.ENOTDIR, "link", lambda fs: fs.rmdir("/dirlink")),
        (errno.ENOTEMPTY, "full", lambda fs: fs.rmdir("/dir")),
        (errno.EINVAL, "dot", lambda fs: fs.rmdir("/bare/.")),
        (errno.ENOTEMPTY, "dots", lambda fs: fs.rmdir("/dir/sub/..")),
    )
    def test_rmdir_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """Only an empty directory is removed, by its name."""
        with failing(number):
            call(fs)

    def test_rmdir_after_emptying(self, fs: FileSystem) -> None:
        """A directory whose entries are gone can be removed."""
        fs.unlink("/dir/sub/leaf")
        fs.rmdir("/dir/sub")

        assert ["inner"] == fs.listdir("/dir")

    def test_rmtree(self, fs: FileSystem) -> None:
        """A tree goes with all that is in it; what links led to stays."""
        fs.symlink("../file", "/dir/out")
        fs.rmtree("/dir")

        assert (False, "hello") == (fs.exists("/dir"), fs.read_text("/file"))

    # --- names ------------------------------------------------------------------

    @pytest.mark.parametrize("path", ["/file", "/link", "/dangling", "/dir/inner"])
    def test_unlink(self, fs: FileSystem, path: str) -> None:
        """A name is gone once it is removed; a link goes itself."""
        fs.unlink(path)

        assert not fs.islink(path)
        assert path.rpartition("/")[2] not in fs.listdir(path.rpartition("/")[0] or "/")

    def test_unlink_leaves_open_files(self, fs: FileSystem) -> None:
        """A file that is open goes on without its name."""
        with fs.open("/file", "rb") as file:
            fs.unlink("/file")

            assert b"hello" == file.read()

    @errors(
        (errno.ENOENT, "missing", lambda fs: fs.unlink("/none")),
        (errno.EISDIR, "directory", lambda fs: fs.unlink("/dir")),
        (errno.ENOTDIR, "file and slash", lambda fs: fs.unlink("/file/")),
        (errno.EISDIR, "directory and slash", lambda fs: fs.unlink("/dir/")),
        (errno.ENOTDIR, "under a file", lambda fs: fs.unlink("/file/x")),
        (errno.ENOENT, "missing parent", lambda fs: fs.unlink("/none/x")),
    )
    def test_unlink_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """Only names of what is no directory are removed."""
        with failing(number):
            call(fs)

    def test_name_can_be_used_again(self, fs: FileSystem) -> None:
        """After a file a directory of the same name is empty, and the reverse."""
        fs.rmtree("/dir")
        fs.mkdir("/dir")

        assert [] == fs.listdir("/dir")
        fs.rmdir("/dir")
        fs.write_text("/dir", "file")
        assert "file" == fs.read_text("/dir")

    @pytest.mark.parametrize(
        ("source", "target"),
        [
            ("/file", "/new"),
            ("/file", "/dir/inner"),
            ("/dir/inner", "/file"),
            ("/dir/sub/leaf", "/bare/leaf"),
            ("/file", "/link"),
        ],
    )
    def test_rename_file(self, fs: FileSystem, source: str, target: str) -> None:
        """A renamed file has its new name alone, and replaces what was there."""
        text = fs.read_text(source)
        fs.rename(source, target)

        assert (text, False) == (fs.read_text(target), fs.exists(source))
        assert not fs.islink(target)

    def test_rename_moves_a_link_itself(self, fs: FileSystem) -> None:
        """A renamed link leads where its text says."""
        fs.rename("/link", "/moved")

        assert "file" == fs.readlink("/moved")

    def test_rename_own_directory(self, fs: FileSystem) -> None:
        """A directory that was made here moves with all that is in it."""
        fs.makedirs("/mine/deep")
        fs.write_text("/mine/deep/x", "x")
        fs.rename("/mine", "/bare/yours")

        assert ("x", False) == (
            fs.read_text("/bare/yours/deep/x"),
            fs.exists("/mine"),
        )

    def test_rename_own_directory_over_an_empty_one(self, fs: FileSystem) -> None:
        """An empty directory gives way to another."""
        fs.mkdir("/mine")
        fs.write_text("/mine/x", "x")
        fs.rename("/mine", "/bare")

        assert ["x"] == fs.listdir("/bare")

    def test_rename_to_itself(self, fs: FileSystem) -> None:
        """Renaming a name to itself does nothing."""
        fs.rename("/file", "/file")

        assert "hello" == fs.read_text("/file")

    def test_rename_between_names_of_one_file(self, fs: FileSystem) -> None:
        """Renaming one name of a file to another leaves both."""
        fs.link("/file", "/twin")
        fs.rename("/file", "/twin")

        assert ("hello", "hello") == (fs.read_text("/file"), fs.read_text("/twin"))

    @errors(
        (errno.ENOENT, "missing", lambda fs: fs.rename("/none", "/new")),
        (errno.ENOENT, "no new parent", lambda fs: fs.rename("/file", "/none/x")),
        (errno.ENOTDIR, "into a file", lambda fs: fs.rename("/file", "/empty/x")),
        (errno.EISDIR, "over a directory", lambda fs: fs.rename("/file", "/bare")),
        (errno.ENOTDIR, "over a file", lambda fs: fs.rename("/dir", "/file")),
        (errno.EINVAL, "into itself", lambda fs: fs.rename("/dir", "/dir/sub/x")),
        (errno.ENOTEMPTY, "over its parent", lambda fs: fs.rename("/dir/sub", "/dir")),
        (errno.ENOTDIR, "file and slash", lambda fs: fs.rename("/file/", "/new")),
        (errno.ENOTDIR, "to name and slash", lambda fs: fs.rename("/file", "/new/")),
        (errno.EBUSY, "dot", lambda fs: fs.rename("/dir/.", "/new")),
        (errno.EBUSY, "dots", lambda fs: fs.rename("/dir/..", "/new")),
        (errno.EBUSY, "to dot", lambda fs: fs.rename("/file", "/dir/.")),
    )
    def test_rename_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """What cannot be renamed stays where it is."""
        with failing(number):
            call(fs)

    def test_rename_over_a_full_directory(self, fs: FileSystem) -> None:
        """A directory with entries is not replaced."""
        fs.mkdir("/mine")
        with failing(errno.ENOTEMPTY):
            fs.rename("/mine", "/dir")

    def test_link(self, fs: FileSystem) -> None:
        """Two names of one file show one inode, two links, and each other's writes."""
        fs.link("/file", "/twin")
        fs.write_text("/twin", "both")

        assert "both" == fs.read_text("/file")
        assert fs.stat("/file").st_ino == fs.stat("/twin").st_ino
        assert 2 == fs.stat("/file").st_nlink

    def test_link_outlives_the_first_name(self, fs: FileSystem) -> None:
        """Removing one name of a file leaves the other."""
        fs.link("/file", "/twin")
        fs.unlink("/file")

        assert ("hello", 1) == (fs.read_text("/twin"), fs.stat("/twin").st_nlink)

    def test_link_of_a_link(self, fs: FileSystem) -> None:
        """A symbolic link can have two names; it is not followed."""
        fs.link("/dangling", "/twin")

        assert "none" == fs.readlink("/twin")

    @errors(
        (errno.ENOENT, "missing", lambda fs: fs.link("/none", "/new")),
        (errno.EEXIST, "visible name", lambda fs: fs.link("/file", "/empty")),
        (errno.EEXIST, "its own name", lambda fs: fs.link("/file", "/file")),
        (errno.EPERM, "directory", lambda fs: fs.link("/dir", "/new")),
        (errno.ENOENT, "no new parent", lambda fs: fs.link("/file", "/none/x")),
        (errno.ENOTDIR, "into a file", lambda fs: fs.link("/file", "/empty/x")),
        (errno.ENOENT, "to name and slash", lambda fs: fs.link("/file", "/new/")),
        (errno.EEXIST, "symlink to a name", lambda fs: fs.symlink("x", "/file")),
        (errno.ENOENT, "empty symlink", lambda fs: fs.symlink("", "/new")),
        (errno.ENOENT, "symlink and slash", lambda fs: fs.symlink("x", "/new/")),
        (errno.ENAMETOOLONG, "long text", lambda fs: fs.symlink("x" * 4096, "/new")),
        (errno.EEXIST, "fifo over a name", lambda fs: fs.mkfifo("/file")),
        (errno.ENOENT, "fifo in nothing", lambda fs: fs.mkfifo("/none/x")),
    )
    def test_linking_fails(self, fs: FileSystem, number: int, call: Call) -> None:
        """A name is given once, and not to directories."""
        with failing(number):
            call(fs)

    def test_symlink(self, fs: FileSystem) -> None:
        """A new link leads where its text says, as soon as something is there."""
        fs.symlink("sub/leaf", "/dir/short")

        assert "deep" == fs.read_text("/dir/short")

    def test_symlink_keeps_any_text(self, fs: FileSystem) -> None:
        """The text of a link is not looked at."""
        fs.symlink("a//./b/../\udcff", "/new")

        assert "a//./b/../\udcff" == fs.readlink("/new")

    def test_mkfifo(self, fs: FileSystem) -> None:
        """A new pipe is one, with the mode that was asked for, less the umask."""
        fs.mkfifo("/new", 0o600)

        assert stat.S_IFIFO | 0o600 == fs.lstat("/new").st_mode

    # --- attributes -------------------------------------------------------------

    @pytest.mark.parametrize("path", ["/file", "/dir", "/empty"])
    def test_chmod(self, fs: FileSystem, path: str) -> None:
        """The mode that is set is the mode that shows; the kind stays."""
        kind = stat.S_IFMT(fs.stat(path).st_mode)
        fs.chmod(path, 0o750)

        assert kind | 0o750 == fs.stat(path).st_mode

    def test_chmod_follows_a_link(self, fs: FileSystem) -> None:
        """The mode of a link is that of what it leads to."""
        fs.chmod("/link", 0o600)

        assert 0o600 == stat.S_IMODE(fs.stat("/file").st_mode)

    def test_chmod_keeps_content_and_neighbours(self, fs: FileSystem) -> None:
        """A change of the mode changes nothing else."""
        fs.chmod("/dir", 0o700)
        fs.chmod("/dir/inner", 0o600)

        assert (["inner", "sub"], "in") == (
            fs.listdir("/dir"),
            fs.read_text("/dir/inner"),
        )

    @pytest.mark.parametrize("path", ["/file", "/dir"])
    def test_utime(self, fs: FileSystem, path: str) -> None:
        """Times are kept to the nanosecond."""
        fs.utime(path, ns=(1_234_567_891, 9_876_543_219))

        got = fs.stat(path)
        assert (1_234_567_891, 9_876_543_219) == (got.st_atime_ns, got.st_mtime_ns)

    def test_utime_of_a_link_itself(self, fs: FileSystem) -> None:
        """A link has times of its own."""
        before = fs.stat("/file").st_mtime_ns
        fs.utime("/link", ns=(1, 2), follow_symlinks=False)

        assert (2, before) == (
            fs.lstat("/link").st_mtime_ns,
            fs.stat("/file").st_mtime_ns,
        )

    def test_writing_sets_the_time(self, fs: FileSystem) -> None:
        """A write makes a file younger than it was."""
        fs.utime("/file", ns=(1, 2))
        fs.write_text("/file", "new")

        assert fs.stat("/file").st_mtime_ns > 2

    def test_new_name_sets_the_time_of_its_directory(self, fs: FileSystem) -> None:
        """A directory is younger once it has a new name; one below it does not count."""
        fs.utime("/dir", ns=(1, 2))
        fs.write_text("/dir/sub/x", "")

        assert 2 == fs.stat("/dir").st_mtime_ns
        fs.write_text("/dir/x", "")
        assert fs.stat("/dir").st_mtime_ns > 2

    def test_xattrs(self, fs: FileSystem) -> None:
        """An extended attribute is kept until it is removed."""
        fs.setxattr("/file", "user.k", b"v\0")

        assert b"v\0" == fs.getxattr("/file", "user.k")
        assert "user.k" in fs.listxattr("/file")
        fs.removexattr("/file", "user.k")
        assert "user.k" not in fs.listxattr("/file")

    def test_xattr_flags(self, fs: FileSystem) -> None:
        """One can ask for an attribute to be new, or to be there."""
        fs.setxattr("/dir", "user.k", b"1", 1)
        fs.setxattr("/dir", "user.k", b"2", 2)

        assert b"2" == fs.getxattr("/dir", "user.k")
        with failing(errno.EEXIST):
            fs.setxattr("/dir", "user.k", b"3", 1)
        with failing(errno.ENODATA):
            fs.setxattr("/dir", "user.none", b"3", 2)

    @errors(
        (errno.ENOENT, "chmod", lambda fs: fs.chmod("/none", 0o600)),
        (errno.ENOENT, "chown", lambda fs: fs.chown("/none", -1, -1)),
        (errno.ENOENT, "utime", lambda fs: fs.utime("/dangling")),
        (errno.ENOTDIR, "chmod, slash", lambda fs: fs.chmod("/file/", 0o600)),
        (errno.ENOENT, "setxattr", lambda fs: fs.setxattr("/none", "user.k", b"")),
        (errno.ENODATA, "getxattr", lambda fs: fs.getxattr("/file", "user.k")),
        (errno.ENODATA, "removexattr", lambda fs: fs.removexattr("/file", "user.k")),
        (errno.EOPNOTSUPP, "prefix", lambda fs: fs.setxattr("/file", "what.k", b"")),
        (
            errno.ERANGE,
            "long xattr name",
            lambda fs: fs.setxattr("/file", "user." + "k" * 251, b""),
        ),
    )
    def test_attributes_fail(self, fs: FileSystem, number: int, call: Call) -> None:
        """What is not there has no attributes to change."""
        with failing(number):
            call(fs)

    def test_chown_to_the_same_owner(self, fs: FileSystem) -> None:
        """-1 leaves owner and group as they are."""
        before = fs.stat("/file")
        fs.chown("/file", -1, -1)

        after = fs.stat("/file")
        assert (before.st_uid, before.st_gid) == (after.st_uid, after.st_gid)
