"""A small ``sh``; commands of a pipe take turns, so that ``yes | head`` ends."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from typing import Final, NoReturn, final

from unionfs_sim.containers import shellwords as words
from unionfs_sim.containers.process import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    Exit,
    NotRunnable,
    Process,
)
from unionfs_sim.containers.scheduling import Interrupted, Steps, Task, Wait
from unionfs_sim.containers.shellexpand import (
    expand_pattern,
    expand_text,
    expand_word,
    expand_words,
    matches,
)
from unionfs_sim.containers.shellpipes import close_all, closing
from unionfs_sim.containers.streams import Collected, FileStream, Nothing, Pipe
from unionfs_sim.errors import UnionFSError

_NEVER_EXPORTED: Final = frozenset({"IFS", "PS1", "PS2", "OPTIND"})
_DEPTH_MAX: Final = 200
_READ_MODES: Final = {"<": "rb", ">": "wb", ">|": "wb", ">>": "ab", "<>": "r+b"}


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


class RedirectionError(Exception):
    """A file of a redirection cannot be opened; the command does not run."""


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
    """

    def __init__(self, process: Process, name: str, arguments: Iterable[str]) -> None:
        self.process = process
        self.name = name
        self.arguments = list(arguments)
        self.variables: dict[str, str] = dict(process.env)
        self.exported: set[str] = set(process.env)
        self.functions: dict[str, words.Command] = {}
        self.fds: dict[int, object] = {
            0: process.stdin,
            1: process.stdout,
            2: process.stderr,
        }
        self.cwd = process.cwd
        self.code = 0
        self.options: set[str] = set()
        self.jobs: list[Task] = []
        self.traps: dict[str, str] = {}
        self.depth = 0
        self.tested = 0  # how many conditions this runs in: ``set -e`` waits there

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
                return str(len(self.jobs)) if self.jobs else ""
            case "-":
                return "".join(sorted(self.options))
            case "@" | "*":
                return " ".join(self.arguments)
            case "0":
                return self.name
            case _:
                pass
        if name.isdigit():
            number = int(name)
            return self.arguments[number - 1] if number <= len(self.arguments) else ""
        if name == "PWD":
            return self.cwd
        if "u" in self.options and name not in self.variables:
            self.abort(f"{name}: parameter not set")
        return self.variables.get(name, "")

    def is_set(self, name: str) -> bool:
        """Tell whether a variable or a parameter is set."""
        if name.isdigit():
            return int(name) <= len(self.arguments)
        return name in self.variables or name in {"?", "#", "$", "0", "PWD", "-"}

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Give what commands get as their environment."""
        given = {
            name: self.variables[name]
            for name in self.variables
            if name in self.exported and name not in _NEVER_EXPORTED
        }
        return {**given, **(more or {})}

    # --- complaining ----------------------------------------------------------

    def fail(self, message: str, code: int = 1) -> int:
        """Complain, and give the exit code."""
        self.fds[2].write(f"{self.name}: {message}\n")  # type: ignore[attr-defined]
        return code

    def abort(self, message: str, code: int = 2) -> NoReturn:
        """Complain, and end the shell."""
        raise Exit(self.fail(message, code))

    # --- running --------------------------------------------------------------

    def run(self, script: str) -> Steps[int]:
        """Run a script, and give the exit code of its last command."""
        try:
            tree = words.parse(script)
        except words.ShellSyntaxError as error:
            self.code = self.fail(str(error), 2)
            return self.code
        return (yield from self.sequence(tree))

    def sequence(self, tree: words.Sequence) -> Steps[int]:
        """Run commands one after the other."""
        for item in tree.items:
            if item.background:
                here = words.AndOr(item.first, item.rest)
                self.jobs.append(self._fork(words.Sequence((here,))))
                self.code = 0
                continue
            yield from self._and_or(item)
        return self.code

    def _fork(self, tree: words.Sequence) -> Task:
        shell = self.subshell()
        shell.fds[0] = Nothing()
        return self.process.background(shell.finish(tree))

    def _and_or(self, item: words.AndOr) -> Steps[None]:
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

    def _pipeline(self, pipeline: words.Pipeline) -> Steps[None]:
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

    def _piped(self, commands: tuple[words.Command, ...]) -> Steps[int]:
        tasks: list[Task] = []
        source: object = self.fds[0]
        for number, command in enumerate(commands):
            shell = self.subshell()
            shell.fds[0] = source
            pipe: Pipe | None = None
            if number < len(commands) - 1:
                pipe = Pipe()
                shell.fds[1] = pipe
            tree = words.Sequence((words.AndOr(words.Pipeline((command,))),))
            reads = source if isinstance(source, Pipe) and number else None
            steps = closing(shell.finish(tree), pipe, reads)
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
        return tasks[-1].code or 0

    def subshell(self) -> Shell:
        """Give a shell like this one, whose changes are its own."""
        shell = Shell(self.process, self.name, self.arguments)
        shell.variables = dict(self.variables)
        shell.exported = set(self.exported)
        shell.functions = dict(self.functions)
        shell.fds = dict(self.fds)
        shell.cwd = self.cwd
        shell.code = self.code
        shell.options = set(self.options)
        shell.depth = self.depth + 1
        shell.tested = self.tested
        return shell

    def finish(self, tree: words.Sequence) -> Steps[int]:
        """Run commands to the shell's end, however that comes about."""
        try:
            yield from self.sequence(tree)
        except Exit as end:
            self.code = end.code
        except Jump as jump:
            self.code = jump.code
        except BrokenPipeError:
            self.code = 141
        return self.code

    def substitute(self, script: str) -> Steps[str]:
        """Run a script in a subshell, and give what it wrote without last newlines."""
        shell = self.subshell()
        out = Collected()
        shell.fds[1] = out
        try:
            tree = words.parse(script)
        except words.ShellSyntaxError as error:
            self.abort(str(error))
        self.code = yield from shell.finish(tree)
        return out.data.decode("utf-8", "surrogateescape").rstrip("\n")

    # --- commands -------------------------------------------------------------

    def _command(self, command: words.Command) -> Steps[int]:
        if isinstance(command, words.Simple):
            return (yield from self._simple(command))
        saved = dict(self.fds)
        try:
            opened = yield from self._redirect(command.redirections)
        except RedirectionError:
            self.fds = saved
            return 1
        try:
            return (yield from self._compound(command))
        finally:
            close_all(opened)
            self.fds = saved

    def _compound(self, command: words.Command) -> Steps[int]:
        match command:
            case words.Group(body=body, subshell=True):
                return (yield from self.subshell().finish(body))
            case words.Group(body=body):
                return (yield from self.sequence(body))
            case words.If():
                return (yield from self._if(command))
            case words.Loop():
                return (yield from self._loop(command))
            case words.For():
                return (yield from self._for(command))
            case words.Case():
                return (yield from self._case(command))
            case words.Function(name=name, body=body):
                self.functions[name] = body
                return 0
            case words.Simple():
                return (yield from self._simple(command))

    def _condition(self, tree: words.Sequence) -> Steps[bool]:
        self.tested += 1
        try:
            return (yield from self.sequence(tree)) == 0
        finally:
            self.tested -= 1

    def _if(self, command: words.If) -> Steps[int]:
        for condition, body in command.branches:
            if (yield from self._condition(condition)):
                return (yield from self.sequence(body))
        self.code = 0
        if command.otherwise is not None:
            return (yield from self.sequence(command.otherwise))
        return 0

    def _loop(self, command: words.Loop) -> Steps[int]:
        code = 0
        while (yield from self._condition(command.condition)) != command.until:
            self.code = 0
            stop = yield from self._body(command.body)
            code = self.code
            if stop:
                break
            yield Wait()  # let others have a turn
        return code

    def _for(self, command: words.For) -> Steps[int]:
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

    def _body(self, body: words.Sequence) -> Steps[bool]:
        """Run the body of a loop, and tell whether the loop ends."""
        try:
            yield from self.sequence(body)
        except Jump as jump:
            if jump.kind == "return":
                raise
            if jump.levels > 1:
                raise Jump(jump.kind, jump.levels - 1) from None
            self.code = 0
            return jump.kind == "break"
        return False

    def _case(self, command: words.Case) -> Steps[int]:
        text = yield from expand_word(self, command.word)
        for patterns, body in command.branches:
            for pattern in patterns:
                if matches(text, (yield from expand_pattern(self, pattern))):
                    self.code = 0
                    return (yield from self.sequence(body))
        return 0

    def _simple(self, command: words.Simple) -> Steps[int]:
        self_code = self.code
        argv = yield from expand_words(self, command.words)
        given: dict[str, str] = {}
        substituted = any("$(" in x or "`" in x for x in command.assignments)
        for assignment in command.assignments:
            name, _, word = assignment.partition("=")
            given[name] = yield from expand_word(self, word)
            if not argv:
                self.variables[name] = given[name]
        saved = dict(self.fds)
        try:
            opened = yield from self._redirect(command.redirections)
        except RedirectionError:
            self.fds = saved
            return 1
        kept = False
        try:
            if not argv:
                return self.code if substituted or self.code != self_code else 0
            kept = argv == ["exec"]
            return (yield from self._call(argv, given))
        finally:
            if not kept:
                close_all(opened)
                self.fds = saved

    def _call(self, argv: list[str], given: Mapping[str, str]) -> Steps[int]:
        """Run a function, a builtin or a program."""
        from unionfs_sim.containers import (  # noqa: PLC0415 - it takes shells
            shellbuiltins,
        )

        name = argv[0]
        if name in self.functions:
            return (yield from self._function(name, argv[1:], given))
        builtin = shellbuiltins.BUILTINS.get(name)
        if builtin is not None:
            self.variables.update(given)
            try:
                return (yield from builtin(self, argv))
            except UnionFSError as error:
                return self.fail(f"{name}: {error.strerror}")
        return (yield from self.program(argv, given))

    def _function(
        self, name: str, arguments: list[str], given: Mapping[str, str]
    ) -> Steps[int]:
        if self.depth > _DEPTH_MAX:
            self.abort(f"{name}: maximum function recursion depth exceeded")
        saved, self.arguments = self.arguments, arguments
        self.variables.update(given)
        self.depth += 1
        try:
            return (yield from self._command(self.functions[name]))
        except Jump as jump:
            if jump.kind != "return":
                raise
            return jump.code
        finally:
            self.depth -= 1
            self.arguments = saved

    def program(self, argv: list[str], given: Mapping[str, str]) -> Steps[int]:
        """Run a program, and word the shell's complaint if there is none."""
        env = self.environment(given)
        env.setdefault("PATH", self.variables.get("PATH", ""))
        try:
            return (
                yield from self.process.run(
                    argv,
                    env=env,
                    cwd=self.cwd,
                    stdin=self.fds[0],
                    stdout=self.fds[1],
                    stderr=self.fds[2],
                    umask=self.process.umask,
                )
            )
        except NotRunnable as error:
            if error.code == NOT_FOUND:
                return self.fail(f"{argv[0]}: not found", NOT_FOUND)
            reason = "Permission denied"
            if error.reason == "exec format error":
                reason = "Exec format error"
            return self.fail(f"{argv[0]}: {reason}", NOT_EXECUTABLE)

    # --- redirections ---------------------------------------------------------

    def _redirect(
        self, redirections: tuple[words.Redirection, ...]
    ) -> Steps[list[FileStream]]:
        """Open what redirections say, and give what is to be closed again."""
        opened: list[FileStream] = []
        for each in redirections:
            if each.operator == "<<":
                text = each.word
                if each.expands:
                    text = yield from expand_text(self, text)
                pipe = Pipe()
                pipe.write(text)
                pipe.close()
                self.fds[each.fd] = pipe
                continue
            word = yield from expand_word(self, each.word)
            if each.operator in {">&", "<&"}:
                self._duplicate(each, word)
                continue
            try:
                stream = self._open(word, _READ_MODES[each.operator])
            except UnionFSError as error:
                verb = "open" if each.operator == "<" else "create"
                text = error.strerror or ""
                if error.errno == errno.ENOENT:
                    text = "no such file" if verb == "open" else "nonexistent directory"
                self.fail(f"can't {verb} {word}: {text}")
                raise RedirectionError from error
            if isinstance(stream, FileStream):
                opened.append(stream)
            self.fds[each.fd] = stream
        return opened

    def _duplicate(self, each: words.Redirection, word: str) -> None:
        if word == "-":
            self.fds[each.fd] = Nothing()
        elif word.isdigit() and int(word) in self.fds:
            self.fds[each.fd] = self.fds[int(word)]
        else:
            self.fail(f"{word}: bad fd number", 2)
            raise RedirectionError

    def _open(self, name: str, mode: str) -> FileStream | Nothing:
        path = name if name.startswith("/") else f"{self.cwd.rstrip('/')}/{name}"
        if path == "/dev/null":
            return Nothing()
        file = self.process.fs.open(path, mode, -1 if mode == "rb" else 0)
        return FileStream(file)
