"""What the shell does itself: ``cd``, ``export``, ``read``, ``set``, ``exit`` ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from unionfs_sim.containers.process import (
    NOT_FOUND,
    Exit,
    NotRunnable,
)
from unionfs_sim.containers.scheduling import Steps, at_once
from unionfs_sim.containers.shell import signals
from unionfs_sim.containers.shell.arithmetic import ExpressionError, arithmetic
from unionfs_sim.containers.shell.fields import BLANKS, split_line
from unionfs_sim.containers.shell.lexer import KEYWORDS
from unionfs_sim.containers.shell.running import SPECIAL, Builtin, Jump, Shell
from unionfs_sim.errors import UnionFSError

#: Options of ``set`` by their names; pipefail has no letter of its own.
_OPTIONS: Final = {
    "errexit": "e", "noglob": "f", "nounset": "u", "xtrace": "x", "noclobber": "C",
    "allexport": "a", "verbose": "v", "noexec": "n", "pipefail": "P",
}  # fmt: skip
_LETTERS: Final = frozenset("aefnuvxCP")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


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
        return at_once(shell.fail(f"can't cd to {target}: {_why(shell, path)}", 2))
    shell.variables["OLDPWD"], shell.cwd = shell.cwd, path
    shell.variables["PWD"] = path
    if argv[1:2] == ["-"]:
        shell.write(f"{path}\n")
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
            shell.abort(f"Illegal number: {argv[1]}")
        code = int(argv[1]) & 0xFF
    raise Exit(code)


def _export(shell: Shell, argv: list[str]) -> Steps[int]:
    variables = shell.variables
    marked = variables.exported if argv[0] == "export" else variables.readonly
    words = argv[1:]
    if not words or words == ["-p"]:
        for name in sorted(marked):
            value = f"={_listed(variables[name])}" if name in variables else ""
            shell.write(f"{argv[0]} {name}{value}\n")
    for word in words:
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name):
            if word == "-p":
                continue
            shell.abort(f"{name}: bad variable name")
        if equals:
            variables[name] = value
        marked.add(name)
    return at_once(0)


def _listed(value: str) -> str:
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _local(shell: Shell, argv: list[str]) -> Steps[int]:
    """Let variables be the function's own: what they were comes back at its end."""
    if not shell.functions_deep:
        shell.abort("not in a function")
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        shell.variables.keep(name)
        if equals:
            shell.variables[name] = value
        else:
            shell.variables.pop(name, None)
    return at_once(0)


def _unset(shell: Shell, argv: list[str]) -> Steps[int]:
    functions = argv[1:2] == ["-f"]
    for name in argv[1:]:
        if name in {"-f", "-v"}:
            continue
        if not functions:
            shell.variables.pop(name, None)
            shell.variables.exported.discard(name)
        if functions:
            shell.functions.pop(name, None)
    return at_once(0)


def _set(shell: Shell, argv: list[str]) -> Steps[int]:
    args = argv[1:]
    if not args:
        for name in sorted(shell.variables):
            shell.write(f"{name}={_listed(shell.variables[name])}\n")
    while args and args[0][:1] in {"-", "+"} and args[0] not in {"-", "--"}:
        word = args.pop(0)
        letters = word[1:]
        if letters == "o":
            name = args.pop(0) if args else ""
            letters = _OPTIONS.get(name, "")
            if name and not letters:
                shell.abort(f"illegal option -o {name}" if word == "-o" else
                            f"illegal option +o {name}")  # fmt: skip
        for letter in letters:
            if letter not in _LETTERS:
                shell.abort(f"illegal option {word[0]}{letter}")
            if word[0] == "-":
                shell.options.add(letter)
            else:
                shell.options.discard(letter)
    shell.variables.export_all = "a" in shell.options
    if args and args[0] in {"-", "--"}:
        shell.arguments = args[1:]
    elif args:
        shell.arguments = args
    return at_once(0)


def _shift(shell: Shell, argv: list[str]) -> Steps[int]:
    if argv[1:] and not argv[1].isdigit():
        shell.abort(f"Illegal number: {argv[1]}")
    count = int(argv[1]) if argv[1:] else 1
    if count > len(shell.arguments):
        return at_once(1)
    del shell.arguments[:count]
    return at_once(0)


