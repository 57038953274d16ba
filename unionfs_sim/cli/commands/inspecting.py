"""``check`` and ``analyze``: what is wrong with an image, and what it stores in vain."""

from __future__ import annotations

from argparse import Namespace
from contextlib import ExitStack
from typing import Any, Final

import attrs

from unionfs_sim.cli import progress, source
from unionfs_sim.cli.report import (
    FAILED,
    GOOD,
    Block,
    Line,
    Lines,
    Report,
    Style,
    Table,
    UsageError,
    counted,
    human_size,
    line,
)
from unionfs_sim.core.render import printable
from unionfs_sim.errors import UnionFSError
from unionfs_sim.image.analyze import Analysis
from unionfs_sim.image.analyze import analyze as analyze_image
from unionfs_sim.image.check import check as check_image
from unionfs_sim.image.findings import Finding

_STYLES: Final[dict[str, Style]] = {"error": "whiteout", "warning": "cut off"}


def check(options: Namespace, resources: ExitStack) -> Report:
    """List all that is wrong or odd with a file or a layout."""
    del resources
    path, name = source.locate(options.image)
    if name is not None:
        msg = (
            f"{printable(options.image)}: all images of an archive are checked;"
            " leave the name out"
        )
        raise UsageError(msg)
    if not (path.is_file() or path.is_dir()):
        msg = f"{printable(str(path))}: neither a file nor a directory"
        raise UsageError(msg)
    try:
        with progress.shown("checking") as tell:
            found = check_image(path, progress=tell)
    except UnionFSError as error:
        msg = f"{printable(str(error.filename))}: {error.strerror}"
        raise UsageError(msg) from error
    errors = sum(each.severity == "error" for each in found)
    warnings = len(found) - errors
    title = f"{printable(options.image)}: " + (
        f"{counted(errors, 'error')}, " if errors else "no errors, "
    )
    title += counted(warnings, "warning") if warnings else "no warnings"
    blocks: list[Block] = [Lines([line(title, "title"), *map(_finding_line, found)])]
    document = {
        "errors": errors,
        "warnings": warnings,
        "findings": [attrs.asdict(each) for each in found],
    }
    return Report(
        blocks=blocks, data=lambda: document, status=FAILED if errors else GOOD
    )


def _finding_line(finding: Finding) -> Line:
    text = str(finding).removeprefix(f"{finding.severity}: ")
    return (
        (f"{finding.severity}: ", _STYLES[finding.severity]),
        (printable(text), ""),
    )


def analyze(options: Namespace, resources: ExitStack) -> Report:
    """Tell what an image stores and does not show, by layer and by path."""
    opened = source.open_source(options, resources)
    found = analyze_image(opened.image, digests=options.digests, biggest=options.count)
    title = (
        f"{printable(options.image)}: {human_size(found.stored_bytes)} stored,"
        f" {human_size(found.wasted_bytes)} of it wasted,"
        f" efficiency {found.efficiency:.1%}"
    )
    blocks: list[Block] = [Lines([line(title, "title")])]
    blocks += _layers(found)
    blocks += _paths(found, options.count)
    return Report(blocks=blocks, data=lambda: _document(found))


def _layers(found: Analysis) -> list[Block]:
    rows: list[Line] = [
        (
            (str(use.layer), "number"),
            (str(use.files), ""),
            (human_size(use.stored_bytes), ""),
            (human_size(use.wasted_bytes), "whiteout" if use.wasted_bytes else "faint"),
            (human_size(use.rewritten_bytes), "" if use.rewritten_bytes else "faint"),
            (human_size(use.deleted_bytes), "" if use.deleted_bytes else "faint"),
            (str(use.whiteouts), "whiteout" if use.whiteouts else "faint"),
            (str(use.opaques), "opaque" if use.opaques else "faint"),
        )
        for use in found.layers_base_first
    ]
    header = (
        "LAYER", "FILES", "STORED", "WASTED", "REWRITES", "DELETES", "WHITEOUTS",
        "OPAQUE",
    )  # fmt: skip
    return [Table(header, rows, frozenset(range(1, 8)))] if rows else []


def _paths(found: Analysis, count: int) -> list[Block]:
    """Show the tables of paths that have something to show."""
    wasted: list[Line] = [
        (
            (human_size(each.wasted_bytes), ""),
            (_numbers(each.layers), "number"),
            (_numbers(each.hidden_in), "number"),
            (printable(each.path), ""),
        )
        for each in found.wasted[:count]
    ]
    twice: list[Line] = [
        (
            (human_size(each.extra_bytes), ""),
            (str(len(each.places)), ""),
            (
                ", ".join(f"{layer}:{printable(path)}" for layer, path in each.places),
                "",
            ),
        )
        for each in found.duplicates[:count]
    ]
    biggest: list[Line] = [
        (
            (human_size(each.size), ""),
            (str(each.layer), "number"),
            (printable(each.path), ""),
        )
        for each in found.biggest
    ]
    blocks: list[Block] = []
    for title, header, rows, all_ in (
        ("wasted", ("WASTED", "STORED IN", "HIDDEN IN", "PATH"), wasted, found.wasted),
        ("stored twice", ("EXTRA", "COPIES", "PLACES"), twice, found.duplicates),
        ("biggest", ("SIZE", "LAYER", "PATH"), biggest, found.biggest),
    ):
        if rows:
            left_out = len(all_) - len(rows)
            more = f" ({left_out} more)" if left_out else ""
            blocks.append(Lines([line(), line(f"{title}{more}:", "title")]))
            blocks.append(Table(header, rows, frozenset({0}), flexible=True))
    return blocks


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _document(found: Analysis) -> dict[str, Any]:
    return {
        "stored_bytes": found.stored_bytes,
        "shown_bytes": found.shown_bytes,
        "wasted_bytes": found.wasted_bytes,
        "efficiency": found.efficiency,
        "layers": [attrs.asdict(use) for use in found.layers_base_first],
        "wasted": [
            {"wasted_bytes": each.wasted_bytes, **attrs.asdict(each)}
            for each in found.wasted
        ],
        "duplicates": [
            {
                "sha256": each.sha256,
                "size": each.size,
                "extra_bytes": each.extra_bytes,
                "places": [
                    {"layer": layer, "path": path} for layer, path in each.places
                ],
            }
            for each in found.duplicates
        ],
        "biggest": [attrs.asdict(each) for each in found.biggest],
    }
