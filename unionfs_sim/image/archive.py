"""Docker archives, as ``docker save``, skopeo and podman write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from unionfs_sim.errors import DigestError, FormatError
from unionfs_sim.image import digest, documents, names, selection
from unionfs_sim.image.documents import Members
from unionfs_sim.image.files import Files
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.model import ImageConfig
from unionfs_sim.image.selection import Selection, StoredLayer

#: A config is called by its digest: ``<hex>.json``, or ``blobs/sha256/<hex>``.
_CONFIG_NAME: Final = re.compile(
    r"(?:blobs/sha256/([0-9a-f]{64})|([0-9a-f]{64})\.json)"
)


def select(
    files: Files, *, name: str | None, limits: Limits, verify: bool
) -> Selection:
    """
    Find one image of a Docker archive.

    Args:
        files: The archive.
        name: The image's name or ID; may be missing if there is only one.
        limits: How much is put up with.
        verify: Whether the config is checked against the digest in its name.

    Raises:
        FormatError: The archive is broken, or does not have the image.
        DigestError: The config is not what its name says.
    """
    place = f"{files.place}: manifest.json"
    value, _ = documents.load(files.get("manifest.json"), place=place, limits=limits)
    images = Members(place, {"images": value}).each("images")
    if not images:
        msg = f"{place}: it lists no image"
        raise FormatError(msg)
    image = images[_number(images, name, place=place)]
    path = image.text("Config")
    value, raw = documents.load(
        files.get(path), place=f"{files.place}: {path}", limits=limits
    )
    config = ImageConfig.of(value, raw, place=f"{files.place}: {path}")
    announced = config_id(path)
    if verify and announced is not None and config.image_id != announced:
        msg = f"{files.place}: {path}: the content is {config.image_id}"
        raise DigestError(msg)
    paths = image.texts("Layers", needed=False)
    selection.pair_up(config.diff_ids, paths, place=files.place, limits=limits)
    return Selection(
        config=config,
        layers_base_first=tuple(
            StoredLayer(blob=files.get(layer), diff_id=diff_id)
            for layer, diff_id in zip(paths, config.diff_ids, strict=True)
        ),
        names=image.texts("RepoTags", needed=False),
    )


def config_id(path: str) -> str | None:
    """
    Give the digest in a config's name, if there is one.

    >>> config_id("config.json") is None
    True
    """
    match = _CONFIG_NAME.fullmatch(path)
    return f"sha256:{match[1] or match[2]}" if match else None


def _number(images: Sequence[Members], name: str | None, *, place: str) -> int:
    """Find the image that a name or an ID means."""
    tags = [image.texts("RepoTags", needed=False) for image in images]
    if name is None:
        if len(images) == 1:
            return 0
        msg = f"{place}: a name is needed to choose an image; {names.listing(tags)}"
        raise FormatError(msg)
    for number, image in enumerate(images):
        image_id = config_id(image.text("Config"))
        if image_id is not None and digest.matches(image_id, name):
            return number
    found = names.matching(name, tags, place=place)
    if len(found) > 1:
        msg = f"{place}: {len(found)} images are called {name!r}"
        raise FormatError(msg)
    return found[0]
