"""
Steps: everything that can happen to an upper, as values.

A plan's steps say all that happens, so that they can be shown, failed one by one, or
carried out on a real directory as well.  They are values, never changed once made; they
are not frozen only because making a frozen one takes three times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, final

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Leaf
from unionfs_sim.core.paths import Name, join, to_text
from unionfs_sim.core.upper import UpperDirectory, UpperFile, UpperInode


@attrs.define(eq=False)
class _EntryStep:
    """A step that changes one name in one directory of the upper."""

    directory: UpperDirectory
    name: Name

    @property
    def path(self) -> str:
        """The name's path, as things stand now."""
        return join((*self.directory.parts, self.name))


@final
@attrs.define(eq=False)
class CopyUp(_EntryStep):
    """Bring a lower object into the upper as it is; its directory's times stay."""

    inode: UpperInode

    def __str__(self) -> str:
        """Say it in words."""
        return f"copy up {self.path}"


@final
@attrs.define(eq=False)
class Make(_EntryStep):
    """Make a new object under a name, in place of the whiteout or file there."""

    inode: UpperInode

    def __str__(self) -> str:
        """Say it in words."""
        opaque = isinstance(self.inode, UpperDirectory) and self.inode.opaque
        kind = f"opaque {self.inode.kind.value}" if opaque else self.inode.kind.value
        return f"make {kind} {self.path}"


@final
@attrs.define(eq=False)
class Link(_EntryStep):
    """Give an inode of the upper one more name."""

    inode: UpperFile

    def __str__(self) -> str:
        """Say it in words."""
        return f"link {self.path}"


@final
@attrs.define(eq=False)
class Remove(_EntryStep):
    """Remove a name from the upper, a directory with the whiteouts in it."""

    def __str__(self) -> str:
        """Say it in words."""
        return f"remove {self.path}"


@final
@attrs.define(eq=False)
class PutWhiteout(_EntryStep):
    """Put a whiteout under a name, in place of what the upper has there."""

    def __str__(self) -> str:
        """Say it in words."""
        return f"whiteout {self.path}"


@final
@attrs.define(eq=False)
class Move(_EntryStep):
    """Move a name's object to another name, in place of what the upper has there."""

    to_directory: UpperDirectory
    to_name: Name

    def __str__(self) -> str:
        """Say it in words."""
        return f"move {self.path} to {join((*self.to_directory.parts, self.to_name))}"


@final
@attrs.define(eq=False)
class SetMeta:
    """Replace the attributes of an inode of the upper."""

    inode: UpperInode
    meta: Meta

    def __str__(self) -> str:
        """Say it in words."""
        return f"set attributes to mode {self.meta.mode:04o}, {self.meta.uid}:{self.meta.gid}"


@final
@attrs.define(eq=False)
class SetContent:
    """Replace the content of a regular file of the upper, and its attributes with it."""

    inode: UpperFile
    content: Content
    meta: Meta

    def __str__(self) -> str:
        """Say it in words."""
        return f"set content to {self.content.size} bytes"


@final
@attrs.define(eq=False)
class SetMark:
    """
    Set, or with ``None`` remove, a private xattr of an inode of the upper.

    Attributes:
        inode: The inode.
        key: The last part of the xattr's name, such as ``opaque``.
        value: Its value.
    """

    inode: UpperInode
    key: str
    value: bytes | None

    def __str__(self) -> str:
        """Say it in words."""
        if self.value is None:
            return f"remove the mark {self.key}"
        return f"mark {self.key}={to_text(self.value)!r}"


@final
@attrs.define(eq=False)
class Exchange(_EntryStep):
    """Swap what two names stand for."""

    to_directory: UpperDirectory
    to_name: Name

    def __str__(self) -> str:
        """Say it in words."""
        other = join((*self.to_directory.parts, self.to_name))
        return f"exchange {self.path} and {other}"


@final
@attrs.define(eq=False)
class AddToIndex:
    """
    Put an inode into the index, as what a lower hard link has become.

    Attributes:
        inode: The inode of the upper.
        lower: The lower node that all its lower names share.
    """

    inode: UpperFile
    lower: Leaf

    def __str__(self) -> str:
        """Say it in words."""
        return "add to the index"


Step: TypeAlias = (
    CopyUp
    | Make
    | Link
    | Remove
    | PutWhiteout
    | Move
    | SetMeta
    | SetContent
    | SetMark
    | Exchange
    | AddToIndex
)


def touched(step: Step) -> Iterator[UpperInode]:
    """Give the inodes that a step can change; what its names stand for are some."""
    if isinstance(step, _EntryStep):
        yield step.directory
        yield from _standing(step.directory, step.name)
    if isinstance(step, (Move, Exchange)):
        yield step.to_directory
        yield from _standing(step.to_directory, step.to_name)
    elif not isinstance(step, (Remove, PutWhiteout)):
        yield step.inode


def _standing(directory: UpperDirectory, name: Name) -> Iterator[UpperInode]:
    entry = directory.entries.get(name)
    if entry is not None and entry is not WHITEOUT:
        yield entry


@final
@attrs.define(eq=False)
class Plan:
    """
    What a verb does to the upper.

    Attributes:
        verb: The verb.
        paths: The paths that it was called with.
        steps: What is done, in order.
        now_ns: The time of it all: directories whose names change, copy-ups aside,
            get it as their mtime and ctime.
        inode: The inode that the plan is about, if it makes or changes one.
        error: What the call fails with once the steps are done, as the kernel does in
            a few places (S13); else 0.
    """

    verb: str
    paths: tuple[str, ...]
    steps: tuple[Step, ...]
    now_ns: int
    inode: UpperInode | None = None
    error: int = 0

    def __str__(self) -> str:
        """List the steps."""
        return "\n".join([self.verb, *(f"  {step}" for step in self.steps)])
