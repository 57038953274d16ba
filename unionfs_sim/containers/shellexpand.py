"""Expansion of the shell's words: variables, commands, arithmetic, fields, globs."""

from __future__ import annotations

import ast
import fnmatch
import operator
import posixpath
import re
import stat
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.containers.shellwords import skip_quoted
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.errors import UnionFSError

if TYPE_CHECKING:
    from unionfs_sim.containers.shell import Shell

#: A part of a field: its text, and whether it is quoted and so taken as it is.
_Part: TypeAlias = tuple[str, bool]
_Field: TypeAlias = list[_Part]

_SPECIAL: Final = "?#$!@*-0123456789"
_BRACED: Final = re.compile(
    r"(?P<length>#)?(?P<name>\w+|[?#$!@*-])"
    r"(?:(?P<op>:?[-=+?]|##?|%%?)(?P<word>.*))?",
    re.DOTALL,
)


def expand_words(shell: Shell, words: tuple[str, ...]) -> Steps[list[str]]:
    """Expand words as the words of a command are: each can become several, or none."""
    found: list[str] = []
    for word in words:
        for field in (yield from _fields(shell, word)):
            found += _globbed(shell, field)
    return found


def expand_word(shell: Shell, word: str) -> Steps[str]:
    """Expand a word to one text: no fields, no globs."""
    text = yield from _fields(shell, word, split=False)
    return " ".join("".join(part for part, _ in field) for field in text)


def expand_text(shell: Shell, text: str) -> Steps[str]:
    """Expand the text of a here-document: quotes are letters like others there."""
    out: list[str] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and text[at + 1 : at + 2] in {"$", "`", "\\", "\n"}:
            out.append("" if text[at + 1] == "\n" else text[at + 1])
            at += 2
        elif letter in "$`":
            value, at = yield from _dollar(shell, text, at)
            out.append(" ".join(value))
        else:
            out.append(letter)
            at += 1
    return "".join(out)


def expand_pattern(shell: Shell, word: str) -> Steps[str]:
    """Expand a word to a pattern, in which what is quoted stands for itself."""
    fields = yield from _fields(shell, word, split=False)
    return " ".join("".join(map(_escaped, field)) for field in fields)


def _escaped(part: _Part) -> str:
    text, quoted = part
    return re.sub(r"([*?[])", r"[\1]", text) if quoted else text


def matches(text: str, pattern: str) -> bool:
    """
    Tell whether a text fits a pattern of the shell.

    >>> matches("a.txt", "*.[!c]xt"), matches("a", "b|a")
    (True, False)
    """
    return fnmatch.fnmatchcase(text, pattern)


def _fields(shell: Shell, word: str, *, split: bool = True) -> Steps[list[_Field]]:
    """Expand all but globs; unquoted values fall into fields at blanks."""
    fields: list[_Field] = []
    current: _Field | None = None
    at = 0
    if word.startswith("~") and re.match(r"~(/|$)", word):
        current = [(shell.variables.get("HOME", "/root"), True)]
        at = 1
    while at < len(word):
        letter = word[at]
        if letter == "'":
            end = skip_quoted(word, at)
            current = [*(current or []), (word[at + 1 : end - 1], True)]
            at = end
        elif letter == "\\":
            if word[at + 1 : at + 2] != "\n":
                current = [*(current or []), (word[at + 1 : at + 2] or "\\", True)]
            at += 2
        elif letter == '"':
            end = skip_quoted(word, at)
            values = yield from _quoted(shell, word[at + 1 : end - 1])
            at = end
            for number, value in enumerate(values):
                if number:
                    fields.append(current or [])
                    current = None
                current = [*(current or []), (value, True)]
        elif letter in "$`":
            values, at = yield from _dollar(shell, word, at)
            for number, value in enumerate(values):
                if number:
                    if current is not None:
                        fields.append(current)
                    current = None
                if not split:
                    current = [*(current or []), (value, False)]
                    continue
                current = _split(shell, fields, current, value)
        else:
            end = at + 1
            while end < len(word) and word[end] not in "'\"\\$`":
                end += 1
            current = [*(current or []), (word[at:end], False)]
            at = end
    if current is not None:
        fields.append(current)
    return fields


