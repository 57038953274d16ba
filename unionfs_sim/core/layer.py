"""
Layers: immutable trees of nodes and whiteouts, and the builder that makes them.

A layer is not a file tree but a set of changes against what lies below: besides nodes
it holds whiteouts, opaque directories, and directories that are merely implied by
what is in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol, TypeAlias, final

import attrs

from unionfs_sim.core.meta import DIRECTORY_META, Meta
from unionfs_sim.core.nodes import (
    OPAQUE,
    WHITEOUT,
    Directory,
    Entry,
    Leaf,
    OpaqueType,
    Regular,
    WhiteoutType,
)
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.errors import SpecError

#: What `Layer.build` takes: names or paths, each with a value.
Spec: TypeAlias = Mapping[str, "SpecValue"]
SpecValue: TypeAlias = "str | bytes | Entry | OpaqueType | Spec"


class LayerView(Protocol):
    """What a layer must answer to be read: a label for people, and a root."""

    @property
    def label(self) -> str:
        """How people call the layer."""
        ...  # pragma: no cover

    @property
    def root(self) -> Directory:
        """The directory at the top of the layer."""
        ...  # pragma: no cover


@final
@attrs.frozen(eq=False, repr=False)
class Layer:
    """
    An immutable layer: a tree of nodes, whiteouts and opaque directories.

    Two layers are equal if their trees are, whatever their labels.

    Attributes:
        label: How people call the layer.
        root: The directory at its top.
        diff_id: The digest of the tar stream that it was read from, if any.

    >>> base = Layer.build({"etc/motd": "hello"}, label="base")
    >>> base
    <Layer 'base': 2 entries>
    >>> base == Layer.build({"etc": {"motd": b"hello"}})
    True
    """

    label: str
    root: Directory
    diff_id: str | None = None

    @classmethod
    def build(cls, spec: Spec, *, label: str = "") -> Layer:
        """
        Make a layer from a description of its tree.

        Keys are names or paths, values are text or bytes (a regular file), a mapping
        (a directory), a node with attributes of its own, `WHITEOUT`, or `OPAQUE` (an
        opaque directory, whose entries can follow under other keys).  In a mapping
        the key ``"."`` is the directory itself: its value is `OPAQUE` or a
        `Directory` with attributes.  Takes O(n).

        Raises:
            SpecError: A name cannot be, or a path leads through a file; the text
                names the place.

        >>> from unionfs_sim import OPAQUE, WHITEOUT, Symlink
        >>> layer = Layer.build(
        ...     {
        ...         "etc/motd": WHITEOUT,
        ...         "srv/": {".": OPAQUE, "index.html": "<h1>hi</h1>"},
        ...         "www": Symlink("srv"),
        ...     }
        ... )
        >>> [path for path, entry in layer.walk()]
        ['/', '/etc', '/etc/motd', '/srv', '/srv/index.html', '/www']
        """
        builder = LayerBuilder(label)
        builder.set_meta((), DIRECTORY_META)
        _build(builder, spec)
        return builder.freeze()

    def get(self, parts: Parts) -> Entry | None:
        """
        Give what the layer has at a path, or ``None``; no link is followed.

        >>> Layer.build({"a/b": "x"}).get(("a", "b"))
        Regular(content=literal(b'x'), meta=Meta(mode=420, uid=0, gid=0, atime_ns=0, \
mtime_ns=0, ctime_ns=0, xattrs={}), nlink=1)
        """
        entry: Entry | None = self.root
        for name in parts:
            if not isinstance(entry, Directory):
                return None
            entry = entry.entries.get(name)
        return entry

    def items(self) -> Iterator[tuple[Parts, Entry]]:
        """
        Go through the layer: the root, then every directory before its entries.

        Names come in order, so the paths do too.  Takes O(n log n).
        """
        pending: list[tuple[Parts, Entry]] = [((), self.root)]
        while pending:
            parts, entry = pending.pop()
            yield parts, entry
            if isinstance(entry, Directory):
                entries = entry.entries
                names = sorted(entries, reverse=True)
                pending.extend(((*parts, name), entries[name]) for name in names)

    def walk(self) -> Iterator[tuple[str, Entry]]:
        """Go through the layer like `items`, with the paths as text."""
        for parts, entry in self.items():
            yield join(parts), entry

    def __len__(self) -> int:
        """Count the entries, the root left out."""
        return sum(1 for _ in self.items()) - 1

    def __bool__(self) -> bool:
        """Give ``True``: a layer without entries is still a layer."""
        return True

    def __eq__(self, other: object) -> bool:
        """Compare the trees: names, nodes, marks, and which names are one inode."""
        if not isinstance(other, Layer):
            return NotImplemented
        return self is other or _same_tree(self.root, other.root)

    __hash__ = None  # type: ignore[assignment]  # equal by tree: too dear to hash

    def __repr__(self) -> str:
        """Show label and size."""
        return f"<Layer {self.label!r}: {len(self)} entries>"

    def _repr_html_(self) -> str:
        """Draw the tree for a notebook."""
        from unionfs_sim.core import render  # noqa: PLC0415 - only notebooks need it

        return render.html(render.layer_text(self))


def _same_tree(left: Directory, right: Directory) -> bool:
    """Compare two trees without recursion; hard links must pair up one to one."""
    partner: dict[int, int] = {}
    pending: list[tuple[Entry, Entry]] = [(left, right)]
    while pending:
        one, other = pending.pop()
        if isinstance(one, Directory) and isinstance(other, Directory):
            if (
                (one.meta, one.opaque, one.implied)
                != (other.meta, other.opaque, other.implied)
            ) or one.entries.keys() != other.entries.keys():
                return False
            for name, entry in one.entries.items():
                pending.append((entry, other.entries[name]))
        elif partner.setdefault(id(one), id(other)) != id(other) or one != other:
            return False
    return True


@final
@attrs.define(slots=True, eq=False)
class _Draft:
    """A directory in the making."""

    meta: Meta | None = None  # None: implied
    opaque: bool = False
    entries: dict[str, _Draft | Leaf | WhiteoutType] = attrs.field(factory=dict)


@final
class LayerBuilder:
    """
    Makes a layer entry by entry; `freeze` ends it.

    Where one name gets both a whiteout and an addition, in whichever order, the
    addition stays and hides what is below: a directory becomes opaque
    (layer-formats, rule 5.1).

    >>> builder = LayerBuilder("patch")
    >>> builder.whiteout(("etc", "motd"))
    >>> builder.add(("etc", "motd"), Regular("new"))
    >>> builder.freeze().get(("etc", "motd")).content
    literal(b'new')
    """

    def __init__(self, label: str = "", *, diff_id: str | None = None) -> None:
        self._label = label
        self._diff_id = diff_id
        self._root = _Draft()
        self._last: tuple[Parts, _Draft] = ((), self._root)
        self._outside: Counter[int] = Counter()

    def get(self, parts: Parts) -> Leaf | WhiteoutType | Directory | None:
        """
        Give what has been put at a path so far, or ``None``.

        A directory is given without its entries.
        """
        found: _Draft | Leaf | WhiteoutType | None = self._root
        for name in parts:
            if not isinstance(found, _Draft):
                return None
            found = found.entries.get(name)
        if isinstance(found, _Draft):
            return Directory(
                found.meta or DIRECTORY_META,
                opaque=found.opaque,
                implied=found.meta is None,
            )
        return found

    def add(self, parts: Parts, node: Leaf) -> None:
        """
        Put a node that is not a directory at a path, replacing what is there.

        Missing parents become implied directories.  One node object put at two paths
        is one inode with two names.  Takes O(depth).

        Raises:
            SpecError: The path is the root or a directory, or leads through something
                that is not one.
        """
        parent, name = self._parent(parts)
        if isinstance(parent.entries.get(name), _Draft):
            msg = f"{join(parts)}: a directory already"
            raise SpecError(msg)
        parent.entries[name] = node

    def link(self, parts: Parts, target: Parts) -> None:
        """
        Make a path another name of the inode at *target*.

        Raises:
            SpecError: There is no such inode yet, or it is a directory.
        """
        node = self.get(target)
        if node is None or node is WHITEOUT or isinstance(node, Directory):
            what = "a directory" if isinstance(node, Directory) else "not there"
            msg = f"{join(parts)}: the target {join(target)} of the hard link is {what}"
            raise SpecError(msg)
        self.add(parts, node)

    def discard(self, parts: Parts) -> None:
        """Forget what has been put at a path, if anything, with all that is in it."""
        found: _Draft | Leaf | WhiteoutType | None = self._root
        for name in parts[:-1]:
            found = found.entries.get(name) if isinstance(found, _Draft) else None
        if parts and isinstance(found, _Draft):
            found.entries.pop(parts[-1], None)
            self._last = ((), self._root)

    def link_outside(self, node: Leaf) -> None:
        """Count one more name of an inode that is not in this layer."""
        self._outside[id(node)] += 1

    def directory(self, parts: Parts) -> None:
        """Make sure that a directory is there, as an implied one if it is new."""
        self._directory(parts)

    def set_meta(self, parts: Parts, meta: Meta) -> None:
        """Give a directory, which is made if need be, attributes of its own."""
        self._directory(parts).meta = meta

    def opaque(self, parts: Parts) -> None:
        """Mark a directory, which is made if need be, as opaque."""
        self._directory(parts).opaque = True

    def whiteout(self, parts: Parts) -> None:
        """
        Hide a name of the layers below.

        Raises:
            SpecError: The path is the root, or leads through something that is not
                a directory.
        """
        parent, name = self._parent(parts)
        present = parent.entries.get(name)
        if present is None:
            parent.entries[name] = WHITEOUT
        elif isinstance(present, _Draft):
            present.opaque = True

    def freeze(self) -> Layer:
        """Give the layer; the builder can go on and be frozen again.  Takes O(n)."""
        return Layer(self._label, _freeze(self._root, self._outside), self._diff_id)

    def _directory(self, parts: Parts) -> _Draft:
        # Entries come in order, so most are where the last one was, or right below.
        last, draft = self._last
        start = len(last)
        if last not in (parts, parts[:-1]):
            start, draft = 0, self._root
        for depth, name in enumerate(parts[start:], start + 1):
            child = draft.entries.get(name)
            if not isinstance(child, _Draft):
                if child is not None and child is not WHITEOUT:
                    msg = f"{join(parts[:depth])}: not a directory"
                    raise SpecError(msg)
                child = _Draft(opaque=child is WHITEOUT)
                draft.entries[name] = child
            draft = child
        self._last = parts, draft
        return draft

    def _parent(self, parts: Parts) -> tuple[_Draft, str]:
        if not parts:
            msg = "/: the root can only be a directory"
            raise SpecError(msg)
        return self._directory(parts[:-1]), parts[-1]


def _freeze(root: _Draft, outside: Counter[int]) -> Directory:
    """Freeze drafts bottom-up, without recursion: deep trees are legal input."""
    order = [root]
    names = Counter(outside)
    for draft in order:  # grows while it is gone through: parents before children
        for child in draft.entries.values():
            if isinstance(child, _Draft):
                order.append(child)
            elif child is not WHITEOUT:
                names[id(child)] += 1
    done: dict[int, Entry] = {}
    for draft in reversed(order):
        entries: dict[str, Entry] = {}
        for name, child in draft.entries.items():
            if isinstance(child, _Draft):
                entries[name] = done.pop(id(child))
            elif child is WHITEOUT or names[id(child)] == child.nlink:
                entries[name] = child
            else:
                links = names[id(child)]
                inode = done.get(id(child)) or attrs.evolve(child, nlink=links)
                entries[name] = done[id(child)] = inode
        done[id(draft)] = Directory(
            draft.meta or DIRECTORY_META,
            entries,
            opaque=draft.opaque,
            implied=draft.meta is None,
        )
    frozen = done[id(root)]
    assert isinstance(frozen, Directory)
    return frozen


def _build(builder: LayerBuilder, spec: Spec) -> None:
    """Carry out `Layer.build`'s description."""
    seen: dict[Parts, str] = {}
    pending: list[tuple[Parts, str, SpecValue]] = [((), "", spec)]
    while pending:
        parent, key, value = pending.pop()
        parts = parent + _spec_parts(parent, key)
        if isinstance(value, Mapping):
            if parts:
                _put(builder, parts, Directory())
            pending.extend((parts, name, child) for name, child in value.items())
            continue
        itself = not isinstance(value, Directory) and value is not OPAQUE
        if itself and parts in seen:
            msg = f"{join(parts)}: described twice"
            raise SpecError(msg)
        if itself:
            seen[parts] = key
        _put(builder, parts, value)
        if isinstance(value, Directory):
            pending.extend(
                (parts, name, child) for name, child in value.entries.items()
            )


