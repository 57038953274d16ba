"""What a target is, and the settings that all of them are measured with."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Literal, final

import attrs

from unionfs_sim.bench.measure import BATCH_NS, ROUNDS, quiet


@final
@attrs.frozen
class Figure:
    """
    One measured figure, and its limit.

    Attributes:
        target: The number of the target that it belongs to.
        what: What was measured.
        value: The figure; ``None`` if it could not be measured.
        unit: Its unit; ``x`` for ratios.
        limit: What it is held to; ``None`` for a figure that is only told.
        sense: Whether the limit is the most or the least.
        note: How it was measured, or why it was not.
    """

    target: int
    what: str
    value: float | None
    unit: str
    limit: float | None = None
    sense: Literal["<=", ">="] = "<="
    note: str = ""

    @property
    def good(self) -> bool | None:
        """Whether the limit is kept; ``None`` if there is no saying."""
        if self.value is None or self.limit is None:
            return None
        if self.sense == "<=":
            return self.value <= self.limit
        return self.value >= self.limit

    def to_json(self) -> dict[str, object]:
        """Give a value for ``json.dumps``."""
        value: dict[str, object] = attrs.asdict(self)
        if self.value is not None:
            value["value"] = float(f"{self.value:.5g}")
        value["ok"] = self.good
        return value


@final
@attrs.frozen(kw_only=True)
class Setup:
    """
    How much is done.

    Attributes:
        smoke: Whether everything is tiny and the figures mean nothing.
        rounds: How many rounds a median is taken over.
        deep: The most layers.
        batch_ns: How long a batch should take.
        files: How many files the big container and the big image have.
        peers: Whether the kernel's overlayfs is measured beside, where it can be.
        seed: Makes the random runs the same.
    """

    smoke: bool = False
    rounds: int = ROUNDS
    deep: int = 500
    batch_ns: int = BATCH_NS
    files: int = 100_000
    peers: bool = True
    seed: int = 0

    @classmethod
    def tiny(cls) -> Setup:
        """Give settings that do everything once."""
        return cls(smoke=True, rounds=2, deep=4, batch_ns=1, files=400, peers=False)


def once(action: Callable[[], object]) -> int:
    """Give the CPU nanoseconds that one call takes."""
    began = time.thread_time_ns()
    action()
    return time.thread_time_ns() - began


def median_ns(
    action: Callable[[], object],
    rounds: int,
    *,
    before: Callable[[], object] = lambda: None,
) -> float:
    """
    Give the median of the CPU nanoseconds of one call, each after a preparation.

    The first call, which finds everything cold, does not count.
    """
    taken = []
    with quiet():
        for _ in range(rounds + 1):
            before()
            taken.append(once(action))
    return statistics.median(taken[1:])


def ratio_of(samples: Sequence[float], below: Sequence[float]) -> float:
    """Give the ratio of two medians."""
    return statistics.median(samples) / statistics.median(below)
