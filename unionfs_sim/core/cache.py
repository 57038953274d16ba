"""
What a union remembers of its paths, and exactly what it must forget.

Every answer is kept under the text that was asked for.  A *canonical* path (absolute,
nothing folded, no link crossed) depends on the entries on its way alone, so that a
changed entry makes one answer untrue; all other paths are *aliases*, which go with
every change of an entry.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.core import walk
from unionfs_sim.core.commit import Edit
from unionfs_sim.core.nodes import Device, Fifo, Regular, Socket, Symlink
from unionfs_sim.core.paths import NAME_BYTES_MAX, StrPath, fspath, name_fits
from unionfs_sim.core.records import DIRECTORY_TYPES, Broken
from unionfs_sim.core.space import Space
from unionfs_sim.core.status import stat_result
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
)
from unionfs_sim.errors import UnionFSError

#: How many paths a union remembers at most; reaching it forgets them all.
PATHS_MAX: Final = 65_536

#: Shorter paths need no check of their length in bytes.
_SHORT_PATH: Final = 1_000

#: In still shorter ones no name can be too long.
_TINY_PATH: Final = NAME_BYTES_MAX // 4

#: Names that only a walk can deal with.
_NO_NAMES: Final = frozenset({"", ".", ".."})


@final
@attrs.frozen
class Negative:
    """
    What `UnionFS.lookup` gives for a path that leads nowhere; false as a condition.

    Attributes:
        errno: Why, as the number that a call on the path fails with.
    """

    errno: int

    def __bool__(self) -> bool:
        """Give ``False``."""
        return False


#: What `UnionFS.lookup` gives for a path that leads somewhere: the stored record
#: itself, not a copy.  All have `kind` and `meta`.
Resolved: TypeAlias = Live

_ABSENT: Final = Negative(errno.ENOENT)


#: Nodes that are their own answer, whatever the union.
_LEAVES: Final = frozenset({Regular, Symlink, Device, Fifo, Socket})


@final
class PathCache(dict[StrPath, Resolved | Negative]):
    """
    What each path leads to, links at the end not followed; found when first asked for.

    Attributes:
        stats: The status of each path that leads to a lower object, links followed;
            inodes of the upper keep their own.
    """

    __slots__ = ("_aliases", "_directories", "_heads", "_plain", "_space", "stats")

    def __init__(self, space: Space) -> None:
        super().__init__()
        self._space = space
        self.stats: dict[StrPath, stat_result] = {}
        self._directories: dict[str, LiveDirectory] = {"": space.root}
        self._heads: dict[UpperDirectory, str] = {space.root: ""}  # the other way round
        self._aliases: set[str] = set()
        # With an index a lower file may stand for an inode of the upper.
        self._plain = () if space.policy.index else DIRECTORY_TYPES

    def __missing__(self, path: StrPath) -> Resolved | Negative:
        """
        Find and remember what a path leads to.

        Takes two dictionary probes where the path is canonical and its directory known
        and of the layers alone, one more where the upper has it, else a walk.
        """
        text = path if path.__class__ is str else fspath(path)
        head, _, name = text.rpartition("/")
        directory = self._directories.get(head)
        if directory.__class__ in self._plain and len(self) < PATHS_MAX:
            live = directory.entries.get(name)  # type: ignore[union-attr]
            kind = live.__class__
            if kind is Regular or kind in _LEAVES:  # the path is short: it is there
                self[text] = live  # type: ignore[assignment]
                return live  # type: ignore[return-value]
            if (
                live is None
                and len(text) < _TINY_PATH
                and name not in _NO_NAMES
                and "\0" not in text
            ):
                self[text] = _ABSENT
                return _ABSENT
        return self._find(text, directory if text[:1] == "/" else None, head, name)

    def _find(
        self, path: str, directory: LiveDirectory | None, head: str, name: str
    ) -> Resolved | Negative:
        if directory is not None and name not in _NO_NAMES:
            live = self._space.child(directory, name)
            if len(path) < _SHORT_PATH and (live is not None or _can_be(name)):
                return self._remember(path, live, alias=False)
        try:
            place = walk.find(self._space, path, follow=False, op="lookup")
        except UnionFSError as error:
            # Not remembered: making what is missing on the way would change it.
            number = error.errno
        else:
            alias = not walk.is_canonical(place)
            found = self._remember(path, place.live, alias=alias)
            if place.name and not alias:
                self._keep_directory(head, place.directory)
            return found
        assert number is not None, "every error of ours has a number"
        return Negative(number)

    def _remember(
        self, path: str, live: Live | None, *, alias: bool
    ) -> Resolved | Negative:
        if len(self) >= PATHS_MAX:
            self.forget()
        found: Resolved | Negative
        if live is None:
            found = _ABSENT
        elif isinstance(live, Broken):
            return Negative(live.errno)
        else:
            found = live
        self[path] = found
        if alias:
            self._aliases.add(path)
        elif isinstance(live, LIVE_DIRECTORY_TYPES):
            self._keep_directory(path.rstrip("/"), live)
        return found

    def know(self, place: walk.Place) -> None:
        """Remember the directory of a place that was walked to by its canonical path."""
        head = place.path.rpartition("/")[0]
        if place.name and head not in self._directories and walk.is_canonical(place):
            self._keep_directory(head, place.directory)

    def start(self, path: str) -> walk.Start | None:
        """Give where a walk can start: a known directory of the upper, and a name."""
        head, slash, name = path.rpartition("/")
        if not slash or name in _NO_NAMES or len(path) >= _SHORT_PATH or "\0" in path:
            return None
        directory = self._directories.get(head)
        return (directory, name) if isinstance(directory, UpperDirectory) else None

    def keep_status(self, path: str, status: stat_result, *, followed: bool) -> None:
        """
        Remember the status of a path that leads to a lower object.

        Args:
            path: A path that was just found.
            status: Its status.
            followed: Whether a link at its end was followed.
        """
        if len(self.stats) >= PATHS_MAX:
            self.forget()
            followed = True  # what was known of the path is gone: assume the worst
        if followed:
            self._aliases.add(path)
        self.stats[path] = status

    def forget(self) -> None:
        """Forget everything."""
        self.clear()
        self.stats.clear()
        self._aliases.clear()
        self._directories.clear()
        self._heads.clear()
        self._keep_directory("", self._space.root)

    def forget_edits(self, edits: Sequence[Edit]) -> None:
        """Forget exactly the answers that these edits can change."""
        if self._space.index:
            self.forget()  # one inode can have lower names anywhere
            return
        if self._aliases:
            for alias in self._aliases:
                self.pop(alias, None)
                self.stats.pop(alias, None)
            self._aliases.clear()
        for edit in edits:
            if not edit.raised and _moves_a_tree(edit):
                self.forget()
                return
            head = self._heads.get(edit.directory)
            if head is None:
                head = "".join(f"/{name}" for name in edit.directory.parts)
            path = f"{head}/{edit.name}"
            self.pop(path, None)
            if self.stats:
                self.stats.pop(path, None)
            if isinstance(edit.after, UpperDirectory) and path in self._directories:
                self._keep_directory(path, edit.after)

    def _keep_directory(self, path: str, directory: LiveDirectory) -> None:
        """Remember a directory under its canonical path, without a slash at its end."""
        if len(path) > _SHORT_PATH - NAME_BYTES_MAX:
            return  # with a name it would be no short path
        if len(self._directories) >= PATHS_MAX:
            self.forget()
        self._directories[path] = directory
        if isinstance(directory, UpperDirectory):
            self._heads[directory] = path


def _can_be(name: str) -> bool:
    """Tell whether a missing name is just missing, and not wrong."""
    return "\0" not in name and name_fits(name)


def _moves_a_tree(edit: Edit) -> bool:
    """Tell whether paths below the name may have been remembered."""
    if edit.before is not None:
        return isinstance(edit.before, UpperDirectory)
    below = edit.directory.below
    hidden = below.entries.get(edit.name) if below is not None else None
    return isinstance(hidden, DIRECTORY_TYPES)
