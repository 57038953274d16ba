"""
`Lab`: one implementation of all that the lab has, correct or with a bug planted.

Properties are written against this, so that they can be run on many implementations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from unionfs_sim.teaching.lab import algebra
from unionfs_sim.teaching.lab.algebra import Member
from unionfs_sim.teaching.lab.containers import Container, Image, Volume
from unionfs_sim.teaching.lab.resolve import Bug, correct
from unionfs_sim.teaching.lab.stack import Stack
from unionfs_sim.teaching.lab.values import Layer, Path, PathLike


class Lab:
    """
    The plain implementation, with no bug or those that *bug* tells of.

    >>> from unionfs_sim.teaching.lab import stack
    >>> Lab().stack(stack("a=1 | ~a")).lookup("a")
    >>> Lab(bug={"wh_ignored"}.__contains__).stack(stack("a=1 | ~a")).lookup("a")
    File(b'1')
    """

    #: Whether the writable layer holds no mark or copy that is not needed.  An
    #: implementation may leave more; then properties that look there do not apply.
    tidy = True

    def __init__(self, name: str = "plain", bug: Bug = correct) -> None:
        self.name = name
        self.bug = bug
        self._last: tuple[Image, Stack] | None = None

    def stack(self, layers: Sequence[Layer] = ()) -> Stack:
        """Put an empty writable layer over layers, base first."""
        return Stack(layers, self.bug)

    def squash(self, lower: Layer, upper: Layer) -> Layer:
        """Make one layer of two."""
        return algebra.squash(lower, upper, self.bug)

    def diff(self, before: Layer, after: Layer) -> Layer:
        """Give the layer that makes one plain tree of another."""
        return algebra.diff(before, after, self.bug)

    def to_archive(self, layer: Layer) -> list[Member]:
        """Write a layer down as members of an archive."""
        return algebra.to_archive(layer, self.bug)

    def from_archive(self, members: Sequence[Member]) -> Layer:
        """Read a layer from the members of an archive."""
        return algebra.from_archive(members, self.bug)

    def digest(self, layer: Layer) -> str:
        """Name a layer by its content."""
        return algebra.digest(layer, self.bug)

    def volume(self, content: Layer | None = None) -> Volume:
        """Make a volume."""
        return Volume(content, self.bug)

    def container(
        self,
        image: Image,
        mounts: Mapping[Path, Volume] | Mapping[str, Volume] | None = None,
        read_only: Collection[PathLike] = (),
    ) -> Container:
        """Start a container."""
        union = self.stack(image)
        if self.bug("containers_share_upper"):
            if self._last is not None and self._last[0] is image:
                union = self._last[1]
            self._last = image, union
        return Container(image, mounts, read_only, self.bug, union)

    def __repr__(self) -> str:
        """Show its name."""
        return f"<Lab {self.name}>"
