"""
Processes: what a program sees of the container that it runs in.

A program is a Python callable that takes a `Process`.  It works on the container's
file system by the verbs of `os`, as the container's user, and gives an exit code; one
that has to wait is a generator, and yields what for.
"""

from __future__ import annotations

import posixpath
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import IO, Any, Final, Protocol, TypeAlias, final

import attrs

from unionfs_sim.containers.scheduling import (
    SECOND_NS,
    Event,
    Scheduler,
    Steps,
    Task,
    Wait,
)
from unionfs_sim.containers.sockets import Connection, Listener, Namespace
from unionfs_sim.containers.streams import Input, Nothing, Output
from unionfs_sim.core.filesystem import FileSystem

#: Exit codes of a shell and of an engine.
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
BROKEN_PIPE: Final = 141
#: What the umask of a process is unless it changes it.
UMASK: Final = 0o022


@final
@attrs.frozen
class User:
    """
    Who a process runs as.

    Attributes:
        uid: User id.
        gid: Group id.
        groups: Further groups.
        home: The home directory.
    """

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    home: str = "/root"


class Exit(BaseException):
    """
    Ends a program, from however deep in it.

    Attributes:
        code: The exit code.
    """

    def __init__(self, code: int = 0) -> None:
        super().__init__(code)
        self.code = code


