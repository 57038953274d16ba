"""
The grammar of the shell: from text to a tree of commands.

Words stay as they were written, quotes and dollars included; they are expanded when
the command runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias, final

import attrs

_OPERATORS: Final = ("&&", "||", ";;", ";", "&", "|", "(", ")", "\n")
_REDIRECTION: Final = re.compile(r"(\d*)(<<-|<<|<>|<&|>&|>>|>\||>|<)")
_END: Final = ""
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_ENDS: Final = frozenset({"then", "do", "done", "fi", "elif", "else", "esac", "}"})


class ShellSyntaxError(ValueError):
    """
    What the text of a script breaks.

    Attributes:
        incomplete: Whether more text could mend it.
    """

    def __init__(self, found: str, *, incomplete: bool = False) -> None:
        what = "end of file" if incomplete else f'"{found}"'
        shown = "newline" if found == "\n" else what
        super().__init__(f"syntax error: unexpected {shown}")
        self.incomplete = incomplete


@final
@attrs.frozen
class Redirection:
    """``N>WORD`` and the like; of a here-document the text and whether it expands."""

    fd: int
    operator: str
    word: str
    expands: bool = True


@final
@attrs.frozen
class Simple:
    """Assignments and words."""

    assignments: tuple[str, ...]
    words: tuple[str, ...]
    redirections: tuple[Redirection, ...] = ()


@final
@attrs.frozen
class Pipeline:
    """Commands with ``|`` between."""

    commands: tuple[Command, ...]
    negated: bool = False


@final
@attrs.frozen
class AndOr:
    """Pipelines with ``&&`` and ``||`` between."""

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...] = ()
    background: bool = False


@final
@attrs.frozen
class Sequence:
    """One after the other."""

    items: tuple[AndOr, ...]


@final
@attrs.frozen
class Group:
    """``{ ...; }`` or, in a shell of its own, ``( ... )``."""

    body: Sequence
    subshell: bool
    redirections: tuple[Redirection, ...] = ()


@final
@attrs.frozen
class If:
    """``if``: conditions with what follows each, and ``else``."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None
    redirections: tuple[Redirection, ...] = ()


@final
@attrs.frozen
class Loop:
    """``while`` or ``until``."""

    condition: Sequence
    body: Sequence
    until: bool
    redirections: tuple[Redirection, ...] = ()


@final
@attrs.frozen
class For:
    """``for NAME in WORD...``; without words the arguments."""

    name: str
    words: tuple[str, ...] | None
    body: Sequence
    redirections: tuple[Redirection, ...] = ()


@final
@attrs.frozen
class Case:
    """``case WORD in PATTERN) ... ;; esac``."""

    word: str
    branches: tuple[tuple[tuple[str, ...], Sequence], ...]
    redirections: tuple[Redirection, ...] = ()


@final
@attrs.frozen
class Function:
    """``NAME() COMMAND``."""

    name: str
    body: Command
    redirections: tuple[Redirection, ...] = ()


Command: TypeAlias = "Simple | Group | If | Loop | For | Case | Function"


def skip_quoted(text: str, at: int) -> int:
    """
    Give where a quote, a substitution or an escaped letter that starts here ends.

    >>> skip_quoted("'a b' c", 0), skip_quoted("$(x (y)) z", 0)
    (5, 8)

    Raises:
        ShellSyntaxError: It does not end.
    """
    letter = text[at]
    if letter == "\\":
        return min(at + 2, len(text))
    if letter == "'":
        end = text.find("'", at + 1)
        if end < 0:
            raise ShellSyntaxError(letter, incomplete=True)
        return end + 1
    if letter in '"`':
        at += 1
        while at < len(text) and text[at] != letter:
            special = text[at] in "\\`" or text.startswith(("$(", "${"), at)
            if special and not (letter == "`" and text[at] == "`"):
                at = skip_quoted(text, at)
            else:
                at += 1
        if at >= len(text):
            raise ShellSyntaxError(letter, incomplete=True)
        return at + 1
    if text.startswith(("$(", "${"), at):
        closing = {"(": ")", "{": "}"}[text[at + 1]]
        depth, at = 1, at + 2
        while at < len(text) and depth:
            if text[at] in "\\'\"`" or text.startswith(("$(", "${"), at):
                at = skip_quoted(text, at)
                continue
            depth += (text[at] == "(" and closing == ")") - (text[at] == closing)
            at += 1
        if depth:
            raise ShellSyntaxError(closing, incomplete=True)
        return at
    return at + 1


