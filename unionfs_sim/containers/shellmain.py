"""``sh`` as a program: a script by ``-c``, from a file, or line by line."""

from __future__ import annotations

from unionfs_sim.containers import shellwords as words
from unionfs_sim.containers.process import Exit, Process
from unionfs_sim.containers.scheduling import Steps, at_once
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
    terminal = getattr(process.stdin, "terminal", False)
    script = ""
    if terminal:
        process.stdout.write("/ # " if not process.user.uid else "/ $ ")
    while line := (yield from process.stdin.readline()):
        script += line.decode("utf-8", "surrogateescape")
        try:
            tree = words.parse(script)
        except words.ShellSyntaxError as error:
            if error.incomplete:
                if terminal:
                    process.stdout.write("> ")
                continue
            made.code = made.fail(str(error), 2)
            script = ""
            continue
        script = ""
        try:
            yield from made.sequence(tree)
        except Exit as end:
            return end.code
        except Jump as jump:
            made.code = jump.code
        if terminal:
            sign = "$" if process.user.uid else "#"
            process.stdout.write(f"{made.cwd} {sign} ")
    if script:
        made.code = made.fail("syntax error: unexpected end of file", 2)
    return made.code
