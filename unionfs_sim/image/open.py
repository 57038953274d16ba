"""Opening an image, whatever form it is in; `open_image` is the one way in."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import attrs

from unionfs_sim.core.content import Content, Extent
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import WHITEOUT, Directory, Entry, Node
from unionfs_sim.core.paths import Parts
from unionfs_sim.errors import DigestError, FormatError
from unionfs_sim.image import (
    archive,
    decompress,
    digest,
    layout,
    selection,
    tarlayer,
)
from unionfs_sim.image.decompress import Compression
from unionfs_sim.image.files import ArchiveFiles, DirectoryFiles
from unionfs_sim.image.image import Image, LayerBlob, layer_label
from unionfs_sim.image.index import Index, IndexedLayer
from unionfs_sim.image.limits import DEFAULT_LIMITS, Limits, Oddity
from unionfs_sim.image.model import (
    DOCKER_PLAIN_LAYER,
    LAYER_TYPES,
    OCI_LAYER,
    Descriptor,
)
from unionfs_sim.image.selection import Selection, StoredLayer
from unionfs_sim.image.sources import FileSource, Spool
from unionfs_sim.image.tarlayer import DeviceZero, TarLayer
from unionfs_sim.image.tarxattrs import Like

__all__ = ["Image", "open_image"]

#: The media type of a compressed layer that no manifest gives one.
_SNIFFED_TYPES: Final = {
    None: DOCKER_PLAIN_LAYER,
    "gzip": f"{DOCKER_PLAIN_LAYER}.gzip",
    "zstd": f"{DOCKER_PLAIN_LAYER}.zstd",
}


def open_image(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    platform: str = "linux/amd64",
    limits: Limits = DEFAULT_LIMITS,
    verify: bool = True,
    lenient: bool = False,
    device_zero: DeviceZero = "refuse",
    like: Like | None = None,
    index: str | os.PathLike[str] | None = None,
) -> Image:
    """
    Open an image: an OCI layout, a Docker archive, or the tar of a single layer.

    The form is recognised by content, compression by its first bytes.  All layers are
    checked and parsed here; the content of files is read when it is asked for.  With
    an index, layers that it knows are neither read nor hashed again: takes O(layers),
    and directories are read from the index as they are looked into.

    Args:
        path: A file, or the directory of a layout.
        name: Which image, if there are several: a reference, a tag, or a digest.
        platform: Which image of a nested index, as ``os/architecture[/variant]``.
        limits: How much is put up with.
        verify: Whether everything is checked against the digests it is announced
            with.
        lenient: Of two entries of one name in a layer the last one wins, instead of
            being refused.
        device_zero: What becomes of a character device 0:0 in a layer.
        like: ``"docker"`` for what Docker makes of input that we read as nobody does
            (`unionfs_sim.image.tarlayer.read_layer`).
        index: A directory of the caller's alone that remembers layers for the next
            time (`unionfs_sim.image.index`); made if it is not there.  Not used with
            limits other than the default, nor for the tar of a single layer.

    Raises:
        FormatError: The image is broken, over a limit, or not there by that name; or
            others can write in the index.
        DigestError: Something differs from the digest that it is announced with.
        OSError: The file cannot be read.
    """
    with ExitStack() as resources:
        opening = _Opening(
            os.fspath(path),
            resources,
            limits=limits,
            verify=verify,
            lenient=lenient,
            device_zero=device_zero,
            like=like,
            index=index,
        )
        if stat.S_ISDIR(Path(path).stat().st_mode):
            files = DirectoryFiles(opening.place, resources)
            if not (files.has("oci-layout") or files.has("index.json")):
                msg = f"{opening.place}: a directory without an OCI layout in it"
                raise FormatError(msg)
            found = layout.select(
                files,
                name=name,
                platform=platform,
                limits=limits,
                verify=verify,
                known=opening.knows,
            )
            return opening.image(found)
        return opening.file(name, platform)


@attrs.frozen(kw_only=True)
class _Tar:
    """A blob without its compression; hashed if it had one."""

    content: Content
    compression: Compression | None = None
    digest: str | None = None


class _Opening:
    """One image that is being opened."""

    def __init__(
        self,
        place: str,
        resources: ExitStack,
        *,
        limits: Limits,
        verify: bool,
        lenient: bool,
        device_zero: DeviceZero,
        like: Like | None,
        index: str | os.PathLike[str] | None,
    ) -> None:
        self.place = place
        self._resources = resources
        self._limits = limits
        self._verify = verify
        self._lenient = lenient
        self._device_zero = device_zero
        self._like = like
        self._oddities: list[Oddity] = []
        self._spool = Spool()
        resources.callback(self._spool.close)
        self._index: Index | None = None
        if index is not None and limits == DEFAULT_LIMITS:
            self._index = Index(index, self._spool, lenient, device_zero, like)
        # A layer can occur twice in an image: it is decompressed and hashed once.
        self._tars: dict[tuple[int, int, int, str], _Tar] = {}
        self._keep: list[Content] = []  # so that the ids in the keys stay theirs
        # ... and parsed once, by the identity of its tar, if it stands on its own.
        self._read: dict[int, TarLayer] = {}
        self._entries = 0
        self._counted: set[int] = set()  # layers of the index that are counted
        self._free_bytes = limits.ratio_free_bytes

    def file(self, name: str | None, platform: str) -> Image:
        """Open a file: an archive is read like a layer, and its names tell the form."""
        source = FileSource(self.place)
        self._resources.callback(source.close)
        stored = source.content()
        if not stored.size:
            msg = f"{self.place}: the file is empty"
            raise FormatError(msg)
        spooled = self._spooled(stored, self.place)
        read = tarlayer.read_layer(
            spooled.content,
            place=self.place,
            limits=self._limits,
            stored_bytes=stored.size,
            lenient=self._lenient,
            device_zero=self._device_zero,
            like=self._like,
            postpone=True,
        )
        root = read.layer.root.entries
        files = ArchiveFiles(self.place, read.layer, self._limits)
        if "oci-layout" in root and "index.json" in root:
            found = layout.select(
                files,
                name=name,
                platform=platform,
                limits=self._limits,
                verify=self._verify,
                known=self.knows,
            )
        elif "manifest.json" in root:
            found = archive.select(
                files, name=name, limits=self._limits, verify=self._verify
            )
        else:
            _refuse_near_misses(read.layer, self.place)
            if name is not None:
                msg = f"{self.place}: the tar of a single layer, which has no {name!r}"
                raise FormatError(msg)
            return self._single(stored, spooled, read)
        self._oddities += read.oddities
        return self.image(found)

    def image(self, found: Selection) -> Image:
        """Read the layers of an image that was found."""
        odd = selection.odd_history(found.config)
        if odd:
            self._report(self.place, odd)
        layers: list[Layer] = []
        descriptors: list[Descriptor] = []
        blobs: list[LayerBlob] = []
        for number, stored in enumerate(found.layers_base_first):
            label = layer_label(number, stored.diff_id)
            known = self._known(stored)
            if known is None:
                read, tar, descriptor = self._read_layer(
                    stored, label, LayersBelow(layers)
                )
                layer = attrs.evolve(read.layer, label=label, diff_id=stored.diff_id)
            else:
                layer = Layer(label, known.tree.root, stored.diff_id)
                tar = known.tar
                descriptor = _descriptor(stored, known.compression, known.stored_digest)
            layers.append(layer)
            descriptors.append(descriptor)
            blobs.append(LayerBlob(stored=stored.blob, tar=tar))
        if self._index:
            self._index.trim()
        diff_ids = found.config.diff_ids
        return Image(
            place=self.place,
            layers_base_first=tuple(layers),
            diff_ids=diff_ids,
            chain_ids=digest.chain_ids(diff_ids),
            image_id=found.config.image_id,
            manifest_digest=found.manifest_digest,
            names=found.names,
            config=found.config,
            descriptors=tuple(descriptors),
            blobs=tuple(blobs),
            manifest_raw=found.manifest_raw,
            oddities=tuple(self._oddities),
            resources=self._resources.pop_all(),
        )

    def knows(self, stored: StoredLayer) -> bool:
        """Tell whether the index has a layer, so that it needs no checking."""
        return self._index is not None and self._index.find(stored) is not None

    def _known(self, stored: StoredLayer) -> IndexedLayer | None:
        """Give a layer from the index, its entries counted as if they were read."""
        known = self._index.find(stored) if self._index else None
        if known is None or id(known) in self._counted:
            return known
        self._counted.add(id(known))
        self._entries += known.entries
        if self._entries > self._limits.entries_max:
            msg = f"{self.place}: more than {self._limits.entries_max} entries"
            raise FormatError(msg)
        return known

    def _read_layer(
        self, stored: StoredLayer, label: str, below: LayersBelow
    ) -> tuple[TarLayer, Content, Descriptor]:
        """Check and read a layer, and keep it in the index if nothing was odd."""
        place = f"{self.place}: {label}"
        odd_before = len(self._oddities)
        tar, compression, descriptor = self._tar(stored, place)
        known = self._read.get(id(tar))
        if known is not None:
            return known, tar, descriptor
        entries_before = self._entries
        read = tarlayer.read_layer(
            tar,
            label=label,
            place=place,
            diff_id=stored.diff_id,
            limits=self._limits,
            stored_bytes=stored.blob.size,
            entries_before=entries_before,
            lenient=self._lenient,
            device_zero=self._device_zero,
            like=self._like,
            below=below,
        )
        self._entries = read.entries
        if not read.depends:
            self._read[id(tar)] = read
        self._oddities += read.oddities
        plain = not read.depends and len(self._oddities) == odd_before
        if self._index and self._verify and plain:
            self._index.keep(
                stored,
                tar,
                read.layer,
                compression=compression,
                stored_digest=descriptor.digest,
                entries=read.entries - entries_before,
            )
        return read, tar, descriptor

    def _report(self, place: str, sentence: str) -> None:
        self._oddities.append(Oddity(place, sentence))

    def _single(self, stored: Content, spooled: _Tar, read: TarLayer) -> Image:
        """Make an image of one layer without a config."""
        if read.refusal is not None:
            raise read.refusal
        self._check_size(spooled.content, self.place)
        compression = spooled.compression
        diff_id = spooled.digest or digest.of_content(spooled.content)
        blob = digest.of_content(stored) if compression else diff_id
        layer = attrs.evolve(read.layer, label=layer_label(0, diff_id), diff_id=diff_id)
        return Image(
            place=self.place,
            layers_base_first=(layer,),
            diff_ids=(diff_id,),
            chain_ids=(diff_id,),
            descriptors=(
                Descriptor(
                    media_type=OCI_LAYER + (f"+{compression}" if compression else ""),
                    digest=blob,
                    size=stored.size,
                ),
            ),
            blobs=(LayerBlob(stored=stored, tar=spooled.content),),
            oddities=(*self._oddities, *read.oddities),
            resources=self._resources.pop_all(),
        )

    def _tar(
        self, stored: StoredLayer, place: str
    ) -> tuple[Content, Compression | None, Descriptor]:
        """Give a layer's tar, checked against its digest, and say how it is stored."""
        algorithm = stored.diff_id.partition(":")[0]
        spooled = self._spooled(stored.blob, place, algorithm=algorithm)
        self._check_type(stored, spooled, place)
        self._check_size(spooled.content, place)
        descriptor = stored.descriptor
        found = spooled.digest
        if found is None and descriptor and descriptor.digest == stored.diff_id:
            found = stored.diff_id  # the blob is the tar, and has been verified
        if self._verify:
            found = found or digest.of_content(spooled.content, algorithm=algorithm)
            if found != stored.diff_id:
                msg = f"{place}: the tar is {found}, not {stored.diff_id} as announced"
                raise DigestError(msg)
        if descriptor is None:
            compression = spooled.compression
            blob = digest.of_content(stored.blob) if compression else stored.diff_id
            descriptor = _descriptor(stored, compression, blob)
        return spooled.content, spooled.compression, descriptor

    def _check_size(self, tar: Content, place: str) -> None:
        limit = self._limits.layer_bytes_max
        if limit is not None and tar.size > limit:
            msg = f"{place}: a tar of {tar.size} bytes, more than {limit}"
            raise FormatError(msg)

    def _check_type(self, stored: StoredLayer, spooled: _Tar, place: str) -> None:
        """Report a blob that is not compressed as its media type says."""
        if stored.descriptor is None:
            return
        media_type = stored.descriptor.media_type
        announced = LAYER_TYPES[media_type]
        if announced == spooled.compression:
            return
        if not stored.blob.size:
            msg = f"{place}: the blob of type {media_type} is empty"
            raise FormatError(msg)
        found = spooled.compression or "not compressed"
        self._report(place, f"the blob of type {media_type} is {found}")

    def _spooled(self, blob: Content, place: str, *, algorithm: str = "sha256") -> _Tar:
        """Decompress a blob, if it is compressed, into the spool and hash the result."""
        key = (*identity(blob), algorithm)
        if key in self._tars:
            return self._tars[key]
        compression = decompress.recognise(blob)
        if compression is None:
            spooled = _Tar(content=blob)
        else:
            hasher = hashlib.new(algorithm, usedforsecurity=False)
            limits = attrs.evolve(self._limits, ratio_free_bytes=self._free_bytes)
            pieces = decompress.chunks(blob, compression, place=place, limits=limits)
            content = self._spool.add(_hashed(pieces, hasher))
            self._free_bytes -= limits.free_bytes_of(blob.size, content.size)
            if content.size > self._limits.ratio_odd * blob.size:
                self._report(place, f"{blob.size} bytes become {content.size}")
            spooled = _Tar(
                content=content,
                compression=compression,
                digest=f"{algorithm}:{hasher.hexdigest()}",
            )
        self._tars[key] = spooled
        self._keep.append(blob)
        return spooled


