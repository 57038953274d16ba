"""Showing a report: as plain text, in color with rich, or as one JSON document."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TextIO

from unionfs_sim.cli.report import (
    Block,
    Items,
    Line,
    Lines,
    Members,
    Report,
    Span,
    Style,
    Table,
    UsageError,
)

#: The colors: of the sixteen that every terminal lets its user choose.
STYLES: Final[Mapping[Style, str]] = {
    "title": "bold",
    "path": "bold",
    "number": "cyan",
    "faint": "bright_black",
    "hidden": "bright_black",
    "found": "green",
    "exec": "green",
    "directory": "bold blue",
    "link": "cyan",
    "device": "yellow",
    "whiteout": "bold red",
    "opaque": "bold magenta",
    "cut off": "bold yellow",
    "good": "bold green",
    "error": "bold red",
    "code": "yellow",
}

#: What stands for the lines of a tree where the terminal cannot show them.
_ASCII: Final = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-", "…": "~"})

_GAP: Final = "  "
_SHORT_MIN: Final = 10

#: How many lines, or items of an array, are written in one go.
_AT_ONCE: Final = 1_000


def show(report: Report, out: TextIO, *, as_json: bool, color: str) -> None:
    """
    Write a report to a stream.

    Raises:
        UsageError: Color is asked for, and rich is not installed.
    """
    if as_json:
        _write_json(report.data(), out)
    elif report.raw is not None:
        _write_raw(report.raw, out)
    elif wants_color(color, out):
        _write_rich(report.blocks, out)
    else:
        _write_plain(report.blocks, out)
    out.flush()


def wants_color(color: str, out: TextIO) -> bool:
    """Tell whether to color: *color* is ``auto``, ``always`` or ``never``."""
    if color == "never":
        return False
    if color == "auto" and (
        os.environ.get("NO_COLOR")
        or os.environ.get("TERM") == "dumb"
        or not out.isatty()
    ):
        return False
    try:
        import rich  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        if color == "auto":
            return False
        msg = "--color always needs rich: pip install 'unionfs-sim[cli]'"
        raise UsageError(msg) from error
    return True


def _write_json(data: object, out: TextIO) -> None:
    """Write one document; names that are not UTF-8 are lone surrogates, escaped."""
    import json  # noqa: PLC0415 - plain output does without

    if not isinstance(data, dict):
        out.write(json.dumps(data, indent=2) + "\n")
        return
    lead = "{"
    for key, value in data.items():
        out.write(f"{lead}\n  {json.dumps(key)}: ")
        lead = ","
        if isinstance(value, Members):
            comma = "{"
            quoted = json.encoder.encode_basestring_ascii
            for name, item in value.items:
                out.write(f"{comma}\n    {quoted(name)}: {json.dumps(item)}")
                comma = ","
            out.write("{}" if comma == "{" else "\n  }")
        elif isinstance(value, Items):
            comma = "["
            items = iter(value.items)
            while some := list(itertools.islice(items, _AT_ONCE)):
                text = json.dumps(some, indent=2)[1:-2].replace("\n", "\n  ")
                out.write(comma + text)
                comma = ","
            out.write("[]" if comma == "[" else "\n  ]")
        else:
            out.write(json.dumps(value, indent=2).replace("\n", "\n  "))
    out.write("{}\n" if lead == "{" else "\n}\n")


def _write_raw(chunks: Iterable[bytes], out: TextIO) -> None:
    out.flush()
    for chunk in chunks:
        out.buffer.write(chunk)
    out.buffer.flush()


def _write_plain(blocks: Iterable[Block], out: TextIO) -> None:
    encoding = getattr(out, "encoding", None) or "utf-8"
    for line in _lines(blocks, out):
        text = "".join(text for text, _ in line).rstrip(" ")
        out.write(_encodable(text, encoding) + "\n")


def _lines(blocks: Iterable[Block], out: TextIO) -> Iterator[Line]:
    """Lay the blocks out."""
    width = shutil.get_terminal_size().columns if out.isatty() else None
    for block in blocks:
        yield from block.lines if isinstance(block, Lines) else aligned(block, width)


def _encodable(text: str, encoding: str) -> str:
    """Give a text that the stream can take."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        raw = text.translate(_ASCII).encode(encoding, "backslashreplace")
        return raw.decode(encoding)
    return text


def aligned(table: Table, width: int | None = None) -> Iterator[Line]:
    """
    Give the lines of a table; a flexible one is cut to *width* in all.

    >>> table = Table(("A", "B"), [(("x", ""), ("12", "")), (("yy", ""), ("3", ""))])
    >>> ["".join(text for text, _ in line) for line in aligned(table)]
    ['A   B', 'x   12', 'yy  3']
    """
    widths: list[int] = []
    for row in _rows(table):
        lengths = [len(text) for text, _ in row]
        widths = [*map(max, widths, lengths)] if widths else lengths
    room = None
    if table.flexible and width is not None:
        taken = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
        room = max(width - taken, _SHORT_MIN)
    last = len(widths) - 1
    adjust = [
        str.rjust if number in table.right else str.ljust for number in range(last + 1)
    ]
    for row in _rows(table):
        line: list[Span] = []
        for (text, style), fit, taken in zip(row, adjust, widths, strict=True):
            line += ((fit(text, taken), style), (_GAP, ""))
        del line[-1]
        if last not in table.right:
            text, style = row[last]
            if room is not None and len(text) > room:
                text = text[: room - 1] + "…"
            line[-1] = text, style
        yield line


def _rows(table: Table) -> Iterator[Line]:
    """Go through a table, its header first."""
    if table.header:
        yield [(text, "title") for text in table.header]
    yield from table.rows


def _write_rich(blocks: Iterable[Block], out: TextIO) -> None:
    """Write the same lines in color; a terminal wraps what is too long for it."""
    from rich.console import Console  # noqa: PLC0415 - an extra, and slow to import
    from rich.segment import Segment, Segments  # noqa: PLC0415 - likewise
    from rich.style import Style as RichStyle  # noqa: PLC0415 - likewise

    console = Console(
        file=out,
        force_terminal=True,
        color_system="standard",
        no_color=False,
        legacy_windows=False,
    )
    encoding = getattr(out, "encoding", None) or "utf-8"
    styles = {name: RichStyle.parse(text) for name, text in STYLES.items()}
    lines = _lines(blocks, out)
    while some := list(itertools.islice(lines, _AT_ONCE)):
        segments: list[Segment] = []
        for line in some:
            segments += [
                Segment(_encodable(text, encoding), styles.get(style))
                for text, style in line
            ]
            segments.append(Segment("\n"))
        console.print(Segments(segments), soft_wrap=True, end="")
