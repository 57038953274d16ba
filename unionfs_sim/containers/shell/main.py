"""``sh`` as a program: a script by ``-c``, from a file, or line by line."""

from __future__ import annotations

from typing import Final, final

from unionfs_sim.containers.process import Exit, Process
from unionfs_sim.containers.scheduling import Interrupted, Steps, at_once
from unionfs_sim.containers.shell.lexer import ShellSyntaxError
from unionfs_sim.containers.shell.parser import parse
from unionfs_sim.containers.shell.running import Aborted, Jump, Shell
from unionfs_sim.containers.streams import Pipe
from unionfs_sim.errors import UnionFSError

_BLOCK_BYTES: Final = 1023


def shell(process: Process) -> Steps[int]:
    """Run a script: ``sh [-c SCRIPT [NAME [ARG...]] | FILE [ARG...]]``, or the input."""
    args = list(process.args)
    flags = ""
    while args and args[0][:1] in "-+" and len(args[0]) > 1:
        flags += args.pop(0)[1:]
        if "c" in flags:
            break
    if "c" in flags:
        if not args:
            return at_once(process.fail("-c requires an argument", 2))
        script = args.pop(0)
        name = args.pop(0) if args else process.argv[0]
        return _script(process, name, args, script, flags)
    if args and "s" not in flags:
        name, *rest = args
        try:
            script = process.fs.read_text(process.path(name))
        except UnionFSError:
            return at_once(
                process.fail(f"can't open '{name}': No such file or directory", 2)
            )
        return _script(process, name, rest, script, flags, file=True)
    return _lines(process, args, flags)


def _made(process: Process, name: str, args: list[str], flags: str) -> Shell:
    made = Shell(process, name, args)
    made.options.update(letter for letter in flags if letter in "Cacefinuvx")
    return made


def _script(
    process: Process,
    name: str,
    args: list[str],
    script: str,
    flags: str,
    *,
    file: bool = False,
) -> Steps[int]:
    made = _made(process, name, args, flags)
    if file:
        made.speaker, made.first_line = name, 1
    try:
        code = yield from made.run(script)
    except (Exit, Aborted, Jump) as end:
        code = end.code
    return (yield from made.end(code))


def _lines(process: Process, args: list[str], flags: str) -> Steps[int]:
    """Run what comes line by line; a command may take several."""
    made = _made(process, process.argv[0], args, flags)
    made.first_line = 1
    terminal = bool(getattr(process.stdin, "terminal", False))
    made.interactive = terminal
    made.options.update("is" if terminal else "s")
    if terminal:
        process.on_signal["SIGINT"] = Interrupted
        _prompt(made)
    lines = _Lines(process, terminal=terminal)
    script = ""
    while True:
        try:
            line = yield from lines.next()
            script += line
            if not line and not script:
                break
            script = yield from _typed(made, script, end=not line)
            if not line:
                break
        except Aborted as end:
            made.code = end.code
            script = ""
            if not terminal:
                break
        except Exit as end:
            return (yield from made.end(end.code))
        except Interrupted as key:
            made.code = key.code
            process.stdout.write("\n")
            script = ""
        if terminal and not script:
            _prompt(made)
    if terminal and not script:
        process.stdout.write("\n")
    return (yield from made.end(made.code))


@final
class _Lines:
    """
    The lines of a script that comes by the standard input.

    As ash does it, a block is read at once: what the commands of the script read is
    only what comes behind it.  On a terminal a block is a line.
    """

    def __init__(self, process: Process, *, terminal: bool) -> None:
        self._input = process.stdin
        self._terminal = terminal
        self._read = b""

    def next(self) -> Steps[str]:
        """Give the next line; nothing at the end."""
        while b"\n" not in self._read:
            if self._terminal or not isinstance(self._input, Pipe):
                block = yield from self._input.readline()
            else:
                block = yield from self._input.read_some(_BLOCK_BYTES)
            if not block:
                break
            self._read += block
        line, newline, self._read = self._read.partition(b"\n")
        return (line + newline).decode("utf-8", "surrogateescape")


def _typed(made: Shell, script: str, *, end: bool) -> Steps[str]:
    """Run what has been typed, or give it back if there must be more of it."""
    try:
        commands = parse(script, made.first_line)
    except ShellSyntaxError as error:
        if error.incomplete and not end:
            if made.interactive:
                made.process.stdout.write("> ")
            return script
        made.line = error.line
        made.abort(str(error))
    try:
        yield from made.sequence(commands)
    except Jump as jump:
        made.code = jump.code
    made.first_line += script.count("\n")
    return ""


def _prompt(made: Shell) -> None:
    """Show where the shell is, and who."""
    sign = "$" if made.process.user.uid else "#"
    made.process.stdout.write(f"{made.cwd} {sign} ")
