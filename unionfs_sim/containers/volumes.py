"""
Volumes: directories of a host that containers mount, and that outlive them.

A volume is its directory ``/var/lib/docker/volumes/NAME/_data``; one with driver
options is something mounted there, from the first container's start to the last one's
stop.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, final

import attrs

from unionfs_sim.containers import seeding, volumerules
from unionfs_sim.containers.errors import (
    Conflict,
    InvalidParameter,
    NotFound,
    System,
)
from unionfs_sim.containers.filters import prunable
from unionfs_sim.containers.host import Host
from unionfs_sim.containers.ids import CountedIds, Ids
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.volume import ROOT, Volume
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.errors import UnionFSError

__all__ = ["ROOT", "Filters", "Pruned", "Volume", "VolumeStore"]

#: Filters as Docker's API takes them: to each name its values.
Filters: TypeAlias = Mapping[str, Iterable[str]]


@final
@attrs.frozen
class Pruned:
    """
    What a prune removed.

    Attributes:
        names: The names of the volumes, in natural order.
        size_bytes: How many bytes they held.
    """

    names: tuple[str, ...]
    size_bytes: int

    def attrs(self) -> dict[str, Any]:
        """Give it as Docker's API does."""
        return {"VolumesDeleted": list(self.names), "SpaceReclaimed": self.size_bytes}


