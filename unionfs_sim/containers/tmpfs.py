"""A tmpfs: a file system in memory with a size, as ``--tmpfs`` and volumes use it."""

from __future__ import annotations

import copy
import errno
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, final

import attrs

from unionfs_sim.containers import openfiles
from unionfs_sim.containers.attached import backing_of
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.forwarding import ForwardingFileSystem
from unionfs_sim.containers.mountflag import size_bytes
from unionfs_sim.core import fileio
from unionfs_sim.core.clock import Clock
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.flags import O_APPEND, O_TRUNC, SEEK_HOLE
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.status import stat_result, statvfs_result
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError, fs_error

PAGE_BYTES: Final = 4096
_SECTOR_BYTES: Final = 512
_TYPE_BITS: Final = 0o170000

#: The mode of a tmpfs that was given none.
DEFAULT_MODE: Final = 0o1777

#: What the engine adds for ``--tmpfs`` and ``--mount type=tmpfs``.
CONTAINER_FLAGS: Final = "nosuid,nodev,noexec"

_VALUES: Final = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"})
_FLAGS: Final = frozenset(
    [
        "defaults",
        "ro",
        "rw",
        "suid",
        "nosuid",
        "dev",
        "nodev",
        "exec",
        "noexec",
        "sync",
        "async",
        "dirsync",
        "remount",
        "mand",
        "nomand",
        "atime",
        "noatime",
        "diratime",
        "nodiratime",
        "bind",
        "rbind",
        "unbindable",
        "runbindable",
        "private",
        "rprivate",
        "shared",
        "rshared",
        "slave",
        "rslave",
        "relatime",
        "norelatime",
        "strictatime",
        "nostrictatime",
    ]
)


@final
@attrs.frozen
class TmpfsSettings:
    """
    The options of a tmpfs, read.

    Attributes:
        size_bytes: How much it holds; ``None`` for as much as there is.
        mode: The mode of its root, or ``None``.
        uid: The owner of its root.
        gid: The group of its root.
        read_only: Whether it is mounted read-only.
        flags: The other flags, in order.

    >>> TmpfsSettings.parse("size=64k,mode=0750").size_bytes
    65536
    """

    size_bytes: int | None = None
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    read_only: bool = False
    flags: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> TmpfsSettings:
        """
        Read options; a later one wins.

        Raises:
            InvalidParameter: The kernel knows no such option (4.5).

        >>> TmpfsSettings.parse("bogus")
        Traceback (most recent call last):
        unionfs_sim.containers.errors.InvalidParameter: invalid tmpfs option ["bogus"]
        """
        values: dict[str, int] = {}
        words: list[str] = []
        read_only = False
        for word in filter(None, text.split(",")):
            key, equals, value = word.partition("=")
            known = key in _VALUES if equals else key in _FLAGS
            number = _number(key, value) if equals and known else 0
            if not known or number is None:
                parts = [key, value] if equals else [key]
                shown = " ".join(json.dumps(part) for part in parts)
                raise InvalidParameter(f"invalid tmpfs option [{shown}]")
            if equals:
                values[key] = number
            elif key in {"ro", "rw"}:
                read_only = key == "ro"
            elif key != "defaults":
                words.append(word)
        return cls(
            size_bytes=values.get("size") or None,
            mode=values.get("mode"),
            uid=values.get("uid", 0),
            gid=values.get("gid", 0),
            read_only=read_only,
            flags=tuple(words),
        )


def _number(key: str, value: str) -> int | None:
    if key in {"size", "nr_inodes", "nr_blocks"}:
        return size_bytes(value)
    base = 8 if key == "mode" else 10
    try:
        return int(value, base)
    except ValueError:
        return None


