"""
The library's own union as one more correct implementation.

So the properties that learners write are run on what is used in earnest: `UnionFS`, the
mount table, squash, and layers in tar archives, behind the lab's verbs.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar, cast

from unionfs_sim import Layer as RealLayer
from unionfs_sim import Regular, UnionFS
from unionfs_sim import Stack as RealStack
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.seeding import copy_tree
from unionfs_sim.core.content import literal
from unionfs_sim.core.layer import LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT as REAL_WHITEOUT
from unionfs_sim.core.nodes import Directory
from unionfs_sim.core.story import Answer
from unionfs_sim.dialects import flat
from unionfs_sim.image.combine import combine
from unionfs_sim.image.tarlayer import read_layer
from unionfs_sim.image.tarwriter import write_layer
from unionfs_sim.teaching.lab import (
    WHITEOUT,
    Container,
    Dir,
    File,
    Lab,
    Layer,
    Member,
    Node,
    Path,
    PathLike,
    Stack,
    Step,
    Tree,
    Volume,
    path,
)
from unionfs_sim.teaching.lab.stack import remove_tree

_FS = TypeVar("_FS", UnionFS, MountTable)

_VERDICTS = {
    Answer.WHITEOUT: "whiteout",
    Answer.FOUND: "file",
    Answer.CUT_OFF: "file",
    Answer.DIRECTORY: "dir",
    Answer.OPAQUE: "opaque",
}


def to_library(layer: Layer) -> RealLayer:
    """
    Give a layer of the lab as one of the library.

    >>> to_library(Layer({("a",): WHITEOUT}))
    <Layer '': 1 entries>
    """
    builder = LayerBuilder()
    builder.set_meta((), Meta(mode=0o755))
    for at, entry in sorted(layer.items()):
        if entry is WHITEOUT:
            builder.whiteout(at)
        elif isinstance(entry, File):
            builder.add(at, Regular(literal(entry.data), Meta(mode=entry.mode)))
        else:
            builder.set_meta(at, Meta(mode=0o755))
            if entry.opaque:
                builder.opaque(at)
    return builder.freeze()


def from_library(layer: RealLayer) -> Layer:
    """
    Give a layer of the library as one of the lab.

    >>> from_library(RealLayer.build({"d": {"a": "1"}}))
    Layer({('d',): Dir(), ('d', 'a'): File(b'1')})
    """
    found = Layer()
    for at, entry in layer.items():
        if not at:
            continue
        if entry is REAL_WHITEOUT:
            found[at] = WHITEOUT
        elif isinstance(entry, Directory):
            found[at] = Dir(entry.opaque)
        elif isinstance(entry, Regular):
            found[at] = File(entry.content.read_all(), entry.meta.mode)
    return found


def _text(at: PathLike) -> str:
    return "/" + "/".join(path(at))


class Files(Generic[_FS]):
    """The lab's verbs on a file system of the library."""

    fs: _FS

    def kind(self, at: PathLike) -> str | None:
        """Tell ``"file"`` or ``"dir"``, or nothing where nothing is."""
        text = _text(at)
        if self.fs.isdir(text):
            return "dir"
        return "file" if self.fs.isfile(text) else None

    def lookup(self, at: PathLike) -> Node | None:
        """Give the file or directory that shows at a path, or nothing."""
        kind = self.kind(at)
        if kind is None:
            return None
        return Dir() if kind == "dir" else File(self.read(at), self.mode(at))

    def read(self, at: PathLike) -> bytes:
        """Give the bytes of a file."""
        return self.fs.read_bytes(_text(at))

    def mode(self, at: PathLike) -> int:
        """Give the permissions of a file."""
        return stat.S_IMODE(self.fs.stat(_text(at)).st_mode)

    def readdir(self, at: PathLike) -> list[str]:
        """List the names in a directory, sorted."""
        return self.fs.listdir(_text(at))

    def tree(self) -> Tree:
        """Give everything that shows."""
        shown: Tree = {}
        for directory, directories, files in self.fs.walk("/"):
            above: Path = path(directory)
            shown.update({(*above, name): None for name in directories})
            for name in files:
                child = (*above, name)
                shown[child] = self.read(child), self.mode(child)
        return shown

    def write(self, at: PathLike, data: bytes | str) -> None:
        """Make a file hold just these bytes."""
        self.fs.write_bytes(_text(at), data.encode() if isinstance(data, str) else data)

    def append(self, at: PathLike, data: bytes | str) -> None:
        """Add bytes to the end of a file that is there."""
        handle = self.fs.os_open(_text(at), os.O_WRONLY | os.O_APPEND)
        try:
            self.fs.write(handle, data.encode() if isinstance(data, str) else data)
        finally:
            self.fs.close(handle)

    def chmod(self, at: PathLike, mode: int) -> None:
        """Change the permissions of a file."""
        self.fs.chmod(_text(at), mode)

    def unlink(self, at: PathLike) -> None:
        """Remove a file."""
        self.fs.unlink(_text(at))

    def mkdir(self, at: PathLike) -> None:
        """Make a directory."""
        self.fs.mkdir(_text(at), 0o755)

    def rmdir(self, at: PathLike) -> None:
        """Remove a directory that shows no names."""
        self.fs.rmdir(_text(at))

    def rmtree(self, at: PathLike) -> None:
        """Remove a directory and everything in it, one by one."""
        remove_tree(self, path(at))

    def rename(self, old: PathLike, new: PathLike) -> None:
        """Give a file, or a new directory, another name."""
        self.fs.rename(_text(old), _text(new))


