"""Words of a Dockerfile: where they part, quotes, and the values of variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, final

from unionfs_sim.containers.errors import InvalidParameter

_NAME: Final = re.compile(r"\d+|\w+|[@*#?!$-]")


def split_words(text: str) -> list[str]:
    """
    Cut a text at blanks that are not quoted; quotes and backslashes stay.

    >>> split_words("A='x y' B=x\\\\ y")
    ["A='x y'", 'B=x\\\\ y']
    """
    pattern = r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s])+"""
    return re.findall(pattern, text, re.DOTALL)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """
    Take quotes away and put the values of variables in their places.

    Raises:
        InvalidParameter: A quote or a brace is not closed, or a modifier not known.

    >>> expand("$A/${B:-none}/\\\\$A '$A'", {"A": "x y"})
    'x y/none/$A $A'
    """
    return _Words(text, variables).text()


def expand_words(text: str, variables: Mapping[str, str]) -> list[str]:
    """
    Expand a text, which then falls apart at blanks that are not quoted.

    >>> expand_words("$A 'b c'", {"A": "1 2"})
    ['1', '2', 'b c']
    """
    words = _Words(text, variables)
    words.text()
    return words.found


@final
class _Words:
    """A text, read from left to right."""

    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self._text = text
        self._variables = variables
        self._at = 0
        self._word: str | None = None
        self.found: list[str] = []

    def text(self) -> str:
        """Expand all of it."""
        result = self._until("")
        self._end_word()
        return result

    def _end_word(self) -> None:
        if self._word is not None:
            self.found.append(self._word)
        self._word = None

    def _take(self, value: str, *, quoted: bool) -> str:
        """Add to the words: what is quoted stays together."""
        if quoted:
            self._word = (self._word or "") + value
            return value
        for part in re.findall(r"\s+|\S+", value):
            if part.isspace():
                self._end_word()
            else:
                self._word = (self._word or "") + part
        return value

    def _until(self, end: str) -> str:
        out: list[str] = []
        text = self._text
        while self._at < len(text) and text[self._at] != end:
            letter = text[self._at]
            if letter == "'":
                close = text.find("'", self._at + 1)
                if close < 0:
                    self._refuse("unexpected end of statement while looking for matching single-quote")  # fmt: skip
                out.append(self._take(text[self._at + 1 : close], quoted=True))
                self._at = close + 1
            elif letter == '"':
                out.append(self._take(self._double(), quoted=True))
            elif letter == "$":
                out.append(self._take(self._dollar(), quoted=False))
            elif letter == "\\":
                out.append(self._take(text[self._at + 1 : self._at + 2], quoted=True))
                self._at += 2
            else:
                out.append(self._take(letter, quoted=False))
                self._at += 1
        if end and self._at >= len(text):
            self._refuse(f"syntax error: missing '{end}'")
        return "".join(out)

    def _double(self) -> str:
        out: list[str] = []
        text = self._text
        self._at += 1
        while text[self._at : self._at + 1] != '"':
            if self._at >= len(text):
                self._refuse("unexpected end of statement while looking for matching double-quote")  # fmt: skip
            letter = text[self._at]
            if letter == "$":
                out.append(self._dollar())
                continue
            if letter == "\\" and text[self._at + 1 : self._at + 2] in {'"', "$", "\\"}:
                self._at += 1
                letter = text[self._at]
            out.append(letter)
            self._at += 1
        self._at += 1
        return "".join(out)

    def _dollar(self) -> str:
        text = self._text
        self._at += 1
        braced = text[self._at : self._at + 1] == "{"
        self._at += braced
        match = _NAME.match(text, self._at)
        if match is None:
            if braced:
                self._refuse("syntax error: bad substitution")
            return "$"
        self._at = match.end()
        value = self._variables.get(match[0])
        if not braced:
            return value or ""
        following = text[self._at : self._at + 1]
        self._at += 1
        if following == "}":
            return value or ""
        if following != ":":
            self._refuse("syntax error: missing '}'" if not following else "bad substitution")  # fmt: skip
        modifier = text[self._at : self._at + 1]
        self._at += 1
        inner = _Words(text, self._variables)
        inner._at = self._at
        word = inner._until("}")
        self._at = inner._at + 1
        if modifier == "+":
            return word if value else ""
        if modifier == "-":
            return value or word
        if modifier == "?":
            if not value:
                reason = word or "is not allowed to be unset"
                self._refuse(f"{match[0]}: {reason}")
            return value or ""
        self._refuse(f"unsupported modifier ({modifier}) in substitution")
        return ""

    def _refuse(self, reason: str) -> None:
        msg = f'failed to process "{self._text}": {reason}'
        raise InvalidParameter(msg)
