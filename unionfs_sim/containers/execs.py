"""Commands that run in a container besides its own: ``docker exec``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

from unionfs_sim.containers import signals
from unionfs_sim.containers.errors import Conflict, InvalidParameter
from unionfs_sim.containers.locking import locked
from unionfs_sim.containers.process import (
    NOT_EXECUTABLE,
    NotRunnable,
    Process,
    run_program,
)
from unionfs_sim.containers.scheduling import Task
from unionfs_sim.containers.streams import Collected, Nothing, Pipe
from unionfs_sim.containers.terminal import Terminal, cooked

if TYPE_CHECKING:
    from unionfs_sim.containers.container import Container
    from unionfs_sim.containers.engine import Engine

_NOT_STARTED: Final = (
    "OCI runtime exec failed: exec failed: unable to start container process:"
)


class ExecResult(NamedTuple):
    """
    What a command gave.

    Attributes:
        exit_code: Its exit code; ``None`` if it goes on by itself.
        output: What it wrote, or a pair of standard output and standard error.
    """

    exit_code: int | None
    output: Any


@final
class Exec:
    """
    One command in a running container.

    Attributes:
        id: Its id.
        container: The container.
        stdin: What it reads; ``None`` if nothing.
        stdout: Where it writes.
        stderr: Where it complains.
        log: What it wrote: the stream, and the bytes.
        failure: Why it could not be started, if so.
        shows_stdout: Whether who starts it sees its output.
        shows_stderr: Whether its complaints too.
        privileged: What was asked for; noted, and shown.
        detach_keys: The keys that leave it, likewise.
    """

    def __init__(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        user: str = "",
        workdir: str | None = None,
        stdin: bool = False,
        tty: bool = False,
        identifier: str = "",
    ) -> None:
        self.id = identifier
        self.container = container
        self.argv = list(argv)
        self.tty = tty
        self.log: list[tuple[str, bytes]] = []
        self.stdin: Pipe | Terminal | None = None
        if stdin:
            self.stdin = Terminal(self._shown, self._typed_signal) if tty else Pipe()
        self.stdout = Collected(partial(self._take, "stdout"), keep=False)
        # A terminal has one output, where both come out.
        self.stderr = (
            self.stdout if tty else Collected(partial(self._take, "stderr"), keep=False)
        )
        self.failure = ""
        self.shows_stdout = True
        self.shows_stderr = True
        self.privileged = False
        self.detach_keys = ""
        self._pid = 0
        self._env = dict(env)
        self._user = user
        self._workdir = workdir
        self._task: Task | None = None
        self._process: Process | None = None
        self._code: int | None = None

    def _take(self, stream: str, data: bytes) -> None:
        self.log.append((stream, cooked(data) if self.tty else data))

    def _shown(self, data: bytes) -> None:
        """Show something on the terminal, where what is typed is shown too."""
        self.log.append(("stdout", data))

    def _typed_signal(self, name: str) -> None:
        """Send what a key sends; a program that knows nothing of it ends."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        handler = process.on_signal.get(name)
        if handler is None:
            task.kill(128 + signals.number_of(name))
            return
        thrown = handler()
        if isinstance(thrown, BaseException):
            task.interrupt(thrown)
        task.wake()

    def output(self, *streams: str) -> bytes:
        """Give what it wrote to some of its streams, in the order of writing."""
        return b"".join(data for stream, data in self.log if stream in streams)

    @property
    def process(self) -> Process | None:
        """The process, while it runs."""
        return self._process

    @property
    def running(self) -> bool:
        """Whether it has been started and not yet ended."""
        return self._task is not None and not self._task.done

    @property
    def exit_code(self) -> int | None:
        """Its exit code, once it has ended."""
        if self._code is not None:
            return self._code
        return self._task.code if self._task is not None else None

    @property
    def engine(self) -> Engine:
        """The engine of the container."""
        return self.container.engine

    @locked
    def start(self) -> None:
        """
        Let it run until it waits or ends.

        Where it cannot, it says why, and its exit code is 126 [use-exec].

        Raises:
            Conflict: It has been started before, or the container does not run.
        """
        if self._task is not None or self._code is not None:
            what = "is already running" if self.running else "has already run"
            msg = f"Error: Exec command {self.id} {what}"
            raise Conflict(msg)
        self.container.check_exec()
        engine = self.container.engine
        try:
            process = self.container.make_process(
                self.argv,
                env=self._env,
                user=self._user,
                cwd=self._workdir,
                stdin=Nothing() if self.stdin is None else self.stdin,
                stdout=self.stdout,
                stderr=self.stderr,
            )
        except InvalidParameter as error:
            self._fail(error.message)
            return
        if not process.fs.isdir(process.cwd):
            self._fail(
                f'{_NOT_STARTED} chdir to cwd ("{process.cwd}") set in config.json'
                " failed: no such file or directory: unknown"
            )
            return
        try:
            program, argv = engine.programs.find(process, self.argv[0])
        except NotRunnable as error:
            self._fail(f'{_NOT_STARTED} exec: "{error.name}": {error.reason}: unknown')
            return
        process.argv[:1] = argv
        self._process = process
        self._pid = self.container.state.pid + process.pid - 1
        events = engine.events
        command = " ".join(self.argv)
        events.container(self.container, f"exec_start: {command}", execID=self.id)
        self._task = engine.scheduler.start(run_program(process, program), self._ended)
        self.container.adopt(self._task)
        engine.scheduler.run_ready()

    def _ended(self, code: int) -> None:
        self._process = None
        self.engine.events.container(
            self.container, "exec_die", execID=self.id, exitCode=str(code)
        )

    def _fail(self, reason: str) -> None:
        self.failure = reason
        self.stdout.write(f"{self.failure}\r\n")
        self._code = NOT_EXECUTABLE  # also for a command that is not there

    @locked
    def send(self, data: str | bytes, *, close: bool = False) -> None:
        """
        Give it something to read, and let it go on.

        Raises:
            Conflict: It reads nothing.
        """
        if self.stdin is None:
            msg = f"Exec command {self.id} does not read"
            raise Conflict(msg)
        self.stdin.write(data)
        if close:
            self.stdin.close()
        self.engine.scheduler.run_ready()

    @locked
    def wait(self) -> int:
        """
        Wait until it ends, and give its exit code.

        Raises:
            Conflict: It waits for what can never happen.
        """
        task = self._task
        if task is not None and not self.container.engine.scheduler.run_until(
            lambda: task.done
        ):
            msg = f"{' '.join(self.argv)} waits for what can never happen"
            raise Conflict(msg)
        return self.exit_code or 0

    def attrs(self) -> dict[str, Any]:
        """Give it as Docker's API shows it."""
        return {
            "ID": self.id,
            "Running": self.running,
            "ExitCode": self.exit_code,
            "ProcessConfig": {
                "tty": self.tty,
                "entrypoint": self.argv[0] if self.argv else "",
                "arguments": self.argv[1:],
                "privileged": self.privileged,
            }
            | ({"user": self._user} if self._user else {}),
            "OpenStdin": self.stdin is not None,
            "OpenStderr": self.shows_stderr,
            "OpenStdout": self.shows_stdout,
            "CanRemove": False,
            "ContainerID": self.container.id,
            "DetachKeys": self.detach_keys,
            "Pid": self._pid,
        }
