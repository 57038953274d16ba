"""A machine of one union, for tests of programs without an engine."""

from __future__ import annotations

from unionfs_sim import Layer, UnionFS
from unionfs_sim.containers.process import (
    UMASK,
    NotRunnable,
    Process,
    User,
    execute,
)
from unionfs_sim.containers.programs import Programs
from unionfs_sim.containers.scheduling import Scheduler, Task, Timeline
from unionfs_sim.containers.sockets import Namespace
from unionfs_sim.containers.streams import Collected, Pipe
from unionfs_sim.core.filesystem import FileSystem


class Box:
    """A container without an engine around it."""

    def __init__(self, layer: Layer, pid: int = 0) -> None:
        self.scheduler = Scheduler(Timeline())
        self.programs = Programs()
        self.network = Namespace("0" * 64, lambda *_: None, lambda *_: None)
        self.fs = UnionFS([layer], clock=self.scheduler.now)
        self.hostname = "box"
        self._pid = pid

    def filesystem(self, user: User, umask: int = UMASK) -> FileSystem:
        """Give the union as a user sees it."""
        if not user.uid and umask == UMASK:
            return self.fs
        return self.fs.as_user(user.uid, user.gid, user.groups, umask)

    def next_pid(self) -> int:
        """Count."""
        self._pid += 1
        return self._pid

    def adopt(self, task: Task) -> None:
        """Let it run."""

    def signal(self, pid: int, name: str) -> bool:
        """Know no other process."""
        return False

    def set_hostname(self, name: str) -> None:
        """Take it."""
        self.hostname = name

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        uid: int = 0,
        cwd: str = "/",
    ) -> tuple[int, str, str]:
        """Run a command, and give exit code, output and complaints."""
        out, err, given = Collected(), Collected(), Pipe()
        given.write(stdin)
        given.close()
        process = Process(
            self,
            argv,
            env={"PATH": "/bin", "HOME": "/home"},
            cwd=cwd,
            user=User(uid, uid),
            stdin=given,
            stdout=out,
            stderr=err,
        )
        try:
            task = self.scheduler.start(execute(process))
            self.scheduler.run_until(lambda: task.done)
        except NotRunnable as error:
            return error.code, "", error.reason
        assert task.code is not None, "it has ended"
        return task.code, out.data.decode(), err.data.decode()

    def sh(self, script: str, stdin: bytes = b"", uid: int = 0) -> tuple[int, str, str]:
        """Run a script."""
        return self.run("sh", "-c", script, stdin=stdin, uid=uid)
