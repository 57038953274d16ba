"""Which extended attributes a caller may see and set (overlayfs.md, 2.1)."""

from __future__ import annotations

import errno
from typing import Final

from unionfs_sim.core.meta import Credentials, Meta
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.paths import to_bytes
from unionfs_sim.core.permissions import READ, WRITE, allows, owns

NAME_BYTES_MAX: Final = 255
VALUE_BYTES_MAX: Final = 65_536

_NAMESPACES: Final = ("user.", "trusted.", "security.", "system.")
_ACLS: Final = frozenset({"system.posix_acl_access", "system.posix_acl_default"})


def name_error(name: str) -> int:
    """
    Give what is wrong with a name before the path is looked at, or 0.

    >>> name_error("user.k"), name_error("user." + "k" * 251) == errno.ERANGE
    (0, True)
    """
    return 0 if 0 < len(to_bytes(name)) <= NAME_BYTES_MAX else errno.ERANGE


def _support_error(name: str) -> int:
    if not name.startswith(_NAMESPACES):
        return errno.EOPNOTSUPP
    if name.startswith("system.") and name not in _ACLS:
        return errno.EOPNOTSUPP
    return errno.EINVAL if name in _NAMESPACES else 0


def read_error(kind: Kind, meta: Meta, caller: Credentials, name: str) -> int:
    """Give what keeps a caller from reading an attribute, or 0."""
    if name.startswith("trusted.") and not caller.is_root:
        return errno.ENODATA
    if name.startswith("user."):
        if kind not in {Kind.REGULAR, Kind.DIRECTORY}:
            return errno.ENODATA
        directory = kind is Kind.DIRECTORY
        if not allows(meta, caller, READ, directory=directory):
            return errno.EACCES
    return _support_error(name)


def write_error(kind: Kind, meta: Meta, caller: Credentials, name: str) -> int:
    """Give what keeps a caller from setting or removing an attribute, or 0."""
    if name.startswith("trusted.") and not caller.is_root:
        return errno.EPERM
    if name.startswith("user."):
        if kind not in {Kind.REGULAR, Kind.DIRECTORY}:
            return errno.EPERM
        if kind is Kind.DIRECTORY and meta.mode & 0o1000 and not owns(meta, caller):
            return errno.EPERM
        if not allows(meta, caller, WRITE, directory=kind is Kind.DIRECTORY):
            return errno.EACCES
    elif name.startswith(("security.", "system.")) and not owns(meta, caller):
        return errno.EPERM
    return _support_error(name)


def flag_error(present: bool, flags: int) -> int:  # noqa: FBT001 - both say it all
    """Give what the flags of a setxattr make of a present or missing attribute."""
    if flags & 1 and present:
        return errno.EEXIST
    if flags & 2 and not present:
        return errno.ENODATA
    return 0


def shown(meta: Meta, caller: Credentials) -> list[str]:
    """List the names that a caller sees, in order."""
    return sorted(
        name
        for name in meta.xattrs
        if caller.is_root or not name.startswith("trusted.")
    )
