"""
NFS between hosts of one simulated world: exports, clients, and servers that die.

The server is the only place where data lies.  What a call acknowledged is there, so
that a server may die and come back at any time; a client meanwhile fails (soft) or
waits (hard).
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, final, runtime_checkable

import attrs

from unionfs_sim.containers import openfiles
from unionfs_sim.containers.attached import backing_of
from unionfs_sim.containers.forwarding import ForwardingFileSystem, telling
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.core import fileio
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.meta import ROOT, Credentials
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.errors import UnionFSError, fs_error

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

#: Whose files those of a squashed root are: ``nobody``.
NOBODY: Final = 65534

_SECOND_NS: Final = 1_000_000_000
_TENTH_NS: Final = _SECOND_NS // 10


class WouldBlockError(UnionFSError):
    """
    A server does not answer, and nobody knows when it will (a hard mount waits).

    The call was not begun: it can be made again once the server is back.
    """


@runtime_checkable
class Timeline(Protocol):
    """A clock that can be put forward, such as `scheduling.Timeline`."""

    def __call__(self) -> int:
        """Give the time, in nanoseconds since the epoch."""
        ...  # pragma: no cover

    def advance_to(self, when_ns: int) -> None:
        """Go on to a time."""
        ...  # pragma: no cover


class Server(Protocol):
    """What a client has to know of the host that it asks."""

    @property
    def name(self) -> str:
        """Its name."""
        ...  # pragma: no cover

    @property
    def up(self) -> bool:
        """Whether it answers."""
        ...  # pragma: no cover

    @property
    def back_ns(self) -> int | None:
        """When it will be back, if it is down and that is known."""
        ...  # pragma: no cover


@final
@attrs.define(eq=False)
class Export:
    """
    A directory that a host lets others mount.

    Attributes:
        server: The host.
        path: The directory.
        table: The directory as the root of a file system; mounts below stay out.
        read_only: Whether clients can only read.
        root_squash: Whether root of a client is nobody here.
        all_squash: Whether everybody is.
        anonymous_uid: Who nobody is.
        anonymous_gid: The group of nobody.
    """

    server: Server
    path: str
    table: MountTable
    read_only: bool = False
    root_squash: bool = False
    all_squash: bool = False
    anonymous_uid: int = NOBODY
    anonymous_gid: int = NOBODY
    _views: dict[Credentials, MountTable] = attrs.field(factory=dict, repr=False)

    def seen_by(self, caller: Credentials) -> MountTable:
        """Give the directory as a caller of a client may see and change it."""
        if self.all_squash or (self.root_squash and caller.is_root):
            caller = Credentials(
                uid=self.anonymous_uid, gid=self.anonymous_gid, umask=caller.umask
            )
        view = self._views.get(caller)
        if view is None:
            view = self._views[caller] = self.table.as_user(
                caller.uid, caller.gid, caller.groups, caller.umask
            )
        return view


@final
@attrs.frozen
class NfsOptions:
    """
    The options of an NFS mount.

    Attributes:
        address: The server, by address or name (``addr=``).
        read_only: Whether nothing can be written through it.
        soft: Whether a call fails with EIO once it has waited long enough.
        timeout_ns: How long that is: ``timeo`` times the tries of ``retrans``.
        close_to_open: Whether a client keeps what it read and wrote from opening a
            file to closing it (``cto``); else each call goes to the server.
        text: As it was written.

    >>> NfsOptions.parse("addr=10.0.0.1,ro,soft,timeo=10,retrans=2").timeout_ns
    3000000000
    """

    address: str = ""
    read_only: bool = False
    soft: bool = False
    timeout_ns: int = 180 * _SECOND_NS
    close_to_open: bool = False
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> NfsOptions:
        """Read options; those that make no difference here are taken and forgotten."""
        words = [word for word in text.split(",") if word]
        values = dict(word.partition("=")[::2] for word in words)
        tenths = int(values.get("timeo") or 600)
        tries = int(values.get("retrans") or 2) + 1
        return cls(
            address=values.get("addr", ""),
            read_only="ro" in values,
            soft="soft" in values and "hard" not in values,
            timeout_ns=tenths * tries * _TENTH_NS,
            close_to_open="cto" in values,
            text=text,
        )


@final
class NfsClient(ForwardingFileSystem):
    """
    A directory of another host, as a client sees it.

    Args:
        export: What the server exports.
        options: The mount options.
        clock: The client's clock; one that can be put forward lets calls wait.
        subpath: The directory in the export.
    """

    def __init__(
        self,
        export: Export,
        options: NfsOptions,
        clock: Timeline,
        *,
        subpath: str = "",
    ) -> None:
        self.export = export
        self.options = options
        self._clock = clock
        self._subpath = subpath.rstrip("/")
        self._caller = ROOT
        self._kept: set[_KeptFile] = set()

    def as_user(
        self,
        uid: int,
        gid: int,
        groups: Iterable[int] = (),
        umask: int = 0o022,
        *,
        searches: bool = False,
    ) -> NfsClient:
        """Give the same directory as another user of the client sees it."""
        view = NfsClient(self.export, self.options, self._clock, subpath=self._subpath)
        view._caller = Credentials(
            uid=uid, gid=gid, groups=frozenset(groups), umask=umask, searches=False
        )
        view._kept = self._kept
        return view

    def locate(self, path: str) -> tuple[str, str]:
        """Give the host that a file lies on, and its path there."""
        return self.export.server.name, self.export.path + self._subpath + path

    @property
    def proc_entry(self) -> tuple[str, str, str]:
        """Device, type and options, as ``/proc/mounts`` has them."""
        device = f"{self.options.address}:{self.export.path}{self._subpath}"
        return device, "nfs4", f"relatime,{self.options.text}".rstrip(",")

    def reach(self, path: str, op: str) -> None:
        """
        See that the server answers, waiting for it as the options say.

        Raises:
            UnionFSError: EIO, a soft mount gave up.
            WouldBlockError: A hard mount would wait, and nothing tells for how long.
        """
        server, clock = self.export.server, self._clock
        if server.up:
            return
        back_ns = server.back_ns
        if self.options.soft:
            deadline_ns = clock() + self.options.timeout_ns
            if back_ns is None or back_ns > deadline_ns:
                clock.advance_to(deadline_ns)
                raise fs_error(errno.EIO, path, op=op)
        elif back_ns is None:
            error = WouldBlockError(
                errno.EWOULDBLOCK,
                f"nfs: server {server.name} not responding, still trying",
                path,
            )
            error.op = op
            raise error
        clock.advance_to(back_ns)

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        self.reach(path, op)
        if writes and (self.export.read_only or self.options.read_only):
            raise fs_error(errno.EROFS, path, op=op)
        for file in list(self._kept):
            file.push()
            if file.closing:
                self._kept.discard(file)
        inner = path
        if self._subpath and path:
            inner = f"{self._subpath}/{path}"
        return self.export.seen_by(self._caller), inner

    def open(
        self,
        path: StrPath,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """
        Open a file as the built-in `open` does.

        With ``cto`` what is read is what was there at opening, and what is written
        reaches the server at closing, an append as an append.
        """
        wanted = fileio.Mode.parse(mode)
        text = fspath(path)
        with telling(path=text):
            fs, inner = self._to(text, "open", writes=wanted.write)
            raw: Any = fs.open(inner, openfiles.binary(mode), 0)
        reached = _ReachedFile(self, raw, text)
        file: _ReachedFile | _KeptFile = reached
        if self.options.close_to_open:
            file = _KeptFile(reached, wanted, self._kept)
            self._kept.add(file)
        return openfiles.opened(
            file,
            backing_of(self).lock,
            text,
            wanted,
            buffering=buffering,
            encoding=encoding,
            errors=errors,
            newline=newline,
        )


@final
class _ReachedFile:
    """An open file of a server: each call needs the server."""

    def __init__(self, client: NfsClient, raw: openfiles.RawLike, path: str) -> None:
        self._client = client
        self._raw = raw
        self._path = path

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        self._client.reach(self._path, "read")
        return self._raw.readinto(buffer)

    def write(self, buffer: ReadableBuffer, /) -> int | None:
        self._client.reach(self._path, "write")
        return self._raw.write(buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:
            self._client.reach(self._path, "lseek")
        return self._raw.seek(offset, whence)

    def truncate(self, size: int | None = None, /) -> int:
        self._client.reach(self._path, "truncate")
        return self._raw.truncate(size)

    def close(self) -> None:
        self._raw.close()


@final
class _KeptFile:
    """An open file whose content a client keeps from opening to closing it."""

    def __init__(
        self, file: _ReachedFile, mode: fileio.Mode, kept: set[_KeptFile]
    ) -> None:
        self._file = file
        self._kept = kept
        self.closing = False
        self._append = mode.append
        size = file.seek(0, io.SEEK_END)
        self._data = bytearray(size)
        if mode.read:
            file.seek(0)
            view = memoryview(self._data)
            done = 0
            while done < size:
                done += file.readinto(view[done:]) or size
            view.release()
        self._position = size if mode.append else 0
        self._changes: list[tuple[int, bytes | None]] = []

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._data[self._position : self._position + len(view)]
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def write(self, buffer: ReadableBuffer, /) -> int:
        data = bytes(memoryview(buffer).cast("B"))
        start = len(self._data) if self._append else self._position
        self._data.extend(bytes(max(0, start - len(self._data))))
        self._data[start : start + len(data)] = data
        self._position = start + len(data)
        self._changes.append((start, data))
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = (0, self._position, len(self._data))[whence]
        self._position = max(0, start + offset)
        return self._position

    def truncate(self, size: int | None = None, /) -> int:
        size = self._position if size is None else size
        del self._data[size:]
        self._data.extend(bytes(size - len(self._data)))
        self._changes.append((size, None))
        return size

    def push(self) -> None:
        """Send what was written to the server; what it has is forgotten here."""
        while self._changes:
            offset, data = self._changes[0]
            if data is None:
                self._file.truncate(offset)
            else:
                # A file opened to append is one at the server too: the offset of a
                # write is the server's business.
                self._file.seek(offset)
                self._file.write(data)
            del self._changes[0]

    def close(self) -> None:
        """Send all; what a hard mount cannot send goes once the server is back."""
        self.closing = True
        try:
            self.push()
        except WouldBlockError:
            raise
        except UnionFSError:
            self._kept.discard(self)
            raise
        self._kept.discard(self)
        self._file.close()
