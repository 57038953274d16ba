"""
A layer's tree as bytes, read back directory by directory as it is looked into.

Only what a tar says of its entries is kept; contents stay ranges of the tar.  The bytes
of a directory are one line of JSON and, behind it, those of its subdirectories in turn,
whose lengths the line gives: regions lie within each other, so that no damage or malice
makes a circle of them, or more than there are bytes.
"""

from __future__ import annotations

import errno
import json
import threading
from sys import intern
from typing import Any, Final, TypeAlias, final

from unionfs_sim.core.content import EMPTY, Content, Extent, concat, hole
from unionfs_sim.core.meta import MODE_BITS, NO_XATTRS, Meta, fresh
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Entry,
    Fifo,
    Leaf,
    Regular,
    Symlink,
    regular,
)
from unionfs_sim.core.values import plain
from unionfs_sim.errors import fs_error

#: One entry: its name, what it is, and what there is to say of that.
_Row: TypeAlias = list[Any]

_PlainDirectory: Final = plain(Directory)

#: What taking wrong rows apart raises.
_WRONG: Final = (ValueError, TypeError, LookupError, RecursionError)

#: Names that no entry can have.
_NO_NAMES: Final = frozenset({"", ".", ".."})

_dump: Final = json.JSONEncoder(separators=(",", ":")).encode


class UnfitError(ValueError):
    """A tree holds what these bytes have no words for."""


def encode(root: Directory, tar: Extent) -> bytes:
    """
    Give a tree as bytes, for `TreeFile`; takes O(n) for n entries.

    Args:
        root: The tree, as it was read from the tar.
        tar: The tar; contents are kept as ranges of it.

    Raises:
        UnfitError: A content is not in the tar, or an entry is of a kind or has
            attributes that a tar cannot give it.
    """
    order: list[Directory] = []  # as they will stand: a subtree is a row of them
    pending = [root]
    while pending:
        directory = pending.pop()
        order.append(directory)
        inner = [e for e in directory.entries.values() if isinstance(e, Directory)]
        pending.extend(reversed(inner))
    writing = _Writing(tar)
    lines: list[bytes] = []
    sizes: list[int] = []  # of the regions of what will be subdirectories next
    for directory in reversed(order):
        line, inside = writing.line(directory, sizes)
        lines.append(line)
        sizes.append(len(line) + inside)
    head = [writing.meta(root.meta), _flags(root), writing.links]
    return b"".join((_line(head), *reversed(lines)))


def _line(value: object) -> bytes:
    return _dump(value).encode("ascii") + b"\n"


class _Writing:
    """One tree that is being written."""

    def __init__(self, tar: Extent) -> None:
        self._tar = tar
        self._numbers: dict[int, int] = {}
        self.links: list[_Row] = []  # inodes of several names

    def line(self, directory: Directory, sizes: list[int]) -> tuple[bytes, int]:
        """Give a directory's own line, and how much will stand behind it."""
        metas: dict[str, int] = {}
        rows: list[_Row] = []
        inside = 0
        for name, entry in directory.entries.items():
            if entry is WHITEOUT:
                rows.append([name, "w"])
                continue
            meta = self.meta(entry.meta)
            if isinstance(entry, Directory):
                size = sizes.pop()
                inside += size
                row: _Row = ["d", _flags(entry), size]
            elif entry.nlink > 1:
                rows.append([name, "l", self._link(entry, meta)])
                continue
            else:
                row = self._leaf(entry)
            number = metas.setdefault(_dump(meta), len(metas))
            rows.append([name, row[0], number, *row[1:]])
        return _line([[json.loads(text) for text in metas], rows]), inside

    def meta(self, meta: Meta) -> _Row:
        """Give attributes, in short where all times are one."""
        if meta.private:
            msg = "attributes of overlayfs's own"
            raise UnfitError(msg)
        row = [meta.mode, meta.uid, meta.gid, meta.mtime_ns]
        if meta.atime_ns != meta.mtime_ns or meta.ctime_ns != meta.mtime_ns:
            row += [meta.atime_ns, meta.ctime_ns]
        if meta.xattrs:
            texts = {key: value.hex() for key, value in meta.xattrs.items()}
            return [*row, texts]
        return row

    def _link(self, entry: Leaf, meta: _Row) -> int:
        number = self._numbers.get(id(entry))
        if number is None:
            number = self._numbers[id(entry)] = len(self.links)
            self.links.append([meta, entry.nlink, *self._leaf(entry)])
        return number

    def _leaf(self, entry: Leaf) -> _Row:
        if isinstance(entry, Regular):
            return self._content(entry.content)
        if isinstance(entry, Symlink):
            return ["s", entry.target]
        if isinstance(entry, Device):
            return ["b" if entry.block else "c", entry.major, entry.minor]
        if isinstance(entry, Fifo):
            return ["p"]
        msg = f"{entry.kind.value}: no tar has one"
        raise UnfitError(msg)

    def _content(self, content: Content) -> _Row:
        if not content.size:
            return ["f", 0, 0]
        ranges = []
        for extent in content.extents():
            if extent.source is self._tar.source:
                ranges += [extent.offset - self._tar.offset, extent.size]
            elif extent.source is None:
                ranges += [-1, extent.size]
            else:
                msg = "a content that is not in the tar"
                raise UnfitError(msg)
        if len(ranges) == 2 and ranges[0] >= 0:
            return ["f", *ranges]
        return ["x", ranges]


