"""``sh`` as a program: a script by ``-c``, from a file, or line by line."""

from __future__ import annotations

from unionfs_sim.containers import shellwords as words
from unionfs_sim.containers.process import Exit, Process
from unionfs_sim.containers.scheduling import Interrupted, Steps, at_once
from unionfs_sim.containers.shell import Jump, Shell
from unionfs_sim.errors import UnionFSError


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
        name = args.pop(0) if args else process.name
        return _script(process, name, args, script, flags)
    if args and "s" not in flags:
        name, *rest = args
        try:
            script = process.fs.read_text(process.path(name))
        except UnionFSError:
            return at_once(
                process.fail(f"can't open '{name}': No such file or directory", 2)
            )
        return _script(process, name, rest, script, flags)
    return _lines(process, args, flags)


def _made(process: Process, name: str, args: list[str], flags: str) -> Shell:
    made = Shell(process, name, args)
    made.options.update(letter for letter in flags if letter in "eux")
    return made


def _script(
    process: Process, name: str, args: list[str], script: str, flags: str
) -> Steps[int]:
    made = _made(process, name, args, flags)
    try:
        code = yield from made.run(script)
    except Exit as end:
        code = end.code
    except Jump as jump:
        code = jump.code
    return (yield from _end(made, code))


def _end(made: Shell, code: int) -> Steps[int]:
    """Do what a trap says for the end, and give the exit code."""
    script = made.traps.pop("EXIT", "")
    if not script:
        return code
    made.code = code
    try:
        yield from made.run(script)
    except Exit as end:
        return end.code
    return code


def _lines(process: Process, args: list[str], flags: str) -> Steps[int]:
    """Run what comes line by line; a command may take several."""
    made = _made(process, process.name, args, flags)
    terminal = bool(getattr(process.stdin, "terminal", False))
    if terminal:
        process.on_signal["SIGINT"] = Interrupted
        _prompt(made)
    script = ""
    while True:
        try:
            line = yield from process.stdin.readline()
            if not line:
                break
            script += line.decode("utf-8", "surrogateescape")
            script = yield from _typed(made, script, terminal=terminal)
        except Exit as end:
            return (yield from _end(made, end.code))
        except Interrupted as key:
            made.code = key.code
            process.stdout.write("\n")
            script = ""
        if terminal and not script:
            _prompt(made)
    if script:
        made.code = made.fail("syntax error: unexpected end of file", 2)
    elif terminal:
        process.stdout.write("\n")
    return (yield from _end(made, made.code))


def _typed(made: Shell, script: str, *, terminal: bool) -> Steps[str]:
    """Run what has been typed, or give it back if there must be more of it."""
    try:
        tree = words.parse(script)
    except words.ShellSyntaxError as error:
        if not error.incomplete:
            made.code = made.fail(str(error), 2)
            return ""
        if terminal:
            made.process.stdout.write("> ")
        return script
    try:
        yield from made.sequence(tree)
    except Jump as jump:
        made.code = jump.code
    return ""


def _prompt(made: Shell) -> None:
    """Show where the shell is, and who."""
    sign = "$" if made.process.user.uid else "#"
    made.process.stdout.write(f"{made.cwd} {sign} ")
