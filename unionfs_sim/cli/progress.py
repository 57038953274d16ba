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
def shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """
    Give what is told how many bytes of how many are done; the line goes at the end.

    Args:
        what: What is done, such as ``"writing"``.

    >>> with shown("writing") as progress:
    ...     progress(1, 2)
    """
    line = _Line(what)
    try:
        yield line.tell
    finally:
        line.wipe()


class _Line:
    def __init__(self, what: str) -> None:
        self._what = what
        self._width = 0
        self._next = time.monotonic() + _DELAY_SECONDS
        self._seen = sys.stderr.isatty()

    def tell(self, done: int, total: int) -> None:
        """Show how far it is, if somebody looks and it is time."""
        if not self._seen or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE_SECONDS
        share = f"{100 * done // total:3} %" if total else ""
        text = f"{self._what}: {share} of {human_size(total)}"
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)

    def wipe(self) -> None:
        """Leave the line as it was."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