def _flags(directory: Directory) -> int:
    """Give what a merged view asks of a directory without looking into it."""
    if directory.special:
        msg = "redirects or metadata-only files"
        raise UnfitError(msg)
    return (
        directory.opaque
        + 2 * directory.implied
        + 4 * directory.marks
        + 8 * directory.bare
    )


@final
class TreeFile:
    """
    A tree that is read back as it is looked into; threads may share it.

    Attributes:
        root: Its root.  Looking into a directory whose bytes are no such tree fails
            with EIO.
    """

    def __init__(self, data: bytes, tar: Extent, *, place: str) -> None:
        """
        Read the root and the inodes of several names; takes no time for all others.

        Args:
            data: The bytes from `encode`.
            tar: The tar, perhaps by another source than when they were written.
            place: What errors call them.

        Raises:
            ValueError: These are no such bytes.
        """
        self._data = data
        self._tar = tar
        self._place = place
        self._lock = threading.Lock()
        self._metas: dict[tuple[object, ...], Meta] = {}
        self._links: list[Leaf] = []
        try:
            (meta, flags, links), start = self._read(0, len(data))
            for meta_row, nlink, kind, *rest in links:
                _positive(nlink)
                node = self._leaf(kind, self._meta(meta_row), rest, nlink)
                self._links.append(node)
            self.root = self._directory(self._meta(meta), flags, start, len(data))
        except _WRONG as error:
            msg = f"{place}: no tree of a layer"
            raise ValueError(msg) from error

    def entries(
        self, meta: Meta, flags: int, start: int, stop: int
    ) -> dict[str, Entry]:
        """
        Give what is in a directory, checked against what was said of it.

        Raises:
            UnionFSError: EIO, the bytes are wrong.
        """
        try:
            found = self._entries(start, stop)
            opaque, implied = bool(flags & 1), bool(flags & 2)
            made = Directory(meta, found, opaque=opaque, implied=implied)
            if _flags(made) != flags:
                raise ValueError(flags)
        except _WRONG as error:
            raise fs_error(errno.EIO, self._place, op="read") from error
        return found

    def fill(self, unread: _Unread) -> None:
        """Read a directory, unless another thread has just done so."""
        with self._lock:
            if unread.__class__ is _Unread:
                dict.update(unread, self.entries(*unread.where))
                # From now on it is as fast as any dictionary.
                unread.__class__ = _Read  # type: ignore[assignment]

    def _read(self, start: int, stop: int) -> tuple[Any, int]:
        end = self._data.index(b"\n", start, stop)
        return json.loads(self._data[start:end]), end + 1

    def _entries(self, start: int, stop: int) -> dict[str, Entry]:
        (meta_rows, rows), at = self._read(start, stop)
        metas = [self._meta(row) for row in meta_rows]
        found: dict[str, Entry] = {}
        for name, kind, *rest in rows:
            if name in _NO_NAMES or "/" in name or "\0" in name or name in found:
                raise ValueError(name)
            entry: Entry
            if kind == "d":
                number, flags, size = rest
                end = at + _positive(size)
                entry = self._directory(metas[_natural(number)], flags, at, end)
                at = end
            elif kind == "l":
                (number,) = rest
                entry = self._links[_natural(number)]
            elif kind == "w":
                entry = WHITEOUT
            else:
                entry = self._leaf(kind, metas[_natural(rest[0])], rest[1:], 1)
            found[intern(name)] = entry
        if at != stop:  # also keeps each of them within
            raise ValueError(at)
        return found

    def _directory(self, meta: Meta, flags: int, start: int, stop: int) -> Directory:
        if not 0 <= _natural(flags) < 16:
            raise ValueError(flags)
        made = _PlainDirectory(
            meta,
            _Unread(self, (meta, flags, start, stop)),
            bool(flags & 1),
            bool(flags & 2),
            bool(flags & 4),
            bool(flags & 8),
            False,  # noqa: FBT003 - the last of the fields
        )
        made.__class__ = Directory
        return made  # type: ignore[no-any-return]

    def _meta(self, row: _Row) -> Meta:
        texts = row.pop() if isinstance(row[-1], dict) else None
        key = (*row,) if texts is None else (*row, *texts.items())
        known = self._metas.get(key)
        if known is not None:
            return known
        mode, uid, gid, mtime_ns, *times = map(_whole, row)
        if mode != mode & MODE_BITS or uid < 0 or gid < 0:
            raise ValueError(row)
        if not times and texts is None:
            made = fresh(mode, uid, gid, mtime_ns)
        else:
            atime_ns, ctime_ns = times or (mtime_ns, mtime_ns)
            made = Meta(
                mode=mode,
                uid=uid,
                gid=gid,
                atime_ns=atime_ns,
                mtime_ns=mtime_ns,
                ctime_ns=ctime_ns,
                xattrs={k: bytes.fromhex(v) for k, v in texts.items()}
                if texts
                else NO_XATTRS,
            )
        self._metas[key] = made
        return made

    def _leaf(self, kind: str, meta: Meta, rest: _Row, nlink: int) -> Leaf:
        if kind == "f":
            offset, size = rest
            return regular(self._range(offset, size), meta, nlink)
        if kind == "x":
            (ranges,) = rest
            pairs = zip(ranges[::2], ranges[1::2], strict=True)
            return regular(concat(map(self._piece, pairs)), meta, nlink)
        if kind == "s":
            (target,) = rest
            if not isinstance(target, str) or not target or "\0" in target:
                raise ValueError(target)
            return Symlink(target, meta, nlink=nlink)
        if kind in {"b", "c"}:
            major, minor = map(_natural, rest)
            return Device(major, minor, block=kind == "b", meta=meta, nlink=nlink)
        if kind == "p" and not rest:
            return Fifo(meta, nlink=nlink)
        raise ValueError(kind)

    def _piece(self, pair: tuple[int, int]) -> Extent:
        offset, size = pair
        return hole(_positive(size)) if offset == -1 else self._range(offset, size)

    def _range(self, offset: int, size: int) -> Extent:
        if _natural(offset) + _natural(size) > self._tar.size:
            raise ValueError(offset)
        if not size:
            return EMPTY
        return Extent(self._tar.source, self._tar.offset + offset, size)


