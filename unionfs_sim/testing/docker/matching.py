"""Comparing what an engine answers with what was recorded, ids by their numbers."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"<(id64|id12|time|ago|hash|pid|version)(?:#(\d+))?>")

_LOOSE = {
    "ago": r"(?:Less than a second|About an? \w+|\d+ \w+)(?: ago)?",
    "hash": r"[0-9a-f]*",
    "pid": r"\d+",
    "time": r"(?:[0-9TZ:.+-]*|\d{4}(?:-\d\d){2} [0-9:.]+(?: [+-]\d{4}(?: [A-Z]{3,4})?)?"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d)",
    "version": r"\d+\.[0-9A-Za-z.+~-]*",
}


class Ids:
    """The ids of one scenario, by their numbers."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def matches(self, expected: object, found: object) -> bool:
        """Compare values, deeply; texts are patterns, and new ids are noted."""
        if isinstance(expected, dict) and isinstance(found, dict):
            return self._mappings(expected, found)
        if isinstance(expected, list) and isinstance(found, list):
            return len(expected) == len(found) and all(
                self.matches(one, other)
                for one, other in zip(expected, found, strict=True)
            )
        if isinstance(expected, str) and isinstance(found, str):
            return self._texts(expected, found)
        if expected == "<pid>":
            return isinstance(found, int) and found > 0
        return type(expected) is type(found) and bool(expected == found)

    def _mappings(self, expected: dict[str, Any], found: dict[str, Any]) -> bool:
        if len(expected) != len(found):
            return False
        if list(expected) == list(found):
            return all(self.matches(each, found[key]) for key, each in expected.items())
        for (key, value), (other, given) in zip(
            expected.items(), found.items(), strict=True
        ):
            if not self._texts(key, other) or not self.matches(value, given):
                return False
        return True

    def _texts(self, expected: str, found: str) -> bool:
        groups: list[tuple[str, str]] = []
        seen: dict[str, str] = {}

        def pattern(match: re.Match[str]) -> str:
            kind, number = match[1], match[2]
            if number is None:
                return _LOOSE[kind]
            size = 64 if kind == "id64" else 12
            known = self.known.get(number)
            if known is not None and len(known) >= size:
                return known[:size]
            name = f"{kind}_{number}"
            if name in seen:
                return f"(?P={name})"
            seen[name] = number
            groups.append((name, number))
            rest = f"{known}[0-9a-f]{{{size - 12}}}" if known else f"[0-9a-f]{{{size}}}"
            return f"(?P<{name}>{rest})"

        parts: list[str] = []
        at = 0
        for match in _TOKEN.finditer(expected):
            parts += [re.escape(expected[at : match.start()]), pattern(match)]
            at = match.end()
        parts.append(re.escape(expected[at:]))
        fit = re.fullmatch("".join(parts), found)
        if fit is None:
            return False
        for name, number in groups:
            if len(fit[name]) > len(self.known.get(number, "")):
                self.known[number] = fit[name]
        return True
