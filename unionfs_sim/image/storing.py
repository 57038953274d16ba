"""How each layer of an image is stored when it is written: kept, or compressed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from unionfs_sim.image import compress, decompress
from unionfs_sim.image.decompress import Compression
from unionfs_sim.image.image import Image
from unionfs_sim.image.model import OCI_LAYER, Descriptor
from unionfs_sim.image.sinks import check_blob
from unionfs_sim.image.tarwriter import tar_pieces

#: What becomes of the compression of layers.
Recompression: TypeAlias = Literal["keep", "none", "gzip", "zstd"]

_COMPRESSIONS: Final[Mapping[Recompression, Compression | None]] = {
    "none": None,
    "gzip": "gzip",
    "zstd": "zstd",
}

_FOREIGN_WORDS: Final = (".nondistributable.", ".foreign.")
_FOREIGN_LAYER: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"


@attrs.frozen(kw_only=True)
class Storing:
    """
    How one layer is stored.

    Attributes:
        diff_id: The digest of its tar.
        kept: Whether the stored bytes stay.
        descriptor: What is known of the blob; ``None`` before it is compressed.
        compression: What *source* goes through on its way.
        media_type: Its type.
        size: How many bytes *source* gives.
        source: Gives the bytes of the blob, or of the tar that is to be compressed.
    """

    diff_id: str
    kept: bool
    descriptor: Descriptor | None
    compression: Compression | None
    media_type: str
    size: int
    source: Callable[[], Iterable[bytes]]


def plan(image: Image, number: int, wanted: Recompression, *, gzip: bool) -> Storing:
    """
    Decide how a layer is stored.

    Args:
        image: The image.
        number: The layer.
        wanted: What is to become of the compression.
        gzip: Whether a new layer is compressed if nothing else is wanted.
    """
    layer, known = image.layers_base_first[number], image.descriptors[number]
    blob, diff_id = image.blobs[number], image.diff_ids[number]
    source: Callable[[], Iterable[bytes]]
    if blob is not None:
        found = decompress.recognise(blob.stored)
        if wanted == "keep" or found == _COMPRESSIONS[wanted]:
            if image.manifest_raw is None:
                known = attrs.evolve(known, media_type=_type(known, found), data=None)
            return Storing(
                diff_id=diff_id,
                kept=True,
                descriptor=known,
                compression=None,
                media_type=known.media_type,
                size=known.size,
                source=blob.stored.chunks,
            )
        size, source = blob.tar.size, blob.tar.chunks
    else:
        size, source = known.size, lambda: tar_pieces(layer)
        if wanted == "keep":
            wanted = "gzip" if gzip else "none"
    compression = _COMPRESSIONS[wanted]
    media_type = _type(known, compression)
    plain = Descriptor(media_type=media_type, digest=diff_id, size=size)
    return Storing(
        diff_id=diff_id,
        kept=False,
        descriptor=None if compression else plain,
        compression=compression,
        media_type=media_type,
        size=size,
        source=source,
    )


def _type(known: Descriptor, compression: Compression | None) -> str:
    """Give the media type of a layer as OCI has it."""
    foreign = any(word in known.media_type for word in _FOREIGN_WORDS)
    kind = _FOREIGN_LAYER if foreign else OCI_LAYER
    return f"{kind}+{compression}" if compression else kind


def verified(pieces: Iterable[bytes], diff_id: str) -> Iterator[bytes]:
    """Pass a tar through, and refuse at its end one that is not what it should be."""
    measured = compress.Measured(pieces, diff_id.partition(":")[0])
    yield from measured
    check_blob(measured, diff_id, measured.size)


def members_of(descriptor: Descriptor) -> dict[str, Any]:
    """Give a descriptor as a document has it."""
    members: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.urls:
        members["urls"] = list(descriptor.urls)
    if descriptor.annotations:
        members["annotations"] = dict(descriptor.annotations)
    return members
