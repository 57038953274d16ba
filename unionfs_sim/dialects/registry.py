"""All dialects by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from unionfs_sim.dialects.aufs import AUFS
from unionfs_sim.dialects.dialect import Dialect
from unionfs_sim.dialects.flat import FLAT
from unionfs_sim.dialects.fuse_overlayfs import FUSE_OVERLAYFS, FUSE_OVERLAYFS_ROOTLESS
from unionfs_sim.dialects.oci import OCI
from unionfs_sim.dialects.overlay_dialects import OVERLAY, OVERLAY_USERXATTR
from unionfs_sim.dialects.unionfs_fuse import UNIONFS_FUSE, UNIONFS_FUSE_1_0
from unionfs_sim.errors import SpecError

#: The dialects by name.
DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        each.name: each
        for each in (
            FLAT,
            OVERLAY,
            OVERLAY_USERXATTR,
            FUSE_OVERLAYFS,
            FUSE_OVERLAYFS_ROOTLESS,
            AUFS,
            UNIONFS_FUSE,
            UNIONFS_FUSE_1_0,
            OCI,
        )
    }
)


def dialect(name: str) -> Dialect:
    """
    Find a dialect by its name.

    Raises:
        SpecError: There is none of that name; the text lists those that there are.

    >>> dialect("aufs")
    <Dialect aufs>
    >>> dialect("zfs")
    Traceback (most recent call last):
    ...
    unionfs_sim.errors.SpecError: there is no dialect 'zfs'; there are: flat, overlay, \
overlay-userxattr, fuse-overlayfs, fuse-overlayfs-rootless, aufs, unionfs-fuse, \
unionfs-fuse-1.0, oci
    """
    found = DIALECTS.get(name)
    if found is None:
        msg = f"there is no dialect {name!r}; there are: {', '.join(DIALECTS)}"
        raise SpecError(msg)
    return found
