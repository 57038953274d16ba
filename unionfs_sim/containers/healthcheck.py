"""``HEALTHCHECK``: noted in the config; nothing here runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from unionfs_sim.containers.durations import duration_ns, duration_text
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.instructions import Instruction, command

_TIMES: Final = {
    "interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod",
}  # fmt: skip
#: A number of retries, which Go writes as a character.
_RUNES: Final = {
    7: "\\a",
    8: "\\b",
    9: "\\t",
    10: "\\n",
    11: "\\v",
    12: "\\f",
    13: "\\r",
}


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


def shown_check(found: Mapping[str, Any]) -> str:
    """
    Give a check as the history of an image has it, which is Go's way [use-build].

    >>> print(shown_check({"Test": ["CMD-SHELL", "true"], "Interval": 5 * 10**9}))
    &{["CMD-SHELL" "true"] "5s" "0s" "0s" '\\x00'}
    """
    words = " ".join(json.dumps(word) for word in found["Test"])
    times = " ".join(
        f'"{duration_text(found.get(member, 0))}"' for member in _TIMES.values()
    )
    retries = int(found.get("Retries", 0))
    rune = _RUNES.get(retries) or (
        chr(retries) if retries >= ord(" ") else f"\\x{retries:02x}"
    )
    return f"&{{[{words}] {times} '{rune}'}}"