@final
class VolumeStore:
    """
    The volumes of one host.

    Args:
        host: The host.
        ids: Where names come from for volumes that are given none.

    >>> store = VolumeStore(Host("a"))
    >>> volume = store.create("web")
    >>> volume.fs.write_text("/index.html", "hi")
    2
    >>> volume.host.fs.read_text("/var/lib/docker/volumes/web/_data/index.html")
    'hi'
    """

    def __init__(self, host: Host, *, ids: Ids | None = None) -> None:
        self.host = host
        self._ids: Ids = ids or CountedIds(f"volume:{host.name}")
        self._volumes: dict[str, Volume] = {}
        fs = host.fs
        if not fs.isdir(ROOT):
            fs.makedirs(ROOT, exist_ok=True)
            fs.chmod(ROOT.rpartition("/")[0], 0o710)
            fs.chmod(ROOT, 0o701)
            fs.mknod(f"{ROOT}/backingFsBlockDev", stat.S_IFBLK | 0o600, 0x801)
            fs.write_bytes(f"{ROOT}/metadata.db", b"")
            fs.chmod(f"{ROOT}/metadata.db", 0o600)

    # --- making and finding -----------------------------------------------------------

    def create(
        self,
        name: str | None = None,
        driver: str = "local",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        anonymous: bool | None = None,
    ) -> Volume:
        """
        Make a volume, or give the one of that name, whatever the options then say.

        Args:
            name: Its name; one is made up if it is empty.
            driver: The driver.
            options: The options; ``None`` shows as ``null``, for volumes that are
                made by the way.
            labels: The labels, likewise.
            anonymous: Whether it counts as one that was given no name; by default
                whether it was given none.

        Raises:
            InvalidParameter: The name or the options are refused.
            NotFound: There is no such driver.

        >>> VolumeStore(Host("a")).create("a")
        Traceback (most recent call last):
        unionfs_sim.containers.errors.InvalidParameter: create a: volume name is too short, names should be at least two alphanumeric characters
        """
        made_up = not name
        name = name or self._ids()
        driver = driver or "local"
        known = self._volumes.get(name)
        if known is not None and known.driver == driver:
            return known
        if driver != "local":
            msg = (
                f'error looking up volume plugin {driver}: plugin "{driver}" not found'
            )
            raise NotFound(f"create {name}: {msg}")
        reason = volumerules.name_error(name) or volumerules.options_error(
            options or {}
        )
        if reason:
            raise InvalidParameter(f"create {name}: {reason}")
        volume = Volume(
            name=name,
            host=self.host,
            options=None if options is None else dict(options),
            labels=None if labels is None else dict(labels),
            anonymous=made_up if anonymous is None else anonymous,
            created_ns=self.host.clock(),
        )
        self._make_directories(volume)
        self._volumes[name] = volume
        return volume

    def _make_directories(self, volume: Volume) -> None:
        fs = self.host.fs
        home = f"{ROOT}/{volume.name}"
        fs.makedirs(volume.mountpoint, exist_ok=True)
        fs.chmod(home, 0o701)
        fs.chmod(volume.mountpoint, 0o755)
        if volume.options:
            options = {
                "MountType": volume.options.get("type", ""),
                "MountOpts": volume.options.get("o", ""),
                "MountDevice": volume.options.get("device", ""),
                "Quota": {"Size": 0},
            }
            text = json.dumps(options, separators=(",", ":"))
            fs.write_text(f"{home}/opts.json", text)
            fs.chmod(f"{home}/opts.json", 0o600)

    def get(self, name: str) -> Volume:
        """
        Give the volume of a name.

        Raises:
            NotFound: There is none.

        >>> VolumeStore(Host("a")).get("web")
        Traceback (most recent call last):
        unionfs_sim.containers.errors.NotFound: get web: no such volume
        """
        found = self._volumes.get(name)
        if found is None:
            raise NotFound(f"get {name}: no such volume")
        return found

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a volume of a name."""
        return name in self._volumes

    def __len__(self) -> int:
        """Give the number of volumes."""
        return len(self._volumes)

    def __iter__(self) -> Iterator[Volume]:
        """Go through the volumes in natural order of their names."""
        return iter(self.list())

    def list(self, filters: Filters | None = None) -> list[Volume]:
        """
        List volumes by name, in natural order.

        Args:
            filters: ``dangling``, ``name`` (a pattern), ``driver``, ``label``: to each
                the values, one of which must fit.

        Raises:
            InvalidParameter: There is no such filter, or it has no such value.

        >>> store = VolumeStore(Host("a"))
        >>> _ = [store.create(name) for name in ("web_10", "web_2")]
        >>> store.list({"name": ["web"]})
        [<Volume 'web_2'>, <Volume 'web_10'>]
        """
        wanted = {key: list(values) for key, values in (filters or {}).items()}
        volumerules.check_filters(wanted, volumerules.FILTERS)
        found = [x for x in self._volumes.values() if volumerules.matches(x, wanted)]
        return sorted(found, key=lambda volume: volumerules.natural(volume.name))

    # --- removing -----------------------------------------------------------------------

    def remove(self, name: str, force: bool = False) -> None:  # noqa: FBT001, FBT002
        """
        Remove a volume and what is in it; a device that it was mounted from stays.

        Args:
            name: Its name.
            force: Whether one that is not there is no error.

        Raises:
            NotFound: There is none.
            Conflict: A container refers to it.
        """
        volume = self._volumes.get(name)
        if volume is None:
            if force:
                return
            raise NotFound(f"get {name}: no such volume")
        if volume.users:
            users = ", ".join(volume.users)
            raise Conflict(f"remove {name}: volume is in use - [{users}]")
        self._discard(volume)

    def _discard(self, volume: Volume) -> None:
        for user in volume.mounted_by:
            volume.unmount(user)
        self.host.fs.rmtree(f"{ROOT}/{volume.name}")
        del self._volumes[volume.name]

    def prune(
        self,
        all: bool = False,  # noqa: A002, FBT001, FBT002 - Docker's name
        filters: Filters | None = None,
    ) -> Pruned:
        """
        Remove the volumes that no container refers to.

        Those with driver options stay: the engine takes no device for garbage.

        Args:
            all: Whether named ones go too, as with engines before 23 (API 1.41).
            filters: ``label`` and ``label!``, and ``all`` as the newer API has it.

        Raises:
            InvalidParameter: There is no such filter.
        """
        wanted = {key: list(values) for key, values in (filters or {}).items()}
        volumerules.check_filters(wanted, volumerules.PRUNE_FILTERS)
        named = all or "true" in wanted.pop("all", [])
        gone = [
            volume
            for volume in self
            if not volume.users
            and not volume.options
            and (named or volume.anonymous)
            and prunable(volume.labels or {}, wanted)
        ]
        size = sum(volume.size_bytes for volume in gone)
        for volume in gone:
            self._discard(volume)
        return Pruned(tuple(volume.name for volume in gone), size)

    # --- seeding ------------------------------------------------------------------------

    def seed(
        self, volume: Volume, image_fs: FileSystem, path: str, *, merged: str = ""
    ) -> bool:
        """
        Fill an empty volume with what the image has at a path, and tell whether it did.

        Its root gets the mode and owner of the image's directory, also if that is
        empty; a volume that holds anything is left alone (3.2).

        Args:
            volume: The volume.
            image_fs: The merged view of the image; links are followed in it.
            path: The path of the mount.
            merged: Where the engine mounts that view on its host, for errors.

        Raises:
            System: The image has a file there; a device cannot be mounted; the device
                does not take what is copied.
        """
        try:
            status = image_fs.stat(path)
        except UnionFSError:
            return False
        if not stat.S_ISDIR(status.st_mode):
            if volume.anonymous:
                where = f"{merged}{path}"
                msg = f"cannot mount volume over existing file, file exists {where}"
            else:
                msg = f"source {merged}{path} is not directory"
            raise System(msg)
        user = "seed"
        volume.prepare(user)
        try:
            fs = volume.fs
            if fs.listdir("/"):
                return False
            seeding.copy_tree(MountTable(image_fs, subpath=path), "/", fs)
        except UnionFSError as error:
            raise System(f"failed to copy to {volume.mountpoint}: {error}") from error
        finally:
            volume.unmount(user)
        return True

    # --- lasting ------------------------------------------------------------------------

    def records(self) -> Sequence[dict[str, Any]]:
        """Give what a state must keep of the volumes, besides the host's files."""
        return [
            {
                "name": volume.name,
                "options": volume.options,
                "labels": volume.labels,
                "anonymous": volume.anonymous,
                "created_ns": volume.created_ns,
                "users": volume.users,
            }
            for volume in self
        ]

    def load(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take volumes over from `records`; directories that are missing are made."""
        for record in records:
            volume = Volume(
                name=record["name"],
                host=self.host,
                options=record["options"],
                labels=record["labels"],
                anonymous=record["anonymous"],
                created_ns=record["created_ns"],
            )
            if not self.host.fs.isdir(volume.mountpoint):
                self._make_directories(volume)
            for user in record["users"]:
                volume.acquire(user)
            self._volumes[volume.name] = volume
