"""``test`` and ``[``: conditions on files, texts and numbers."""

from __future__ import annotations

import stat
from typing import final

from unionfs_sim.containers.process import Process
from unionfs_sim.errors import UnionFSError

_UNARY = "bcdefghLnprsStuwxz"


def test(process: Process) -> int:
    """Tell whether a condition holds: ``test CONDITION`` or ``[ CONDITION ]``."""
    words = list(process.args)
    if process.name in {"[", "[["} and (not words or words.pop() not in {"]", "]]"}):
        return process.fail("missing ]", 2)
    if not words:
        return 1
    condition = _Condition(process, words)
    try:
        holds = condition.either()
        if condition.words:
            return process.fail(f"{condition.words[0]}: unknown operand", 2)
    except (ValueError, IndexError):
        return process.fail(f"{words[0] if words else ''}: unknown operand", 2)
    return 0 if holds else 1


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
        word = self.words.pop(0)
        if word == "!" and self.words:
            return not self._one()
        if self.words and self.words[0] in _BINARY:
            operator = self.words.pop(0)
            return self._compare(word, operator, self.words.pop(0))
        if word == "(":
            holds = self.either()
            self.words.pop(0)
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
        if operator in {"=", "=="}:
            return one == other
        if operator == "!=":
            return one != other
        if operator in {"-nt", "-ot", "-ef"}:
            return self._compare_files(one, operator, other)
        left, right = int(one), int(other)
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


_BINARY = frozenset(
    "= == != -eq -ne -lt -le -gt -ge -nt -ot -ef".split()  # noqa: SIM905 - as one types them
)
