"""
What a script of the shell is: a tree of commands.

Words stay as they were written, quotes and dollars included; they are expanded when
the command runs.
"""

from __future__ import annotations

from typing import TypeAlias, final

import attrs


@final
@attrs.frozen
class Redirection:
    """``N>WORD`` and the like."""

    fd: int
    operator: str
    word: str


@final
@attrs.define
class HereDocument:
    """``N<<END``, whose text comes with the lines below the command."""

    fd: int
    end: str
    tabs: bool
    expands: bool
    text: str = ""


Redirections: TypeAlias = "tuple[Redirection | HereDocument, ...]"


@final
@attrs.frozen
class Simple:
    """Assignments and words, and the line on which they stand, from 0."""

    assignments: tuple[str, ...]
    words: tuple[str, ...]
    redirections: Redirections = ()
    line: int = 0


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
    redirections: Redirections = ()


@final
@attrs.frozen
class If:
    """``if``: conditions with what follows each, and ``else``."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None
    redirections: Redirections = ()


@final
@attrs.frozen
class Loop:
    """``while`` or ``until``."""

    condition: Sequence
    body: Sequence
    until: bool
    redirections: Redirections = ()


@final
@attrs.frozen
class For:
    """``for NAME in WORD...``; without words the arguments."""

    name: str
    words: tuple[str, ...] | None
    body: Sequence
    redirections: Redirections = ()


@final
@attrs.frozen
class Case:
    """``case WORD in PATTERN) ... ;; esac``."""

    word: str
    branches: tuple[tuple[tuple[str, ...], Sequence], ...]
    redirections: Redirections = ()


@final
@attrs.frozen
class Function:
    """``NAME() COMMAND``."""

    name: str
    body: Command
    redirections: Redirections = ()


Command: TypeAlias = "Simple | Group | If | Loop | For | Case | Function"
