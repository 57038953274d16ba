"""Times as Go reads them: ``1h30m``, and moments given in several ways."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from unionfs_sim.containers.errors import InvalidParameter, System

_SECOND_NS: Final = 10**9
_UNITS: Final = {
    "ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_PART: Final = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|ms|s|m|h)"


def duration_ns(text: str) -> int:
    """
    Read a duration, in nanoseconds.

    Raises:
        InvalidParameter: It is none.

    >>> duration_ns("1h1.5s"), duration_ns("-10m")
    (3601500000000, -600000000000)
    """
    match = re.fullmatch(rf"([-+]?)((?:{_PART})+)", text)
    if match is None:
        if text.strip("+-") == "0":
            return 0
        msg = f'time: invalid duration "{text}"'
        raise InvalidParameter(msg)
    parts = re.findall(_PART, match[2])
    size = sum(int(float(number) * _UNITS[unit]) for number, unit in parts)
    return -size if match[1] == "-" else size


def duration_text(duration_ns: int) -> str:
    """
    Write a duration as Go does.

    >>> [duration_text(x * 10**6) for x in (0, 1, 1500, 65_000, 3_600_000)]
    ['0s', '1ms', '1.5s', '1m5s', '1h0m0s']
    """
    if 0 < duration_ns < 10**9:
        name, unit = ("ms", 10**6) if duration_ns >= 10**6 else ("ns", 1)
        return f"{duration_ns / unit:g}{name}"
    minutes, rest = divmod(duration_ns, 60 * 10**9)
    seconds = f"{rest / 10**9:.9f}".rstrip("0").rstrip(".")
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes_left}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def moment_ns(text: str, now_ns: int) -> int:
    """
    Read a moment: so long ago, a date, or seconds since the epoch.

    Raises:
        System: It is none of these.

    >>> moment_ns("10s", 60 * 10**9), moment_ns("1970-01-02", 0), moment_ns("5.5", 0)
    (50000000000, 86400000000000, 5500000000)
    """
    try:
        ago = now_ns - duration_ns(text)
    except InvalidParameter:
        pass
    else:
        return ago - ago % _SECOND_NS
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        whole, _, part = text.partition(".")
        return int(whole) * _SECOND_NS + int(f"{part:0<9}"[:9])
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f'failed to parse value as time or duration: "{text}"'
        raise System(msg) from error
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return int(found.timestamp()) * _SECOND_NS + found.microsecond * 1000