class LibraryStack(Files[UnionFS]):
    """`UnionFS` behind the lab's verbs."""

    def __init__(self, lowers: Sequence[Layer] = ()) -> None:
        self._given = list(lowers)
        self._real = [to_library(layer) for layer in lowers]
        self.fs = UnionFS(self._real[::-1])

    @property
    def lowers(self) -> list[Layer]:
        """The read-only layers, base first: those given, unless they have changed."""
        now = [from_library(layer) for layer in self._real]
        return [
            old if old == new else new
            for old, new in zip(self._given, now, strict=True)
        ]

    @property
    def upper(self) -> Layer:
        """What was written."""
        return from_library(self.fs.commit())

    @property
    def layers(self) -> list[Layer]:
        """All layers, base first."""
        return [*self.lowers, self.upper]

    def push(self, *layers: Layer) -> LibraryStack:
        """Give a union with more layers on top."""
        return LibraryStack([*self._given, *layers])

    def explain(self, at: PathLike) -> list[Step]:
        """Tell which layers were asked for which name, and what they had."""
        top = len(self._real)
        trace = self.fs.explain(_text(at), follow_symlinks=False)
        return [
            Step(path(part.path), top - probe.layer, _VERDICTS[probe.answer])
            for part in trace.components
            for probe in part.probes
            if probe.answer in _VERDICTS
        ]

    def diff(self) -> Layer:
        """Give what was written as a layer."""
        return self.upper

    def commit(self) -> list[Layer]:
        """Make what was written one more read-only layer; give all of them."""
        layer = self.fs.commit()
        self._real.append(layer)
        self._given.append(from_library(layer))
        self.fs = UnionFS(self._real[::-1])
        return list(self._given)

    def flatten(self) -> Layer:
        """Give one layer without marks that shows the same."""
        layers = [self.fs.commit(), *self._real[::-1]]
        return from_library(flat.flatten(RealStack(layers).root))


class LibraryVolume(Files[UnionFS]):
    """A volume: a union without layers."""

    def __init__(self, content: Layer | None = None) -> None:
        upper = to_library(content) if content else None
        self.fs = UnionFS(upper=upper)


