"""The OCI dialect: directories with ``.wh.`` files, as an image layer's tar has them."""

from __future__ import annotations

from typing import Final

import attrs

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, Regular
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.dialects.conversion import Form, plain, prepare
from unionfs_sim.dialects.dialect import Dialect, Encoded
from unionfs_sim.dialects.markers import (
    MARKER_PREFIX,
    OPAQUE_MARKER,
    Marker,
    affixed,
    apply_marks,
    is_bookkeeping,
    read_marker,
)
from unionfs_sim.errors import FormatError


def refusal(path: Parts) -> str:
    """
    Say why a name cannot be content, or hidden, where ``.wh.`` files are marks.

    >>> refusal(("etc", ".wh.motd")), refusal(("etc", "motd"))
    ("a name that starts with '.wh.' would be a mark", '')
    """
    if path[-1].startswith(MARKER_PREFIX):
        return f"a name that starts with {MARKER_PREFIX!r} would be a mark"
    return ""


def marker(path: Parts) -> Parts:
    """
    Give the place of a whiteout.

    Raises:
        FormatError: Its name would be too long.
    """
    name = affixed(path[-1], prefix=MARKER_PREFIX)
    if name is None:
        msg = f"{join(path)}: the name of the whiteout would be too long"
        raise FormatError(msg)
    return (*path[:-1], name)


def decode(raw: Layer) -> Layer:
    """
    Read a directory whose marks are ``.wh.`` files, by their names alone.

    Raises:
        FormatError: A mark has something in it, or hides nothing that could be.

    >>> decode(Layer.build({"etc/.wh.motd": ""})).get(("etc", "motd"))
    WHITEOUT
    """
    builder = LayerBuilder(raw.label, diff_id=raw.diff_id)
    whiteouts: list[Parts] = []
    opaques: list[Parts] = []
    pending: list[tuple[Parts, Directory]] = [((), raw.root)]
    while pending:
        parts, directory = pending.pop()
        builder.set_meta(parts, directory.meta)
        for name, entry in directory.entries.items():
            assert entry is not WHITEOUT, "a raw layer has no marks"
            path = (*parts, name)
            what = told(path)
            if what is None:
                if isinstance(entry, Directory):
                    pending.append((path, entry))
                else:
                    builder.add(path, entry)
                continue
            if what is Marker.AUFS:
                continue
            if isinstance(entry, Directory) and entry.entries:
                msg = f"{join(path)}: a mark, and nothing can be in it"
                raise FormatError(msg)
            if isinstance(what, Marker):
                opaques.append(parts)
            else:
                whiteouts.append((*parts, what))
    apply_marks(builder, whiteouts, opaques)
    return builder.freeze()


def told(path: Parts) -> str | Marker | None:
    """
    Tell what the name of a file says.

    Raises:
        FormatError: It is a whiteout of nothing that could be hidden.
    """
    try:
        return read_marker(path[-1])
    except ValueError as error:
        msg = f"{join(path)}: {error}"
        raise FormatError(msg) from error


_FORM: Final = Form(device_zero=False, refusal=refusal)


def encode(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """
    Write a layer down with ``.wh.`` files.

    Overlay filesystems' own xattrs are left out: whoever reads the directory as a
    layer of theirs would take them for marks (layer-formats, 7).

    >>> from unionfs_sim import OPAQUE
    >>> raw = encode(Layer.build({"srv": OPAQUE})).raw
    >>> [path for path, _ in raw.walk()]
    ['/', '/srv', '/srv/.wh..wh..opq']
    """
    prepared = prepare(layer, below, _FORM)
    losses = prepared.losses
    builder = LayerBuilder(layer.label)
    made: dict[int, Leaf] = {}
    times: dict[Parts, int] = {}
    for parts, entry in prepared.layer.items():
        if entry is WHITEOUT:
            builder.add(marker(parts), _mark(times[parts[:-1]]))
        elif isinstance(entry, Directory):
            times[parts] = entry.meta.mtime_ns
            builder.set_meta(parts, _exported(parts, entry.meta, losses))
            if entry.opaque:
                builder.add((*parts, OPAQUE_MARKER), _mark(times[parts]))
        else:
            if id(entry) not in made:
                plain(entry, made, _exported(parts, entry.meta, losses))
            builder.add(parts, made[id(entry)])
    return Encoded(builder.freeze(), tuple(losses))


def _mark(mtime_ns: int) -> Regular:
    """Make a mark as the tar writer does (layer-formats, 10)."""
    return Regular(b"", Meta(mode=0o600, mtime_ns=mtime_ns))


def _exported(path: Parts, meta: Meta, losses: list[str]) -> Meta:
    """Leave out private attributes, and those that would be taken for such."""
    kept = {k: v for k, v in meta.xattrs.items() if not is_bookkeeping(k)}
    losses += [
        f"{join(path)}: the xattr {name}, which would be taken for a mark"
        for name in meta.xattrs
        if name not in kept
    ]
    if meta.private or len(kept) != len(meta.xattrs):
        return attrs.evolve(meta, xattrs=kept, private={})
    return meta


OCI: Final = Dialect(
    name="oci",
    about="directories with .wh. files, as in the tar of an image layer",
    policy=Policy(),
    decode=decode,
    encode=encode,
    options=lambda directories: "",
)
