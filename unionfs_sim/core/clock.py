"""Clocks: where a union gets its times from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, final

#: Gives the time, in nanoseconds since the epoch.
Clock: TypeAlias = Callable[[], int]

#: Where the deterministic clock starts: 2001-09-09T01:46:40Z.
EPOCH_NS: Final = 1_000_000_000_000_000_000


@final
class TickClock:
    """
    A clock that goes on by one microsecond each time it is read.

    Two runs of one program see the same times.

    >>> clock = TickClock(start_ns=0)
    >>> clock(), clock()
    (1000, 2000)
    """

    def __init__(self, *, start_ns: int = EPOCH_NS, tick_ns: int = 1_000) -> None:
        self._now_ns = start_ns
        self._tick_ns = tick_ns

    def __call__(self) -> int:
        """Give the time, in nanoseconds since the epoch."""
        self._now_ns += self._tick_ns
        return self._now_ns
