"""What a container has, shows, and gives to its processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unionfs_sim.containers import inspecting, linking, rootfs
from unionfs_sim.containers.errors import (
    Conflict,
)
from unionfs_sim.containers.execs import Exec
from unionfs_sim.containers.ids import SHORT_DIGITS
from unionfs_sim.containers.images import OVERLAY_ROOT, Image, layer_size
from unionfs_sim.containers.locking import locked
from unionfs_sim.containers.mountplan import MountPoint
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.process import (
    UMASK,
    Process,
    ProgramFinder,
    User,
)
from unionfs_sim.containers.programs import DEFAULT_PATH
from unionfs_sim.containers.scheduling import Scheduler, Task
from unionfs_sim.containers.sockets import Namespace
from unionfs_sim.containers.states import State
from unionfs_sim.containers.streams import Input, Output, Pipe
from unionfs_sim.containers.terminal import Terminal
from unionfs_sim.containers.users import find_user
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.union import UnionFS

if TYPE_CHECKING:
    from unionfs_sim.containers.engine import Engine


class ContainerBase:
    """
    A container without its verbs.

    Attributes:
        engine: Its engine.
        id: Its id.
        name: Its name.
        image: What it was made of.
        config: What it starts with.
        host_config: How it is tied to the host.
        mount_points: Its mounts, by destination.
        rw: Its union: the image's layers, the ``-init`` layer, and its own.
        state: What it is doing.
        link: What it has of networks.
        stdin: What its first process reads, if that was asked for.
        initial_input: All that it is to read.
        stopped: Whether somebody stopped or killed it since its last start.
        restart_count: How often its restart policy has started it.
        log: What it wrote: the stream, the bytes, and when.
        listeners: Called with the stream and the bytes of all that it writes.
    """

    __slots__ = (
        "__weakref__",
        "_execs",
        "_kernel",
        "_main",
        "_pids",
        "_process",
        "_table",
        "_tasks",
        "config",
        "created_ns",
        "engine",
        "host_config",
        "id",
        "image",
        "initial_input",
        "layer_id",
        "link",
        "listeners",
        "log",
        "mount_points",
        "name",
        "networking",
        "removed",
        "restart_count",
        "rw",
        "state",
        "stdin",
        "stopped",
    )

    def __init__(
        self,
        engine: Engine,
        identifier: str,
        name: str,
        image: Image,
        *,
        config: dict[str, Any],
        host_config: dict[str, Any],
        networking: dict[str, Any],
        created_ns: int,
        layer_id: str | None = None,
        upper: Layer | None = None,
    ) -> None:
        self.engine = engine
        self.id = identifier
        self.name = name
        self.image = image
        self.config = config
        self.host_config = host_config
        self.networking = networking
        self.created_ns = created_ns
        self.layer_id = layer_id or engine.ids()
        self.mount_points: tuple[MountPoint, ...] = ()
        self.rw = UnionFS(
            image.stack,
            upper=upper,
            clock=engine.clock,
            observer=engine.observer(identifier),
        )
        self.state = State()
        self.link = linking.Link()
        self.removed = False
        self.stdin: Pipe | Terminal | None = None
        self.initial_input: bytes | None = None
        self.listeners: list[Callable[[str, bytes], object]] = []
        self.log: list[tuple[str, bytes, int]] = []
        self._table: MountTable | None = None
        self._kernel: tuple[Any, Any] | None = None
        self._tasks: list[Task] = []
        self._main: Task | None = None
        self._process: Process | None = None
        self._execs: dict[str, Exec] = {}
        self._pids = 0
        self.stopped = False
        self.restart_count = 0

    # --- what is shown ------------------------------------------------------------

    @property
    def short_id(self) -> str:
        """The first digits of the id."""
        return self.id[:SHORT_DIGITS]

    @property
    def status(self) -> str:
        """``created``, ``running``, ``paused`` or ``exited``."""
        return self.state.status

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return dict(self.config.get("Labels") or {})

    @property
    def attrs(self) -> dict[str, Any]:
        """What ``docker inspect`` shows."""
        return self.inspect()

    @locked
    def inspect(self, *, size: bool = False) -> dict[str, Any]:
        """Give what ``docker inspect`` shows, with ``SizeRw`` if that is wanted."""
        return inspecting.container_attrs(self, size=size)

    def reload(self) -> None:
        """Do nothing: what is shown is always as it is."""

    @property
    def argv(self) -> list[str]:
        """What it runs: the entry point and the command."""
        return [*(self.config.get("Entrypoint") or ()), *(self.config.get("Cmd") or ())]

    @property
    def merged(self) -> str:
        """Where the engine mounts the union."""
        return f"{OVERLAY_ROOT}/{self.layer_id}/merged"

    @property
    def size_rw(self) -> int:
        """The bytes of the files in its own layer; volumes do not count."""
        return layer_size(self.rw.commit())

    @property
    def network_mode(self) -> str:
        """What ``--network`` said."""
        return str(self.host_config.get("NetworkMode") or "default")

    @property
    def sandbox_id(self) -> str:
        """The id of its namespace, if it has one of its own."""
        return self.link.sandbox

    @property
    def files_owner(self) -> str:
        """The container whose hosts file it uses; nothing before the first start."""
        return self.link.files

    @property
    def exec_ids(self) -> list[str]:
        """The commands that run in it besides its own."""
        return [key for key, each in self._execs.items() if each.running]

    def exec_get(self, identifier: str) -> Exec | None:
        """Give a command that was made in it, as long as it is known."""
        return self._execs.get(identifier)

    @property
    def table(self) -> MountTable | None:
        """Its file system with all mounts, while it runs."""
        return self._table

    def network_attrs(self) -> dict[str, Any]:
        """Give ``NetworkSettings.Networks``."""
        return linking.network_attrs(self)

    def endpoint_settings(self, network: str) -> dict[str, Any]:
        """Give what was asked for on a network: an address, aliases."""
        given = self.networking.get(network)
        if given is None and network == "bridge":
            given = self.networking.get("default")
        given = given or {}
        wanted = (given.get("IPAMConfig") or {}).get("IPv4Address") or None
        return {"wanted": wanted, "aliases": given.get("Aliases") or ()}

    def ports(self) -> dict[str, Any]:
        """Give the ports, and where they are published while it runs."""
        return dict(self.link.ports)

    # --- what its processes see ---------------------------------------------------

    @property
    def scheduler(self) -> Scheduler:
        """Gives its processes their turns."""
        return self.engine.scheduler

    @property
    def programs(self) -> ProgramFinder:
        """Finds programs."""
        return self.engine.programs

    @property
    def network(self) -> Namespace:
        """The network that its processes see."""
        if self.link.namespace is None:
            msg = f"Container {self.id} is not running"
            raise Conflict(msg)
        return self.link.namespace

    @property
    def hostname(self) -> str:
        """The host name."""
        return str(self.config.get("Hostname") or self.short_id)

    def set_hostname(self, name: str) -> None:
        """Change the host name."""
        self.config["Hostname"] = name

    def next_pid(self) -> int:
        """Give the number of a new process."""
        self._pids += 1
        return self._pids

    def signal(self, pid: int, name: str) -> bool:
        """
        Send the first process a signal, and tell whether it is the one meant.

        What it does not ask for it does not get: so Linux guards the first process
        of a container, from SIGKILL even, against those inside.
        """
        main, process = self._main, self._process
        if main is None or process is None or pid != process.pid:
            return False
        handler = process.on_signal.get(name)
        if handler is not None:
            thrown = handler()
            if isinstance(thrown, BaseException):
                main.interrupt(thrown)
            main.wake()
        return True

    def adopt(self, task: Task) -> None:
        """Take on a process that goes with the container."""
        self._tasks = [each for each in self._tasks if not each.done]
        self._tasks.append(task)

    def filesystem(self, user: User, umask: int = UMASK) -> FileSystem:
        """Give the file system as a user sees it, who makes files with a umask."""
        table = self._table
        if table is None:
            msg = f"Container {self.id} is not running"
            raise Conflict(msg)
        if self._kernel is None:
            self._kernel = self._mount_kernel(table)
        proc, sys = self._kernel
        if proc is not None:
            proc.show(rootfs.proc_texts(table.proc_mounts(), self.hostname))
        if sys is not None:
            sys.show(rootfs.sys_texts(self.network.interfaces.values()))
        seen = self.table_for(user)
        if umask == UMASK:
            return seen
        return seen.as_user(user.uid, user.gid, user.groups, umask)

    def table_for(self, user: User) -> MountTable:
        """
        Give the mounts as a user sees them, perhaps without those of the kernel.

        They are mounted when somebody looks: most containers run one program that
        never does.
        """
        table = self._table
        assert table is not None, "whoever asks has looked"
        if not user.uid:
            return table
        return table.as_user(user.uid, user.gid, user.groups)

    def _mount_kernel(self, table: MountTable) -> tuple[Any, Any]:
        """Mount ``/proc`` and the like, and the files of the network, when needed."""
        files = linking.ensure_files(self)
        return rootfs.mount_system(
            table,
            self.engine.host,
            files,
            taken=[point.destination for point in self.mount_points],
        )

    def make_process(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "",
        cwd: str | None = None,
        stdin: Input | None = None,
        stdout: Output | None = None,
        stderr: Output | None = None,
    ) -> Process:
        """
        Make a process in the container.

        Raises:
            InvalidParameter: There is no such user.
        """
        text = user or str(self.config.get("User") or "")
        who = find_user(self.rw, text) if text else User()
        environment = {"PATH": DEFAULT_PATH, "HOSTNAME": self.hostname}
        environment |= dict(
            each.partition("=")[::2] for each in self.config.get("Env") or ()
        )
        environment.setdefault("HOME", who.home)
        environment |= env or {}
        return Process(
            self,
            argv,
            env=environment,
            cwd=cwd or self.config.get("WorkingDir") or "/",
            user=who,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
