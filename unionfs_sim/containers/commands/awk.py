"""A small ``awk``: patterns, fields, comparisons and ``print``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias, final

from unionfs_sim.containers.commands.options import Options, reason
from unionfs_sim.containers.process import Exit, Process
from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.containers.streams import lines
from unionfs_sim.errors import UnionFSError

_Value: TypeAlias = "str | float"

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"\\])*\")|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<regex>/(?:\\.|[^/\\])+/)"
    r"|(?P<op>&&|\|\||==|!=|<=|>=|\+\+|\+=|!~|[-+*%$~!<>(){},;=]))"
)


@final
class _Script:
    """One script, and the state of its run."""

    def __init__(self, process: Process, text: str, separator: str) -> None:
        self._process = process
        self._tokens = _tokens(process, text)
        self._at = 0
        self._fields: list[str] = []
        self._line = ""
        self.variables: dict[str, _Value] = {"FS": separator, "OFS": " ", "NR": 0.0}
        self._rules = self._split()

    def _split(self) -> list[tuple[str, list[str], list[str]]]:
        """Cut the script into rules: BEGIN, END or nothing, pattern, action."""
        rules = []
        while self._at < len(self._tokens):
            pattern: list[str] = []
            while self._at < len(self._tokens) and self._tokens[self._at] != "{":
                pattern.append(self._tokens[self._at])
                self._at += 1
            action: list[str] = []
            if self._at < len(self._tokens):
                end = self._tokens.index("}", self._at)
                action = self._tokens[self._at + 1 : end]
                self._at = end + 1
            else:
                action = ["print"]
            when = pattern[0] if pattern[:1] in (["BEGIN"], ["END"]) else ""
            rules.append((when, [] if when else pattern, action))
        return rules

    def run(self, when: str, line: str | None = None) -> None:
        """Run the rules that fit."""
        if line is not None:
            self._line = line
            separator = str(self.variables["FS"])
            self._fields = line.split(None if separator == " " else separator)
            self.variables["NR"] = float(self.variables["NR"]) + 1
            self.variables["NF"] = float(len(self._fields))
        for kind, pattern, action in self._rules:
            if kind == when and (not pattern or _true(self._evaluate(pattern))):
                self._act(action)

    def _act(self, action: Sequence[str]) -> None:
        for statement in _cut(action, ";"):
            if not statement:
                continue
            if statement[0] == "print":
                parts = _cut(statement[1:], ",")
                shown = [_text(self._evaluate(part)) for part in parts if part]
                out = str(self.variables["OFS"]).join(shown) if shown else self._line
                self._process.print(out)
            else:
                self._evaluate(statement)

    def _evaluate(self, tokens: Sequence[str]) -> _Value:
        self._tokens, self._at = list(tokens), 0
        return self._assignment()

    # --- precedence climbing, lowest first ------------------------------------

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _assignment(self) -> _Value:
        if self._at + 1 < len(self._tokens):
            name, op = self._tokens[self._at : self._at + 2]
            if op in {"=", "+=", "++"} and re.fullmatch(r"[A-Za-z_]\w*", name):
                self._at += 2
                old = _number(self.variables.get(name, 0.0))
                value: _Value = old + 1 if op == "++" else self._assignment()
                if op == "+=":
                    value = old + _number(value)
                self.variables[name] = value
                return value
        return self._logic()

    def _logic(self) -> _Value:
        value = self._comparison()
        while self._peek() in {"&&", "||"}:
            both = self._take() == "&&"
            other = self._comparison()
            one, two = _true(value), _true(other)
            value = float(one and two if both else one or two)
        return value

    def _comparison(self) -> _Value:
        value = self._joined()
        op = self._peek()
        if op in {"~", "!~"}:
            self._take()
            pattern = self._take()
            body = pattern[1:-1] if pattern[0] in '/"' else _text(
                self.variables.get(pattern, "")
            )  # fmt: skip
            found = re.search(body.replace("\\/", "/"), _text(value)) is not None
            return float(found == (op == "~"))
        if op in {"==", "!=", "<", ">", "<=", ">="}:
            self._take()
            other = self._joined()
            order = _compare(value, other)
            return float(
                {
                    "==": order == 0,
                    "!=": order != 0,
                    "<": order < 0,
                    ">": order > 0,
                    "<=": order <= 0,
                    ">=": order >= 0,
                }[op]
            )
        return value

    def _joined(self) -> _Value:
        value = self._sum()
        while self._peek() and self._peek()[0] not in "~!=<>&|),;{}":
            value = _text(value) + _text(self._sum())
        return value

    def _sum(self) -> _Value:
        value = self._term()
        while self._peek() in {"+", "-"}:
            sign = 1 if self._take() == "+" else -1
            value = _number(value) + sign * _number(self._term())
        return value

    def _term(self) -> _Value:
        value = self._primary()
        while self._peek() in {"*", "%"}:
            op, other = self._take(), _number(self._primary())
            value = _number(value) * other if op == "*" else _number(value) % other
        return value

    def _primary(self) -> _Value:
        word = self._take() if self._peek() else ""
        if word == "$":
            number = int(_number(self._primary()))
            if number == 0:
                return self._line
            return self._fields[number - 1] if number <= len(self._fields) else ""
        if word == "!":
            return float(not _true(self._primary()))
        if word == "-":
            return -_number(self._primary())
        if word == "(":
            value = self._assignment()
            self._take()
            return value
        if word.startswith('"'):
            body = word[1:-1]
            return body.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')
        if word.startswith("/"):
            return float(re.search(word[1:-1], self._line) is not None)
        if word[:1].isdigit():
            return float(word)
        return self.variables.get(word, "")


def _tokens(process: Process, text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Exit(process.fail(f"cmd. line:1: Unexpected token {text[at]!r}"))
        found.append(match[0].strip())
        at = match.end()
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def _cut(tokens: Sequence[str], mark: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == mark and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _number(value: _Value) -> float:
    if isinstance(value, float):
        return value
    match = re.match(r"\s*[-+]?\d+(?:\.\d*)?", value)
    return float(match[0]) if match else 0.0


def _text(value: _Value) -> str:
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else f"{value:.6g}"
    return value


def _true(value: _Value) -> bool:
    return value not in {"", "0"} if isinstance(value, str) else value != 0


def _compare(one: _Value, other: _Value) -> float:
    numeric = re.compile(r"\s*[-+]?\d+(?:\.\d*)?\s*")
    if all(isinstance(x, float) or numeric.fullmatch(x) for x in (one, other)):
        return _number(one) - _number(other)
    left, right = _text(one), _text(other)
    return (left > right) - (left < right)


def awk(process: Process) -> Steps[int]:
    """Run a script over lines: ``awk [-F SEPARATOR] [-v NAME=VALUE] SCRIPT [FILE...]``."""
    options = Options(process, "F:v:", mixed=False)
    if not options.args:
        return process.fail("no script")
    script = _Script(process, options.args[0], options.get("F", " "))
    for letter, value in options.order:
        if letter == "v":
            name, _, given = value.partition("=")
            script.variables[name] = given
    script.run("BEGIN")
    failed = 0
    for name in options.args[1:] or ["-"]:
        try:
            if name == "-":
                data = yield from process.stdin.read()
            else:
                data = process.fs.read_bytes(process.path(name))
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
            continue
        for line in lines(data):
            script.run("", line)
    script.run("END")
    return failed
