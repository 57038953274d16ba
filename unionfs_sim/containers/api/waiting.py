"""Waiting for what an engine does, without keeping it from doing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from unionfs_sim.containers.engine import Engine

#: How often somebody who waits looks whether the client is still there.
_LOOK_SECONDS: Final = 0.5

#: How much simulated time passes at once while somebody waits.
_SLICE_NS: Final = 1_000_000_000


def real(engine: Engine) -> bool:
    """Tell whether time passes by itself in an engine."""
    return engine.scheduler.pause is not None


def never() -> bool:
    """Say no."""
    return False


def wait_until(
    engine: Engine,
    done: Callable[[], bool],
    gone: Callable[[], bool],
    still: Callable[[], bool] = never,
) -> bool:
    """
    Wait until something is true, or nobody is there any more to hear of it.

    Where time is simulated, waiting is what makes it pass.

    Args:
        engine: The engine.
        done: Whether it is true; asked while nothing else happens.
        gone: Whether nobody is there.
        still: Whether no time is to pass, since it is the client's turn.

    Returns:
        Whether it became true.
    """
    while True:
        with engine.lock:
            if done():
                return True
            scheduler = engine.scheduler
            if real(engine) or scheduler.next_ns is None or still():
                engine.changed.wait(_LOOK_SECONDS)
            else:
                with engine.verb():
                    until_ns = engine.clock() + _SLICE_NS
                    scheduler.run_until(done, until_ns=until_ns)
            if done():
                return True
        if gone():
            return False
