"""The state of a container, as Docker shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, final

import attrs

_SECOND_NS: Final = 1_000_000_000
NEVER: Final = "0001-01-01T00:00:00Z"

Status: TypeAlias = Literal["created", "running", "paused", "exited", "dead"]


def timestamp(when_ns: int | None) -> str:
    """
    Give a time as Docker's API does, to the nanosecond.

    >>> timestamp(1_000_000_000_000_000_000), timestamp(None)
    ('2001-09-09T01:46:40Z', '0001-01-01T00:00:00Z')
    """
    if when_ns is None:
        return NEVER
    seconds, rest = divmod(when_ns, _SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    part = f".{rest:09}".rstrip("0") if rest else ""
    return f"{text}{part}Z"


def since(then_ns: int, now_ns: int) -> str:
    """
    Tell how long ago something was, as ``docker ps`` does.

    >>> since(0, 3 * 10**9), since(0, 5400 * 10**9), since(0, 10)
    ('3 seconds', 'About an hour', 'Less than a second')
    """
    seconds = max(0, now_ns - then_ns) // _SECOND_NS
    minutes, hours = seconds // 60, round(seconds / 3600)
    if seconds < 1:
        return "Less than a second"
    if seconds == 1:
        return "1 second"
    if seconds < 60:
        return f"{seconds} seconds"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1 or seconds < 7200:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    days = hours // 24
    if days < 14:
        return f"{days} days"
    return f"{days // 7} weeks" if days < 60 else f"{days // 30} months"


@final
@attrs.define
class State:
    """
    What a container is doing.

    Attributes:
        status: In one word.
        pid: The number of its first process; 0 if it does not run.
        exit_code: How that process ended.
        error: Why the last start failed.
        started_ns: When it started last.
        finished_ns: When it ended last.
    """

    status: Status = "created"
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_ns: int | None = None
    finished_ns: int | None = None

    @property
    def running(self) -> bool:
        """Whether it runs; one that is paused does too."""
        return self.status in {"running", "paused"}

    @property
    def tried(self) -> bool:
        """Whether it was ever started, were it in vain."""
        return self.started_ns is not None or bool(self.error)

    def attrs(self) -> dict[str, Any]:
        """Give it as ``docker inspect`` shows it, keys in order."""
        return {
            "Status": self.status,
            "Running": self.running,
            "Paused": self.status == "paused",
            "Restarting": False,
            "OOMKilled": False,
            "Dead": self.status == "dead",
            "Pid": self.pid,
            "ExitCode": self.exit_code,
            "Error": self.error,
            "StartedAt": timestamp(self.started_ns),
            "FinishedAt": timestamp(self.finished_ns),
        }

    def shown(self, now_ns: int) -> str:
        """
        Give the STATUS of ``docker ps``.

        >>> State().shown(0)
        'Created'
        """
        if self.running and self.started_ns is not None:
            text = f"Up {since(self.started_ns, now_ns)}"
            return f"{text} (Paused)" if self.status == "paused" else text
        if self.finished_ns is None:
            return "Created"
        ago = since(self.finished_ns, now_ns)
        return f"Exited ({self.exit_code}) {ago} ago"
