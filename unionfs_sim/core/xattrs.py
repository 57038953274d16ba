"""Which extended attributes a caller may see and set (overlayfs.md, 2.1)."""

from __future__ import annotations

import errno
from typing import Final

from unionfs_sim.core.flags import XATTR_CREATE, XATTR_REPLACE
from unionfs_sim.core.meta import Credentials, Meta
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.paths import to_bytes
from unionfs_sim.core.permissions import READ, WRITE, allows, owns

NAME_BYTES_MAX: Final = 255
VALUE_BYTES_MAX: Final = 1 << 16

_NAMESPACES: Final = ("user.", "trusted.", "security.", "system.")
_ACLS: Final = frozenset({"system.posix_acl_access", "system.posix_acl_default"})


def name_error(name: str) -> int:
    """
    Give what is wrong with a name before the path is looked at, or 0.

    >>> name_error("user.k"), name_error("user." + "k" * 251) == errno.ERANGE
    (0, True)
    """
    return 0 if 0 < len(to_bytes(name)) <= NAME_BYTES_MAX else errno.ERANGE


def size_error(value: bytes) -> int:
    """Give what is wrong with a value before the path is looked at, or 0."""
    return errno.E2BIG if len(value) > VALUE_BYTES_MAX else 0


def support_error(name: str) -> int:
    """
    Give what the file system of the upper says to a name that it has no place for.

    It is asked last: by then an object that is to be changed is copied up.
    """
    if not name.startswith(_NAMESPACES):
        return errno.EOPNOTSUPP
    if name.startswith("system.") and name not in _ACLS:
        return errno.EOPNOTSUPP
    return errno.EINVAL if name in _NAMESPACES else 0


def read_error(kind: Kind, meta: Meta, caller: Credentials, name: str) -> int:
    """Give what keeps a caller from reading an attribute, or 0."""
    directory = kind is Kind.DIRECTORY
    if name.startswith("trusted."):
        return 0 if caller.is_root else errno.ENODATA
    if name.startswith("user.") and kind not in {Kind.REGULAR, Kind.DIRECTORY}:
        return errno.ENODATA
    if not name.startswith(("security.", "system.")) and not allows(
        meta, caller, READ, directory=directory
    ):
        return errno.EACCES
    return support_error(name)


def write_error(kind: Kind, meta: Meta, caller: Credentials, name: str) -> int:
    """Give what keeps a caller from setting or removing an attribute, or 0."""
    directory = kind is Kind.DIRECTORY
    if name.startswith("trusted."):
        return 0 if caller.is_root else errno.EPERM
    if name.startswith(("security.", "system.")):
        return 0 if owns(meta, caller) else errno.EPERM
    if name.startswith("user."):
        if kind not in {Kind.REGULAR, Kind.DIRECTORY}:
            return errno.EPERM
        if directory and meta.mode & 0o1000 and not owns(meta, caller):
            return errno.EPERM
    if not allows(meta, caller, WRITE, directory=directory):
        return errno.EACCES
    return 0


def flag_error(present: bool, flags: int) -> int:  # noqa: FBT001 - both say it all
    """Give what the flags of a setxattr make of a present or missing attribute."""
    if flags & XATTR_CREATE and present:
        return errno.EEXIST
    if flags & XATTR_REPLACE and not present:
        return errno.ENODATA
    return 0


def shown(meta: Meta, caller: Credentials) -> list[str]:
    """List the names that a caller sees, in order."""
    return sorted(
        name
        for name in meta.xattrs
        if caller.is_root or not name.startswith("trusted.")
    )
