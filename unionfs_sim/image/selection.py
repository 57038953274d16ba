"""Which image an archive was asked for, before its layers are read."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.errors import FormatError
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.model import Descriptor, ImageConfig


@attrs.frozen(kw_only=True)
class StoredLayer:
    """
    A layer's blob as it is stored.

    Attributes:
        blob: The stored bytes.
        diff_id: The digest that the config announces for the tar in it.
        descriptor: What a manifest says of the blob; ``None`` if nothing does.
    """

    blob: Content
    diff_id: str
    descriptor: Descriptor | None = None


@attrs.frozen(kw_only=True)
class Selection:
    """
    One image of an archive.

    Attributes:
        config: Its config.
        layers_base_first: Its layers.
        names: Its names.
        manifest_digest: The digest of its manifest, if it has one.
        manifest_raw: The manifest's bytes as they are stored.
    """

    config: ImageConfig
    layers_base_first: tuple[StoredLayer, ...]
    names: tuple[str, ...]
    manifest_digest: str | None = None
    manifest_raw: bytes | None = attrs.field(default=None, repr=False)


def pair_up(
    diff_ids: Sequence[str], layers: Sequence[object], *, place: str, limits: Limits
) -> None:
    """
    Check that a config announces as many layers as there are.

    Raises:
        FormatError: It does not, or there are more than the limit allows.
    """
    if len(layers) > limits.layers_max:
        msg = f"{place}: {len(layers)} layers, more than {limits.layers_max}"
        raise FormatError(msg)
    if len(diff_ids) != len(layers):
        msg = (
            f"{place}: the config announces {len(diff_ids)} layers,"
            f" and there are {len(layers)}"
        )
        raise FormatError(msg)


def odd_history(config: ImageConfig) -> str | None:
    """
    Say what is odd if the history does not name as many layers as there are.

    >>> odd_history(ImageConfig(raw=b"", document={})) is None
    True
    """
    steps = sum(1 for step in config.history if not step.empty_layer)
    if not config.history or steps == len(config.diff_ids):
        return None
    return f"the history has {steps} steps with a layer, not {len(config.diff_ids)}"
