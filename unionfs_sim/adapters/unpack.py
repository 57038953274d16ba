"""
Unpacking: an image's layers as directories of the host, in any dialect.

Everything is made under another name beside the target, by descriptors and without
following links, and gets its name at the end: whoever interrupts finds nothing there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final, Literal, Protocol, TypeAlias, final, runtime_checkable

import attrs

from unionfs_sim.adapters.hostdirs import fresh_directory
from unionfs_sim.adapters.hostwrite import Progress, fill_directory
from unionfs_sim.core.fold import PLAIN
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, Symlink
from unionfs_sim.core.paths import StrPath, fspath, to_bytes, to_text
from unionfs_sim.core.stack import Stack
from unionfs_sim.dialects.conversion import plain
from unionfs_sim.dialects.dialect import Dialect
from unionfs_sim.dialects.flat import FLAT, flatten
from unionfs_sim.dialects.fuse_overlayfs import FUSE_OVERLAYFS_ROOTLESS
from unionfs_sim.dialects.registry import dialect as find_dialect
from unionfs_sim.errors import FormatError, SpecError

#: What the names of xattrs start with that a mount cannot do without.
_NEEDED: Final = {
    "overlay": "trusted.overlay.",
    "overlay-userxattr": "user.overlay.",
    "fuse-overlayfs-rootless": "user.fuseoverlayfs.",
}


#: Dialects whose files say in xattrs whose they are.
_KEEP_OWNERS: Final = frozenset({FUSE_OVERLAYFS_ROOTLESS})


@runtime_checkable
class HasLayers(Protocol):
    """An image, as far as unpacking needs it."""

    @property
    def layers_base_first(self) -> tuple[Layer, ...]:
        """The layers."""
        ...  # pragma: no cover


#: What can be unpacked.
Unpackable: TypeAlias = HasLayers | Stack


@final
@attrs.frozen(kw_only=True)
class Unpacked:
    """
    What `unpack` wrote.

    Attributes:
        directory: Where, as an absolute path.
        dialect: The dialect's name.
        layers_base_first: The directories of the layers, as absolute paths; for a
            flat tree the directory itself.
        options: What a mount takes to find them, such as
            ``lowerdir=/srv/x/layer1:/srv/x/layer0``; empty if nothing mounts them.
        entries: How many names were written.
        losses: What is not as it was, as sentences.
    """

    directory: str
    dialect: str
    layers_base_first: tuple[str, ...]
    options: str
    entries: int
    losses: tuple[str, ...]


def unpack(
    source: Unpackable,
    directory: StrPath,
    *,
    dialect: str | Dialect = "flat",
    layers: Literal["all"] | int = "all",
    owners: bool | None = None,
    devices: bool | None = None,
    progress: Progress | None = None,
) -> Unpacked:
    """
    Write an image, or a stack, into a new or empty directory of the host.

    In the dialect ``flat`` that is the merged root file system, hard links kept.  In
    all others each layer gets a directory of its own: ``layer0``, the base, and so
    on, with as many digits as the last one needs.  Only the caller can enter the
    directory around them, for there may be set-id files in it.

    Args:
        source: The image or stack; its content must be open.
        directory: Where; its parent is there already.
        dialect: In which dialect, by name or value.
        layers: How many layers from the base up.
        owners: Whether owners are set, and xattrs that only root can set; by default
            if the caller is root.
        devices: Whether devices are made; likewise.
        progress: Called with the path of each entry below *directory*, once it is
            written; what it raises ends all and leaves nothing.

    Raises:
        SpecError: There is no such dialect, or not as many layers.
        FormatError: A layer cannot be said in the dialect.
        UnionFSError: What the host says, such as ENOTEMPTY.

    >>> import os, tempfile
    >>> from unionfs_sim import WHITEOUT
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": ""})
    >>> stack = Stack([Layer.build({"etc/motd": WHITEOUT}), base])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = unpack(stack, folder + "/flat", owners=False)
    ...     done = unpack(stack, folder + "/aufs", dialect="aufs", owners=False)
    ...     os.listdir(folder + "/flat/etc"), sorted(os.listdir(folder + "/aufs"))
    (['hosts'], ['layer0', 'layer1'])
    """
    chosen = find_dialect(dialect) if isinstance(dialect, str) else dialect
    layers_base_first = _chosen(source, layers)
    path = to_text(os.path.abspath(to_bytes(fspath(directory))))  # noqa: PTH100
    privileged = os.geteuid() == 0
    writing = _Writing(
        path,
        owners=privileged if owners is None else owners,
        devices=privileged if devices is None else devices,
        xattrs_needed=_NEEDED.get(chosen.name, ""),
        progress=progress,
    )
    names: list[str] = []
    with fresh_directory(path, op="unpack") as fd:
        # One after the other: a short image can have a thousand times one big layer.
        for name, raw in _encoded(source, layers_base_first, chosen, writing.losses):
            names.append(name)
            writing.write(name, raw, fd)
    found = tuple(f"{path}/{name}" if name else path for name in names)
    return Unpacked(
        directory=path,
        dialect=chosen.name,
        layers_base_first=found,
        options=chosen.options(found[::-1]),
        entries=writing.entries,
        losses=tuple(writing.losses),
    )


def _chosen(source: Unpackable, count: Literal["all"] | int) -> tuple[Layer, ...]:
    """Give the layers to be written, base first."""
    if isinstance(source, Stack):
        found = tuple(
            layer if isinstance(layer, Layer) else Layer(layer.label, layer.root)
            for layer in reversed(source.layers)
        )
    else:
        found = source.layers_base_first
    if count == "all":
        return found
    if not 0 <= count <= len(found):
        msg = f"there are {len(found)} layers, so not the first {count}"
        raise SpecError(msg)
    return found[:count]


def _encoded(
    source: Unpackable,
    layers_base_first: tuple[Layer, ...],
    dialect: Dialect,
    losses: list[str],
) -> Iterator[tuple[str, Layer]]:
    """Give the raw layers by the names of their directories; a flat tree has none."""
    rules = source.rules if isinstance(source, Stack) else PLAIN
    if dialect is FLAT:
        yield "", flatten(Stack(layers_base_first[::-1], rules=rules).root)
        return
    below = Stack([], rules=rules)
    digits = len(str(len(layers_base_first) - 1))
    for number, layer in enumerate(layers_base_first):
        name = f"layer{number:0{digits}}"
        yield name, _told(dialect, layer, below, losses, name)
        below = below.push(layer)


def _told(
    dialect: Dialect, layer: Layer, below: Stack, losses: list[str], name: str
) -> Layer:
    """Encode a layer, and note what is lost."""
    try:
        encoded = dialect.encode(layer, below.root)
    except FormatError as error:
        msg = f"{name}, as {dialect.name}: {error}"
        raise FormatError(msg) from error
    losses += _placed(name, encoded.losses)
    return _given_to_caller(encoded.raw) if dialect in _KEEP_OWNERS else encoded.raw


def _given_to_caller(raw: Layer) -> Layer:
    """Let the caller own what says in an xattr whose it is, or nobody could tell."""
    builder = LayerBuilder(raw.label)
    made: dict[int, Leaf] = {}
    uid, gid = os.geteuid(), os.getegid()
    for parts, entry in raw.items():
        assert entry is not WHITEOUT, "a raw layer has no marks"
        meta = attrs.evolve(entry.meta, uid=uid, gid=gid)
        if isinstance(entry, Directory):
            builder.set_meta(parts, meta)
        else:
            kept = entry.meta if isinstance(entry, Symlink) else meta
            builder.add(parts, plain(entry, made, kept))
    return builder.freeze()


def _placed(name: str, sentences: Iterable[str]) -> list[str]:
    """Say which layer sentences are about."""
    return [f"{name}: {each}" if name else each for each in sentences]


@final
class _Writing:
    """One unpacking under way."""

    def __init__(
        self,
        path: str,
        *,
        owners: bool,
        devices: bool,
        xattrs_needed: str,
        progress: Progress | None,
    ) -> None:
        self.losses: list[str] = []
        self.entries = 0
        self._path = path
        self._owners = owners
        self._devices = devices
        self._needed = xattrs_needed
        self._progress = progress

    def write(self, name: str, raw: Layer, fd: int) -> None:
        """Write one raw layer, into a directory of its own if it has a name."""
        inner = fd
        if name:
            os.mkdir(name, 0o700, dir_fd=fd)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        place = f"{self._path}/{name}" if name else self._path
        progress = self._progress
        if progress is not None and name:
            outer = progress
            progress = lambda path: outer(f"/{name}{path}")  # noqa: E731 - one use
        try:
            found = fill_directory(
                raw,
                inner,
                place,
                owners=self._owners,
                devices=self._devices,
                xattrs_needed=self._needed,
                progress=progress,
            )
        finally:
            if inner != fd:
                os.close(inner)
        self.losses += _placed(name, found)
        self.entries += len(raw)
