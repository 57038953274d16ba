"""``HEALTHCHECK``: noted in the config; nothing here runs it."""

from __future__ import annotations

from typing import Any, Final

from unionfs_sim.containers.durations import duration_ns
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.instructions import Instruction, command

_TIMES: Final = {
    "interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod",
}  # fmt: skip


def health_check(step: Instruction) -> dict[str, Any]:
    """
    Give the member of a config that an instruction makes.

    Raises:
        InvalidParameter: It is neither ``NONE`` nor ``CMD``, or a time is none.

    >>> health_check(Instruction("HEALTHCHECK", "CMD true", {"interval": "1m5s"}))
    {'Test': ['CMD-SHELL', 'true'], 'Interval': 65000000000}
    """
    kind, _, rest = step.text.partition(" ")
    if kind.upper() == "NONE":
        return {"Test": ["NONE"]}
    if kind.upper() != "CMD":
        msg = f'Unknown type "{kind}" in HEALTHCHECK (try CMD)'
        raise InvalidParameter(msg)
    words = command(rest.strip(), [])
    found: dict[str, Any] = {"Test": ["CMD", *words]}
    if not rest.lstrip().startswith("["):
        found = {"Test": ["CMD-SHELL", rest.strip()]}
    for flag, member in _TIMES.items():
        if step.flags.get(flag):
            found[member] = duration_ns(step.flags[flag])
    if step.flags.get("retries"):
        found["Retries"] = int(step.flags["retries"])
    return found
