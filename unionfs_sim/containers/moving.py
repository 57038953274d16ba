"""
What a name that moves or goes means to mounts elsewhere, and when it may not.

A bind is of a file or a directory, not of a name: it follows renames, and goes on when
the name is gone.
"""

from __future__ import annotations

import errno

from unionfs_sim.containers import openfiles
from unionfs_sim.containers.attached import Mount
from unionfs_sim.containers.mountwalk import Spot
from unionfs_sim.containers.removed import RemovedDirectory, RemovedFile
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.nodes import Kind


def busy_error(source: Spot, target: Spot) -> int:
    """Give what is told of a rename of or to a mount point: EBUSY comes last."""
    directory = source.kind is Kind.DIRECTORY
    old, new = source.place, target.place
    if not directory and (source.slash or target.slash):
        return errno.ENOTDIR
    if new.startswith(f"{old}/"):
        return errno.EINVAL
    if old.startswith(f"{new}/"):
        return errno.ENOTEMPTY
    if old == new:
        return 0
    if target.kind is not None and directory is not (target.kind is Kind.DIRECTORY):
        return errno.ENOTDIR if directory else errno.EISDIR
    return errno.EBUSY


def same(source: Spot, target: Spot) -> bool:
    """Tell whether two names are of one file, so that a rename does nothing."""
    mount = source.parent
    with mount.backing.lock:
        one, other = mount.fs.lstat(source.path), mount.fs.lstat(target.path)
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def losing(spot: Spot) -> dict[Mount, FileSystem]:
    """Give what mounts of a name that is about to go will show; made in advance."""
    mount = spot.parent
    if spot.kind is None or spot.covering:
        return {}
    made: dict[Mount, FileSystem] = {}
    for other in mount.backing.roots(spot.path):
        with mount.backing.lock:
            if spot.kind is Kind.DIRECTORY:
                made[other] = RemovedDirectory(mount.fs.lstat(spot.path))
            elif isinstance(mount.fs, openfiles.Descriptors) and (
                spot.kind is Kind.REGULAR
            ):
                made[other] = RemovedFile(mount.fs, mount.fs, spot.path)
    return made


def release(fs: FileSystem) -> None:
    """Let go of what was made in advance, for a removal that then failed."""
    if isinstance(fs, RemovedFile):
        fs.release()


def lose(spot: Spot, losing: dict[Mount, FileSystem]) -> None:
    """Show in other mounts that a name is gone."""
    backing = spot.parent.backing
    for mount, fs in losing.items():
        backing.discard(mount)
        mount.fs, mount.root = fs, "/"
        mount.children = {}
    if spot.kind is not None:
        backing.uncover(spot.path)


def follow(
    source: Spot, target: Spot, losing: dict[Mount, FileSystem], *, exchange: bool
) -> None:
    """Let mounts follow a rename that was done."""
    backing = source.parent.backing
    if not exchange:
        lose(target, losing)
        backing.moved(source.path, target.path)
        return
    aside = "\0"
    backing.moved(source.path, aside)
    backing.moved(target.path, source.path)
    backing.moved(aside, target.path)
