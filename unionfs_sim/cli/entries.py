"""Entries of a directory as the listing commands show them."""

from __future__ import annotations

import datetime
import functools
import stat
from collections.abc import Iterator
from typing import Any, Final

import attrs

from unionfs_sim.cli.report import Span, Style
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Entry,
    Kind,
    Regular,
    Symlink,
)
from unionfs_sim.core.paths import Name, to_bytes
from unionfs_sim.core.records import DIRECTORY_TYPES, Record
from unionfs_sim.core.render import kind_name, printable

_SECOND_NS: Final = 1_000_000_000
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EXECUTE: Final = 0o111

#: The letters of ``find --type``, as find(1) has them, and ``w`` for a whiteout.
LETTERS: Final = {
    "f": Kind.REGULAR.value,
    "d": Kind.DIRECTORY.value,
    "l": Kind.SYMLINK.value,
    "c": Kind.CHAR.value,
    "b": Kind.BLOCK.value,
    "p": Kind.FIFO.value,
    "s": Kind.SOCKET.value,
    "w": "whiteout",
}


#: The style of a path by the word for its type; everything else is a device.
KIND_STYLES: Final[dict[str, Style]] = {
    Kind.REGULAR.value: "",
    Kind.DIRECTORY.value: "directory",
    Kind.SYMLINK.value: "link",
}


@attrs.frozen(eq=False)
class Item:
    """
    One name, where it is, and what it stands for.

    Attributes:
        path: The path of the name.
        name: The name.
        entry: What a merged view has there; or what one layer has, marks included.
        depth: How many directories below the start of the walk.
        last: Whether no more names follow in its directory.
    """

    path: str
    name: Name
    entry: Record | Entry
    depth: int = 0
    last: bool = True

    @property
    def type(self) -> str:
        """The word for what it is, as manifests have it."""
        return "whiteout" if self.entry is WHITEOUT else self.entry.kind.value


def children(path: str, entry: Record | Entry, depth: int = 1) -> list[Item]:
    """Give what is in a directory, in the order of names."""
    assert isinstance(entry, DIRECTORY_TYPES), "only directories have children"
    found = sorted(entry.entries.items())
    lead = path.rstrip("/")
    return [
        Item(f"{lead}/{name}", name, child, depth, last=number == len(found))
        for number, (name, child) in enumerate(found, 1)
    ]


def walk(
    path: str, entry: Record | Entry, depth_max: int | None = None
) -> Iterator[Item]:
    """Go through a tree: a directory before what is in it, names in order."""
    pending = [Item(path, path.rpartition("/")[2], entry)]
    while pending:
        item = pending.pop()
        yield item
        if isinstance(item.entry, DIRECTORY_TYPES) and (
            depth_max is None or item.depth < depth_max
        ):
            pending += reversed(children(item.path, item.entry, item.depth + 1))


def style_of(entry: Record | Entry) -> Style:
    """Give the style of a name."""
    if isinstance(entry, DIRECTORY_TYPES):
        opaque = isinstance(entry, Directory) and entry.opaque
        return "opaque" if opaque else "directory"
    if entry is WHITEOUT:
        return "whiteout"
    if isinstance(entry, Symlink):
        return "link"
    if isinstance(entry, Regular):
        return "exec" if entry.meta.mode & _EXECUTE else ""
    return "device"


def name_span(item: Item, *, marks: bool) -> Span:
    """Give a name with what belongs behind it: a slash, a target, a mark."""
    text = printable(item.name) or "/"
    entry = item.entry
    if isinstance(entry, DIRECTORY_TYPES):
        text = text if text == "/" else f"{text}/"
        if marks and isinstance(entry, Directory) and entry.opaque:
            text += " (opaque)"
    elif entry is WHITEOUT:
        text += " (whiteout)"
    elif isinstance(entry, Symlink):
        text += f" -> {printable(entry.target)}"
    elif not isinstance(entry, Regular):
        text += f" ({kind_name(entry.kind)})"
    return text, style_of(entry)


def mode_text(entry: Record | Entry) -> str:
    """
    Give type and permissions as ls(1) does.

    >>> mode_text(Regular("x")), mode_text(WHITEOUT)
    ('-rw-r--r--', 'whiteout')
    """
    if entry is WHITEOUT:
        return "whiteout"
    return permissions(entry.kind.type_bits | entry.meta.mode)


@functools.lru_cache(maxsize=1024)
def permissions(mode: int) -> str:
    """
    Give the ten characters of ls(1) for a mode with its type bits.

    >>> permissions(0o101644), permissions(0o041777)
    ('-rw-r--r-T', 'drwxrwxrwt')
    """
    return stat.filemode(mode)


def size_text(entry: Record | Entry) -> str:
    """Give the size in bytes, or a device's numbers, or nothing for a directory."""
    if isinstance(entry, Device):
        return f"{entry.major}, {entry.minor}"
    size = size_of(entry)
    return "" if size is None else str(size)


def size_of(entry: Record | Entry) -> int | None:
    """Give the size of a file or a link's text in bytes."""
    if isinstance(entry, Regular):
        return entry.content.size
    if isinstance(entry, Symlink):
        return len(to_bytes(entry.target))
    return None


def implied(entry: Record | Entry) -> bool:
    """Tell whether no layer says anything of a directory itself."""
    return isinstance(entry, DIRECTORY_TYPES) and entry.implied


@functools.lru_cache(maxsize=1024)
def time_text(time_ns: int, *, exact: bool = False) -> str:
    """
    Give a time in UTC.

    >>> time_text(1_700_000_000_000_000_001)
    '2023-11-14 22:13'
    >>> time_text(1_700_000_000_000_000_001, exact=True)
    '2023-11-14 22:13:20.000000001 UTC'
    """
    seconds, rest = divmod(time_ns, _SECOND_NS)
    try:
        moment = _EPOCH + datetime.timedelta(seconds=seconds)
    except OverflowError:
        return f"@{seconds}"
    text = moment.strftime("%H:%M:%S" if exact else "%H:%M")
    day = f"{moment.year:04}-{moment.month:02}-{moment.day:02}"
    return f"{day} {text}.{rest:09} UTC" if exact else f"{day} {text}"


def to_json(item: Item, layers: list[int]) -> dict[str, Any]:
    """Describe an entry, in the words of `manifest`."""
    entry = item.entry
    described: dict[str, Any] = {
        "path": item.path,
        "name": item.name,
        "type": item.type,
        "layers": layers,
    }
    if entry is WHITEOUT:
        return described
    meta = entry.meta
    described |= {
        "mode": f"{meta.mode:04o}",
        "uid": meta.uid,
        "gid": meta.gid,
        "mtime": None if implied(entry) else meta.mtime_ns,
    }
    size = size_of(entry)
    if size is not None:
        described["size"] = size
    if isinstance(entry, Symlink):
        described["target"] = entry.target
    if isinstance(entry, Device):
        described["rdev"] = [entry.major, entry.minor]
    if isinstance(entry, Directory) and entry.opaque:
        described["opaque"] = True
    return described
