"""
`Host`: a simulated machine with a file system, NFS exports and mounts.

Hosts of one `World` share a clock and reach each other, by name or address.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import Final, final

from unionfs_sim.containers.attached import Mount, MountSource, backing_of
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.ids import CountedIds, Ids
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.nfs import Export, NfsClient, NfsOptions
from unionfs_sim.containers.scheduling import Scheduler, Timeline
from unionfs_sim.containers.sockets import Namespace
from unionfs_sim.containers.tmpfs import TmpFS
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import fs_error

_SECOND_NS: Final = 1_000_000_000

#: Names that a host calls itself by.
_SELF: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@final
class World:
    """
    Hosts that reach each other, and their time.

    Attributes:
        clock: The time of all of them.
        scheduler: Gives the programs on all of them their turns.
        lock: Held during each verb of an engine.
        changed: Notified when one has done something.

    >>> world = World()
    >>> world.host("a").address, world.host("b").address
    ('10.0.0.1', '10.0.0.2')
    """

    def __init__(self, clock: Timeline | None = None) -> None:
        self.clock = clock or Timeline()
        self.scheduler = Scheduler(self.clock)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        if self.clock.real:
            self.scheduler.pause = self.changed.wait
        self._hosts: dict[str, Host] = {}

    def host(self, name: str) -> Host:
        """Give the host of a name, made when it is first asked for."""
        found = self._hosts.get(name)
        return found or Host(name, world=self)

    def join(self, host: Host) -> str:
        """Take in a host, and give its address."""
        if host.name in self._hosts:
            msg = f"there is a host {host.name!r} already"
            raise ValueError(msg)
        self._hosts[host.name] = host
        return f"10.0.0.{len(self._hosts)}"

    def find(self, address: str) -> Host | None:
        """Find a host by name or address."""
        for host in self._hosts.values():
            if address in {host.name, host.address}:
                return host
        return None

    def __iter__(self) -> Iterator[Host]:
        """Go through the hosts, in the order in which they came."""
        return iter(self._hosts.values())


@final
class Host:
    """
    A simulated machine.

    Args:
        name: Its name.
        world: The hosts that it reaches; one of its own by default.
        root: Its root file system; an empty one by default.
        ids: Where ids come from; by default the same in every run.
        nfs: Whether its kernel knows NFS.

    Attributes:
        fs: Its file system with everything mounted; to be used for all access, for
            binds follow what is renamed and removed through it.
        root: What is at ``/``.
        namespace: Its network, once an engine runs on it.

    >>> host = Host("a")
    >>> host.fs.write_text("/etc/motd", "hello")
    5
    >>> print(host.fs.explain("/etc/motd"))
    /etc/motd
      the union answers: upper
      it goes when the container is removed
    """

    def __init__(
        self,
        name: str = "host",
        *,
        world: World | None = None,
        root: UnionFS | None = None,
        ids: Ids | None = None,
        nfs: bool = True,
    ) -> None:
        self.name = name
        self.world = world or World()
        self.clock = self.world.clock
        self.root = root or UnionFS(clock=self.clock)
        self.fs = MountTable(self.root, source=MountSource(type="ext4", host=name))
        self.ids: Ids = ids or CountedIds(f"host:{name}")
        self.nfs = nfs
        self.exports: dict[str, Export] = {}
        self.namespace: Namespace | None = None
        self.address = self.world.join(self)
        self._down = False
        self._back_ns: int | None = None
        backing_of(self.root).owner = name
        for directory, mode in _DIRECTORIES:
            if not self.root.isdir(directory):
                self.fs.makedirs(directory)
                self.fs.chmod(directory, mode)

    def namespace_at(self, address: IPv4Address) -> Namespace | None:
        """Find the network of the host with an address; one that is down has none."""
        found = self.world.find(str(address))
        return found.namespace if found is not None and found.up else None

    # --- life and death -----------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether it answers; one that was to be back by now is."""
        if self._down and self._back_ns is not None and self.clock() >= self._back_ns:
            self.restart()
        return not self._down

    @property
    def back_ns(self) -> int | None:
        """When it will be back, if it is down and that is known."""
        return self._back_ns if self._down else None

    def crash(self, *, seconds: float | None = None) -> None:
        """
        Stop answering; what was written is kept.

        Args:
            seconds: When to be back, if that is known: hard mounts then wait.
        """
        self._down = True
        self._back_ns = None
        if seconds is not None:
            self._back_ns = self.clock() + int(seconds * _SECOND_NS)

    def restart(self) -> None:
        """Answer again."""
        self._down = False
        self._back_ns = None

    # --- sharing --------------------------------------------------------------------

    def export(
        self,
        path: StrPath,
        *,
        read_only: bool = False,
        root_squash: bool = False,
        all_squash: bool = False,
        anonymous_uid: int = 65534,
        anonymous_gid: int = 65534,
    ) -> Export:
        """
        Let other hosts mount a directory.

        Unlike ``/etc/exports``, root of a client stays root unless told otherwise.

        Raises:
            UnionFSError: ENOENT, ENOTDIR.

        >>> server = World().host("server")
        >>> server.fs.mkdir("/srv")
        >>> server.export("/srv").path
        '/srv'
        """
        text = fspath(path)
        if not self.fs.isdir(text):
            number = errno.ENOTDIR if self.fs.exists(text) else errno.ENOENT
            raise fs_error(number, text, op="export")
        made = Export(
            server=self,
            path=text.rstrip("/"),
            table=MountTable(self.fs, subpath=text),
            read_only=read_only,
            root_squash=root_squash,
            all_squash=all_squash,
            anonymous_uid=anonymous_uid,
            anonymous_gid=anonymous_gid,
        )
        self.exports[made.path or "/"] = made
        return made

    def unexport(self, path: StrPath) -> None:
        """Let nobody mount a directory any more; mounts that are there stay."""
        self.exports.pop(fspath(path).rstrip("/") or "/", None)

    def nfs_client(self, device: str, options: str) -> NfsClient:
        """
        Make what ``mount -t nfs`` mounts.

        Args:
            device: ``server:/path``, or ``:/path`` with ``addr=`` in the options.
            options: The options.

        Raises:
            UnionFSError: ENODEV, the kernel knows no NFS; EINVAL, no server is named;
                EHOSTUNREACH, there is none; ETIMEDOUT, it is down; ENOENT, it does
                not export that.
        """
        if not self.nfs:
            raise fs_error(errno.ENODEV, device, op="mount")
        read = NfsOptions.parse(options)
        written, _, path = device.partition(":")
        address = read.address or written
        if not address or not path.startswith("/"):
            raise fs_error(errno.EINVAL, device, op="mount")
        server = self if address in _SELF else self.world.find(address)
        if server is None:
            raise fs_error(errno.EHOSTUNREACH, device, op="mount")
        if not server.up:
            raise fs_error(errno.ETIMEDOUT, device, op="mount")
        export, subpath = _exported(server, path)
        if export is None or not export.table.isdir(subpath or "/"):
            raise fs_error(errno.ENOENT, device, op="mount")
        return NfsClient(export, read, self.clock, subpath=subpath)

    def mount(self, kind: str, device: str, target: str, options: str = "") -> Mount:
        """
        Mount as ``mount -t KIND -o OPTIONS DEVICE TARGET`` does.

        Args:
            kind: ``none`` (with ``bind`` in the options), ``tmpfs`` or ``nfs``.
            device: A path, anything, or ``server:/path``.
            target: Where.
            options: The options.

        Raises:
            UnionFSError: ENODEV, it is none of these; and what the device gives.

        >>> host = Host("a")
        >>> host.fs.mkdir("/data")
        >>> host.mount("tmpfs", "tmpfs", "/data", "size=64k")
        <Mount tmpfs on /data>
        """
        words = options.split(",")
        fs: FileSystem
        source = MountSource(type=kind, source=device, host=self.name)
        read_only = "ro" in words
        if "bind" in words or "rbind" in words:
            if not self.fs.exists(device):
                raise fs_error(errno.ENOENT, device, op="mount")
            return self.fs.mount(
                target,
                self.fs,
                subpath=device,
                read_only=read_only,
                recursive="rbind" in words,
                source=MountSource(type="bind", source=device, host=self.name),
            )
        makers: dict[str, Callable[[], FileSystem]] = {
            "tmpfs": lambda: _tmpfs(options, self.clock),
            "nfs": lambda: self.nfs_client(device, options),
            "nfs4": lambda: self.nfs_client(device, options),
        }
        maker = makers.get(kind)
        if maker is None:
            raise fs_error(errno.ENODEV, device, op="mount")
        fs = maker()
        if kind == "tmpfs":
            source = MountSource(type="tmpfs", host=self.name)
        return self.fs.mount(target, fs, read_only=read_only, source=source)

    def __repr__(self) -> str:
        """Show the name."""
        return f"<Host {self.name!r}>"


_DIRECTORIES: Final = (
    ("/etc", 0o755),
    ("/tmp", 0o1777),  # noqa: S108 - of the simulated machine
    ("/var/lib", 0o755),
)


def _tmpfs(options: str, clock: Timeline) -> TmpFS:
    try:
        return TmpFS(options, clock=clock)
    except InvalidParameter:
        raise fs_error(errno.EINVAL, "tmpfs", op="mount") from None


def _exported(server: Host, path: str) -> tuple[Export | None, str]:
    """Find the export that a path lies in, and the rest of the path."""
    head = path.rstrip("/")
    while True:
        found = server.exports.get(head or "/")
        if found is not None:
            return found, path.rstrip("/")[len(head) :]
        if not head:
            return None, ""
        head = head.rpartition("/")[0]
