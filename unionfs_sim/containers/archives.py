"""Archives of images as Docker loads and saves them, and trees as it copies them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from typing import IO, Any, Final

from unionfs_sim.image.build import complete, config_of
from unionfs_sim.image.image import Image
from unionfs_sim.image.names import canonical
from unionfs_sim.image.tarwriter import tar_pieces

_VERSION: Final = b"1.0"
_EPOCH: Final = "1970-01-01T00:00:00Z"


def names_in(path: str) -> list[str | None]:
    """
    List what to call each image of an archive; ``None`` stands for the only one.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     names_in(file.name)
    [None]
    """
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile("manifest.json")
            entries = json.load(member) if member is not None else []
    except (tarfile.TarError, KeyError, ValueError, IsADirectoryError, EOFError):
        return [None]
    if not isinstance(entries, list) or len(entries) < 2:
        return [None]
    return [_name(entry) for entry in entries]


def _name(entry: dict[str, Any]) -> str:
    tags = entry.get("RepoTags") or []
    digits = str(entry.get("Config", "")).removesuffix(".json").rpartition("/")[2]
    return str(tags[0]) if tags else f"sha256:{digits}"


def save(images: Sequence[tuple[Image, Sequence[str]]], out: IO[bytes]) -> None:
    """
    Write images as ``docker save`` of the recorded engine does.

    Each layer has a directory named by an id of the old kind; layers that several
    images share are written once.

    Args:
        images: Each with the names to save it under.
        out: Takes the archive.
    """
    manifest: list[dict[str, Any]] = []
    repositories: dict[str, dict[str, str]] = {}
    written: set[str] = set()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for image, tags in images:
            config = config_of(image)
            ids = _layer_ids(image)
            for number, (identifier, parent) in enumerate(
                zip(ids, ["", *ids], strict=False)
            ):
                if identifier not in written:
                    written.add(identifier)
                    _save_layer(archive, image, number, identifier, parent)
            name = config.image_id.removeprefix("sha256:") + ".json"
            if name not in written:
                written.add(name)
                _add(archive, name, config.raw)
            manifest.append(
                {
                    "Config": name,
                    "RepoTags": [canonical(tag) for tag in tags] or None,
                    "Layers": [f"{identifier}/layer.tar" for identifier in ids],
                }
            )
            for tag in tags:
                repository, _, version = canonical(tag).rpartition(":")
                repositories.setdefault(repository, {})[version] = ids[-1]
        _add(archive, "manifest.json", _encoded(manifest))
        if repositories:
            _add(archive, "repositories", _encoded(repositories))


def _layer_ids(image: Image) -> list[str]:
    """Give ids of the old kind: each names a layer and all that is below it."""
    ids: list[str] = []
    config = config_of(image)
    for number, chain in enumerate(image.chain_ids):
        top = config.image_id if number == len(image.chain_ids) - 1 else ""
        text = f"{chain} {ids[-1] if ids else ''} {top}"
        ids.append(hashlib.sha256(text.encode()).hexdigest())
    return ids


def _save_layer(
    archive: tarfile.TarFile, image: Image, number: int, identifier: str, parent: str
) -> None:
    document = {"id": identifier, "created": _EPOCH, "os": "linux"}
    if parent:
        document["parent"] = parent
    directory = tarfile.TarInfo(f"{identifier}/")
    directory.type = tarfile.DIRTYPE
    directory.mode = 0o755
    archive.addfile(directory)
    _add(archive, f"{identifier}/VERSION", _VERSION)
    _add(archive, f"{identifier}/json", _encoded(document))
    _add(archive, f"{identifier}/layer.tar", layer_tar(image, number))


def layer_tar(image: Image, number: int) -> bytes:
    """Give the uncompressed tar of a layer, whose digest is the diff ID."""
    image = complete(image)
    blob = image.blobs[number]
    pieces: Iterable[bytes]
    if blob is not None:
        pieces = blob.tar.chunks()
    else:
        pieces = tar_pieces(image.layers_base_first[number])
    return b"".join(pieces)


def _encoded(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o644
    archive.addfile(member, io.BytesIO(data))
