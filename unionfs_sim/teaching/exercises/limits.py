"""How much a student's code may take, and how a process is held to that."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import attrs

_MIB: Final = 1 << 20


@attrs.frozen(kw_only=True)
class Limits:
    """
    What a submission may take; the defaults fit half a core of a small autograder.

    >>> Limits().task_seconds
    5.0

    Attributes:
        task_seconds: Seconds of CPU time for one task: one test against one
            implementation.  Four times as long by the clock.
        total_seconds: Seconds by the clock for all tasks together.
        memory_mib: MiB of address space a process.
        output_kib: KiB that may be printed, until one test prints too much and is given up.
        file_mib: MiB that a file may grow to.
        processes: How many processes there may be at a time.
    """

    task_seconds: float = 5.0
    total_seconds: float = 120.0
    memory_mib: int = 768
    output_kib: int = 1024
    file_mib: int = 16
    processes: int = 16

    @property
    def task_wall_seconds(self) -> float:
        """How long one task may take by the clock."""
        return 4 * self.task_seconds

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Limits:
        """Read what `to_json` gave."""
        return cls(**data)


def enforced() -> tuple[str, ...]:
    """
    Tell which limits hold on this system: time and output do everywhere.

    Memory and the size of files need `resource`, which Windows has not; macOS takes
    the limit of memory and does not keep it.  Processes are counted in ``/proc``.
    """
    held = ["time", "output"]
    if sys.platform != "win32":
        held.append("files")
        if sys.platform != "darwin":
            held.append("memory")
    if sys.platform.startswith("linux"):
        held.append("processes")
    return tuple(held)


def hold(limits: Limits) -> None:
    """Hold this process, and those it starts, to limits of memory and files."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on every system

    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, limits.file_mib * _MIB)
    if "memory" in enforced():
        _lower(resource.RLIMIT_AS, limits.memory_mib * _MIB)


def _lower(kind: int, wanted: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    import resource  # noqa: PLC0415 - not on every system

    _, hard = resource.getrlimit(kind)
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (value, value))
