"""
Copy-up: the steps that bring lower objects into the upper, parents first.

Content is not copied but referred to.  What is brought up keeps mode, owner, times and
xattrs, and a handle of where it came from (overlayfs.md, section 4).
"""

from __future__ import annotations

import errno
from typing import Final, final

import attrs

from unionfs_sim.core.content import Lost
from unionfs_sim.core.meta import NO_XATTRS, marked, timed, with_private
from unionfs_sim.core.nodes import Directory, Leaf, Regular, regular
from unionfs_sim.core.paths import Name
from unionfs_sim.core.records import Broken, DirectoryRecord, MergedDirectory
from unionfs_sim.core.space import Call
from unionfs_sim.core.steps import AddToIndex, CopyUp, Plan, SetMark, SetMeta, Step
from unionfs_sim.core.upper import (
    Live,
    UpperDirectory,
    UpperFile,
    UpperInode,
    link_count,
)
from unionfs_sim.core.walk import Place
from unionfs_sim.errors import fs_error

#: The kernel copies data up in steps of this size (``OVL_COPY_UP_CHUNK_SIZE``).
COPY_STEP_BYTES: Final = 1024 * 1024


@final
class Draft:
    """
    A plan in the making: its steps so far, and what they bring up.

    Attributes:
        call: The call that is planned.
        steps: The steps so far.
    """

    __slots__ = ("_impure", "_raised", "call", "steps")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.steps: list[Step] = []
        self._raised: dict[int, UpperDirectory] | None = None
        self._impure: set[int] | None = None

    def plan(
        self,
        verb: str,
        place: Place,
        other: Place | None = None,
        *,
        inode: UpperInode | None = None,
        error: int = 0,
    ) -> Plan:
        """Give the plan."""
        paths = (place.path, other.path) if other else (place.path,)
        return Plan(verb, paths, tuple(self.steps), self.call.now_ns, inode, error)

    def add(self, *steps: Step) -> None:
        """Add steps."""
        self.steps += steps

    def parents(self, place: Place) -> UpperDirectory:
        """
        Bring the directories that lead to a place up, top down, and give the last.

        They go on merging with what they were (overlayfs.md, 4.3).
        """
        if isinstance(place.directory, UpperDirectory):
            return place.directory
        parent = place.trail[0][1]
        assert isinstance(parent, UpperDirectory), "the root is in the upper"
        for name, directory in place.trail[1:]:
            if isinstance(directory, UpperDirectory):
                parent = directory
            else:
                parent = self.directory(parent, name, directory)
        return parent

    def directory(
        self, parent: UpperDirectory, name: Name, lower: DirectoryRecord
    ) -> UpperDirectory:
        """Bring one directory up, unless an earlier step has."""
        if self._raised is None:
            self._raised = {}
        made = self._raised.get(id(lower))
        if made is None:
            meta = with_private(lower.meta, NO_XATTRS)
            meta = self.call.space.with_origin(meta, lower)
            made = UpperDirectory(meta, below=lower, parent=parent, name=name)
            self._raised[id(lower)] = made
            self.add(CopyUp(parent, name, made))
            self.impure(parent)
        return made

    def impure(self, directory: UpperDirectory) -> None:
        """Mark a directory as holding something that has an origin."""
        if self._impure is None:
            self._impure = set()
        if "impure" in directory.meta.private or id(directory) in self._impure:
            return
        self._impure.add(id(directory))
        self.add(SetMark(directory, "impure", b"y"))

    def inode(
        self, place: Place, *, data: bool = True, alias: bool = True
    ) -> UpperInode:
        """
        Bring what is at a place up, its parents first, and give its inode.

        Args:
            place: The place; something is there.
            data: Whether a file's data is wanted too; if not, ``metacopy=on`` leaves
                it where it is.
            alias: Whether a lower name of an indexed inode gets a link in the upper.
        """
        live = place.live
        if isinstance(live, UpperFile) and not alias:
            return live
        if is_lost(live):
            raise fs_error(errno.ENOENT, place.path, op="copy-up")
        parent = self.parents(place)
        if not place.name:
            return parent
        assert live is not None, "only what is there can be brought up"
        assert not isinstance(live, Broken), "a walk does not end there"
        if isinstance(live, UpperDirectory):
            return live
        if isinstance(live, (Directory, MergedDirectory)):
            return self.directory(parent, place.name, live)
        if isinstance(live, UpperFile):
            self._alias(parent, place.name, live)
            if data and "metacopy" in live.meta.private:
                self._data(live)
            return live
        return self._file(parent, place.name, live, data=data)

    def _data(self, inode: UpperFile) -> None:
        """Bring the data of a metadata-only file up: a write to it, if there is any."""
        self.add(SetMark(inode, "metacopy", None))
        if isinstance(inode.node, Regular) and inode.node.content.size:
            now = self.call.now_ns
            self.add(SetMeta(inode, timed(inode.meta, now, now)))

    def _alias(self, parent: UpperDirectory, name: Name, inode: UpperFile) -> None:
        """Give an indexed inode the lower name that it is asked for by, if it lacks it."""
        if parent.entries.get(name) is not inode:
            self.add(CopyUp(parent, name, inode), count_step(inode, -1))
            self.impure(parent)

    def _file(
        self, parent: UpperDirectory, name: Name, lower: Leaf, *, data: bool
    ) -> UpperFile:
        linked = lower.nlink > 1
        policy = self.call.policy
        indexed = policy.nfs_export or (linked and policy.index)
        inode = self._copy(lower, origin=indexed or not linked, data=data)
        if indexed:
            self.add(AddToIndex(inode, lower))
        self.add(CopyUp(parent, name, inode))
        if indexed:
            # The name and the index entry are two of the links (4.4).
            self.add(SetMark(inode, "nlink", _relative(lower.nlink - 2)))
        self.impure(parent)
        return inode

    def _copy(self, lower: Leaf, *, origin: bool, data: bool) -> UpperFile:
        """
        Copy a lower file; one of several hard links comes up alone (S28).

        The other names keep the lower file, which has no handle to it then.
        """
        meta = with_private(lower.meta, NO_XATTRS)
        # Only files and directories can have user.* xattrs to keep a handle in.
        if origin and (not self.call.policy.userxattr or isinstance(lower, Regular)):
            meta = self.call.space.with_origin(meta, lower)
        if isinstance(lower, Regular) and self.call.policy.metacopy and not data:
            meta = marked(meta, "metacopy", b"")
        if isinstance(lower, Regular):
            node: Leaf = regular(lower.content.dense(COPY_STEP_BYTES), meta)
        else:
            node = attrs.evolve(lower, nlink=1, meta=meta)
        inode = UpperFile(node, origin=lower if origin else None)
        inode.lower_links = lower.nlink
        return inode

    def recount(self, inode: UpperFile) -> None:
        """Say on disk that only the upper's links count, where it is so."""
        counts = inode.plain_count and self.call.policy.index
        if counts and "nlink" in inode.meta.private:
            self.add(SetMark(inode, "nlink", _relative(0)))

    def drop(self, place: Place) -> int:
        """
        Count one name less of a hard-linked inode whose lower name goes (index=on).

        A lower inode that was not copied up yet goes into the index for that (S29).

        Returns:
            What keeps it from being copied up, or 0; what was is then (found-146).
        """
        policy, live = self.call.space.policy, place.live
        if not policy.index or live is None:
            return 0
        if policy.nfs_export and not isinstance(live, (UpperFile, UpperDirectory)):
            # With nfs_export=on whatever goes is copied up for its handle first.
            if is_lost(live):
                return errno.ENOENT
            self.inode(place)
            return 0
        if isinstance(live, UpperFile):
            parent = self.parents(place)
            if parent.entries.get(place.name) is live:
                self.recount(live)
            else:
                self.impure(parent)
                self.add(count_step(live, -1))
        elif not isinstance(live, _DIRECTORIES) and live.nlink > 1:
            self.impure(self.parents(place))
            inode = self._copy(live, origin=True, data=False)
            count = _relative(live.nlink - 2)  # the index entry, and the name that goes
            self.add(AddToIndex(inode, live), SetMark(inode, "nlink", count))
        return 0


_DIRECTORIES = (UpperDirectory, Directory, MergedDirectory, Broken)


def is_lost(live: Live | None) -> bool:
    """Tell whether it is a file whose data no data-only layer has."""
    node = live.node if isinstance(live, UpperFile) else live
    return isinstance(node, Regular) and isinstance(node.content, Lost)


def count_step(inode: UpperFile, change: int) -> SetMark:
    """Change by how much an inode's count in the union differs from its own."""
    return SetMark(inode, "nlink", _relative(link_count(inode) - inode.nlink + change))


def _relative(count: int) -> bytes:
    return f"U{count:+d}".encode()
