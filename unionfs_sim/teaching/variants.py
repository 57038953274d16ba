"""
Correct implementations that differ in what the specification leaves open.

A property that rejects one of them asks for more than it may: for no needless whiteout,
for a late copy-up, for one way of marking, for an order inside.  The view is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from unionfs_sim.teaching.lab import (
    Dir,
    File,
    Lab,
    Layer,
    Member,
    Model,
    Node,
    Path,
    PathLike,
    Stack,
    Step,
    path,
    replay,
)
from unionfs_sim.teaching.lab.algebra import diff
from unionfs_sim.teaching.lab.resolve import find
from unionfs_sim.teaching.lab.stack import plain


class GenerousStack(Stack):
    """Whites out whatever is removed, and makes every new directory opaque."""

    def _covered(self, at: Path) -> bool:
        return True

    def mkdir(self, at: PathLike) -> None:
        """Make a directory; it is opaque, needed or not."""
        super().mkdir(at)
        self.upper[path(at)] = Dir(opaque=True)


class EagerStack(Stack):
    """Copies up what an operation names, and its parents, before it looks further."""

    def _bring(self, at: PathLike) -> None:
        at = path(at)
        for depth in range(1, len(at) + 1):
            entry = self.lookup(at[:depth])
            if isinstance(entry, File):
                self._copy_up(at[:depth])
            if not isinstance(entry, Dir):
                return
            if depth < len(at):
                self.upper.setdefault(at[:depth], Dir())

    def write(self, at: PathLike, data: bytes | str) -> None:
        """Make a file hold just these bytes; copy it up first, all of it."""
        self._bring(at)
        super().write(at, data)

    def append(self, at: PathLike, data: bytes | str) -> None:
        """Add bytes to the end of a file that is there."""
        self._bring(at)
        super().append(at, data)

    def chmod(self, at: PathLike, mode: int) -> None:
        """Change the permissions of a file."""
        self._bring(at)
        super().chmod(at, mode)

    def unlink(self, at: PathLike) -> None:
        """Remove a file; copy it up first, needed or not."""
        self._bring(at)
        super().unlink(at)

    def mkdir(self, at: PathLike) -> None:
        """Make a directory."""
        self._bring(at)
        super().mkdir(at)

    def rename(self, old: PathLike, new: PathLike) -> None:
        """Give a file another name; copy up both ends first."""
        self._bring(old)
        self._bring(new)
        super().rename(old, new)


class FoldedStack(Model):
    """
    No resolver at all: a plain tree, and the difference to what it was.

    The layers are folded into a tree when the union is made, operations are the plain
    tree's own, and the writable layer is worked out when somebody asks for it.
    """

    def __init__(self, lowers: Sequence[Layer] = ()) -> None:
        self.lowers = list(lowers)
        self.base = replay(self.lowers)
        super().__init__(self.base)

    @property
    def upper(self) -> Layer:
        """What has changed, as a layer."""
        return diff(plain(self.base), plain(self.files))

    @property
    def layers(self) -> list[Layer]:
        """All layers, base first."""
        return [*self.lowers, self.upper]

    def push(self, *layers: Layer) -> FoldedStack:
        """Give a union with more layers on top."""
        return FoldedStack([*self.lowers, *layers])

    def lookup(self, at: PathLike) -> Node | None:
        """Give the file or directory that shows at a path, or nothing."""
        at = path(at)
        if not at:
            return Dir()
        if at not in self.files:
            return None
        entry = self.files[at]
        return Dir() if entry is None else File(*entry)

    def kind(self, at: PathLike) -> str | None:
        """Tell ``"file"`` or ``"dir"``, or nothing where nothing is."""
        entry = self.lookup(at)
        if entry is None:
            return None
        return "file" if isinstance(entry, File) else "dir"

    def explain(self, at: PathLike) -> list[Step]:
        """Tell which layers were asked for which name, and what they had."""
        story: list[Step] = []
        find(self.layers, path(at), story=story)
        return story

    def diff(self) -> Layer:
        """Give what was written as a layer."""
        return self.upper

    def commit(self) -> list[Layer]:  # type: ignore[override]
        """Make what was written one more read-only layer; give all of them."""
        self.lowers.append(self.upper)
        self.base = dict(self.files)
        super().commit()
        return list(self.lowers)

    def flatten(self) -> Layer:
        """Give one layer without marks that shows the same."""
        return plain(self.files)


class VariantLab(Lab):
    """A correct implementation with another union."""

    def __init__(
        self, name: str, make: Callable[[Sequence[Layer]], Stack], *, tidy: bool
    ) -> None:
        super().__init__(name)
        self._make = make
        self.tidy = tidy

    def stack(self, layers: Sequence[Layer] = ()) -> Stack:
        """Put an empty writable layer over layers, base first."""
        return self._make(layers)

    def to_archive(self, layer: Layer) -> list[Member]:
        """Write a layer down, last member first: the order says nothing."""
        return super().to_archive(layer)[::-1]


@attrs.frozen
class Variant:
    """
    A correct implementation.

    Attributes:
        id: Its letter.
        title: What it does as it may.
        lab: Makes one.
    """

    id: str
    title: str
    lab: Callable[[], Lab]


def _folded(layers: Sequence[Layer]) -> Stack:
    return FoldedStack(layers)  # type: ignore[return-value]  # it has all the verbs


def _library() -> Lab:
    """Make the library's own; half of what a child process imports is only for it."""
    from unionfs_sim.teaching.library import LibraryLab  # noqa: PLC0415

    return LibraryLab("P")


#: The correct implementations that learners' properties must accept.
VARIANTS: Final[Mapping[str, Variant]] = {
    variant.id: variant
    for variant in (
        Variant("A", "the lab as it is", lambda: Lab("A")),
        Variant(
            "B",
            "leaves whiteouts and opaque marks that are not needed",
            lambda: VariantLab("B", GenerousStack, tidy=False),
        ),
        Variant(
            "C",
            "copies up early, also when it fails then",
            lambda: VariantLab("C", EagerStack, tidy=False),
        ),
        Variant(
            "D",
            "folds the layers into a tree and has no resolver",
            lambda: VariantLab("D", _folded, tidy=True),
        ),
        Variant("P", "the library's own union", _library),
    )
}
