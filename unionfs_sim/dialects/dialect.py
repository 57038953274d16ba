"""
What a dialect is: how one real system writes whiteouts and opaque marks down.

All dialects read and write *raw* layers, which hold exactly what is on disk, name by
name, and no marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, final

import attrs

from unionfs_sim.core.layer import Layer
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.records import DirectoryRecord


@final
@attrs.frozen(eq=False)
class Encoded:
    """
    A layer as it was written down.

    Attributes:
        raw: What is to be on disk.
        losses: What reading it back will not give, as sentences that begin with the
            path; a merged view shows the difference, or could.
    """

    raw: Layer
    losses: tuple[str, ...] = ()


class Encode(Protocol):
    """How a dialect writes; see `Dialect`."""

    def __call__(self, layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
        """Write a layer down."""
        ...  # pragma: no cover


@final
@attrs.frozen(kw_only=True, eq=False)
class Dialect:
    """
    One system's way to keep layers in directories.

    `decode` takes a raw layer and gives the layer that it stands for, or raises
    `FormatError` where marks make no sense.  `encode` takes a layer and, where it is
    known, the merged view of the layers below (`Stack.root`), and gives an `Encoded`.
    It raises `FormatError` for what would come back as something else: a redirect
    where there are none, a file that would be read as a mark.  Knowing what is below
    lets it say more: a redirect becomes a full copy, a parent without attributes gets
    those that show.

    Attributes:
        name: What it is called.
        about: What it is, in a line.
        policy: The mount options that its unions live by.
        decode: Reads a raw layer.
        encode: Writes one.
        options: Makes the mount option that names the directories, top first; an
            empty text if nothing mounts them.

    >>> from unionfs_sim import WHITEOUT
    >>> from unionfs_sim.dialects.registry import dialect
    >>> gone = Layer.build({"etc/motd": WHITEOUT})
    >>> [path for path, _ in dialect("aufs").encode(gone).raw.walk()][-2:]
    ['/etc', '/etc/.wh.motd']
    """

    name: str
    about: str
    policy: Policy
    decode: Callable[[Layer], Layer]
    encode: Encode
    options: Callable[[tuple[str, ...]], str]

    def __repr__(self) -> str:
        """Show the name."""
        return f"<Dialect {self.name}>"


def lowerdir(directories_top_first: Iterable[str]) -> str:
    """
    Make the option that names the layers, as overlayfs and fuse-overlayfs take it.

    >>> lowerdir(("/srv/b,1", "/srv/a"))
    'lowerdir=/srv/b\\\\,1:/srv/a'
    """
    quoted = (
        "".join("\\" + char if char in "\\:," else char for char in each)
        for each in directories_top_first
    )
    return "lowerdir=" + ":".join(quoted)
