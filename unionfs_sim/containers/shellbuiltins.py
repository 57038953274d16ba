"""What the shell does itself: ``cd``, ``export``, ``read``, ``set``, ``exit`` ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from unionfs_sim.containers.process import NOT_FOUND, Exit, NotRunnable
from unionfs_sim.containers.scheduling import Steps, Wait, at_once
from unionfs_sim.containers.shell import Jump, Shell
from unionfs_sim.containers.shellwords import ShellSyntaxError, parse
from unionfs_sim.errors import UnionFSError

_Builtin: TypeAlias = Callable[[Shell, list[str]], Steps[int]]


def _colon(shell: Shell, argv: list[str]) -> Steps[int]:
    return at_once(0)


def _cd(shell: Shell, argv: list[str]) -> Steps[int]:
    target = argv[1] if argv[1:] else shell.variables.get("HOME", "/")
    if target == "-":
        target = shell.variables.get("OLDPWD", shell.cwd)
    parts: list[str] = []
    start = target if target.startswith("/") else f"{shell.cwd}/{target}"
    for part in start.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    path = "/" + "/".join(parts)
    fs = shell.process.fs
    if not fs.isdir(path) or not fs.access(path, 1):
        # As ash says it: without the reason that the kernel gave.
        return at_once(shell.fail(f"cd: can't cd to {target}: {_why(shell, path)}"))
    shell.variables["OLDPWD"], shell.cwd = shell.cwd, path
    shell.variables["PWD"] = path
    return at_once(0)


def _why(shell: Shell, path: str) -> str:
    try:
        shell.process.fs.stat(path)
    except UnionFSError as error:
        return error.strerror or ""
    return "Permission denied" if shell.process.fs.isdir(path) else "Not a directory"


def _exit(shell: Shell, argv: list[str]) -> Steps[int]:
    code = shell.code
    if argv[1:]:
        if not argv[1].isdigit():
            shell.abort(f"exit: Illegal number: {argv[1]}")
        code = int(argv[1]) & 0xFF
    raise Exit(code)


def _export(shell: Shell, argv: list[str]) -> Steps[int]:
    if len(argv) == 1 or argv[1] == "-p":
        for name in sorted(shell.exported):
            _write(shell, f"export {name}='{shell.variables.get(name, '')}'\n")
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if equals:
            shell.variables[name] = value
        if argv[0] == "export":
            shell.exported.add(name)
    return at_once(0)


def _unset(shell: Shell, argv: list[str]) -> Steps[int]:
    for name in argv[1:]:
        shell.variables.pop(name, None)
        shell.functions.pop(name, None)
        shell.exported.discard(name)
    return at_once(0)


def _set(shell: Shell, argv: list[str]) -> Steps[int]:
    args = argv[1:]
    while args and args[0][:1] in "-+" and args[0] not in {"-", "--"}:
        word = args.pop(0)
        change = shell.options.update if word[0] == "-" else (
            shell.options.difference_update)  # fmt: skip
        if word[1:] == "o":
            names = {"errexit": "e", "nounset": "u", "xtrace": "x"}
            change(names.get(args.pop(0) if args else "", ""))
        else:
            change(word[1:])
    if args and args[0] in {"-", "--"}:
        shell.arguments = args[1:]
    elif args:
        shell.arguments = args
    return at_once(0)


def _shift(shell: Shell, argv: list[str]) -> Steps[int]:
    count = int(argv[1]) if argv[1:] else 1
    if count > len(shell.arguments):
        return at_once(1)
    del shell.arguments[:count]
    return at_once(0)


def _jump(shell: Shell, argv: list[str]) -> Steps[int]:
    number = int(argv[1]) if argv[1:] and argv[1].isdigit() else None
    if argv[0] == "return":
        raise Jump(argv[0], 1, shell.code if number is None else number)
    raise Jump(argv[0], 1 if number is None else number)


def _read(shell: Shell, argv: list[str]) -> Steps[int]:
    names = [word for word in argv[1:] if not word.startswith("-")] or ["REPLY"]
    stream: Any = shell.fds[0]
    raw = (yield from stream.readline()).decode("utf-8", "surrogateescape")
    line = raw.removesuffix("\n")
    if "-r" not in argv:
        line = line.replace("\\", "")
    separators = shell.variables.get("IFS", " \t\n")
    parts = [line]
    if separators:
        line = line.strip(separators if separators.isspace() else None)
        parts = re.split(f"[{re.escape(separators)}]+", line, maxsplit=len(names) - 1)
    for number, name in enumerate(names):
        shell.variables[name] = parts[number] if number < len(parts) else ""
    return 0 if raw else 1


def _eval(shell: Shell, argv: list[str]) -> Steps[int]:
    return (yield from shell.run(" ".join(argv[1:])))


def _source(shell: Shell, argv: list[str]) -> Steps[int]:
    path = argv[1] if "/" in argv[1] else f"./{argv[1]}"
    start = "" if path.startswith("/") else f"{shell.cwd.rstrip('/')}/"
    try:
        tree = parse(shell.process.fs.read_text(start + path))
    except UnionFSError:
        shell.abort(f".: can't open '{argv[1]}': No such file or directory")
    except ShellSyntaxError as error:
        shell.abort(str(error))
    try:
        return (yield from shell.sequence(tree))
    except Jump as jump:
        if jump.kind != "return":
            raise
        return jump.code


def _exec(shell: Shell, argv: list[str]) -> Steps[int]:
    if not argv[1:]:
        return 0
    raise Exit((yield from shell.program(argv[1:], {})))


def _command(shell: Shell, argv: list[str]) -> Steps[int]:
    args = argv[1:]
    look = argv[0] == "type"
    if args[:1] in (["-v"], ["-V"]):
        look = True
        args = args[1:]
    if not look:
        builtin = BUILTINS.get(args[0])
        if builtin is not None:
            return (yield from builtin(shell, args))
        return (yield from shell.program(args, {}))
    code = 0
    for name in args:
        shown = _found(shell, name)
        if shown is None:
            code = NOT_FOUND
            if argv[0] == "type":
                _write(shell, f"{name}: not found\n")
        elif argv[0] == "type":
            what = "a shell builtin" if name in BUILTINS else shown
            _write(shell, f"{name} is {what}\n")
        else:
            _write(shell, f"{shown}\n")
    return code


def _found(shell: Shell, name: str) -> str | None:
    if name in BUILTINS or name in shell.functions:
        return name
    for directory in shell.value("PATH").split(":"):
        path = f"{directory}/{name}"
        probe = shell.process.child([path])
        try:
            shell.process.machine.programs.find(probe, path)
        except NotRunnable:
            continue
        return path
    return None


def _wait(shell: Shell, argv: list[str]) -> Steps[int]:
    jobs = shell.jobs
    if argv[1:] and argv[1].isdigit() and int(argv[1]) <= len(jobs):
        jobs = [jobs[int(argv[1]) - 1]]
    code = 0
    for job in jobs:
        while not job.done:
            yield Wait((job.ended,))
        code = job.code or 0
    return code if argv[1:] else 0


def _trap(shell: Shell, argv: list[str]) -> Steps[int]:
    """Note what is to be done at the end; other signals cannot be caught here."""
    if len(argv) > 2:
        for name in argv[2:]:
            key = "EXIT" if name in {"0", "EXIT"} else name.removeprefix("SIG")
            if argv[1] in {"-", ""}:
                shell.traps.pop(key, None)
            else:
                shell.traps[key] = argv[1]
    return at_once(0)


def _umask(shell: Shell, argv: list[str]) -> Steps[int]:
    if argv[1:]:
        shell.process.umask = int(argv[1], 8)
    else:
        _write(shell, f"{shell.process.umask:04o}\n")
    return at_once(0)


def _pwd(shell: Shell, argv: list[str]) -> Steps[int]:
    _write(shell, f"{shell.cwd}\n")
    return at_once(0)


def _kill(shell: Shell, argv: list[str]) -> Steps[int]:
    for word in argv[1:]:
        number = word.removeprefix("%")
        if number.isdigit() and 0 < int(number) <= len(shell.jobs):
            shell.jobs[int(number) - 1].kill(143)
        elif not word.startswith("-"):
            return at_once(shell.fail(f"can't kill pid {word}: No such process"))
    return at_once(0)


def _applet(shell: Shell, argv: list[str]) -> Steps[int]:
    """Run a command that ash has built in, whatever the image has."""
    from unionfs_sim.containers.commands import (  # noqa: PLC0415 - it lists the shell
        APPLETS,
    )
    from unionfs_sim.containers.process import run_program  # noqa: PLC0415 - likewise

    child = shell.process.child(
        argv,
        env=shell.environment(),
        cwd=shell.cwd,
        stdin=shell.fds[0],
        stdout=shell.fds[1],
        stderr=shell.fds[2],
    )
    return (yield from run_program(child, APPLETS[argv[0]]))


def _write(shell: Shell, text: str) -> None:
    stream: Any = shell.fds[1]
    stream.write(text)


BUILTINS: Final[Mapping[str, _Builtin]] = {
    ".": _source,
    ":": _colon,
    "[": _applet,
    "break": _jump,
    "cd": _cd,
    "command": _command,
    "continue": _jump,
    "echo": _applet,
    "eval": _eval,
    "exec": _exec,
    "exit": _exit,
    "export": _export,
    "false": _applet,
    "kill": _kill,
    "local": _export,
    "printf": _applet,
    "pwd": _pwd,
    "read": _read,
    "readonly": _export,
    "return": _jump,
    "set": _set,
    "shift": _shift,
    "source": _source,
    "test": _applet,
    "trap": _trap,
    "true": _applet,
    "type": _command,
    "umask": _umask,
    "unset": _unset,
    "wait": _wait,
}