@final
@attrs.frozen
class _Token:
    """An operator, a redirection (with its word) or a word."""

    kind: str
    text: str
    redirection: Redirection | None = None


class _Heredoc:
    """A here-document whose text is still to come."""

    def __init__(self, fd: int, word: str, *, tabs: bool) -> None:
        self.fd = fd
        self.tabs = tabs
        self.expands = not set(word) & set("'\"\\")
        self.end = re.sub(r"['\"\\]", "", word)
        self.text = ""


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    waiting: list[tuple[int, _Heredoc]] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter in " \t\r" or text.startswith("\\\n", at):
            at += 2 if letter == "\\" else 1
            continue
        if letter == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            continue
        match = _REDIRECTION.match(text, at)
        if match:
            at = match.end()
            while at < len(text) and text[at] in " \t":
                at += 1
            end = _word_end(text, at)
            word = text[at:end]
            if not word:
                raise ShellSyntaxError(text[at : at + 1] or "\n", incomplete=False)
            operator = match[2]
            fd = int(match[1] or (0 if operator[0] == "<" else 1))
            at = end
            if operator in {"<<", "<<-"}:
                heredoc = _Heredoc(fd, word, tabs=operator == "<<-")
                waiting.append((len(found), heredoc))
                found.append(_Token("redirection", operator))
            else:
                redirection = Redirection(fd, operator, word)
                found.append(_Token("redirection", operator, redirection))
            continue
        operator = next((x for x in _OPERATORS if text.startswith(x, at)), "")
        if operator:
            found.append(_Token("operator", operator))
            at += len(operator)
            if operator == "\n" and waiting:
                at = _read_heredocs(text, at, found, waiting)
                waiting = []
            continue
        end = _word_end(text, at)
        found.append(_Token("word", text[at:end]))
        at = end
    if waiting:
        _read_heredocs(text, len(text), found, waiting)
    return found


def _word_end(text: str, at: int) -> int:
    while at < len(text):
        letter = text[at]
        if letter in " \t\r\n;&|()<>":
            return at
        if letter in "\\'\"`" or text.startswith(("$(", "${"), at):
            at = skip_quoted(text, at)
        else:
            at += 1
    return at


def _read_heredocs(
    text: str, at: int, found: list[_Token], waiting: list[tuple[int, _Heredoc]]
) -> int:
    for number, heredoc in waiting:
        lines: list[str] = []
        while True:
            if at >= len(text):
                raise ShellSyntaxError(heredoc.end, incomplete=True)
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            line = text[at:end]
            at = min(end + 1, len(text))
            if heredoc.tabs:
                line = line.lstrip("\t")
            if line == heredoc.end:
                break
            lines.append(f"{line}\n")
        redirection = Redirection(
            heredoc.fd, "<<", "".join(lines), expands=heredoc.expands
        )
        found[number] = _Token("redirection", "<<", redirection)
    return at


