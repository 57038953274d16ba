"""Patterns of the shell: ``*``, ``?``, ``[...]``, and the names that fit them."""

from __future__ import annotations

import posixpath
import re
import stat
from functools import lru_cache
from typing import Final

from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.errors import UnionFSError

_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t-\\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_BRACKET: Final = re.compile(r"\[([!^]?)(\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]", re.DOTALL)


def is_pattern(text: str) -> bool:
    """
    Tell whether a text can stand for others.

    >>> is_pattern("a*"), is_pattern("a")
    (True, False)
    """
    return any(letter in text for letter in "*?[")


def escape(text: str) -> str:
    r"""
    Give a pattern that only a text itself fits.

    >>> escape("a*")
    'a\\*'
    """
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def matches(text: str, pattern: str) -> bool:
    """
    Tell whether a text fits a pattern.

    >>> matches("a.txt", "*.[!c]xt"), matches("a", "b|a"), matches("7", "[[:digit:]]")
    (True, False, True)
    """
    return _regex(pattern).fullmatch(text) is not None


def expression(pattern: str) -> str:
    """
    Give a pattern as a regular expression.

    >>> expression("a?.[!x-z]*")
    'a.\\\\.[^x-z].*'
    """
    out: list[str] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        bracket = _BRACKET.match(pattern, at) if letter == "[" else None
        if bracket is not None:
            out.append(_bracket(bracket[1], bracket[2]))
            at = bracket.end()
            continue
        if letter == "\\" and at + 1 < len(pattern):
            at += 1
            out.append(re.escape(pattern[at]))
        else:
            out.append({"*": ".*", "?": "."}.get(letter) or re.escape(letter))
        at += 1
    return "".join(out)


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(expression(pattern), re.DOTALL)
    except re.error:  # a range that runs backwards fits nothing
        return re.compile(r"(?!)")


def _bracket(negated: str, members: str) -> str:
    text = re.sub(
        r"\[:(\w+):\]|\\(.)|([\[\]^&~|\\])",
        lambda m: (
            _CLASSES.get(m[1], "") if m[1] else re.escape(m[2]) if m[2] else f"\\{m[3]}"
        ),
        members,
        flags=re.DOTALL,
    )
    return f"[{'^' if negated else ''}{text}]" if text else "(?!)"


def glob(fs: FileSystem, pattern: str, cwd: str = "/") -> list[str]:
    """
    List the names that fit a pattern, in order.

    >>> from unionfs_sim import Layer, UnionFS
    >>> fs = UnionFS([Layer.build({"d/a.txt": "", "d/b.txt": "", "d/.c.txt": ""})])
    >>> glob(fs, "/d/*.txt"), glob(fs, "?", "/")
    (['/d/a.txt', '/d/b.txt'], ['d'])
    """
    parts = [part for part in pattern.split("/") if part]
    found = ["/"] if pattern.startswith("/") else [""]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        directories_only = not last or pattern.endswith("/")
        below: list[str] = []
        for base in found:
            place = posixpath.join(cwd, base)
            for name in _names(fs, place, part):
                path = posixpath.join(place, name)
                if not directories_only or _is_directory(fs, path):
                    below.append(posixpath.join(base, name))
        found = below
    return [f"{path}/" for path in found] if pattern.endswith("/") else found


def _names(fs: FileSystem, place: str, part: str) -> list[str]:
    """Give the names in a directory that fit one part of a pattern."""
    if not is_pattern(part):
        name = re.sub(r"\\(.)", r"\1", part)
        try:
            fs.stat(posixpath.join(place, name), follow_symlinks=False)
        except UnionFSError:
            return []
        return [name]
    try:
        names = fs.listdir(place)
    except UnionFSError:
        return []
    return [
        name
        for name in sorted(names)
        if (part.startswith(".") or not name.startswith(".")) and matches(name, part)
    ]


def _is_directory(fs: FileSystem, path: str) -> bool:
    try:
        return stat.S_ISDIR(fs.stat(path).st_mode)
    except UnionFSError:
        return False
