"""How far long work is, on one line of a terminal's stderr; silent everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from unionfs_sim.cli.report import counted, human_size

#: Quick work says nothing, and slow work not too often.
_DELAY_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 0.1


@contextmanager
def line() -> Iterator[Callable[[str], None]]:
    """
    Give what shows a text in place of the one before; the line goes at the end.

    >>> with line() as tell:
    ...     tell("3 of 4 cases")
    """
    seen = sys.stderr.isatty()
    width = 0

    def tell(text: str) -> None:
        nonlocal width
        if seen:
            sys.stderr.write("\r" + text.ljust(width))
            sys.stderr.flush()
            width = len(text)

    try:
        yield tell
    finally:
        if width:
            sys.stderr.write("\r" + " " * width + "\r")
            sys.stderr.flush()


@contextmanager
def shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """
    Give what is told how many bytes of how many are done.

    Args:
        what: What is done, such as ``"writing"``.

    >>> with shown("writing") as progress:
    ...     progress(1, 2)
    """
    is_due = _clock()

    def tell(done: int, total: int) -> None:
        if is_due():
            share = f"{100 * done // total:3} %" if total else ""
            write(f"{what}: {share} of {human_size(total)}")

    with line() as write:
        yield tell


@contextmanager
def entries(what: str) -> Iterator[Callable[[str], None] | None]:
    """
    Give what is told the path of each entry that is done, where anybody sees it.

    Args:
        what: What is done, such as ``"unpacking"``.

    >>> with entries("unpacking") as progress:
    ...     progress is None or progress("/etc/motd")
    True
    """
    is_due = _clock()
    count = 0

    def tell(path: str) -> None:
        del path
        nonlocal count
        count += 1
        if is_due():
            write(f"{what}: {counted(count, 'entry', 'entries')}")

    with line() as write:
        yield tell if sys.stderr.isatty() else None


def _clock() -> Callable[[], bool]:
    """Give what says whether it is time for another word."""
    due = time.monotonic() + _DELAY_SECONDS

    def is_due() -> bool:
        nonlocal due
        now = time.monotonic()
        if now < due:
            return False
        due = now + _PAUSE_SECONDS
        return True

    return is_due