def parse(text: str) -> Sequence:
    """
    Read a script.

    Raises:
        ShellSyntaxError: It is none.

    >>> parse("echo a && echo b").items[0].rest[0][0]
    '&&'
    """
    parser = _Parser(_tokens(text))
    sequence = parser.sequence(())
    if parser.peek() is not None:
        raise ShellSyntaxError(parser.next().text)
    return sequence


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> _Token | None:
        """Give the next token and leave it."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def next(self) -> _Token:
        """Take the next token."""
        token = self.peek()
        if token is None:
            raise ShellSyntaxError(_END, incomplete=True)
        self._at += 1
        return token

    def _is(self, *texts: str) -> bool:
        token = self.peek()
        return token is not None and token.kind != "redirection" and token.text in texts

    def _expect(self, text: str) -> None:
        token = self.next()
        if token.text != text:
            raise ShellSyntaxError(token.text)

    def _skip_lines(self) -> None:
        while self._is("\n"):
            self._at += 1

    def sequence(self, ends: tuple[str, ...]) -> Sequence:
        """Read commands up to one of some words."""
        items: list[AndOr] = []
        while True:
            while self._is("\n", ";"):
                self._at += 1
            token = self.peek()
            if token is None or (token.kind != "redirection" and token.text in ends):
                break
            if token.kind == "operator" and token.text in {")", ";;"}:
                break
            item = self._and_or()
            if self._is("&"):
                self._at += 1
                item = attrs.evolve(item, background=True)
            elif not self._is(";", "\n", ")", ";;", *ends) and self.peek() is not None:
                raise ShellSyntaxError(self.next().text)
            items.append(item)
        if ends and self.peek() is None:
            raise ShellSyntaxError(_END, incomplete=True)
        return Sequence(tuple(items))

    def _and_or(self) -> AndOr:
        first = self._pipeline()
        rest: list[tuple[str, Pipeline]] = []
        while self._is("&&", "||"):
            operator = self.next().text
            self._skip_lines()
            rest.append((operator, self._pipeline()))
        return AndOr(first, tuple(rest))

    def _pipeline(self) -> Pipeline:
        negated = self._is("!")
        if negated:
            self._at += 1
        commands = [self._command()]
        while self._is("|"):
            self._at += 1
            self._skip_lines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    def _command(self) -> Command:
        token = self.next()
        if token.kind == "operator" and token.text != "(":
            raise ShellSyntaxError(token.text)
        command: Command
        match token.text if token.kind != "redirection" else "":
            case "(":
                body = self.sequence((")",))
                self._expect(")")
                command = Group(body, subshell=True)
            case "{":
                body = self.sequence(("}",))
                self._expect("}")
                command = Group(body, subshell=False)
            case "if":
                command = self._if()
            case "while" | "until":
                condition = self.sequence(("do",))
                command = Loop(condition, self._do(), token.text == "until")
            case "for":
                command = self._for()
            case "case":
                command = self._case()
            case text if text in _ENDS:
                raise ShellSyntaxError(text)
            case _:
                self._at -= 1
                return self._simple()
        return attrs.evolve(command, redirections=tuple(self._redirections()))

    def _redirections(self) -> Iterator[Redirection]:
        while (token := self.peek()) is not None and token.kind == "redirection":
            self._at += 1
            if token.redirection is not None:
                yield token.redirection

    def _simple(self) -> Command:
        assignments: list[str] = []
        words: list[str] = []
        redirections: list[Redirection] = []
        while (token := self.peek()) is not None and token.kind != "operator":
            self._at += 1
            if token.redirection is not None:
                redirections.append(token.redirection)
            elif not words and _ASSIGNMENT.match(token.text):
                assignments.append(token.text)
            else:
                words.append(token.text)
        if len(words) == 1 and self._is("(") and _NAME.fullmatch(words[0]):
            self._at += 1
            self._expect(")")
            self._skip_lines()
            return Function(words[0], self._command())
        return Simple(tuple(assignments), tuple(words), tuple(redirections))

    def _if(self) -> If:
        branches: list[tuple[Sequence, Sequence]] = []
        otherwise: Sequence | None = None
        while True:
            condition = self.sequence(("then",))
            self._expect("then")
            branches.append((condition, self.sequence(("elif", "else", "fi"))))
            word = self.next().text
            if word == "else":
                otherwise = self.sequence(("fi",))
                self._expect("fi")
            if word != "elif":
                return If(tuple(branches), otherwise)

    def _do(self) -> Sequence:
        while self._is("\n", ";"):
            self._at += 1
        self._expect("do")
        body = self.sequence(("done",))
        self._expect("done")
        return body

    def _for(self) -> For:
        name = self.next().text
        self._skip_lines()
        words: list[str] | None = None
        if self._is("in"):
            self._at += 1
            words = []
            while not self._is(";", "\n"):
                words.append(self.next().text)
        return For(name, None if words is None else tuple(words), self._do())

    def _case(self) -> Case:
        word = self.next().text
        self._skip_lines()
        self._expect("in")
        branches: list[tuple[tuple[str, ...], Sequence]] = []
        while True:
            self._skip_lines()
            if self._is("esac"):
                self._at += 1
                return Case(word, tuple(branches))
            if self._is("("):
                self._at += 1
            patterns = [self.next().text]
            while self._is("|"):
                self._at += 1
                patterns.append(self.next().text)
            self._expect(")")
            branches.append((tuple(patterns), self.sequence(("esac",))))
            if self._is(";;"):
                self._at += 1
