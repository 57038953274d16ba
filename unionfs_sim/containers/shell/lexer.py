"""The words, operators and redirections of a script, one after the other."""

from __future__ import annotations

import re
from typing import Final, final

import attrs

from unionfs_sim.containers.shell.tree import HereDocument, Redirection

_OPERATORS: Final = ("&&", "||", ";;", ";", "&", "|", "(", ")")
_REDIRECTION: Final = re.compile(r"(\d*)(<<-|<<|<>|<&|>&|>>|>\||>|<)|()(&>)(?!&)")
_PARAMETER: Final = re.compile(
    r"\$\{(?:#?(?:[A-Za-z_]\w*|\d+|[?#$!@*-])(?=[}:+=?#%/-])|#\})"
)
_QUOTES: Final = "\\'\"`"

END: Final = "end of file"
NEWLINE: Final = "newline"


class ShellSyntaxError(ValueError):
    """
    What the text of a script breaks.

    Attributes:
        incomplete: Whether more text could mend it.
        line: On which line.
        counted: Whether that takes account of where the script begins.
    """

    def __init__(self, what: str, line: int, *, incomplete: bool = False) -> None:
        super().__init__(f"syntax error: {what}")
        self.line = line
        self.counted = False
        self.incomplete = incomplete


@final
@attrs.frozen
class Token:
    """
    A word, an operator, a redirection, a newline, or the end.

    Attributes:
        kind: ``word``, ``operator``, ``redirection``, or what `END` and `NEWLINE` say.
        text: What it is.
        line: On which line it stands, from 0.
        redirection: What it is if it is one.
    """

    kind: str
    text: str
    line: int
    redirection: Redirection | HereDocument | None = None


@final
class Lexer:
    """
    Cuts a text into tokens as they are asked for.

    >>> lexer = Lexer("echo 'a b' >f")
    >>> [lexer.next().text for _ in range(4)]
    ['echo', "'a b'", '>', 'end of file']
    """

    def __init__(self, text: str, at: int = 0, line: int = 0) -> None:
        self._text = text
        self._documents: list[HereDocument] = []
        self._counted = at  # up to where lines are counted
        self._lines = line + text.count("\n", 0, at)
        self._first_line = line
        self.at = at

    def next(self) -> Token:
        """
        Take a token.

        Raises:
            ShellSyntaxError: A quote or a substitution does not end.
        """
        try:
            return self._next()
        except ShellSyntaxError as error:
            if not error.counted:
                error.line += self._first_line
                error.counted = True
            raise

    def _next(self) -> Token:
        text = self._text
        self._skip_blanks()
        if self.at >= len(text):
            self._read_documents()
            return Token(END, END, self._line())
        if text[self.at] == "\n":
            token = Token(NEWLINE, "\n", self._line())
            self.at += 1
            self._read_documents()
            return token
        match = _REDIRECTION.match(text, self.at)
        if match:
            return self._redirection(match)
        line = self._line()
        for operator in _OPERATORS:
            if text.startswith(operator, self.at):
                self.at += len(operator)
                return Token("operator", operator, line)
        return Token("word", self._word(), line)

    def _line(self) -> int:
        self._lines += self._text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._lines

    def _skip_blanks(self) -> None:
        text = self._text
        while self.at < len(text):
            if text[self.at] in " \t\r":
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2
            elif text[self.at] == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            else:
                break

    def _redirection(self, match: re.Match[str]) -> Token:
        line = self._line()
        operator = match[2] or match[4]
        self.at = match.end()
        self._skip_blanks()
        word = self._word()
        if not word:
            raise unexpected(self.next())
        fd = int(match[1] or (0 if operator[0] == "<" else 1))
        if operator in {"<<", "<<-"}:
            document = HereDocument(
                fd,
                re.sub(r"['\"\\]", "", word),
                tabs=operator == "<<-",
                expands=not set(word) & set("'\"\\"),
            )
            self._documents.append(document)
            return Token("redirection", operator, line, document)
        return Token("redirection", operator, line, Redirection(fd, operator, word))

    def _word(self) -> str:
        start, text = self.at, self._text
        while self.at < len(text) and text[self.at] not in " \t\r\n;&|()<>":
            self.at = skip_quoted(text, self.at)
        return text[start : self.at]

    def _read_documents(self) -> None:
        """Read the here-documents whose commands were on the line that ended."""
        for document in self._documents:
            kept: list[str] = []
            while self.at < len(self._text):
                end = self._text.find("\n", self.at) + 1 or len(self._text)
                line = self._text[self.at : end]
                self.at = end
                line = line.lstrip("\t") if document.tabs else line
                if line.removesuffix("\n") == document.end:
                    break
                kept.append(line)
            document.text = "".join(kept)
        self._documents = []


