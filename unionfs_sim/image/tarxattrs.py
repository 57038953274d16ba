"""Extended attributes of tar entries, as star and libarchive write them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote_to_bytes

from unionfs_sim.core.meta import NO_XATTRS
from unionfs_sim.dialects.markers import is_bookkeeping
from unionfs_sim.image import tarfields

SCHILY: Final = b"SCHILY.xattr."
LIBARCHIVE: Final = b"LIBARCHIVE.xattr."

#: The namespaces that a Linux filesystem takes.
_NAMESPACES: Final = ("user.", "trusted.", "security.", "system.")

#: The tool whose answer is asked for where ours is nobody's.
Like: TypeAlias = Literal["docker"]

#: Marks only to mounts that say ``userxattr``, which Docker's never do.
_USER_MARKS: Final = "user.overlay."


def from_pax(
    records: Mapping[bytes, bytes],
    *,
    bytes_max: int,
    report: Callable[[str], None],
    like: Like | None = None,
) -> Mapping[str, bytes]:
    """
    Give the extended attributes that a pax header carries.

    libarchive percent-encodes names, in its own records and in the ones of star
    beside them, so such a twin goes; a lone name of star is never decoded
    (layer-formats 4.2).

    Args:
        records: The header's records.
        bytes_max: The most bytes that names and values may have together.
        report: Takes a sentence about whatever was left out.
        like: ``"docker"`` keeps ``user.overlay.*`` and drops what has no namespace.

    Raises:
        ValueError: They are too long, or a name holds a NUL.

    >>> from_pax({b"SCHILY.xattr.user.k": b"v"}, bytes_max=99, report=print)
    {'user.k': b'v'}
    """
    pieces: list[tuple[bytes, bytes]] = []
    twins: set[bytes] = set()
    for key, value in records.items():
        if key.startswith(LIBARCHIVE):
            suffix = key[len(LIBARCHIVE) :]
            plain = _base64(value)
            if plain is None:
                report(f"the xattr record {key!r} is not base64, skipped")
                continue
            twins.add(suffix)
            pieces.append((unquote_to_bytes(suffix), plain))
    for key, value in records.items():
        if key.startswith(SCHILY) and key[len(SCHILY) :] not in twins:
            pieces.append((key[len(SCHILY) :], value))
    if sum(len(name) + len(value) for name, value in pieces) > bytes_max:
        msg = f"the extended attributes have more than {bytes_max} bytes"
        raise ValueError(msg)
    found: dict[str, bytes] = {}
    for raw, value in pieces:
        _take(found, tarfields.text(raw), value, report, like)
    return found or NO_XATTRS


def _take(
    found: dict[str, bytes],
    name: str,
    value: bytes,
    report: Callable[[str], None],
    like: Like | None,
) -> None:
    """Keep one attribute, unless it is nameless, empty or bookkeeping."""
    if not name:
        report("an xattr record without a name, skipped")
    elif is_bookkeeping(name) and not (
        like == "docker" and name.startswith(_USER_MARKS)  # disputed/xattr-user-overlay
    ):
        # disputed/xattr-overlay-opaque: Docker lets it through to the kernel, and
        # lower content vanishes.
        report(f"the xattr {name!r} is bookkeeping of an overlay, dropped")
    elif not value:
        # In pax an empty value means "keyword deleted".
        report(
            f"the xattr {name!r} has an empty value, which pax cannot carry, dropped"
        )
    else:
        kept = like != "docker" or name.startswith(_NAMESPACES)
        if not name.startswith(_NAMESPACES):
            done = "kept" if kept else "dropped"
            report(f"the xattr {name!r} is of no namespace that Linux knows, {done}")
        if kept:
            found[name] = value


def _base64(value: bytes) -> bytes | None:
    """Decode base64, which libarchive writes without its final ``=`` signs."""
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return None
