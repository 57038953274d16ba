"""System calls that `os` lacks, or whose errno it hides, through the C library."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Final

_AT_FDCWD: Final = -100
_AT_EACCESS: Final = 0x200
_AT_SYMLINK_FOLLOW: Final = 0x400
_DIRENTS_BYTES: Final = 1 << 16
_NAME_OFFSET: Final = 19  # in struct linux_dirent64
_CLONE_NEWNS: Final = 0x0002_0000
_CLONE_NEWUSER: Final = 0x1000_0000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x4_0000

_libc: Final = ctypes.CDLL(None, use_errno=True)
# With a variadic call or an off_t, ctypes must be told the width.
_libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int] + [ctypes.c_int64] * 2
_libc.renameat2.argtypes = [
    *(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint),
]
_libc.linkat.argtypes = [
    *(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int),
]
_libc.faccessat.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
_libc.getdents64.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
_libc.getdents64.restype = ctypes.c_ssize_t
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.unshare.argtypes = [ctypes.c_int]


def _call(function: Callable[..., int], *args: object) -> int:
    result = function(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    """Mount, as ``mount``."""
    _call(
        _libc.mount,
        os.fsencode(source),
        os.fsencode(target),
        kind.encode(),
        flags,
        os.fsencode(data),
    )


def unmount(target: str, flags: int = 0) -> None:
    """Unmount, as ``umount2``."""
    _call(_libc.umount2, os.fsencode(target), flags)


def unshare_mounts(*, user: bool = False) -> None:
    """
    Give the process mounts of its own, which nobody else sees and which end with it.

    With *user* also a user namespace in which it is root.
    """
    uid, gid = os.geteuid(), os.getegid()
    _call(_libc.unshare, _CLONE_NEWNS | (_CLONE_NEWUSER if user else 0))
    if user:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"0 {uid} 1"),
            ("gid_map", f"0 {gid} 1"),
        ):
            fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
            try:
                os.write(fd, text.encode())
            finally:
                os.close(fd)
    mount("none", "/", "", _MS_REC | _MS_PRIVATE, "")


def renameat2(src: str, dst: str, flags: int) -> None:
    """Rename with flags, as ``renameat2``."""
    _call(
        _libc.renameat2,
        _AT_FDCWD,
        os.fsencode(src),
        _AT_FDCWD,
        os.fsencode(dst),
        flags,
    )


def link_descriptor(fd: int, dst: str) -> None:
    """Give an open file a name, as ``linkat`` from ``/proc/self/fd``."""
    _call(
        _libc.linkat,
        _AT_FDCWD,
        f"/proc/self/fd/{fd}".encode(),
        _AT_FDCWD,
        os.fsencode(dst),
        _AT_SYMLINK_FOLLOW,
    )


def check_access(path: str, mode: int) -> None:
    """Ask for access as the effective user, as ``faccessat2`` with AT_EACCESS."""
    _call(_libc.faccessat, _AT_FDCWD, os.fsencode(path), mode, _AT_EACCESS)


def fallocate(fd: int, mode: int, offset: int, length: int) -> None:
    """Change the space of a file, as ``fallocate``."""
    _call(_libc.fallocate, fd, mode, offset, length)


def directory_entries(fd: int) -> list[tuple[str, int]]:
    """Read a directory from where the descriptor stands: names, and type bits."""
    found: list[tuple[str, int]] = []
    buffer = ctypes.create_string_buffer(_DIRENTS_BYTES)
    while True:
        try:
            size = _call(_libc.getdents64, fd, buffer, _DIRENTS_BYTES)
        except FileNotFoundError:  # removed meanwhile; readdir(3) calls it the end
            return found
        if not size:
            return found
        raw = ctypes.string_at(buffer, size)
        offset = 0
        while offset < size:
            length = int.from_bytes(raw[offset + 16 : offset + 18], "little")
            kind = raw[offset + 18]
            name, _, _ = raw[offset + _NAME_OFFSET : offset + length].partition(b"\0")
            if name not in {b".", b".."}:
                found.append((os.fsdecode(name), kind << 12))
            offset += length
