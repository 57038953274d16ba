"""
What all dialects do to a layer before they write it down.

A form on disk says less than a layer in memory can: it has no parents without
attributes, perhaps no redirects, no mark for the root, no place for some names.  What
is below the layer lets most of it be said another way; the rest is refused, or told as
a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, final

import attrs

from unionfs_sim.core.fold import Rules, fold, redirect_parts, visible
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import DIRECTORY_META, Meta
from unionfs_sim.core.nodes import WHITEOUT, Device, Directory, Leaf, Regular
from unionfs_sim.core.paths import Name, Parts, join
from unionfs_sim.core.records import (
    DIRECTORY_TYPES,
    Broken,
    DirectoryRecord,
    Record,
)
from unionfs_sim.errors import FormatError, error_text

#: Says why a name cannot be content, or nothing.
Refusal: TypeAlias = Callable[[Parts], str]


def _takes_all(parts: Parts) -> str:
    del parts
    return ""


@final
@attrs.frozen(kw_only=True)
class Form:
    """
    What a form on disk can say.

    Attributes:
        redirects: Redirects, metadata-only files and whiteouts in the form of xattrs.
        root_opaque: That the root is opaque.
        root_named: Whether it does so name by name, where the names are known.
        ghosts: Whiteouts where nothing is below, without their being listed.
        device_zero: A character device 0:0 that is content.
        covers: That a directory stands over a file, and so merges with nothing, without
            a mark.
        refusal: Says why a name cannot be content, or nothing.
    """

    redirects: bool = False
    root_opaque: bool = True
    root_named: bool = False
    ghosts: bool = True
    device_zero: bool = True
    covers: bool = True
    refusal: Refusal = _takes_all


@final
@attrs.frozen(eq=False)
class Prepared:
    """
    A layer that a form can say.

    Attributes:
        layer: The layer; none of its directories is implied.
        losses: What was lost on the way.
    """

    layer: Layer
    losses: list[str]


def prepare(layer: Layer, below: DirectoryRecord | None, form: Form) -> Prepared:
    """
    Say a layer with what a form has; takes O(n) and, for redirects, a fold.

    Args:
        layer: The layer.
        below: The merged view of what is below it; ``None`` if that is not known.
        form: What can be said.

    Raises:
        FormatError: Something cannot be said at all.
    """
    if layer.root.special and not form.redirects:
        layer = without_redirects(layer, below)
    return _Preparation(layer, below, form).run()


@final
@attrs.frozen(kw_only=True)
class _Below:
    """What is below a directory: nothing known, nothing at all, or a directory."""

    known: bool
    record: DirectoryRecord | None = None

    def child(self, name: Name) -> Record | None:
        """Find a name in it."""
        return None if self.record is None else visible(self.record).get(name)


_EMPTY = _Below(known=True)


@final
class _Preparation:
    """The preparation of one layer."""

    def __init__(self, layer: Layer, below: DirectoryRecord | None, form: Form) -> None:
        self._source = layer
        self._builder = LayerBuilder(layer.label, diff_id=layer.diff_id)
        self._view = below
        self._form = form
        self._losses: list[str] = []

    def run(self) -> Prepared:
        """Go through the layer, each directory with what is below it."""
        root = self._source.root
        below = _Below(known=self._view is not None, record=self._view)
        self._builder.set_meta((), self._meta((), root, below))
        form = self._form
        named = root.opaque and not (form.root_opaque and not form.root_named)
        if named and not below.known and form.root_opaque:
            named = False
        if named and not below.known:
            msg = "/: an opaque root cannot be said without the layers below"
            raise FormatError(msg)
        if root.opaque and not named:
            self._builder.opaque(())
        pending: list[tuple[Parts, Directory, _Below]]
        pending = [((), root, _EMPTY if root.opaque else below)]
        while pending:
            parts, directory, lower = pending.pop()
            for name, entry in directory.entries.items():
                path = (*parts, name)
                if entry is WHITEOUT:
                    self._whiteout(path, lower)
                elif isinstance(entry, Directory):
                    inner = self._directory(path, entry, lower)
                    if inner is not None:
                        pending.append((path, entry, inner))
                else:
                    self._leaf(path, entry)
        if named:
            self._hide_names()
        return Prepared(self._builder.freeze(), self._losses)

    def _whiteout(self, path: Parts, lower: _Below) -> None:
        if lower.known and lower.record is None and not self._form.ghosts:
            return  # it would be listed, and hides nothing
        reason = self._form.refusal(path)
        if reason:
            if not lower.known or lower.child(path[-1]) is not None:
                self._losses.append(f"{join(path)}: not hidden, for {reason}")
            return
        self._builder.whiteout(path)

    def _leaf(self, path: Parts, node: Leaf) -> None:
        self._check_name(path)
        if not self._form.device_zero and is_device_zero(node):
            msg = f"{join(path)}: a character device 0:0, which would be a whiteout"
            raise FormatError(msg)
        self._builder.add(path, node)

    def _directory(self, path: Parts, entry: Directory, lower: _Below) -> _Below | None:
        """Put a directory; give what is below it, or nothing if it is left out."""
        present = lower.child(path[-1])
        record = present if isinstance(present, DIRECTORY_TYPES) else None
        if entry.bare and lower.known and record is None:
            return None  # marks for what is not there make no directory
        self._check_name(path)
        over = _Below(known=lower.known, record=record)
        self._builder.set_meta(path, self._meta(path, entry, over))
        covers = present is not None and record is None and not self._form.covers
        if entry.opaque or covers:
            self._builder.opaque(path)
            return _EMPTY
        redirect = entry.meta.private.get("redirect")
        if redirect is not None and self._form.redirects:
            return self._redirected(redirect, lower)
        return over

    def _redirected(self, redirect: bytes, lower: _Below) -> _Below:
        """Find what a redirected directory merges with (overlayfs.md, 7)."""
        target = redirect_parts(redirect)
        if not lower.known or target is None:
            return lower
        absolute, names = target
        record: Record | None = self._view if absolute else lower.record
        for name in names:
            if not isinstance(record, DIRECTORY_TYPES):
                return _EMPTY
            record = visible(record).get(name)
        found = record if isinstance(record, DIRECTORY_TYPES) else None
        return _Below(known=True, record=found)

    def _meta(self, path: Parts, entry: Directory, over: _Below) -> Meta:
        """Give the attributes that a directory shows."""
        if not entry.implied:
            return entry.meta
        if over.record is not None:
            return attrs.evolve(over.record.meta, private={})
        if not over.known:
            self._losses.append(
                f"{join(path)}: the layer has no attributes for this directory; it"
                " gets mode 0755 and owner 0:0, whatever is below"
            )
        return DIRECTORY_META

    def _check_name(self, path: Parts) -> None:
        reason = self._form.refusal(path)
        if reason:
            msg = f"{join(path)}: {reason}"
            raise FormatError(msg)

    def _hide_names(self) -> None:
        """Hide, name by name, what an opaque root hides."""
        assert self._view is not None, "an opaque root needs what is below"
        for name in visible(self._view):
            present = self._builder.get((name,))
            if present is None:
                self._whiteout((name,), _Below(known=True, record=self._view))
            elif isinstance(present, Directory):
                self._builder.opaque((name,))


def is_device_zero(node: object) -> bool:
    """Tell whether a node is what overlay filesystems write a whiteout as."""
    return isinstance(node, Device) and not (node.block or node.major or node.minor)


def without_redirects(
    layer: Layer, below: DirectoryRecord | None, *, directories: bool = True
) -> Layer:
    """
    Say in plain marks what only overlayfs has marks for.

    A redirected directory becomes an opaque one with a full copy of what it shows, a
    metadata-only file gets its data, and a whiteout in the form of an xattr becomes a
    whiteout.

    Args:
        layer: The layer.
        below: The merged view of what is below; ``None`` if that is not known.
        directories: Whether redirected directories are replaced as well.

    Raises:
        FormatError: What is below is not known, or does not have what is needed.
    """
    builder = LayerBuilder(layer.label, diff_id=layer.diff_id)
    view: DirectoryRecord | None = None
    if below is not None:
        view = fold([layer.root], below, Rules(metacopy=True))
    made: dict[int, Leaf] = {}
    pending: list[tuple[Parts, Directory, Record | None]] = [((), layer.root, view)]
    while pending:
        parts, directory, shown = pending.pop()
        entries = visible(shown) if isinstance(shown, DIRECTORY_TYPES) else {}
        private = directory.meta.private
        if directories and parts and "redirect" in private and not directory.opaque:
            _copy(builder, parts, _needed(parts, shown, view, what="redirect"))
            continue
        if directory.implied:
            builder.directory(parts)
        else:
            builder.set_meta(parts, directory.meta)
        if directory.opaque:
            builder.opaque(parts)
        for name, entry in directory.entries.items():
            path = (*parts, name)
            if entry is WHITEOUT:
                builder.whiteout(path)
            elif isinstance(entry, Directory):
                pending.append((path, entry, entries.get(name)))
            elif _is_xattr_whiteout(entry):
                builder.whiteout(path)
            else:
                node = made.get(id(entry))
                if node is None:
                    node = entry
                    if isinstance(entry, Regular) and "metacopy" in entry.meta.private:
                        found = _needed(path, entries.get(name), view, what="metacopy")
                        assert isinstance(found, Regular), "the fold found its data"
                        node = attrs.evolve(
                            entry, content=found.content, meta=found.meta
                        )
                    made[id(entry)] = node
                builder.add(path, node)
    return builder.freeze()


def _is_xattr_whiteout(node: Leaf) -> bool:
    whiteout = isinstance(node, Regular) and "whiteout" in node.meta.private
    return whiteout and not node.content.size  # type: ignore[union-attr]


def _needed(
    path: Parts, found: Record | None, view: DirectoryRecord | None, *, what: str
) -> Record:
    """Give what a mark leads to, or refuse it."""
    if view is None:
        msg = f"{join(path)}: a {what} cannot be said without the layers below"
        raise FormatError(msg)
    if found is None or isinstance(found, Broken):
        reason = error_text(found.errno) if found else "nothing shows"
        msg = f"{join(path)}: the {what} leads nowhere ({reason})"
        raise FormatError(msg)
    return found


def _copy(builder: LayerBuilder, place: Parts, record: Record) -> None:
    """Copy a directory of a view with all that shows in it."""
    pending = [(place, record)]
    while pending:
        parts, found = pending.pop()
        if isinstance(found, DIRECTORY_TYPES):
            builder.set_meta(parts, attrs.evolve(found.meta, private={}))
            pending += [((*parts, name), each) for name, each in found.entries.items()]  # type: ignore[misc]
        elif isinstance(found, Broken):
            msg = f"{join(parts)}: cannot be looked up ({error_text(found.errno)})"
            raise FormatError(msg)
        else:
            builder.add(parts, found)
    builder.opaque(place)


def plain(node: Leaf, made: dict[int, Leaf], meta: Meta | None = None) -> Leaf:
    """
    Give a node as it is to be on disk, one for all the names of its inode.

    Args:
        node: The node.
        made: The nodes made so far, by the identity of theirs.
        meta: The attributes on disk; those of the node without private ones if not
            given.
    """
    found = made.get(id(node))
    if found is None:
        if meta is None:
            meta = node.meta
            if meta.private:
                meta = attrs.evolve(meta, private={})
        found = node if meta is node.meta else attrs.evolve(node, meta=meta)
        made[id(node)] = found
    return found
