"""Escapes with a backslash, as ``echo -e``, ``printf`` and ``$'...'`` know them."""

from __future__ import annotations

import re
from typing import Final

_ESCAPES: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "e": "\x1b",
}  # fmt: skip


def unescape(text: str) -> tuple[str, bool]:
    """
    Give a text with its escapes carried out, and whether ``\\c`` ended it.

    >>> unescape(r"a\\tb\\0101\\c...")
    ('a\\tbA', True)
    """
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at] != "\\" or at + 1 == len(text):
            out.append(text[at])
            at += 1
            continue
        key = text[at + 1]
        at += 2
        if key == "c":
            return "".join(out), True
        if key in _ESCAPES:
            out.append(_ESCAPES[key])
        elif key in "01234567" and (match := re.match(r"0?[0-7]{1,3}", text[at - 1 :])):
            out.append(chr(int(match[0], 8) & 0xFF))
            at += len(match[0]) - 1
        elif key == "x" and (match := re.match(r"[0-9A-Fa-f]{1,2}", text[at:])):
            out.append(chr(int(match[0], 16)))
            at += len(match[0])
        else:
            out.append("\\" + key)
    return "".join(out), False
