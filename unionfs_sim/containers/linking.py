"""How a container comes to a network: its own, another's, or the host's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import attrs

from unionfs_sim.containers import inspecting
from unionfs_sim.containers.errors import Conflict, Forbidden, NotFound, System
from unionfs_sim.containers.networks import Network
from unionfs_sim.containers.ports import Ports
from unionfs_sim.containers.sockets import Namespace
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.errors import UnionFSError

if TYPE_CHECKING:
    from unionfs_sim.containers.containerbase import ContainerBase

_LOCALHOST = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n"
)


@final
@attrs.define(eq=False)
class Link:
    """
    What a container has of networks.

    Attributes:
        namespace: Where its programs listen and connect; ``None`` before the start.
        sandbox: The id of a namespace of its own, which outlives the stop.
        networks: The networks that it was tied to at its last start, by name.
        extra: Further networks that it is to be tied to.
        ports: Where its ports are published, as ``NetworkSettings.Ports``.
        files: The id of the container whose hosts file it uses.
        written: Whether that file has been made since the start.
        left: Whether it was untied from the network that it was made for.
    """

    namespace: Namespace | None = None
    sandbox: str = ""
    networks: dict[str, str] = attrs.field(factory=dict)
    files: str = ""
    written: bool = False
    extra: tuple[str, ...] = ()
    left: bool = False
    ports: Ports = attrs.field(factory=dict)


def joined(mode: str) -> str | None:
    """
    Give the container that a network mode names, or ``None``.

    >>> joined("container:web"), joined("bridge")
    ('web', None)
    """
    return mode.removeprefix("container:") if mode.startswith("container:") else None


def connect(container: ContainerBase) -> None:
    """
    Give a container that starts its network.

    Raises:
        NotFound: There is no such network, or container to join.
        Conflict: That container does not run.
        System: It would join itself; there is no free address.
    """
    engine, link = container.engine, container.link
    mode = container.network_mode
    link.written = False
    target = joined(mode)
    if target is not None:
        _join(container, target)
        return
    link.files = container.id
    if mode == "host":
        link.namespace = engine.host_namespace
        link.sandbox = engine.host_namespace.id
        network = engine.networks.get("host")
        network.attach(
            engine.ids(),
            Namespace(link.sandbox, engine.networks.route, engine.networks.resolve),
            container=container.id,
            name=container.name,
            indexes=engine.networks.indexes,
        )
        link.networks = {"host": network.id}
        return
    first = [] if link.left else [_network(container, mode)]
    wanted = [*first, *link.extra]
    namespace = Namespace(engine.ids(), engine.networks.route, engine.networks.resolve)
    done: list[Network] = []
    try:
        for name in wanted:
            network = engine.networks.get(name)
            _attach(container, network, namespace)
            done.append(network)
        _publish(container, done, namespace)
    except (NotFound, System, ValueError):
        for network in done:
            network.detach(container.id)
        raise
    link.namespace = namespace
    link.sandbox = namespace.id
    link.networks = {network.name: network.id for network in done}


def _publish(
    container: ContainerBase, networks: Sequence[Network], namespace: Namespace
) -> None:
    """
    Publish the ports of a container that starts, if its network leads outside.

    Raises:
        System: A port of the host is in use.
    """
    link, given = container.link, container.host_config
    if all(network.pool is None for network in networks):
        return
    try:
        link.ports = container.engine.ports.publish(
            container.id,
            namespace,
            given.get("PortBindings") or {},
            container.config.get("ExposedPorts") or {},
            every=bool(given.get("PublishAllPorts")),
        )
    except System as error:
        where = f"endpoint {container.name} ({networks[0].endpoints[container.id].id})"
        msg = f"driver failed programming external connectivity on {where}"
        raise System(f"{msg}: {error.message}") from error


def _network(container: ContainerBase, mode: str) -> str:
    """Give the network of a mode: the very one of the last start, if there was one."""
    if mode in {"default", "bridge", ""}:
        return "bridge"
    return container.link.networks.get(mode, mode)


def _attach(container: ContainerBase, network: Network, namespace: Namespace) -> None:
    engine = container.engine
    settings = container.endpoint_settings(network.name)
    network.attach(
        engine.ids(),
        namespace,
        container=container.id,
        name=container.name,
        wanted=settings.get("wanted"),
        mac=container.config.get("MacAddress") or None,
        aliases=tuple(aliases_of(container, settings)),
        indexes=engine.networks.indexes,
    )


def aliases_of(container: ContainerBase, settings: Mapping[str, Any]) -> list[str]:
    """Give the further names on a network: those given, the short id, the host's."""
    names = [*(settings.get("aliases") or ()), container.id[:12]]
    if container.hostname not in {container.name, *names}:
        names.append(container.hostname)
    return names


def _first(mode: str) -> str:
    """Give the network that a container is made for."""
    return "bridge" if mode in {"default", "bridge", ""} else mode


def _join(container: ContainerBase, target: str) -> None:
    engine, link = container.engine, container.link
    try:
        owner = engine.containers.get(target)
    except NotFound:
        msg = f"No such container: {target}"
        raise NotFound(msg) from None
    if owner is container:
        msg = "cannot join own network"
        raise System(msg)
    if not owner.state.running or owner.link.namespace is None:
        msg = f"cannot join network of a non running container: {owner.id}"
        raise Conflict(msg)
    link.namespace = owner.link.namespace
    link.sandbox = ""
    link.networks = {}
    link.files = owner.link.files
    container.config["Hostname"] = owner.config.get("Hostname", "")
    container.config["Domainname"] = owner.config.get("Domainname", "")


