"""
The engine's directory of layers on its host: ``/var/lib/docker/overlay2``.

It shows every layer as overlayfs keeps it on disk: whiteouts are character devices 0:0,
opaque directories have their xattr.  Nothing can be written there.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import final

from unionfs_sim.containers.forwarding import ForwardingFileSystem
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Directory
from unionfs_sim.core.union import UnionFS
from unionfs_sim.dialects.overlay import encode
from unionfs_sim.errors import fs_error

#: Gives a layer when it is looked at, for that of a container changes.
LayerSource = Callable[[], Layer]


@final
class OverlayDirectories(ForwardingFileSystem):
    """
    The layers of an engine as directories.

    Args:
        layers: Gives the layers by the names of their directories.

    >>> from unionfs_sim import WHITEOUT
    >>> layer = Layer.build({"etc/motd": WHITEOUT})
    >>> fs = OverlayDirectories(lambda: {"0" * 64: lambda: layer})
    >>> fs.listdir(f"/{'0' * 64}")
    ['diff', 'work']
    >>> fs.stat(f"/{'0' * 64}/diff/etc/motd").st_rdev
    0
    """

    def __init__(self, layers: Callable[[], Mapping[str, LayerSource]]) -> None:
        self._layers = layers

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        if writes:
            raise fs_error(errno.EROFS, path, op=op)
        parts = [part for part in path.split("/") if part]
        if len(parts) > 1 and parts[1] == "diff":
            source = self._layers().get(parts[0])
            if source is None:
                raise fs_error(errno.ENOENT, path, op=op)
            layer = encode(source())
            return UnionFS([layer], read_only=True), "/" + "/".join(parts[2:])
        names = self._layers()
        if parts:
            names = {parts[0]: names[parts[0]]} if parts[0] in names else {}
        return UnionFS([_skeleton(names)], read_only=True), path


def _skeleton(names: Mapping[str, LayerSource]) -> Layer:
    return Layer.build(
        {
            f"{name}/{part}": Directory()
            for name in names
            for part in (("diff",) if name.endswith("-init") else ("diff", "work"))
        }
    )
