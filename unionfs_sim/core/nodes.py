"""
What a name in a layer can stand for: one of six kinds of node, or a whiteout.

Nodes are immutable values.  Two names that share one node *object* in a layer are
hard links of each other, as two names of one inode are on a disk.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import ClassVar, Final, Literal, TypeAlias, final

import attrs

from unionfs_sim.core.content import EMPTY, Content, literal
from unionfs_sim.core.meta import DIRECTORY_META, FILE_META, SYMLINK_META, Meta
from unionfs_sim.core.paths import Name
from unionfs_sim.core.values import plain


class Kind(enum.Enum):
    """The type of a node; the values are the words of manifests and truth files."""

    REGULAR = "file"
    DIRECTORY = "dir"
    SYMLINK = "symlink"
    CHAR = "char"
    BLOCK = "block"
    FIFO = "fifo"
    SOCKET = "socket"

    @property
    def type_bits(self) -> int:
        """
        The type as bits of ``st_mode``.

        >>> oct(Kind.DIRECTORY.type_bits)
        '0o40000'
        """
        return _TYPE_BITS[self]


_TYPE_BITS: Final[Mapping[Kind, int]] = {
    Kind.FIFO: 0o010000,
    Kind.CHAR: 0o020000,
    Kind.DIRECTORY: 0o040000,
    Kind.BLOCK: 0o060000,
    Kind.REGULAR: 0o100000,
    Kind.SYMLINK: 0o120000,
    Kind.SOCKET: 0o140000,
}


@final
class Mark(enum.Enum):
    """The two marks of a layer that are not nodes."""

    WHITEOUT = "whiteout"
    OPAQUE = "opaque"

    def __repr__(self) -> str:
        """Show the public name."""
        return self.name


#: A name that hides everything of that name in the layers below; it is a directory
#: entry, not a file: it has no inode, no size and no mode.
WHITEOUT: Final = Mark.WHITEOUT

#: Marks a directory that hides all that the layers below have in it.
OPAQUE: Final = Mark.OPAQUE

WhiteoutType: TypeAlias = Literal[Mark.WHITEOUT]
OpaqueType: TypeAlias = Literal[Mark.OPAQUE]


def _to_content(value: Content | bytes | str) -> Content:
    if isinstance(value, Content):
        return value
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    return literal(value)


@final
@attrs.frozen(weakref_slot=False)
class Regular:
    """
    A regular file.

    Attributes:
        content: Its bytes; text (as UTF-8) and bytes are taken as well.
        meta: Its attributes.
        nlink: How many names the file has in its layer.

    >>> Regular("hi").content.size
    2
    """

    content: Content = attrs.field(default=EMPTY, converter=_to_content)
    meta: Meta = FILE_META
    nlink: int = attrs.field(default=1, kw_only=True)

    #: `Kind.REGULAR`.
    kind: ClassVar[Kind] = Kind.REGULAR


_PlainRegular: Final = plain(Regular)


def regular(content: Content, meta: Meta, nlink: int = 1) -> Regular:
    """Make a regular file, as every write does."""
    made = _PlainRegular(content, meta, nlink)
    made.__class__ = Regular
    return made  # type: ignore[no-any-return]


@final
@attrs.frozen(weakref_slot=False)
class Symlink:
    """
    A symbolic link.

    Attributes:
        target: Its text; the union does not interpret it before a walk meets it.
        meta: Its attributes.
        nlink: How many names the link has in its layer.
    """

    target: str
    meta: Meta = SYMLINK_META
    nlink: int = attrs.field(default=1, kw_only=True)

    #: `Kind.SYMLINK`.
    kind: ClassVar[Kind] = Kind.SYMLINK


@final
@attrs.frozen(weakref_slot=False)
class Device:
    """
    A character or block device.

    Attributes:
        major: Major number.
        minor: Minor number.
        block: Whether it is a block device.
        meta: Its attributes.
        nlink: How many names the device has in its layer.
    """

    major: int
    minor: int
    block: bool = attrs.field(default=False, kw_only=True)
    meta: Meta = FILE_META
    nlink: int = attrs.field(default=1, kw_only=True)

    @property
    def kind(self) -> Kind:
        """`Kind.BLOCK` or `Kind.CHAR`."""
        return Kind.BLOCK if self.block else Kind.CHAR


@final
@attrs.frozen(weakref_slot=False)
class Fifo:
    """A named pipe; only its name and attributes matter to a layer."""

    meta: Meta = FILE_META
    nlink: int = attrs.field(default=1, kw_only=True)

    #: `Kind.FIFO`.
    kind: ClassVar[Kind] = Kind.FIFO


@final
@attrs.frozen(weakref_slot=False)
class Socket:
    """A socket's name; a tar cannot hold one, a directory of the host can."""

    meta: Meta = FILE_META
    nlink: int = attrs.field(default=1, kw_only=True)

    #: `Kind.SOCKET`.
    kind: ClassVar[Kind] = Kind.SOCKET


