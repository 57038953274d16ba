"""``sed``: commands on lines, with addresses and groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NoReturn, final

import attrs

from unionfs_sim.containers.commands.options import Options, reason
from unionfs_sim.containers.commands.regex import basic_regex, extended_regex
from unionfs_sim.containers.escapes import unescape
from unionfs_sim.containers.process import Exit, Process
from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.errors import UnionFSError

_TEXT_COMMANDS: Final = "aic"
_LABEL_COMMANDS: Final = "bt:"
_PLAIN_COMMANDS: Final = "dDpPqQ=nNgGhHx"


@final
@attrs.define
class _Address:
    """A line: its number, ``$`` for the last, or what fits a pattern."""

    number: int = 0
    last: bool = False
    pattern: re.Pattern[str] | None = None
    step: int = 0


@final
@attrs.define
class _Command:
    """One command: what it is, which lines it is for, and what else belongs to it."""

    letter: str
    first: _Address | None = None
    end: _Address | None = None
    more: int = 0  # ``ADDRESS,+N``
    negated: bool = False
    text: str = ""
    pattern: re.Pattern[str] | None = None
    count: int = 1
    everywhere: bool = False
    prints: bool = False
    table: dict[int, str] = attrs.field(factory=dict)
    jump: int = 0  # where a group that is left out ends, or where a label is
    until: int = -1  # in a range: up to which line; 0 as long as no end has come


class _Next(Exception):  # noqa: N818 - a way to the next line
    """
    The line is done.

    Attributes:
        prints: Whether it is written.
        ends: Whether that was the last.
    """

    def __init__(self, *, prints: bool = True, ends: bool = False) -> None:
        super().__init__()
        self.prints = prints
        self.ends = ends


def sed(process: Process) -> Steps[int]:
    """Change lines: ``sed [-nEis] [-e SCRIPT | SCRIPT] [FILE...]``."""
    options = Options(process, "Ee:f:inrsz")
    args = list(options.args)
    scripts: list[str] = []
    for letter, value in options.order:
        if letter == "e":
            scripts.append(value)
        elif letter == "f":
            scripts.append(process.fs.read_text(process.path(value)))
    if not scripts:
        if not args:
            return process.fail("no script")
        scripts = [args.pop(0)]
    extended = "E" in options or "r" in options
    reader = _Reader(process, "\n".join(scripts), extended=extended)
    quiet = "n" in options or "\n".join(scripts).startswith("#n\n")
    texts: list[tuple[str, bytes]] = []
    failed = 0
    for name in args or ["-"]:
        try:
            if name == "-":
                texts.append((name, (yield from process.stdin.read())))
            else:
                texts.append((name, process.fs.read_bytes(process.path(name))))
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
    commands = list(reader.commands())
    if "i" in options:
        for name, data in texts:
            run = _Run(process, commands, data, quiet=quiet)
            process.fs.write_text(process.path(name), "".join(run.output()))
    else:
        run = _Run(process, commands, b"".join(data for _, data in texts), quiet=quiet)
        for part in run.output():
            process.stdout.write(part)
    return failed


@final
class _Reader:
    """Reads a script."""

    def __init__(self, process: Process, text: str, *, extended: bool) -> None:
        self._process = process
        self._text = text
        self._extended = extended
        self._at = 0
        self._last = ""  # the newest pattern, which an empty one stands for

    def _refuse(self, text: str) -> NoReturn:
        raise Exit(self._process.fail(text))

    def _skip(self, letters: str) -> None:
        while self._at < len(self._text) and self._text[self._at] in letters:
            self._at += 1

    def commands(self) -> list[_Command]:
        """Read all commands."""
        found: list[_Command] = []
        groups: list[_Command] = []
        labels: dict[str, int] = {}
        while True:
            self._skip(" \t\n;")
            if self._at >= len(self._text):
                break
            if self._text[self._at] == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
                continue
            command = self._command()
            if command.letter == "{":
                groups.append(command)
            elif command.letter == "}":
                if not groups:
                    self._refuse("unexpected '}'")
                groups.pop().jump = len(found)
                continue
            elif command.letter == ":":
                labels[command.text] = len(found)
                continue
            found.append(command)
        if groups:
            self._refuse("unmatched '{'")
        for command in found:
            if command.letter in "bt":
                if command.text and command.text not in labels:
                    self._refuse(f"can't find label for jump to '{command.text}'")
                command.jump = labels.get(command.text, len(found))
        return found

    def _command(self) -> _Command:
        command = _Command("")
        command.first = self._address()
        if command.first is not None and self._text[self._at : self._at + 1] == ",":
            self._at += 1
            self._skip(" \t")
            more = re.compile(r"\+(\d+)").match(self._text, self._at)
            if more:
                self._at = more.end()
                command.more = int(more[1])
                command.end = _Address()
            else:
                command.end = self._address()
                if command.end is None:
                    self._refuse("no address after comma")
        self._skip(" \t")
        while self._text[self._at : self._at + 1] == "!":
            command.negated = True
            self._at += 1
            self._skip(" \t")
        if self._at >= len(self._text):
            self._refuse("missing command")
        command.letter = self._text[self._at]
        self._at += 1
        self._rest(command)
        return command

    def _address(self) -> _Address | None:
        text = self._text
        match = re.compile(r"(\d+)(?:~(\d+))?|(\$)").match(text, self._at)
        if match:
            self._at = match.end()
            return _Address(int(match[1] or 0), bool(match[3]), step=int(match[2] or 0))
        if text.startswith(("/", "\\"), self._at):
            self._at += text[self._at] == "\\"
            pattern = self._until(self._text[self._at])
            fold = self._text[self._at : self._at + 1] == "I"
            self._at += fold
            return _Address(pattern=self._regex(pattern, fold=fold))
        return None

    def _until(self, mark: str) -> str:
        """Read up to the next mark that stands for itself, and over it."""
        start = self._at = self._at + 1
        text = self._text
        while self._at < len(text) and text[self._at] != mark:
            bracket = re.compile(r"\[\^?\]?[^]\n]*\]").match(text, self._at)
            if text[self._at] == "[" and bracket and mark in bracket[0]:
                self._at = bracket.end()
            else:
                self._at += 2 if text[self._at] == "\\" else 1
        if self._at >= len(text):
            self._refuse("unterminated match" if mark == "/" else "bad format")
        found = text[start : self._at]
        self._at += 1
        return found.replace(f"\\{mark}", mark) if mark not in "\\n&" else found

    def _regex(self, text: str, *, fold: bool = False) -> re.Pattern[str]:
        text = text or self._last
        self._last = text
        python = extended_regex(text) if self._extended else basic_regex(text)
        try:
            return re.compile(python, re.IGNORECASE if fold else 0)
        except re.error as error:
            self._refuse(f"bad regex '{text}': {error}")

    def _rest(self, command: _Command) -> None:
        """Read what belongs to a command behind its letter."""
        text = self._text
        letter = command.letter
        if letter == "s":
            self._substitution(command)
        elif letter == "y":
            mark = text[self._at]
            old = unescape(self._until(mark))[0]
            self._at -= 1
            new = unescape(self._until(mark))[0]
            if len(old) != len(new):
                self._refuse("strings for y command are different lengths")
            command.table = dict(zip(map(ord, old), new, strict=True))
        elif letter in _TEXT_COMMANDS:
            match = re.compile(r"[ \t]*(?:\\\n?[ \t]*)?((?:\\[^\0]|[^\\\n])*)").match(
                text, self._at
            )
            assert match is not None, "all parts are optional"
            self._at = match.end()
            if not match[1] and self._at >= len(text):
                self._refuse("expected \\ after 'a', 'c' or 'i'")
            command.text = re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL)
        elif letter in _LABEL_COMMANDS:
            match = re.compile(r"[ \t]*([^;\n} \t]*)").match(text, self._at)
            assert match is not None, "all parts are optional"
            self._at = match.end()
            command.text = match[1]
        elif letter not in _PLAIN_COMMANDS + "{}":
            self._refuse(f"unsupported command {letter}")
        if letter == "{":
            return
        self._skip(" \t")
        if self._at < len(text) and text[self._at] not in ";\n}#":
            self._refuse(f"unknown command: {text[self._at]}")

    def _substitution(self, command: _Command) -> None:
        mark = self._text[self._at : self._at + 1]
        if mark in {"", "\n", "\\"}:
            self._refuse("bad format in substitution expression")
        old = self._until(mark)
        self._at -= 1
        command.text = self._until(mark)
        fold = False
        while self._at < len(self._text) and self._text[self._at] not in ";\n} \t#":
            flag = self._text[self._at]
            number = re.compile(r"\d+").match(self._text, self._at)
            if number:
                command.count = int(number[0])
                self._at = number.end()
                continue
            if flag not in "gpiI":
                self._refuse("bad option in substitution expression")
            command.everywhere = command.everywhere or flag == "g"
            command.prints = command.prints or flag == "p"
            fold = fold or flag in "iI"
            self._at += 1
        command.pattern = self._regex(old, fold=fold)


@final
class _Run:
    """The commands at work on the lines of a text."""

    def __init__(
        self, process: Process, commands: list[_Command], data: bytes, *, quiet: bool
    ) -> None:
        self._process = process
        self._commands = commands
        self._quiet = quiet
        text = data.decode("utf-8", "surrogateescape")
        self._lines = text.splitlines(keepends=True) if "\r" not in text else (
            re.findall(r"[^\n]*\n|[^\n]+", text))  # fmt: skip
        self._number = 0
        self._line = ""
        self._held = ""
        self._end = "\n"
        self._out: list[str] = []
        self._after: list[str] = []
        self._changed = False

    def output(self) -> Iterator[str]:
        """Give what is written, line by line."""
        for command in self._commands:
            command.until = -1
        again = False
        while self._number < len(self._lines) or again:
            if not again:
                self._line = self._read()
            self._changed = again = False
            try:
                self._run()
                ending = _Next()
            except _Next as end:
                ending = end
            except _Again:
                again = True
                ending = _Next(prints=False)
            if ending.prints and not self._quiet:
                self._write(self._line, self._end)
            self._out += self._after
            self._after = []
            yield "".join(self._out)
            self._out = []
            if ending.ends:
                return

    def _read(self) -> str:
        line = self._lines[self._number]
        self._number += 1
        self._end = "\n" if line.endswith("\n") else ""
        return line.removesuffix("\n")

    def _write(self, line: str, end: str = "\n") -> None:
        if self._out and not self._out[-1].endswith("\n"):
            self._out.append("\n")
        self._out.append(line + end)

    def _run(self) -> None:
        at = 0
        while at < len(self._commands):
            command = self._commands[at]
            at += 1
            if self._selected(command) == command.negated:
                if command.letter == "{":
                    at = command.jump
                continue
            if command.letter == "b" or (command.letter == "t" and self._changed):
                at = command.jump
                self._changed = False
                continue
            self._do(command)

    def _selected(self, command: _Command) -> bool:
        """Tell whether a command is for this line; ranges remember where they are."""
        first, end, number = command.first, command.end, self._number
        if first is None:
            return True
        if end is None:
            return self._fits(first)
        if command.until < 0:
            if not self._fits(first):
                return False
            if command.more:
                command.until = number + command.more
            elif end.last or end.pattern is not None:
                command.until = 0
            else:
                command.until = end.number
                if end.number <= number:
                    command.until = -1
            return True
        if command.until == 0:
            if self._fits(end):
                command.until = -1
            return True
        if number > command.until:
            command.until = -1
            return self._fits(first)
        if number == command.until:
            command.until = -1
        return True

    def _fits(self, address: _Address) -> bool:
        if address.pattern is not None:
            return address.pattern.search(self._line) is not None
        if address.last:
            return self._number == len(self._lines)
        if address.step:
            past = self._number - address.number
            return past >= 0 and past % address.step == 0
        return self._number == address.number

    def _do(  # noqa: PLR0915 - a list of letters
        self, command: _Command
    ) -> None:
        match command.letter:
            case "d":
                raise _Next(prints=False)
            case "D":
                _, newline, rest = self._line.partition("\n")
                if not newline:
                    raise _Next(prints=False)
                self._line = rest
                raise _Again
            case "p":
                self._write(self._line)
            case "P":
                self._write(self._line.partition("\n")[0])
            case "=":
                self._write(str(self._number))
            case "q" | "Q":
                raise _Next(prints=command.letter == "q", ends=True)
            case "n":
                if self._number >= len(self._lines):
                    raise _Next(ends=True)
                if not self._quiet:
                    self._write(self._line)
                self._line = self._read()
            case "N":
                if self._number >= len(self._lines):
                    raise _Next(ends=True)
                self._line += "\n" + self._read()
            case "g":
                self._line = self._held
            case "G":
                self._line += "\n" + self._held
            case "h":
                self._held = self._line
            case "H":
                self._held += "\n" + self._line
            case "x":
                self._line, self._held = self._held, self._line
            case "y":
                self._line = self._line.translate(command.table)
            case "i":
                self._write(command.text)
            case "a":
                self._after.append(command.text + "\n")
            case "c":
                # In a range the text comes once, at its end.
                if command.end is None or command.until < 0:
                    self._write(command.text)
                raise _Next(prints=False)
            case "s":
                self._substitute(command)
            case _:
                pass

    def _substitute(self, command: _Command) -> None:
        assert command.pattern is not None, "s has one"
        count = 0

        def new(match: re.Match[str]) -> str:
            nonlocal count
            count += 1
            if count < command.count or (
                count > command.count and not command.everywhere
            ):
                return match[0]
            self._changed = True
            return _filled(command.text, match)

        before = self._changed
        self._changed = False
        self._line = command.pattern.sub(new, self._line)
        if self._changed and command.prints:
            self._write(self._line)
        self._changed = self._changed or before


class _Again(Exception):  # noqa: N818 - a way back to the first command
    """Begin again with what is left of the line."""


def _filled(text: str, match: re.Match[str]) -> str:
    """Give a replacement: ``&`` is what fitted, ``\\1`` what a group took."""

    def part(found: re.Match[str]) -> str:
        if found[0] == "&":
            return match[0]
        key = found[1]
        if key == "0":
            return match[0]
        if key.isdigit():
            number = int(key)
            return (match[number] or "") if number <= match.re.groups else ""
        return {"n": "\n", "t": "\t", "r": "\r"}.get(key, key)

    return re.sub(r"\\([^\0])|&", part, text)
