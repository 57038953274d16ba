"""
A layer as a tar: the same layer gives the same bytes, on every machine and every day.

Entries come sorted by the bytes of their names, each directory before what is in it,
and right behind it its opaque mark and its whiteouts (layer-formats, section 10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final, TypeAlias

import attrs

from unionfs_sim.core.layer import LayerView
from unionfs_sim.core.meta import NO_XATTRS, Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Leaf,
    Regular,
    Socket,
    Symlink,
)
from unionfs_sim.core.paths import to_bytes, to_text
from unionfs_sim.dialects.markers import MARKER_PREFIX, OPAQUE_MARKER, is_bookkeeping
from unionfs_sim.errors import FormatError
from unionfs_sim.image import tarheaders, tarstream
from unionfs_sim.image.limits import DEFAULT_LIMITS, Oddity

#: Takes a note of what was left out.
Report: TypeAlias = Callable[[Oddity], None]

#: The mode of whiteouts and opaque marks; nobody reads it.
MARKER_MODE: Final = 0o600

_WHITEOUT_PREFIX: Final = MARKER_PREFIX.encode()
_OPAQUE_MARK: Final = OPAQUE_MARKER.encode()

#: Private marks that change what a layer shows, and that a tar cannot hold.
_UNTOLD: Final = frozenset({"redirect", "metacopy", "whiteout"})

#: How many bytes of headers are handed on at once.
_BATCH_BYTES: Final = 256 * 1024


def write_layer(
    layer: LayerView,
    out: BinaryIO,
    *,
    mtime_max_ns: int | None = None,
    report: Report | None = None,
) -> tuple[str, int]:
    """
    Write a layer as a tar, and give the digest and the size of what was written.

    Takes O(n log n) for n entries, and reads every file once, a piece at a time.

    Args:
        layer: The layer.
        out: Takes the bytes.
        mtime_max_ns: Later times become this one, as ``SOURCE_DATE_EPOCH`` asks for.
        report: Takes a note of every xattr that a tar cannot hold and that is dropped.

    Returns:
        The diff ID, and the number of bytes.

    Raises:
        FormatError: The layer holds what a tar of a layer cannot: a socket, a device
            that is a whiteout elsewhere, a name like that of a marker, a redirect,
            names and xattrs of more than a mebibyte.
        OSError: EIO, the content of a file is gone; or *out* cannot be written.

    >>> import io
    >>> from unionfs_sim import Layer
    >>> out = io.BytesIO()
    >>> diff_id, size = write_layer(Layer.build({"etc/motd": "hello"}), out)
    >>> diff_id[:19], size == len(out.getvalue())
    ('sha256:4ff6f96ffec4', True)
    """
    hasher = hashlib.sha256()
    size = 0
    for piece in tar_pieces(layer, mtime_max_ns=mtime_max_ns, report=report):
        hasher.update(piece)
        out.write(piece)
        size += len(piece)
    return f"sha256:{hasher.hexdigest()}", size


def tar_pieces(
    layer: LayerView,
    *,
    mtime_max_ns: int | None = None,
    report: Report | None = None,
) -> Iterator[bytes]:
    """
    Give the bytes of a layer's tar, a piece at a time; the arguments of `write_layer`.

    Raises:
        FormatError: As `write_layer`.
        OSError: The content of a file cannot be read.
    """
    return _batched(_Writing(layer, mtime_max_ns, report).pieces())


def _batched(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces, so that hashing and writing are not called for each."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        if len(piece) >= _BATCH_BYTES:
            if waiting:
                yield b"".join(waiting)
                waiting, size = [], 0
            yield piece
            continue
        waiting.append(piece)
        size += len(piece)
        if size >= _BATCH_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def stored_meta(
    meta: Meta, *, mtime_max_ns: int | None, report: Callable[[str], None]
) -> Meta:
    """
    Give attributes as a tar stores them: one time, and the xattrs that can be written.

    Args:
        meta: The attributes.
        mtime_max_ns: Later times become this one.
        report: Takes a sentence about every xattr that is dropped.

    Raises:
        FormatError: An xattr has a name that cannot be written, or the layer needs
            overlayfs to be read.

    >>> stored_meta(Meta(mode=0o644, atime_ns=7), mtime_max_ns=None, report=print)
    Meta(mode=420, uid=0, gid=0, atime_ns=0, mtime_ns=0, ctime_ns=0, xattrs={})
    """
    untold = _UNTOLD.intersection(meta.private)
    if untold:
        msg = f"overlayfs's mark {min(untold)!r}, which a tar cannot hold"
        raise FormatError(msg)
    mtime_ns = meta.mtime_ns
    if mtime_max_ns is not None:
        mtime_ns = min(mtime_ns, mtime_max_ns)
    xattrs = meta.xattrs
    if xattrs:
        xattrs = {name: value for name, value in xattrs.items() if _fits(name, value)}
        for name in meta.xattrs.keys() - xattrs.keys():
            # In pax an empty value means "keyword deleted" (layer-formats 4.2).
            why = "has an empty value, which pax cannot carry"
            if is_bookkeeping(name):
                why = "is bookkeeping of an overlay"
            report(f"the xattr {name!r} {why}, dropped")
    return Meta(
        mode=meta.mode,
        uid=meta.uid,
        gid=meta.gid,
        mtime_ns=mtime_ns,
        xattrs=xattrs or NO_XATTRS,
    )


def _fits(name: str, value: bytes) -> bool:
    """Tell whether an xattr is written or dropped; refuse a name that is no keyword."""
    if not name or "=" in name or "\0" in name:
        msg = f"the xattr {name!r}, whose name pax cannot carry"
        raise FormatError(msg)
    return bool(value) and not is_bookkeeping(name)


@attrs.frozen(eq=False)
class _Writing:
    """One writing of one layer."""

    layer: LayerView
    mtime_max_ns: int | None
    report: Report | None
    #: The first name of each inode with several.
    names: dict[int, bytes] = attrs.field(factory=dict)

    def pieces(self) -> Iterator[bytes]:
        """Go through the layer, without recursion."""
        pending: list[tuple[bytes, Leaf | Directory]] = [(b"", self.layer.root)]
        while pending:
            path, node = pending.pop()
            if not isinstance(node, Directory):
                yield from self._leaf(path, node)
                continue
            meta = self._meta(path, node)
            if path:
                path += b"/"
            if not node.implied:
                # umoci and GNU tar call the root so as well.
                yield self._header(path or b"./", tarstream.DIRECTORY, meta)
            mark = Meta(mode=MARKER_MODE, mtime_ns=meta.mtime_ns)
            if node.opaque:
                yield _marker(path + _OPAQUE_MARK, mark)
            entries = sorted((to_bytes(name), e) for name, e in node.entries.items())
            for name, entry in entries:
                self._check_name(path, name)
                if entry is WHITEOUT:
                    yield _marker(path + _WHITEOUT_PREFIX + name, mark)
            pending.extend(
                (path + name, entry)
                for name, entry in reversed(entries)
                if entry is not WHITEOUT
            )
        yield tarheaders.END

    def _header(self, path: bytes, kind: str, meta: Meta, **more: Any) -> bytes:
        """Give an entry's header, which readers have limits for, ours and Go's alike."""
        header = tarheaders.header(path, kind, meta, **more)
        if len(header) > DEFAULT_LIMITS.pax_bytes_max:
            reason = f"its header of {len(header)} bytes is more than readers take"
            raise self._error(path, reason)
        return header

    def _meta(self, path: bytes, node: Leaf | Directory) -> Meta:
        place = f"{self.layer.label or 'layer'}: entry {to_text(path)[:1000]!r}"

        def tell(sentence: str) -> None:
            if self.report is not None:
                self.report(Oddity(place, sentence))

        try:
            return stored_meta(node.meta, mtime_max_ns=self.mtime_max_ns, report=tell)
        except FormatError as error:
            raise self._error(path, str(error)) from error

    def _error(self, path: bytes, reason: str) -> FormatError:
        place = self.layer.label or "layer"
        return FormatError(f"{place}: entry {to_text(path)[:1000]!r}: {reason}")

    def _check_name(self, directory: bytes, name: bytes) -> None:
        """Refuse a name, of a node or a whiteout, that a reader would not give back."""
        if name.startswith(_WHITEOUT_PREFIX):
            raise self._error(directory + name, "the name is that of a marker")
        if name in {b"", b".", b".."} or b"/" in name or b"\0" in name:
            raise self._error(directory + name, "no file can have this name")

    def _leaf(self, path: bytes, node: Leaf) -> Iterator[bytes]:
        """Write everything but a directory; further names of an inode are links."""
        meta = self._meta(path, node)
        if node.nlink > 1:
            first = self.names.setdefault(id(node), path)
            if first is not path:
                kind = tarstream.HARD_LINK
                yield self._header(path, kind, meta, link=first)
                return
        match node:
            case Regular(content=content):
                size = content.size
                yield self._header(path, tarstream.FILE, meta, size=size)
                yield from content.chunks()
                yield tarheaders.padding(size)
            case Symlink(target=target):
                link = to_bytes(target)
                if not link or b"\0" in link:
                    raise self._error(path, f"a symbolic link to {target!r}")
                yield self._header(path, tarstream.SYMLINK, meta, link=link)
            case Device():
                kind = tarstream.BLOCK if node.block else tarstream.CHAR
                device = self._device(path, node)
                yield self._header(path, kind, meta, device=device)
            case Fifo():
                yield self._header(path, tarstream.FIFO, meta)
            case Socket():
                raise self._error(path, "a socket, which a tar cannot hold")

    def _device(self, path: bytes, node: Device) -> tuple[int, int]:
        """Give a device's numbers, unless a tar cannot hold them or says more."""
        if not (node.block or node.major or node.minor):
            # disputed/char00: Docker and podman would hide the name.
            reason = "a character device 0:0, which is a whiteout elsewhere"
            raise self._error(path, reason)
        if max(node.major, node.minor) >= tarheaders.SMALL_LIMIT:
            reason = f"the device number {node.major}:{node.minor} does not fit"
            raise self._error(path, reason)
        return node.major, node.minor


def _marker(path: bytes, meta: Meta) -> bytes:
    return tarheaders.header(path, tarstream.FILE, meta)
