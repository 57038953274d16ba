"""The merged view of an image as one plain document, for comparing and for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from unionfs_sim.core.fold import visible
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Device, Leaf, Regular, Symlink
from unionfs_sim.core.paths import Parts, join, to_bytes
from unionfs_sim.core.records import (
    DIRECTORY_TYPES,
    Broken,
    DirectoryRecord,
    Record,
)
from unionfs_sim.core.stack import Stack
from unionfs_sim.image.open import Image

#: An inode of more names has them listed at the first alone: a list at each of fifty
#: thousand names, which a megabyte can hold, would be gigabytes of text.
LINKS_LISTED_MAX: Final = 200


def manifest(image: Image, *, digests: bool = True) -> dict[str, Any]:
    """
    Describe an image: its identity, its layers, and every visible entry.

    Takes O(n log n) for n entries, and memory for them all; `described` gives the
    entries one by one.

    Args:
        image: The image; it must be open.
        digests: Whether the content of every file is read for its SHA-256.

    Raises:
        OSError: EIO or EBADF, the image's file has changed or is closed.
    """
    return {**identity(image), "root": dict(described(image, digests=digests))}


def identity(image: Image) -> dict[str, Any]:
    """Describe what an image is known by: all of a manifest but the entries."""
    return {
        "image_id": image.image_id,
        "manifest_digest": image.manifest_digest,
        "diff_ids": list(image.diff_ids),
        "chain_ids": list(image.chain_ids),
        "layers": [
            {"media_type": blob.media_type, "digest": blob.digest, "size": blob.size}
            for blob in image.descriptors
        ],
    }


def described(
    image: Image, *, digests: bool = True
) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Describe the visible entries of an image one by one, by the components of paths.

    Names of one inode are a group only as far as they are visible; each of them lists
    all, unless there are more than 200, which the first lists alone.  A time is
    ``None``, and the entry is marked as implied, where no layer says anything of a
    directory.

    Raises:
        OSError: EIO or EBADF, the image's file has changed or is closed.
    """
    root = Stack(image.layers_top_first()).root
    groups = _groups(root)
    known: dict[int, str] = {}
    listed: set[int] = set()
    for parts, record in _records(root):
        if isinstance(record, DIRECTORY_TYPES):
            yield join(parts), _directory(record)
        elif not isinstance(record, Broken):
            # What cannot be looked up comes of redirects, which a tar does not have.
            names = groups.get(id(record), ())
            entry = _leaf(record, known if digests else None)
            if names:
                entry["nlink"] = len(names)
                if len(names) <= LINKS_LISTED_MAX or id(record) not in listed:
                    entry["links"] = names
                    listed.add(id(record))
            _xattrs(entry, record.meta)
            yield join(parts), entry


def _groups(root: DirectoryRecord) -> dict[int, list[str]]:
    """Give the names of each inode that has several, by its identity."""
    seen: set[int] = set()
    linked: dict[int, list[str]] = {}
    for _, record in _records(root):
        if not isinstance(record, DIRECTORY_TYPES):
            if id(record) in seen:
                linked[id(record)] = []
            seen.add(id(record))
    for parts, record in _records(root) if linked else ():
        if id(record) in linked:
            linked[id(record)].append(join(parts))
    for names in linked.values():
        names.sort()
    return linked


def _records(root: DirectoryRecord) -> Iterator[tuple[Parts, Record]]:
    """Go through a merged view in order, without recursion."""
    pending: list[tuple[Parts, Record]] = [((), root)]
    while pending:
        parts, record = pending.pop()
        yield parts, record
        if isinstance(record, DIRECTORY_TYPES):
            entries = visible(record)
            pending.extend(
                ((*parts, name), entries[name])
                for name in sorted(entries, reverse=True)
            )


def _attributes(record: Record, meta: Meta) -> dict[str, Any]:
    return {
        "type": record.kind.value,
        "mode": f"{meta.mode:04o}",
        "uid": meta.uid,
        "gid": meta.gid,
        "mtime": meta.mtime_ns,
    }


def _xattrs(entry: dict[str, Any], meta: Meta) -> None:
    if meta.xattrs:
        entry["xattrs"] = {
            name: value.hex() for name, value in sorted(meta.xattrs.items())
        }


def _directory(record: DirectoryRecord) -> dict[str, Any]:
    """Describe a directory; attributes that no layer gives are marked as such."""
    entry = _attributes(record, record.meta)
    if record.implied:
        entry["mtime"] = None
        entry["implied"] = True
    _xattrs(entry, record.meta)
    return entry


def _leaf(node: Leaf, known: dict[int, str] | None) -> dict[str, Any]:
    """Describe everything else; *known* holds the digests of inodes met before."""
    entry = _attributes(node, node.meta)
    match node:
        case Regular():
            entry["size"] = node.content.size
            if known is not None:
                if id(node) not in known:
                    known[id(node)] = node.content.sha256()
                entry["sha256"] = known[id(node)]
        case Symlink():
            entry["target"] = node.target
            entry["size"] = len(to_bytes(node.target))
        case Device():
            entry["rdev"] = [node.major, node.minor]
        case _:
            pass
    return entry
