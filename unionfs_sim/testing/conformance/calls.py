"""
The calls that a driver makes, and how an operation of a case becomes calls.

One interpreter serves the kernel and the simulator: what ``read_file`` means is said
once, in terms of calls that both answer.
"""

# The calls are those of the manual; a sentence stands where one is not.
# ruff: noqa: D102

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol, final

from unionfs_sim.testing.conformance.cases import (
    JSON,
    Op,
    Result,
    to_bytes,
    to_text,
)

#: How much is read at once.
READ_BYTES: Final = 1 << 20

#: Type bits of ``st_mode``, and types of directory entries, by the schema's words.
TYPE_BITS: Final[Mapping[str, int]] = {
    "file": stat.S_IFREG,
    "dir": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "fifo": stat.S_IFIFO,
    "chr": stat.S_IFCHR,
    "blk": stat.S_IFBLK,
    "sock": stat.S_IFSOCK,
}
TYPE_WORDS: Final[Mapping[int, str]] = {bits: word for word, bits in TYPE_BITS.items()}

RENAME_FLAGS: Final = {"NOREPLACE": 1, "EXCHANGE": 2, "WHITEOUT": 4}
FALLOCATE_FLAGS: Final = {
    "KEEP_SIZE": 1,
    "PUNCH_HOLE": 2,
    "COLLAPSE_RANGE": 8,
    "ZERO_RANGE": 16,
    "INSERT_RANGE": 32,
}
ACCESS_MODES: Final = {"F": 0, "R": 4, "W": 2, "X": 1}


class Calls(Protocol):
    """
    System calls relative to a root; what fails raises `OSError` with its errno.

    Paths are as in a case: relative, with their trailing slashes and dots.
    """

    #: A modification time from here on was set during the run.
    now_ns: int

    def acting_as(
        self, uid: int, gid: int, *groups: int
    ) -> AbstractContextManager[None]:
        """Make the calls within as another user, with just these further groups."""
        ...  # pragma: no cover

    def stat(self, path: str, *, follow: bool) -> os.stat_result: ...
    def entries(self, path: str) -> list[tuple[str, int]]:
        """List names with their types as bits of ``st_mode``, in any order."""
        ...  # pragma: no cover

    def names(self, path: str) -> list[str]: ...
    def open(self, path: str, flags: int, mode: int) -> int: ...
    def close(self, fd: int) -> None: ...
    def read(self, fd: int, size: int) -> bytes: ...
    def write(self, fd: int, data: bytes) -> int: ...
    def pread(self, fd: int, size: int, offset: int) -> bytes: ...
    def pwrite(self, fd: int, data: bytes, offset: int) -> int: ...
    def lseek(self, fd: int, offset: int, whence: int) -> int: ...
    def ftruncate(self, fd: int, length: int) -> None: ...
    def fchmod(self, fd: int, mode: int) -> None: ...
    def fchown(self, fd: int, uid: int, gid: int) -> None: ...
    def fsync(self, fd: int) -> None: ...
    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None: ...
    def fstat(self, fd: int) -> os.stat_result: ...
    def fnames(self, fd: int) -> list[str]:
        """Rewind a descriptor of a directory and list its names."""
        ...  # pragma: no cover

    def truncate(self, path: str, length: int) -> None: ...
    def mkdir(self, path: str, mode: int) -> None: ...
    def rmdir(self, path: str) -> None: ...
    def unlink(self, path: str) -> None: ...
    def readlink(self, path: str) -> str: ...
    def rename(self, src: str, dst: str) -> None: ...
    def renameat2(self, src: str, dst: str, flags: int) -> None: ...
    def link(self, src: str, dst: str) -> None: ...
    def flink(self, fd: int, dst: str) -> None: ...
    def symlink(self, target: str, path: str) -> None: ...
    def mknod(self, path: str, mode: int, rdev: tuple[int, int]) -> None: ...
    def chmod(self, path: str, mode: int) -> None: ...
    def lchown(self, path: str, uid: int, gid: int) -> None: ...
    def utime(self, path: str, ns: int, *, follow: bool) -> None: ...
    def setxattr(
        self, path: str, name: str, value: bytes, flags: int, *, follow: bool
    ) -> None: ...
    def getxattr(self, path: str, name: str, *, follow: bool) -> bytes: ...
    def listxattr(self, path: str, *, follow: bool) -> list[str]: ...
    def removexattr(self, path: str, name: str, *, follow: bool) -> None: ...
    def access(self, path: str, mode: int) -> None:
        """Raise what the effective user is refused with."""
        ...  # pragma: no cover

    def sync(self) -> None: ...
    def umask(self, mask: int) -> None: ...


def errno_name(number: int | None) -> str:
    """Give the name of an error number."""
    if number == errno.EOPNOTSUPP:  # two names on Linux
        return "EOPNOTSUPP"
    return errno.errorcode.get(number or 0, str(number))


