"""
Commit: the one place where an upper changes.

The steps of a plan are done in order, all or none: each change is noted before it is
made, and taken back if a later step fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, final

import attrs

from unionfs_sim.core.meta import Meta, marked, timed, with_private
from unionfs_sim.core.nodes import WHITEOUT, Leaf, Regular, regular, with_meta
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
    touched,
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

    __slots__ = ("_now_ns", "_snapshot", "_space", "_undo", "edits")

    def __init__(self, space: Space, now_ns: int) -> None:
        self.edits: list[Edit] = []
        self._space = space
        self._now_ns = now_ns
        self._snapshot = space.snapshot()
        self._undo: list[tuple[Any, ...]] = []  # functions, each with its arguments

    def do(self, step: Step) -> None:
        if self._snapshot is not None:
            for inode in touched(step):
                self._snapshot.keep(inode)
        _DO[step.__class__](self, step)

    def undo(self) -> None:
        """Take all changes back, the last first."""
        while self._undo:
            function, *arguments = self._undo.pop()
            function(*arguments)

    def copy_up(self, step: CopyUp) -> None:
        self._set_entry(step.directory, step.name, step.inode, raised=True)

    def put(self, step: Make | Link) -> None:
        self._set_entry(step.directory, step.name, step.inode)
        self._stamp(step.directory)

    def remove(self, step: Remove) -> None:
        self._set_entry(step.directory, step.name, None)
        self._stamp(step.directory)

    def whiteout(self, step: PutWhiteout) -> None:
        self._set_entry(step.directory, step.name, WHITEOUT)
        self._stamp(step.directory)

    def move(self, step: Move) -> None:
        inode = step.directory.entries[step.name]
        self._set_entry(step.directory, step.name, None)
        self._set_entry(step.to_directory, step.to_name, inode)
        if step.to_directory is not step.directory:
            self._stamp(step.directory)
        self._stamp(step.to_directory)

    def exchange(self, step: Exchange) -> None:
        one = step.directory.entries[step.name]
        other = step.to_directory.entries[step.to_name]
        self._set_entry(step.directory, step.name, None)
        self._set_entry(step.to_directory, step.to_name, one)
        self._set_entry(step.directory, step.name, other)
        self._stamp(step.directory)
        self._stamp(step.to_directory)

    def set_meta(self, step: SetMeta) -> None:
        private = step.inode.meta.private  # marks have steps of their own
        self._set_meta(step.inode, with_private(step.meta, private))

    def set_content(self, step: SetContent) -> None:
        before = step.inode.node
        assert isinstance(before, Regular), "only regular files have content"
        meta = with_private(step.meta, before.meta.private)
        self._undo.append((_put_node, step.inode, before))
        _put_node(step.inode, regular(step.content, meta))

    def set_mark(self, step: SetMark) -> None:
        inode = step.inode
        if step.key == "opaque" and isinstance(inode, UpperDirectory):
            self._undo.append((_put_opaque, inode, inode.opaque))
            _put_opaque(inode, step.value == b"y")
            return
        self._set_meta(inode, marked(inode.meta, step.key, step.value))

    def add_to_index(self, step: AddToIndex) -> None:
        index, inode, key = self._space.index, step.inode, id(step.lower)

        def take_back() -> None:
            del index[key]
            inode.nlink -= 1

        self._undo.append((take_back,))
        index[key] = inode
        inode.nlink += 1

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
        self._undo.append((_replace, directory, name, after, before))
        _replace(directory, name, before, after)

    def _stamp(self, directory: UpperDirectory) -> None:
        now = self._now_ns
        self._undo.append((_put_meta, directory, directory.meta))
        directory.meta = timed(directory.meta, now, now)
        directory.status = None

    def _set_meta(self, inode: UpperInode, meta: Meta) -> None:
        self._undo.append((_put_meta, inode, inode.meta))
        _put_meta(inode, meta)


#: What each step does.
_DO: Final[Mapping[type[Step], Callable[[_Work, Any], None]]] = {
    CopyUp: _Work.copy_up,
    Make: _Work.put,
    Link: _Work.put,
    Remove: _Work.remove,
    PutWhiteout: _Work.whiteout,
    Move: _Work.move,
    Exchange: _Work.exchange,
    SetMeta: _Work.set_meta,
    SetContent: _Work.set_content,
    SetMark: _Work.set_mark,
    AddToIndex: _Work.add_to_index,
}


def _replace(
    directory: UpperDirectory,
    name: Name,
    before: UpperEntry | None,
    after: UpperEntry | None,
) -> None:
    """Change one name, and the link counts and parents that follow from it."""
    directory.status = None
    if before is not None and before is not WHITEOUT:
        before.status = None
        if isinstance(before, UpperFile):
            before.nlink -= 1
        else:
            before.parent = None
    if after is None:
        del directory.entries[name]
        return
    directory.entries[name] = after
    if isinstance(after, UpperFile):
        after.nlink += 1
        after.status = None
    elif after is not WHITEOUT:
        after.parent, after.name = directory, name


def _put_meta(inode: UpperInode, meta: Meta) -> None:
    if isinstance(inode, UpperDirectory):
        inode.meta = meta
        inode.status = None
    else:
        _put_node(inode, with_meta(inode.node, meta))


def _put_node(inode: UpperFile, node: Leaf) -> None:
    inode.node = node
    inode.status = None


def _put_opaque(inode: UpperDirectory, opaque: bool) -> None:  # noqa: FBT001 - undone by position
    inode.opaque = opaque