def _jump(shell: Shell, argv: list[str]) -> Steps[int]:
    if argv[1:] and not argv[1].isdigit():
        shell.abort(f"Illegal number: {argv[1]}")
    number = int(argv[1]) if argv[1:] else None
    if argv[0] == "return":
        raise Jump(argv[0], 1, shell.code if number is None else number & 0xFF)
    if not shell.loops:
        return at_once(0)
    raise Jump(argv[0], min(number or 1, shell.loops))


def _read(shell: Shell, argv: list[str]) -> Steps[int]:
    """Read a line into variables: ``read [-r] [-p PROMPT] NAME...``."""
    args = argv[1:]
    raw = False
    while args and args[0].startswith("-") and len(args[0]) > 1:
        option = args.pop(0)
        raw = raw or "r" in option
        if option[-1] in "pntud" and args:
            value = args.pop(0)
            if option[-1] == "p":
                shell.write_error(value)
    stream: Any = shell.fds[0]
    text = ""
    while True:
        line = (yield from stream.readline()).decode("utf-8", "surrogateescape")
        text += line
        tail = re.search(r"(\\*)\n$", text)
        if raw or not line or tail is None or len(tail[1]) % 2 == 0:
            break
        text = text[:-2]
    ended = text.endswith("\n")
    text = text.removesuffix("\n")
    if not raw:
        text = re.sub(r"\\(.)", r"\1", text)
    separators = shell.variables.get("IFS", BLANKS)
    names = args or ["REPLY"]
    values = split_line(text, separators, len(names)) if args else [text]
    for name, value in zip(names, values, strict=True):
        shell.variables[name] = value
    return 0 if ended else 1


def _eval(shell: Shell, argv: list[str]) -> Steps[int]:
    saved, shell.first_line = shell.first_line, shell.line
    try:
        return (yield from shell.run(" ".join(argv[1:])))
    finally:
        shell.first_line = saved


def _source(shell: Shell, argv: list[str]) -> Steps[int]:
    if not argv[1:]:
        return 0
    script = _read_source(shell, argv[1])
    saved = shell.speaker, shell.first_line, shell.line, shell.arguments
    shell.speaker, shell.first_line = argv[1], 1
    if argv[2:]:
        shell.arguments = argv[2:]
    shell.code = 0
    try:
        return (yield from shell.run(script))
    except Jump as jump:
        if jump.kind != "return":
            raise
        return jump.code
    finally:
        shell.speaker, shell.first_line, shell.line, arguments = saved
        if argv[2:]:
            shell.arguments = arguments


def _read_source(shell: Shell, name: str) -> str:
    fs = shell.process.fs
    if "/" not in name:
        for directory in shell.variables.get("PATH", "").split(":"):
            if fs.isfile(f"{directory}/{name}"):
                return fs.read_text(f"{directory}/{name}")
        shell.abort(f"{name}: not found")
    path = name if name.startswith("/") else f"{shell.cwd.rstrip('/')}/{name}"
    try:
        return fs.read_text(path)
    except UnionFSError as error:
        shell.abort(f"can't open '{name}': {error.strerror}")


def _exec(shell: Shell, argv: list[str]) -> Steps[int]:
    if not argv[1:]:
        return 0
    code = yield from shell.program(argv[1:], {})
    raise Exit(code)


def _command(shell: Shell, argv: list[str]) -> Steps[int]:
    args = argv[1:]
    if args[:1] in (["-v"], ["-V"]) or argv[0] == "type":
        brief = args[:1] == ["-v"]
        names = args if argv[0] == "type" else args[1:]
        return _tell(shell, names, brief=brief)
    if args[:1] == ["-p"]:
        args = args[1:]
    if not args:
        return 0
    builtin = BUILTINS.get(args[0])
    if builtin is None:
        return (yield from shell.program(args, {}))
    return (yield from builtin(shell, args))


def _tell(shell: Shell, names: list[str], *, brief: bool) -> int:
    """Tell what names mean, and give the exit code."""
    code = 0
    for name in names:
        what = _meaning(shell, name)
        if what is None:
            code = NOT_FOUND
            if not brief:
                shell.write(f"{name}: not found\n")
        elif brief:
            shell.write(f"{what if what.startswith('/') else name}\n")
        else:
            shell.write(f"{name} is {what}\n")
    return code


