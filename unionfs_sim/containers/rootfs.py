"""
The root of a container: its union, and what is mounted over it.

Mounts are made parents first; a missing mount point is made in whatever is mounted
there (docker-storage.md, 4.4).
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterable, Mapping
from typing import Final

from unionfs_sim.containers.attached import MountSource
from unionfs_sim.containers.errors import EngineError, InvalidParameter, System
from unionfs_sim.containers.host import Host
from unionfs_sim.containers.kernelfs import DevFS, TextFS, proc_texts, sys_texts
from unionfs_sim.containers.mountplan import MountPoint, ensure_bind_source
from unionfs_sim.containers.mounts import MountTable, mount_order
from unionfs_sim.containers.spec import TmpfsOptions, clean
from unionfs_sim.containers.tmpfs import CONTAINER_FLAGS, TmpFS
from unionfs_sim.core.clock import Clock
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError

__all__ = [
    "StartError",
    "build_root",
    "mount_system",
    "proc_texts",
    "release_volumes",
    "sys_texts",
    "touches_kernel",
]

_RUNC: Final = (
    "failed to create shim task: OCI runtime create failed: runc create failed: unable"
    " to start container process: "
)
_TYPE_HINT: Final = (
    "Are you trying to mount a directory onto a file (or vice-versa)? Check if the"
    " specified host path exists and is the expected type"
)
_NO_PROC: Final = (
    "open /proc/sys/net/ipv4/ip_unprivileged_port_start: no such file or directory:"
    " unknown"
)
#: The types of mounts whose directory is called otherwise, and their options.
_TYPES: Final = {"dev": "tmpfs", "shm": "tmpfs", "pts": "devpts"}
_WORDS: Final = {"pts": "nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666"}

_SHM: Final = "size=65536k,mode=1777"
_KERNEL: Final = ("/dev", "/proc", "/sys")


class StartError(InvalidParameter):
    """
    What runc refuses when a container starts.

    Attributes:
        code: The exit code that the container then shows.
    """

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(f"{_RUNC}{reason}")
        self.code = code


def _init_error(reason: str, code: int = 127) -> StartError:
    return StartError(f"error during container init: {reason}", code)


def build_root(
    rw: UnionFS,
    points: Iterable[MountPoint],
    tmpfs: Mapping[str, str],
    *,
    host: Host,
    merged: str,
    container_id: str,
    read_only: bool = False,
    for_copy: bool = False,
) -> MountTable:
    """
    Mount all that a container has over its union.

    Args:
        rw: The union.
        points: Its mounts.
        tmpfs: Those of ``--tmpfs``, with their options.
        host: The host of binds and volumes.
        merged: Where the engine mounts the union, for errors.
        container_id: Who uses the volumes.
        read_only: Whether the union is then read-only.
        for_copy: Whether this is for ``docker cp``, which sees no tmpfs.

    Raises:
        StartError: A mount point cannot be made, or is of the other type.
        InvalidParameter: The source of a bind is not there, or an option is bad.
        System: A volume's device cannot be mounted.
    """
    table = MountTable(rw)
    covered = set(map(clean, tmpfs))
    todo: list[tuple[int, int, str, MountPoint | str]] = [
        (mount_order(path), -1, clean(path), options)
        for path, options in tmpfs.items()
        if not for_copy
    ]
    for number, point in enumerate(points):
        destination = point.destination
        if for_copy and point.type == "tmpfs":
            continue
        if destination in covered and point.type != "tmpfs" and not for_copy:
            continue
        todo.append((mount_order(destination), number, destination, point))
    mounted: list[MountPoint] = []
    try:
        for _, _, destination, what in sorted(todo, key=lambda each: each[:3]):
            if isinstance(what, str):
                _mount_tmpfs(table, destination, TmpfsOptions(what), host.clock)
                continue
            if what.type == "tmpfs":
                options = what.options or TmpfsOptions()
                source = what.mount_source("")
                _mount_tmpfs(table, destination, options, host.clock, source,
                             read_only=not what.writable)  # fmt: skip
                continue
            _ready(what, host, container_id)
            mounted.append(what)
            _mount(table, destination, what, host, merged)
    except (EngineError, UnionFSError):
        release_volumes(mounted, container_id)
        raise
    if read_only:
        table.remount("/", read_only=True)
    return table


def release_volumes(points: Iterable[MountPoint], container_id: str) -> None:
    """Undo what driver options of volumes mounted for a container."""
    for point in points:
        if point.volume is not None:
            point.volume.unmount(container_id)


def _ready(point: MountPoint, host: Host, container_id: str) -> None:
    if point.type == "bind":
        ensure_bind_source(host, point)
        _check_propagation(point, host)
    elif point.volume is not None:
        point.volume.mount(container_id)


def _check_propagation(point: MountPoint, host: Host) -> None:
    """Refuse to share mounts with what is not shared on the host."""
    kind = point.propagation.removeprefix("r")
    if kind not in {"shared", "slave"} or (point.propagation == "rslave" and (
        point.source in {"/", "/var", "/var/lib"}
        or f"{point.source}/".startswith("/var/lib/docker/")
    )):  # fmt: skip
        return
    mount = host.fs.mount_at(point.source)
    travels = mount.propagation.removeprefix("r")
    allowed = {"shared"} if kind == "shared" else {"shared", "slave"}
    if travels not in allowed:
        what = "shared" if kind == "shared" else "shared or slave"
        msg = (
            f"path {point.source} is mounted on {mount.path} but it is not a {what}"
            " mount."
        )
        raise System(msg)


def _mount_tmpfs(
    table: MountTable,
    destination: str,
    options: TmpfsOptions,
    clock: Clock,
    source: MountSource | None = None,
    *,
    read_only: bool = False,
) -> None:
    try:
        mode = stat.S_IMODE(table.stat(destination).st_mode)
    except UnionFSError:
        mode = 0o755
    fs = TmpFS(options.words, mode=mode, flags=CONTAINER_FLAGS, clock=clock)
    path = table.make_mount_point(destination)
    table.mount(
        path, fs, read_only=read_only, source=source or MountSource(type="tmpfs")
    )


def _mount(
    table: MountTable, destination: str, point: MountPoint, host: Host, merged: str
) -> None:
    if destination in {"/", "."}:
        raise _init_error(_NO_PROC)
    place = destination if destination.startswith("/") else f"/{destination}"
    start = f'error mounting "{point.source}" to rootfs at "{destination}": '
    is_file = not host.fs.isdir(point.source)
    try:
        path = table.make_mount_point(place, file=is_file)
    except UnionFSError as error:
        text = _lowered(error)
        verb = "open" if is_file else "mkdir"
        msg = f"{start}{verb} {merged}{destination}: {text}: unknown"
        if error.errno == errno.ENOTDIR:
            msg += f": {_TYPE_HINT}"
        raise _init_error(msg) from error
    try:
        table.mount(
            path,
            host.fs,
            subpath=point.source,
            read_only=not point.writable,
            source=point.mount_source(host.name),
            propagation=point.propagation or "rprivate",
            recursive=point.recursive,
        )
    except UnionFSError as error:
        text = _lowered(error)
        msg = (
            f"{start}mount {point.source}:{destination} (via /proc/self/fd/6), flags:"
            f" 0x5000: {text}: unknown"
        )
        if error.errno == errno.ENOTDIR:
            msg += f": {_TYPE_HINT}"
        raise _init_error(msg) from error


def _lowered(error: UnionFSError) -> str:
    text = error.strerror or ""
    return text[:1].lower() + text[1:]


def touches_kernel(points: Iterable[MountPoint], tmpfs: Iterable[str]) -> bool:
    """
    Tell whether something is mounted where the kernel's file systems are.

    >>> touches_kernel([], ["/dev/shm"]), touches_kernel([], ["/device"])
    (True, False)
    """
    places = [*(point.destination for point in points), *map(clean, tmpfs)]
    return any(
        place == top or place.startswith(f"{top}/")
        for place in places
        for top in _KERNEL
    )


def mount_system(
    table: MountTable, host: Host, files: str, *, taken: Iterable[str]
) -> tuple[TextFS | None, TextFS | None]:
    """
    Mount ``/proc``, ``/dev`` and what is in it, ``/sys``, the files of the network.

    What is mounted by the user stays on top.

    Args:
        table: The root of a container.
        host: Its host.
        files: Where on the host ``hosts``, ``hostname`` and ``resolv.conf`` are.
        taken: The paths where something is mounted already.

    Returns:
        ``/proc`` and ``/sys``, whose texts are shown later.
    """
    done = set(taken)
    proc, sys = TextFS("proc"), TextFS("sys")
    systems: dict[str, FileSystem] = {
        "/proc": proc,
        "/dev": DevFS(host.clock),
        "/dev/pts": TextFS("devpts"),
        "/sys": sys,
        "/dev/mqueue": TextFS("mqueue"),
        "/dev/shm": TmpFS(_SHM, flags=CONTAINER_FLAGS, clock=host.clock),  # noqa: S108
    }
    for path, fs in systems.items():
        if path not in done and table.isdir(path):
            kind = path.rpartition("/")[2]
            source = MountSource(
                type=_TYPES.get(kind, kind), options=_WORDS.get(kind, "")
            )
            table.mount(path, fs, source=source, read_only=path == "/sys")
    for name in ("resolv.conf", "hostname", "hosts"):
        place, source_path = f"/etc/{name}", f"{files}/{name}"
        if place in done or not host.fs.exists(source_path):
            continue
        try:
            path = table.make_mount_point(place, file=True)
            source = MountSource(type="bind", source=source_path, host=host.name)
            table.mount(path, host.fs, subpath=source_path, source=source)
        except UnionFSError:
            continue  # the user's own mount at /etc cannot hold it
    return proc, sys
