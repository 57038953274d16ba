"""Ends of pipes and files of the shell, closed when a command is done."""

from __future__ import annotations

import contextlib

from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.containers.streams import FileStream, Pipe
from unionfs_sim.errors import UnionFSError


def close_all(opened: list[FileStream]) -> None:
    """Close files; what cannot be closed is left."""
    for stream in opened:
        with contextlib.suppress(UnionFSError):
            stream.close()


def closing(steps: Steps[int], writes: Pipe | None, reads: Pipe | None) -> Steps[int]:
    """Run one command of a pipe, and close its ends."""
    try:
        return (yield from steps)
    finally:
        if writes is not None:
            writes.close()
        if reads is not None:
            reads.stop_reading()
