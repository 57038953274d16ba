"""``printf``: words in a format, which is used again as long as there are words."""

from __future__ import annotations

import re
from typing import Final, final

from unionfs_sim.containers.escapes import unescape
from unionfs_sim.containers.process import Process

_FIELD: Final = re.compile(
    r"%(?P<flags>[-+ 0#]*)(?P<width>\*|\d*)(?:\.(?P<size>\*|\d*))?(?P<letter>.?)",
    re.DOTALL,
)
_WHOLE: Final = "diuxXo"
_FRACTIONS: Final = "eEfFgGaA"


class _Stop(Exception):  # noqa: N818 - the end of all output, by ``\\c``
    """Nothing more is written."""


def printf(process: Process) -> int:
    """Write words in a format: ``printf FORMAT WORD...``."""
    args = process.args[1:] if process.args[:1] == ["--"] else process.args
    if not args:
        return process.fail("usage: printf FORMAT [ARGUMENT...]")
    form = _Format(process, args[0], args[1:])
    try:
        while True:
            before = len(form.words)
            form.write()
            if not form.words or len(form.words) == before:
                break
    except _Stop:
        pass
    except ValueError as error:
        form.failed = process.fail(f"{error}: invalid format")
    return form.failed


@final
class _Format:
    """A format, and the words that are still to be written."""

    def __init__(self, process: Process, text: str, words: list[str]) -> None:
        self._process = process
        self._text = text
        self.words = words
        self.failed = 0

    def write(self) -> None:
        """Write the format once, with the next words in it."""
        out = self._process.stdout
        at = 0
        for match in _FIELD.finditer(self._text):
            self._plain(self._text[at : match.start()])
            at = match.end()
            out.write(self._field(match))
        self._plain(self._text[at:])

    def _plain(self, text: str) -> None:
        shown, stopped = unescape(text)
        self._process.stdout.write(shown)
        if stopped:
            raise _Stop

    def _word(self) -> str:
        return self.words.pop(0) if self.words else ""

    def _field(self, match: re.Match[str]) -> str:
        letter = match["letter"]
        if match[0] == "%%":
            return "%"
        if not letter or letter not in _WHOLE + _FRACTIONS + "scb":
            raise ValueError(match[0] if not letter else self._text[match.start() :])
        width, size = match["width"], match["size"]
        if width == "*":
            width = str(self._number(self._word()))
        if size == "*":
            size = str(self._number(self._word()))
        spec = f"%{match['flags']}{width}" + ("" if size is None else f".{size}")
        word = self._word()
        if letter == "b":
            shown, stopped = unescape(word)
            if stopped:
                self._process.stdout.write(shown)
                raise _Stop
            return f"{spec}s" % shown
        if letter == "c":
            return f"{spec}s" % word[:1]
        if letter == "s":
            return f"{spec}s" % word
        if letter in _FRACTIONS:
            return f"{spec}{letter}" % self._fraction(word)
        number = self._number(word)
        if letter in "uxXo" and number < 0:
            number += 1 << 64
        return f"{spec}{'d' if letter in 'iu' else letter}" % number

    def _number(self, word: str) -> int:
        """Give a number; a word that is none is told of, and counts as 0."""
        if word[:1] in {"'", '"'}:
            return ord(word[1:2] or "\0")
        match = re.fullmatch(r"\s*([-+]?)(0[xX][0-9a-fA-F]+|\d+)", word or "0")
        if match is None:
            self.failed = self._process.fail(f"invalid number '{word}'")
            return 0
        digits = match[2]
        base = 16 if digits[:2] in {"0x", "0X"} else 8 if digits[0] == "0" else 10
        try:
            value = int(digits, base)
        except ValueError:
            self.failed = self._process.fail(f"invalid number '{word}'")
            return 0
        return -value if match[1] == "-" else value

    def _fraction(self, word: str) -> float:
        try:
            return float(word or "0")
        except ValueError:
            self.failed = self._process.fail(f"invalid number '{word}'")
            return 0.0
