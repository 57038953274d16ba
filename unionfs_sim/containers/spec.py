"""
The texts of ``-v``, ``--mount``, ``--tmpfs`` and ``--volumes-from``, as Docker reads them.

A text is read in two places, by the client and by the engine, and each refuses in its
own words: what the client refuses is a `mountflag.FlagError`.  Mode words fall into groups, and
at most one of each group is allowed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, Final

from unionfs_sim.containers import mountflag
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.mountspec import MountSpec, TmpfsOptions, VolumesFrom

__all__ = [
    "PROPAGATIONS",
    "MountSpec",
    "TmpfsOptions",
    "VolumesFrom",
    "clean",
    "destination_error",
    "duplicate",
    "is_anonymous",
    "is_mode",
    "missing_source",
    "parse_bind",
    "parse_mount",
    "parse_mount_json",
    "parse_tmpfs",
    "parse_volume",
    "parse_volumes_from",
]

_ACCESS: Final = frozenset({"ro", "rw"})
_LABELS: Final = frozenset({"z", "Z"})
_COPY: Final = frozenset({"nocopy"})
_CONSISTENCY: Final = frozenset({"consistent", "cached", "delegated"})

#: How mounts may travel between a bind and its source.
PROPAGATIONS: Final = frozenset(
    {"private", "rprivate", "shared", "rshared", "slave", "rslave"}
)
_GROUPS: Final = (_ACCESS, _LABELS, PROPAGATIONS, _COPY, _CONSISTENCY)


def parse_volume(text: str) -> MountSpec:
    """
    Read ``-v``: ``DST``, ``NAME:DST[:MODE]`` or ``/SRC:DST[:MODE]``.

    The client decides first: without a colon, or with nothing or a single character
    before it, all of it is the path of a volume without a name.

    Raises:
        InvalidParameter: The engine refuses it.

    >>> parse_volume("a:/x").target
    'a:/x'
    >>> parse_volume("web:/")
    Traceback (most recent call last):
    unionfs_sim.containers.errors.InvalidParameter: invalid volume specification: 'web:/': invalid mount config for type "volume": invalid specification: destination can't be '/'
    """
    if is_anonymous(text):
        return MountSpec(
            type="volume",
            target=clean(text),
            create_source=True,
            written_target=text,
        )
    return parse_bind(text)


def is_anonymous(text: str) -> bool:
    """
    Tell whether the client takes ``-v`` for a volume without a name.

    >>> is_anonymous("/x"), is_anonymous("c:/x"), is_anonymous("web:/x")
    (True, True, False)
    """
    source, colon, _ = text.partition(":")
    return not colon or (len(source) <= 1 and source != "/")


def parse_bind(text: str) -> MountSpec:
    """
    Read one entry of ``HostConfig.Binds``, as the engine does.

    Raises:
        InvalidParameter: It is not ``SRC:DST[:MODE]``, or makes no sense.
    """
    parts = text.split(":")
    invalid = f"invalid volume specification: '{text}'"
    if not parts[0] or len(parts) > 3:
        raise InvalidParameter(invalid)
    if len(parts) == 2 and is_mode(parts[1]):
        raise InvalidParameter(invalid)
    source, target = parts[:2] if len(parts) > 1 else ("", parts[0])
    mode = parts[2] if len(parts) == 3 else ""
    if not is_mode(mode):
        raise InvalidParameter(f"invalid mode: {mode}")
    words = mode.split(",")
    kind = "bind" if source.startswith("/") else "volume"
    propagation = next((word for word in words if word in PROPAGATIONS), "")
    reason = _target_error(target)
    if not reason and kind == "bind" and "nocopy" in words:
        reason = "field VolumeOptions must not be specified"
    if not reason and kind == "volume" and propagation:
        reason = "field BindOptions must not be specified"
    if reason:
        raise InvalidParameter(f"{invalid}: {_config(kind, reason)}")
    return MountSpec(
        type=kind,
        source=clean(source) if kind == "bind" else source or None,
        target=clean(target),
        read_only="ro" in words,
        mode=mode,
        propagation=propagation,
        no_copy="nocopy" in words,
        create_source=True,
        consistency=next((word for word in words if word in _CONSISTENCY), ""),
        written_source=source,
        written_target=target,
    )


def is_mode(text: str) -> bool:
    """
    Tell whether mode words are known, at most one of each group.

    >>> is_mode("ro,Z,rslave"), is_mode("ro,rw"), is_mode("RO"), is_mode("")
    (True, False, False, True)
    """
    if not text:
        return True
    words = text.split(",")
    counts = [sum(word in group for word in words) for group in _GROUPS]
    return sum(counts) == len(words) and max(counts) == 1


def clean(path: str) -> str:
    """
    Clean a path as Go's ``path.Clean``: by its text alone.

    >>> clean("/a/../r/"), clean("//x//y/"), clean("/.."), clean("")
    ('/r', '/x/y', '/', '.')
    """
    made = posixpath.normpath(path)
    return made[1:] if made.startswith("//") else made


def _target_error(target: str) -> str:
    if not target:
        return "field Target must not be empty"
    return destination_error(target)


def destination_error(target: str) -> str:
    """
    Give what is wrong with a path to mount at, or an empty text.

    >>> destination_error("x")
    "invalid mount path: 'x' mount path must be absolute"
    """
    if clean(target) == "/":
        return "invalid specification: destination can't be '/'"
    if not target.startswith("/"):
        return f"invalid mount path: '{target}' mount path must be absolute"
    return ""


def _config(kind: str, reason: str) -> str:
    return f'invalid mount config for type "{kind}": {reason}'


def missing_source(source: str) -> InvalidParameter:
    """
    Make the error of a ``--mount`` whose source is not there (4.3).

    >>> str(missing_source("/data/m"))
    'invalid mount config for type "bind": bind source path does not exist: /data/m'
    """
    reason = f"bind source path does not exist: {source}"
    return InvalidParameter(_config("bind", reason))


def duplicate(target: str) -> InvalidParameter:
    """
    Make the error of two explicit mounts at one place (4.2).

    >>> str(duplicate("/x"))
    'Duplicate mount point: /x'
    """
    return InvalidParameter(f"Duplicate mount point: {target}")


def parse_mount(text: str) -> MountSpec:
    """
    Read ``--mount``: comma-separated ``key=value`` fields, keys in any case.

    Raises:
        mountflag.FlagError: The client refuses it.
        InvalidParameter: The engine refuses it.

    >>> parse_mount("type=bind,src=/srv,dst=/x,ro")
    MountSpec(type='bind', source='/srv', target='/x', read_only=True)
    >>> parse_mount("src=web")
    Traceback (most recent call last):
    unionfs_sim.containers.mountflag.FlagError: invalid argument "src=web" for "--mount" flag: target is required
    """
    return parse_mount_json(mountflag.read_fields(text))


def parse_mount_json(value: Mapping[str, Any]) -> MountSpec:
    """
    Read one entry of ``HostConfig.Mounts``, as the engine does; the inverse of `MountSpec.to_json`.

    Whether the source of a bind is there is for the engine to find out.

    Raises:
        InvalidParameter: It makes no sense.

    >>> parse_mount_json({"Type": "tmpfs", "Source": "a", "Target": "/x"})
    Traceback (most recent call last):
    unionfs_sim.containers.errors.InvalidParameter: invalid mount config for type "tmpfs": field Source must not be specified
    """
    kind = value.get("Type") or "volume"
    source = value.get("Source") or ""
    target = value.get("Target") or ""
    bind = value.get("BindOptions")
    volume = value.get("VolumeOptions")
    tmpfs = value.get("TmpfsOptions")
    propagation = (bind or {}).get("Propagation") or ""
    read_only = bool(value.get("ReadOnly"))
    reason = _target_error(target)
    if not reason and kind == "bind":
        reason = _bind_error(source, propagation, volume)
    elif not reason and kind == "volume":
        reason = _volume_error(source, bind, read_only=read_only)
    elif not reason and kind == "tmpfs":
        reason = _tmpfs_error(source, bind)
    elif not reason:
        reason = "mount type unknown"
    if reason:
        raise InvalidParameter(_config(kind, reason))
    volume = volume or {}
    driver = volume.get("DriverConfig") or {}
    options = None
    if kind == "tmpfs":
        sizes = tmpfs or {}
        options = TmpfsOptions("", sizes.get("SizeBytes"), sizes.get("Mode"))
    return MountSpec(
        type=kind,
        source=clean(source) if kind == "bind" else source or None,
        target=clean(target),
        read_only=read_only,
        propagation=propagation,
        no_copy=bool(volume.get("NoCopy")),
        driver=driver.get("Name") or "",
        driver_options=driver.get("Options") or None,
        labels=volume.get("Labels") or None,
        tmpfs_options=options,
        consistency=value.get("Consistency") or "",
        non_recursive=bool((bind or {}).get("NonRecursive")),
        written_source=source,
        written_target=target,
    )


def _bind_error(source: str, propagation: str, volume: object) -> str:
    if not source:
        return "field Source must not be empty"
    if propagation and propagation not in PROPAGATIONS:
        return f"invalid propagation mode: {propagation}"
    if volume is not None:
        return "field VolumeOptions must not be specified"
    if not source.startswith("/"):
        return f"invalid mount path: '{source}' mount path must be absolute"
    return ""


def _volume_error(source: str, bind: object, *, read_only: bool) -> str:
    if bind is not None:
        return "field BindOptions must not be specified"
    if not source and read_only:
        return "must not set ReadOnly mode when using anonymous volumes"
    return ""


def _tmpfs_error(source: str, bind: object) -> str:
    if bind is not None:
        return "field BindOptions must not be specified"
    return "field Source must not be specified" if source else ""


def parse_tmpfs(text: str) -> MountSpec:
    """
    Read ``--tmpfs``: ``DST[:OPTIONS]``; the options are looked at when it is mounted.

    Raises:
        InvalidParameter: The path is not absolute, or the root.

    >>> parse_tmpfs("/run:size=64k").tmpfs_options
    TmpfsOptions(text='size=64k', size_bytes=None, mode=None)
    """
    target, _, options = text.partition(":")
    reason = destination_error(target)
    if reason:
        raise InvalidParameter(reason)
    return MountSpec(
        type="tmpfs",
        target=clean(target),
        tmpfs_options=TmpfsOptions(options),
        create_source=True,
        written_target=target,
    )


def parse_volumes_from(text: str) -> VolumesFrom:
    """
    Read ``--volumes-from``: ``NAME[:MODE]``.

    Raises:
        InvalidParameter: It is empty, or the mode is not one of ``ro``, ``rw``, ``z``
            and the like.

    >>> parse_volumes_from("data:ro")
    VolumesFrom(container='data', mode='ro')
    """
    if not text:
        msg = "volumes-from specification cannot be an empty string"
        raise InvalidParameter(msg)
    container, colon, mode = text.partition(":")
    words = mode.split(",")
    if not is_mode(mode) or not (PROPAGATIONS | _COPY).isdisjoint(words):
        raise InvalidParameter(f"invalid mode: {mode}")
    if not container:
        msg = 'invalid name or ID supplied: ""'
        raise InvalidParameter(msg)
    return VolumesFrom(container, mode if colon else "rw")
