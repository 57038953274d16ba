"""The grammar of the shell: from text to a tree of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

from unionfs_sim.containers.shell import tree
from unionfs_sim.containers.shell.lexer import (
    END,
    NEWLINE,
    Lexer,
    ShellSyntaxError,
    Token,
    unexpected,
)

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
#: What ends a list of commands.
_ENDS: Final = frozenset(
    {END, ")", ";;", "do", "done", "elif", "else", "esac", "fi", "then", "}"}
)


def parse_lines(text: str, line: int = 0) -> Iterator[tree.Sequence]:
    """
    Read a script, one complete line after the other.

    A wrong line is found when its turn comes: those before it have run by then.

    Args:
        text: The script.
        line: The number of its first line.

    Raises:
        ShellSyntaxError: A line is wrong.

    >>> [len(line.items) for line in parse_lines("a; b\\nc")]
    [2, 1]
    """
    parser = _Parser(Lexer(text, line=line))
    while (commands := parser.line()) is not None:
        yield commands


def parse(text: str, line: int = 0) -> tree.Sequence:
    """
    Read a whole script.

    Raises:
        ShellSyntaxError: It is none.

    >>> parse("echo a && echo b").items[0].rest[0][0]
    '&&'
    """
    lines = parse_lines(text, line)
    return tree.Sequence(tuple(item for each in lines for item in each.items))


def end_of_substitution(text: str, at: int) -> int:
    """
    Give where a command substitution ends, of which the commands start here.

    >>> end_of_substitution("$(case x in x) echo;; esac) y", 2)
    27

    Raises:
        ShellSyntaxError: It does not end, or has wrong commands.
    """
    lexer = Lexer(text, at)
    parser = _Parser(lexer)
    parser.commands(empty=True)
    parser.expect(")")
    return lexer.at


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, lexer: Lexer) -> None:
        self._lexer = lexer
        self._token: Token | None = None

    def _peek(self) -> Token:
        """Give the next token and leave it."""
        if self._token is None:
            self._token = self._lexer.next()
        return self._token

    def _next(self) -> Token:
        """Take the next token."""
        token = self._peek()
        self._token = None
        return token

    def _is(self, *texts: str) -> bool:
        token = self._peek()
        return token.kind in {"word", "operator"} and token.text in texts

    def _take(self, *texts: str) -> bool:
        """Take the next token if it is one of these."""
        found = self._is(*texts)
        if found:
            self._token = None
        return found

    def expect(self, text: str) -> None:
        """Take the next token, which has to be this."""
        if not self._take(text):
            raise unexpected(self._next(), text)

    def _skip_lines(self) -> None:
        while self._peek().kind == NEWLINE:
            self._token = None

    def line(self) -> tree.Sequence | None:
        """Read the commands of one line, and of those below that belong to them."""
        items: list[tree.AndOr] = []
        while True:
            token = self._peek()
            if token.kind in {NEWLINE, END}:
                if token.kind == NEWLINE:
                    self._token = None
                elif not items:
                    return None
                return tree.Sequence(tuple(items))
            items.append(self._item())
            if not self._separated() and self._peek().kind not in {NEWLINE, END}:
                raise unexpected(self._next())

    def commands(self, *, empty: bool = False) -> tree.Sequence:
        """Read commands up to what can be none; one at least, unless `empty`."""
        items: list[tree.AndOr] = []
        while True:
            self._skip_lines()
            token = self._peek()
            if token.kind == END or ((items or empty) and token.text in _ENDS):
                break
            items.append(self._item())
            if not self._separated() and self._peek().kind != NEWLINE:
                break
        return tree.Sequence(tuple(items))

    def _item(self) -> tree.AndOr:
        item = self._and_or()
        if self._is("&"):
            item = attrs.evolve(item, background=True)
        return item

    def _separated(self) -> bool:
        return self._take(";", "&")

    def _and_or(self) -> tree.AndOr:
        first = self._pipeline()
        rest: list[tuple[str, tree.Pipeline]] = []
        while self._is("&&", "||"):
            operator = self._next().text
            self._skip_lines()
            rest.append((operator, self._pipeline()))
        return tree.AndOr(first, tuple(rest))

    def _pipeline(self) -> tree.Pipeline:
        negated = self._take("!")
        commands = [self._command()]
        while self._take("|"):
            self._skip_lines()
            commands.append(self._command())
        return tree.Pipeline(tuple(commands), negated)

    def _command(self) -> tree.Command:
        token = self._peek()
        command: tree.Command
        match token.text if token.kind != "redirection" else "":
            case "(":
                self._token = None
                body = self.commands()
                self.expect(")")
                command = tree.Group(body, subshell=True)
            case "{":
                self._token = None
                body = self.commands()
                self.expect("}")
                command = tree.Group(body, subshell=False)
            case "if":
                command = self._if()
            case "while" | "until":
                self._token = None
                condition = self.commands()
                command = tree.Loop(condition, self._do(), token.text == "until")
            case "for":
                command = self._for()
            case "case":
                command = self._case()
            case "function":
                self._token = None
                name = self._next().text
                if self._take("("):
                    self.expect(")")
                self._skip_lines()
                return tree.Function(name, self._command())
            case text if text in _ENDS or token.kind in {"operator", NEWLINE}:
                raise unexpected(token)
            case _:
                return self._simple()
        return attrs.evolve(command, redirections=tuple(self._redirections()))

    def _redirections(self) -> Iterator[tree.Redirection | tree.HereDocument]:
        while (redirection := self._peek().redirection) is not None:
            self._token = None
            yield redirection

    def _simple(self) -> tree.Command:
        assignments: list[str] = []
        words: list[str] = []
        redirections: list[tree.Redirection | tree.HereDocument] = []
        line = self._peek().line
        while (token := self._peek()).kind in {"word", "redirection"}:
            self._token = None
            if token.redirection is not None:
                redirections.append(token.redirection)
                if token.text == "&>":
                    redirections.append(tree.Redirection(2, ">&", "1"))
            elif token.text == "[[" and not words:
                words = [token.text, *self._condition()]
            elif not words and _ASSIGNMENT.match(token.text):
                assignments.append(token.text)
            else:
                words.append(token.text)
        if len(words) == 1 and not assignments and self._take("("):
            if self._peek().kind == "word":
                msg = 'unexpected word (expecting ")")'
                raise ShellSyntaxError(msg, line)
            self.expect(")")
            if not _NAME.fullmatch(words[0]):
                msg = "bad function name"
                raise ShellSyntaxError(msg, line)
            self._skip_lines()
            return tree.Function(words[0], self._command())
        return tree.Simple(tuple(assignments), tuple(words), tuple(redirections), line)

    def _condition(self) -> Iterator[str]:
        """Read the words of ``[[ ... ]]``, in which operators are words as well."""
        while True:
            token = self._next()
            if token.kind in {END, NEWLINE}:
                raise unexpected(token, "]]")
            yield token.text
            if token.text == "]]":
                return

    def _if(self) -> tree.If:
        self._token = None
        branches: list[tuple[tree.Sequence, tree.Sequence]] = []
        while True:
            condition = self.commands()
            self.expect("then")
            branches.append((condition, self.commands()))
            if not self._take("elif"):
                break
        otherwise = self.commands() if self._take("else") else None
        self.expect("fi")
        return tree.If(tuple(branches), otherwise)

    def _do(self) -> tree.Sequence:
        self._skip_lines()
        self.expect("do")
        body = self.commands()
        self.expect("done")
        return body

    def _for(self) -> tree.For:
        self._token = None
        name = self._next()
        if not _NAME.fullmatch(name.text):
            msg = "bad for loop variable"
            raise ShellSyntaxError(msg, name.line)
        self._skip_lines()
        words: list[str] | None = None
        if self._take("in"):
            words = []
            while self._peek().kind == "word":
                words.append(self._next().text)
            if not self._take(";") and self._peek().kind != NEWLINE:
                raise unexpected(self._next())
        else:
            self._take(";")
        return tree.For(name.text, None if words is None else tuple(words), self._do())

    def _case(self) -> tree.Case:
        self._token = None
        word = self._word()
        self._skip_lines()
        self.expect("in")
        branches: list[tuple[tuple[str, ...], tree.Sequence]] = []
        self._skip_lines()
        while not self._take("esac"):
            self._take("(")
            patterns = [self._word()]
            while self._take("|"):
                patterns.append(self._word())
            self.expect(")")
            branches.append((tuple(patterns), self.commands(empty=True)))
            if not self._is("esac"):
                self.expect(";;")
            self._skip_lines()
        return tree.Case(word, tuple(branches))

    def _word(self) -> str:
        token = self._next()
        if token.kind != "word":
            raise unexpected(token)
        return token.text
