"""
What is counted instead of timed: layers asked, dictionaries asked, bytes copied.

Counting is done in runs of its own: for as long as it lasts, the dictionaries of a
union are replaced by ones that count.  No load can change these figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, final

import attrs

from unionfs_sim.core.content import Content, Literal
from unionfs_sim.core.layer import LayerView
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Regular
from unionfs_sim.core.union import UnionFS
from unionfs_sim.core.upper import UpperDirectory, UpperFile

_PACKAGE: Final = "unionfs_sim."

#: What is never gone into: it holds no names.
_LEAVES: Final = (Meta, Content, Regular)


@final
@attrs.frozen
class Counts:
    """
    What one lookup took.

    Attributes:
        layer_probes: How many times a layer was asked for a name.
        dictionary_probes: How many times a dictionary was.
        bytes_copied: How many bytes of content were copied.
    """

    layer_probes: int
    dictionary_probes: int
    bytes_copied: int = 0


@final
@attrs.define
class ProbeCounter:
    """
    Counts the probes of dictionaries.

    Attributes:
        count: How many there were.
    """

    count: int = 0
    _types: dict[type, type] = attrs.field(factory=dict, repr=False)

    def type_of(self, kind: type) -> type:
        """Give a class like *kind*, a dictionary, that counts here."""
        made = self._types.get(kind)
        if made is None:
            made = self._types[kind] = _counting(kind, self)
        return made


def _counting(kind: Any, counter: ProbeCounter) -> type:  # noqa: ANN401 - any dict
    """Make a class of dictionaries that count how often they are asked."""

    def counted(name: str) -> Callable[..., Any]:
        original = getattr(kind, name)

        def probe(self: object, *args: object) -> object:
            counter.count += 1
            return original(self, *args)

        return probe

    probes = ("get", "__getitem__", "__contains__", "setdefault", "pop")
    body: dict[str, Any] = {name: counted(name) for name in probes}
    body["__slots__"] = ()
    return type(f"Counting{kind.__name__}", (kind,), body)


@contextmanager
def counted(*roots: object) -> Iterator[ProbeCounter]:
    """
    Count the probes of all dictionaries that can be reached from some objects.

    Nothing else may use these objects meanwhile; they are as before afterwards.
    Takes O(what can be reached).

    Args:
        roots: A union, or layers.

    >>> from unionfs_sim import Layer, UnionFS
    >>> fs = UnionFS([Layer.build({"etc/motd": "hello"})])
    >>> with counted(fs) as probes:
    ...     found = fs.lookup("/etc/motd")
    ...     probes.count = 0
    ...     found = fs.lookup("/etc/motd")
    >>> probes.count
    1
    """
    counter = ProbeCounter()
    work = _Swap(counter)
    try:
        work.run(roots)
        yield counter
    finally:
        work.undo()


class _Swap:
    """Replaces dictionaries wherever they are held, and puts them back."""

    def __init__(self, counter: ProbeCounter) -> None:
        self._counter = counter
        self._undo: list[Callable[[], None]] = []
        self._seen: set[int] = set()
        self._new: dict[int, Any] = {}
        self._pending: list[Any] = []

    def run(self, roots: tuple[object, ...]) -> None:
        self._pending.extend(roots)
        while self._pending:
            item = self._pending.pop()
            if id(item) in self._seen:
                continue
            self._seen.add(id(item))
            if isinstance(item, dict):
                self._pending.extend(dict.values(item))
                if type(item) is not dict:
                    self._attributes(item)
                    self._become(item)
            elif isinstance(item, (tuple, list)):
                self._pending.extend(item)
            elif _is_ours(item):
                self._attributes(item)

    def undo(self) -> None:
        while self._undo:
            self._undo.pop()()

    def _attributes(self, item: Any) -> None:  # noqa: ANN401 - anything of ours
        for name in _attribute_names(item):
            try:
                value = getattr(item, name)
            except AttributeError:
                continue
            bound = getattr(value, "__self__", None)
            if type(value) is dict:
                self._set(item, name, value, self._replaced(value))
            elif type(value) is tuple and any(type(x) is dict for x in value):
                new = tuple(self._replaced(x) if type(x) is dict else x for x in value)
                self._set(item, name, value, new)
            elif isinstance(bound, dict) and callable(value):
                self._pending.append(bound)
                if type(bound) is dict:
                    new = getattr(self._replaced(bound), value.__name__)
                    self._set(item, name, value, new)
            else:
                self._pending.append(value)

    def _set(self, item: object, name: str, old: object, new: object) -> None:
        object.__setattr__(item, name, new)
        self._undo.append(lambda: object.__setattr__(item, name, old))

    def _replaced(self, plain: dict[Any, Any]) -> Any:  # noqa: ANN401 - a made class
        """Give the counting twin of a plain dictionary."""
        twin = self._new.get(id(plain))
        if twin is None:
            twin = self._new[id(plain)] = self._counter.type_of(dict)(plain)
            self._pending.append(plain)

            def restore() -> None:  # what the run put into the twin is kept
                if len(plain) != len(twin) or plain.keys() != twin.keys():
                    plain.clear()
                    plain.update(dict.items(twin))

            self._undo.append(restore)
        return twin

    def _become(self, item: Any) -> None:  # noqa: ANN401 - any subclass of dict
        """Make an object count that is a dictionary of a class of its own."""
        kind = type(item)
        item.__class__ = self._counter.type_of(kind)

        def restore() -> None:
            item.__class__ = kind

        self._undo.append(restore)


def _is_ours(item: object) -> bool:
    module = getattr(type(item), "__module__", "")
    return module.startswith(_PACKAGE) and not isinstance(item, _LEAVES)


def _attribute_names(item: object) -> list[str]:
    names = list(getattr(item, "__dict__", ()))
    for kind in type(item).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names.extend([slots] if isinstance(slots, str) else slots)
    return [
        f"_{type(item).__name__}{name}"
        if name.startswith("__") and name[-2:] != "__"
        else name
        for name in names
        if name not in {"__weakref__", "__dict__"}
    ]


def bytes_copied(fs: UnionFS) -> int:
    """
    Count the bytes of lower files that the upper holds copies of.

    Bytes that a file of the upper shares with the lower file it came from are not
    copied; nor are those that the caller wrote, which were never below.

    >>> from unionfs_sim import Layer, UnionFS
    >>> fs = UnionFS([Layer.build({"big": b"x" * 100_000})])
    >>> with fs.open("/big", "r+b") as file:
    ...     written = file.write(b"y")
    >>> bytes_copied(fs)
    0
    """
    total = 0
    pending: list[UpperDirectory] = [fs.space.root]
    seen: set[int] = set()
    while pending:
        for entry in pending.pop().entries.values():
            if isinstance(entry, UpperDirectory):
                pending.append(entry)
            elif isinstance(entry, UpperFile) and id(entry) not in seen:
                seen.add(id(entry))
                total += _copied(entry)
    return total


def _copied(inode: UpperFile) -> int:
    lower, node = inode.origin, inode.node
    if not isinstance(lower, Regular) or not isinstance(node, Regular):
        return 0
    return copied_between(lower.content, node.content)


def copied_between(lower: Content, upper: Content) -> int:
    """
    Count the bytes of one content that another holds copies of, in the same place.

    >>> from unionfs_sim import literal
    >>> copied_between(literal(b"abc"), literal(b"abX"))
    2
    """
    sources = {id(extent.source) for extent in lower.extents()}
    total = position = 0
    for extent in upper.extents():
        if isinstance(extent.source, Literal) and id(extent.source) not in sources:
            mine = extent.read_all()
            theirs = lower.read(position, extent.size)
            total += sum(a == b for a, b in zip(mine, theirs, strict=False))
        position += extent.size
    return total


def literal_bytes(layer: LayerView) -> dict[int, int]:
    """Give the size of each piece of literal bytes that a layer holds, by identity."""
    found: dict[int, int] = {}
    pending = [layer.root]
    while pending:
        for entry in pending.pop().entries.values():
            if isinstance(entry, Directory):
                pending.append(entry)
            elif entry is not WHITEOUT and isinstance(entry, Regular):
                for extent in entry.content.extents():
                    if isinstance(extent.source, Literal):
                        found[id(extent.source)] = len(extent.source.data)
    return found
