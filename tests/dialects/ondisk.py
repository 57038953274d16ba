"""Samples of real union file systems, read from their tars into raw layers."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import Any, Final

from unionfs_sim.core.content import literal
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Device, Fifo, Leaf, Regular, Symlink
from unionfs_sim.core.paths import Parts, to_bytes
from unionfs_sim.core.records import DIRECTORY_TYPES, Broken, DirectoryRecord, Record

ROOT: Final = Path(__file__).resolve().parents[2]
SHARED: Final = Path(os.environ.get("UNIONFS_SIM_SHARED") or ROOT.parent / "shared")
OWN: Final = ROOT / "tests" / "data" / "ondisk"
PLACES: Final = {"shared": SHARED / "images" / "ondisk", "own": OWN}

_XATTR: Final = "SCHILY.xattr."


def read_sample(path: Path) -> dict[str, Layer]:
    """Give the raw layers of a sample by the name of their folder."""
    builders: dict[str, LayerBuilder] = {}
    with tarfile.open(path, errors="surrogateescape") as tar:
        nodes: dict[str, Leaf] = {}
        for member in tar:
            top, *parts = member.name.split("/")
            builder = builders.setdefault(top, LayerBuilder(top))
            place = tuple(parts)
            if member.isdir():
                builder.set_meta(place, _meta(member))
            elif member.islnk():
                builder.add(place, nodes[member.linkname])
            else:
                nodes[member.name] = _node(tar, member)
                builder.add(place, nodes[member.name])
    return {name: builder.freeze() for name, builder in builders.items()}


def _meta(member: tarfile.TarInfo) -> Meta:
    xattrs = {
        key.removeprefix(_XATTR): to_bytes(value)
        for key, value in member.pax_headers.items()
        if key.startswith(_XATTR)
    }
    return Meta(
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        mtime_ns=round(member.mtime) * 1_000_000_000,
        xattrs=xattrs,
    )


def _node(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Leaf:
    meta = _meta(member)
    if member.issym():
        return Symlink(member.linkname, meta)
    if member.isfifo():
        return Fifo(meta)
    if member.ischr() or member.isblk():
        return Device(member.devmajor, member.devminor, block=member.isblk(), meta=meta)
    stream = tar.extractfile(member)
    assert stream is not None
    return Regular(literal(stream.read()), meta)


def read_merged(path: Path) -> dict[str, dict[str, Any]]:
    """Give what the mount showed."""
    root: dict[str, dict[str, Any]] = json.loads(
        path.read_text("utf-8", "surrogateescape")
    )
    return root


def describe(view: DirectoryRecord, *, links_min: int = 2) -> dict[str, dict[str, Any]]:
    """Describe a merged view as the recordings do; hard links from that many names."""
    found: dict[str, dict[str, Any]] = {}
    names: dict[int, list[str]] = {}
    pending: list[tuple[Parts, Record]] = [((), view)]
    records: list[tuple[str, Record]] = []
    while pending:
        parts, record = pending.pop()
        path = "/" + "/".join(parts)
        records.append((path, record))
        if isinstance(record, DIRECTORY_TYPES):
            pending += [((*parts, name), x) for name, x in record.entries.items()]  # type: ignore[misc]
        else:
            names.setdefault(id(record), []).append(path)
    for path, record in sorted(records):
        assert not isinstance(record, Broken), path
        entry: dict[str, Any] = {
            "type": record.kind.value,
            "mode": f"{record.meta.mode:04o}",
            "uid": record.meta.uid,
            "gid": record.meta.gid,
            "mtime": record.meta.mtime_ns,
        }
        if isinstance(record, Regular):
            entry |= {"size": record.content.size, "sha256": record.content.sha256()}
        elif isinstance(record, Symlink):
            entry["target"] = record.target
        elif isinstance(record, Device):
            entry["rdev"] = [record.major, record.minor]
        links = names.get(id(record), [])
        if not isinstance(record, DIRECTORY_TYPES) and record.nlink >= links_min:
            # A mount counts the names of the layer, visible or not.
            entry |= {"nlink": record.nlink, "links": sorted(links)}
        if record.meta.xattrs:
            entry["xattrs"] = {k: v.hex() for k, v in record.meta.xattrs.items()}
        found[path] = entry
    return found
