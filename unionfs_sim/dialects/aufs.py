"""The aufs dialect: branches with ``.wh.`` files and names of aufs' own."""

from __future__ import annotations

from typing import Final

import attrs

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import DIRECTORY_META, Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf, Regular
from unionfs_sim.core.paths import Name, Parts, join
from unionfs_sim.core.policy import Policy, Redirect
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.dialects import oci
from unionfs_sim.dialects.conversion import Form, plain, prepare
from unionfs_sim.dialects.dialect import Dialect, Encoded
from unionfs_sim.dialects.markers import OPAQUE_MARKER
from unionfs_sim.errors import FormatError

#: The inode that all whiteouts of a branch are names of.
WHITEOUT_BASE: Final = ".wh..wh.aufs"

#: How many names it gets: ext4 gives an inode no more than 65,000.
_LINKS_MAX: Final = 32_000

#: aufs' inode table, which says nothing of a branch.
_XINO: Final = ".aufs.xino"

#: Notes of renamed directories, without which a branch cannot be understood.
_RENAMED: Final = (".wh..wh..dr.", ".wh..wh.hino")


def decode(raw: Layer) -> Layer:
    """
    Read a branch: aufs' own names go, ``.wh.`` files become marks.

    Raises:
        FormatError: A mark makes no sense, or directories of the branch were renamed
            in place (``dirren``).

    >>> raw = Layer.build({".wh..wh.aufs": "", ".wh.c": "", "b/.wh..wh..opq": ""})
    >>> [path for path, _ in decode(raw).walk()]
    ['/', '/b', '/c']
    """
    layer = oci.decode(raw)
    for parts, entry in raw.items():
        if isinstance(entry, Directory):
            for name in entry.entries:
                if name.startswith(_RENAMED):
                    msg = (
                        f"{join((*parts, name))}: aufs' note of a renamed directory,"
                        " which cannot be followed"
                    )
                    raise FormatError(msg)
    if _XINO not in layer.root.entries:
        return layer
    entries = {k: v for k, v in layer.root.entries.items() if k != _XINO}
    return attrs.evolve(
        layer,
        root=Directory(layer.root.meta, entries, opaque=layer.root.opaque),
    )


def _refusal(path: Parts) -> str:
    if path == (_XINO,):
        return f"the name {_XINO!r} at the root is aufs' own"
    return oci.refusal(path)


_FORM: Final = Form(refusal=_refusal)


def encode(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """
    Write a layer down as a branch.

    All marks are names of one empty file, as aufs has them.

    >>> from unionfs_sim import WHITEOUT
    >>> raw = encode(Layer.build({"c": WHITEOUT})).raw
    >>> raw.get((".wh.c",)) is raw.get((".wh..wh.aufs",))
    True
    """
    prepared = prepare(layer, below, _FORM)
    builder = LayerBuilder(layer.label)
    marks = _Marks(builder)
    made: dict[int, Leaf] = {}
    for parts, entry in prepared.layer.items():
        if entry is WHITEOUT:
            marks.add(oci.marker(parts))
        elif isinstance(entry, Directory):
            meta = entry.meta
            if meta.private:
                meta = attrs.evolve(meta, private={})
            builder.set_meta(parts, meta)
            if entry.opaque:
                marks.add((*parts, OPAQUE_MARKER))
        else:
            builder.add(parts, plain(entry, made))
    return Encoded(builder.freeze(), tuple(prepared.losses))


class _Marks:
    """Makes the marks of a branch."""

    def __init__(self, builder: LayerBuilder) -> None:
        self._builder = builder
        self._links = 0
        self._inode = Regular(b"", Meta(mode=0o444))

    def add(self, parts: Parts) -> None:
        """Make a mark, one more name of the same inode as long as it takes more."""
        if not self._links:
            self._own(WHITEOUT_BASE)
        elif self._links % _LINKS_MAX == 0:
            self._inode = attrs.evolve(self._inode)
        self._builder.add(parts, self._inode)
        self._links += 1

    def _own(self, name: Name) -> None:
        self._builder.add((name,), self._inode)
        for folder in (".wh..wh.orph", ".wh..wh.plnk"):
            self._builder.set_meta((folder,), attrs.evolve(DIRECTORY_META, mode=0o700))


def _options(directories: tuple[str, ...]) -> str:
    """Name the branches; lower ones have whiteouts that count (``ro+wh``)."""
    return "br=" + ":".join(f"{each}=ro+wh" for each in directories)


AUFS: Final = Dialect(
    name="aufs",
    about="branches of aufs: .wh. files, and names of its own",
    policy=Policy(redirect_dir=Redirect.NOFOLLOW),
    decode=decode,
    encode=encode,
    options=_options,
)
