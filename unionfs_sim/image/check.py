"""
All that is wrong or odd with an image, and not only the first of it.

`open_image` stops at the first thing that it refuses; `check` notes it and goes on with
what can be read all the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeAlias

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Directory, Regular
from unionfs_sim.errors import FormatError, MissingExtraError
from unionfs_sim.image import (
    decompress,
    digest,
    documents,
    layout,
    selection,
    tarlayer,
)
from unionfs_sim.image.archive import config_id
from unionfs_sim.image.documents import Members
from unionfs_sim.image.files import ArchiveFiles, DirectoryFiles, Files
from unionfs_sim.image.findings import Finding, Notes, Refusals, Severity
from unionfs_sim.image.image import layer_label
from unionfs_sim.image.limits import DEFAULT_LIMITS, Limits
from unionfs_sim.image.model import (
    INDEX_TYPES,
    LAYER_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
)
from unionfs_sim.image.open import LayersBelow, identity
from unionfs_sim.image.sources import FileSource, Spool
from unionfs_sim.image.tarstream import TarWalk

#: Told how many bytes of how many are done.
Progress: TypeAlias = Callable[[int, int], None]

#: The algorithms of blobs, and the number of their digits.
_ALGORITHMS: Final = ("sha256", "sha512")

_P = ParamSpec("_P")


def check(
    path: str | os.PathLike[str],
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> list[Finding]:
    """
    Look for all that is wrong or odd with the images of a file or a layout.

    Every image of an archive is checked, for every platform: documents, sizes and
    digests of blobs, compression, diff IDs, and each entry of each layer.  Blobs that
    nothing refers to are checked as well.  Memory and limits are those of
    `open_image`; what several images share is checked once.

    Args:
        path: A file, or the directory of a layout.
        limits: How much is put up with.
        progress: Told how many bytes of how many are done; what it raises ends all.

    Returns:
        The findings, in the order in which a reader meets them.

    Raises:
        FormatError: It is no image at all.
        OSError: It cannot be read.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(bytes(1024))
    ...     file.flush()
    ...     check(file.name)
    []
    """
    place = os.fspath(path)
    with ExitStack() as resources:
        checking = _Checking(place, resources, limits, progress)
        if stat.S_ISDIR(Path(path).stat().st_mode):
            files = DirectoryFiles(place, resources)
            if not (files.has("oci-layout") or files.has("index.json")):
                msg = f"{place}: a directory without an OCI layout in it"
                raise FormatError(msg)
            checking.total = 2 * _directory_size(Path(path))
            checking.layout(files, _directory_blobs(Path(path)))
        else:
            checking.file()
        return checking.findings


def _archive_blobs(layer: Layer) -> Iterator[str]:
    """Give the paths of all blobs that an archive holds."""
    for algorithm in _ALGORITHMS:
        folder = layer.get(("blobs", algorithm))
        if isinstance(folder, Directory):
            for name in sorted(folder.entries):
                if isinstance(folder.entries[name], Regular):
                    yield f"blobs/{algorithm}/{name}"


def _directory_blobs(root: Path) -> Iterator[str]:
    """Give the paths of all blobs that a directory holds."""
    for algorithm in _ALGORITHMS:
        folder = root / "blobs" / algorithm
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                yield f"blobs/{algorithm}/{path.name}"


def _directory_size(root: Path) -> int:
    return sum(
        (root / path).stat().st_size
        for path in _directory_blobs(root)
        if (root / path).is_file()
    )


@attrs.frozen
class _Known:
    """A layer that was read: how many entries count, and whether it needs others."""

    layer: Layer
    entries: int
    depends: bool = attrs.field(kw_only=True)


class _Checking(Notes):
    """One check under way."""

    def __init__(
        self,
        place: str,
        resources: ExitStack,
        limits: Limits,
        progress: Progress | None,
    ) -> None:
        self.total = 0
        super().__init__(place)
        self._resources = resources
        self._limits = limits
        self._progress = progress
        self._done = 0
        self._spool = Spool()
        resources.callback(self._spool.close)
        # What was found of a blob or a row of layers is found once.
        self._blobs: dict[str, Content | None] = {}
        self._keep: list[Content] = []
        self._rows: dict[tuple[object, ...], _Known] = {}
        self._alone: dict[object, _Known] = {}  # on any layers below
        self._tars: dict[object, tuple[Content, str | None]] = {}
        self._free_bytes = limits.ratio_free_bytes
        self._kept_entries = 0
        self._entries: dict[object, int] = {}  # of the layers of one image

    def _tick(self, size: int) -> None:
        self._done += size
        if self._progress is not None:
            self._progress(min(self._done, self.total), self.total)

    # -- forms -----------------------------------------------------------------------

    def file(self) -> None:
        """Check a file, whichever form it has."""
        source = FileSource(self.place)
        self._resources.callback(source.close)
        stored = source.content()
        if not stored.size:
            msg = f"{self.place}: the file is empty"
            raise FormatError(msg)
        self.total = 2 * stored.size
        compression = decompress.recognise(stored)
        content: Content = stored
        if compression is not None:
            pieces = decompress.chunks(
                stored, compression, place=self.place, limits=self._limits
            )
            content, broken = self._salvaged(pieces)
            if broken is not None and not content.size:
                raise broken
            if broken is not None:
                self.wrong(broken)
            if content.size > self._limits.ratio_odd * stored.size:
                sentence = f"{stored.size} bytes become {content.size}"
                self.say("warning", "", sentence)
        # As a layer it may be refused where as an archive it is not.
        refusals = Refusals()
        read = tarlayer.read_layer(
            content,
            place=self.place,
            limits=self._limits,
            stored_bytes=stored.size,
            refused=refusals,
        )
        is_tar = read.layer.root.entries or TarWalk(content, place=self.place).begins()
        if refusals.first and not is_tar:
            raise refusals.first[0]
        root = read.layer.root.entries
        files = ArchiveFiles(self.place, read.layer, self._limits)
        laid_out = "index.json" in root and ("oci-layout" in root or "blobs" in root)
        self.all_wrong(refusals, "")
        self.all_odd(read.oddities, "")
        if not laid_out and "manifest.json" not in root:
            self._lone(read.layer)
        if laid_out:
            self.layout(files, _archive_blobs(read.layer))
        if "manifest.json" in root:
            self._docker(files)

    def _lone(self, layer: Layer) -> None:
        """Tell the tar of a layer from what is nearly an image."""
        root = layer.root.entries
        if "oci-layout" in root:
            self.say("error", "", "an OCI layout without index.json")
        elif "repositories" in root and any(
            isinstance(entry, Directory) and "layer.tar" in entry.entries
            for entry in root.values()
        ):
            sentence = "a Docker archive without manifest.json is not supported"
            self.say("error", "", sentence)

    def layout(self, files: Files, blobs: Iterator[str]) -> None:
        """Check a layout from its index down, then what nothing leads to."""
        self.attempt(layout.check_version, files, limits=self._limits)
        value = self._document("index.json", files.get, "index.json")
        if value is not None:
            place = f"{self.place}: index.json"
            index = self.attempt(Index.of, value[0], place=place)
            if index is not None:
                self._names([image.names for image in index.manifests], "index.json")
                self._index(files, index)
        for path in blobs:
            name = f"{path.split('/')[1]}:{path.rpartition('/')[2]}"
            if name in self._blobs:
                continue
            self.say("warning", f"blob {name}", "nothing refers to it")
            content = self.attempt(files.get, path)
            place = f"{self.place}: 'blobs'"
            parsed = self.attempt(digest.parse, name, place=place)
            if content is not None and parsed is not None:
                self._verify(content, name)

    def _index(self, files: Files, index: Index) -> None:
        """Go through an index and those in it, without recursion and each once."""
        seen: set[str] = set()
        pending = [(each, 1) for each in reversed(index.manifests)]
        if not pending:
            self.say("error", "index.json", "it lists no image")
        while pending:
            found, depth = pending.pop()
            if found.digest in seen:
                continue
            seen.add(found.digest)
            if found.media_type not in INDEX_TYPES | MANIFEST_TYPES:
                sentence = f"of the unknown type {found.media_type!r:.200}, not checked"
                self.say("warning", f"blob {found.digest}", sentence)
                self._blobs.setdefault(found.digest, None)
                continue
            if depth > self._limits.index_depth_max + 1:
                sentence = f"more than {depth - 2} indexes within each other"
                self.say("error", found.digest, sentence)
                continue
            value = self._document(found.digest, self._blob, files, found)
            if value is None:
                continue
            place = f"{self.place}: {found.digest}"
            if found.media_type in INDEX_TYPES:
                nested = self.attempt(Index.of, value[0], place=place)
                if nested is not None:
                    pending += [
                        (each, depth + 1) for each in reversed(nested.manifests)
                    ]
                continue
            manifest = self.attempt(Manifest.of, value[0], place=place)
            if manifest is not None:
                self._image(files, manifest)

    def _image(self, files: Files, manifest: Manifest) -> None:
        """Check an image of a layout: its config, then its layers."""
        name = manifest.config.digest
        config = self._config(name, self._blob, files, manifest.config)
        layers = manifest.layers_base_first
        diff_ids: list[str | None] = [None] * len(layers)
        if config is not None:
            self._pair_up(config, layers)
            diff_ids[: len(config.diff_ids)] = config.diff_ids[: len(layers)]
        row: tuple[object, ...] = ()
        below: list[Layer] = []
        for number, descriptor in enumerate(layers[: self._limits.layers_max]):
            diff_id = diff_ids[number]
            label = layer_label(number, diff_id or descriptor.digest)
            content = self.attempt(self._blob, files, descriptor)
            if descriptor.media_type not in LAYER_TYPES:
                sentence = f"of the unknown type {descriptor.media_type!r:.200}"
                self.say("error", label, sentence)
            elif content is not None:
                row = (*row, (descriptor.digest, descriptor.media_type, diff_id))
                self._layer(content, descriptor.media_type, label, diff_id, row, below)

    def _docker(self, files: Files) -> None:
        """Check all images of a Docker archive."""
        place = f"{self.place}: manifest.json"
        value = self._document("manifest.json", files.get, "manifest.json")
        if value is None:
            return
        images = self.attempt(Members(place, {"images": value[0]}).each, "images")
        if images is not None and not images:
            self.say("error", "manifest.json", "it lists no image")
        tags = [
            self.attempt(image.texts, "RepoTags", needed=False) or ()
            for image in images or ()
        ]
        self._names(tags, "manifest.json")
        for image in images or ():
            path = self.attempt(image.text, "Config")
            config = None
            if path is not None:
                config = self._config(path, files.get, path)
                announced = config_id(path)
                if config is not None and announced not in {None, config.image_id}:
                    self.say("error", path, f"the content is {config.image_id}")
            layers = self.attempt(image.texts, "Layers", needed=False)
            if config is not None and layers is not None:
                self._pair_up(config, layers)
            self._docker_layers(files, config, layers or ())

    def _docker_layers(
        self, files: Files, config: ImageConfig | None, layers: tuple[str, ...]
    ) -> None:
        row: tuple[object, ...] = ()
        below: list[Layer] = []
        for number, path in enumerate(layers[: self._limits.layers_max]):
            known = config is not None and number < len(config.diff_ids)
            diff_id = config.diff_ids[number] if config and known else None
            content = self.attempt(files.get, path)
            if content is not None:
                label = layer_label(number, diff_id) if diff_id else f"layer {number}"
                row = (*row, (*identity(content), diff_id))
                self._keep.append(content)
                self._layer(content, None, label, diff_id, row, below)

    # -- parts -----------------------------------------------------------------------

    def _document(
        self,
        name: str,
        get: Callable[_P, Content],
        *args: _P.args,
        **options: _P.kwargs,
    ) -> tuple[Any, bytes] | None:
        content = self.attempt(get, *args, **options)
        if content is None:
            return None
        place = f"{self.place}: {name}"
        return self.attempt(documents.load, content, place=place, limits=self._limits)

    def _config(
        self,
        name: str,
        get: Callable[_P, Content],
        *args: _P.args,
        **options: _P.kwargs,
    ) -> ImageConfig | None:
        value = self._document(name, get, *args, **options)
        if value is None:
            return None
        place = f"{self.place}: {name}"
        config = self.attempt(ImageConfig.of, *value, place=place)
        odd = None if config is None else selection.odd_history(config)
        if odd:
            self.say("warning", name, odd)
        return config

    def _pair_up(self, config: ImageConfig, layers: tuple[object, ...]) -> None:
        self.attempt(
            selection.pair_up,
            config.diff_ids,
            layers,
            place=self.place,
            limits=self._limits,
        )

    def _names(self, tags: list[tuple[str, ...]], place: str) -> None:
        """Report names that several images have."""
        seen: set[str] = set()
        for names in tags:
            for name in sorted(set(names) & seen):
                self.say("warning", place, f"several images are called {name!r:.200}")
            seen.update(names)

    def _blob(self, files: Files, found: Descriptor) -> Content:
        """Find a blob, which is verified when it is first met."""
        known = self._blobs.get(found.digest)
        if known is None:
            self._blobs[found.digest] = None
            known = layout.find_blob(files, found)
            self._blobs[found.digest] = known
            self._verify(known, found.digest)
        if known.size != found.size:
            sentence = f"{known.size} bytes, not {found.size} as announced"
            self.say("error", f"blob {found.digest}", sentence)
        if found.data is not None and found.data != known.read(0, len(found.data) + 1):
            sentence = "the descriptor holds other data than the blob"
            self.say("error", f"blob {found.digest}", sentence)
        return known

    def _verify(self, content: Content, name: str) -> None:
        hasher = hashlib.new(name.partition(":")[0], usedforsecurity=False)
        for piece in content.chunks():
            hasher.update(piece)
            self._tick(len(piece))
        found = f"{name.partition(':')[0]}:{hasher.hexdigest()}"
        if found != name:
            sentence = f"the content is {found}"
            self.say("error", f"blob {name}", sentence)

    def _layer(
        self,
        stored: Content,
        media_type: str | None,
        label: str,
        diff_id: str | None,
        row: tuple[object, ...],
        below: list[Layer],
    ) -> None:
        """
        Check a layer on those below it.

        The same row of layers is checked once, and so is a layer that needs nothing of
        those below.
        """
        if not below:
            self._begin_image()
        own = row[-1]
        known = self._rows.get(row) or self._alone.get(own)
        if known is None:
            known = self._read(stored, media_type, label, diff_id, own, below)
            self._kept_entries += known.entries
            self._tick(stored.size)
        elif own not in self._entries and known.entries > self._entries_left():
            sentence = f"more than {self._limits.entries_max} entries"
            self.say("error", label, sentence)
        self._entries[row if known.depends else own] = known.entries
        self._rows[row] = known
        if not known.depends:
            self._alone[own] = known
        below.append(known.layer)

    def _read(
        self,
        stored: Content,
        media_type: str | None,
        label: str,
        diff_id: str | None,
        own: object,
        below: list[Layer],
    ) -> _Known:
        """Read a layer that was not met before, or not on these layers."""
        if own not in self._tars:
            algorithm = (diff_id or "sha256").partition(":")[0]
            self._tars[own] = self._tar(stored, media_type, label, algorithm)
        tar, found = self._tars[own]
        if diff_id is not None and found not in {None, diff_id}:
            self.say("error", label, f"the tar is {found}, not {diff_id} as announced")
        before = self._limits.entries_max - self._entries_left()
        refusals = Refusals()
        place = f"{self.place}: {label}"
        read = tarlayer.read_layer(
            tar,
            label=label,
            place=place,
            limits=self._limits,
            stored_bytes=stored.size,
            entries_before=before,
            below=LayersBelow(below),
            refused=refusals,
        )
        self.all_wrong(refusals, label)
        self.all_odd(read.oddities, label)
        return _Known(read.layer, read.entries - before, depends=read.depends)

    def _entries_left(self) -> int:
        """Give how many entries the image may still have."""
        return self._limits.entries_max - sum(self._entries.values())

    def _begin_image(self) -> None:
        """Count anew, and forget what was kept of other images, if it is too much."""
        self._entries.clear()
        if self._kept_entries > self._limits.entries_max:
            self._kept_entries = 0
            self._rows.clear()
            self._alone.clear()

    def _tar(
        self, stored: Content, media_type: str | None, label: str, algorithm: str
    ) -> tuple[Content, str | None]:
        """Give a layer's tar and its digest; of a broken one what there is, and none."""
        compression = decompress.recognise(stored)
        if media_type is not None and LAYER_TYPES[media_type] != compression:
            severity: Severity = "warning" if stored.size else "error"
            what = compression or ("not compressed" if stored.size else "empty")
            self.say(severity, label, f"the blob of type {media_type} is {what}")
        tar = stored
        broken: FormatError | None = None
        if compression is not None:
            place = f"{self.place}: {label}"
            limits = attrs.evolve(self._limits, ratio_free_bytes=self._free_bytes)
            tar, broken = self._salvaged(
                decompress.chunks(stored, compression, place=place, limits=limits)
            )
            self._free_bytes -= limits.free_bytes_of(stored.size, tar.size)
            if tar.size > self._limits.ratio_odd * stored.size:
                sentence = f"{stored.size} bytes become {tar.size}"
                self.say("warning", label, sentence)
        limit = self._limits.layer_bytes_max
        if broken is None and limit is not None and tar.size > limit:
            self.say("error", label, f"a tar of {tar.size} bytes, more than {limit}")
        if broken is not None:
            self.wrong(broken)
            return tar, None
        return tar, digest.of_content(tar, algorithm=algorithm)

    def _salvaged(self, pieces: Iterator[bytes]) -> tuple[Content, FormatError | None]:
        """Decompress as far as it goes."""
        broken: list[FormatError] = []

        def until_broken() -> Iterator[bytes]:
            try:
                for piece in pieces:
                    self._tick(0)
                    yield piece
            except MissingExtraError:
                raise  # the image may be sound
            except FormatError as error:
                broken.append(error)

        content = self._spool.add(until_broken())
        return content, broken[0] if broken else None
