"""
Folding: layers put over a merged view, from the base up.

The view below is never changed: a directory that the new layer touches is copied once,
all others are shared, and a directory that a single layer has is not even wrapped.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeGuard, cast, final

import attrs

from unionfs_sim.core.content import Lost
from unionfs_sim.core.layer import LayerView
from unionfs_sim.core.meta import DIRECTORY_META
from unionfs_sim.core.nodes import WHITEOUT, Directory, Entry, Leaf, Regular
from unionfs_sim.core.paths import Name, to_text
from unionfs_sim.core.records import (
    DIRECTORY_TYPES,
    Broken,
    Chain,
    DirectoryRecord,
    MergedDirectory,
    Record,
    merging,
    under_directory,
)
from unionfs_sim.core.sharing import SHARE, SHARED_MIN, Overlaid

#: The view of no layers at all.
NOTHING: Final = Directory(DIRECTORY_META, implied=True)


@final
@attrs.frozen(eq=False)
class Rules:
    """
    What a fold needs to know of a mount.

    Attributes:
        follows: Whether redirects are followed.
        metacopy: Whether files may have their data further down.
        data_only: Layers that hold such data and show nothing, top first.  With any,
            marks in the lowest layer above them are read as in the others, of which
            the kernel else reads none (found-122, found-130).
    """

    follows: bool = True
    metacopy: bool = False
    data_only: tuple[LayerView, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for rules that fold alike."""
        return (self.follows, self.metacopy, *map(id, self.data_only))


_NONE: Final[Mapping[Name, Record]] = {}

#: The rules of a stack that nobody mounts.
PLAIN: Final = Rules()


def fold(
    roots_base_first: Iterable[Directory],
    below: DirectoryRecord = NOTHING,
    rules: Rules = PLAIN,
) -> DirectoryRecord:
    """
    Fold layers over a merged directory, which stays as it is.

    Takes O(entries of the new layers): a large directory of *below* which they touch is
    shared, and what has been pushed onto it before is at most a sixteenth of it.
    """
    work = _Fold(below, rules)
    for root in roots_base_first:
        work.push(root)
    work.end()
    return work.root


@final
class _Fold:
    """A fold under way; directories that it made itself may be changed by it."""

    def __init__(self, below: DirectoryRecord, rules: Rules) -> None:
        self.root = below
        self._rules = rules
        self._owned: set[int] = set()
        self._made: list[MergedDirectory] = []  # alive, so that their ids are theirs

    def push(self, top: Directory) -> None:
        """Put one more layer on top."""
        below = self.root
        if below is NOTHING and not top.marks and not top.special:
            self.root = top
            return
        if top.special:
            self._owned.clear()  # redirects read the view as it was
        alone = below is NOTHING or top.opaque
        root = self._own(below, top, {}) if alone else self._over(below, top)
        self.root = root
        redirects = _Redirects(below, self._rules) if top.special else None
        pending: list[tuple[MergedDirectory, Directory, DirectoryRecord | None]]
        pending = [(root, top, None if alone else below)]
        while pending:
            merged, directory, lower = pending.pop()
            entries, under = _parts(merged)
            for name, entry in directory.entries.items():
                if entry is WHITEOUT:
                    _hide(entries, under, name)
                    continue
                if redirects is None and not isinstance(entry, Directory):
                    entries[name] = entry  # whatever is there
                    continue
                present = entries.get(name) if name in entries else under.get(name)
                unusable: Broken | None = None
                if redirects is not None and entry.meta.private:
                    found = redirects.resolve(name, entry, directory, lower, present)
                    if isinstance(found, Broken) and found.node is found.merged:
                        unusable, found = found, _Below(None)
                    elif not isinstance(found, _Below):
                        entries[name] = found
                        merged.broken = merged.broken or isinstance(found, Broken)
                        continue
                    present = found.record
                if isinstance(entry, Directory):
                    present = under_directory(present)
                if isinstance(present, Broken) and _goes_on(entry, present.node):
                    entries[name] = Broken(entry, present.errno)
                    merged.broken = True
                    continue
                child = self._entry(entries, name, entry, present)
                if child is not None:
                    assert isinstance(entry, Directory)
                    pending.append((child, entry, _directory(present, entry)))
                if unusable is not None:
                    merged.broken = True
                    entries[name] = attrs.evolve(unusable, merged=child or entry)
        if below is NOTHING and isinstance(root, MergedDirectory):
            # A root merges with whatever is above (found-147).
            self.root = merging(root)

    def _entry(
        self,
        entries: dict[Name, Record | None],
        name: Name,
        entry: Entry,
        present: Record | None,
    ) -> MergedDirectory | None:
        """Put one entry over what is there; give a directory that is to be gone into."""
        assert entry is not WHITEOUT
        child: MergedDirectory | None = None
        if not isinstance(entry, Directory):
            entries[name] = entry
        elif isinstance(present, DIRECTORY_TYPES):
            if not entry.opaque:
                child = self._over(present, entry)
            elif entry.marks or entry.implied or entry.special:
                child = self._own(present, entry, {})
            else:
                entries[name] = entry
        elif entry.bare:
            pass  # marks for what is not there make nothing
        elif entry.marks or entry.special:
            child = self._own(NOTHING, entry, {})
        else:
            entries[name] = entry
        if child is not None:
            entries[name] = child
        return child

    def end(self) -> None:
        """Make what has outgrown what it shares stand alone."""
        for merged in self._made:
            if isinstance(merged.entries, Overlaid):
                own, below = merged.entries.parts
                if len(own) * SHARE > len(below):
                    merged.entries = merged.entries.together()

    def _own(
        self, below: DirectoryRecord, top: Directory, entries: Mapping[Name, Record]
    ) -> MergedDirectory:
        """Make a directory that this fold may change."""
        rest = None if entries is not below.entries else _chain(below)
        implied = below.implied if top.implied else False
        meta = below.meta if top.implied else top.meta
        broken = isinstance(below, MergedDirectory) and below.broken
        merged = MergedDirectory((top, rest), meta, implied, _over(entries), broken)
        self._owned.add(id(merged))
        self._made.append(merged)
        return merged

    def _over(self, below: DirectoryRecord, top: Directory) -> MergedDirectory:
        """Put a directory over one, in place if this fold made it."""
        if isinstance(below, MergedDirectory) and id(below) in self._owned:
            below.chain = (top, below.chain)
            if not top.implied:
                below.meta, below.implied = top.meta, False
            return below
        return self._own(below, top, visible(below))


