"""
The uppers of unions in a state: one document a directory, and blobs for what is big.

What has not changed since the last save is not written again: a save looks at each
name once, and encodes and writes the directories that differ.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, final

import attrs

from unionfs_sim.containers.statefiles import Key, StateDirectory
from unionfs_sim.core.content import (
    Content,
    Extent,
    Literal,
    Source,
    concat,
    hole,
    literal,
)
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import (
    Device,
    Fifo,
    Leaf,
    Regular,
    Socket,
    Symlink,
)
from unionfs_sim.core.upper import UpperDirectory, UpperEntry, UpperFile

#: Up to this size bytes are kept in the document of their directory.
_INLINE_BYTES: Final = 512

_KIND: Final = "tree"

#: How many blobs and links are remembered at least before those are sought that went.
_MEMO: Final = 1_000

#: What a name meant: an inode, what that was, and whether it has other names.
_Look: TypeAlias = tuple[int, int, bool]

#: Part of a content: a hole's size, bytes as they are, or a range of a blob.
_Part: TypeAlias = int | str | list[Any]


@final
@attrs.frozen(eq=False)
class _Name:
    """A name of a directory as it was saved."""

    text: str
    blobs: tuple[str, ...] = ()
    held: tuple[object, ...] = ()  # so that nothing else gets the ids of its look


@final
@attrs.frozen(eq=False)
class _Seen:
    """A directory as it was saved."""

    directory: UpperDirectory
    meta: Meta
    opaque: bool
    looks: dict[str, _Look]
    names: dict[str, _Name]
    document: bytes


@final
class Trees:
    """
    Keeps the uppers of unions.

    Args:
        directory: Where.
    """

    def __init__(self, directory: StateDirectory) -> None:
        self._directory = directory
        self._seen: dict[str, dict[str, _Seen]] = {}
        self._uses: Counter[str] = Counter()
        self._unused: set[str] = set()
        self._blobs: dict[int, tuple[Source, str]] = {}
        self._links: dict[int, tuple[UpperFile, int]] = {}
        self._last_link = 0
        self._memo_max = _MEMO

    # --- keeping ------------------------------------------------------------------

    def note(self, key: str, root: UpperDirectory) -> None:
        """
        Take note of a tree that may have changed.

        Takes O(entries) to look, and encodes the directories that differ.
        """
        before = self._seen.get(key, {})
        after: dict[str, _Seen] = {}
        pending = [("", root)]
        while pending:
            path, directory = pending.pop()
            looks: dict[str, _Look] = {}
            for name, entry in directory.entries.items():
                if isinstance(entry, UpperFile):
                    looks[name] = id(entry), id(entry.node), entry.nlink > 1
                elif isinstance(entry, UpperDirectory):
                    pending.append((f"{path}/{name}", entry))
                    looks[name] = 1, 0, False
                else:
                    looks[name] = 0, 0, False
            after[path] = self._noted(directory, looks, before.get(path))
        self._seen[key] = after
        for path, old in before.items():
            if path not in after:
                self._release(old.names.values())

    def __contains__(self, key: object) -> bool:
        """Tell whether a tree was noted."""
        return key in self._seen

    def keep_only(self, keys: Iterable[str]) -> None:
        """Forget all trees but these."""
        for key in set(self._seen).difference(keys):
            for each in self._seen.pop(key).values():
                self._release(each.names.values())

    def documents(self) -> Iterator[tuple[Key, bytes]]:
        """Give all documents of all trees."""
        for key, tree in self._seen.items():
            for path, each in tree.items():
                yield (_KIND, f"{key}:{path}"), each.document

    def sweep(self) -> None:
        """Remove the blobs that no saved document needs any more."""
        for name in self._unused:
            if not self._uses[name]:
                del self._uses[name]
                self._directory.blob(name).unlink(missing_ok=True)
        self._unused = set()
        if len(self._blobs) + len(self._links) <= self._memo_max:
            return
        held = {
            id(each)
            for tree in self._seen.values()
            for directory in tree.values()
            for name in directory.names.values()
            for each in name.held
        }
        self._blobs = {k: each for k, each in self._blobs.items() if k in held}
        self._links = {k: each for k, each in self._links.items() if k in held}
        self._memo_max = 2 * (len(self._blobs) + len(self._links)) + _MEMO

    def _release(self, names: Iterable[_Name]) -> None:
        for each in names:
            self._uses.subtract(each.blobs)
            self._unused.update(each.blobs)

    def _noted(
        self, directory: UpperDirectory, looks: dict[str, _Look], old: _Seen | None
    ) -> _Seen:
        """Give a directory as it is now, with what need not be encoded again."""
        meta, opaque = directory.meta, directory.opaque
        if old is not None and (
            old.directory is directory
            and old.meta is meta
            and old.opaque is opaque
            and old.looks == looks
        ):
            return old
        before = {} if old is None else old.names
        names: dict[str, _Name] = {}
        for name, look in looks.items():
            known = before.get(name)
            if known is None or old is None or old.looks[name] != look:
                known = self._name(name, directory.entries[name])
                self._uses.update(known.blobs)
            names[name] = known
        self._release(x for name, x in before.items() if names.get(name) is not x)
        inside = ",".join(each.text for each in names.values())
        document = f"[{_dumped(_meta(meta))},{int(opaque)},{{{inside}}}]".encode()
        return _Seen(directory, meta, opaque, looks, names, document)

    def _name(self, name: str, entry: UpperEntry) -> _Name:
        if not isinstance(entry, UpperFile):
            return _Name(f"{_dumped(name)}:{int(isinstance(entry, UpperDirectory))}")
        node = entry.node
        link = 0
        if entry.nlink > 1:
            link = self._links.setdefault(id(entry), (entry, self._next_link()))[1]
        blobs: list[str] = []
        held: list[object] = [entry, node]
        payload: Any = None
        match node:
            case Regular():
                extents = node.content.extents()
                payload = [self._part(extent) for extent in extents]
                held += [extent.source for extent in extents]
                blobs = [part[0] for part in payload if isinstance(part, list)]
            case Symlink():
                payload = node.target
            case Device():
                payload = [node.major, node.minor, int(node.block)]
            case _:
                pass
        value = [type(node).__name__, _meta(node.meta), link, payload]
        text = f"{_dumped(name)}:{_dumped(value)}"
        return _Name(text, tuple(blobs), tuple(held))

    def _next_link(self) -> int:
        self._last_link += 1
        return self._last_link

    def _part(self, extent: Extent) -> _Part:
        source = extent.source
        if source is None:
            return extent.size
        if extent.size <= _INLINE_BYTES:
            return base64.b64encode(extent.read_all()).decode()
        if not isinstance(source, Literal):  # a range of an image's file: copied
            return [self._directory.put(extent.read_all()), 0, extent.size]
        if id(source) not in self._blobs:
            self._blobs[id(source)] = source, self._directory.put(source.data)
        return [self._blobs[id(source)][1], extent.offset, extent.size]

    # --- finding again ------------------------------------------------------------

    def load(self, key: str, documents: Mapping[Key, bytes]) -> Layer:
        """Read a tree that was saved."""
        builder = LayerBuilder(key)
        linked: dict[int, Leaf] = {}
        sources: dict[str, Source] = {}
        start = f"{key}:"
        for (kind, name), document in sorted(documents.items()):
            if kind != _KIND or not name.startswith(start):
                continue
            parts = tuple(part for part in name[len(start) :].split("/") if part)
            meta, opaque, entries = json.loads(document)
            builder.set_meta(parts, _read_meta(meta))
            if opaque:
                builder.opaque(parts)
            for child, value in entries.items():
                if value == 0:
                    builder.whiteout((*parts, child))
                elif value != 1:
                    node = linked.get(value[2]) or self._node(value, sources)
                    if value[2]:
                        linked[value[2]] = node
                    builder.add((*parts, child), node)
        return builder.freeze()

    def _node(self, value: list[Any], sources: dict[str, Source]) -> Leaf:
        kind, written, _, payload = value
        meta = _read_meta(written)
        match kind:
            case "Regular":
                return Regular(self._content(payload, sources), meta)
            case "Symlink":
                return Symlink(payload, meta)
            case "Device":
                major, minor, block = payload
                return Device(major, minor, block=bool(block), meta=meta)
            case "Fifo":
                return Fifo(meta)
            case _:
                return Socket(meta)

    def _content(self, parts: list[_Part], sources: dict[str, Source]) -> Content:
        extents: list[Extent] = []
        for part in parts:
            if isinstance(part, int):
                extents.append(hole(part))
            elif isinstance(part, str):
                extents.append(literal(base64.b64decode(part)))
            else:
                name, offset, size = part
                source = sources.get(name)
                if source is None:
                    source = Literal(self._directory.blob(name).read_bytes())
                    sources[name] = source
                    self._blobs[id(source)] = source, name
                extents.append(Extent(source, offset, size))
        return concat(extents)


def blobs_of(documents: Mapping[Key, bytes]) -> Iterator[str]:
    """Name the blobs that saved trees need."""
    for (kind, _), document in documents.items():
        if kind != _KIND:
            continue
        for value in json.loads(document)[2].values():
            if isinstance(value, list) and value[0] == "Regular":
                yield from (part[0] for part in value[3] if isinstance(part, list))


def _dumped(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _meta(meta: Meta) -> list[Any]:
    xattrs = {name: value.decode("latin-1") for name, value in meta.xattrs.items()}
    times = [meta.atime_ns, meta.mtime_ns, meta.ctime_ns]
    return [meta.mode, meta.uid, meta.gid, *times, *([xattrs] if xattrs else [])]


def _read_meta(value: list[Any]) -> Meta:
    mode, uid, gid, atime_ns, mtime_ns, ctime_ns, *rest = value
    return Meta(
        mode=mode,
        uid=uid,
        gid=gid,
        atime_ns=atime_ns,
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
        xattrs={k: x.encode("latin-1") for each in rest for k, x in each.items()},
    )