def identity(content: Content) -> tuple[int, int, int]:
    """Give what is the same of two contents only if they are the same stored bytes."""
    if isinstance(content, Extent):
        return id(content.source), content.offset, content.size
    return id(content), 0, content.size


def _descriptor(
    stored: StoredLayer, compression: Compression | None, blob_digest: str
) -> Descriptor:
    """Give what is said of a layer's blob, or what there is to say where nothing is."""
    return stored.descriptor or Descriptor(
        media_type=_SNIFFED_TYPES[compression],
        digest=blob_digest,
        size=stored.blob.size,
    )


def _hashed(pieces: Iterable[bytes], hasher: hashlib._Hash) -> Iterator[bytes]:
    """Pass pieces through and hash them."""
    for piece in pieces:
        hasher.update(piece)
        yield piece


@attrs.frozen
class LayersBelow:
    """Finds what the layers read so far show at a path."""

    layers_base_first: Sequence[Layer]

    def __call__(self, parts: Parts) -> Node | None:
        """Give the node, or ``None`` if nothing shows."""
        for layer in reversed(self.layers_base_first):
            entry: Entry | None = layer.root
            hides = False  # whether this layer hides what is below at the path
            for name in parts:
                if not isinstance(entry, Directory):
                    break
                hides = hides or entry.opaque
                entry = entry.entries.get(name)
            else:
                if entry is WHITEOUT:
                    return None
                if entry is not None and not (
                    isinstance(entry, Directory) and entry.bare
                ):
                    return entry
            if hides or entry is not None:
                return None
        return None


def _refuse_near_misses(layer: Layer, place: str) -> None:
    """Refuse an archive that is nearly a layout, or of Docker's oldest form."""
    root = layer.root.entries
    if "oci-layout" in root:
        msg = f"{place}: an OCI layout without index.json"
        raise FormatError(msg)
    if "index.json" in root and "blobs" in root:
        msg = f"{place}: an OCI layout without oci-layout"
        raise FormatError(msg)
    if "repositories" in root and any(
        isinstance(entry, Directory) and "layer.tar" in entry.entries
        for entry in root.values()
    ):
        msg = f"{place}: a Docker archive without manifest.json is not supported"
        raise FormatError(msg)
