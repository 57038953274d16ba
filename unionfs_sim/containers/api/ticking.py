"""Time that passes by itself: programs go on when their time has come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, final

from unionfs_sim.containers.engine import Engine

_REST_SECONDS: Final = 5.0
_SECOND_NS: Final = 1_000_000_000


@final
class Ticker:
    """
    Lets the programs of an engine with a real clock go on, in a thread of its own.

    Args:
        engine: The engine.
        report: Is told what goes wrong.
    """

    def __init__(self, engine: Engine, report: Callable[[Exception], object]) -> None:
        self._engine = engine
        self._report = report
        self._stopped = False
        self._thread = threading.Thread(
            target=self._work, name="unionfs-sim ticker", daemon=True
        )
        self._thread.start()

    def _work(self) -> None:
        while self._await():
            try:
                self._engine.tick()
            except Exception as error:
                self._report(error)

    def _await(self) -> bool:
        """Wait until a program can go on, and tell whether it is to."""
        engine = self._engine
        with engine.lock:
            if not self._stopped and engine.scheduler.ready:
                engine.changed.wait(0.001)  # others want the lock too
            while not self._stopped:
                next_ns = engine.scheduler.next_ns
                seconds = _REST_SECONDS
                if next_ns is not None:
                    seconds = (next_ns - engine.clock()) / _SECOND_NS
                    if seconds <= 0:
                        return True
                engine.changed.wait(min(seconds, _REST_SECONDS))
        return False

    def stop(self) -> None:
        """Let no more time pass, and wait for the thread."""
        with self._engine.verb():
            self._stopped = True
        self._thread.join()
