"""What a command gives: a value that can be shown as text, in color, or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias

import attrs

from unionfs_sim.core.render import Role

#: What a piece of text is; `view` knows the colors.
Style: TypeAlias = Role | Literal["", "title", "number", "code", "device", "exec"]

#: Text and its style.
Span: TypeAlias = tuple[str, Style]

#: A line is made of spans.
Line: TypeAlias = Sequence[Span]

GOOD: Final = 0
FAILED: Final = 1
WRONG: Final = 2
#: Of a grader alone: it failed itself, and nothing is known of the student's work.
BROKEN: Final = 3


@attrs.frozen
class Lines:
    """
    Text, line by line.

    Attributes:
        lines: The lines.
    """

    lines: Iterable[Line]


@attrs.frozen
class Table:
    """
    Columns under a header.

    Attributes:
        header: The names of the columns.
        rows: One span a column; they are gone through twice.
        right: The numbers of the columns that are aligned to the right.
        flexible: Whether the last column is cut where a terminal ends.
    """

    header: Sequence[str]
    rows: Collection[Line]
    right: frozenset[int] = frozenset()
    flexible: bool = False


Block: TypeAlias = Lines | Table


@attrs.frozen
class Members:
    """
    An object of a JSON document whose members come one by one, a line each.

    Attributes:
        items: The members.
    """

    items: Iterable[tuple[str, Any]]


@attrs.frozen
class Items:
    """
    An array of a JSON document whose items come one by one.

    Attributes:
        items: The items.
    """

    items: Iterable[Any]


@attrs.frozen(kw_only=True)
class Report:
    """
    What a command found out.

    Attributes:
        blocks: What people read.
        data: Makes what ``--json`` prints; a value of the document itself may be
            `Members` or `Items`.
        raw: Bytes that go to stdout as they are, instead of *blocks*.
        status: The exit status.
        then: What goes on once all is shown, such as serving; the command ends after.
    """

    blocks: Sequence[Block] = ()
    data: Callable[[], Any] = dict
    raw: Iterable[bytes] | None = None
    status: int = GOOD
    then: Callable[[], None] | None = None


class UsageError(Exception):
    """What was asked for cannot be; the text is the one line to print."""


class AbsentError(Exception):
    """A path of the image is not there; the text is the one line to print."""


class BrokenError(Exception):
    """A grader failed by its own fault; the text is the one line to print."""


def line(text: str = "", style: Style = "") -> Line:
    """Make a line of one span."""
    return ((text, style),)


def tally(passed: int, failed: int) -> Line:
    """Make the closing line of what was checked, which scripts read."""
    return line(f"passed={passed} failed={failed} total={passed + failed}")


def counted(number: int, noun: str, plural: str = "") -> str:
    """
    Put a number before a noun.

    >>> counted(1, "layer"), counted(2, "layer"), counted(2, "entry", "entries")
    ('1 layer', '2 layers', '2 entries')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def human_size(size_bytes: int) -> str:
    """
    Give a size in the largest unit that leaves a number before the point.

    >>> human_size(0), human_size(999), human_size(1_054_087), human_size(10_239)
    ('0 B', '999 B', '1.0 MiB', '10.0 KiB')
    """
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
