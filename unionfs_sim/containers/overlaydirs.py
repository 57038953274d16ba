"""
The engine's directory of layers on its host: ``/var/lib/docker/overlay2``.

It shows every layer as overlayfs keeps it on disk: whiteouts are character devices 0:0,
opaque directories have their xattr.  Nothing can be written there.
"""

from __future__ import annotations

import base64
import errno
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, final

import attrs

from unionfs_sim.containers.forwarding import ForwardingFileSystem
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.layer import Layer, SpecValue
from unionfs_sim.core.nodes import Directory, Symlink
from unionfs_sim.core.union import UnionFS
from unionfs_sim.dialects.overlay import encode
from unionfs_sim.errors import fs_error

#: Gives a layer when it is looked at, for that of a container changes.
LayerSource = Callable[[], Layer]

#: The directory of short names, which keep the options of a mount short.
_LINKS: Final = "l"
_LINK_LETTERS: Final = 26


@final
@attrs.frozen
class LayerDirectory:
    """
    What lies in the directory of a layer.

    Attributes:
        source: Gives the layer.
        lower: The directories of the layers below it, topmost first.
        parent: Whether there is a layer on it, or was.
        mounted: Whether it is the top of something mounted.
    """

    source: LayerSource
    lower: Sequence[str] = ()
    parent: bool = False
    mounted: bool = False


def link_name(directory: str) -> str:
    """
    Give the short name of a layer's directory.

    >>> link_name("0" * 64)
    'MDQFXUNRSWXS7FARF6TRS6S4RA'
    """
    digest = hashlib.sha256(directory.encode()).digest()
    return base64.b32encode(digest).decode()[:_LINK_LETTERS]


@final
class OverlayDirectories(ForwardingFileSystem):
    """
    The layers of an engine as directories.

    Args:
        layers: Gives the layers by the names of their directories.

    >>> from unionfs_sim import WHITEOUT
    >>> layer = Layer.build({"etc/motd": WHITEOUT})
    >>> fs = OverlayDirectories(lambda: {"0" * 64: LayerDirectory(lambda: layer)})
    >>> fs.listdir(f"/{'0' * 64}")
    ['diff', 'link']
    >>> fs.stat(f"/{'0' * 64}/diff/etc/motd").st_rdev
    0
    """

    def __init__(self, layers: Callable[[], Mapping[str, LayerDirectory]]) -> None:
        self._layers = layers

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        if writes:
            raise fs_error(errno.EROFS, path, op=op)
        parts = [part for part in path.split("/") if part]
        if len(parts) > 1 and parts[1] == "diff":
            found = self._layers().get(parts[0])
            if found is None:
                raise fs_error(errno.ENOENT, path, op=op)
            layer = encode(found.source())
            return UnionFS([layer], read_only=True), "/" + "/".join(parts[2:])
        layers = self._layers()
        if parts and parts[0] != _LINKS:
            layers = {parts[0]: layers[parts[0]]} if parts[0] in layers else {}
        return UnionFS([_skeleton(layers)], read_only=True), path


def _skeleton(layers: Mapping[str, LayerDirectory]) -> Layer:
    spec: dict[str, SpecValue] = {_LINKS: Directory()}
    for name, each in layers.items():
        link = link_name(name)
        spec[f"{_LINKS}/{link}"] = Symlink(f"../{name}/diff")
        spec[f"{name}/diff"] = Directory()
        spec[f"{name}/link"] = link
        if each.lower:
            short = [f"{_LINKS}/{link_name(below)}" for below in each.lower]
            spec[f"{name}/lower"] = ":".join(short)
            spec[f"{name}/work"] = Directory()
        if each.parent:
            spec[f"{name}/committed"] = ""
        if each.mounted:
            spec[f"{name}/merged"] = Directory()
    return Layer.build(spec)
