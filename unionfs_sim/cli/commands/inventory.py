"""``layers`` and ``manifest``: what an image is made of, and all that it shows."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from sys import intern
from typing import Any, final

import attrs

from unionfs_sim.cli import entries, history, source
from unionfs_sim.cli.report import (
    Block,
    Line,
    Lines,
    Members,
    Report,
    Span,
    Table,
    counted,
    human_size,
    line,
)
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import WHITEOUT, Directory, Kind
from unionfs_sim.core.render import printable
from unionfs_sim.image import manifest as manifests

_SHORT_DIGITS = 12
_COUNTS = frozenset({0, 2, 3, 4, 5})
_TYPE_BITS = {kind.value: kind.type_bits for kind in Kind}


@attrs.frozen
class Counts:
    """
    What is in a layer.

    Attributes:
        entries: Names that stand for something, directories without an entry of their
            own left out.
        whiteouts: Whiteouts.
        opaques: Opaque directories.
    """

    entries: int
    whiteouts: int
    opaques: int


def count(layer: Layer) -> Counts:
    """
    Count what is in a layer.

    >>> count(Layer.build({"a": WHITEOUT, "b/c": "x"}))
    Counts(entries=2, whiteouts=1, opaques=0)
    """
    nodes = whiteouts = opaques = 0
    for parts, entry in layer.items():
        if entry is WHITEOUT:
            whiteouts += 1
        elif isinstance(entry, Directory):
            opaques += entry.opaque
            nodes += bool(parts) and not entry.implied
        else:
            nodes += 1
    return Counts(nodes, whiteouts, opaques)


def short(digest: str) -> str:
    """
    Shorten a digest for people.

    >>> short("sha256:0123456789abcdef")
    '0123456789ab'
    """
    return digest.rpartition(":")[2][:_SHORT_DIGITS]


def layers(options: Namespace, resources: ExitStack) -> Report:
    """List the layers of an image, base first."""
    opened = source.open_source(options, resources)
    image = opened.image
    counts = [count(layer) for layer in opened.layers_base_first]
    shorten = str if options.full else history.brief
    rows: list[Line] = [
        (
            (str(number), "number"),
            (short(image.descriptors[number].digest), "faint"),
            (human_size(image.descriptors[number].size), ""),
            (str(each.entries), ""),
            (str(each.whiteouts), "whiteout" if each.whiteouts else "faint"),
            (str(each.opaques), "opaque" if each.opaques else "faint"),
            (printable(shorten(opened.commands[number])), ""),
        )
        for number, each in enumerate(counts)
    ]
    header = ("LAYER", "DIGEST", "SIZE", "ENTRIES", "WHITEOUTS", "OPAQUE", "MADE BY")
    blocks: list[Block] = [Lines([_title(opened)])]
    if rows:
        blocks.append(Table(header, rows, _COUNTS, flexible=not options.full))
    if image.oddities:
        blocks.append(Lines([line(), *map(_odd, _oddities(opened))]))
    return Report(blocks=blocks, data=lambda: _layers_document(opened, counts))


def _oddities(opened: source.Source) -> list[str]:
    """Give what was odd, without the image's name before each."""
    place = f"{opened.image.place}: "
    return [str(oddity).removeprefix(place) for oddity in opened.image.oddities]


def _odd(text: str) -> Line:
    return (("odd: ", "cut off"), (printable(text), ""))


def _title(opened: source.Source) -> Line:
    image = opened.image
    names = ", ".join(map(printable, image.names))
    size = human_size(sum(blob.size for blob in image.descriptors))
    title = f"{printable(opened.text)}: " + (f"{names}; " if names else "")
    title += f"{counted(len(image.layers_base_first), 'layer')}, {size}"
    identity: Span = ("", "")
    if image.image_id:
        identity = (f"; image {short(image.image_id)}", "faint")
    return ((title, "title"), identity)


def _layers_document(opened: source.Source, counts: list[Counts]) -> dict[str, Any]:
    image = opened.image
    steps = [step for step in image.history if not step.empty_layer]
    matched = len(steps) == len(counts)
    return {
        "image_id": image.image_id,
        "manifest_digest": image.manifest_digest,
        "names": list(image.names),
        "layers": [
            {
                "layer": number,
                "media_type": image.descriptors[number].media_type or None,
                "digest": image.descriptors[number].digest or None,
                "diff_id": image.diff_ids[number] or None,
                "chain_id": image.chain_ids[number] or None,
                "size": image.descriptors[number].size,
                **attrs.asdict(each),
                "created": steps[number].created if matched else None,
                "created_by": steps[number].created_by if matched else None,
            }
            for number, each in enumerate(counts)
        ],
        "oddities": _oddities(opened),
    }


def manifest(options: Namespace, resources: ExitStack) -> Report:
    """Describe all that an image shows, entry by entry."""
    opened = source.open_source(options, resources)
    described = manifests.described(opened.image, digests=options.digests)
    if options.json:
        root = {"root": Members(described)}
        return Report(data=lambda: manifests.identity(opened.image) | root)
    rows = _EntryRows([_entry_texts(path, entry) for path, entry in described])
    header = ("MODE", "UID", "GID", "SIZE", "MODIFIED", "SHA256", "PATH")
    return Report(blocks=[Table(header, rows, frozenset({1, 2, 3}))])


def _entry_texts(path: str, entry: dict[str, Any]) -> tuple[str, ...]:
    """Give what a row says; most of it is said often, and is one text in memory."""
    time = entry["mtime"]
    size = entry.get("size", "")
    if "rdev" in entry:
        size = ", ".join(map(str, entry["rdev"]))
    name = printable(path)
    if "target" in entry:
        name += f" -> {printable(entry['target'])}"
    return (
        intern(entry["type"]),
        entries.permissions(_TYPE_BITS[entry["type"]] | int(entry["mode"], 8)),
        intern(str(entry["uid"])),
        intern(str(entry["gid"])),
        intern(str(size)),
        "-" if time is None else entries.time_text(time),
        entry.get("sha256", "")[:_SHORT_DIGITS],
        name,
    )


@final
@attrs.frozen
class _EntryRows(Collection[Line]):
    """Rows whose styles are made as they are asked for: there can be very many."""

    texts: Sequence[tuple[str, ...]]

    def __iter__(self) -> Iterator[Line]:
        for kind, mode, uid, gid, size, time, digest, name in self.texts:
            yield (
                (mode, ""),
                (uid, ""),
                (gid, ""),
                (size, ""),
                (time, "faint"),
                (digest, "faint"),
                (name, entries.KIND_STYLES.get(kind, "device")),
            )

    def __len__(self) -> int:
        return len(self.texts)

    def __contains__(self, row: object) -> bool:
        return any(row == each for each in self)
