"""The life of a container: its states, and the verbs that lead from one to the other."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from unionfs_sim.containers import inspecting, linking, rootfs, signals
from unionfs_sim.containers.containerbase import ContainerBase
from unionfs_sim.containers.errors import (
    Conflict,
    EngineError,
    NotModified,
    System,
)
from unionfs_sim.containers.locking import locked
from unionfs_sim.containers.process import (
    NotRunnable,
    run_program,
)
from unionfs_sim.containers.scheduling import SECOND_NS, Steps, Wait
from unionfs_sim.containers.states import State
from unionfs_sim.containers.streams import Collected, Nothing, Pipe
from unionfs_sim.containers.terminal import Terminal, cooked

_KILLED: Final = 137
_FAILED: Final = 128

#: How long a restart policy waits the first time, and at most, in seconds.
_PAUSE: Final = 0.1
_PAUSE_MAX: Final = 60


class Living(ContainerBase):
    """A container that can be started, stopped and removed."""

    __slots__ = ()

    # --- life ---------------------------------------------------------------------

    @locked
    def start(self) -> None:
        """
        Start it: mount what it has, give it a network, run its command.

        It runs until its programs wait for something; then the caller goes on.

        Raises:
            NotModified: It runs already.
            Conflict: It is paused, or the container whose network it joins is stopped.
            NotFound: That container, or its network, is gone.
            InvalidParameter: What runc refuses: the command, or a mount.
            System: A volume cannot be mounted; there is no free address.
        """
        if self.state.status == "paused":
            msg = "cannot start a paused container, try unpause instead"
            raise Conflict(msg)
        if self.state.running:
            msg = f"Container {self.id} is already running"
            raise NotModified(msg)
        self.stopped = False
        try:
            self._start()
        except EngineError as error:
            self._release()
            self.state.error = error.message
            code = getattr(error, "code", 0)
            if code:
                self.state.exit_code = code
            elif not self.state.exit_code:
                self.state.exit_code = _FAILED
            if self.host_config.get("AutoRemove"):
                self._destroy(volumes=True)
            raise

    def _start(self) -> None:
        linking.connect(self)
        events = self.engine.events
        events.networks(self, "connect")
        tmpfs = self.host_config.get("Tmpfs") or {}
        self._table = rootfs.build_root(
            self.rw,
            self.mount_points,
            tmpfs,
            host=self.engine.host,
            merged=self.merged,
            container_id=self.id,
            read_only=bool(self.host_config.get("ReadonlyRootfs")),
        )
        events.mounts(self, self.mount_points, "mount")
        self._kernel = None
        if rootfs.touches_kernel(self.mount_points, tmpfs):
            self._kernel = self._mount_kernel(self._table)
        self._pids = 0
        if self.config.get("OpenStdin"):
            self.stdin = self._input()
            if self.initial_input is not None:
                self.stdin.write(self.initial_input)
                self.stdin.close()
        process = self.make_process(
            self.argv,
            stdin=Nothing() if self.stdin is None else self.stdin,
            stdout=self._output("stdout"),
            stderr=self._output("stdout" if self.config.get("Tty") else "stderr"),
        )
        try:
            program, argv = self.engine.programs.find(
                process, self.argv[0], self.table_for(process.user)
            )
        except NotRunnable as error:
            reason = f'exec: "{error.name}": {error.reason}: unknown'
            raise rootfs.StartError(reason, error.code) from error
        process.argv[:1] = argv
        now_ns = self.engine.clock()
        self.state = State("running", self.engine.next_pid(), started_ns=now_ns)
        self._process = process
        steps = run_program(process, program)
        self._main = self.engine.scheduler.start(steps, self._ended)
        events.container(self, "start")
        self.engine.scheduler.run_ready()

    def _input(self) -> Pipe | Terminal:
        if not self.config.get("Tty"):
            return Pipe()
        return Terminal(self._shown, self._typed_signal)

    def _typed_signal(self, name: str) -> None:
        if self._main is not None:
            self._signal(name)

    def _shown(self, data: bytes) -> None:
        """Show something on the terminal, where what is typed is shown too."""
        self._take("stdout", data)

    def _take(self, stream: str, data: bytes) -> None:
        self.log.append((stream, data, self.engine.clock()))
        for listener in self.listeners:
            listener(stream, data)

    def _output(self, stream: str) -> Collected:
        terminal = bool(self.config.get("Tty"))

        def take(data: bytes) -> None:
            self._take(stream, cooked(data) if terminal else data)

        return Collected(take, keep=False)

    def _release(self) -> None:
        """Give back what a running container has: network, mounts, processes."""
        for task in self._tasks:
            task.kill(_KILLED)
        self._tasks = []
        if self._table is not None:
            self._table.unmount_all()
            self._table = None
        self._kernel = None
        rootfs.release_volumes(self.mount_points, self.id)
        linking.disconnect(self)
        self._main = None
        self._process = None

    def _ended(self, code: int) -> None:
        """Take note that the first process has ended: all others end with it."""
        self.state = State(
            "exited",
            exit_code=code,
            started_ns=self.state.started_ns,
            finished_ns=self.engine.clock(),
        )
        events = self.engine.events
        events.container(self, "die", exitCode=str(code))
        events.networks(self, "disconnect")
        events.mounts(self, self.mount_points, "unmount")
        self._release()
        if self.stdin is not None:
            self.stdin.close()
        if self.host_config.get("AutoRemove"):
            self._destroy(volumes=True)
        elif self._comes_again(code):
            self.engine.scheduler.start(self._again())

    def _comes_again(self, code: int) -> bool:
        """Tell whether the restart policy starts it again; not after a stop."""
        if self.stopped or self.removed:
            return False
        return self._policy_says_so(code)

    def _policy_says_so(self, code: int) -> bool:
        policy = self.host_config.get("RestartPolicy") or {}
        if policy.get("Name") == "on-failure":
            limit = policy.get("MaximumRetryCount") or 0
            return code != 0 and (not limit or self.restart_count < limit)
        return policy.get("Name") in {"always", "unless-stopped"}

    def come_back(self) -> None:
        """
        Do what the engine does with it when it was away.

        A container of ``--rm`` goes, its volumes stay; one that has run before is
        started if its restart policy says so, though it was stopped, but for
        ``unless-stopped`` (all observed on a real engine that was killed).
        """
        if self.host_config.get("AutoRemove"):
            self._destroy(volumes=False)
            return
        policy = (self.host_config.get("RestartPolicy") or {}).get("Name")
        if self.state.running or self.state.finished_ns is None:
            return
        if self.stopped and policy == "unless-stopped":
            return
        if self._policy_says_so(self.state.exit_code):
            with contextlib.suppress(EngineError):
                self.start()

    def _again(self) -> Steps[int]:
        """Start it after a pause, which is longer each time."""
        seconds = min(_PAUSE * 2**self.restart_count, _PAUSE_MAX)
        until_ns = self.engine.clock() + int(seconds * SECOND_NS)
        while self.engine.clock() < until_ns:
            yield Wait(until_ns=until_ns)
        if not (self.stopped or self.removed or self.state.running):
            self.restart_count += 1
            with contextlib.suppress(EngineError):
                self.start()
        return 0

    @locked
    def stop(self, timeout: float = 10) -> None:
        """
        Ask it to end, and kill it when the time is over.

        Process 1 ignores signals that it knows nothing of, so most programs are
        killed: their exit code is 137.

        Raises:
            NotModified: It does not run.
        """
        if not self.state.running:
            msg = f"Container {self.id} is already stopped"
            raise NotModified(msg)
        main = self._main
        assert main is not None, "what runs has a first process"
        self.stopped = True
        self._thaw()
        name = signals.name_of(self.config.get("StopSignal") or "SIGTERM")
        self._told(name)
        self._signal(name)
        until_ns = self.engine.clock() + int(timeout * SECOND_NS)
        if timeout > 0 and not main.done:
            self.engine.scheduler.run_until(lambda: main.done, until_ns=until_ns)
        if not main.done:
            self._told("SIGKILL")
        main.kill(_KILLED)
        self.engine.events.container(self, "stop")

    @locked
    def kill(self, signal: str | int = "SIGKILL") -> None:
        """
        Send its first process a signal.

        Raises:
            Conflict: It does not run.
            InvalidParameter: There is no such signal.
        """
        name = signals.name_of(signal)
        if not self.state.running:
            msg = (
                f"Cannot kill container: {self.name}: Container {self.id} is not"
                " running"
            )
            raise Conflict(msg)
        self.stopped = True
        self._told(name)
        self._signal(name)

    def _told(self, name: str) -> None:
        number = str(signals.number_of(name))
        self.engine.events.container(self, "kill", signal=number)

    def _signal(self, name: str) -> None:
        main, process = self._main, self._process
        assert main is not None, "what runs has a first process"
        assert process is not None, "likewise"
        if name == "SIGKILL":
            main.kill(_KILLED)
            return
        self.signal(process.pid, name)
        self.engine.scheduler.run_ready()

    @locked
    def pause(self) -> None:
        """
        Let none of its processes go on.

        Raises:
            Conflict: It does not run, or is paused already.
        """
        if not self.state.running:
            msg = f"Container {self.id} is not running"
            raise Conflict(msg)
        if self.state.status == "paused":
            msg = f"Container {self.id} is already paused"
            raise Conflict(msg)
        for task in (self._main, *self._tasks):
            if task is not None:
                task.freeze()
        self.state.status = "paused"
        self.engine.events.container(self, "pause")

    @locked
    def unpause(self) -> None:
        """
        Let its processes go on.

        Raises:
            Conflict: It is not paused.
        """
        if self.state.status != "paused":
            msg = f"Container {self.id} is not paused"
            raise Conflict(msg)
        self._thaw()
        self.engine.events.container(self, "unpause")
        self.engine.scheduler.run_ready()

    def _thaw(self) -> None:
        if self.state.status == "paused":
            self.state.status = "running"
            for task in (self._main, *self._tasks):
                if task is not None:
                    task.thaw()

    @locked
    def restart(self, timeout: float = 10) -> None:
        """
        Stop it, if it runs, and start it.

        Raises:
            EngineError: As `start`, the message telling of the restart.
        """
        keep, self.host_config = self.host_config, {**self.host_config}
        self.host_config["AutoRemove"] = False
        try:
            if self.state.running:
                self.stop(timeout)
            self.start()
            self.engine.events.container(self, "restart")
        except EngineError as error:
            msg = f"Cannot restart container {self.name}: {error.message}"
            raise type(error)(*([msg] if not hasattr(error, "code") else (
                [msg, error.code]))) from error  # fmt: skip
        finally:
            self.host_config = keep

    @locked
    def rename(self, name: str) -> None:
        """
        Give it another name.

        Raises:
            InvalidParameter: No container can have it.
            Conflict: Another one has it.
        """
        before = self.name
        self.engine.containers.rename(self.id, name)
        self.engine.events.container(self, "rename", oldName=f"/{before}")

    @locked
    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """
        Wait until it does not run, and give how it ended.

        Args:
            timeout: How many seconds of the engine's clock at most.

        Raises:
            TimeoutError: It still runs then.
            System: It waits for what can never happen.
        """
        main = self._main
        if main is not None:
            clock, until_ns = self.engine.clock, None
            if timeout is not None:
                until_ns = clock() + int(timeout * SECOND_NS)
            done = self.engine.scheduler.run_until(lambda: main.done, until_ns=until_ns)
            if not done and until_ns is not None and clock() >= until_ns:
                msg = f"container {self.name} still runs after {timeout} seconds"
                raise TimeoutError(msg)
            if not done:
                msg = f"container {self.name} waits for what can never happen"
                raise System(msg)
        code = self.state.exit_code if main is None else main.code
        return {"StatusCode": code, "Error": None}

    @locked
    def send(self, data: str | bytes, *, close: bool = False) -> None:
        """
        Give its first process something to read, and let it go on.

        Args:
            data: What is typed.
            close: Whether that is all.

        Raises:
            Conflict: It does not run, or reads nothing.
        """
        if not self.state.running or self.stdin is None:
            msg = f"Container {self.id} is not running, or does not read"
            raise Conflict(msg)
        self.stdin.write(data)
        if close:
            self.stdin.close()
        self.engine.scheduler.run_ready()

    @locked
    def remove(self, v: bool = False, force: bool = False) -> None:  # noqa: FBT001, FBT002 - as the Docker SDK
        """
        Remove it, with its own layer and all that is in it.

        Args:
            v: Whether volumes without a name go too, that nobody else refers to.
            force: Whether it is killed if it runs.

        Raises:
            Conflict: It runs, or is paused.
        """
        if self.state.running:
            if not force:
                paused = self.state.status == "paused"
                what = "paused" if paused else "running"
                how = "Unpause and then stop" if paused else "Stop"
                msg = (
                    f"You cannot remove a {what} container {self.id}. {how} the"
                    " container before attempting removal or force remove"
                )
                raise Conflict(msg)
            assert self._main is not None, "what runs has a first process"
            self.stopped = True
            self._told("SIGKILL")
            self._main.kill(_KILLED)
        self._destroy(volumes=v)

    def _destroy(self, *, volumes: bool) -> None:
        if self.removed:
            return
        self.removed = True
        self.engine.containers.forget(self.id)
        for point in self.mount_points:
            if point.volume is not None:
                point.volume.release(self.id)
        home = f"{inspecting.CONTAINERS_ROOT}/{self.id}"
        if self.engine.host.fs.isdir(home):
            self.engine.host.fs.rmtree(home)
        for point in self.mount_points if volumes else ():
            volume = point.volume
            if point.anonymous and volume is not None and not volume.users:
                self.engine.volumes.remove(volume.name, force=True)
        self.engine.events.container(self, "destroy")
