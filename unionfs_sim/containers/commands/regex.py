"""Regular expressions of POSIX, as Python's."""

from __future__ import annotations

import re
from typing import Final

_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t-\\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_BRACKET: Final = re.compile(r"\[\^?\]?(?:\[:\w+:\]|[^\]])*\]")
_LETTERS: Final = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "n": r"\n", "t": r"\t"}


def basic_regex(text: str) -> str:
    """
    Give a basic regular expression in Python's syntax.

    >>> basic_regex(r"a\\(b\\)*c+"), basic_regex("^[a+]$")
    ('a(b)*c\\\\+', '^[a+]\\\\Z')
    """
    return _python(text, extended=False)


def extended_regex(text: str) -> str:
    """
    Give an extended regular expression in Python's syntax.

    >>> extended_regex("(a|b)+[[:digit:]]")
    '(a|b)+[0-9]'
    """
    return _python(text, extended=True)


def _python(text: str, *, extended: bool) -> str:
    out: list[str] = []
    at = 0
    start = True  # whether a star here would stand for itself
    while at < len(text):
        letter = text[at]
        bracket = _BRACKET.match(text, at) if letter == "[" else None
        if bracket is not None:
            out.append(_bracket(bracket[0]))
            at = bracket.end()
            start = False
            continue
        at += 1
        if letter == "\\" and at < len(text):
            key = text[at]
            at += 1
            if key in "(){}|+?":
                out.append(f"\\{key}" if extended else key)
                start = not extended and key in "(|"
                continue
            out.append(_LETTERS.get(key, f"\\{key}"))
        elif letter in "(){}|+?" and not extended:
            out.append(f"\\{letter}")
        elif letter == "*" and start:
            out.append(r"\*")
        elif letter == "^" and not extended and not start:
            out.append(r"\^")
        elif letter == "$":
            last = at == len(text) or text.startswith(("\\)", "\\|"), at)
            out.append(r"\Z" if last or extended else r"\$")
        else:
            out.append(letter)
        start = letter == "^" or (extended and letter in "(|")
    return "".join(out)


def _bracket(text: str) -> str:
    """Give what stands in brackets: a backslash is a letter like others there."""
    negated = "^" if text.startswith("[^") else ""
    inner = text[1 + len(negated) : -1]
    inner = re.sub(
        r"\[:(\w+):\]|([\\\[\]&~|])",
        lambda m: _CLASSES.get(m[1], "") if m[1] else f"\\{m[2]}",
        inner,
    )
    # ``\n`` and ``\t`` are understood even so.
    inner = re.sub(r"\\\\([nt])", r"\\\1", inner)
    return f"[{negated}{inner}]"
