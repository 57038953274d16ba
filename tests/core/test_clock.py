"""Clocks tick, and tick alike."""

from __future__ import annotations

from unionfs_sim import TickClock, UnionFS
from unionfs_sim.core.clock import EPOCH_NS


def test_clock_ticks_by_a_microsecond() -> None:
    """Each reading is a microsecond later."""
    clock = TickClock()

    assert [EPOCH_NS + 1_000, EPOCH_NS + 2_000] == [clock(), clock()]


def test_clock_starts_and_ticks_as_told() -> None:
    """Start and tick can be chosen."""
    clock = TickClock(start_ns=5, tick_ns=2)

    assert [7, 9] == [clock(), clock()]


def test_union_takes_its_time_from_the_clock() -> None:
    """All times of one call are one time."""
    fs = UnionFS(clock=lambda: 42)
    fs.write_text("/f", "x")

    got = fs.stat("/f")
    assert (42, 42, 42) == (got.st_atime_ns, got.st_mtime_ns, got.st_ctime_ns)
    assert 42 == fs.stat("/").st_mtime_ns