def _chain(directory: DirectoryRecord) -> Chain:
    return (directory, None) if isinstance(directory, Directory) else directory.chain


def _over(entries: Mapping[Name, Record]) -> dict[Name, Record] | Overlaid:
    """Give entries that may be changed and start as others, which stay as they are."""
    if isinstance(entries, Overlaid):
        own, below = entries.parts
        if below:
            return Overlaid(dict(own), below)
        entries = entries.together()
    return dict(entries) if len(entries) < SHARED_MIN else Overlaid({}, entries)


def _parts(
    merged: MergedDirectory,
) -> tuple[dict[Name, Record | None], Mapping[Name, Record]]:
    """Give what a fold may change of a directory that it made, and what is below."""
    if isinstance(merged.entries, Overlaid):
        return merged.entries.parts
    return cast("dict[Name, Record | None]", merged.entries), _NONE


def _hide(
    entries: dict[Name, Record | None], below: Mapping[Name, Record], name: Name
) -> None:
    if name in below:
        entries[name] = None
    else:
        entries.pop(name, None)


def visible(directory: DirectoryRecord) -> Mapping[Name, Record]:
    """Give the entries of a directory of a view; there are no marks among them."""
    entries: Mapping[Name, Record] = directory.entries  # type: ignore[assignment]
    return entries


def _goes_on(entry: Entry, below: Leaf | Directory) -> TypeGuard[Directory]:
    """Tell whether a directory merges with one; it has its error then (found-103)."""
    merges = isinstance(entry, Directory) and not entry.opaque
    return merges and isinstance(below, Directory)


def _directory(present: Record | None, entry: Directory) -> DirectoryRecord | None:
    if entry.opaque or not isinstance(present, DIRECTORY_TYPES):
        return None
    return present


@final
@attrs.frozen
class _Below:
    """What an entry goes over."""

    record: Record | None


