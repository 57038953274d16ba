"""What is to be mounted, as values: `spec` reads them from texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import attrs


@final
@attrs.frozen
class TmpfsOptions:
    """
    How a tmpfs is to be made.

    Attributes:
        text: The options of ``--tmpfs`` as written, such as ``size=64k,mode=0750``.
        size_bytes: The size that ``--mount`` gives.
        mode: The mode that ``--mount`` gives.
    """

    text: str = ""
    size_bytes: int | None = None
    mode: int | None = None

    @property
    def words(self) -> str:
        """
        The options as the kernel takes them.

        >>> TmpfsOptions(size_bytes=1 << 20, mode=0o700).words
        'size=1048576,mode=0700'
        """
        words = [self.text] if self.text else []
        if self.size_bytes:
            words.append(f"size={self.size_bytes}")
        if self.mode:
            words.append(f"mode={self.mode:04o}")
        return ",".join(words)


@final
@attrs.frozen(kw_only=True)
class MountSpec:
    """
    What is to be mounted where, as the user wants it.

    Attributes:
        type: ``volume``, ``bind`` or ``tmpfs``.
        source: The name of the volume (``None`` for one without a name), or the
            cleaned path of the directory or file on the host.
        target: The path in the container, cleaned.
        read_only: Whether nothing can be written there.
        mode: The mode words as they were written; empty for ``--mount``.
        propagation: How mounts travel; empty for the type's default.
        no_copy: Whether a volume is not to be seeded from the image.
        driver: The driver of the volume; empty for the default.
        driver_options: The options for the driver, or ``None``.
        labels: The labels for a volume that is made, or ``None``.
        tmpfs_options: The options of a tmpfs, or ``None``.
        create_source: Whether a missing source of a bind is made: true for ``-v``.
        consistency: ``consistent``, ``cached`` or ``delegated``; without effect.
        non_recursive: Whether what is mounted below the source stays out.
        written_source: The source as it was written.
        written_target: The target as it was written.

    >>> from unionfs_sim.containers.spec import parse_volume
    >>> parse_volume("/srv/www/:/data/www:ro")
    MountSpec(type='bind', source='/srv/www', target='/data/www', read_only=True, mode='ro')
    """

    type: str
    source: str | None = None
    target: str
    read_only: bool = False
    mode: str = ""
    propagation: str = ""
    no_copy: bool = False
    driver: str = ""
    driver_options: Mapping[str, str] | None = None
    labels: Mapping[str, str] | None = None
    tmpfs_options: TmpfsOptions | None = None
    create_source: bool = False
    consistency: str = ""
    non_recursive: bool = False
    written_source: str = ""
    written_target: str = ""

    @property
    def anonymous(self) -> bool:
        """Whether it is a volume that nobody gave a name."""
        return self.type == "volume" and self.source is None

    @property
    def seeds(self) -> bool:
        """Whether an empty volume is filled from the image (3.2)."""
        return self.type == "volume" and not self.no_copy

    @property
    def shown_mode(self) -> str:
        """
        The mode as ``docker inspect`` shows it (4.1).

        >>> from unionfs_sim.containers.spec import parse_volume
        >>> [parse_volume(x).shown_mode for x in ("web:/x", "web:/x:ro", "/x", "/a:/x")]
        ['z', 'ro', '', '']
        """
        if self.type == "volume" and not self.mode:
            named = self.source is not None or not self.create_source
            return "z" if named else ""
        return self.mode

    def __repr__(self) -> str:
        """Show what was asked for, and nothing that was not."""
        names = [field.name for field in attrs.fields(type(self))]
        hidden = {"written_source", "written_target", "create_source"}
        shown = (
            f"{name}={getattr(self, name)!r}"
            for name in names
            if name not in hidden and getattr(self, name) not in {"", None, False}
        )
        return f"MountSpec({', '.join(shown)})"

    def to_json(self) -> dict[str, Any]:
        """
        Give it as ``HostConfig.Mounts`` has it (4.3).

        >>> from unionfs_sim.containers.spec import parse_mount
        >>> parse_mount("type=volume,src=web,dst=/x,volume-nocopy").to_json()["VolumeOptions"]
        {'NoCopy': True, 'DriverConfig': {}}
        """
        made: dict[str, Any] = {"Type": self.type}
        if self.written_source:
            made["Source"] = self.written_source
        made["Target"] = self.written_target
        if self.read_only:
            made["ReadOnly"] = True
        if self.consistency:
            made["Consistency"] = self.consistency
        bind: dict[str, Any] = {}
        if self.propagation:
            bind["Propagation"] = self.propagation
        if self.non_recursive:
            bind["NonRecursive"] = True
        if bind:
            made["BindOptions"] = bind
        volume = self._volume_json()
        if volume:
            made["VolumeOptions"] = volume
        options = self.tmpfs_options
        if options is not None and (options.size_bytes or options.mode):
            sizes = {"SizeBytes": options.size_bytes, "Mode": options.mode}
            made["TmpfsOptions"] = {key: x for key, x in sizes.items() if x}
        return made

    def _volume_json(self) -> dict[str, Any]:
        driver: dict[str, Any] = {}
        if self.driver:
            driver["Name"] = self.driver
        if self.driver_options:
            driver["Options"] = dict(sorted(self.driver_options.items()))
        made: dict[str, Any] = {}
        if self.no_copy:
            made["NoCopy"] = True
        if self.labels:
            made["Labels"] = dict(sorted(self.labels.items()))
        if made or driver:
            made["DriverConfig"] = driver
        return made


@final
@attrs.frozen
class VolumesFrom:
    """
    Whose mounts are to be copied.

    Attributes:
        container: The name or id of the other container.
        mode: The mode; ``rw`` if none was written.
    """

    container: str
    mode: str = "rw"

    @property
    def read_only(self) -> bool:
        """Whether all copies are read-only."""
        return "ro" in self.mode.split(",")

    def writable(self, *, was: bool) -> bool:
        """
        Tell whether a copy can be written: never if the mount itself cannot (5).

        >>> from unionfs_sim.containers.spec import parse_volumes_from
        >>> parse_volumes_from("data:rw").writable(was=False)
        False
        """
        return was and not self.read_only