def _split(
    shell: Shell, fields: list[_Field], current: _Field | None, value: str
) -> _Field | None:
    """Put an unquoted value behind a field, starting new ones at its blanks."""
    separators = shell.variables.get("IFS", " \t\n")
    if not separators:
        return [*(current or []), (value, False)] if value else current
    parts = re.split(f"[{re.escape(separators)}]+", value)
    for number, part in enumerate(parts):
        if number and current is not None:
            fields.append(current)
            current = None
        if part:
            current = [*(current or []), (part, False)]
    return current


def _quoted(shell: Shell, text: str) -> Steps[list[str]]:
    """Expand what stands in double quotes; ``$@`` makes several values."""
    values = [""]
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and at + 1 < len(text):
            key = text[at + 1]
            values[-1] += "" if key == "\n" else key if key in '$`"\\' else f"\\{key}"
            at += 2
        elif letter in "$`":
            whole = text.startswith(("$@", "${@}"), at)
            found, at = yield from _dollar(shell, text, at)
            if whole:
                if not found and values == [""] and at >= len(text):
                    return []
                values[-1] += found[0] if found else ""
                values += found[1:]
            else:
                # ``$*`` is joined by the first separator; all else is one value.
                values[-1] += shell.variables.get("IFS", " ")[:1].join(found)
        else:
            values[-1] += letter
            at += 1
    return values


def _dollar(shell: Shell, text: str, at: int) -> Steps[tuple[list[str], int]]:
    """Expand what a dollar or a back quote starts, and give where it ends."""
    if text[at] == "`":
        end = skip_quoted(text, at)
        script = re.sub(r"\\([$`\\])", r"\1", text[at + 1 : end - 1])
        return [(yield from shell.substitute(script))], end
    if text.startswith("$((", at):
        end = skip_quoted(text, at)
        if text[end - 2 : end] == "))":
            inner = yield from expand_text(shell, text[at + 3 : end - 2])
            return [str(arithmetic(inner, shell.variables))], end
    if text.startswith("$(", at):
        end = skip_quoted(text, at)
        return [(yield from shell.substitute(text[at + 2 : end - 1]))], end
    if text.startswith("${", at):
        end = skip_quoted(text, at)
        return (yield from _braced(shell, text[at + 2 : end - 1])), end
    match = re.compile(r"[A-Za-z_]\w*").match(text, at + 1)
    if match:
        return [shell.value(match[0])], match.end()
    if text[at + 1 : at + 2] and text[at + 1] in _SPECIAL:
        name = text[at + 1]
        if name in "@*":
            return list(shell.arguments), at + 2
        return [shell.value(name)], at + 2
    return ["$"], at + 1


def _braced(shell: Shell, text: str) -> Steps[list[str]]:
    match = _BRACED.fullmatch(text)
    if match is None:
        shell.fail(f"{text}: bad substitution")
        return [""]
    name, op, word = match["name"], match["op"] or "", match["word"] or ""
    if name in {"@", "*"} and not op:
        return list(shell.arguments)
    value = shell.value(name)
    if match["length"]:
        return [str(len(value))]
    if op[:1] in {"#", "%"} and op:
        pattern = yield from expand_pattern(shell, word)
        return [_trimmed(value, op, pattern)]
    if op:
        unset = not shell.is_set(name) or (op[0] == ":" and value == "")
        if op[-1] == "+":
            return ["" if unset else (yield from expand_word(shell, word))]
        if unset:
            other = yield from expand_word(shell, word)
            if op[-1] == "=":
                shell.variables[name] = other
            if op[-1] == "?":
                shell.abort(f"{name}: {other or 'parameter not set'}")
            return [other]
    return [value]


