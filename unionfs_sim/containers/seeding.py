"""
Seeding: an empty volume takes over what the image has at its mount point.

Contents, modes, owners, links, fifos, times of files and extended attributes come
along; what an upper layer deleted is not there to begin with.
"""

from __future__ import annotations

import errno
import stat
from typing import IO, Final

from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.status import stat_result
from unionfs_sim.errors import UnionFSError

_CHUNK_BYTES: Final = 1 << 20

#: Extended attributes that are copied: what users and the kernel's rights put there.
_XATTR_PREFIXES: Final = ("user.", "security.")


def copy_tree(source: FileSystem, path: str, target: FileSystem, to: str = "/") -> None:
    """
    Copy what is in a directory into another, and make that one like it.

    Args:
        source: Where from.
        path: The directory there.
        target: Where to.
        to: The directory there; it exists.

    Raises:
        UnionFSError: The target is full, read-only, or allows it not.

    >>> from unionfs_sim import Layer, UnionFS
    >>> image = UnionFS([Layer.build({"srv/": {"a": "x", "b/c": "y"}})])
    >>> volume = UnionFS()
    >>> copy_tree(image, "/srv", volume)
    >>> volume.read_text("/b/c")
    'y'
    """
    seen: dict[tuple[int, int], str] = {}
    pending = [(path.rstrip("/") or "/", to.rstrip("/") or "/")]
    like(source, pending[0][0], target, pending[0][1], times=False)
    while pending:
        directory, made_in = pending.pop()
        for name in source.listdir(directory):
            old = f"{directory.rstrip('/')}/{name}"
            new = f"{made_in.rstrip('/')}/{name}"
            status = source.lstat(old)
            if stat.S_ISDIR(status.st_mode):
                target.mkdir(new)
                like(source, old, target, new, times=False)
                pending.append((old, new))
                continue
            key = status.st_dev, status.st_ino
            if status.st_nlink > 1 and key in seen:
                target.link(seen[key], new)
                continue
            seen[key] = new
            _copy_one(source, old, status, target, new)


def _copy_one(
    source: FileSystem, old: str, status: stat_result, target: FileSystem, new: str
) -> None:
    if stat.S_ISLNK(status.st_mode):
        target.symlink(source.readlink(old), new)
    elif stat.S_ISREG(status.st_mode):
        with source.open(old, "rb") as reader, target.open(new, "wb") as writer:
            _copy_bytes(reader, writer)
    else:
        target.mknod(new, status.st_mode, status.st_rdev)
    like(source, old, target, new)


def _copy_bytes(reader: IO[bytes], writer: IO[bytes]) -> None:
    while data := reader.read(_CHUNK_BYTES):
        writer.write(data)


def like(
    source: FileSystem, old: str, target: FileSystem, new: str, *, times: bool = True
) -> None:
    """Give one path the owner, mode, attributes and, if wanted, times of another."""
    status = source.lstat(old)
    target.chown(new, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        # After the owner: a change of that takes set-id bits away.
        target.chmod(new, stat.S_IMODE(status.st_mode))
        _copy_xattrs(source, old, target, new)
    if times:
        moments = status.st_atime_ns, status.st_mtime_ns
        target.utime(new, ns=moments, follow_symlinks=False)


def _copy_xattrs(source: FileSystem, old: str, target: FileSystem, new: str) -> None:
    for name in source.listxattr(old):
        if name.startswith(_XATTR_PREFIXES):
            try:
                target.setxattr(new, name, source.getxattr(old, name))
            except UnionFSError as error:
                # What no file of this kind can have is not there to be copied: so an
                # engine leaves what an image claims of a fifo (see the test).
                if error.errno not in {errno.EOPNOTSUPP, errno.EPERM, errno.ENODATA}:
                    raise
