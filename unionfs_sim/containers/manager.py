"""The containers of an engine: made, run, found, listed, pruned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final, overload

from unionfs_sim.containers import configs, linking, spec
from unionfs_sim.containers import filters as filtering
from unionfs_sim.containers.container import Container
from unionfs_sim.containers.errors import (
    Conflict,
    ContainerError,
    EngineError,
    InvalidParameter,
    NotFound,
    System,
)
from unionfs_sim.containers.execs import Exec
from unionfs_sim.containers.images import Image, Usage
from unionfs_sim.containers.locking import locked
from unionfs_sim.containers.mountplan import MountPlan, MountPoint
from unionfs_sim.containers.names import check_name, name_for
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError

if TYPE_CHECKING:
    from unionfs_sim.containers.engine import Engine

_Containers: TypeAlias = list[Container]

_MERGED: Final = (
    "User",
    "Volumes",
    "WorkingDir",
    "ExposedPorts",
    "Labels",
    "StopSignal",
    "Shell",
    "OnBuild",
)

#: Members that are null and never empty [art-02-bind-create].
#: What the engine takes for the least that anything can run in [use-run].
_LEAST_MEMORY: Final = 6 * 2**20
_POLICIES: Final = {"no", "always", "on-failure", "unless-stopped"}
_NULL: Final = ("Volumes", "ExposedPorts")


@final
class Containers:
    """
    The containers of an engine, named as in the Docker SDK.

    >>> from unionfs_sim.containers.engine import Engine
    >>> engine = Engine.with_busybox()
    >>> engine.containers.run("busybox", "echo hello", remove=True)
    b'hello\\n'
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._by_id: dict[str, Container] = {}
        self._by_name: dict[str, Container] = {}

    # --- finding ------------------------------------------------------------------

    def get(self, name: str) -> Container:
        """
        Find a container by its name, its id, or the start of its id.

        Raises:
            NotFound: There is none.
        """
        text = name.removeprefix("/")
        found = self._by_id.get(name) or self._by_name.get(text)
        if found is not None:
            return found
        starting = [key for key in self._by_id if text and key.startswith(text)]
        if len(starting) == 1:
            return self._by_id[starting[0]]
        if len(starting) > 1:
            msg = f"multiple IDs found with provided prefix: {name}"
            raise InvalidParameter(msg)
        msg = f"No such container: {name}"
        raise NotFound(msg)

    def exec_get(self, identifier: str) -> Exec:
        """
        Find a command that was made in a container, by its id.

        Raises:
            NotFound: There is none.
        """
        for each in self._by_id.values():
            found = each.exec_get(identifier)
            if found is not None:
                return found
        msg = f"No such exec instance: {identifier}"
        raise NotFound(msg)

    def __iter__(self) -> Iterator[Container]:
        """Go through all containers, the oldest first."""
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        """Count them, those that have stopped too."""
        return len(self._by_id)

    def list(
        self,
        all: bool = False,  # noqa: A002, FBT001, FBT002 - as the Docker SDK
        *,
        filters: Mapping[str, Any] | None = None,
        limit: int = -1,
    ) -> _Containers:
        """
        List the containers that run, the newest first.

        Args:
            all: Whether those are listed too that do not run.
            filters: ``name``, ``id``, ``status``, ``volume``, ``label``, ``ancestor``,
                ``network``, ``exited``: to each a value, or several, one of which fits.
            limit: How many at most.

        Raises:
            InvalidParameter: There is no such filter.
        """
        wanted = filtering.listed(filters)
        filtering.check(wanted, filtering.FILTERS)
        filtering.check_status(wanted)
        shown = all or "status" in wanted or "exited" in wanted or limit > 0
        found = [
            each
            for each in reversed(self._by_id.values())
            if (shown or each.state.running)
            and False
            not in (filtering.fits(each, key, given) for key, given in wanted.items())
        ]
        return found if limit < 0 else found[:limit]

    def usages(self) -> Iterator[Usage]:
        """Tell which images the containers need."""
        for each in self._by_id.values():
            yield Usage(
                each.id, each.image.id, each.state.running, each.image.value.chain_ids
            )

    # --- making -------------------------------------------------------------------

    def create(
        self,
        image: str,
        command: str | Sequence[str] | None = None,
        *,
        name: str | None = None,
        **options: Any,
    ) -> Container:
        """
        Make a container; nothing runs yet, but its volumes are made and seeded.

        Args:
            image: The image.
            command: What it runs.
            name: Its name; one is made up by default.
            options: The keywords of `configs.body`.

        Raises:
            NotFound: There is no such image, or container whose volumes are wanted.
            InvalidParameter: Something makes no sense.
            Conflict: There is a container of that name.
            System: A volume cannot be seeded.
        """
        return self.create_from(configs.body(image, command, **options), name)

    @locked
    def create_from(
        self, body: Mapping[str, Any], name: str | None = None
    ) -> Container:
        """
        Make a container of the body of Docker's API.

        Raises:
            EngineError: As `create`.
        """
        engine = self.engine
        given = dict(body)
        host_config = dict(given.pop("HostConfig", None) or {})
        if host_config:  # without one, the runtime is chosen at the start [created]
            host_config["Runtime"] = host_config.get("Runtime") or "runc"
        networking = given.pop("NetworkingConfig", None) or {}
        _check(given, host_config)
        tmpfs = host_config.get("Tmpfs") or {}
        for path in tmpfs:
            reason = spec.destination_error(path)
            if reason:
                raise InvalidParameter(reason)
        plan = MountPlan(
            engine.volumes,
            engine.host,
            driver=str(host_config.get("VolumeDriver") or ""),
            find=self._mounts_of,
        )
        mounts = plan.check_mounts(host_config.get("Mounts") or ())
        image = engine.images.get(str(given.get("Image") or ""))
        config = _merged(given, image)
        if not (config.get("Entrypoint") or config.get("Cmd")):
            msg = "No command specified"
            raise InvalidParameter(msg)
        identifier = engine.ids()
        chosen = self._reserve(name, identifier)
        if not config.get("Hostname"):
            own = host_config.get("NetworkMode") == "host"
            config["Hostname"] = engine.host.name if own else identifier[:12]
        container = Container(
            engine,
            identifier,
            chosen,
            image,
            config=config,
            host_config=host_config,
            networking=dict(networking.get("EndpointsConfig") or {}),
            created_ns=engine.clock(),
        )
        self._resolve_network(container)
        try:
            plan.resolve(
                binds=host_config.get("Binds") or (),
                mounts=mounts,
                volumes_from=host_config.get("VolumesFrom") or (),
                tmpfs=tmpfs,
            )
            self._finish(container, plan, tmpfs)
        except EngineError:
            plan.undo()
            raise
        except UnionFSError as error:
            plan.undo()
            raise System(str(error)) from error
        self._by_id[identifier] = self._by_name[chosen] = container
        engine.events.container(container, "create")
        return container

    def _mounts_of(self, name: str) -> tuple[MountPoint, ...]:
        """Give the mounts of a container that ``--volumes-from`` names."""
        try:
            return self.get(name).mount_points
        except NotFound as error:
            # 404 would mean the image, which the client then pulls [vf-missing].
            raise InvalidParameter(error.message) from error

    def _reserve(self, name: str | None, identifier: str) -> str:
        if not name:
            return name_for(identifier, self._by_name)
        chosen = check_name(name)
        other = self._by_name.get(chosen)
        if other is not None:
            msg = (
                f'Conflict. The container name "/{chosen}" is already in use by'
                f' container "{other.id}". You have to remove (or rename) that'
                " container to be able to reuse that name."
            )
            raise Conflict(msg)
        return chosen

    def _resolve_network(self, container: Container) -> None:
        """Store the id of the container that is joined, so that it may be renamed."""
        target = linking.joined(container.network_mode)
        if target is None:
            return
        try:
            found = self.get(target)
        except NotFound:
            return
        container.host_config["NetworkMode"] = f"container:{found.id}"

    def _finish(
        self, container: Container, plan: MountPlan, tmpfs: Iterable[str]
    ) -> None:
        """Make volumes without a name, and the working directory, and seed volumes."""
        for path in container.config.get("Volumes") or {}:
            point = plan.add_anonymous(path, tmpfs)
            if point is not None:
                _check_directory(container, point)
        points = sorted(plan.points.values(), key=lambda point: point.destination)
        work = container.config.get("WorkingDir")
        if work and work != "/" and not container.rw.exists(work):
            container.rw.makedirs(work, 0o755)
        image_fs = UnionFS(container.image.stack, read_only=True)
        for point in points:
            if point.seeds and point.volume is not None:
                self._seed(container, point, image_fs)
        container.mount_points = tuple(points)
        for point in points:
            if point.volume is not None:
                point.volume.acquire(container.id)

    def _seed(self, container: Container, point: MountPoint, image_fs: UnionFS) -> None:
        assert point.volume is not None, "whoever asks has looked"
        path = point.destination
        if not path.startswith("/"):
            path = f"/{path}"
        if path == "/":
            return
        self.engine.volumes.seed(point.volume, image_fs, path, merged=container.merged)

    @overload
    def run(
        self,
        image: str,
        command: str | Sequence[str] | None = ...,
        *,
        detach: Literal[False] = ...,
        **options: Any,
    ) -> bytes: ...

    @overload
    def run(
        self,
        image: str,
        command: str | Sequence[str] | None = ...,
        *,
        detach: Literal[True],
        **options: Any,
    ) -> Container: ...

    def run(
        self,
        image: str,
        command: str | Sequence[str] | None = None,
        *,
        name: str | None = None,
        detach: bool = False,
        remove: bool = False,
        stdin: bytes | None = None,
        stdout: bool = True,
        stderr: bool = False,
        **options: Any,
    ) -> bytes | Container:
        """
        Make a container, start it and wait until it ends, as ``docker run``.

        Args:
            image: The image.
            command: What it runs.
            name: Its name.
            detach: Whether it goes on by itself; then the container is given.
            remove: Whether it is removed when it ends.
            stdin: What it reads.
            stdout: Whether its output is given.
            stderr: Whether its complaints are.
            options: The keywords of `create`.

        Returns:
            What it wrote, or the container.

        Raises:
            ContainerError: It ended with another exit code than 0.
            EngineError: As `create` and `Container.start`.
        """
        if remove and options.get("restart_policy"):
            msg = "Conflicting options: --restart and --rm."
            raise InvalidParameter(msg)
        options["auto_remove"] = remove
        if stdin is not None:
            options["stdin_open"] = True
        container = self.create(image, command, name=name, **options)
        with self.engine.verb():
            if stdin is not None:
                container.initial_input = stdin
            container.start()
            if detach:
                return container
            code = container.wait()["StatusCode"]
        if code:
            raise ContainerError(
                container, code, container.argv, image, container.logs(stdout=False)
            )
        return container.logs(stdout=stdout, stderr=stderr)

    # --- changing -----------------------------------------------------------------

    def rename(self, identifier: str, name: str) -> None:
        """
        Give a container another name.

        Raises:
            InvalidParameter: No container can have it.
            Conflict: Another one has it.
        """
        container = self._by_id[identifier]
        if not name:
            msg = "Neither old nor new names may be empty"
            raise InvalidParameter(msg)
        if name.removeprefix("/") == container.name:
            msg = "Renaming a container with the same name as its current name"
            raise InvalidParameter(msg)
        try:
            chosen = self._reserve(name, container.id)
        except EngineError as error:
            msg = f"Error when allocating new name: {error.message}"
            raise type(error)(msg) from error
        del self._by_name[container.name]
        container.name = chosen
        self._by_name[chosen] = container

    def take(self, container: Container) -> None:
        """Take in a container that an earlier process made."""
        self._by_id[container.id] = self._by_name[container.name] = container

    def forget(self, identifier: str) -> None:
        """Take a container out: it is being removed."""
        container = self._by_id.pop(identifier)
        if self._by_name.get(container.name) is container:
            del self._by_name[container.name]

    @locked
    def prune(self, *, filters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """
        Remove all containers that do not run, and tell what that frees.

        Args:
            filters: Those of `list`; ``label!``, the labels of those to keep; and
                ``until``, a moment after which nothing made is removed.

        Raises:
            System: ``until`` is no moment.
        """
        wanted = filtering.listed(filters)
        kept = {"label!": wanted.pop("label!", [])}
        until = filtering.until_ns(wanted, self.engine.clock())
        wanted.pop("until", None)
        gone = [
            each
            for each in self.list(all=True, filters=wanted)
            if not each.state.running
            and filtering.prunable(each.labels, kept)
            and (until is None or each.created_ns <= until)
        ]
        freed = sum(each.size_rw for each in gone)
        for each in gone:
            each.remove()
        names = [each.id for each in gone]
        return {"ContainersDeleted": names or None, "SpaceReclaimed": freed}


def _check(config: Mapping[str, Any], host_config: Mapping[str, Any]) -> None:
    """Refuse what does not go together, in Docker's order."""
    mode = str(host_config.get("NetworkMode") or "")
    workdir = str(config.get("WorkingDir") or "/")
    if not workdir.startswith("/"):
        msg = (
            f"the working directory '{workdir}' is invalid, it needs to be an absolute"
            " path"
        )
        raise InvalidParameter(msg)
    if 0 < (host_config.get("Memory") or 0) < _LEAST_MEMORY:
        msg = "Minimum memory limit allowed is 6MB"
        raise InvalidParameter(msg)
    policy = (host_config.get("RestartPolicy") or {}).get("Name") or "no"
    if policy not in _POLICIES:
        msg = f"invalid restart policy '{policy}'"
        raise InvalidParameter(msg)
    if host_config.get("AutoRemove") and policy != "no":
        msg = "can't create 'AutoRemove' container with restart policy"
        raise InvalidParameter(msg)
    if not mode.startswith("container"):
        return
    reason = ""
    if mode in {"container", "container:"}:
        reason = "Invalid network mode: invalid container format container:<name|id>"
    elif config.get("Hostname"):
        reason = "conflicting options: hostname and the network mode"
    elif host_config.get("Links"):
        reason = (
            "conflicting options: container type network can't be used with links."
            " This would result in undefined behavior"
        )
    elif host_config.get("Dns"):
        reason = "conflicting options: dns and the network mode"
    elif host_config.get("ExtraHosts"):
        reason = "conflicting options: custom host-to-IP mapping and the network mode"
    elif config.get("MacAddress"):
        reason = "conflicting options: mac-address and the network mode"
    elif host_config.get("PortBindings") or host_config.get("PublishAllPorts"):
        reason = (
            "conflicting options: port publishing and the container type network mode"
        )
    elif config.get("ExposedPorts"):
        reason = (
            "conflicting options: port exposing and the container type network mode"
        )
    if reason:
        raise InvalidParameter(reason)


def _merged(given: Mapping[str, Any], image: Image) -> dict[str, Any]:
    """Give the config of a container: what was asked for over what the image says."""
    base = image.config
    config = {key: value for key, value in given.items() if value is not None}
    # An empty first word clears what the image says [docker run --entrypoint ""].
    if config.get("Entrypoint") in ([""], ""):
        config["Entrypoint"] = None
    elif not config.get("Entrypoint"):
        if not config.get("Cmd"):
            config["Cmd"] = base.get("Cmd")
        if given.get("Entrypoint") is None and base.get("Entrypoint"):
            config["Entrypoint"] = base["Entrypoint"]
    for key in _MERGED:
        mine, theirs = config.get(key), base.get(key)
        if isinstance(theirs, Mapping) and theirs:
            config[key] = {**theirs, **(mine or {})}
        elif not mine and (theirs or key in _NULL):
            config[key] = theirs or None
    env = list(config.get("Env") or [])
    known = {each.partition("=")[0] for each in env}
    env += [x for x in base.get("Env") or [] if x.partition("=")[0] not in known]
    config["Env"] = env or None
    return config


def _check_directory(container: Container, point: MountPoint) -> None:
    """
    Refuse a volume without a name where the image has a file.

    Raises:
        System: It has one.
    """
    rw = container.rw
    path = point.destination
    if rw.exists(path) and not rw.isdir(path):
        msg = (
            "cannot mount volume over existing file, file exists"
            f" {container.merged}{path}"
        )
        raise System(msg)