def connect_more(
    container: ContainerBase,
    network: Network,
    *,
    wanted: str | None = None,
    aliases: Sequence[str] = (),
) -> None:
    """
    Tie a container to one more network, at once if it runs.

    Raises:
        Forbidden: It shares its network with another container, or the host.
        Conflict: It is tied to that network already.
    """
    mode, link = container.network_mode, container.link
    if joined(mode) is not None or mode == "host":
        msg = (
            "container sharing network namespace with another container or host cannot"
            " be connected to any other network"
        )
        raise Forbidden(msg)
    if mode == "none" or network.driver == "null":
        msg = (
            "container cannot be connected to multiple networks with one of the"
            " networks in private (none) mode"
        )
        raise Forbidden(msg)
    tied = {*link.extra, *link.networks}
    if not link.left:
        tied.add(_first(mode))
    if network.name in tied:
        msg = (
            f"endpoint with name {container.name} already exists in network"
            f" {network.name}"
        )
        raise Forbidden(msg)
    settings: dict[str, Any] = {"Aliases": list(aliases)}
    if wanted:
        settings["IPAMConfig"] = {"IPv4Address": wanted}
    container.networking[network.name] = settings
    if link.namespace is not None:
        _attach(container, network, link.namespace)
        link.networks[network.name] = network.id
    link.extra = (*link.extra, network.name)


def disconnect_one(container: ContainerBase, network: Network) -> None:
    """
    Untie a container from a network.

    Raises:
        Forbidden: It is not tied to it.
    """
    link = container.link
    if network.name not in link.networks and network.name not in link.extra:
        msg = f"container {container.id} is not connected to network {network.name}"
        raise Forbidden(msg)
    network.detach(container.id)
    link.networks.pop(network.name, None)
    if network.name == _first(container.network_mode):
        link.left = True
    link.extra = tuple(name for name in link.extra if name != network.name)


def disconnect(container: ContainerBase) -> None:
    """Take a container's network away: its addresses are free, others see ``lo``."""
    link, engine = container.link, container.engine
    if joined(container.network_mode) is None:
        for identifier in link.networks.values():
            for network in engine.networks.list():
                if network.id == identifier:
                    network.detach(container.id)
        if link.namespace is not None and link.namespace is not engine.host_namespace:
            link.namespace.drop()
    engine.ports.withdraw(container.id)
    link.ports = {}
    link.namespace = None


def network_attrs(container: ContainerBase) -> dict[str, Any]:
    """Give ``NetworkSettings.Networks``."""
    mode = container.network_mode
    if joined(mode) is not None:
        return {}
    link, engine = container.link, container.engine
    started = bool(link.networks)
    names = dict(link.networks)
    if not started:
        names = {"bridge" if mode in {"default", ""} else mode: ""}
    shown: dict[str, Any] = {}
    for name, identifier in names.items():
        network = next(
            (each for each in engine.networks.list() if each.id == identifier), None
        )
        settings = container.endpoint_settings(name)
        user = name not in {"bridge", "host", "none"}
        aliases = aliases_of(container, settings)
        entry = inspecting.endpoint_attrs(
            network,
            network.endpoints.get(container.id) if network else None,
            wanted=settings.get("wanted"),
            aliases=aliases if user else None,
            started=started,
        )
        if network is None and identifier:
            entry["NetworkID"] = identifier
        shown[name] = entry
    return shown


def ensure_files(container: ContainerBase) -> str:
    """
    Make the files that a container's ``/etc`` shows, once a start; give their place.

    A joined container has those of the one that it joined.
    """
    link, engine = container.link, container.engine
    home = f"{inspecting.CONTAINERS_ROOT}/{link.files}"
    owner: ContainerBase = container
    if link.files != container.id:
        try:
            owner = engine.containers.get(link.files)
        except NotFound:
            return home
        return ensure_files(owner) if owner is not container else home
    if link.written:
        return home
    link.written = True
    fs = engine.host.fs
    fs.makedirs(home, exist_ok=True)
    fs.chmod(home, 0o710)
    hostname = container.hostname
    _write(fs, f"{home}/hostname", f"{hostname}\n")
    _write(fs, f"{home}/hosts", _hosts(container, hostname))
    _write(fs, f"{home}/resolv.conf", _resolv(container))
    return home


def _write(fs: FileSystem, path: str, text: str) -> None:
    fs.write_text(path, text)
    fs.chmod(path, 0o644)


def _hosts(container: ContainerBase, hostname: str) -> str:
    text = _LOCALHOST
    for line in container.host_config.get("ExtraHosts") or ():
        name, _, address = line.partition(":")
        text += f"{address}\t{name}\n"
    namespace = container.link.namespace
    if namespace is not None:
        for each in namespace.interfaces.values():
            if each.name != "lo" and each.address is not None:
                text += f"{each.address.ip}\t{hostname}\n"
    return text


def _resolv(container: ContainerBase) -> str:
    servers = container.host_config.get("Dns") or ()
    if servers:
        return "".join(f"nameserver {each}\n" for each in servers)
    if any(name not in {"bridge", "host", "none"} for name in container.link.networks):
        return "nameserver 127.0.0.11\noptions ndots:0\n"
    try:
        return container.engine.host.fs.read_text("/etc/resolv.conf")
    except UnionFSError:
        return "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"