def _put(
    builder: LayerBuilder, parts: Parts, value: str | bytes | Entry | OpaqueType
) -> None:
    """Put one value of a description."""
    for depth in range(1, len(parts)):
        present = builder.get(parts[:depth])
        if present is None or (isinstance(present, Directory) and present.implied):
            builder.set_meta(parts[:depth], DIRECTORY_META)
    if value is OPAQUE:
        if builder.get(parts) is None:
            builder.set_meta(parts, DIRECTORY_META)
        builder.opaque(parts)
    elif value is WHITEOUT:
        builder.whiteout(parts)
    elif isinstance(value, Directory):
        present = builder.get(parts)
        if value.meta is not DIRECTORY_META or not isinstance(present, Directory):
            builder.set_meta(parts, value.meta)
        if value.opaque:
            builder.opaque(parts)
    elif isinstance(value, (str, bytes)):
        builder.add(parts, Regular(value))
    else:
        builder.add(parts, value)


def _spec_parts(parent: Parts, key: str) -> Parts:
    """Split a key of a description; ``"."`` is the directory itself."""
    parts = tuple(name for name in key.split("/") if name not in {"", "."})
    for name in parts:
        if name == ".." or "\0" in name:
            msg = f"{join(parent)}: {key!r} holds the name {name!r}, which cannot be"
            raise SpecError(msg)
    return parts
