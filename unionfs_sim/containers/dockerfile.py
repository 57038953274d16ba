"""Dockerfiles as instructions: continued lines, comments, options."""

from __future__ import annotations

import re
from typing import Final

from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.instructions import Instruction, changes_config

_FLAG: Final = re.compile(r"--([a-z-]+)(?:=(\S*))?\s*")
_KNOWN: Final = frozenset(
    {"FROM", "RUN", "COPY", "ADD", "ARG", "HEALTHCHECK", "MAINTAINER"}
)
_WITH_FLAGS: Final = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})


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
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#") or (not stripped and joined):
            continue
        if not joined:
            start = number
        if line.rstrip().endswith("\\"):
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


def _instruction(text: str, line: int) -> Instruction:
    name, _, rest = text.partition(" ")
    if "\t" in name:
        name, _, rest = text.partition("\t")
    name, rest = name.upper(), rest.strip()
    if name not in _KNOWN and not changes_config(name):
        msg = f"dockerfile parse error line {line}: unknown instruction: {name}"
        raise InvalidParameter(msg)
    flags: dict[str, str] = {}
    while name in _WITH_FLAGS and (match := _FLAG.match(rest)):
        flags[match[1]] = match[2] or ""
        rest = rest[match.end() :]
    if not rest:
        msg = f"dockerfile parse error line {line}: {name} requires arguments"
        raise InvalidParameter(msg)
    return Instruction(name, rest, flags, line)