@final
class _Usage:
    """How much of a tmpfs is used, shared by its views."""

    def __init__(self, limit_bytes: int | None) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self.appending: set[int] = set()

    def fitting(self, held: int, offset: int, count: int) -> int:
        """
        Give how many bytes of a write fit, whole pages counted.

        Args:
            held: Where what the file already takes ends, from the offset on.
            offset: Where the write starts.
            count: How many bytes it has.
        """
        if self.limit_bytes is None:
            return count
        held = -(-held // PAGE_BYTES) * PAGE_BYTES
        if offset > held:
            held = offset // PAGE_BYTES * PAGE_BYTES
        free = (self.limit_bytes - self.used_bytes) // PAGE_BYTES * PAGE_BYTES
        return min(count, held + max(free, 0) - offset)


@final
class TmpFS(ForwardingFileSystem):
    """
    A file system in memory that is full at some point (ENOSPC).

    Args:
        settings: The options, as text or read.
        mode: The mode of the root if the options give none: that of the directory
            that it hides, for a container's (4.5).
        flags: More flags, for ``/proc/mounts``.
        clock: Where times come from.

    >>> fs = TmpFS("size=8k")
    >>> fs.write_bytes("/x", bytes(9000))
    Traceback (most recent call last):
    unionfs_sim.errors.UnionFSError: [Errno 28] No space left on device: '/x'
    >>> fs.stat("/x").st_size
    8192
    """

    def __init__(
        self,
        settings: str | TmpfsSettings = "",
        *,
        mode: int | None = None,
        flags: str = "",
        clock: Clock | None = None,
    ) -> None:
        if isinstance(settings, str):
            settings = TmpfsSettings.parse(settings)
        self.settings = settings
        self._flags = flags
        self._fs = UnionFS(clock=clock)
        self._usage = _Usage(settings.size_bytes)
        chosen = settings.mode if settings.mode is not None else mode
        self._fs.chown("/", settings.uid, settings.gid)
        self._fs.chmod("/", DEFAULT_MODE if chosen is None else chosen)

    def as_user(
        self,
        uid: int,
        gid: int,
        groups: Iterable[int] = (),
        umask: int = 0o022,
        *,
        searches: bool = False,
    ) -> TmpFS:
        """Give the same file system as another user sees and may change it."""
        view = copy.copy(self)
        fs = self._fs.as_user(uid, gid, groups, umask, searches=searches)
        view._fs = fs  # noqa: SLF001 - the same class
        return view

    @property
    def proc_entry(self) -> tuple[str, str, str]:
        """Device, type and options, as ``/proc/mounts`` has them."""
        settings = self.settings
        words = [self._flags] if self._flags else []
        words.append("relatime")
        if settings.size_bytes is not None:
            words.append(f"size={settings.size_bytes // 1024}k")
        if settings.mode is not None:
            words.append(f"mode={settings.mode:o}")
        words += [f"uid={settings.uid}"] if settings.uid else []
        words += [f"gid={settings.gid}"] if settings.gid else []
        return "tmpfs", "tmpfs", ",".join(words)

    @property
    def used_bytes(self) -> int:
        """How much is used, in bytes of whole pages."""
        return self._usage.used_bytes

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        return self._fs, path

    # --- what takes or gives back space -----------------------------------------

    def statvfs(self, path: StrPath = "/") -> statvfs_result:
        """Give the status of the file system: its size and what is free."""
        values = list(super().statvfs(path))
        limit = self._usage.limit_bytes
        if limit is not None:
            free = (limit - self._usage.used_bytes) // PAGE_BYTES
            values[2:5] = [limit // PAGE_BYTES, free, free]
        return statvfs_result(tuple(values))

    def unlink(self, path: StrPath) -> None:
        """Remove a name that is not a directory's; its space is free again."""
        freed = self._freed(fspath(path))
        super().unlink(path)
        self._usage.used_bytes -= freed

    def rename(self, src: StrPath, dst: StrPath) -> None:
        """Move a name, replacing what is at the new one; that one's space is free."""
        old, new = fspath(src), fspath(dst)
        freed = self._freed(new)
        same = freed and self._same(old, new)
        super().rename(src, dst)
        if not same:
            self._usage.used_bytes -= freed

    def _same(self, old: str, new: str) -> bool:
        try:
            return self._fs.lstat(old).st_ino == self._fs.lstat(new).st_ino
        except UnionFSError:
            return False

    def _freed(self, path: str) -> int:
        """Give what removing a name would free."""
        try:
            status = self._fs.lstat(path)
        except UnionFSError:
            return 0
        regular = status.st_mode & _TYPE_BITS == Kind.REGULAR.type_bits
        return _taken(status) if regular and status.st_nlink == 1 else 0

    def truncate(self, path: StrPath, length: int) -> None:
        """Cut or prolong a file; what is added takes no space."""
        text = fspath(path)
        before = self._taken_by(text)
        super().truncate(text, length)
        self._usage.used_bytes += self._taken_by(text) - before

    def _taken_by(self, path: str) -> int:
        try:
            return _taken(self._fs.stat(path))
        except UnionFSError:
            return 0

    def open(
        self,
        path: StrPath,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open a file as the built-in `open` does; writes are ENOSPC at some point."""
        wanted = fileio.Mode.parse(mode)
        text = fspath(path)
        fd = self.os_open(text, wanted.flags, 0o666)
        found = self._fs.fstat(fd).st_mode & _TYPE_BITS
        if found != Kind.REGULAR.type_bits:
            self._fs.close(fd)
            directory = found == Kind.DIRECTORY.type_bits
            number = errno.EISDIR if directory else errno.ENXIO
            raise fs_error(number, text, op="open")
        return openfiles.opened(
            openfiles.DescriptorFile(self, fd, wanted, owned=True),
            backing_of(self).lock,
            text,
            wanted,
            buffering=buffering,
            encoding=encoding,
            errors=errors,
            newline=newline,
        )

    # --- descriptors --------------------------------------------------------------

    def os_open(self, path: StrPath, flags: int, mode: int = 0o777) -> int:
        """Open a file and give a descriptor, as `os.open`."""
        text = fspath(path)
        before = self._taken_by(text)
        fd = self._fs.os_open(text, flags, mode)
        if flags & O_TRUNC:
            self._usage.used_bytes -= before
        self._usage.appending.discard(fd)
        if flags & O_APPEND:
            self._usage.appending.add(fd)
        return fd

    def write(self, fd: int, data: bytes) -> int:
        """Write at the position, or at the end with ``O_APPEND``; as much as fits."""
        offset = self._fs.lseek(fd, 0, io.SEEK_CUR)
        with self._taking(fd, offset, data) as fitting:
            return self._fs.write(fd, fitting)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """Write at an offset, the position unchanged; as much as fits."""
        with self._taking(fd, offset, data) as fitting:
            return self._fs.pwrite(fd, fitting, offset)

    def ftruncate(self, fd: int, length: int) -> None:
        """Cut or prolong an open file; what is added takes no space."""
        with self._taking(fd, 0, b""):
            self._fs.ftruncate(fd, length)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """Reserve, punch, zero, collapse or insert a range; holes take no space."""
        with self._taking(fd, 0, b""):
            self._fs.fallocate(fd, mode, offset, length)

    @contextmanager
    def _taking(self, fd: int, offset: int, data: bytes) -> Iterator[bytes]:
        """Give what fits of a write, and count what it took."""
        usage = self._usage
        before = self._fs.fstat(fd)
        if fd in usage.appending:
            offset = before.st_size
        count = len(data)
        if usage.limit_bytes is not None and data:
            held = self._held(fd, before, offset)
            count = usage.fitting(held, offset, count)
        if data and count <= 0:
            raise fs_error(errno.ENOSPC, fd, op="write")
        yield data[:count]
        usage.used_bytes += _taken(self._fs.fstat(fd)) - _taken(before)

    def _held(self, fd: int, status: stat_result, offset: int) -> int:
        """Give where the next hole of a file is, its end being one."""
        if not status.st_blocks:
            return 0
        if offset >= status.st_size:
            return status.st_size
        position = self._fs.lseek(fd, 0, io.SEEK_CUR)
        hole = self._fs.lseek(fd, offset, SEEK_HOLE)
        self._fs.lseek(fd, position, io.SEEK_SET)
        return hole

    def listdir(self, path: StrPath | int = "/") -> list[str]:
        """List the names in a directory, in order; a descriptor is taken as well."""
        return self._fs.listdir(path)

    def link(self, src: StrPath | int, dst: StrPath) -> None:
        """Give a file one more name; a descriptor as *src* names an open file."""
        self._fs.link(src, dst)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        self._fs.close(fd)

    def dup(self, fd: int) -> int:
        """Give a second descriptor of the same open file."""
        twin = self._fs.dup(fd)
        if fd in self._usage.appending:
            self._usage.appending.add(twin)
        return twin

    def fstat(self, fd: int) -> stat_result:
        """Give the status of an open file."""
        return self._fs.fstat(fd)

    def read(self, fd: int, size: int) -> bytes:
        """Read from the position on."""
        return self._fs.read(fd, size)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Read from an offset on."""
        return self._fs.pread(fd, size, offset)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """Move the position."""
        return self._fs.lseek(fd, offset, whence)

    def fsync(self, fd: int) -> None:
        """Do nothing: nothing outlives it anyway."""
        self._fs.fsync(fd)

    def fchmod(self, fd: int, mode: int) -> None:
        """Change the mode of an open file."""
        self._fs.fchmod(fd, mode)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """Change the owner of an open file."""
        self._fs.fchown(fd, uid, gid)


def _taken(status: stat_result) -> int:
    return status.st_blocks * _SECTOR_BYTES