class NotRunnable(Exception):  # noqa: N818 - an answer, which the caller words
    """
    There is no program of that name, or it cannot be executed.

    Attributes:
        code: 127 or 126.
        name: What was asked for.
        reason: Such as ``permission denied``.
    """

    def __init__(self, code: int, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.code = code
        self.name = name
        self.reason = reason


class Machine(Protocol):
    """What a container is to the processes in it."""

    @property
    def scheduler(self) -> Scheduler:
        """Gives processes their turns."""
        ...  # pragma: no cover

    @property
    def network(self) -> Namespace:
        """The network that processes see."""
        ...  # pragma: no cover

    @property
    def programs(self) -> ProgramFinder:
        """Finds programs."""
        ...  # pragma: no cover

    @property
    def hostname(self) -> str:
        """The host name."""
        ...  # pragma: no cover

    def filesystem(self, user: User, umask: int = UMASK) -> FileSystem:
        """Give the file system as a user sees it, who makes files with a umask."""
        ...  # pragma: no cover

    def next_pid(self) -> int:
        """Give the number of a new process."""
        ...  # pragma: no cover

    def adopt(self, task: Task) -> None:
        """Take on a process that runs by itself, and goes with the container."""
        ...  # pragma: no cover

    def signal(self, pid: int, name: str) -> bool:
        """Send a process a signal from inside, and tell whether there is one."""
        ...  # pragma: no cover

    def set_hostname(self, name: str) -> None:
        """Change the host name."""
        ...  # pragma: no cover


class ProgramFinder(Protocol):
    """Finds programs by name or path."""

    def find(
        self, process: Process, name: str, fs: FileSystem | None = None
    ) -> tuple[Program, list[str]]:
        """
        Give a program and the arguments that it is to be called with first.

        Raises:
            NotRunnable: There is none, or it cannot be executed.
        """
        ...  # pragma: no cover


@final
class Process:
    """
    One process.

    Attributes:
        machine: The container that it runs in.
        argv: Its arguments, its own name first.
        env: Its environment.
        cwd: Its working directory.
        user: Who it runs as.
        stdin: What it reads.
        stdout: What it writes.
        stderr: Where it complains.
        pid: Its number.
        on_signal: What it does when a signal comes, by the signal's name; signals
            that it knows nothing of are ignored by process 1, as Linux has it.
        ended_by: The number of the signal that it sent itself and died of, or 0.
        speaker: Under what name it complains; empty for its own.
    """

    __slots__ = (
        "_fs",
        "_fs_umask",
        "_sockets",
        "_users",
        "argv",
        "cwd",
        "ended_by",
        "env",
        "machine",
        "on_signal",
        "pid",
        "speaker",
        "stderr",
        "stdin",
        "stdout",
        "umask",
        "user",
    )

    def __init__(
        self,
        machine: Machine,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str = "/",
        user: User | None = None,
        stdin: Input | None = None,
        stdout: Output | None = None,
        stderr: Output | None = None,
        umask: int = UMASK,
    ) -> None:
        self.machine = machine
        self.argv = list(argv)
        self.env = dict(env)
        self.cwd = cwd
        self.user = user or User()
        self.umask = umask
        self.ended_by = 0
        self.speaker = ""
        self.stdin: Input = Nothing() if stdin is None else stdin
        self.stdout: Output = Nothing() if stdout is None else stdout
        self.stderr: Output = Nothing() if stderr is None else stderr
        self.pid = machine.next_pid()
        self.on_signal: dict[str, Callable[[], object]] = {}
        self._fs: FileSystem | None = None
        self._fs_umask = umask
        self._sockets: list[Listener | Connection] = []
        self._users = 1

    @property
    def name(self) -> str:
        """The name that it was called by, without directories."""
        return posixpath.basename(self.argv[0])

    @property
    def args(self) -> list[str]:
        """Its arguments, without its own name."""
        return self.argv[1:]

    @property
    def fs(self) -> FileSystem:
        """The container's file system, as the process's user sees it."""
        if self._fs is None or self._fs_umask != self.umask:
            self._fs = self.machine.filesystem(self.user, self.umask)
            self._fs_umask = self.umask
        return self._fs

    @property
    def network(self) -> Namespace:
        """The network that it sees."""
        return self.machine.network

    @property
    def now_ns(self) -> int:
        """The time, in nanoseconds since the epoch."""
        return self.machine.scheduler.now()

    # --- files ----------------------------------------------------------------

    def path(self, text: str) -> str:
        """
        Give the absolute path of one that may start at the working directory.

        Nothing is folded: ``..`` behind a link leads where the file system says.
        """
        if text.startswith("/"):
            return text
        return f"{self.cwd.rstrip('/')}/{text}" if text else ""

    def open(self, path: str, mode: str = "rb") -> IO[Any]:
        """Open a file, a relative path starting at the working directory."""
        return self.fs.open(self.path(path), mode)

    # --- saying something -----------------------------------------------------

    def print(self, *words: object, end: str = "\n") -> None:
        """Write words to the standard output, as the built-in `print`."""
        self.stdout.write(" ".join(map(str, words)) + end)

    def fail(self, message: str, code: int = 1) -> int:
        """Complain under the program's name, and give the exit code."""
        self.stderr.write(f"{self.speaker or self.name}: {message}\n")
        return code

    # --- waiting --------------------------------------------------------------

    def sleep(self, seconds: float) -> Steps[None]:
        """Wait for some time; called with ``yield from``."""
        until_ns = self.now_ns + int(seconds * SECOND_NS)
        while self.now_ns < until_ns:
            yield Wait(until_ns=until_ns)

    def wait_forever(self) -> Steps[None]:
        """Wait until a signal ends the process; called with ``yield from``."""
        event = Event()
        while True:
            yield Wait((event,))

    # --- other processes ------------------------------------------------------

    def child(self, argv: Sequence[str], **changes: Any) -> Process:
        """Make a process like this one, with another command and other streams."""
        given: dict[str, Any] = {
            "env": self.env,
            "cwd": self.cwd,
            "user": self.user,
            "stdin": self.stdin,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "umask": self.umask,
        }
        return Process(self.machine, argv, **{**given, **changes})

    def run(self, argv: Sequence[str], **changes: Any) -> Steps[int]:
        """
        Run another program and wait for it; called with ``yield from``.

        Raises:
            NotRunnable: There is none, or it cannot be executed.
        """
        child = self.child(argv, **changes)
        return (yield from execute(child))

    def background(self, steps: Steps[int]) -> Task:
        """Let something go on by itself, until the container stops."""
        self._users += 1
        task = self.machine.scheduler.start(self._holding(steps))
        self.machine.adopt(task)
        return task

    def _holding(self, steps: Steps[int]) -> Steps[int]:
        try:
            return (yield from steps)
        finally:
            self.leave()

    def leave(self) -> None:
        """Close its sockets, once nothing of it goes on: the kernel does."""
        self._users -= 1
        if not self._users:
            for each in self._sockets:
                each.close()
            self._sockets = []

    # --- sockets --------------------------------------------------------------

    def listen(self, address: str, port: int) -> Listener:
        """
        Listen on a port of an address.

        Raises:
            UnionFSError: EADDRINUSE, EADDRNOTAVAIL; see `Namespace.listen`.
        """
        listener = self.network.listen(address, port)
        listener.on_accept = self._opened
        self._opened(listener)
        return listener

    def _opened(self, socket: Listener | Connection) -> None:
        self._sockets = [each for each in self._sockets if not each.closed]
        self._sockets.append(socket)

    def connect(self, host: str, port: int) -> Connection:
        """
        Connect to a port of a host.

        Raises:
            UnionFSError: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH.
        """
        connection = self.network.connect(host, port)
        self._opened(connection)
        return connection

    def __repr__(self) -> str:
        """Show number and command."""
        return f"<Process {self.pid}: {' '.join(self.argv)}>"


#: A program: gives its exit code, nothing for 0, or the steps of one that waits.
Program: TypeAlias = Callable[[Process], "int | Steps[int] | None"]


def execute(process: Process) -> Steps[int]:
    """
    Run a process to its end, by the program that its first argument names.

    Raises:
        NotRunnable: There is none, or it cannot be executed.
    """
    program, argv = process.machine.programs.find(process, process.argv[0])
    process.argv[:1] = argv
    return (yield from run_program(process, program))


def run_program(process: Process, program: Program) -> Steps[int]:
    """Run a process to its end, by a program that is known."""
    try:
        result = program(process)
        if isinstance(result, Generator):
            result = yield from result
    except Exit as end:
        return end.code
    except BrokenPipeError:
        return BROKEN_PIPE
    except (AssertionError, GeneratorExit):
        raise
    except Exception:  # a program that fails ends itself alone
        process.stderr.write(traceback.format_exc())
        return 1
    finally:
        process.leave()
    return int(result or 0)
