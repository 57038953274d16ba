"""`Volume`: a directory of a host that containers mount, and that outlives them."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from typing import Any, Final, final

import attrs

from unionfs_sim.containers.attached import MountSource
from unionfs_sim.containers.errors import System
from unionfs_sim.containers.host import Host
from unionfs_sim.containers.instructions import sorted_map
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.errors import UnionFSError, error_text

#: Where volumes lie on a host.
ROOT: Final = "/var/lib/docker/volumes"

_MS_RDONLY: Final = 0x1
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_SECOND_NS: Final = 1_000_000_000


#: What the C library says of errors that only mounts of other hosts give.
_NETWORK_TEXTS: Final = {
    errno.EHOSTUNREACH: "no route to host",
    errno.ETIMEDOUT: "connection timed out",
}


@final
@attrs.define(eq=False, repr=False)
class Volume:
    """
    A volume.

    Attributes:
        name: Its name; 64 digits if it was given none.
        host: The host that it is on.
        options: The driver's options, or ``None`` if it was made by the way.
        labels: Its labels, likewise.
        anonymous: Whether it was given no name.
        created_ns: When it was made.
        driver: The driver; always ``local``.
    """

    name: str
    host: Host
    options: dict[str, str] | None
    labels: dict[str, str] | None
    anonymous: bool
    created_ns: int
    driver: str = "local"
    _users: dict[str, None] = attrs.field(factory=dict)
    _mounted_by: dict[str, None] = attrs.field(factory=dict)

    @property
    def mountpoint(self) -> str:
        """The directory on the host."""
        return f"{ROOT}/{self.name}/_data"

    @property
    def fs(self) -> MountTable:
        """
        What is in it: the directory as the root of a file system.

        One with driver options shows what is mounted there, if it is at the moment.
        """
        return MountTable(self.host.fs, subpath=self.mountpoint, source=self.source())

    def source(self, mode: str = "") -> MountSource:
        """Tell where a mount of it comes from, for `mounts.MountTable.mount`."""
        return MountSource(
            type="volume",
            source=self.mountpoint,
            name=self.name,
            driver=self.driver,
            mode=mode,
            host=self.host.name,
        )

    def attrs(self) -> dict[str, Any]:
        """
        Give it as ``docker volume inspect`` shows it, keys in order (3.1).

        >>> from unionfs_sim.containers.volumes import VolumeStore
        >>> VolumeStore(Host("a")).create("web").attrs()["Mountpoint"]
        '/var/lib/docker/volumes/web/_data'
        """
        when = datetime.fromtimestamp(self.created_ns // _SECOND_NS, UTC)
        return {
            "CreatedAt": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Driver": self.driver,
            "Labels": None if self.labels is None else sorted_map(self.labels),
            "Mountpoint": self.mountpoint,
            "Name": self.name,
            "Options": None if self.options is None else sorted_map(self.options),
            "Scope": "local",
        }

    # --- who uses it ----------------------------------------------------------------

    def acquire(self, container_id: str) -> None:
        """Note that a container, running or not, refers to it."""
        self._users[container_id] = None

    def release(self, container_id: str) -> None:
        """Note that a container refers to it no more."""
        self.unmount(container_id)
        self._users.pop(container_id, None)

    @property
    def users(self) -> list[str]:
        """The containers that refer to it."""
        return list(self._users)

    @property
    def mounted_by(self) -> list[str]:
        """Those for whom it is mounted at the moment."""
        return list(self._mounted_by)

    @property
    def special(self) -> bool:
        """Whether something is mounted on its directory for its users."""
        return bool(self.options) and "device" in (self.options or {})

    def mount(self, container_id: str) -> None:
        """
        Make it ready for a container that starts: driver options mount something.

        Raises:
            System: What they say cannot be mounted.
        """
        try:
            self.prepare(container_id)
        except System as error:
            where = f"error while mounting volume '{self.mountpoint}'"
            raise System(f"{where}: {error.message}") from None

    def prepare(self, user: str) -> None:
        """
        Mount what driver options say, for whoever is not a container that starts.

        Raises:
            System: It cannot be mounted.
        """
        options = self.options or {}
        if self.special and not self._mounted_by:
            words = [word for word in options.get("o", "").split(",") if word]
            device, kind = options["device"], options.get("type", "")
            try:
                self.host.mount(kind, device, self.mountpoint, ",".join(words))
            except UnionFSError as error:
                raise System(self._mount_error(device, words, error)) from None
        self._mounted_by[user] = None

    def _mount_error(self, device: str, words: list[str], error: UnionFSError) -> str:
        """Tell a failed mount as the engine does (7)."""
        flags = {"ro": _MS_RDONLY, "bind": _MS_BIND, "rbind": _MS_BIND | _MS_REC}
        bits = sum(flags[word] for word in words if word in flags)
        data = ",".join(word for word in words if word not in {*flags, "rw"})
        number = error.errno or errno.EIO
        text = _NETWORK_TEXTS.get(number) or error_text(number)
        return "".join(
            [
                f"failed to mount local volume: mount {device}:{self.mountpoint}",
                f", flags: {bits:#x}" if bits else "",
                f", data: {data}" if data else "",
                f": {text[0].lower()}{text[1:]}",
            ]
        )

    def unmount(self, container_id: str) -> None:
        """Undo `mount`: with the last user, what driver options mounted goes."""
        if container_id not in self._mounted_by:
            return
        del self._mounted_by[container_id]
        if self.special and not self._mounted_by:
            self.host.fs.unmount(self.mountpoint, lazy=True)

    @property
    def size_bytes(self) -> int:
        """How many bytes its files hold."""
        fs = self.fs
        return sum(
            fs.lstat(f"{path.rstrip('/')}/{name}").st_size
            for path, _, names in fs.walk("/")
            for name in names
        )

    def __repr__(self) -> str:
        """Show the name."""
        return f"<Volume {self.name!r}>"
