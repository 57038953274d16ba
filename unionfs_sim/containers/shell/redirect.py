"""Redirections of the shell: the files and streams that a command gets."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.containers.shell.expand import expand_text, expand_word
from unionfs_sim.containers.shell.tree import HereDocument, Redirection, Redirections
from unionfs_sim.containers.streams import FileStream, Nothing, Pipe
from unionfs_sim.errors import UnionFSError

if TYPE_CHECKING:
    from unionfs_sim.containers.shell.running import Shell

_MODES: Final = {
    "<": "rb",
    ">": "wb",
    "&>": "wb",
    ">|": "wb",
    ">>": "ab",
    "<>": "r+b",
}


class RedirectionError(Exception):
    """A file of a redirection cannot be opened; the command does not run."""


def redirect(shell: Shell, redirections: Redirections) -> Steps[list[FileStream]]:
    """
    Open what redirections say, and give what is to be closed again.

    Raises:
        RedirectionError: One cannot be opened; the shell has complained.
    """
    opened: list[FileStream] = []
    for each in redirections:
        if isinstance(each, HereDocument):
            text = each.text
            if each.expands:
                text = yield from expand_text(shell, text)
            pipe = Pipe()
            pipe.write(text)
            pipe.close()
            shell.fds[each.fd] = pipe
            continue
        word = yield from expand_word(shell, each.word)
        if each.operator in {">&", "<&"}:
            _duplicate(shell, each, word)
            continue
        try:
            stream = _open(shell, word, each.operator)
        except UnionFSError as error:
            verb = "open" if each.operator == "<" else "create"
            text = error.strerror or ""
            if error.errno == errno.ENOENT:
                text = "no such file" if verb == "open" else "nonexistent directory"
            shell.fail(f"can't {verb} {word}: {text}")
            raise RedirectionError from error
        if isinstance(stream, FileStream):
            opened.append(stream)
        shell.fds[each.fd] = stream
    return opened


def _duplicate(shell: Shell, each: Redirection, word: str) -> None:
    if word == "-":
        shell.fds[each.fd] = Nothing()
    elif not word.isdigit():
        shell.abort("syntax error: bad fd number")
    elif int(word) in shell.fds:
        shell.fds[each.fd] = shell.fds[int(word)]
    else:
        shell.fail(f"{word}: Bad file descriptor")
        raise RedirectionError


def _open(shell: Shell, name: str, operator: str) -> FileStream | Nothing:
    path = name if name.startswith("/") else f"{shell.cwd.rstrip('/')}/{name}"
    if path == "/dev/null":
        return Nothing()
    mode = _MODES[operator]
    guarded = "C" in shell.options and operator == ">"
    if guarded and shell.process.fs.isfile(path):
        mode = "xb"
    return FileStream(shell.process.fs.open(path, mode, -1 if mode == "rb" else 0))
