"""How far long work is, on one line of a terminal's stderr; silent everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from unionfs_sim.cli.report import human_size

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
    due = time.monotonic() + _DELAY_SECONDS

    def tell(done: int, total: int) -> None:
        nonlocal due
        now = time.monotonic()
        if now < due:
            return
        due = now + _PAUSE_SECONDS
        share = f"{100 * done // total:3} %" if total else ""
        write(f"{what}: {share} of {human_size(total)}")

    with line() as write:
        yield tell
