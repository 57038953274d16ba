"""Writing an image, in whatever form; `write_image` is the one way out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import attrs

from unionfs_sim.errors import FormatError, SpecError
from unionfs_sim.image import compress, digest, documents, naming, storing
from unionfs_sim.image.build import complete, config_of, encoded
from unionfs_sim.image.compress import Progress
from unionfs_sim.image.files import DirectoryFiles
from unionfs_sim.image.image import Image
from unionfs_sim.image.limits import DEFAULT_LIMITS
from unionfs_sim.image.model import (
    MANIFEST_TYPES,
    Descriptor,
    ImageConfig,
    Platform,
)
from unionfs_sim.image.names import canonical
from unionfs_sim.image.sinks import (
    ArchiveSink,
    DirectorySink,
    Sink,
    check_blob,
    new_directory,
    new_file,
)
from unionfs_sim.image.storing import Recompression, Storing

__all__ = ["Format", "Progress", "Recompression", "Written", "write_image"]

#: The forms of `write_image`.
Format: TypeAlias = Literal["oci", "oci-archive", "docker-archive", "layer"]

INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"

_LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'


@attrs.frozen(kw_only=True)
class Written:
    """
    What was written.

    Attributes:
        path: Where.
        format: In which form.
        image_id: The digest of the config; ``None`` for a single layer.
        manifest_digest: The digest of the manifest; likewise.
        names: The names in the archive.
        diff_ids: The digests of the layers' tars, base first.
        descriptors: Type, digest and size of the blobs, base first.
        kept: For each layer, whether its stored bytes were copied as they were.
    """

    path: str
    format: Format
    image_id: str | None
    manifest_digest: str | None
    names: tuple[str, ...]
    diff_ids: tuple[str, ...]
    descriptors: tuple[Descriptor, ...]
    kept: tuple[bool, ...]


def write_image(
    image: Image,
    path: str | os.PathLike[str],
    *,
    format: Format = "oci",  # noqa: A002 - the word that everybody uses
    compression: Recompression = "keep",
    names: Sequence[str] | None = None,
    append: bool = False,
    replace: bool = False,
    progress: Progress | None = None,
) -> Written:
    """
    Write an image; nothing is under its name before all of it is there.

    Layers that no edit touched keep their stored bytes, or at least their diff IDs if
    they are compressed in another way.  Takes one reading of every blob; memory does
    not grow with their size.

    Args:
        image: The image; it must be open.
        path: The file, or for ``"oci"`` the directory.
        format: ``"oci"`` is a layout in a directory, ``"oci-archive"`` one in a tar,
            ``"docker-archive"`` the newer form of ``docker save`` with plain layers,
            ``"layer"`` the tar of the only layer.
        compression: ``"keep"`` leaves what is stored as it is, and compresses new
            layers with gzip (but in a Docker archive and as a single layer, which
            are plain); the others treat all layers alike.
        names: The image's names; by default those that it has.
        append: Whether a layout that is there is added to; an image in it that has
            one of the names loses that name.
        replace: Whether a file that is there is replaced.
        progress: Told how many bytes of how many are done.

    Raises:
        SpecError: The form cannot hold the image, or the arguments do not fit.
        FormatError: zstd is wanted and not installed, or a layer holds what an image
            cannot.
        DigestError: A stored layer is not what it was when the image was opened.
        ExistsError: EEXIST, there is something at *path*.
        OSError: Reading or writing failed.

    >>> import tempfile
    >>> from unionfs_sim import Layer
    >>> from unionfs_sim.image.build import new_image
    >>> from unionfs_sim.image.open import open_image
    >>> image = new_image([Layer.build({"motd": "hello"})], names=["hello:1"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_image(image, f"{folder}/layout", compression="none")
    ...     with open_image(f"{folder}/layout") as again:
    ...         again.image_id == image.image_id, again.names
    (True, ('hello:1',))
    """
    target = Path(path)
    _check(image, target, format, compression, append=append, replace=replace)
    job = _planned(complete(image), format, compression, names, progress)
    if format == "layer":
        with new_file(target, replace=replace) as out:
            return job.single(out.write, target)
    if format != "oci":
        with new_file(target, replace=replace) as out:
            archive = ArchiveSink(out, target.parent)
            written = job.write(archive, target, [])
            archive.finish()
            return written
    if append and target.is_dir() and any(target.iterdir()):
        present = _index_entries(target)
        return job.write(DirectorySink(target), target, present)
    with new_directory(target) as folder:
        return job.write(DirectorySink(folder), target, [])


def _planned(
    image: Image,
    form: Format,
    compression: Recompression,
    names: Sequence[str] | None,
    progress: Progress | None,
) -> _Job:
    """Decide how each layer is stored, and under which names."""
    plain = form == "docker-archive"
    wanted: Recompression = "none" if plain else compression
    blobs = [
        storing.plan(image, number, wanted, gzip=form != "layer")
        for number in range(len(image.layers_base_first))
    ]
    return _Job(image, form, blobs, _names(image, names, docker=plain), progress)


def _check(
    image: Image,
    path: Path,
    form: str,
    compression: str,
    *,
    append: bool,
    replace: bool,
) -> None:
    """Refuse what cannot be, before anything is written."""
    if form not in get_args(Format):
        msg = f"{form!r} is none of the forms {', '.join(get_args(Format))}"
        raise SpecError(msg)
    if compression not in get_args(Recompression):
        msg = f"{compression!r} is none of {', '.join(get_args(Recompression))}"
        raise SpecError(msg)
    if form == "docker-archive" and compression not in {"keep", "none"}:
        msg = f"a Docker archive holds plain layers, not {compression}"
        raise SpecError(msg)
    if form == "layer" and len(image.layers_base_first) != 1:
        count = len(image.layers_base_first)
        msg = f"{image.place} has {count} layers, not one: squash it first"
        raise SpecError(msg)
    if append and form != "oci":
        msg = f"only a layout in a directory can be added to, not {form!r}"
        raise SpecError(msg)
    if replace and form == "oci":
        msg = f"{path}: a directory is not replaced: remove it, or add to it"
        raise SpecError(msg)
    if path.name in {"", ".."}:
        msg = f"{str(path)!r} is no name for an image"
        raise SpecError(msg)
    if compression == "zstd":
        compress.check_available("zstd")


def _index_entries(path: Path) -> list[Mapping[str, Any]]:
    """Read the entries of a layout that is added to."""
    with ExitStack() as resources:
        files = DirectoryFiles(os.fspath(path), resources)
        for name in ("oci-layout", "index.json"):
            if not files.has(name):
                msg = f"{path}: a directory without an OCI layout in it"
                raise FormatError(msg)
        place = f"{path}: index.json"
        value, _ = documents.load(
            files.get("index.json"), place=place, limits=DEFAULT_LIMITS
        )
        members = documents.Members.of(value, place)
        return [each.values for each in members.each("manifests")]


class _Job:
    """One writing of one image."""

    def __init__(
        self,
        image: Image,
        form: Format,
        blobs: Sequence[Storing],
        names: tuple[str, ...],
        progress: Progress | None,
    ) -> None:
        self._image = image
        self._form = form
        self._blobs = blobs
        self._names = names
        self._progress = progress
        self._done = 0
        self._total = sum(blob.size for blob in blobs)

    def single(self, write: Callable[[bytes], object], path: Path) -> Written:
        """Write the only layer as a file."""
        (blob,) = self._blobs
        measured = compress.Measured(self._pieces(blob))
        for piece in measured:
            write(piece)
        made = Descriptor(
            media_type=blob.media_type, digest=measured.digest, size=measured.size
        )
        known = blob.descriptor
        if known is not None and known.digest.startswith("sha256:"):
            check_blob(measured, known.digest, known.size)
        return Written(
            path=os.fspath(path),
            format=self._form,
            image_id=None,
            manifest_digest=None,
            names=(),
            diff_ids=self._image.diff_ids,
            descriptors=(made,),
            kept=(blob.kept,),
        )

    def write(
        self, sink: Sink, path: Path, present: Sequence[Mapping[str, Any]]
    ) -> Written:
        """Write blobs first, then the config, the manifest, and the index last."""
        sink_is_new = not present
        if sink_is_new:
            sink.put_document("oci-layout", _LAYOUT)
        descriptors = self._layers(sink)
        config = config_of(self._image)
        manifest_type, raw = self._manifest(config, descriptors)
        sink.put(config.image_id, len(config.raw), [config.raw])
        manifest_digest = digest.of_bytes(raw)
        sink.put(manifest_digest, len(raw), [raw])
        entries = naming.index_entries(
            {
                "mediaType": manifest_type,
                "digest": manifest_digest,
                "size": len(raw),
            },
            self._names,
            _platform(config),
            docker=self._form == "docker-archive",
        )
        kept = naming.without(present, entries)
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [*kept, *entries],
        }
        if self._form == "docker-archive":
            listing = self._docker_manifest(config, descriptors)
            sink.put_document("manifest.json", encoded(listing))
        sink.put_document("index.json", encoded(index))
        return Written(
            path=os.fspath(path),
            format=self._form,
            image_id=config.image_id,
            manifest_digest=manifest_digest,
            names=self._names,
            diff_ids=self._image.diff_ids,
            descriptors=tuple(descriptors),
            kept=tuple(blob.kept for blob in self._blobs),
        )

    def _layers(self, sink: Sink) -> list[Descriptor]:
        """Write the layers' blobs; one that occurs twice is written once."""
        descriptors: list[Descriptor] = []
        compressed: dict[str, Descriptor] = {}
        for blob in self._blobs:
            known = blob.descriptor or compressed.get(blob.diff_id)
            if known is None:
                found, size = sink.put_new(self._pieces(blob))
                known = Descriptor(media_type=blob.media_type, digest=found, size=size)
                compressed[blob.diff_id] = known
            elif blob.descriptor is not None:
                sink.put(known.digest, known.size, self._pieces(blob))
            descriptors.append(known)
        return descriptors

    def _pieces(self, blob: Storing) -> Iterable[bytes]:
        """Give the bytes of a blob, checked on their way, and tell of the progress."""
        pieces: Iterable[bytes] = self._counted(blob.source())
        if blob.compression is None:
            return pieces  # what takes them knows the digest
        return compress.compress(
            storing.verified(pieces, blob.diff_id), blob.compression
        )

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._done += len(piece)
            if self._progress is not None:
                self._progress(self._done, self._total)
            yield piece

    def _manifest(
        self, config: ImageConfig, descriptors: Sequence[Descriptor]
    ) -> tuple[str, bytes]:
        """Give the manifest and its type: the one that was read if it still fits."""
        raw = self._image.manifest_raw
        if raw is not None and all(blob.kept for blob in self._blobs):
            kind = json.loads(raw).get("mediaType")
            return (kind if kind in MANIFEST_TYPES else MANIFEST_TYPE), raw
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": CONFIG_TYPE,
                "digest": config.image_id,
                "size": len(config.raw),
            },
            "layers": [storing.members_of(each) for each in descriptors],
        }
        return MANIFEST_TYPE, encoded(document)

    def _docker_manifest(
        self, config: ImageConfig, descriptors: Sequence[Descriptor]
    ) -> list[dict[str, Any]]:
        """Give ``manifest.json``, which all daemons read, the old ones it alone."""
        return [
            {
                "Config": digest.blob_path(config.image_id),
                "RepoTags": naming.repo_tags(self._names) or None,
                "Layers": [digest.blob_path(each.digest) for each in descriptors],
                "LayerSources": {
                    diff_id: storing.members_of(each)
                    for diff_id, each in zip(
                        self._image.diff_ids, descriptors, strict=True
                    )
                },
            }
        ]


def _names(
    image: Image, names: Sequence[str] | None, *, docker: bool
) -> tuple[str, ...]:
    """Give the names to write, Docker's own in a Docker archive."""
    if not docker:
        return tuple(image.names if names is None else names)
    if names is None:
        return tuple(naming.repo_tags(image.names))
    for name in names:
        if not naming.is_repo_tag(name):
            msg = f"Docker takes no image of the name {name!r}"
            raise SpecError(msg)
    return tuple(dict.fromkeys(map(canonical, names)))


def _platform(config: ImageConfig) -> Platform:
    return Platform(
        os=config.os, architecture=config.architecture, variant=config.variant
    )
