"""
Commit: the one place where an upper changes.

The steps of a plan are done in order, all or none: each change is noted before it is
made, and taken back if a later step fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, final

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.core.meta import Meta, marked, timed
from unionfs_sim.core.nodes import WHITEOUT, Leaf, Regular
from unionfs_sim.core.paths import Name
from unionfs_sim.core.space import Space
from unionfs_sim.core.steps import (
    AddToIndex,
    CopyUp,
    Exchange,
    Link,
    Make,
    Move,
    Plan,
    PutWhiteout,
    Remove,
    SetContent,
    SetMark,
    SetMeta,
    Step,
)
from unionfs_sim.core.upper import (
    UpperDirectory,
    UpperEntry,
    UpperFile,
    UpperInode,
)

#: Called with the number of each step and the step, before it is done; what it raises
#: makes the commit fail there.
Fault: TypeAlias = Callable[[int, Step], None]


@final
@attrs.define(eq=False)
class Edit:
    """
    A name of the upper that a commit changed.

    Attributes:
        directory: The directory.
        name: The name.
        before: What it stood for, or ``None``.
        after: What it stands for now, or ``None``.
        raised: Whether it was a copy-up, which changes nothing to be seen below it.
    """

    directory: UpperDirectory
    name: Name
    before: UpperEntry | None
    after: UpperEntry | None
    raised: bool


def apply(space: Space, plan: Plan, fault: Fault | None = None) -> Sequence[Edit]:
    """
    Do the steps of a plan, all or none.

    Args:
        space: The name space of the union.
        plan: The plan; it must have been made for the upper as it is now.
        fault: Makes a step fail, for tests.

    Returns:
        The names that changed, in order.
    """
    work = _Work(space, plan.now_ns)
    try:
        for number, step in enumerate(plan.steps):
            if fault is not None:
                fault(number, step)
            work.do(step)
    except BaseException:
        work.undo()
        raise
    return work.edits


class _Work:
    """The changes of one commit, and how to take them back."""

    def __init__(self, space: Space, now_ns: int) -> None:
        self.edits: list[Edit] = []
        self._space = space
        self._now_ns = now_ns
        self._undo: list[Callable[[], None]] = []

    def do(self, step: Step) -> None:
        match step:
            case CopyUp(directory, name, inode):
                self._set_entry(directory, name, inode, raised=True)
            case Make(directory, name, inode) | Link(directory, name, inode):
                self._set_entry(directory, name, inode)
                self._stamp(directory)
            case Remove(directory, name):
                self._set_entry(directory, name, None)
                self._stamp(directory)
            case PutWhiteout(directory, name):
                self._set_entry(directory, name, WHITEOUT)
                self._stamp(directory)
            case Move(directory, name, to_directory, to_name):
                inode = directory.entries[name]
                self._set_entry(directory, name, None)
                self._set_entry(to_directory, to_name, inode)
                if to_directory is not directory:
                    self._stamp(directory)
                self._stamp(to_directory)
            case SetMeta(inode, meta):
                self._set_meta(inode, _keeping_marks(meta, inode.meta))
            case SetContent(inode, content, meta):
                self._set_content(inode, content, meta)
            case SetMark(inode, key, value):
                self._set_mark(inode, key, value)
            case Exchange(directory, name, to_directory, to_name):
                one = directory.entries[name]
                other = to_directory.entries[to_name]
                self._set_entry(directory, name, None)
                self._set_entry(to_directory, to_name, one)
                self._set_entry(directory, name, other)
                self._stamp(directory)
                self._stamp(to_directory)
            case AddToIndex(inode, lower):
                self._add_to_index(inode, lower)

    def undo(self) -> None:
        """Take all changes back, the last first."""
        while self._undo:
            self._undo.pop()()

    def _set_entry(
        self,
        directory: UpperDirectory,
        name: Name,
        after: UpperEntry | None,
        *,
        raised: bool = False,
    ) -> None:
        before = directory.entries.get(name)
        self.edits.append(Edit(directory, name, before, after, raised))
        self._undo.append(lambda: _replace(directory, name, after, before))
        _replace(directory, name, before, after)

    def _stamp(self, directory: UpperDirectory) -> None:
        now = self._now_ns
        self._set_meta(directory, timed(directory.meta, now, now))

    def _set_meta(self, inode: UpperInode, meta: Meta) -> None:
        before = inode.meta
        self._undo.append(lambda: _put_meta(inode, before))
        _put_meta(inode, meta)

    def _set_content(self, inode: UpperFile, content: Content, meta: Meta) -> None:
        before = inode.node
        assert isinstance(before, Regular), "only regular files have content"
        self._undo.append(lambda: _put_node(inode, before))
        _put_node(inode, Regular(content, _keeping_marks(meta, before.meta)))

    def _set_mark(self, inode: UpperInode, key: str, value: bytes | None) -> None:
        if key == "opaque" and isinstance(inode, UpperDirectory):
            opaque = inode.opaque
            self._undo.append(lambda: _put_opaque(inode, opaque=opaque))
            _put_opaque(inode, opaque=value == b"y")
            return
        self._set_meta(inode, marked(inode.meta, key, value))

    def _add_to_index(self, inode: UpperFile, lower: Leaf) -> None:
        index = self._space.index

        def take_back() -> None:
            del index[id(lower)]
            inode.nlink -= 1

        self._undo.append(take_back)
        index[id(lower)] = inode
        inode.nlink += 1


def _replace(
    directory: UpperDirectory,
    name: Name,
    before: UpperEntry | None,
    after: UpperEntry | None,
) -> None:
    """Change one name, and the link counts and parents that follow from it."""
    directory.status = None
    if isinstance(before, UpperFile):
        before.nlink -= 1
        before.status = None
    elif isinstance(before, UpperDirectory):
        before.parent = None
        before.status = None
    if after is None:
        del directory.entries[name]
        return
    directory.entries[name] = after
    if isinstance(after, UpperFile):
        after.nlink += 1
        after.status = None
    elif isinstance(after, UpperDirectory):
        after.parent, after.name = directory, name


def _put_meta(inode: UpperInode, meta: Meta) -> None:
    if isinstance(inode, UpperDirectory):
        inode.meta = meta
        inode.status = None
    else:
        _put_node(inode, attrs.evolve(inode.node, meta=meta))


def _keeping_marks(meta: Meta, present: Meta) -> Meta:
    """Give new attributes with the private ones that are there: marks have own steps."""
    if meta.private is present.private:
        return meta
    return attrs.evolve(meta, private=present.private)


def _put_node(inode: UpperFile, node: Leaf) -> None:
    inode.node = node
    inode.status = None


def _put_opaque(inode: UpperDirectory, *, opaque: bool) -> None:
    inode.opaque = opaque