def seconds(calls: Calls, ns: int) -> JSON:
    """Give a time as cases have it: whole seconds, or ``"now"``."""
    return "now" if ns >= calls.now_ns else ns // 1_000_000_000


def read_to_end(calls: Calls, fd: int) -> bytes:
    """Read all that is left of an open file."""
    pieces = []
    while piece := calls.read(fd, READ_BYTES):
        pieces.append(piece)
    return b"".join(pieces)


def read_file(calls: Calls, path: str) -> bytes:
    """Read a whole file; a fifo is not waited for."""
    fd = calls.open(path, os.O_RDONLY | os.O_NONBLOCK, 0)
    try:
        return read_to_end(calls, fd)
    finally:
        calls.close(fd)


def status(result: os.stat_result) -> dict[str, JSON]:
    """Give the part of a status that cases compare."""
    kind = TYPE_WORDS[stat.S_IFMT(result.st_mode)]
    data: dict[str, JSON] = {
        "type": kind,
        "mode": f"{stat.S_IMODE(result.st_mode):04o}",
        "uid": result.st_uid,
        "gid": result.st_gid,
        "nlink": result.st_nlink,
    }
    if kind in {"file", "symlink"}:
        data["size"] = result.st_size
    elif kind in {"chr", "blk"}:
        data["rdev"] = [os.major(result.st_rdev), os.minor(result.st_rdev)]
    return data