def _meaning(shell: Shell, name: str) -> str | None:
    if name in KEYWORDS:
        return "a shell keyword"
    if name in shell.functions:
        return "a function"
    if name in BUILTINS:
        return f"a {'special ' if name in SPECIAL else ''}shell builtin"
    for directory in shell.value("PATH").split(":"):
        path = f"{directory}/{name}"
        probe = shell.process.child([path])
        try:
            shell.process.machine.programs.find(probe, path)
        except NotRunnable:
            continue
        return path
    return None


def _getopts(shell: Shell, argv: list[str]) -> Steps[int]:
    """Read the next option: ``getopts LETTERS NAME [WORD...]``."""
    if len(argv) < 3:
        shell.abort("usage: getopts optstring var [arg]")
    letters, name = argv[1], argv[2]
    words = argv[3:] or shell.arguments
    variables = shell.variables
    number, place = int(variables.get("OPTIND", "1")), shell.option_place
    word = words[number - 1] if number <= len(words) else ""
    variables.pop("OPTARG", None)
    if place == 0 and (not word.startswith("-") or word in {"-", "--"}):
        variables["OPTIND"] = str(number + (word == "--"))
        variables[name] = "?"
        return at_once(1)
    place = place or 1
    letter = word[place]
    place += 1
    at = letters.find(letter) if letter != ":" else -1
    found = letter
    if at < 0:
        found = "?"
        if letters.startswith(":"):
            variables["OPTARG"] = letter
        else:
            shell.write_error(f"Illegal option -{letter}\n")
    elif letters[at + 1 : at + 2] == ":":
        value = word[place:]
        if not value and number < len(words):
            number += 1
            value = words[number - 1]
        elif not value:
            found = ":" if letters.startswith(":") else "?"
            if letters.startswith(":"):
                variables["OPTARG"] = letter
            else:
                shell.write_error(f"No arg for -{letter} option\n")
        if value:
            variables["OPTARG"] = value
        place = len(word)
    if place >= len(word):
        number, place = number + 1, 0
    shell.option_place = place
    variables["OPTIND"] = str(number)
    variables[name] = found
    return at_once(0)


def _umask(shell: Shell, argv: list[str]) -> Steps[int]:
    if not argv[1:]:
        shell.write(f"{shell.process.umask:04o}\n")
    elif re.fullmatch("[0-7]+", argv[1]):
        shell.process.umask = int(argv[1], 8) & 0o777
    else:
        shell.abort(f"illegal mode: {argv[1]}")
    return at_once(0)


def _pwd(shell: Shell, argv: list[str]) -> Steps[int]:
    shell.write(f"{shell.cwd}\n")
    return at_once(0)


def _times(shell: Shell, argv: list[str]) -> Steps[int]:
    shell.write("0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n")
    return at_once(0)


def _let(shell: Shell, argv: list[str]) -> Steps[int]:
    value = 0
    for word in argv[1:]:
        try:
            value = arithmetic(word, shell.variables)
        except ExpressionError as error:
            shell.abort(str(error))
    return at_once(int(not value))


def _applet(shell: Shell, argv: list[str]) -> Steps[int]:
    """Run a command that ash has built in, whatever the image has."""
    from unionfs_sim.containers.commands import (  # noqa: PLC0415 - it lists the shell
        APPLETS,
    )
    from unionfs_sim.containers.process import run_program  # noqa: PLC0415 - likewise

    child = shell.process.child(
        argv,
        env=shell.variables.environment({}),
        cwd=shell.cwd,
        stdin=shell.fds[0],
        stdout=shell.fds[1],
        stderr=shell.fds[2],
    )
    child.speaker = "sh"
    return (yield from run_program(child, APPLETS[argv[0]]))


BUILTINS: Final[Mapping[str, Builtin]] = {
    ".": _source,
    ":": _colon,
    "[": _applet,
    "[[": _applet,
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
    "getopts": _getopts,
    "hash": _colon,
    "kill": signals.kill,
    "let": _let,
    "local": _local,
    "printf": _applet,
    "pwd": _pwd,
    "read": _read,
    "readonly": _export,
    "return": _jump,
    "set": _set,
    "shift": _shift,
    "source": _source,
    "test": _applet,
    "times": _times,
    "trap": signals.trap,
    "true": _applet,
    "type": _command,
    "umask": _umask,
    "unset": _unset,
    "wait": signals.wait,
}