def skip_quoted(text: str, at: int) -> int:
    """
    Give where a quote, a substitution or a letter that starts here ends.

    >>> skip_quoted("'a b' c", 0), skip_quoted("$(x; (y)) z", 0)
    (5, 9)

    Raises:
        ShellSyntaxError: It does not end, or is wrong in itself.
    """
    letter = text[at]
    if letter == "\\":
        return min(at + 2, len(text))
    if letter == "'":
        return _find(text, "'", at + 1, "unterminated quoted string")
    if letter == '"':
        return _skip_to(text, '"', at + 1, "unterminated quoted string")
    if letter == "`":
        end = at + 1
        while end < len(text) and text[end] != "`":
            end += 2 if text[end] == "\\" else 1
        return _find(text, "`", end, "EOF in backquote substitution")
    if letter != "$":
        return at + 1
    if text.startswith("$'", at):
        end = at + 2
        while end < len(text) and text[end] != "'":
            end += 2 if text[end] == "\\" else 1
        return _find(text, "'", end, "unterminated quoted string")
    if text.startswith("$((", at):
        return _skip_arithmetic(text, at + 3)
    if text.startswith("$(", at):
        from unionfs_sim.containers.shell.parser import (  # noqa: PLC0415 - it takes this
            end_of_substitution,
        )

        return end_of_substitution(text, at + 2)
    if text.startswith("${", at):
        match = _PARAMETER.match(text, at)
        if match is None:
            if "}" not in text[at:]:
                raise _endless(text, "missing '}'")
            msg = "bad substitution"
            raise ShellSyntaxError(msg, text.count("\n", 0, at))
        if match[0].endswith("}"):
            return match.end()
        return _skip_to(text, "}", match.end(), "missing '}'")
    return at + 1


def _find(text: str, mark: str, at: int, complaint: str) -> int:
    end = text.find(mark, at)
    if end < 0:
        raise _endless(text, complaint)
    return end + 1


def _skip_to(text: str, mark: str, at: int, complaint: str) -> int:
    """Give where a mark ends, behind what is quoted and substituted on the way."""
    special = "\\`$" if mark == '"' else _QUOTES + "$"
    while at < len(text) and text[at] != mark:
        dollar_quote = mark == '"' and text.startswith("$'", at)
        at = (
            at + 1 if dollar_quote or text[at] not in special else skip_quoted(text, at)
        )
    if at >= len(text):
        raise _endless(text, complaint)
    return at + 1


def _skip_arithmetic(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        if text.startswith("))", at) and not depth:
            return at + 2
        if text[at] in _QUOTES + "$":
            at = skip_quoted(text, at)
            continue
        depth += (text[at] == "(") - (text[at] == ")")
        at += 1
        if depth < 0:
            break
    raise _endless(text, "missing '))'")


def _endless(text: str, complaint: str) -> ShellSyntaxError:
    return ShellSyntaxError(complaint, text.count("\n"), incomplete=True)


def unexpected(token: Token, expected: str = "") -> ShellSyntaxError:
    """Word what is wrong with a token, as ash does, and what should have come."""
    found = f'"{token.text}"'
    if token.kind in {END, NEWLINE, "redirection"}:
        found = token.kind
    elif token.kind == "word" and token.text not in KEYWORDS:
        found = "word"
    what = f"unexpected {found}"
    if expected:
        what += f' (expecting "{expected}")'
    error = ShellSyntaxError(what, token.line, incomplete=token.kind == END)
    error.counted = True
    return error


#: What is no word where a command may start.
KEYWORDS: Final = frozenset(
    {
        "!", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function",
        "if", "in", "then", "until", "while", "{", "}",
    }
)  # fmt: skip
