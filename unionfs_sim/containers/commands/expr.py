"""``expr``: numbers, comparisons and texts, worked out word by word."""

from __future__ import annotations

import re
from typing import Final, NoReturn, final

from unionfs_sim.containers.commands.regex import basic_regex
from unionfs_sim.containers.process import Exit, Process

_LEVELS: Final = (
    ("|",),
    ("&",),
    ("<", "<=", "=", "==", "!=", ">=", ">"),
    ("+", "-"),
    ("*", "/", "%"),
    (":",),
)
_NUMBER: Final = re.compile(r"-?\d+")


def expr(process: Process) -> int:
    """Work out an expression: ``expr 1 + 2``; 1 if the result is 0 or empty."""
    if not process.args:
        return process.fail("too few arguments", 2)
    expression = _Expression(process)
    value = expression.level(0)
    if expression.words:
        return process.fail("syntax error", 2)
    process.print(value)
    return int(_is_false(value))


def _is_false(value: str) -> bool:
    return value == "" or bool(re.fullmatch("-?0+", value))


@final
class _Expression:
    """The words that are still to be read."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.words = list(process.args)

    def _refuse(self, text: str) -> NoReturn:
        raise Exit(self._process.fail(text, 2))

    def level(self, number: int) -> str:
        """Read what binds at least as tightly as one level of operators."""
        if number == len(_LEVELS):
            return self._atom()
        left = self.level(number + 1)
        while self.words and self.words[0] in _LEVELS[number]:
            sign = self.words.pop(0)
            left = self._apply(sign, left, self.level(number + 1))
        return left

    def _atom(self) -> str:
        if not self.words:
            self._refuse("syntax error")
        word = self.words.pop(0)
        if word == "(":
            value = self.level(0)
            if not self.words or self.words.pop(0) != ")":
                self._refuse("syntax error")
            return value
        if word == ")":
            self._refuse("syntax error")
        if word == "quote" and self.words:
            return self.words.pop(0)
        if word == "length" and self.words:
            return str(len(self._atom()))
        if word == "match" and len(self.words) > 1:
            return _matched(self._atom(), self._atom())
        if word == "index" and len(self.words) > 1:
            text, letters = self._atom(), self._atom()
            return str(next((n for n, x in enumerate(text, 1) if x in letters), 0))
        if word == "substr" and len(self.words) > 2:
            text, start, size = self._atom(), self._atom(), self._atom()
            if not (_NUMBER.fullmatch(start) and _NUMBER.fullmatch(size)):
                return ""
            first = int(start) - 1
            return text[first : first + int(size)] if first >= 0 < int(size) else ""
        return word

    def _apply(self, sign: str, left: str, right: str) -> str:
        if sign == "|":
            return right if _is_false(left) else left
        if sign == "&":
            return "0" if _is_false(left) or _is_false(right) else left
        if sign == ":":
            return _matched(left, right)
        numbers = _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right)
        if sign in _LEVELS[2]:
            one: int | str = int(left) if numbers else left
            other: int | str = int(right) if numbers else right
            return str(int(_compared(sign, one, other)))
        if not numbers:
            self._refuse("non-numeric argument")
        return str(self._calculated(sign, int(left), int(right)))

    def _calculated(self, sign: str, left: int, right: int) -> int:
        if sign in "+-*":
            return {"+": left + right, "-": left - right, "*": left * right}[sign]
        if not right:
            self._refuse("division by zero")
        size = abs(left) // abs(right)
        quotient = size if (left < 0) == (right < 0) else -size
        return quotient if sign == "/" else left - right * quotient


def _compared(sign: str, one: int | str, other: int | str) -> bool:
    if sign in {"=", "=="}:
        return one == other
    if sign == "!=":
        return one != other
    less = one < other  # type: ignore[operator]
    return {
        "<": less,
        "<=": less or one == other,
        ">": not less and one != other,
        ">=": not less,
    }[sign]


def _matched(text: str, pattern: str) -> str:
    """Give what the group of a pattern took, or how many letters fitted."""
    regex = re.compile(basic_regex(pattern))
    match = regex.match(text)
    if regex.groups:
        return (match[1] or "") if match else ""
    return str(match.end()) if match else "0"
