"""
The unionfs-fuse dialect: ``_HIDDEN~`` markers in a folder beside the content.

With its option ``cow`` each branch may have a folder of metadata, in which a marker at
a path hides that path in the branches below.  A directory whose name is hidden and
which the branch has all the same is what others call opaque.
"""

from __future__ import annotations

from typing import Final

import attrs

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, Regular
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.policy import Policy, Redirect
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.dialects.conversion import Form, plain, prepare
from unionfs_sim.dialects.dialect import Dialect, Encoded
from unionfs_sim.dialects.markers import affixed, apply_marks
from unionfs_sim.errors import FormatError

#: What the name of a marker ends in.
SUFFIX: Final = "_HIDDEN~"

#: The folder of metadata: in current releases, and in those up to 1.0.
FOLDERS: Final = (".unionfs", ".unionfs-fuse")

_FOLDER_META: Final = Meta(mode=0o770)
_DIRECTORY_META: Final = Meta(mode=0o700)
_FILE_META: Final = Meta(mode=0o600)


def decode(raw: Layer) -> Layer:
    """
    Read a branch: the metadata folder goes, markers become whiteouts and opaque marks.

    >>> raw = Layer.build({".unionfs/b_HIDDEN~": {}, "b/n": "", ".unionfs/c_HIDDEN~": ""})
    >>> [path for path, _ in decode(raw).walk()]
    ['/', '/b', '/b/n', '/c']
    """
    builder = LayerBuilder(raw.label, diff_id=raw.diff_id)
    pending: list[tuple[Parts, Directory]] = [((), raw.root)]
    while pending:
        parts, directory = pending.pop()
        builder.set_meta(parts, directory.meta)
        for name, entry in directory.entries.items():
            assert entry is not WHITEOUT, "a raw layer has no marks"
            path = (*parts, name)
            if path[0] in FOLDERS and isinstance(entry, Directory):
                continue
            if isinstance(entry, Directory):
                pending.append((path, entry))
            else:
                builder.add(path, entry)
    apply_marks(builder, _hidden(raw))
    return builder.freeze()


def _hidden(raw: Layer) -> list[Parts]:
    """Give the paths that markers hide, whatever their type."""
    found: list[Parts] = []
    for folder in FOLDERS:
        top = raw.root.entries.get(folder)
        pending: list[tuple[Parts, Directory]]
        pending = [((), top)] if isinstance(top, Directory) else []
        while pending:
            parts, directory = pending.pop()
            for name, entry in directory.entries.items():
                hidden = name.removesuffix(SUFFIX)
                if hidden != name:
                    if hidden in {"", ".", ".."}:
                        msg = (
                            f"{join((folder, *parts, name))}: the marker names nothing"
                            " that could be hidden"
                        )
                        raise FormatError(msg)
                    found.append((*parts, hidden))
                elif isinstance(entry, Directory):
                    pending.append(((*parts, name), entry))
    return found


def _refusal(path: Parts) -> str:
    if path[0] in FOLDERS:
        return f"the name {path[0]!r} at the root is the folder of metadata"
    return ""


_FORM: Final = Form(root_opaque=False, covers=False, refusal=_refusal)


def encode(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """
    Write a layer down as a branch, with its markers in ``.unionfs``.

    Releases up to 1.0 look for the folder ``.unionfs-fuse``; `encode_old` writes that.

    >>> from unionfs_sim import OPAQUE
    >>> raw = encode(Layer.build({"srv": OPAQUE})).raw
    >>> [path for path, _ in raw.walk()]
    ['/', '/.unionfs', '/.unionfs/srv_HIDDEN~', '/srv']
    """
    return _encode(layer, below, FOLDERS[0])


def encode_old(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """Write a layer down for releases up to 1.0."""
    return _encode(layer, below, FOLDERS[1])


def _encode(layer: Layer, below: DirectoryRecord | None, folder: str) -> Encoded:
    prepared = prepare(layer, below, _FORM)
    builder = LayerBuilder(layer.label)
    made: dict[int, Leaf] = {}
    for parts, entry in prepared.layer.items():
        if entry is WHITEOUT:
            builder.add(_marker(builder, folder, parts), Regular(b"", _FILE_META))
        elif isinstance(entry, Directory):
            meta = entry.meta
            if meta.private:
                meta = attrs.evolve(meta, private={})
            builder.set_meta(parts, meta)
            if entry.opaque:
                builder.set_meta(_marker(builder, folder, parts), _DIRECTORY_META)
        else:
            builder.add(parts, plain(entry, made))
    return Encoded(builder.freeze(), tuple(prepared.losses))


def _marker(builder: LayerBuilder, folder: str, path: Parts) -> Parts:
    """Make the folders of a marker, and give its place."""
    for name in path[:-1]:
        if name.endswith(SUFFIX):
            msg = f"{join(path)}: hidden in a directory whose name would be a marker"
            raise FormatError(msg)
    marker = affixed(path[-1], suffix=SUFFIX)
    if marker is None:
        msg = f"{join(path)}: the name of the marker would be too long"
        raise FormatError(msg)
    place = (folder, *path[:-1])
    for depth in range(len(place), 0, -1):
        if builder.get(place[:depth]) is not None:
            break
        builder.set_meta(place[:depth], _FOLDER_META)
    return (*place, marker)


def _options(directories: tuple[str, ...]) -> str:
    """Name the branches; the tool takes them as one argument, before the mount point."""
    return ":".join(f"{each}=RO" for each in directories)


UNIONFS_FUSE: Final = Dialect(
    name="unionfs-fuse",
    about="branches of unionfs-fuse: _HIDDEN~ markers in a folder .unionfs",
    policy=Policy(redirect_dir=Redirect.NOFOLLOW),
    decode=decode,
    encode=encode,
    options=_options,
)

UNIONFS_FUSE_1_0: Final = Dialect(
    name="unionfs-fuse-1.0",
    about="branches of unionfs-fuse up to 1.0: markers in a folder .unionfs-fuse",
    policy=UNIONFS_FUSE.policy,
    decode=decode,
    encode=encode_old,
    options=_options,
)