def _trimmed(value: str, op: str, pattern: str) -> str:
    sizes = range(len(value) + 1)
    order = reversed(sizes) if len(op) == 2 else sizes
    for size in order:
        part = value[:size] if op[0] == "#" else value[len(value) - size :]
        if matches(part, pattern):
            return value[size:] if op[0] == "#" else value[: len(value) - size]
    return value


# --- arithmetic ---------------------------------------------------------------

_OPERATIONS: Final[Mapping[type, Callable[[int, int], int]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: lambda a, b: int(a - b * int(a / b)),
    ast.FloorDiv: lambda a, b: int(a / b),
    ast.Div: lambda a, b: int(a / b),
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def arithmetic(text: str, variables: Mapping[str, str]) -> int:
    """
    Work out an expression.

    Raises:
        ValueError: It is none, or divides by zero.

    >>> arithmetic("(a + 2) * 3 > 8 && 1", {"a": "1"})
    1
    """
    text = text.replace("&&", " and ").replace("||", " or ")
    text = re.sub(r"!(?!=)", " not ", text).strip()
    try:
        return _value(ast.parse(text or "0", mode="eval").body, variables)
    except (SyntaxError, ZeroDivisionError) as error:
        msg = "divide by zero"
        if isinstance(error, SyntaxError):
            msg = f"arithmetic syntax error: {text}"
        raise ValueError(msg) from error


def _value(node: ast.AST, variables: Mapping[str, str]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            text = variables.get(name, "") or "0"
            return arithmetic(text, {}) if not text.isdigit() else int(text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](
                _value(left, variables), _value(right, variables)
            )
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            holds = _OPERATIONS[type(op)](
                _value(left, variables), _value(right, variables)
            )
            return int(holds)
        case ast.BoolOp(op=op, values=values):
            found = [bool(_value(each, variables)) for each in values]
            return int(all(found) if isinstance(op, ast.And) else any(found))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, variables)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, variables)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return int(not _value(operand, variables))
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return ~_value(operand, variables)
        case _:
            msg = "arithmetic syntax error"
            raise ValueError(msg)


# --- globs --------------------------------------------------------------------


def _globbed(shell: Shell, field: _Field) -> list[str]:
    """Give the names that a field stands for, or its text if there are none."""
    text = "".join(part for part, _ in field)
    if not any(set("*?[") & set(part) for part, quoted in field if not quoted):
        return [text]
    return glob(shell.process.fs, "".join(map(_escaped, field)), shell.cwd) or [text]


def glob(fs: FileSystem, pattern: str, cwd: str = "/") -> list[str]:
    """
    List the names that fit a pattern, in order.

    >>> from unionfs_sim import Layer, UnionFS
    >>> fs = UnionFS([Layer.build({"d/a.txt": "", "d/b.txt": "", "d/.c.txt": ""})])
    >>> glob(fs, "/d/*.txt"), glob(fs, "?", "/")
    (['/d/a.txt', '/d/b.txt'], ['d'])
    """
    parts = [part for part in pattern.split("/") if part]
    found = ["/"] if pattern.startswith("/") else [""]
    for number, part in enumerate(parts):
        below: list[str] = []
        for base in found:
            place = posixpath.join(cwd, base)
            last = number == len(parts) - 1
            if not set("*?[") & set(part):
                if fs.exists(posixpath.join(place, part)):
                    below.append(posixpath.join(base, part))
                continue
            try:
                names = fs.listdir(place)
            except UnionFSError:
                continue
            for name in sorted(names):
                hidden = name.startswith(".") and not part.startswith(".")
                if hidden or not matches(name, part):
                    continue
                path = posixpath.join(place, name)
                if last or _is_directory(fs, path):
                    below.append(posixpath.join(base, name))
        found = below
    return found


def _is_directory(fs: FileSystem, path: str) -> bool:
    try:
        return stat.S_ISDIR(fs.stat(path).st_mode)
    except UnionFSError:
        return False
