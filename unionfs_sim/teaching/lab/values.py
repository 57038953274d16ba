"""
What the lab's layers are made of: files, directories, whiteouts.

A path is a tuple of names, the root is the empty tuple, and a layer is a dictionary from
paths to entries.  Wherever a path is asked for, text will do as well: ``"d/a"``.
"""

from __future__ import annotations

import enum
import errno
import os
from typing import Final, NamedTuple, NoReturn, TypeAlias

Path: TypeAlias = tuple[str, ...]
PathLike: TypeAlias = str | Path

#: The mode of a file for which nobody chose one.
MODE: Final = 0o644


class File:
    """A file: its bytes and its permissions.  It can be changed in place."""

    __slots__ = ("data", "mode")

    def __init__(self, data: bytes | str = b"", mode: int = MODE) -> None:
        self.data = data.encode() if isinstance(data, str) else data
        self.mode = mode

    def copy(self) -> File:
        """Give another file with the same bytes and permissions."""
        return File(self.data, self.mode)

    def __eq__(self, other: object) -> bool:
        """Files are equal if bytes and permissions are."""
        if not isinstance(other, File):
            return NotImplemented
        return self.data == other.data and self.mode == other.mode

    __hash__ = None  # type: ignore[assignment]  # it can change

    def __repr__(self) -> str:
        """Show it as Python that makes it."""
        mode = "" if self.mode == MODE else f", 0o{self.mode:o}"
        return f"File({self.data!r}{mode})"


class Dir(NamedTuple):
    """A directory; an opaque one hides the directories below it."""

    opaque: bool = False

    def __repr__(self) -> str:
        """Show it as Python that makes it."""
        return "Dir(opaque=True)" if self.opaque else "Dir()"


class Whiteout(enum.Enum):
    """The type of `WHITEOUT`."""

    WHITEOUT = "whiteout"

    def __repr__(self) -> str:
        """Show it as Python that names it."""
        return "WHITEOUT"


#: Says that there is nothing, whatever the layers below have.
WHITEOUT: Final = Whiteout.WHITEOUT

Node: TypeAlias = File | Dir
Entry: TypeAlias = File | Dir | Whiteout


def path(of: PathLike) -> Path:
    """
    Give a path as a tuple of names.

    >>> path("d/a"), path("/"), path(("d", "a"))
    (('d', 'a'), (), ('d', 'a'))
    """
    if isinstance(of, tuple):
        return of
    return tuple(name for name in of.split("/") if name)


def fail(number: int, at: Path) -> NoReturn:
    """Fail as a system call does."""
    raise OSError(number, os.strerror(number), "/" + "/".join(at))


def error_name(error: OSError) -> str:
    """
    Give the name of an error.

    >>> error_name(FileNotFoundError(2, "No such file or directory"))
    'ENOENT'
    """
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


class Layer(dict[Path, Entry]):
    """
    A layer: what it has at which path.

    In a *well formed* layer every entry lies in a directory of the same layer.

    >>> Layer({("d",): Dir(), ("d", "a"): WHITEOUT}).is_well_formed()
    True
    >>> Layer({("d", "a"): WHITEOUT}).is_well_formed()
    False
    """

    __slots__ = ()

    def is_well_formed(self) -> bool:
        """Tell whether every entry lies in a directory of the same layer."""
        return all(
            at and (len(at) == 1 or isinstance(self.get(at[:-1]), Dir)) for at in self
        )

    @property
    def whiteouts(self) -> list[Path]:
        """The paths that this layer whites out."""
        return sorted(at for at, entry in self.items() if entry is WHITEOUT)

    def snapshot(self) -> Layer:
        """Give a layer with copies of all files, which no later change reaches."""
        return Layer(
            {
                at: entry.copy() if isinstance(entry, File) else entry
                for at, entry in self.items()
            }
        )

    def children(self, at: Path) -> list[str]:
        """List the names right under a path, marks included, sorted."""
        depth = len(at) + 1
        return sorted(p[-1] for p in self if len(p) == depth and p[:-1] == at)

    def drop(self, at: Path) -> None:
        """Forget what is at a path and under it."""
        depth = len(at)
        for p in [p for p in self if p[:depth] == at]:
            del self[p]

    def __repr__(self) -> str:
        """Show it as Python that makes it."""
        return f"Layer({dict(self)!r})"


#: What a union shows: for each path a file's bytes and mode, or nothing more to say.
Shown: TypeAlias = tuple[bytes, int] | None
Tree: TypeAlias = dict[Path, Shown]


def put(at: PathLike, entry: Entry) -> Layer:
    """
    Give the smallest layer that has an entry at a path.

    >>> put("d/a", WHITEOUT)
    Layer({('d',): Dir(), ('d', 'a'): WHITEOUT})
    """
    at = path(at)
    layer = Layer({at[:depth]: Dir() for depth in range(1, len(at))})
    layer[at] = entry
    return layer
