"""`Engine`: Docker's engine as a library, in process, on a simulated host."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from ipaddress import IPv4Interface
from typing import Any, Final, Self, final

import attrs

from unionfs_sim.containers import build as building
from unionfs_sim.containers import busyboximage
from unionfs_sim.containers.attached import MountSource
from unionfs_sim.containers.buildcontext import Context
from unionfs_sim.containers.census import census, tell
from unionfs_sim.containers.container import Container
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.events import Events
from unionfs_sim.containers.host import Host, World
from unionfs_sim.containers.ids import CountedIds, Ids
from unionfs_sim.containers.images import OVERLAY_ROOT, Image
from unionfs_sim.containers.imagestore import ImageStore
from unionfs_sim.containers.losing import Loss
from unionfs_sim.containers.manager import Containers
from unionfs_sim.containers.networks import NetworkStore
from unionfs_sim.containers.overlaydirs import LayerDirectory, OverlayDirectories
from unionfs_sim.containers.ports import PublishedPorts
from unionfs_sim.containers.programs import Programs
from unionfs_sim.containers.scheduling import Timeline
from unionfs_sim.containers.sockets import Interface, Namespace
from unionfs_sim.containers.state import HOST, EngineState
from unionfs_sim.containers.statefiles import StateDirectory
from unionfs_sim.containers.states import timestamp
from unionfs_sim.containers.statetrees import Trees
from unionfs_sim.containers.volumes import VolumeStore
from unionfs_sim.core.changing import Observer
from unionfs_sim.core.clock import Clock
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.union import UnionFS

_FIRST_PID: Final = 1000

#: The verbs of the stores that change something.
_VERBS: Final = {
    "images": ("add", "load", "load_named", "import_image", "tag", "remove", "prune"),
    "networks": ("create", "remove", "prune"),
    "volumes": ("create", "remove", "prune"),
}


def _timeline(clock: Clock | None) -> Timeline:
    return clock if isinstance(clock, Timeline) else Timeline(clock)


def _same(layer: Layer) -> Layer:
    """Give a layer that does not change."""
    return layer


@final
class Engine:
    """
    An engine: images, containers, volumes and networks on one host.

    Nothing is real: programs are Python callables, the network and the host's disk
    are in memory, and time passes only when everybody waits (unless a real clock is
    given).  Two runs of one program
    see the same ids, times and addresses.

    Args:
        host: The machine that it runs on; one of its own by default.
        clock: Where times come from, if the host is its own; a
            ``Timeline(time.time_ns, real=True)`` is waited for.
        ids: Where ids come from.
        state: A directory that keeps everything over the end of the process; then
            the host is the engine's own.  Without one all is in memory.  Containers
            whose restart policy says so are started again.
        programs: What the binaries in the images do; given here, the containers that
            are started again find them.

    Attributes:
        images: The images.
        containers: The containers.
        volumes: The volumes, which lie on the host.
        networks: The networks.
        lock: Held during each verb, of all engines of one world.
        ports: The ports of the host that lead into containers.
        programs: What the binaries in the images do.
        host: The machine.
        scheduler: Gives programs their turns.
        build_cache: Which image a step of a build made, by the image before and what
            the step was.
        changed: Told after each verb; to wait for, the lock being held.
        events: What happened.

    >>> engine = Engine.with_busybox()
    >>> db = engine.containers.run("busybox", "sleep 1000", name="db", detach=True)
    >>> db.exec_run(["sh", "-c", "echo row1 > /t1; cat /t1"]).output
    b'row1\\n'
    >>> [str(change) for change in db.diff()]
    ['A /t1']
    >>> db.remove(force=True)
    """

    def __init__(
        self,
        host: Host | None = None,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        state: str | os.PathLike[str] | None = None,
        programs: Programs | None = None,
    ) -> None:
        self._state: EngineState | None = None
        self._dirty: set[str] | None = None
        self._verbs = threading.local()
        self._counting: set[str] = set()
        directory = trees = None
        if state is not None:
            if host is not None:
                msg = "an engine with a state has a host of its own"
                raise InvalidParameter(msg)
            directory = StateDirectory(state)
            trees = Trees(directory)
            self._dirty = set()
            host = self._kept_host(directory, trees, clock)
        self.host = host or Host(world=World(_timeline(clock)))
        self.clock = self.host.clock
        self.ids: Ids = ids or CountedIds(f"engine:{self.host.name}")
        self.scheduler = self.host.world.scheduler
        self.lock = self.host.world.lock
        self.changed = self.host.world.changed
        self.events = Events(self.clock)
        self.programs = programs or Programs()
        self.networks = NetworkStore(self.ids, self._now, self.host.namespace_at)
        self.volumes = VolumeStore(self.host, ids=self.ids)
        self.containers = Containers(self)
        self.images = ImageStore(self.ids, self._now, self.containers.usages)
        self.host_namespace = self._host_namespace()
        self.ports = PublishedPorts(self.host_namespace)
        self.build_cache: dict[tuple[str, str], str] = {}
        self._pids = _FIRST_PID
        self._show_layers()
        if directory is not None and trees is not None and self._dirty is not None:
            self._state = EngineState(self, directory, trees, self._dirty)
        self._guard()
        if self._state is not None:
            with self.verb():
                for each in self.containers:
                    each.come_back()

    @classmethod
    def with_busybox(cls, host: Host | None = None, **options: Any) -> Self:
        """
        Make an engine that has one image: a small ``busybox``.

        >>> Engine.with_busybox().images.list()
        [<Image: 'busybox:latest'>]
        """
        made = cls(host, **options)
        if not made.images.list():
            made.images.add(busyboximage.busybox_image(), ["busybox"])
        return made

    def _kept_host(
        self, directory: StateDirectory, trees: Trees, clock: Clock | None
    ) -> Host:
        """Make a host whose disk is what an earlier process left."""
        world = World(_timeline(clock))
        kept = directory.documents()
        upper = trees.load(HOST, kept) if kept else None
        root = UnionFS(upper=upper, clock=world.clock, observer=self.observer(HOST))
        return Host(world=world, root=root)

    def observer(self, key: str) -> Observer | None:
        """Give what notes that a union was changed, if a state is kept."""
        dirty = self._dirty
        if dirty is None:
            return None
        return lambda _: dirty.add(key)

    @contextmanager
    def verb(self) -> Iterator[None]:
        """Hold the lock during a verb, and keep what it did if a state is kept."""
        verbs = self._verbs
        with self.lock:
            verbs.depth = getattr(verbs, "depth", 0) + 1
            try:
                yield
            finally:
                verbs.depth -= 1
                if not verbs.depth:
                    self.changed.notify_all()
                    if self._state is not None:
                        self._state.save()

    def tick(self) -> None:
        """Let programs go on whose time has come; for clocks that are real."""
        with self.verb():
            self.scheduler.run_ready()

    def _guard(self) -> None:
        """Let the verbs of the stores hold the lock, as those of containers do."""
        for name, verbs in _VERBS.items():
            store = getattr(self, name)
            for verb in verbs:
                setattr(store, verb, self._guarded(name, getattr(store, verb)))

    def _guarded(self, store: str, verb: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(verb)
        def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            with self.verb():
                if store in self._counting:  # a verb of the store itself asked
                    return verb(*args, **kwargs)
                self._counting.add(store)
                before = census(self, store)
                try:
                    return verb(*args, **kwargs)
                finally:
                    self._counting.discard(store)
                    tell(self, before, census(self, store))

        return guarded

    def _host_namespace(self) -> Namespace:
        """Give the network of the host itself, which all its engines share."""
        if self.host.namespace is not None:
            self.networks.host = self.host.namespace
            return self.host.namespace
        namespace = Namespace(self.ids(), self.networks.route, self.networks.resolve)
        self.host.namespace = self.networks.host = namespace
        namespace.interfaces["eth0"] = Interface(
            "eth0",
            2,
            IPv4Interface(f"{self.host.address}/24"),
            "02:42:0a:00:00:01",
        )
        return namespace

    def _show_layers(self) -> None:
        """Let the host's disk show the layers, as overlayfs keeps them."""
        fs = self.host.fs
        if not fs.isdir(OVERLAY_ROOT):
            fs.makedirs(OVERLAY_ROOT, exist_ok=True)
            fs.chmod(OVERLAY_ROOT, 0o710)
        source = MountSource(type="ext4", source=OVERLAY_ROOT, host=self.host.name)
        fs.mount(OVERLAY_ROOT, OverlayDirectories(self._layers), source=source)

    def _layers(self) -> dict[str, LayerDirectory]:
        """Give the layers of images and containers by their directories."""
        images = {each.id: each for each in self.images.list(all=True)}
        images |= {each.image.id: each.image for each in self.containers}
        sources = self.images.directories()
        found: dict[str, LayerDirectory] = {}
        parents: set[str] = set()
        for image in images.values():
            chain = [self.images.directory(each) for each in image.value.chain_ids]
            parents.update(chain[:-1])
            for number, name in enumerate(chain):
                if name in sources:
                    source, below = partial(_same, sources[name]), chain[:number][::-1]
                    found[name] = LayerDirectory(source, below)
        for each in self.containers:
            chain = [self.images.directory(x) for x in each.image.value.chain_ids]
            parents.update(chain[-1:])
            init = next(iter(each.image.stack))
            assert isinstance(init, Layer), "the top of the stack is the -init layer"
            name = f"{each.layer_id}-init"
            found[name] = LayerDirectory(partial(_same, init), chain[::-1], parent=True)
            found[each.layer_id] = LayerDirectory(
                each.rw.commit, [name, *chain[::-1]], mounted=each.state.running
            )
        for name in parents.intersection(found):
            found[name] = attrs.evolve(found[name], parent=True)
        return found

    def _now(self) -> str:
        return timestamp(self.clock())

    def next_pid(self) -> int:
        """Give the number of a process on the host."""
        self._pids += 1
        return self._pids

    def words(self, command: str | Sequence[str]) -> list[str]:
        """Give the words of a command."""
        return shlex.split(command) if isinstance(command, str) else list(command)

    def environment(
        self, given: Mapping[str, str] | Sequence[str] | None
    ) -> dict[str, str]:
        """Give an environment by names."""
        if given is None or isinstance(given, Mapping):
            return dict(given or {})
        return dict(each.partition("=")[::2] for each in given)

    def build(
        self,
        dockerfile: str,
        context: Context = b"",
        *,
        tag: str | Sequence[str] = (),
        buildargs: Mapping[str, str] | None = None,
        target: str | None = None,
        nocache: bool = False,
        forcerm: bool = False,
        report: Callable[[str], object] | None = None,
    ) -> Image:
        """
        Build an image, as `build.build` does.

        Raises:
            EngineError: The Dockerfile makes no sense, or a step fails.

        >>> engine = Engine.with_busybox()
        >>> engine.build("FROM busybox\\nRUN echo hi > /f\\n", tag="app")
        <Image: 'app:latest'>
        """
        return building.build(
            self,
            dockerfile,
            context,
            tags=[tag] if isinstance(tag, str) else tag,
            buildargs=buildargs,
            target=target,
            nocache=nocache,
            forcerm=forcerm,
            report=report,
        )

    def why_lost(self, container: str | Container) -> list[Loss]:
        """
        List what would be lost by removing a container.

        Raises:
            NotFound: There is none.

        >>> engine = Engine.with_busybox()
        >>> _ = engine.containers.run("busybox", ["sh", "-c", "echo 1 > /f"], name="db")
        >>> print(engine.why_lost("db")[0])
        /f (2 bytes) is in the rw layer: write it to a volume
        """
        if isinstance(container, str):
            container = self.containers.get(container)
        return container.why_lost()

    def close(self) -> None:
        """Close the files of all images, and the state if one is kept."""
        if self._state is not None:
            self._state.close()
            self._state = None
        self.images.close()

    def __enter__(self) -> Self:
        """Give the engine itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files of all images."""
        self.close()

    def __repr__(self) -> str:
        """Show the host."""
        return f"<Engine on {self.host.name!r}: {len(self.containers)} containers>"
