"""Fields: where unquoted values of the shell, and lines that it reads, fall apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BLANKS: Final = " \t\n"


def split_fields(text: str, separators: str) -> Iterator[tuple[str, str]]:
    """
    Cut a value at separators.

    Blanks separate once however many they are; any other separator takes the blanks
    around it with it, and ends a field even if that is empty.

    Returns:
        Each part, and what separated it from the next; nothing behind the last.

    >>> list(split_fields("a::b ", ":"))
    [('a', ':'), ('', ':'), ('b ', '')]
    >>> list(split_fields("  a  b", " "))
    [('', '  '), ('a', '  '), ('b', '')]
    """
    start = at = 0
    while at < len(text):
        if text[at] not in separators:
            at += 1
            continue
        part, end, marks = text[start:at], at, 0
        while end < len(text) and text[end] in separators:
            marks += text[end] not in BLANKS
            if marks > 1:
                break
            end += 1
        yield part, text[at:end]
        start = at = end
    if start < at:
        yield text[start:at], ""


def split_line(text: str, separators: str, count: int) -> list[str]:
    """
    Cut a line into so many values, as ``read`` does: the last takes what is left.

    >>> split_line("  a  b  c d ", " ", 2), split_line("1:2:3", ":", 4)
    (['a', 'b  c d'], ['1', '2', '3', ''])
    """
    text = text.strip(
        "".join(letter for letter in separators if letter in BLANKS) or "\0"
    )
    pieces = list(split_fields(text, separators))
    if len(pieces) <= count:
        return [part for part, _ in pieces] + [""] * (count - len(pieces))
    first = pieces[: count - 1]
    used = sum(len(part) + len(separator) for part, separator in first)
    return [*(part for part, _ in first), text[used:]]
