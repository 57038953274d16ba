"""``convert``, ``squash``, ``pack`` and ``rebase``: images that are written."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs

from unionfs_sim.adapters.stackdirs import is_spec, open_directories
from unionfs_sim.cli import progress, source
from unionfs_sim.cli.report import (
    Block,
    Line,
    Lines,
    Report,
    Table,
    UsageError,
    counted,
    human_size,
    line,
)
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.render import printable
from unionfs_sim.errors import UnionFSError
from unionfs_sim.image import build
from unionfs_sim.image.image import Image
from unionfs_sim.image.write import Format, Written, write_image

#: The time after which nothing is, as reproducible builds set it.
_EPOCH: Final = "SOURCE_DATE_EPOCH"

_SHORT_DIGITS: Final = 12
_NS: Final = 1_000_000_000


def convert(options: Namespace, resources: ExitStack) -> Report:
    """Write an image in another form, or compressed in another way."""
    image = source.open_source(options, resources).image
    return _written(image, options, names=_names(image, options))


def squash(options: Namespace, resources: ExitStack) -> Report:
    """Make one layer of several, and write the image."""
    opened = source.open_source(options, resources)
    first = 0 if options.first is None else options.first
    last = len(opened.layers_base_first) - 1 if options.last is None else options.last
    source.check_layer(opened, first)
    source.check_layer(opened, last)
    if first > last:
        msg = f"--from {first} --to {last}: the first must not be the greater one"
        raise UsageError(msg)
    with progress.shown("squashing") as tell:
        image = build.squash(
            opened.image,
            first,
            last,
            created_by=f"unionfs-sim squash --from {first} --to {last}",
            mtime_max_ns=_latest_ns(),
            progress=tell,
        )
    return _written(image, options, names=_names(image, options))


def pack(options: Namespace, resources: ExitStack) -> Report:
    """Make an image of layer tars and directories, base first, and write it."""
    latest_ns = _latest_ns()
    sources: list[Layer | Image] = []
    for text in options.sources:
        sources += _layers(text, options.dialect, resources)
    with progress.shown("packing") as tell:
        image = build.new_image(
            sources,
            created=_created(sources, latest_ns),
            created_by="unionfs-sim pack",
            mtime_max_ns=latest_ns,
            progress=tell,
        )
    return _written(image, options, names=_names(image, options))


def rebase(options: Namespace, resources: ExitStack) -> Report:
    """Put the layers above a base on another base, and write the image."""
    image, old, new = (
        _opened(text, options, resources)
        for text in (options.image, options.old, options.new)
    )
    moved = build.rebase(image, old, new)
    return _written(moved, options, names=_names(image, options))


def _opened(text: str, options: Namespace, resources: ExitStack) -> Image:
    """Open an image that is not, or not only, named as IMAGE is."""
    named = Namespace(**vars(options) | {"image": text})
    return source.open_source(named, resources).image


def _layers(text: str, dialect: str, resources: ExitStack) -> list[Layer | Image]:
    """Open what one SOURCE names: directories in a dialect, or an image or layer."""
    path = Path(text)
    if is_spec(text) and not path.exists():
        return list(_directories(text).layers_base_first)
    if path.is_dir() and not (path / "oci-layout").is_file():
        escaped = text.replace("\\", "\\\\").replace(":", "\\:")
        return list(_directories(f"{dialect}:{escaped}").layers_base_first)
    return [_opened(text, Namespace(), resources)]


def _directories(spec: str) -> Image:
    try:
        return open_directories(spec)
    except UnionFSError as error:
        raise _usage(error) from error


def _usage(error: OSError) -> UsageError:
    """Say what the host refused, which is about what was asked for."""
    return UsageError(f"{printable(str(error.filename))}: {error.strerror}")


def _names(image: Image, options: Namespace) -> Sequence[str] | None:
    """Give the names to write: layouts have at least the one that tools look for."""
    if options.name:
        names: Sequence[str] = options.name
        return names
    if not image.names and _format(options).startswith("oci"):
        return ["latest"]
    return None


def _format(options: Namespace) -> Format:
    """Give the form that was asked for, or the one that the name of the file means."""
    if options.format:
        chosen: Format = options.format
        return chosen
    return "oci-archive" if options.out.endswith(".tar") else "oci"


def _latest_ns() -> int | None:
    """Read the time that no new layer goes beyond, if the environment has one."""
    text = os.environ.get(_EPOCH, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        msg = f"{_EPOCH} is {printable(text)}, not a number of seconds"
        raise UsageError(msg)
    return int(text) * _NS


def _created(sources: Sequence[Layer | Image], latest_ns: int | None) -> str:
    """
    Give the time of an image that is packed: that of its youngest entry.

    So it follows from what is packed, and not from the day; ``SOURCE_DATE_EPOCH`` wins.
    """
    newest_ns = 0
    for each in sources:
        layers = each.layers_base_first if isinstance(each, Image) else (each,)
        for layer in layers:
            for _, entry in layer.walk():
                meta = getattr(entry, "meta", None)  # a whiteout has none
                newest_ns = max(newest_ns, meta.mtime_ns if meta else 0)
    seconds = (newest_ns if latest_ns is None else latest_ns) // _NS
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # a year of five digits
        return ""


def _written(
    image: Image, options: Namespace, *, names: Sequence[str] | None
) -> Report:
    """Write an image and tell of it."""
    try:
        with progress.shown("writing") as tell:
            done = write_image(
                image,
                options.out,
                format=_format(options),
                compression=options.compression,
                names=names,
                append=getattr(options, "append", False),
                replace=options.force,
                progress=tell,
            )
    except UnionFSError as error:
        raise _usage(error) from error
    return Report(blocks=_blocks(done), data=lambda: _document(done))


def _blocks(done: Written) -> list[Block]:
    count = counted(len(done.descriptors), "layer")
    head: list[Line] = [
        line(f"{printable(done.path)}: {done.format}, {count}", "title"),
    ]
    told: Mapping[str, str | None] = {
        "names": printable(", ".join(done.names)),
        "image": done.image_id,
        "manifest": done.manifest_digest,
    }
    head += [((f"{key}: ", "faint"), (text, "")) for key, text in told.items() if text]
    rows: list[Line] = [
        (
            (str(number), "number"),
            (_short(diff_id), ""),
            (human_size(blob.size), ""),
            ("as it was" if kept else "written anew", "faint" if kept else ""),
        )
        for number, (diff_id, blob, kept) in enumerate(
            zip(done.diff_ids, done.descriptors, done.kept, strict=True)
        )
    ]
    table = Table(
        header=("LAYER", "DIFF ID", "STORED", "BLOB"),
        rows=rows,
        right=frozenset({0, 2}),
    )
    return [Lines(head), table]


def _short(digest: str) -> str:
    return digest.partition(":")[2][:_SHORT_DIGITS]


def _document(done: Written) -> dict[str, Any]:
    return {
        "path": done.path,
        "format": done.format,
        "names": list(done.names),
        "image_id": done.image_id,
        "manifest_digest": done.manifest_digest,
        "diff_ids": list(done.diff_ids),
        "layers": [
            {
                "diff_id": diff_id,
                **attrs.asdict(
                    blob, filter=attrs.filters.include("media_type", "digest", "size")
                ),
                "kept": kept,
            }
            for diff_id, blob, kept in zip(
                done.diff_ids, done.descriptors, done.kept, strict=True
            )
        ],
    }
