"""Trees as tar streams: what ``docker cp`` and ``docker export`` carry."""

from __future__ import annotations

import io
import posixpath
import stat
import tarfile
from collections.abc import Iterator
from typing import Final

from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.status import stat_result
from unionfs_sim.errors import UnionFSError

_TYPES: Final = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
}
_SECOND_NS: Final = 1_000_000_000

#: What one archive may unpack to: a short one can claim to be of any length.
UNPACKED_BYTES_MAX: Final = 1 << 30
MEMBERS_MAX: Final = 1_000_000


def pack(fs: FileSystem, path: str, name: str) -> bytes:
    """
    Write a file, or a directory with all in it, as a tar.

    Hard links among the files stay links; sockets are left out.

    Args:
        fs: The file system.
        path: The path in it.
        name: What it is called in the tar; nothing leaves its contents at the top.

    Raises:
        UnionFSError: It is not there, or cannot be read.

    >>> from unionfs_sim import Layer, UnionFS
    >>> data = pack(UnionFS([Layer.build({"d/f": "x"})]), "/d", "d")
    >>> tarfile.open(fileobj=io.BytesIO(data)).getnames()
    ['d', 'd/f']
    """
    out = io.BytesIO()
    seen: dict[tuple[int, int], str] = {}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        pending = [(path, name)]
        while pending:
            place, shown = pending.pop()
            status = fs.lstat(place)
            if shown:
                _add(archive, fs, place, shown, status, seen)
            if stat.S_ISDIR(status.st_mode):
                pending += [
                    (posixpath.join(place, each), posixpath.join(shown, each))
                    for each in reversed(fs.listdir(place))
                ]
    return out.getvalue()


def _add(
    archive: tarfile.TarFile,
    fs: FileSystem,
    path: str,
    name: str,
    status: stat_result,
    seen: dict[tuple[int, int], str],
) -> None:
    kind = _TYPES.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return
    member = tarfile.TarInfo(name)
    member.type = kind
    member.mode = stat.S_IMODE(status.st_mode)
    member.uid, member.gid = status.st_uid, status.st_gid
    member.mtime = status.st_mtime_ns / _SECOND_NS
    if status.st_mtime_ns % _SECOND_NS == 0:
        member.mtime = status.st_mtime_ns // _SECOND_NS
    key = status.st_dev, status.st_ino
    if kind == tarfile.REGTYPE and status.st_nlink > 1:
        first = seen.setdefault(key, name)
        if first != name:
            member.type, member.linkname = tarfile.LNKTYPE, first
            archive.addfile(member)
            return
    if kind == tarfile.SYMTYPE:
        member.linkname = fs.readlink(path)
    if kind in {tarfile.CHRTYPE, tarfile.BLKTYPE}:
        member.devmajor, member.devminor = status.st_rdev >> 8, status.st_rdev & 0xFF
    if kind != tarfile.REGTYPE:
        archive.addfile(member)
        return
    data = fs.read_bytes(path)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def unpack(
    fs: FileSystem, path: str, data: bytes, *, keep_directories: bool = False
) -> None:
    """
    Put what is in a tar into a directory: modes, numeric owners and times as they are.

    Args:
        fs: The file system.
        path: The directory in it.
        data: The tar, perhaps compressed.
        keep_directories: Whether a directory may not be replaced by something else.

    Raises:
        UnionFSError: Something cannot be written there.
        tarfile.TarError: It is no tar, or one of more than it says it is long.

    >>> from unionfs_sim import Layer, UnionFS
    >>> fs = UnionFS()
    >>> unpack(fs, "/", pack(UnionFS([Layer.build({"d/f": "x"})]), "/d", "e"))
    >>> fs.read_text("/e/f")
    'x'
    """
    times: list[tuple[str, int]] = []
    room = UNPACKED_BYTES_MAX
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for number, member in enumerate(archive):
            room -= member.size
            if room < 0 or number >= MEMBERS_MAX:
                msg = (
                    f"the archive holds more than {UNPACKED_BYTES_MAX} bytes, or more"
                    f" than {MEMBERS_MAX} members"
                )
                raise tarfile.TarError(msg)
            place = _place(path, member.name)
            if place is None:
                continue
            if keep_directories and not member.isdir() and fs.isdir(place):
                msg = (
                    f'cannot overwrite directory "{place}" with non-directory "{path}"'
                )
                raise tarfile.TarError(msg)
            _make_parents(fs, path, place)
            _extract(archive, member, fs, path, place)
            when_ns = int(member.mtime * _SECOND_NS)
            if member.isdir():
                times.append((place, when_ns))
            elif not member.islnk():
                fs.utime(place, ns=(when_ns, when_ns), follow_symlinks=False)
    for place, when_ns in reversed(times):
        fs.utime(place, ns=(when_ns, when_ns))


def _place(path: str, name: str) -> str | None:
    """Give where a member goes; nothing leads out of the directory."""
    inner = posixpath.normpath(f"/{name}")
    return None if inner == "/" else path.rstrip("/") + inner


def _make_parents(fs: FileSystem, path: str, place: str) -> None:
    parent = posixpath.dirname(place)
    if len(parent) > len(path) and not fs.isdir(parent):
        fs.makedirs(parent, exist_ok=True)


def _extract(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    fs: FileSystem,
    path: str,
    place: str,
) -> None:
    if member.isdir():
        if not fs.isdir(place) or fs.islink(place):
            _clear(fs, place)
            fs.mkdir(place, member.mode)
    else:
        _clear(fs, place)
        if member.isreg():
            file = archive.extractfile(member)
            fs.write_bytes(place, file.read() if file else b"")
        elif member.issym():
            fs.symlink(member.linkname, place)
        elif member.islnk():
            target = _place(path, member.linkname)
            if target is not None:
                fs.link(target, place)
            return
        elif member.isfifo():
            fs.mkfifo(place, member.mode)
        else:
            kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
            fs.mknod(place, kind | member.mode, member.devmajor << 8 | member.devminor)
    fs.chown(place, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        fs.chmod(place, member.mode & 0o7777)


def _clear(fs: FileSystem, place: str) -> None:
    """Make room for what replaces a name."""
    try:
        mode = fs.lstat(place).st_mode
    except UnionFSError:
        return
    if stat.S_ISDIR(mode):
        fs.rmtree(place)
    else:
        fs.unlink(place)


def names(data: bytes) -> Iterator[str]:
    """Go through the names in a tar."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        yield from archive.getnames()
