"""Arithmetic of the shell: what stands between ``$((`` and ``))``, in 64 bits."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Final, final

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+#[0-9a-zA-Z]+|0[xX][0-9a-fA-F]+|\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<op>\*\*|<<=|>>=|\+\+|--|&&|\|\||[-+*/%&|^=!<>]=|<<|>>|[-+*/%&|^=!<>~?:(),]))"
)
_DEPTH_MAX: Final = 64


class ExpressionError(ValueError):
    """What an expression breaks."""


def _quotient(one: int, other: int) -> int:
    """Divide towards zero, as C does."""
    if not other:
        msg = "divide by zero"
        raise ExpressionError(msg)
    size = abs(one) // abs(other)
    return size if (one < 0) == (other < 0) else -size


def _power(one: int, other: int) -> int:
    if other < 0:
        msg = "exponent less than 0"
        raise ExpressionError(msg)
    return pow(one, other, 1 << 64)


_OPERATIONS: Final[Mapping[str, Callable[[int, int], int]]] = {
    "**": _power,
    "*": operator.mul,
    "/": _quotient,
    "%": lambda a, b: a - b * _quotient(a, b),
    "+": operator.add,
    "-": operator.sub,
    "<<": lambda a, b: a << (b & 63),
    ">>": lambda a, b: a >> (b & 63),
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "&": operator.and_,
    "^": operator.xor,
    "|": operator.or_,
}
#: Operators that go from left to right, the loosest first.
_LEVELS: Final = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", "<=", ">", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
_ASSIGNMENTS: Final = frozenset(
    {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
)


def arithmetic(text: str, variables: MutableMapping[str, str], depth: int = 0) -> int:
    """
    Work out an expression; assignments in it change the variables.

    Raises:
        ExpressionError: It is none, or divides by zero.

    >>> variables = {"a": "1"}
    >>> arithmetic("(a + 2) * 3 > 8 && (b = 4)", variables), variables["b"]
    (1, '4')
    """
    if depth > _DEPTH_MAX:
        msg = "expression recursion loop detected"
        raise ExpressionError(msg)
    return _Expression(text, variables, depth).value()


@final
class _Expression:
    """
    One expression, worked out as it is read.

    What a short cut or a choice leaves out is read as well, but changes nothing.
    """

    def __init__(
        self, text: str, variables: MutableMapping[str, str], depth: int
    ) -> None:
        self._tokens = _tokens(text)
        self._variables = variables
        self._depth = depth
        self._at = 0
        self._skipping = 0

    def value(self) -> int:
        """Work it out; nothing at all is 0."""
        if not self._tokens:
            return 0
        result = self._comma()
        if self._at < len(self._tokens):
            raise _wrong()
        return result

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *texts: str) -> str:
        token = self._peek()
        if token not in texts:
            return ""
        self._at += 1
        return token

    def _comma(self) -> int:
        result = self._assignment()
        while self._take(","):
            result = self._assignment()
        return result

    def _assignment(self) -> int:
        name = self._peek()
        following = self._tokens[self._at + 1 : self._at + 2]
        if not _is_name(name) or not following or following[0] not in _ASSIGNMENTS:
            return self._choice()
        self._at += 2
        sign = following[0][:-1]
        value = self._assignment()
        if sign:
            value = self._apply(sign, self._variable(name), value)
        return self._set(name, value)

    def _choice(self) -> int:
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        first = self._quietly(self._comma, skip=not condition)
        if not self._take(":"):
            raise _wrong()
        second = self._quietly(self._assignment, skip=bool(condition))
        return first if condition else second

    def _quietly(self, read: Callable[[], int], *, skip: bool) -> int:
        self._skipping += skip
        value = read()
        self._skipping -= skip
        return value

    def _binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._powers()
        left = self._binary(level + 1)
        while sign := self._take(*_LEVELS[level]):
            if sign in {"&&", "||"}:
                decided = bool(left) == (sign == "||")
                right = self._quietly(lambda: self._binary(level + 1), skip=decided)
                left = int(bool(left)) if decided else int(bool(right))
            else:
                left = self._apply(sign, left, self._binary(level + 1))
        return left

    def _powers(self) -> int:
        base = self._unary()
        return self._apply("**", base, self._powers()) if self._take("**") else base

    def _unary(self) -> int:
        sign = self._take("+", "-", "!", "~", "++", "--")
        if sign in {"++", "--"} and _is_name(self._peek()):
            name = self._peek()
            self._at += 1
            step = 1 if sign == "++" else -1
            return self._set(name, self._variable(name) + step)
        if not sign:
            return self._atom()
        value = self._unary()
        return {"-": -value, "!": int(not value), "~": ~value}.get(sign[0], value)

    def _atom(self) -> int:
        if self._take("("):
            value = self._comma()
            if not self._take(")"):
                raise _wrong()
            return value
        token = self._peek()
        self._at += 1
        if token[:1].isdigit():
            return _number(token)
        if not _is_name(token):
            raise _wrong()
        value = self._variable(token)
        if step := self._take("++", "--"):
            self._set(token, value + (1 if step == "++" else -1))
        return value

    def _apply(self, sign: str, left: int, right: int) -> int:
        if self._skipping and sign in {"/", "%", "**"}:
            return 0
        return _wrapped(int(_OPERATIONS[sign](left, right)))

    def _variable(self, name: str) -> int:
        text = self._variables.get(name, "")
        return arithmetic(text, self._variables, self._depth + 1) if text else 0

    def _set(self, name: str, value: int) -> int:
        value = _wrapped(value)
        if not self._skipping:
            self._variables[name] = str(value)
        return value


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _wrong()
        found.append(match[0].strip())
        at = match.end()
    return found


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"


def _number(token: str) -> int:
    base, mark, digits = token.partition("#")
    try:
        if mark:
            return int(digits, int(base))
        octal = len(token) > 1 and token[0] == "0" and token[1] not in "xX"
        return _wrapped(int(token, 8 if octal else 0))
    except ValueError as error:
        raise _wrong() from error


def _wrapped(value: int) -> int:
    """Give a number as 64 bits hold it."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def _wrong() -> ExpressionError:
    msg = "arithmetic syntax error"
    return ExpressionError(msg)
