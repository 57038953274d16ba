"""How much a reader puts up with, and what it found odd but readable."""

from __future__ import annotations

from typing import Final

import attrs

KIB: Final = 1024
MIB: Final = 1024 * KIB

#: The largest number of a file size or an id that is taken (a signed 64-bit word).
NUMBER_MAX: Final = 2**63 - 1


@attrs.frozen(kw_only=True)
class Limits:
    """
    The limits of one reading; the defaults are those of layer-formats, section 8.

    Attributes:
        entries_max: Entries of one archive, and of the layers of one image together, a
            layer that occurs again left out.  Whatever else takes memory counts as
            well: a directory that only a name implies as one entry, and 64
            components or 256 bytes of names, targets and extended attributes beyond
            the first as one each.
        layers_max: Layers of one image.
        layer_bytes_max: Bytes of one layer after decompression, holes of sparse files
            included; ``None`` for any.
        ratio_odd: A layer that grows by more than this factor is reported.
        ratio_max: A layer that grows by more than this factor is refused, once it has
            become larger than the next limit; ``None`` for any.
        ratio_free_bytes: Bytes that a layer may have after decompression, holes
            included, however small it is stored; what the layers of one image that
            grow by more have after decompression together.
        path_bytes_max: Bytes of one name in an archive, and of one link target.
        components_max: Components of one name.
        pax_bytes_max: Bytes of one pax header.
        pax_global_bytes_max: Bytes of the global pax records in force, which every
            entry has to be looked up in.
        xattr_bytes_max: Bytes of all extended attributes of one entry.
        json_bytes_max: Bytes of one JSON document.
        json_depth_max: Levels of one JSON document.
        index_depth_max: Indexes within indexes.
        symlink_hops_max: Links that one name inside an archive leads through.
        window_bytes_max: Memory that a zstd frame may ask for.

    >>> Limits(entries_max=10).json_depth_max
    64
    """

    entries_max: int = 5_000_000
    layers_max: int = 1024
    layer_bytes_max: int | None = None
    ratio_odd: int = 500
    ratio_max: int | None = 500
    ratio_free_bytes: int = 1024 * MIB
    path_bytes_max: int = 64 * KIB
    components_max: int = 4096
    pax_bytes_max: int = MIB
    pax_global_bytes_max: int = 16 * KIB
    xattr_bytes_max: int = MIB
    json_bytes_max: int = 4 * MIB
    json_depth_max: int = 64
    index_depth_max: int = 8
    symlink_hops_max: int = 40
    window_bytes_max: int = 128 * MIB

    def free_bytes_of(self, stored_bytes: int, found_bytes: int) -> int:
        """
        Give how many of the free bytes something has used up that was taken.

        >>> Limits().free_bytes_of(10, 5000), Limits().free_bytes_of(10, 5001)
        (0, 5001)
        """
        if self.ratio_max is None or found_bytes <= self.ratio_max * stored_bytes:
            return 0
        return found_bytes


#: What a reader takes whose caller says nothing.
DEFAULT_LIMITS: Final = Limits()


def why_too_large(stored_bytes: int, found_bytes: int, limits: Limits) -> str:
    """
    Say why something has grown too much, or nothing.

    >>> why_too_large(10, 6000, Limits(ratio_free_bytes=1000))
    '10 bytes become 6000 and more, which is over 500 times as many'
    >>> why_too_large(10, 6000, Limits())
    ''
    """
    if (
        limits.ratio_max is not None
        and found_bytes > limits.ratio_free_bytes
        and found_bytes > limits.ratio_max * stored_bytes
    ):
        return (
            f"{stored_bytes} bytes become {found_bytes} and more, which is over"
            f" {limits.ratio_max} times as many"
        )
    if limits.layer_bytes_max is not None and found_bytes > limits.layer_bytes_max:
        return (
            f"more than {limits.layer_bytes_max} bytes when decompressed, holes filled"
        )
    return ""


@attrs.frozen
class Oddity:
    """
    Something that an image should not have, and that does not stop its reading.

    Attributes:
        place: Where it is: the archive or layer, and the entry.
        sentence: What is odd, and what was made of it.

    >>> str(Oddity("layer 0: entry 'dev/x'", "type 'V' is unknown, skipped"))
    "layer 0: entry 'dev/x': type 'V' is unknown, skipped"
    """

    place: str
    sentence: str

    def __str__(self) -> str:
        """Give place and sentence as one line."""
        return f"{self.place}: {self.sentence}"