def _whole(value: Any) -> int:  # noqa: ANN401 - JSON
    if value.__class__ is not int:
        raise TypeError(value)
    return value


def _natural(value: Any) -> int:  # noqa: ANN401 - JSON
    if value.__class__ is not int or value < 0:
        raise TypeError(value)
    return value


def _positive(value: Any) -> int:  # noqa: ANN401 - JSON
    if value.__class__ is not int or value < 1:
        raise TypeError(value)
    return value


class _Read(dict[str, Entry]):
    """The entries of a directory that has been read."""

    __slots__ = ("tree", "where")

    def __init__(self, tree: TreeFile, where: tuple[Meta, int, int, int]) -> None:
        super().__init__()
        self.tree = tree
        self.where = where


def _after_reading(name: str) -> Any:  # noqa: ANN401 - the method of that name
    def method(self: _Unread, *given: object) -> object:
        self.tree.fill(self)
        return getattr(self, name)(*given)

    method.__name__ = name
    return method


@final
class _Unread(_Read):
    """
    The entries of a directory that nobody has looked into: whoever does reads them.

    All that a reader of a dictionary can call is here; what changes one is not, for
    the entries of a layer never change.
    """

    __slots__ = ()

    __contains__ = _after_reading("__contains__")
    __eq__ = _after_reading("__eq__")
    __getitem__ = _after_reading("__getitem__")
    __iter__ = _after_reading("__iter__")
    __len__ = _after_reading("__len__")
    __ne__ = _after_reading("__ne__")
    __or__ = _after_reading("__or__")
    __repr__ = _after_reading("__repr__")
    __reversed__ = _after_reading("__reversed__")
    __ror__ = _after_reading("__ror__")
    copy = _after_reading("copy")
    get = _after_reading("get")
    items = _after_reading("items")
    keys = _after_reading("keys")
    values = _after_reading("values")

    __hash__ = None  # type: ignore[assignment]  # as of any dictionary
