"""The commands that a shell started with ``&``."""

from __future__ import annotations

import signal
from typing import final

from unionfs_sim.containers.scheduling import Steps, Task, Wait


@final
class Jobs:
    """
    Background commands, by their process numbers.

    Attributes:
        last: The number of the newest, as ``$!`` gives it; empty if there is none.
    """

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}
        self._ended_by: dict[int, int] = {}
        self.last = ""

    def add(self, pid: int, task: Task) -> None:
        """Note one that was started."""
        self._tasks[pid] = task
        self.last = str(pid)

    def find(self, word: str) -> int | None:
        """Give the number that a word means: a number, or ``%N`` for the Nth."""
        if word.startswith("%"):
            pids = list(self._tasks)
            place = word[1:]
            if place.isdigit() and 0 < int(place) <= len(pids):
                return pids[int(place) - 1]
            return None
        return int(word) if word.isdigit() and int(word) in self._tasks else None

    def numbers(self) -> list[int]:
        """Give the numbers of all."""
        return list(self._tasks)

    def kill(self, pid: int, number: int) -> bool:
        """Send a signal, and tell whether the command was still there; 0 only asks."""
        task = self._tasks[pid]
        if task.done:
            return False
        if number and number not in {signal.SIGCHLD, signal.SIGCONT}:
            self._ended_by[pid] = number
            task.kill(128 + number)
        return True

    def wait(self, pid: int) -> Steps[tuple[int, int]]:
        """Wait for one, forget it, and give its exit code and what signal ended it."""
        task = self._tasks[pid]
        if not task.done:
            yield Wait((task.ended,))
        if not task.done:
            return -1, 0
        del self._tasks[pid]
        return task.code or 0, self._ended_by.pop(pid, 0)