class LibraryContainer(Files[MountTable]):
    """A mount table over a union, as a container's root is."""

    def __init__(
        self,
        image: Sequence[Layer],
        mounts: Mapping[Path, LibraryVolume] | Mapping[str, LibraryVolume],
        read_only: Collection[PathLike],
    ) -> None:
        self.union = LibraryStack(image)
        self.fs = MountTable(self.union.fs)
        frozen = {path(at) for at in read_only}
        for at, volume in mounts.items():
            text = self.fs.make_mount_point(_text(at))
            if not volume.fs.listdir("/"):
                copy_tree(self.fs, text, volume.fs)
            self.fs.mount(text, volume.fs, read_only=path(at) in frozen)

    @property
    def upper(self) -> Layer:
        """What was written to the union."""
        return self.union.upper

    def commit(self) -> list[Layer]:
        """Make an image of what was written; volumes are no part of it."""
        return self.union.commit()

    def remove(self) -> None:
        """Forget the container; volumes stay."""
        self.fs.unmount_all()


class LibraryLab(Lab):
    """The library itself, behind the lab's face."""

    #: As in the kernel, a rename that fails can leave a mark on what it was to move
    #: (overlayfs.md, S13).
    tidy = False

    def stack(self, layers: Sequence[Layer] = ()) -> Stack:
        """Put an empty writable layer over layers, base first."""
        return cast("Stack", LibraryStack(layers))

    def squash(self, lower: Layer, upper: Layer) -> Layer:
        """Make one layer of two, whatever may lie below."""
        parents = {
            at[:depth] for at in (*lower, *upper) for depth in range(len(at) + 1)
        }
        anything = to_library(Layer({(*at, "any"): File() for at in parents}))
        both = [to_library(lower), to_library(upper)]
        return from_library(combine(both, RealStack([anything]).root))

    def diff(self, before: Layer, after: Layer) -> Layer:
        """Make one tree of the other by operations, and give what was written."""
        union = LibraryStack([before])
        for at in sorted(before):
            kind = union.kind(at)
            if kind is not None and type(before[at]) is not type(after.get(at)):
                (union.rmtree if kind == "dir" else union.unlink)(at)
        for at, entry in sorted(after.items()):
            if not isinstance(entry, File):
                if union.kind(at) is None:
                    union.mkdir(at)
            elif union.lookup(at) != entry:
                union.write(at, entry.data)
                union.chmod(at, entry.mode)
        return union.upper

    def to_archive(self, layer: Layer) -> list[Member]:
        """Write a layer down as a tar, and list its members."""
        out = io.BytesIO()
        write_layer(to_library(layer), out)
        out.seek(0)
        with tarfile.open(fileobj=out) as archive:
            return [
                Member(
                    member.name + "/" * member.isdir(),
                    b"" if member.isdir() else archive.extractfile(member).read(),  # type: ignore[union-attr]
                    member.mode,
                )
                for member in archive
                if path(member.name.removeprefix("."))
            ]

    def from_archive(self, members: Sequence[Member]) -> Layer:
        """Make a tar of members, and read it as a layer."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for member in members:
                header = tarfile.TarInfo(member.name)
                header.type = (
                    tarfile.DIRTYPE if member.name[-1] == "/" else tarfile.REGTYPE
                )
                header.size, header.mode = len(member.data), member.mode
                archive.addfile(header, io.BytesIO(member.data))
        return from_library(read_layer(literal(out.getvalue())).layer)

    def digest(self, layer: Layer) -> str:
        """Name a layer by its content: the digest of its tar."""
        return write_layer(to_library(layer), io.BytesIO())[0]

    def volume(self, content: Layer | None = None) -> Volume:
        """Make a volume."""
        return cast("Volume", LibraryVolume(content))

    def container(
        self,
        image: Sequence[Layer],
        mounts: Mapping[Path, Volume] | Mapping[str, Volume] | None = None,
        read_only: Collection[PathLike] = (),
    ) -> Container:
        """Start a container."""
        volumes = cast("Mapping[Path, LibraryVolume]", mounts or {})
        return cast("Container", LibraryContainer(image, volumes, read_only))
