"""Dockerfiles as instructions: continued lines, comments, options."""

from __future__ import annotations

import re
from typing import Final

from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.instructions import (
    Instruction,
    changes_config,
    pairs,
    words_of,
)

_FLAG: Final = re.compile(r"--([a-z-]+)(?:=(\S*))?\s*")
_KNOWN: Final = frozenset(
    {"FROM", "RUN", "COPY", "ADD", "ARG", "HEALTHCHECK", "MAINTAINER"}
)
_STAGE: Final = re.compile(r"[a-z][a-z0-9-_.]*")
_ONE_WORD: Final = frozenset({"MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR", "ONBUILD"})
_MAY_BE_EMPTY: Final = frozenset({"CMD", "ENTRYPOINT"})
_DIRECTIVE: Final = re.compile(r"#\s*(\w+)\s*=\s*(\S+)")
_FLAGS_OF: Final = {
    "ADD": {"chown", "chmod"},
    "COPY": {"chown", "chmod", "from"},
    "FROM": {"platform"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"},
    "RUN": {"mount", "network", "security"},
}
_WITH_FLAGS: Final = frozenset(_FLAGS_OF)


def check_target(steps: list[Instruction], target: str | None) -> None:
    """
    Refuse to stop after a stage that there is not.

    Raises:
        InvalidParameter: No stage has this name; numbers are none.
    """
    names = {
        words[2].lower()
        for step in steps
        if step.name == "FROM" and len(words := step.text.split()) == 3
    }
    if target and target.lower() not in names:
        msg = f"failed to reach build target {target} in Dockerfile"
        raise InvalidParameter(msg)


def parse(text: str) -> list[Instruction]:
    """
    Read a Dockerfile.

    Raises:
        InvalidParameter: An instruction is not known, or says nothing; there is none.

    >>> [x.name for x in parse("FROM busybox\\n# comment\\nRUN a && \\\\\\n  b\\n")]
    ['FROM', 'RUN']
    """
    found: list[Instruction] = []
    joined, start = "", 0
    escape = _escape_letter(text)
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#") or (not stripped and joined):
            continue
        if not joined:
            start = number
        if line.rstrip().endswith(escape):
            joined += line.rstrip()[:-1]
            continue
        joined += line
        if joined.strip():
            found.append(_instruction(joined.strip(), start))
        joined = ""
    if joined.strip():
        found.append(_instruction(joined.strip(), start))
    if not found:
        msg = "the Dockerfile (Dockerfile) cannot be empty"
        raise InvalidParameter(msg)
    return found


def _escape_letter(text: str) -> str:
    """Give what continues a line: a directive before all else may say so."""
    for line in text.splitlines():
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        if match[1].lower() == "escape":
            if match[2] not in {"\\", "`"}:
                msg = f"invalid ESCAPE '{match[2]}'. Must be ` or \\"
                raise InvalidParameter(msg)
            return match[2]
    return "\\"


def _instruction(text: str, line: int) -> Instruction:
    name, *more = text.split(None, 1)
    rest = more[0].strip() if more else ""
    name = name.upper()
    if name not in _KNOWN and not changes_config(name):
        raise _wrong(line, f"unknown instruction: {name}")
    flags: dict[str, str] = {}
    while name in _WITH_FLAGS and (match := _FLAG.match(rest)):
        if match[1] not in _FLAGS_OF[name]:
            raise _wrong(line, f"Unknown flag: {match[1]}")
        flags[match[1]] = match[2] or ""
        rest = rest[match.end() :]
    _check_form(name, rest)
    _check_count(name, rest, line)
    return Instruction(name, rest, flags, line, text)


def _check_form(name: str, rest: str) -> None:
    """Refuse what the parser refuses, before anybody asks what it means."""
    if name not in {"ENV", "LABEL"} or not rest:
        return
    try:
        pairs(rest, {}, name)
    except InvalidParameter as error:
        if "failed to process" not in error.message:
            msg = f"failed to parse Dockerfile: {error.message}"
            raise InvalidParameter(msg) from error


def _check_count(name: str, rest: str, line: int) -> None:
    words = words_of(rest)
    if name == "FROM":
        if len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "AS"):
            raise _wrong(line, "FROM requires either one or three arguments")
        if len(words) == 3 and not _STAGE.fullmatch(words[2].lower()):
            what = (
                f'invalid name for build stage: "{words[2]}", name can\'t start with a'
                " number or contain symbols"
            )
            raise _wrong(line, what)
    elif name in {"COPY", "ADD"} and len(words) < 2:
        if words:
            what = (
                f"{name} requires at least two arguments, but only one was provided."
                " Destination could not be determined"
            )
            raise _wrong(line, what)
        raise _wrong(line, f"{name} requires at least two arguments")
    elif name in _ONE_WORD and not rest:
        raise _wrong(line, f"{name} requires exactly one argument")
    elif name not in _MAY_BE_EMPTY and not words:
        raise _wrong(line, f"{name} requires at least one argument")
    elif name == "VOLUME" and not all(word.strip() for word in words):
        raise _wrong(line, "VOLUME specified can not be an empty string")


def _wrong(line: int, what: str) -> InvalidParameter:
    return InvalidParameter(f"dockerfile parse error line {line}: {what}")