@final
@attrs.frozen
class _Redirects:
    """Finds what lies under redirected directories and metadata-only files."""

    root: DirectoryRecord
    rules: Rules

    @property
    def _lowest(self) -> bool:
        return self.root is NOTHING and not self.rules.data_only

    def resolve(
        self,
        name: Name,
        entry: Leaf | Directory,
        directory: Directory,
        lower: DirectoryRecord | None,
        present: Record | None,
    ) -> _Below | Record:
        """Give what the entry goes over, or the record that it becomes itself."""
        private = entry.meta.private
        if isinstance(entry, Directory):
            if "redirect" not in private or entry.opaque or self._lowest:
                return _Below(present)
            return self._redirected(entry, private["redirect"], lower)
        if not isinstance(entry, Regular):
            return _Below(present)
        if "whiteout" in private and not entry.content.size:
            return self._broken(entry, errno.ENOENT, directory)
        if "metacopy" in private:
            found = self.with_data(name, entry, lower)
            if isinstance(found, int):
                return self._broken(entry, found, directory)
            return found
        return _Below(present)

    def _redirected(
        self, entry: Directory, redirect: bytes, lower: DirectoryRecord | None
    ) -> _Below | Broken:
        """Find the directory that a redirected one merges with (overlayfs.md, 7)."""
        found = redirected(redirect, self.root, lower, self.rules)
        if isinstance(found, int):
            merged = entry if self.root is NOTHING else None
            return Broken(entry, found, merged=merged)
        return _Below(found)

    def with_data(
        self, name: Name, entry: Regular, lower: DirectoryRecord | None
    ) -> Regular | int:
        """Put a metadata-only file together with its data, or give an errno (8)."""
        redirect = entry.meta.private.get("redirect", b"")
        target = redirect_parts(redirect) if redirect else (False, (name,))
        if target is None:
            return errno.EINVAL
        meta = attrs.evolve(entry.meta, private={})
        # A data-only layer is looked into last, and when the file is opened; without
        # metacopy=on the lowest layer alone may lead there (found-100, found-101).
        deferred = target[0] and self.rules.data_only
        if not self.rules.metacopy and (not deferred or self.root is not NOTHING):
            return errno.EPERM
        found = follow(target, self.root, lower) if self.rules.metacopy else None
        if isinstance(found, Regular):
            return attrs.evolve(entry, content=found.content, meta=meta)
        if not deferred:
            return errno.EIO
        for layer in self.rules.data_only:
            data = _raw(layer.root, target[1])
            if isinstance(data, Regular):
                return attrs.evolve(entry, content=data.content, meta=meta)
        return attrs.evolve(entry, content=Lost(entry.content.size), meta=meta)

    def _broken(self, entry: Regular, number: int, directory: Directory) -> Broken:
        """
        Give a file that cannot be looked up.

        A merged listing leaves it out where the directory is marked to hold xattr
        whiteouts and its layer is not the lowest, of which the kernel never reads the
        mark (overlayfs.md, 1.5).
        """
        marked = directory.meta.private.get("opaque") == b"x"
        if not marked or self._lowest:
            return Broken(entry, number)
        loud = Broken(entry, number) if self.root is NOTHING else None
        return Broken(entry, number, quiet=True, merged=loud)


def redirect_parts(value: bytes) -> tuple[bool, tuple[Name, ...]] | None:
    """
    Read a redirect: whether it is absolute, and its names; ``None`` if malformed.

    >>> redirect_parts(b"/p/d"), redirect_parts(b"d"), redirect_parts(b"a/b")
    ((True, ('p', 'd')), (False, ('d',)), None)
    """
    text = to_text(value)
    absolute = text.startswith("/")
    names = tuple(text[1:].split("/") if absolute else [text])
    if not all(names) or any("/" in name for name in names):
        return None
    return absolute, names


def redirected(
    redirect: bytes, root: DirectoryRecord, beside: DirectoryRecord | None, rules: Rules
) -> Record | int | None:
    """
    Find what the redirect of a directory leads to, or give the errno of its lookup.

    Args:
        redirect: The redirect.
        root: The root of the view below.
        beside: What the directory's parent merges with.
        rules: What the mount options mean for redirects.
    """
    if not rules.follows and beside is None and not rules.data_only:
        return None  # the last layer of the parent, whose marks are not read
    target = redirect_parts(redirect)
    if target is None:
        return errno.EINVAL
    if not rules.follows:
        return errno.EPERM
    return follow(target, root, beside)


def follow(
    target: tuple[bool, Sequence[Name]],
    root: DirectoryRecord,
    beside: DirectoryRecord | None,
) -> Record | None:
    """Look a redirect up in a view, from its root or beside the name."""
    absolute, parts = target
    record: Record | None = root if absolute else beside
    for part in parts:
        if not isinstance(record, DIRECTORY_TYPES):
            return None
        record = under_directory(visible(record).get(part))
    return record


def _raw(root: Directory, parts: Sequence[Name]) -> Entry | None:
    entry: Entry | None = root
    for part in parts:
        if not isinstance(entry, Directory):
            return None
        entry = entry.entries.get(part)
    return entry