@final
class Session:
    """Carries out operations, and keeps descriptors and inode numbers by label."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self._fds: dict[str, int] = {}
        self._inos: dict[str, int] = {}
        self._mask: str | None = None

    def perform(self, op: Op) -> Result:
        """Carry out one operation, other than ``remount``, and give its result."""
        try:
            if op.identity is None:
                return {"ok": _ACTIONS[op.name](self, op.args)}
            with self.calls.acting_as(*op.identity):
                return {"ok": _ACTIONS[op.name](self, op.args)}
        except OSError as error:
            return {"errno": errno_name(error.errno)}

    def close_all(self) -> None:
        """Close what is open; the labels then give EBADF."""
        while self._fds:
            _, fd = self._fds.popitem()
            self.calls.close(fd)

    def fd(self, args: Mapping[str, JSON]) -> int:
        """
        Give the descriptor that a label stands for.

        Raises:
            OSError: EBADF, none does.
        """
        fd = self._fds.get(args["fd"])
        if fd is None:
            raise OSError(errno.EBADF, "no descriptor has the label")
        return fd

    def open(self, args: Mapping[str, JSON]) -> None:
        """Open a path under a label."""
        previous = self._fds.pop(args["fd"], None)
        if previous is not None:
            self.calls.close(previous)
        flags = 0
        for name in args["flags"]:
            flags |= getattr(os, name)
        mode = int(args.get("mode", "0644"), 8)
        self._fds[args["fd"]] = self.calls.open(args["path"], flags, mode)

    def close(self, args: Mapping[str, JSON]) -> None:
        """Close a label."""
        fd = self.fd(args)
        del self._fds[args["fd"]]
        self.calls.close(fd)

    def remember(self, other: Session) -> None:
        """Take over the inode numbers and the umask that another session kept."""
        self._inos = other._inos
        if other._mask is not None:
            self.umask({"mask": other._mask})

    def umask(self, args: Mapping[str, JSON]) -> None:
        """Set the umask of the calls from here on."""
        self._mask = args["mask"]
        self.calls.umask(int(args["mask"], 8))

    def remember_ino(self, args: Mapping[str, JSON]) -> None:
        """
        Keep an inode number under a name.

        Without the device's number: all layers are on one file system, and a mount
        that is made again gets whichever number is free on the host.
        """
        if "fd" in args:
            found = self.calls.fstat(self.fd(args))
        else:
            found = self.calls.stat(args["path"], follow=False)
        self._inos[args["name"]] = found.st_ino

    def same_ino(self, found: os.stat_result, args: Mapping[str, JSON]) -> bool:
        """Compare an inode number with the one kept under a name."""
        return self._inos.get(args["name"]) == found.st_ino


def _flags(names: Sequence[str], values: Mapping[str, int]) -> int:
    return sum(values[name] for name in names)


def _write_through(session: Session, args: Mapping[str, JSON], flags: int) -> int:
    fd = session.calls.open(args["path"], flags | os.O_NONBLOCK, 0o644)
    try:
        return session.calls.write(fd, to_bytes(args["data"]))
    finally:
        session.calls.close(fd)


def _readdir(session: Session, args: Mapping[str, JSON]) -> JSON:
    found = session.calls.entries(args["path"])
    return sorted([name, TYPE_WORDS[bits]] for name, bits in found)


def _mknod(session: Session, args: Mapping[str, JSON]) -> None:
    mode = TYPE_BITS[args["type"]] | int(args.get("mode", "0644"), 8)
    major, minor = args.get("rdev", (0, 0))
    session.calls.mknod(args["path"], mode, (major, minor))


def _setxattr(session: Session, args: Mapping[str, JSON]) -> None:
    session.calls.setxattr(
        args["path"],
        args["name"],
        to_bytes(args["value"]),
        args.get("flags", 0),
        follow=args.get("follow", False),
    )


_Action = Callable[[Session, Mapping[str, JSON]], JSON]

_PATH_ACTIONS: Final[Mapping[str, _Action]] = {
    "stat": lambda s, a: status(s.calls.stat(a["path"], follow=True)),
    "lstat": lambda s, a: status(s.calls.stat(a["path"], follow=False)),
    "mtime": lambda s, a: seconds(
        s.calls, s.calls.stat(a["path"], follow=False).st_mtime_ns
    ),
    "readdir": _readdir,
    "read_file": lambda s, a: to_text(read_file(s.calls, a["path"])),
    "write_file": lambda s, a: _write_through(
        s, a, os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    ),
    "append_file": lambda s, a: _write_through(s, a, os.O_WRONLY | os.O_APPEND),
    "truncate": lambda s, a: s.calls.truncate(a["path"], a["length"]),
    "mkdir": lambda s, a: s.calls.mkdir(a["path"], int(a.get("mode", "0777"), 8)),
    "rmdir": lambda s, a: s.calls.rmdir(a["path"]),
    "unlink": lambda s, a: s.calls.unlink(a["path"]),
    "readlink": lambda s, a: s.calls.readlink(a["path"]),
    "rename": lambda s, a: s.calls.rename(a["src"], a["dst"]),
    "renameat2": lambda s, a: s.calls.renameat2(
        a["src"], a["dst"], _flags(a["flags"], RENAME_FLAGS)
    ),
    "link": lambda s, a: s.calls.link(a["src"], a["dst"]),
    "symlink": lambda s, a: s.calls.symlink(a["target"], a["path"]),
    "mknod": _mknod,
    "chmod": lambda s, a: s.calls.chmod(a["path"], int(a["mode"], 8)),
    "lchown": lambda s, a: s.calls.lchown(a["path"], a["uid"], a["gid"]),
    "utimens": lambda s, a: s.calls.utime(
        a["path"], a["mtime"] * 1_000_000_000, follow=a.get("follow", False)
    ),
    "setxattr": _setxattr,
    "getxattr": lambda s, a: to_text(
        s.calls.getxattr(a["path"], a["name"], follow=a.get("follow", False))
    ),
    "listxattr": lambda s, a: sorted(
        name
        for name in s.calls.listxattr(a["path"], follow=a.get("follow", False))
        if not name.startswith("security.")
    ),
    "removexattr": lambda s, a: s.calls.removexattr(
        a["path"], a["name"], follow=a.get("follow", False)
    ),
    "access": lambda s, a: s.calls.access(a["path"], _flags(a["mode"], ACCESS_MODES)),
    "remember_ino": Session.remember_ino,
    "same_ino": lambda s, a: s.same_ino(s.calls.stat(a["path"], follow=False), a),
    "sync": lambda s, _: s.calls.sync(),
    "umask": Session.umask,
}

_FD_ACTIONS: Final[Mapping[str, _Action]] = {
    "open": Session.open,
    "close": Session.close,
    "fstat": lambda s, a: status(s.calls.fstat(s.fd(a))),
    "fmtime": lambda s, a: seconds(s.calls, s.calls.fstat(s.fd(a)).st_mtime_ns),
    "read": lambda s, a: to_text(s.calls.read(s.fd(a), a["n"])),
    "write": lambda s, a: s.calls.write(s.fd(a), to_bytes(a["data"])),
    "pread": lambda s, a: to_text(s.calls.pread(s.fd(a), a["n"], a["offset"])),
    "pwrite": lambda s, a: s.calls.pwrite(s.fd(a), to_bytes(a["data"]), a["offset"]),
    "lseek": lambda s, a: s.calls.lseek(s.fd(a), a["offset"], getattr(os, a["whence"])),
    "ftruncate": lambda s, a: s.calls.ftruncate(s.fd(a), a["length"]),
    "fchmod": lambda s, a: s.calls.fchmod(s.fd(a), int(a["mode"], 8)),
    "fchown": lambda s, a: s.calls.fchown(s.fd(a), a["uid"], a["gid"]),
    "fsync": lambda s, a: s.calls.fsync(s.fd(a)),
    "fallocate": lambda s, a: s.calls.fallocate(
        s.fd(a), _flags(a["flags"], FALLOCATE_FLAGS), a["offset"], a["length"]
    ),
    "freaddir": lambda s, a: sorted(s.calls.fnames(s.fd(a))),
    "flink": lambda s, a: s.calls.flink(s.fd(a), a["dst"]),
    "fsame_ino": lambda s, a: s.same_ino(s.calls.fstat(s.fd(a)), a),
}

_ACTIONS: Final = {**_PATH_ACTIONS, **_FD_ACTIONS}
