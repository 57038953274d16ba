"""Expansion of the shell's words: variables, commands, arithmetic, fields, globs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from unionfs_sim.containers.escapes import unescape
from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.containers.shell.arithmetic import ExpressionError, arithmetic
from unionfs_sim.containers.shell.fields import BLANKS, split_fields
from unionfs_sim.containers.shell.lexer import skip_quoted
from unionfs_sim.containers.shell.patterns import (
    escape,
    expression,
    glob,
    is_pattern,
    matches,
)

if TYPE_CHECKING:
    from unionfs_sim.containers.shell.running import Shell

#: A part of a field: its text, and whether it is quoted and so taken as it is.
_Part: TypeAlias = tuple[str, bool]
_Field: TypeAlias = list[_Part]

_SPECIAL: Final = "?#$!@*-0123456789"
_BRACED: Final = re.compile(
    r"(?P<length>#)?(?P<name>\w+|[?#$!@*-])"
    r"(?:(?P<op>:?[-=+?]|##?|%%?|//?|:)(?P<word>.*))?",
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
    fields = yield from _fields(shell, word, split=False)
    return " ".join("".join(part for part, _ in field) for field in fields)


def expand_condition(shell: Shell, words: tuple[str, ...]) -> Steps[list[str]]:
    """Expand the words of ``[[ ... ]]``: each stays one; patterns stay patterns."""
    found: list[str] = []
    for word in words:
        if found and found[-1] in {"=", "==", "!="}:
            found.append((yield from expand_pattern(shell, word)))
        else:
            found.append((yield from expand_word(shell, word)))
    return found


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
            values, at = yield from _dollar(shell, text, at, quoted=True)
            out.append(" ".join(map(_text, values)))
        else:
            out.append(letter)
            at += 1
    return "".join(out)


def expand_pattern(shell: Shell, word: str) -> Steps[str]:
    """Expand a word to a pattern, in which what is quoted stands for itself."""
    fields = yield from _fields(shell, word, split=False)
    return " ".join(map(_pattern, fields))


def _text(field: _Field) -> str:
    return "".join(part for part, _ in field)


def _pattern(field: _Field) -> str:
    return "".join(escape(text) if quoted else text for text, quoted in field)


def _globbed(shell: Shell, field: _Field) -> list[str]:
    """Give the names that a field stands for, or its text if there are none."""
    literal = not any(is_pattern(part) for part, quoted in field if not quoted)
    if literal or "f" in shell.options:
        return [_text(field)]
    return glob(shell.process.fs, _pattern(field), shell.cwd) or [_text(field)]


def _fields(shell: Shell, word: str, *, split: bool = True) -> Steps[list[_Field]]:
    """Expand all but globs; unquoted values fall into fields."""
    fields: list[_Field] = []
    current: _Field | None = None
    at = 0
    if word.startswith("~") and re.match(r"~(/|$)", word):
        current = [(shell.variables.get("HOME", "/root"), True)]
        at = 1
    while at < len(word):
        letter = word[at]
        values: list[_Field]
        if letter == "\\":
            text = "" if word[at + 1 : at + 2] == "\n" else word[at + 1 : at + 2]
            values = [[(text or "\\", True)]] if text or at + 1 == len(word) else []
            at += 2
        elif letter == '"':
            end = skip_quoted(word, at)
            values = yield from _quoted(shell, word[at + 1 : end - 1])
            at = end
        elif letter == "'" or word.startswith("$'", at):
            end = skip_quoted(word, at)
            text = (
                word[at + 1 : end - 1]
                if letter == "'"
                else _ansi(word[at + 2 : end - 1])
            )
            values = [[(text, True)]]
            at = end
        elif letter in "$`":
            values, at = yield from _dollar(shell, word, at, quoted=False)
        else:
            end = at + 1
            while end < len(word) and word[end] not in "'\"\\$`":
                end += 1
            current = [*(current or []), (word[at:end], False)]
            at = end
            continue
        for number, value in enumerate(values):
            if number:
                if current is not None:
                    fields.append(current)
                current = None
            current = _joined(shell, fields, current, value, split=split)
    if current is not None:
        fields.append(current)
    return fields


def _ansi(text: str) -> str:
    return unescape(re.sub(r"\\(['\"])", r"\1", text))[0]


def _joined(
    shell: Shell,
    fields: list[_Field],
    current: _Field | None,
    value: _Field,
    *,
    split: bool,
) -> _Field | None:
    """Put a value behind a field; what is not quoted in it may start new ones."""
    separators = shell.variables.get("IFS", BLANKS)
    for text, quoted in value:
        if quoted or not split or not separators:
            if text or quoted or not split:
                current = [*(current or []), (text, quoted)]
            continue
        for part, separator in split_fields(text, separators):
            if part:
                current = [*(current or []), (part, False)]
            if not separator:
                continue
            if current is None and separator.strip(BLANKS):
                current = [("", False)]
            if current is not None:
                fields.append(current)
            current = None
    return current


def _quoted(shell: Shell, text: str) -> Steps[list[_Field]]:
    """Expand what stands in double quotes; ``$@`` makes several values, or none."""
    values = [""]
    none = False
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and at + 1 < len(text):
            key = text[at + 1]
            values[-1] += "" if key == "\n" else key if key in '$`"\\' else f"\\{key}"
            at += 2
        elif letter in "$`":
            whole = text.startswith(("$@", "${@}"), at)
            fields, at = yield from _dollar(shell, text, at, quoted=True)
            found = list(map(_text, fields))
            if whole:
                none = none or not found
                values[-1] += found[0] if found else ""
                values += found[1:]
            else:
                # ``$*`` is joined by the first separator; all else is one value.
                values[-1] += shell.variables.get("IFS", " ")[:1].join(found)
        else:
            values[-1] += letter
            at += 1
    if none and values == [""]:
        return []
    return [[(value, True)] for value in values]


def _dollar(
    shell: Shell, text: str, at: int, *, quoted: bool
) -> Steps[tuple[list[_Field], int]]:
    """Expand what a dollar or a back quote starts, and give where it ends."""
    if text[at] == "`":
        end = skip_quoted(text, at)
        script = re.sub(r"\\([$`\\])", r"\1", text[at + 1 : end - 1])
        return _plain((yield from shell.substitute(script))), end
    if text.startswith("$((", at):
        end = skip_quoted(text, at)
        inner = yield from expand_text(shell, text[at + 3 : end - 2].replace('"', ""))
        return _plain(_calculated(shell, inner)), end
    if text.startswith("$(", at):
        end = skip_quoted(text, at)
        return _plain((yield from shell.substitute(text[at + 2 : end - 1]))), end
    if text.startswith("${", at):
        end = skip_quoted(text, at)
        return (yield from _braced(shell, text[at + 2 : end - 1], quoted=quoted)), end
    match = re.compile(r"[A-Za-z_]\w*").match(text, at + 1)
    if match:
        return _plain(shell.value(match[0])), match.end()
    if text[at + 1 : at + 2] and text[at + 1] in _SPECIAL:
        name = text[at + 1]
        if name in "@*":
            return [[(each, False)] for each in shell.arguments], at + 2
        return _plain(shell.value(name)), at + 2
    return _plain("$"), at + 1


def _plain(text: str) -> list[_Field]:
    return [[(text, False)]]


def _calculated(shell: Shell, text: str) -> str:
    try:
        return str(arithmetic(text, shell.variables))
    except ExpressionError as error:
        shell.abort(str(error))


def _braced(shell: Shell, text: str, *, quoted: bool) -> Steps[list[_Field]]:
    match = _BRACED.fullmatch(text)
    if match is None:
        shell.abort("syntax error: bad substitution")
    name, op, word = match["name"], match["op"] or "", match["word"] or ""
    if name in {"@", "*"} and not op:
        return [[(each, False)] for each in shell.arguments]
    if op.lstrip(":") and op[-1] in "-=+?":
        return (yield from _default(shell, name, op, word, quoted=quoted))
    value = shell.value(name)
    if match["length"]:
        return _plain(str(len(value)))
    if op[:1] in {"#", "%"} and op:
        pattern = yield from expand_pattern(shell, word)
        return _plain(_trimmed(value, op, pattern))
    if op[:1] == "/":
        return _plain((yield from _replaced(shell, value, op, word)))
    if op:
        return _plain((yield from _cut(shell, value, word)))
    return _plain(value)


def _default(
    shell: Shell, name: str, op: str, word: str, *, quoted: bool
) -> Steps[list[_Field]]:
    """Give a value or, as it is set or not, the word behind the operator."""
    unset = not shell.is_set(name) or (op[0] == ":" and shell.value(name) == "")
    if op[-1] == "+" and unset:
        return _plain("")
    if op[-1] != "+" and not unset:
        if name in {"@", "*"}:
            return [[(each, False)] for each in shell.arguments]
        return _plain(shell.value(name))
    if op[-1] == "?":
        other = yield from expand_word(shell, word)
        null = " or null" if op[0] == ":" else ""
        shell.abort(f"{name}: {other or f'parameter not set{null}'}")
    if op[-1] == "=":
        shell.variables[name] = yield from expand_word(shell, word)
        return _plain(shell.value(name))
    if quoted:
        # Double quotes around a word in double quotes only show where it is.
        return (yield from _quoted(shell, word.replace('"', "")))
    return (yield from _fields(shell, word, split=False))


def _trimmed(value: str, op: str, pattern: str) -> str:
    sizes = range(len(value) + 1)
    order = reversed(sizes) if len(op) == 2 else sizes
    for size in order:
        part = value[:size] if op[0] == "#" else value[len(value) - size :]
        if matches(part, pattern):
            return value[size:] if op[0] == "#" else value[: len(value) - size]
    return value


def _replaced(shell: Shell, value: str, op: str, word: str) -> Steps[str]:
    """``${name/pattern/text}``, and with two slashes wherever it fits."""
    end = 0
    while end < len(word) and word[end] != "/":
        end = skip_quoted(word, end)
    pattern = yield from expand_pattern(shell, word[:end])
    text = yield from expand_word(shell, word[end + 1 :])
    if not pattern:
        return value
    count = 0 if op == "//" else 1
    return re.sub(f"(?s:{expression(pattern)})", lambda _: text, value, count=count)


def _cut(shell: Shell, value: str, word: str) -> Steps[str]:
    """``${name:start:length}``; what is negative counts from the end."""
    text = yield from expand_text(shell, word)
    first, colon, size = text.partition(":")
    start = int(_calculated(shell, first))
    if start < 0:
        start += len(value)
        if start < 0:
            return ""
    if not colon:
        return value[start:]
    length = int(_calculated(shell, size))
    end = start + length if length >= 0 else len(value) + length
    return value[start : max(start, end)]
