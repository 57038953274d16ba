"""
Names that are marks: the ``.wh.`` files of aufs, which image layers took over.

One reading for all who meet them: the tar reader, directories with such files in them,
and fuse-overlayfs, which takes them besides its own.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final, final

from unionfs_sim.core.layer import LayerBuilder
from unionfs_sim.core.nodes import WHITEOUT
from unionfs_sim.core.paths import NAME_BYTES_MAX, Name, Parts, to_bytes
from unionfs_sim.errors import SpecError

#: A name that starts so is a marker, never content.
MARKER_PREFIX: Final = ".wh."

#: Names that start so are aufs' own and are never content.
AUFS_PREFIX: Final = ".wh..wh."

#: The marker of an opaque directory.
OPAQUE_MARKER: Final = ".wh..wh..opq"

#: What overlay filesystems note for themselves in xattrs, and tars never carry.
BOOKKEEPING: Final = ("trusted.overlay.", "user.overlay.", "user.fuseoverlayfs.")
_OVERRIDE: Final = ".override_stat"


@final
class Marker(enum.Enum):
    """What a marker says, if it does not hide a name."""

    OPAQUE = "opaque"
    AUFS = "aufs"


def read_marker(name: Name) -> Name | Marker | None:
    """
    Tell what a name says: which name it hides, or a `Marker`; ``None`` for content.

    Raises:
        ValueError: It is a whiteout of nothing that could be hidden.

    >>> read_marker(".wh.motd"), read_marker("motd"), read_marker(".wh..wh..opq")
    ('motd', None, <Marker.OPAQUE: 'opaque'>)
    """
    if not name.startswith(MARKER_PREFIX):
        return None
    if name == OPAQUE_MARKER:
        return Marker.OPAQUE
    if name.startswith(AUFS_PREFIX):
        return Marker.AUFS
    hidden = name[len(MARKER_PREFIX) :]
    if hidden in {"", ".", ".."}:
        # umoci deletes the parent directory, Docker's mknod fails.
        msg = f"the whiteout {name!r} names nothing that could be hidden"
        raise ValueError(msg)
    return hidden


def affixed(name: Name, *, prefix: str = "", suffix: str = "") -> Name | None:
    """
    Give the name of a marker, or ``None`` if Linux takes no name of that length.

    >>> affixed("motd", prefix=MARKER_PREFIX), affixed("x" * 255, suffix="~")
    ('.wh.motd', None)
    """
    marker = f"{prefix}{name}{suffix}"
    return marker if len(to_bytes(marker)) <= NAME_BYTES_MAX else None


def is_bookkeeping(name: str) -> bool:
    """
    Tell whether an xattr is an overlay filesystem's own note.

    >>> is_bookkeeping("trusted.overlay.opaque"), is_bookkeeping("user.mime_type")
    (True, False)
    """
    return name.startswith(BOOKKEEPING) or name.endswith(_OVERRIDE)


def apply_marks(
    builder: LayerBuilder, whiteouts: Iterable[Parts], opaques: Iterable[Parts] = ()
) -> list[tuple[Parts, SpecError]]:
    """
    Apply whiteouts, then opaque marks, to what a layer adds, in whichever order.

    Those near the root come first; marks within what the layer hides, or where it has
    a file instead of a directory, are redundant (layer-formats, rule 5.4).

    Returns:
        The opaque marks that stand in no directory, and why.
    """
    gone: dict[Name, object] = {}
    for parts in sorted(whiteouts, key=len):
        if _is_gone(gone, parts[:-1]):
            continue
        try:
            builder.whiteout(parts)
        except SpecError:
            # umoci writes such markers where a directory becomes a file
            # (metadata-umoci): legal and redundant.
            continue
        if builder.get(parts) is WHITEOUT:
            _mark_gone(gone, parts)
    dropped: list[tuple[Parts, SpecError]] = []
    for parts in opaques:
        if _is_gone(gone, parts):
            continue
        try:
            builder.opaque(parts)
        except SpecError as error:
            dropped.append((parts, error))
    return dropped


def _is_gone(gone: Mapping[Name, object], parts: Parts) -> bool:
    """Tell whether a place or one above it is hidden by a whiteout of the layer."""
    node: object = gone
    for name in parts:
        if not isinstance(node, dict):
            return True
        node = node.get(name)
        if node is None:
            return False
    return not isinstance(node, dict)


def _mark_gone(gone: dict[Name, object], parts: Parts) -> None:
    """Note a place that a whiteout hides; nothing above it is noted yet."""
    node = gone
    for name in parts[:-1]:
        child = node.setdefault(name, {})
        assert isinstance(child, dict), "a whiteout below a whiteout is not applied"
        node = child
    node[parts[-1]] = True
