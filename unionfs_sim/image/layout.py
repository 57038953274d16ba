"""OCI image layouts: from ``index.json`` down to the blobs of one image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from unionfs_sim.core.content import Content, literal
from unionfs_sim.errors import DigestError, FormatError
from unionfs_sim.image import digest, documents, names, selection
from unionfs_sim.image.documents import Members
from unionfs_sim.image.files import Files
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.model import (
    INDEX_TYPES,
    LAYER_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    Platform,
)
from unionfs_sim.image.selection import Selection, StoredLayer

_LAYOUT_VERSION: Final = "1.0.0"
_UNKNOWN: Final = "unknown"


def select(
    files: Files,
    *,
    name: str | None,
    platform: str,
    limits: Limits,
    verify: bool,
    known: Callable[[StoredLayer], bool] = lambda _: False,
) -> Selection:
    """
    Find one image of a layout.

    Args:
        files: The layout.
        name: The image's name, digest or ID; may be missing if there is only one.
        platform: Which image of a nested index is meant.
        limits: How much is put up with.
        verify: Whether blobs are checked against their digests.
        known: Tells which layers have been checked before and need it no more.

    Raises:
        FormatError: The layout is broken, or does not have the image.
        DigestError: A blob is not what its descriptor says.
    """
    reading = _Layout(files, limits, verify=verify, known=known)
    return reading.select(name, Platform.parse(platform))


def check_version(files: Files, *, limits: Limits) -> None:
    """
    Check that a layout is of the one version there is.

    Raises:
        FormatError: It is not, or does not say.
    """
    place = f"{files.place}: oci-layout"
    value, _ = documents.load(files.get("oci-layout"), place=place, limits=limits)
    version = Members.of(value, place).text("imageLayoutVersion")
    if version != _LAYOUT_VERSION:
        msg = f"{files.place}: layout version {version!r:.100}, not {_LAYOUT_VERSION}"
        raise FormatError(msg)


def find_blob(files: Files, descriptor: Descriptor) -> Content:
    """
    Find a blob in a layout or in its descriptor, unchecked.

    Raises:
        FormatError: It is nowhere, or only at some address.
    """
    path = digest.blob_path(descriptor.digest)
    if files.has(path):
        return files.get(path)
    if descriptor.data is not None:
        return literal(descriptor.data)
    if descriptor.urls:
        place = f"{files.place}: blob {descriptor.digest}"
        msg = f"{place}: it is not in the layout, only at {descriptor.urls[0]!r:.200}"
        raise FormatError(msg)
    return files.get(path)


class _Layout:
    """One layout that is being read."""

    def __init__(
        self,
        files: Files,
        limits: Limits,
        *,
        verify: bool,
        known: Callable[[StoredLayer], bool],
    ) -> None:
        self._files = files
        self._place = files.place
        self._limits = limits
        self._verify = verify
        self._known = known

    def select(self, name: str | None, platform: Platform) -> Selection:
        """Follow the descriptors to the image's blobs."""
        check_version(self._files, limits=self._limits)
        value, _ = self._document(self._files.get("index.json"), "index.json")
        index = Index.of(value, place=f"{self._place}: index.json")
        found = self._named(index, name, platform)
        tags = found.names
        depth = 0
        while found.media_type in INDEX_TYPES:
            depth += 1
            if depth > self._limits.index_depth_max:
                msg = f"{self._place}: more than {depth - 1} indexes within each other"
                raise FormatError(msg)
            value, _ = self._document(self._blob(found), found.digest)
            nested = Index.of(value, place=f"{self._place}: {found.digest}")
            found = self._for_platform(_images(nested.manifests), platform)
        value, manifest_raw = self._document(self._blob(found), found.digest)
        manifest = Manifest.of(value, place=f"{self._place}: {found.digest}")
        value, raw = self._document(self._blob(manifest.config), manifest.config.digest)
        place = f"{self._place}: {manifest.config.digest}"
        config = ImageConfig.of(value, raw, place=place)
        layers = manifest.layers_base_first
        selection.pair_up(
            config.diff_ids, layers, place=self._place, limits=self._limits
        )
        for layer in layers:
            if layer.media_type not in LAYER_TYPES:
                msg = (
                    f"{self._place}: layer {layer.digest} is of the unknown type"
                    f" {layer.media_type!r:.200}"
                )
                raise FormatError(msg)
        return Selection(
            config=config,
            layers_base_first=tuple(
                self._layer(layer, diff_id)
                for layer, diff_id in zip(layers, config.diff_ids, strict=True)
            ),
            names=tags,
            manifest_digest=found.digest,
            manifest_raw=manifest_raw,
        )

    def _document(self, content: Content, name: str) -> tuple[Any, bytes]:
        place = f"{self._place}: {name}"
        return documents.load(content, place=place, limits=self._limits)

    def _layer(self, descriptor: Descriptor, diff_id: str) -> StoredLayer:
        """Find a layer's blob, and check it unless that has been done before."""
        blob = self._found(descriptor)
        stored = StoredLayer(blob=blob, diff_id=diff_id, descriptor=descriptor)
        if self._verify and not self._known(stored):
            self._check(blob, descriptor)
        return stored

    def _blob(self, descriptor: Descriptor) -> Content:
        """Find a blob and check its size, then its digest, before anything else."""
        content = self._found(descriptor)
        if self._verify:
            self._check(content, descriptor)
        return content

    def _check(self, content: Content, descriptor: Descriptor) -> None:
        place = f"{self._place}: blob {descriptor.digest}"
        digest.verify(content, descriptor.digest, place=place)

    def _found(self, descriptor: Descriptor) -> Content:
        """Find a blob of the size that is announced."""
        content = find_blob(self._files, descriptor)
        place = f"{self._place}: blob {descriptor.digest}"
        if content.size != descriptor.size:
            msg = f"{place}: {content.size} bytes, not {descriptor.size} as announced"
            raise DigestError(msg)
        return content

    def _named(self, index: Index, name: str | None, platform: Platform) -> Descriptor:
        """Choose the entry of ``index.json`` that a name means."""
        images = _images(index.manifests)
        if name is not None:
            by_digest = [image for image in images if image.digest == name]
            if by_digest:
                return by_digest[0]
            tags = [image.names for image in images]
            found = names.matching(name, tags, place=self._place)
            images = [images[number] for number in found]
        if len({image.digest for image in images}) == 1:
            return images[0]
        tagged = {image.names for image in images}
        if images and len(tagged) == 1:
            return self._for_platform(images, platform)
        what = names.listing([image.names for image in images])
        msg = f"{self._place}: a name is needed to choose an image; {what}"
        raise FormatError(msg)

    def _for_platform(
        self, images: Sequence[Descriptor], platform: Platform
    ) -> Descriptor:
        """Choose the one image for a platform."""
        found = [image for image in images if _runs_on(image, platform)]
        if len({image.digest for image in images}) == 1 and not images[0].platform:
            return images[0]
        exact = [
            image
            for image in found
            if image.platform and image.platform.variant == platform.variant
        ]
        found = exact or found
        if len({image.digest for image in found}) == 1:
            return found[0]
        words = names.some(str(image.platform or "no platform") for image in images)
        what = "several images are" if found else "no image is"
        msg = f"{self._place}: {what} for {platform}; there are: {words or 'none'}"
        raise FormatError(msg)


def _images(descriptors: Sequence[Descriptor]) -> list[Descriptor]:
    """Leave out build attestations, and what is neither an image nor an index."""
    return [
        descriptor
        for descriptor in descriptors
        if (descriptor.media_type in INDEX_TYPES | MANIFEST_TYPES)
        and not (
            descriptor.platform
            and descriptor.platform.os == _UNKNOWN
            and descriptor.platform.architecture == _UNKNOWN
        )
    ]


def _runs_on(image: Descriptor, platform: Platform) -> bool:
    found = image.platform
    return (
        found is not None
        and (found.os, found.architecture) == (platform.os, platform.architecture)
        and (not platform.variant or found.variant == platform.variant)
    )
