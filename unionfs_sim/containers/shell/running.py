"""A small ``sh``; commands of a pipe take turns, so that ``yes | head`` ends."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NoReturn, TypeAlias, final

from unionfs_sim.containers.process import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    Exit,
    NotRunnable,
    Process,
    execute,
)
from unionfs_sim.containers.scheduling import Interrupted, Steps, Task, Wait
from unionfs_sim.containers.shell import tree
from unionfs_sim.containers.shell.expand import (
    expand_condition,
    expand_pattern,
    expand_word,
    expand_words,
)
from unionfs_sim.containers.shell.fields import BLANKS
from unionfs_sim.containers.shell.jobs import Jobs
from unionfs_sim.containers.shell.lexer import ShellSyntaxError
from unionfs_sim.containers.shell.parser import parse_lines
from unionfs_sim.containers.shell.patterns import matches
from unionfs_sim.containers.shell.pipes import close_all, closing
from unionfs_sim.containers.shell.redirect import RedirectionError, redirect
from unionfs_sim.containers.shell.variables import Variables
from unionfs_sim.containers.streams import Collected, Nothing, Pipe
from unionfs_sim.errors import UnionFSError

_DEPTH_MAX: Final = 200
_SHOWN_OPTIONS: Final = "efinscxvCau"
#: Builtins whose errors end the shell, and before which assignments stay.
SPECIAL: Final = frozenset(
    {
        ".", ":", "break", "continue", "eval", "exec", "exit", "export", "local",
        "readonly", "return", "set", "shift", "source", "times", "trap", "unset",
    }
)  # fmt: skip
#: What the shell does itself.
Builtin: TypeAlias = "Callable[[Shell, list[str]], Steps[int]]"


class Jump(Exception):  # noqa: N818 - a way out of loops and functions, no error
    """
    Leaves a loop or a function.

    Attributes:
        kind: ``break``, ``continue`` or ``return``.
        levels: How many loops.
        code: The exit code.
    """

    def __init__(self, kind: str, levels: int = 1, code: int = 0) -> None:
        super().__init__(kind)
        self.kind = kind
        self.levels = levels
        self.code = code


class Aborted(Exception):  # noqa: N818 - a way out, of which the shell has told
    """
    Ends a shell that is not typed at, after a complaint.

    Attributes:
        code: The exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@final
