"""`Image`: an image as a value, whether it was read from a file or made by an edit."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.core.layer import Layer
from unionfs_sim.image.limits import Oddity
from unionfs_sim.image.model import Descriptor, History, ImageConfig

_SHORT_DIGITS: Final = 12


@attrs.frozen(kw_only=True, eq=False)
class LayerBlob:
    """
    The bytes that a layer was read from.

    Attributes:
        stored: As they are stored, perhaps compressed.
        tar: The tar in them.
    """

    stored: Content
    tar: Content


@attrs.frozen(kw_only=True, eq=False)
class Image:
    """
    An image that is open: its layers refer to files that closing it closes.

    An edit gives another image, which shares these files: closing either closes both.

    Attributes:
        place: Where it was read from.
        layers_base_first: Its layers.
        diff_ids: The digests of their tars.
        chain_ids: The names of the stacks that they make, from the base up.
        image_id: The digest of the config; ``None`` for a single layer tar.
        manifest_digest: The digest of the manifest, where there is one.
        names: Its names in the archive.
        config: Its config; ``None`` for a single layer tar.
        descriptors: Type, digest and size of each layer's blob as it is stored; of a
            layer that is not stored yet, those of its tar.
        oddities: What was odd.
        blobs: What each layer was read from; ``None`` for one that is not stored yet.
        manifest_raw: The manifest's bytes as they are stored, where there is one.
    """

    place: str
    layers_base_first: tuple[Layer, ...]
    diff_ids: tuple[str, ...]
    chain_ids: tuple[str, ...]
    image_id: str | None = None
    manifest_digest: str | None = None
    names: tuple[str, ...] = ()
    config: ImageConfig | None = None
    descriptors: tuple[Descriptor, ...] = ()
    oddities: tuple[Oddity, ...] = ()
    blobs: tuple[LayerBlob | None, ...] = attrs.field(default=(), repr=False)
    manifest_raw: bytes | None = attrs.field(default=None, repr=False)
    _resources: ExitStack = attrs.field(repr=False)

    @property
    def history(self) -> tuple[History, ...]:
        """The steps of its build."""
        return self.config.history if self.config else ()

    def layers_top_first(self) -> tuple[Layer, ...]:
        """Give the layers in the order that `Stack` takes them."""
        return self.layers_base_first[::-1]

    def with_layer(
        self,
        layer: Layer,
        *,
        created_by: str = "",
        comment: str = "",
        author: str = "",
        created: str = "",
        mtime_max_ns: int | None = None,
    ) -> Image:
        """
        Give this image with one more layer on top; all others keep their stored bytes.

        The layer is read through once for its digest.  Redirects in it, which
        `UnionFS` makes on demand and a tar cannot hold, become copies.

        Args:
            layer: The layer, such as `UnionFS.commit` gives it.
            created_by: What made it, for the history.
            comment: What else there is to say.
            author: Who made it.
            created: When, as RFC 3339 text; left out if empty.
            mtime_max_ns: Later times in the layer become this one.

        Raises:
            FormatError: The layer holds what an image cannot, such as a socket.
            OSError: The content of a file is gone.

        >>> from unionfs_sim.image.build import new_image
        >>> image = new_image([Layer.build({"motd": "hello"})])
        >>> patched = image.with_layer(Layer.build({"motd": "bye"}), created_by="edit")
        >>> patched.diff_ids[:1] == image.diff_ids, len(patched.diff_ids)
        (True, 2)
        >>> patched.history[-1].created_by
        'edit'
        """
        from unionfs_sim.image.build import (  # noqa: PLC0415 - it makes images itself
            with_layer,
        )

        step = History(
            created=created, created_by=created_by, author=author, comment=comment
        )
        return with_layer(self, layer, step, mtime_max_ns=mtime_max_ns)

    def close(self) -> None:
        """Close the files; the content of the layers cannot be read any more."""
        self._resources.close()

    def __enter__(self) -> Self:
        """Give the image itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files."""
        self.close()


def layer_label(number: int, diff_id: str) -> str:
    """
    Name a layer for people: as it reads in "hidden by a whiteout in ...".

    >>> layer_label(3, "sha256:0123456789abcdef")
    'layer 3 (sha256:0123456789ab)'
    """
    algorithm, _, digits = diff_id.partition(":")
    return f"layer {number} ({algorithm}:{digits[:_SHORT_DIGITS]})"
