"""Draw random programs whose calls collide, and still often succeed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, TypeVar, final

from unionfs_sim.testing.conformance.cases import Op, Tree

_T = TypeVar("_T")

#: Few, so that they collide.
NAMES: Final = ("a", "b", "c", "d")
DEPTH_MAX: Final = 3

MODES: Final = {
    "dir": ("0755", "0755", "0755", "0700", "0777", "0777", "2775", "0500"),
    "file": ("0644", "0644", "0644", "0600", "0666", "4755", "2755", "0000"),
}
OWNERS: Final = ((0, 0), (0, 0), (0, 0), (1000, 1000), (5, 6), (1000, 6))
#: User, group and further groups.
_USERS: Final = ((1000, 1000), (5, 6), (1000, 5, 6), (7, 7, 6, 1000), (1000, 6, 0))
#: In such a directory, what O_CREAT may open depends on settings of the host
#: (``fs.protected_regular``): programs that meet one do without.
STICKY: Final = "1777"
TARGETS: Final = (
    *("a", "b", "c", "d", "a/b", "b/c", "nowhere"),
    *("a/", "./b", "d/.", "a/../b", "b//c", "c/../d/"),
)
#: Names that something might take for more than a name, and as long as one may be.
ODD_NAMES: Final = (".wh.a", "..a", "a b", "\u00e4", "n" * 255, "n" * 256)
CHR: Final = (240, 1)  # numbers for experiments: no driver answers
BLK: Final = (240, 0)


def weighted(rng: Random, choices: Sequence[tuple[float, _T]]) -> _T:
    """Choose one of some values, each with its weight."""
    return rng.choices([item for _, item in choices], [w for w, _ in choices])[0]


@final
class Sketch:
    """
    A rough idea of what is where, so that more calls meet something.

    It takes every call for granted that may succeed; where it errs, a call fails.
    """

    def __init__(self, kinds: dict[str, str]) -> None:
        self._kinds = kinds

    @classmethod
    def of(cls, layers: Sequence[Tree]) -> Sketch:
        """Make a sketch of a stack, top first."""
        kinds: dict[str, str] = {}
        for tree in reversed(layers):
            for path, node in tree.items():
                if path == ".":
                    continue
                if node.type != "dir" and kinds.get(path) == "dir":
                    _forget(kinds, path)
                kinds[path] = node.type
        for path in [path for path, kind in kinds.items() if "whiteout" in kind]:
            _forget(kinds, path)
        return cls(kinds)

    def paths(self, kind: str | None = None) -> list[str]:
        """List what is there, or what is of one kind; ``"leaf"`` is no directory."""
        return [
            path
            for path, found in self._kinds.items()
            if kind is None or found == kind or (kind == "leaf" and found != "dir")
        ]

    def kind(self, path: str) -> str | None:
        """Give the kind of what may be at a path, or ``None``."""
        return self._kinds.get(path)

    def put(self, path: str, kind: str) -> None:
        """Note that something may have been made."""
        if not _plain(path):
            return
        parent = path.rpartition("/")[0]
        if not parent or self._kinds.get(parent) == "dir":
            self._kinds.setdefault(path, kind)

    def move(self, src: str, dst: str, *, swap: bool = False) -> None:
        """Note that something may have been moved, with what is in it."""
        kind = self._kinds.get(src)
        if kind is None or not _plain(dst) or f"{dst}/".startswith(f"{src}/"):
            return
        if f"{src}/".startswith(f"{dst}/"):
            return
        moved = _forget(self._kinds, src)
        replaced = _forget(self._kinds, dst)
        for path, found in moved.items():
            self._kinds[dst + path[len(src) :]] = found
        if swap:
            for path, found in replaced.items():
                self._kinds[src + path[len(dst) :]] = found

    def drop(self, path: str) -> None:
        """Note that something may have been removed."""
        _forget(self._kinds, path)


def _plain(path: str) -> bool:
    """Tell whether a path is one that a sketch keeps: no dots, no slash at the end."""
    return not {"", ".", ".."}.intersection(path.split("/"))


def _forget(kinds: dict[str, str], path: str) -> dict[str, str]:
    gone = [key for key in kinds if key == path or key.startswith(f"{path}/")]
    return {key: kinds.pop(key) for key in gone}


@final
class ProgramMaker:
    """
    Draws the calls of a program.

    Args:
        rng: Where chance comes from.
        sketch: What is there before the first call.
        remounts: Whether the mount can be made again.
        remounts_with: Options that it can be made again with, besides its own.
        sticky: Whether there may be sticky directories that all may write to.
        times: Whether modification times are compared.
        links: Whether hard links are made.
    """

    def __init__(
        self,
        rng: Random,
        sketch: Sketch,
        *,
        remounts: bool,
        remounts_with: Sequence[Mapping[str, str | bool]] = (),
        sticky: bool = False,
        times: bool = False,
        links: bool = True,
    ) -> None:
        self._rng = rng
        self._sketch = sketch
        self._labels: list[str] = []
        self._directories: list[str] = []
        self._inos: list[str] = []
        self._freed = False
        self._remounts = remounts
        self._remounts_with = remounts_with
        self._sticky = sticky
        self._times = times
        self._links = links
        self._files: list[str] = []

    def op(self, rng: Random | None = None) -> Op:
        """
        Draw a call.

        Args:
            rng: Where chance comes from from now on, if not from where it did.
        """
        rng = self._rng = rng or self._rng
        name = weighted(rng, _OPERATIONS)
        if name in _FD_OPERATIONS and not self._labels:
            name = "open"
        if name == "write_file" and self._sticky:
            name = "mkdir"
        # Where a file is cut to the size that it has, ext4 sets the time, tmpfs does
        # not: a program either cuts or looks at times.
        if name in {"truncate", "ftruncate"} and self._times:
            name = "utimens"
        if name in {"mtime", "fmtime"} and not self._times:
            name = "lstat"
        if name in {"link", "flink"} and not self._links:
            name = "symlink"
        if name == "lseek" and not self._files:
            name = "open"
        if name == "remount" and not self._remounts:
            name = "readdir"
        if name in {"same_ino", "fsame_ino"} and not self._inos:
            name = "remember_ino"
        args = getattr(self, f"_{name}", self._plain)(name)
        self._recycle(name)
        identity = None
        if name not in {"remount", "flink", "link"} and rng.random() < 0.07:
            identity = rng.choice(_USERS)
        return Op(name, args, identity)

    def _recycle(self, name: str) -> None:
        """
        Forget remembered inode numbers once one of them may be given to something new.

        Whether the number of what was removed is used again is up to the file system.
        """
        if self._freed and name not in _MAKE_NOTHING:
            self._inos.clear()
            self._freed = False
        self._freed = self._freed or name in _FREE

    # Each gives the arguments of the operation that it is named after.

    def _plain(self, name: str) -> dict[str, Any]:
        if name in _FD_OPERATIONS:
            return {"fd": self._label()}
        return {"path": self._path(_KINDS.get(name), root=name != "readlink")}

    def _unlink(self, name: str) -> dict[str, Any]:
        path = self._path("dir" if name == "rmdir" else "leaf")
        self._sketch.drop(path)
        return {"path": path}

    _rmdir = _unlink

    def _open(self, _: str) -> dict[str, Any]:
        flags = list(weighted(self._rng, _OPEN_FLAGS))
        if self._sticky and "O_CREAT" in flags:
            flags = ["O_RDWR", "O_NONBLOCK"]
        label = f"f{len(self._labels)}"
        args: dict[str, Any] = {"flags": flags, "fd": label}
        if "O_CREAT" in flags:
            fresh = "O_EXCL" in flags or self._rng.random() < 0.4
            path = self._new_path("file") if fresh else self._path("file")
        else:
            directory = "O_DIRECTORY" in flags or "O_TMPFILE" in flags
            path = self._path("dir" if directory else "file", root=True)
        if "O_CREAT" in flags or "O_TMPFILE" in flags:
            args["mode"] = self._mode("file")
        self._labels.append(label)
        if path == "." or "O_DIRECTORY" in flags:
            self._directories.append(label)
        elif "O_RDONLY" not in flags:
            self._files.append(label)
        return {"path": path, **args}

    def _freaddir(self, _: str) -> dict[str, Any]:
        return {"fd": self._rng.choice(self._directories or self._labels)}

    def _read(self, _: str) -> dict[str, Any]:
        return {"fd": self._label(), "n": self._rng.choice((1, 4, 30))}

    def _write(self, _: str) -> dict[str, Any]:
        return {"fd": self._label(), "data": self._data()}

    def _pread(self, _: str) -> dict[str, Any]:
        return {"fd": self._label(), "n": 20, "offset": self._rng.choice((0, 0, 2, 9))}

    def _pwrite(self, _: str) -> dict[str, Any]:
        return {
            "fd": self._label(),
            "data": self._data(),
            "offset": self._rng.choice((0, 0, 3, 12, 5000)),
        }

    def _lseek(self, _: str) -> dict[str, Any]:
        # Where a directory can be moved to is up to the file system below.
        whence = self._rng.choice(("SEEK_SET", "SEEK_CUR", "SEEK_END"))
        return {
            "fd": self._rng.choice(self._files),
            "offset": self._rng.choice((0, 1, 3, -1, 20)),
            "whence": whence,
        }

    def _ftruncate(self, _: str) -> dict[str, Any]:
        return {"fd": self._label(), "length": self._length()}

    def _fchmod(self, _: str) -> dict[str, Any]:
        return {"fd": self._label(), "mode": self._mode("file")}

    def _fchown(self, _: str) -> dict[str, Any]:
        return {"fd": self._label(), **self._owner()}

    def _fallocate(self, _: str) -> dict[str, Any]:
        flags = self._rng.choice(([], ["KEEP_SIZE"], ["PUNCH_HOLE", "KEEP_SIZE"]))
        return {
            "fd": self._label(),
            "flags": flags,
            "offset": self._rng.choice((0, 2, 8)),
            "length": self._rng.choice((0, 1, 5, 16)),
        }

    def _flink(self, _: str) -> dict[str, Any]:
        return {"fd": self._label(), "dst": self._new_path("file")}

    def _write_file(self, _: str) -> dict[str, Any]:
        return {"path": self._new_path("file"), "data": self._data()}

    def _append_file(self, _: str) -> dict[str, Any]:
        return {"path": self._path("file"), "data": self._data()}

    def _truncate(self, _: str) -> dict[str, Any]:
        return {"path": self._path("file"), "length": self._length()}

    def _mkdir(self, _: str) -> dict[str, Any]:
        args: dict[str, Any] = {"path": self._new_path("dir")}
        if self._rng.random() < 0.3:
            args["mode"] = self._mode("dir")
        return args

    def _rename(self, _: str) -> dict[str, Any]:
        src, dst = self._path(), self._target()
        self._sketch.move(src, dst)
        return {"src": src, "dst": dst}

    def _renameat2(self, _: str) -> dict[str, Any]:
        flags = weighted(self._rng, _RENAME_FLAGS)
        swap = "EXCHANGE" in flags
        src, dst = self._path(), self._path() if swap else self._target()
        self._sketch.move(src, dst, swap=swap)
        return {"src": src, "dst": dst, "flags": list(flags)}

    def _target(self) -> str:
        return self._path() if self._rng.random() < 0.4 else self._new_path()

    def _link(self, _: str) -> dict[str, Any]:
        return {"src": self._path("leaf"), "dst": self._new_path("file")}

    def _symlink(self, _: str) -> dict[str, Any]:
        return {"target": self._rng.choice(TARGETS), "path": self._new_path("symlink")}

    def _mknod(self, _: str) -> dict[str, Any]:
        kind = self._rng.choice(("fifo", "fifo", "chr", "blk", "file", "sock"))
        args: dict[str, Any] = {"path": self._new_path(kind), "type": kind}
        if kind == "chr":
            args["rdev"] = self._rng.choice((list(CHR), [0, 0]))
        elif kind == "blk":
            args["rdev"] = list(BLK)
        if self._rng.random() < 0.3:
            args["mode"] = self._mode("file")
        return args

    def _chmod(self, _: str) -> dict[str, Any]:
        kind = self._rng.choice(("file", "dir"))
        return {"path": self._path(root=True), "mode": self._mode(kind)}

    def _lchown(self, _: str) -> dict[str, Any]:
        return {"path": self._path(root=True), **self._owner()}

    def _utimens(self, _: str) -> dict[str, Any]:
        args: dict[str, Any] = {
            "path": self._path(root=True),
            "mtime": self._rng.choice((5, 1234567)),
        }
        return self._maybe_follow(args)

    def _setxattr(self, _: str) -> dict[str, Any]:
        args: dict[str, Any] = {
            "path": self._path(root=True),
            "name": weighted(self._rng, _XATTR_NAMES),
            "value": self._rng.choice(("v", "y", "")),
        }
        if self._rng.random() < 0.3:
            args["flags"] = self._rng.choice((1, 2))
        return self._maybe_follow(args)

    def _getxattr(self, _: str) -> dict[str, Any]:
        args: dict[str, Any] = {
            "path": self._path(root=True),
            "name": weighted(self._rng, _XATTR_NAMES),
        }
        return self._maybe_follow(args)

    _removexattr = _getxattr

    def _listxattr(self, _: str) -> dict[str, Any]:
        return self._maybe_follow({"path": self._path(root=True)})

    def _access(self, _: str) -> dict[str, Any]:
        mode = self._rng.choice(("F", "R", "W", "X", "RW", "RWX"))
        return {"path": self._path(root=True), "mode": mode}

    def _remember_ino(self, _: str) -> dict[str, Any]:
        name = f"i{len(self._inos)}"
        self._inos.append(name)
        return {"path": self._path(root=True), "name": name}

    def _same_ino(self, _: str) -> dict[str, Any]:
        return {"path": self._path(), "name": self._rng.choice(self._inos)}

    def _fsame_ino(self, _: str) -> dict[str, Any]:
        return {"fd": self._label(), "name": self._rng.choice(self._inos)}

    def _umask(self, _: str) -> dict[str, Any]:
        return {"mask": self._rng.choice(("022", "000", "077", "027", "777"))}

    def _sync(self, _: str) -> dict[str, Any]:
        return {}

    def _remount(self, _: str) -> dict[str, Any]:
        self._labels.clear()
        self._directories.clear()
        self._files.clear()
        if not self._remounts_with or self._rng.random() < 0.6:
            return {}
        return {"options": dict(self._rng.choice(self._remounts_with))}

    def _maybe_follow(self, args: dict[str, Any]) -> dict[str, Any]:
        if self._rng.random() < 0.2:
            args["follow"] = True
        return args

    def _label(self) -> str:
        return self._rng.choice(self._labels[-4:])

    def _mode(self, kind: str) -> str:
        return self._rng.choice(MODES[kind])

    def _owner(self) -> dict[str, int]:
        uid, gid = self._rng.choice((*OWNERS, (-1, -1)))
        return {"uid": uid, "gid": gid}

    def _data(self) -> str:
        return self._rng.choice(("new", "N", "longer than it was"))

    def _length(self) -> int:
        return self._rng.choice((0, 0, 1, 3, 12, 6000))

    def _new_path(self, kind: str | None = None) -> str:
        """Draw a path for something new, most often in a directory that is there."""
        rng = self._rng
        directories = ["", *self._sketch.paths("dir")]
        if rng.random() < 0.75:
            parent = rng.choice(directories)
            name = rng.choice(NAMES if rng.random() < 0.97 else ODD_NAMES)
            path = f"{parent}/{name}" if parent else name
            path = "/".join(path.split("/")[-DEPTH_MAX - 1 :])
        else:
            path = self._path()
        if kind is not None:
            self._sketch.put(path, kind)
        return self._decorated(path)

    def _path(self, kind: str | None = None, *, root: bool = False) -> str:
        """Draw a path, most often of something that is there and of a kind."""
        rng = self._rng
        draw = rng.random()
        if root and draw < 0.05:
            return "."
        known = self._sketch.paths(kind if draw < 0.75 else None)
        if known and draw < 0.88:
            return self._decorated(rng.choice(known))
        depth = weighted(rng, ((5, 1), (5, 2), (2, 3)))
        return self._decorated("/".join(rng.choice(NAMES) for _ in range(depth)))

    def _decorated(self, path: str) -> str:
        rng = self._rng
        if path.endswith((".", "/")) or "../" in path:
            return path
        decoration = rng.random()
        if decoration < 0.02:
            return f"{path}/"
        if decoration < 0.025:
            return f"{path}/."
        if decoration < 0.03:
            return f"{path}/.."
        if decoration < 0.035:
            return f"{path}/../{rng.choice(NAMES)}"
        return path


#: What an operation works on; others take anything.
_KINDS: Final[Mapping[str, str]] = {
    "readdir": "dir",
    "read_file": "file",
    "readlink": "symlink",
}
_OPERATIONS: Final = (
    *((7, "lstat"), (2, "stat"), (8, "readdir"), (4, "read_file")),
    *((5, "write_file"), (4, "append_file"), (3, "truncate")),
    *((8, "mkdir"), (8, "rmdir"), (10, "unlink"), (14, "rename"), (7, "renameat2")),
    *((6, "link"), (3, "symlink"), (3, "mknod"), (1, "readlink")),
    *((4, "chmod"), (3, "lchown"), (2, "utimens"), (1, "access"), (1, "mtime")),
    *((4, "setxattr"), (2, "getxattr"), (2, "listxattr"), (2, "removexattr")),
    *((8, "open"), (1, "close"), (1, "read"), (2, "write"), (1, "pread")),
    *((1, "pwrite"), (1, "lseek"), (1, "ftruncate"), (1, "fchmod"), (1, "fchown")),
    *((1, "fsync"), (1, "fallocate"), (2, "fstat"), (1, "freaddir"), (1, "flink")),
    *((1, "fmtime"), (1, "remember_ino"), (2, "same_ino"), (1, "remount")),
    *((1, "fsame_ino"), (0.3, "sync"), (0.5, "umask")),
)
_FD_OPERATIONS: Final = frozenset(
    {
        *("close", "read", "write", "pread", "pwrite", "lseek", "ftruncate"),
        *("fchmod", "fchown", "fsync", "fallocate", "fstat", "freaddir", "flink"),
        *("fmtime", "fsame_ino"),
    }
)
#: What may leave an inode number free, and what never takes one.
_FREE: Final = frozenset({"unlink", "rmdir", "rename", "renameat2", "close"})
_MAKE_NOTHING: Final = frozenset(
    {
        *("lstat", "stat", "readdir", "read_file", "readlink", "access", "mtime"),
        *("getxattr", "listxattr", "remember_ino", "same_ino", "fsame_ino", "fstat"),
        *("read", "pread", "lseek", "fmtime", "freaddir", "sync", "fsync", "umask"),
    }
)
_OPEN_FLAGS: Final[Sequence[tuple[int, Sequence[str]]]] = tuple(
    (weight, (*flags, "O_NONBLOCK"))
    for weight, flags in (
        (6, ("O_RDONLY",)),
        (3, ("O_WRONLY",)),
        (4, ("O_RDWR",)),
        (2, ("O_RDWR", "O_APPEND")),
        (2, ("O_RDWR", "O_TRUNC")),
        (1, ("O_RDONLY", "O_TRUNC")),
        (5, ("O_RDWR", "O_CREAT")),
        (3, ("O_RDWR", "O_CREAT", "O_EXCL")),
        (1, ("O_RDONLY", "O_CREAT")),
        (2, ("O_WRONLY", "O_CREAT", "O_TRUNC")),
        (3, ("O_RDONLY", "O_DIRECTORY")),
        (1, ("O_RDWR", "O_DIRECTORY")),
        (1, ("O_RDONLY", "O_NOFOLLOW")),
        (1, ("O_RDWR", "O_NOFOLLOW")),
        (2, ("O_RDWR", "O_TMPFILE")),
        (1, ("O_RDWR", "O_TMPFILE", "O_EXCL")),
        (1, ("O_PATH",)),
        (1, ("O_PATH", "O_NOFOLLOW")),
        (1, ("O_PATH", "O_DIRECTORY")),
        (1, ("O_RDWR", "O_CREAT", "O_NOFOLLOW")),
    )
)
_RENAME_FLAGS: Final[Sequence[tuple[int, Sequence[str]]]] = (
    (5, ("EXCHANGE",)),
    (3, ("NOREPLACE",)),
    (1, ("WHITEOUT",)),
    (1, ()),
)
_XATTR_NAMES: Final = (
    (6, "user.k"),
    (3, "user.n"),
    (3, "trusted.t"),
    (1, "trusted.overlay.opaque"),
    (1, "user.overlay.q"),
    (1, "bogus.a"),
)
