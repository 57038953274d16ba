"""
Which mounts a container gets: parsed, checked and made in the engine's own order.

First all of ``--mount`` is checked, then ``--volumes-from`` is resolved, then come
``-v``, ``--mount`` and last the volumes without a name: a create that fails half way
leaves the named volumes behind, and no other (docker-storage.md, 2).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, final

import attrs

from unionfs_sim.containers import spec
from unionfs_sim.containers.attached import PROPAGATION, MountSource
from unionfs_sim.containers.errors import InvalidParameter, NotFound
from unionfs_sim.containers.host import Host
from unionfs_sim.containers.volumes import Volume, VolumeStore
from unionfs_sim.errors import UnionFSError

#: The engine's own directory: binds that contain it, or lie in it, must not keep its
#: mounts busy.
ENGINE_ROOT: Final = "/var/lib/docker"


@final
@attrs.frozen(kw_only=True)
class MountPoint:
    """
    One mount of a container.

    Attributes:
        type: ``volume``, ``bind`` or ``tmpfs``.
        name: The name of the volume.
        source: The path on the host.
        destination: The path in the container, cleaned.
        mode: The mode as it is shown.
        writable: Whether it can be written.
        propagation: How mounts travel; for binds.
        anonymous: Whether ``rm -v`` takes the volume.
        seeds: Whether the volume is filled from the image.
        create_source: Whether a missing source of a bind is made.
        recursive: Whether what is mounted below the source comes along.
        options: The options of a tmpfs.
        volume: The volume.
    """

    type: str
    destination: str
    name: str = ""
    source: str = ""
    mode: str = ""
    writable: bool = True
    propagation: str = ""
    anonymous: bool = False
    seeds: bool = False
    create_source: bool = False
    recursive: bool = True
    options: spec.TmpfsOptions | None = None
    volume: Volume | None = attrs.field(default=None, repr=False, eq=False)

    def attrs(self) -> dict[str, Any]:
        """Give it as ``docker inspect`` shows it under ``Mounts``, keys in order."""
        shown: dict[str, Any] = {"Type": self.type}
        if self.type == "volume":
            shown["Name"] = self.name
        shown["Source"] = self.source
        shown["Destination"] = self.destination
        if self.type == "volume":
            shown["Driver"] = "local"
        shown["Mode"] = self.mode
        shown["RW"] = self.writable
        shown["Propagation"] = self.propagation
        return shown

    def mount_source(self, host: str) -> MountSource:
        """Tell where it comes from, for a mount table."""
        return MountSource(
            type=self.type,
            source=self.source,
            name=self.name,
            driver="local" if self.type == "volume" else "",
            mode=self.mode,
            host=host,
        )


@final
class MountPlan:
    """
    The mounts of one container that is being made.

    Args:
        volumes: Where volumes are made.
        host: Where sources of binds are looked for.
        driver: The driver of ``--volume-driver``.
        find: Gives the mounts of another container.

    Attributes:
        points: The mounts, by destination.
        made: The volumes without a name that were made.
    """

    def __init__(
        self,
        volumes: VolumeStore,
        host: Host,
        *,
        driver: str,
        find: Callable[[str], Iterable[MountPoint]],
    ) -> None:
        self._volumes = volumes
        self._host = host
        self._driver = driver
        self._find = find
        self.points: dict[str, MountPoint] = {}
        self.made: list[Volume] = []

    def check_mounts(self, mounts: Iterable[Mapping[str, Any]]) -> list[spec.MountSpec]:
        """
        Check all of ``--mount`` before anything is made.

        Raises:
            InvalidParameter: One makes no sense, or a bind's source is not there.
        """
        parsed = [spec.parse_mount_json(value) for value in mounts]
        for each in parsed:
            if each.type == "bind" and not self._host.fs.exists(each.source or ""):
                raise spec.missing_source(each.source or "")
        return parsed

    def resolve(
        self,
        *,
        binds: Iterable[str],
        mounts: Iterable[spec.MountSpec],
        volumes_from: Iterable[str],
        tmpfs: Iterable[str],
    ) -> None:
        """
        Work out what ``--volumes-from``, ``-v`` and ``--mount`` say.

        Raises:
            InvalidParameter: Something makes no sense, or is mounted twice.
            NotFound: There is no such container, or volume driver.
        """
        for text in volumes_from:
            self._copy(spec.parse_volumes_from(text))
        explicit: set[str] = set()
        covered = {spec.clean(path) for path in tmpfs}
        for text in binds:
            parsed = spec.parse_bind(text)
            if parsed.target in explicit or parsed.target in covered:
                raise spec.duplicate(parsed.target)
            self._add(parsed)
            if parsed.anonymous and not parsed.mode:
                # Among the binds even this one gets the mode of named volumes.
                point = self.points[parsed.target]
                self.points[parsed.target] = attrs.evolve(point, mode="z")
            explicit.add(parsed.target)
        for parsed in mounts:
            if parsed.target in explicit:
                raise spec.duplicate(parsed.written_target)
            self._add(parsed)
            explicit.add(parsed.target)

    def _copy(self, wanted: spec.VolumesFrom) -> None:
        """Copy the mounts of another container."""
        for point in self._find(wanted.container):
            if point.type == "tmpfs":
                # The recorded engine looks for a volume without a name.
                msg = "get: no such volume"
                raise NotFound(msg)
            self.points[point.destination] = attrs.evolve(
                point,
                mode="",
                writable=wanted.writable(was=point.writable),
                seeds=False,
            )

    def _add(self, parsed: spec.MountSpec) -> None:
        if parsed.type == "volume":
            point = self._volume(parsed)
        elif parsed.type == "bind":
            point = self._bind(parsed)
        else:
            point = MountPoint(
                type="tmpfs",
                destination=parsed.target,
                writable=not parsed.read_only,
                options=parsed.tmpfs_options,
            )
        self.points[point.destination] = point

    def _volume(self, parsed: spec.MountSpec) -> MountPoint:
        volume = self._volumes.create(
            parsed.source,
            parsed.driver or self._driver or "local",
            parsed.driver_options,
            parsed.labels,
        )
        if parsed.anonymous:
            self.made.append(volume)
        return MountPoint(
            type="volume",
            name=volume.name,
            source=volume.mountpoint,
            destination=parsed.target,
            mode=parsed.shown_mode,
            writable=not parsed.read_only,
            anonymous=parsed.anonymous,
            seeds=parsed.seeds,
            volume=volume,
        )

    def _bind(self, parsed: spec.MountSpec) -> MountPoint:
        source = parsed.source or ""
        return MountPoint(
            type="bind",
            source=source,
            destination=parsed.target,
            mode=parsed.mode,
            writable=not parsed.read_only,
            propagation=parsed.propagation or default_propagation(source),
            create_source=parsed.create_source,
            recursive=not parsed.non_recursive,
        )

    def add_anonymous(self, path: str, tmpfs: Iterable[str]) -> MountPoint | None:
        """
        Make a volume without a name, unless something else is mounted there.

        Args:
            path: The path as it was written, by ``-v`` or in the image.
            tmpfs: Where ``--tmpfs`` mounts something.
        """
        destination = spec.clean(path)
        if destination in self.points or destination in map(spec.clean, tmpfs):
            return None
        volume = self._volumes.create(None, self._driver or "local")
        self.made.append(volume)
        point = MountPoint(
            type="volume",
            name=volume.name,
            source=volume.mountpoint,
            destination=destination,
            anonymous=True,
            seeds=True,
            volume=volume,
        )
        self.points[destination] = point
        return point

    def undo(self) -> None:
        """Remove the volumes without a name; those with one stay, as in Docker."""
        for volume in self.made:
            self._volumes.remove(volume.name, force=True)


def default_propagation(source: str) -> str:
    """
    Give how mounts travel to a bind that says nothing of it.

    >>> default_propagation("/srv"), default_propagation("/var/lib")
    ('rprivate', 'rslave')
    """
    inside = f"{source.rstrip('/')}/"
    root = f"{ENGINE_ROOT}/"
    return "rslave" if root.startswith(inside) or inside.startswith(root) else (
        PROPAGATION
    )  # fmt: skip


def ensure_bind_source(host: Host, point: MountPoint) -> None:
    """
    Make the missing source of a ``-v``; that of a ``--mount`` must be there.

    Raises:
        InvalidParameter: It is not.
        System: It cannot be made.
    """
    if host.fs.exists(point.source):
        return
    if not point.create_source:
        raise spec.missing_source(point.source)
    try:
        host.fs.makedirs(point.source, 0o755, exist_ok=True)
    except UnionFSError as error:
        msg = (
            f"error while creating mount source path '{point.source}': mkdir"
            f" {point.source}: {(error.strerror or '').lower()}"
        )
        if error.errno == errno.EINVAL:
            raise
        raise InvalidParameter(msg) from error
