"""Signals by name and number, and modes as Go writes them."""

from __future__ import annotations

import signal
import stat
from typing import Final

from unionfs_sim.containers.errors import InvalidParameter

#: The type bits of Go's ``os.FileMode``.
_GO_BITS: Final = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
}


def name_of(given: str | int) -> str:
    """
    Give a signal's full name.

    Raises:
        InvalidParameter: There is none.

    >>> name_of("term"), name_of(9), name_of("SIGHUP")
    ('SIGTERM', 'SIGKILL', 'SIGHUP')
    """
    text = str(given).upper()
    try:
        if text.isdigit():
            return signal.Signals(int(text)).name
        return signal.Signals[text if text.startswith("SIG") else f"SIG{text}"].name
    except (ValueError, KeyError) as error:
        msg = f"Invalid signal: {given}"
        raise InvalidParameter(msg) from error


def number_of(name: str) -> int:
    """
    Give the number of a signal by its full name.

    >>> number_of("SIGTERM")
    15
    """
    return int(signal.Signals[name])


def go_mode(mode: int) -> int:
    """
    Give a mode as Go's ``os.FileMode`` has it.

    >>> go_mode(0o040755) == 1 << 31 | 0o755
    True
    """
    made = mode & 0o777 | _GO_BITS.get(stat.S_IFMT(mode), 0)
    made |= 1 << 23 if mode & stat.S_ISUID else 0
    made |= 1 << 22 if mode & stat.S_ISGID else 0
    return made | (1 << 20 if mode & stat.S_ISVTX else 0)