class Shell:
    """
    One shell, or one subshell.

    Attributes:
        process: The process that it is.
        variables: Its variables.
        arguments: Its arguments, ``$1`` first.
        cwd: Its working directory.
        code: The exit code of the last command.
        fds: Its open streams, by number.
        speaker: What complains just now: a builtin, or a file of commands.
        line: The line of the command that runs.
        first_line: How lines are counted: from 1, but from 0 behind ``-c``.
        interactive: Whether somebody types.
    """

    def __init__(self, process: Process, name: str, arguments: Iterable[str]) -> None:
        self.process = process
        self.name = name
        self.arguments = list(arguments)
        self.variables = Variables(process.env, self._refuse)
        self.variables["IFS"] = BLANKS
        self.functions: dict[str, tree.Command] = {}
        self.fds: dict[int, object] = {
            0: process.stdin,
            1: process.stdout,
            2: process.stderr,
        }
        self.cwd = process.cwd
        self.code = 0
        self.options: set[str] = set()
        self.jobs = Jobs()
        self.traps: dict[str, str] = {}
        self.signals: list[str] = []  # what came, and is trapped
        self.substituted = 0  # the exit code of the last ``$(...)``
        self.depth = 0
        self.functions_deep = 0  # how many functions this is in
        self.loops = 0  # how many loops this is in
        self.option_place = 0  # where in a word ``getopts`` is
        self.tested = 0  # how many conditions this runs in: ``set -e`` waits there
        self.speaker = ""
        self.line = 0
        self.first_line = 0
        self.interactive = False

    # --- variables ------------------------------------------------------------

    def value(self, name: str) -> str:
        """Give the value of a variable or of a special parameter."""
        match name:
            case "?":
                return str(self.code)
            case "#":
                return str(len(self.arguments))
            case "$":
                return str(self.process.pid)
            case "!":
                return self.jobs.last
            case "-":
                return "".join(x for x in _SHOWN_OPTIONS if x in self.options)
            case "@" | "*":
                return " ".join(self.arguments)
            case "0":
                return self.name
            case "PWD":
                return self.cwd
            case "LINENO":
                return str(self.line)
            case _:
                pass
        if "u" in self.options and not self.is_set(name):
            self.abort(f"{name}: parameter not set")
        if name.isdigit():
            number = int(name)
            return self.arguments[number - 1] if number <= len(self.arguments) else ""
        return self.variables.get(name, "")

    def is_set(self, name: str) -> bool:
        """Tell whether a variable or a parameter is set."""
        if name.isdigit():
            return int(name) <= len(self.arguments)
        if name in {"@", "*"}:
            return bool(self.arguments)
        return name in self.variables or name in {"?", "#", "$", "PWD", "-", "LINENO"}

    def _refuse(self, name: str) -> NoReturn:
        self.abort(f"{name}: is read only")

    # --- complaining ----------------------------------------------------------

    def fail(self, message: str, code: int = 1) -> int:
        """Complain, and give the exit code."""
        start = self.name
        if self.speaker:
            if self.speaker != self.name:
                start += f": {self.speaker}"
            if not self.interactive:
                start += f": line {self.line}"
        self.write_error(f"{start}: {message}\n")
        return code

    def write(self, text: str) -> None:
        """Write a text where output goes."""
        self.fds[1].write(text)  # type: ignore[attr-defined]

    def write_error(self, text: str) -> None:
        """Write a text where complaints go."""
        self.fds[2].write(text)  # type: ignore[attr-defined]

    def abort(self, message: str, code: int = 2) -> NoReturn:
        """
        Complain, and end the shell.

        Raises:
            Aborted: Always.
        """
        raise Aborted(self.fail(message, code))

    # --- running --------------------------------------------------------------

    def run(self, script: str) -> Steps[int]:
        """
        Run a script, line by line, and give the exit code of its last command.

        Raises:
            Aborted: A line is wrong, or something in it ends the shell.
        """
        lines = parse_lines(script, self.first_line)
        self.code = 0 if not script.strip() else self.code
        while True:
            try:
                line = next(lines, None)
            except ShellSyntaxError as error:
                self.line = error.line
                self.abort(str(error))
            if line is None:
                return self.code
            yield from self.sequence(line)

    def sequence(self, commands: tree.Sequence) -> Steps[int]:
        """Run commands one after the other."""
        for item in commands.items:
            if item.background:
                here = tree.AndOr(item.first, item.rest)
                task = self._fork(tree.Sequence((here,)))
                self.jobs.add(self.process.machine.next_pid(), task)
                self.code = 0
                continue
            yield from self._and_or(item)
        return self.code

    def _fork(self, commands: tree.Sequence) -> Task:
        shell = self.subshell()
        shell.fds[0] = Nothing()
        return self.process.background(shell.finish(commands))

    def _and_or(self, item: tree.AndOr) -> Steps[None]:
        if item.rest:
            self.tested += 1
        try:
            yield from self._pipeline(item.first)
            for number, (operator, pipeline) in enumerate(item.rest):
                last = number == len(item.rest) - 1
                if (self.code == 0) != (operator == "&&"):
                    continue
                if last:
                    self.tested -= 1
                try:
                    yield from self._pipeline(pipeline)
                finally:
                    if last:
                        self.tested += 1
        finally:
            if item.rest:
                self.tested -= 1

    def _pipeline(self, pipeline: tree.Pipeline) -> Steps[None]:
        if len(pipeline.commands) == 1:
            self.tested += pipeline.negated
            self.code = yield from self._command(pipeline.commands[0])
            self.tested -= pipeline.negated
        else:
            self.code = yield from self._piped(pipeline.commands)
        if pipeline.negated:
            self.code = int(not self.code)
        elif self.code and "e" in self.options and not self.tested:
            raise Exit(self.code)
        while self.signals:
            yield from self._trapped(self.signals.pop(0))

    def _trapped(self, name: str) -> Steps[None]:
        """Do what a trap says for a signal, and leave ``$?`` as it is."""
        code = self.code
        yield from self.run(self.traps.get(name, ""))
        self.code = code

    def _piped(self, commands: tuple[tree.Command, ...]) -> Steps[int]:
        tasks: list[Task] = []
        source: object = self.fds[0]
        for number, command in enumerate(commands):
            shell = self.subshell()
            shell.fds[0] = source
            pipe: Pipe | None = None
            if number < len(commands) - 1:
                pipe = Pipe()
                shell.fds[1] = pipe
            alone = tree.Sequence((tree.AndOr(tree.Pipeline((command,))),))
            reads = source if isinstance(source, Pipe) and number else None
            steps = closing(shell.finish(alone), pipe, reads)
            tasks.append(self.process.background(steps))
            source = pipe
        try:
            for task in tasks:
                while not task.done:
                    yield Wait((task.ended,))
        except Interrupted as key:
            for task in tasks:
                task.kill(key.code)
            raise
        codes = [task.code or 0 for task in tasks]
        if "P" in self.options:
            return next((code for code in reversed(codes) if code), 0)
        return codes[-1]

    def subshell(self) -> Shell:
        """Give a shell like this one, whose changes are its own."""
        shell = Shell(self.process, self.name, self.arguments)
        shell.variables = self.variables.copy(shell._refuse)
        shell.functions = dict(self.functions)
        shell.fds = dict(self.fds)
        shell.cwd = self.cwd
        shell.code = self.code
        shell.options = set(self.options)
        shell.depth = self.depth + 1
        shell.functions_deep, shell.loops = self.functions_deep, self.loops
        shell.speaker, shell.line = self.speaker, self.line
        shell.first_line, shell.interactive = self.first_line, self.interactive
        shell.tested = self.tested
        return shell

    def finish(self, commands: tree.Sequence) -> Steps[int]:
        """Run commands to the shell's end, however that comes about."""
        try:
            yield from self.sequence(commands)
        except (Exit, Aborted, Jump) as end:
            self.code = end.code
        except BrokenPipeError:
            self.code = 141
        return (yield from self.end(self.code))

    def end(self, code: int) -> Steps[int]:
        """Do what a trap says for the end, and give the exit code."""
        script = self.traps.pop("EXIT", "")
        if not script:
            return code
        self.code = code
        try:
            yield from self.run(script)
        except (Exit, Aborted) as end:
            return end.code
        return code

    def substitute(self, script: str) -> Steps[str]:
        """Run a script in a subshell, and give what it wrote without last newlines."""
        shell = self.subshell()
        out = Collected()
        shell.fds[1] = out
        shell.first_line = self.line
        try:
            code = yield from shell.run(script)
        except (Exit, Aborted, Jump) as end:
            code = end.code
        self.substituted = yield from shell.end(code)
        text = out.data.replace(b"\0", b"").decode("utf-8", "surrogateescape")
        return text.rstrip("\n")

    # --- commands -------------------------------------------------------------

    def _command(self, command: tree.Command) -> Steps[int]:
        if isinstance(command, tree.Simple):
            return (yield from self._simple(command))
        saved = dict(self.fds)
        try:
            opened = yield from redirect(self, command.redirections)
        except RedirectionError:
            self.fds = saved
            return 1
        try:
            return (yield from self._compound(command))
        finally:
            close_all(opened)
            self.fds = saved

    def _compound(self, command: tree.Command) -> Steps[int]:
        match command:
            case tree.Group(body=body, subshell=True):
                return (yield from self.subshell().finish(body))
            case tree.Group(body=body):
                return (yield from self.sequence(body))
            case tree.If():
                return (yield from self._if(command))
            case tree.Loop():
                return (yield from self._loop(command))
            case tree.For():
                return (yield from self._for(command))
            case tree.Case():
                return (yield from self._case(command))
            case tree.Function(name=name, body=body):
                self.functions[name] = body
                return 0
            case tree.Simple():
                return (yield from self._simple(command))

    def _condition(self, commands: tree.Sequence) -> Steps[bool]:
        self.tested += 1
        try:
            return (yield from self.sequence(commands)) == 0
        finally:
            self.tested -= 1

    def _if(self, command: tree.If) -> Steps[int]:
        for condition, body in command.branches:
            if (yield from self._condition(condition)):
                return (yield from self.sequence(body))
        self.code = 0
        if command.otherwise is not None:
            return (yield from self.sequence(command.otherwise))
        return 0

    def _loop(self, command: tree.Loop) -> Steps[int]:
        code = 0
        while (yield from self._condition(command.condition)) != command.until:
            self.code = 0
            stop = yield from self._body(command.body)
            code = self.code
            if stop:
                break
            yield Wait()  # let others have a turn
        return code

    def _for(self, command: tree.For) -> Steps[int]:
        names = self.arguments
        if command.words is not None:
            names = yield from expand_words(self, command.words)
        code = 0
        for name in names:
            self.variables[command.name] = name
            stop = yield from self._body(command.body)
            code = self.code
            if stop:
                break
        return code

    def _body(self, body: tree.Sequence) -> Steps[bool]:
        """Run the body of a loop, and tell whether the loop ends."""
        self.loops += 1
        try:
            yield from self.sequence(body)
        except Jump as jump:
            if jump.kind == "return":
                raise
            if jump.levels > 1:
                raise Jump(jump.kind, jump.levels - 1) from None
            self.code = 0
            return jump.kind == "break"
        finally:
            self.loops -= 1
        return False

    def _case(self, command: tree.Case) -> Steps[int]:
        text = yield from expand_word(self, command.word)
        for patterns, body in command.branches:
            for pattern in patterns:
                if matches(text, (yield from expand_pattern(self, pattern))):
                    self.code = 0
                    return (yield from self.sequence(body))
        return 0

    def _simple(self, command: tree.Simple) -> Steps[int]:
        self.line = command.line
        self.substituted = 0
        if command.words[:1] == ("[[",):
            argv = yield from expand_condition(self, command.words)
        else:
            argv = yield from expand_words(self, command.words)
        given: dict[str, str] = {}
        for assignment in command.assignments:
            name, _, word = assignment.partition("=")
            given[name] = yield from expand_word(self, word)
            if not argv:
                self.variables[name] = given[name]
        if "x" in self.options:
            self._trace(argv, given)
        saved = dict(self.fds)
        try:
            opened = yield from redirect(self, command.redirections)
        except RedirectionError:
            self.fds = saved
            if argv and argv[0] in SPECIAL and not self.interactive:
                raise Aborted(1) from None
            return 1
        kept = False
        try:
            if not argv:
                return self.substituted
            kept = argv == ["exec"]
            return (yield from self._call(argv, given))
        finally:
            if not kept:
                close_all(opened)
                self.fds = saved

    def _trace(self, argv: list[str], given: Mapping[str, str]) -> None:
        words = [f"{name}={quoted(value)}" for name, value in given.items()]
        self.write_error(f"+ {' '.join([*words, *map(quoted, argv)])}\n")

    def _call(self, argv: list[str], given: Mapping[str, str]) -> Steps[int]:
        """Run a function, a builtin or a program."""
        from unionfs_sim.containers.shell import (  # noqa: PLC0415 - it takes shells
            builtins,
        )

        name = argv[0]
        builtin = builtins.BUILTINS.get(name)
        if name in SPECIAL and builtin is not None:
            self.set_all(given)
            return (yield from self._builtin(builtin, argv))
        if name not in self.functions and builtin is None:
            return (yield from self.program(argv, given))
        self.variables.enter(given)
        try:
            self.set_all(given)
            if name in self.functions:
                return (yield from self._function(name, argv[1:]))
            assert builtin is not None, "it is one or the other"
            try:
                return (yield from self._builtin(builtin, argv))
            except Aborted as end:
                return end.code
        finally:
            self.variables.leave()

    def set_all(self, given: Mapping[str, str]) -> None:
        """Set several variables."""
        for name, value in given.items():
            self.variables[name] = value

    def _builtin(self, builtin: Builtin, argv: list[str]) -> Steps[int]:
        speaker, self.speaker = self.speaker, argv[0]
        try:
            return (yield from builtin(self, argv))
        except UnionFSError as error:
            return self.fail(error.strerror or "")
        finally:
            self.speaker = speaker

    def _function(self, name: str, arguments: list[str]) -> Steps[int]:
        if self.depth > _DEPTH_MAX:
            self.abort(f"{name}: maximum function recursion depth exceeded")
        saved, self.arguments = self.arguments, arguments
        loops, self.loops = self.loops, 0
        self.depth += 1
        self.functions_deep += 1
        try:
            return (yield from self._command(self.functions[name]))
        except Jump as jump:
            if jump.kind != "return":
                raise
            return jump.code
        finally:
            self.functions_deep -= 1
            self.depth -= 1
            self.arguments, self.loops = saved, loops

    def program(self, argv: list[str], given: Mapping[str, str]) -> Steps[int]:
        """Run a program, and word the shell's complaint if there is none."""
        env = self.variables.environment(given)
        env.setdefault("PATH", self.variables.get("PATH", ""))
        try:
            child = self.process.child(
                argv,
                env=env,
                cwd=self.cwd,
                stdin=self.fds[0],
                stdout=self.fds[1],
                stderr=self.fds[2],
            )
            code = yield from execute(child)
        except NotRunnable as error:
            if error.code == NOT_FOUND:
                return self.fail(f"{argv[0]}: not found", NOT_FOUND)
            reason = "Permission denied"
            if error.reason == "exec format error":
                reason = "Exec format error"
            return self.fail(f"{argv[0]}: {reason}", NOT_EXECUTABLE)
        if child.ended_by:
            self.write_error(f"{signal.strsignal(child.ended_by)}\n")
        return code


def quoted(text: str) -> str:
    """
    Give a word as one would have to type it.

    >>> quoted("a b"), quoted("ab"), quoted("")
    ("'a b'", 'ab', "''")
    """
    if re.fullmatch(r"[\w@%+=:,./-]+", text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"