#: The entries of a directory that has none.
NO_ENTRIES: Final[Mapping[Name, Entry]] = {}


#: What makes a fold look further than one name in one directory.
_SPECIAL: Final = frozenset({"redirect", "metacopy", "whiteout"})


@final
@attrs.frozen(weakref_slot=False, eq=False)
class Directory:
    """
    A directory of one layer, with all that is below it in that layer.

    Two directories are equal only if they are one object: comparing trees is the
    work of `Layer`, which does it without recursion.

    Attributes:
        meta: Its attributes.
        entries: Its names, whiteouts included; never to be changed in place.
        opaque: Whether it hides what lower layers have in the same place.
        implied: Whether the layer says nothing of the directory itself and has it
            only because of what is in it (a tar without an entry for a parent).
            Its attributes are then those of the directory below.
        marks: Whether whiteouts or bare directories are anywhere in it; a directory
            without is its own merged view when nothing is below.
        bare: Whether it is implied and holds marks only, so that it makes no
            directory where there is none (layer-formats, rule 5.8).
        special: Whether redirects, metadata-only files or xattr whiteouts are
            anywhere in it.
    """

    meta: Meta = DIRECTORY_META
    entries: Mapping[Name, Entry] = NO_ENTRIES
    opaque: bool = attrs.field(default=False, kw_only=True)
    implied: bool = attrs.field(default=False, kw_only=True)
    marks: bool = attrs.field(init=False, repr=False)
    bare: bool = attrs.field(init=False, repr=False)
    special: bool = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Derive what the fold asks of every directory."""
        marks = False
        solid = not self.implied
        special = False
        for entry in self.entries.values():
            if entry is WHITEOUT:
                marks = True
                continue
            if isinstance(entry, Directory):
                marks = marks or entry.marks or entry.bare
                solid = solid or not entry.bare
                special = special or entry.special
            else:
                solid = True
            if entry.meta.private and not special:
                special = not _SPECIAL.isdisjoint(entry.meta.private)
        object.__setattr__(self, "marks", marks)
        object.__setattr__(self, "bare", not solid)
        object.__setattr__(self, "special", special)

    #: `Kind.DIRECTORY`.
    kind: ClassVar[Kind] = Kind.DIRECTORY

    @property
    def hits(self) -> tuple[Directory, ...]:
        """The directories that take part: this one alone."""
        return (self,)

    @property
    def first(self) -> Directory:
        """The topmost of them."""
        return self

    #: Whether there is but one.
    alone: ClassVar[bool] = True


#: Everything but a directory.
Leaf: TypeAlias = Regular | Symlink | Device | Fifo | Socket


def with_meta(node: Leaf, meta: Meta) -> Leaf:
    """Give a node with other attributes."""
    if isinstance(node, Regular):
        return regular(node.content, meta, node.nlink)
    return attrs.evolve(node, meta=meta)


#: What has an inode.
Node: TypeAlias = Regular | Symlink | Device | Fifo | Socket | Directory

#: What a name in a layer can stand for.
Entry: TypeAlias = Regular | Symlink | Device | Fifo | Socket | Directory | WhiteoutType
