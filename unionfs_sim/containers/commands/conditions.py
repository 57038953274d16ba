"""``test`` and ``[``: conditions on files, texts and numbers."""

from __future__ import annotations

import re
import stat
from typing import final

from unionfs_sim.containers.commands.regex import extended_regex
from unionfs_sim.containers.process import Process
from unionfs_sim.containers.shell.patterns import matches
from unionfs_sim.errors import UnionFSError

_UNARY = "bcdefghLnprsStuwxz"


def test(process: Process) -> int:
    """Tell whether a condition holds: ``test CONDITION`` or ``[ CONDITION ]``."""
    words = list(process.args)
    end = {"[": "]", "[[": "]]"}.get(process.name)
    if end is not None and (not words or words.pop() != end):
        return process.fail(f"missing {end}", 2)
    if not words:
        return 1
    condition = _Condition(process, words)
    try:
        holds = condition.either()
        if condition.words:
            return process.fail(f"{condition.words[0]}: unknown operand", 2)
    except _Wrong as error:
        return process.fail(str(error), 2)
    return 0 if holds else 1


class _Wrong(Exception):  # noqa: N818 - the text of a complaint
    """What a condition breaks."""


@final
class _Condition:
    """Words of a condition, read from left to right."""

    def __init__(self, process: Process, words: list[str]) -> None:
        self._process = process
        self.words = words

    def either(self) -> bool:
        """Read conditions with ``-o`` between."""
        holds = self._both()
        while self.words and self.words[0] in {"-o", "||"}:
            self.words.pop(0)
            holds = self._both() or holds
        return holds

    def _both(self) -> bool:
        holds = self._one()
        while self.words and self.words[0] in {"-a", "&&"}:
            self.words.pop(0)
            holds = self._one() and holds
        return holds

    def _one(self) -> bool:
        if not self.words:
            msg = "argument expected"
            raise _Wrong(msg)
        word = self.words.pop(0)
        if word == "!" and self.words:
            return not self._one()
        if self.words and self.words[0] in _BINARY:
            operator = self.words.pop(0)
            if not self.words:
                msg = f"{operator}: argument expected"
                raise _Wrong(msg)
            return self._compare(word, operator, self.words.pop(0))
        if word == "(":
            holds = self.either()
            if not self.words or self.words.pop(0) != ")":
                msg = "closing paren expected"
                raise _Wrong(msg)
            return holds
        if len(word) == 2 and word[0] == "-" and word[1] in _UNARY and self.words:
            return self._unary(word[1], self.words.pop(0))
        return word != ""

    def _unary(self, letter: str, word: str) -> bool:
        if letter in "nz":
            return (word == "") == (letter == "z")
        if letter == "t":
            return False
        fs, path = self._process.fs, self._process.path(word)
        if letter in "rwx":
            return fs.access(path, {"r": 4, "w": 2, "x": 1}[letter])
        try:
            status = fs.stat(path, follow_symlinks=letter not in "hL")
        except UnionFSError:
            return False
        mode = status.st_mode
        return {
            "b": stat.S_ISBLK(mode),
            "c": stat.S_ISCHR(mode),
            "d": stat.S_ISDIR(mode),
            "e": True,
            "f": stat.S_ISREG(mode),
            "g": bool(mode & stat.S_ISGID),
            "h": stat.S_ISLNK(mode),
            "L": stat.S_ISLNK(mode),
            "p": stat.S_ISFIFO(mode),
            "s": status.st_size > 0,
            "S": stat.S_ISSOCK(mode),
            "u": bool(mode & stat.S_ISUID),
        }[letter]

    def _compare(self, one: str, operator: str, other: str) -> bool:
        if operator in {"=", "==", "!="}:
            fits = matches if self._process.name == "[[" else str.__eq__
            return fits(one, other) == (operator != "!=")
        if operator in {"<", ">"}:
            return one < other if operator == "<" else one > other
        if operator == "=~":
            return re.search(extended_regex(other), one) is not None
        if operator in {"-nt", "-ot", "-ef"}:
            return self._compare_files(one, operator, other)
        left, right = _number(one), _number(other)
        return {
            "-eq": left == right,
            "-ne": left != right,
            "-lt": left < right,
            "-le": left <= right,
            "-gt": left > right,
            "-ge": left >= right,
        }[operator]

    def _compare_files(self, one: str, operator: str, other: str) -> bool:
        fs = self._process.fs
        try:
            left = fs.stat(self._process.path(one))
            right = fs.stat(self._process.path(other))
        except UnionFSError:
            return False
        if operator == "-ef":
            return (left.st_dev, left.st_ino) == (right.st_dev, right.st_ino)
        newer = left.st_mtime_ns > right.st_mtime_ns
        return newer == (operator == "-nt")


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError as error:
        msg = f"{word}: bad number"
        raise _Wrong(msg) from error


_BINARY = frozenset(
    "= == != =~ < > -eq -ne -lt -le -gt -ge -nt -ot -ef".split()  # noqa: SIM905 - as one types them
)
