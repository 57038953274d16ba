"""What ``docker inspect`` shows of a container, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from unionfs_sim.containers.configs import full_host_config
from unionfs_sim.containers.endpoints import Endpoint
from unionfs_sim.containers.images import OVERLAY_ROOT
from unionfs_sim.containers.instructions import full_config
from unionfs_sim.containers.networks import Network
from unionfs_sim.containers.spec import parse_mount_json
from unionfs_sim.containers.states import timestamp

if TYPE_CHECKING:
    from unionfs_sim.containers.containerbase import ContainerBase

CONTAINERS_ROOT: Final = "/var/lib/docker/containers"


def container_attrs(container: ContainerBase, *, size: bool = False) -> dict[str, Any]:
    """Give all that ``docker inspect`` shows, with the sizes if they are wanted."""
    owner = container.files_owner
    home = f"{CONTAINERS_ROOT}/{owner}" if owner else ""
    argv = container.argv
    shown: dict[str, Any] = {
        "Id": container.id,
        "Created": timestamp(container.created_ns),
        "Path": argv[0] if argv else "",
        "Args": argv[1:],
        "State": container.state.attrs(),
        "Image": container.image.id,
        "ResolvConfPath": f"{home}/resolv.conf" if home else "",
        "HostnamePath": f"{home}/hostname" if home else "",
        "HostsPath": f"{home}/hosts" if home else "",
        "LogPath": "",
        "Name": f"/{container.name}",
        "RestartCount": container.restart_count,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": container.exec_ids or None,
        "HostConfig": host_config(container),
        "GraphDriver": graph_driver(container),
        "Mounts": [point.attrs() for point in container.mount_points],
        "Config": config(container),
        "NetworkSettings": network_settings(container),
    }
    if container.state.tried:
        path = f"{CONTAINERS_ROOT}/{container.id}/{container.id}-json.log"
        shown["LogPath"] = path
    if size:
        sized = {"SizeRw": container.size_rw}
        sized["SizeRootFs"] = container.size_rw + container.image.size
        items = list(shown.items())
        place = list(shown).index("GraphDriver")
        shown = dict(items[:place]) | sized | dict(items[place:])
    return shown


def host_config(container: ContainerBase) -> dict[str, Any]:
    """Give ``HostConfig``, its mounts as the engine writes them."""
    full = full_host_config(
        {"Runtime": "runc" if container.state.tried else None, **container.host_config}
    )
    if full.get("Mounts"):
        full["Mounts"] = [_mount(x) for x in full["Mounts"]]
    return full


def _mount(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give a mount as it was asked for: without a driver if that said none."""
    shown = parse_mount_json(given).to_json()
    options = shown.get("VolumeOptions", {})
    if not options.get("DriverConfig", True) and (
        "DriverConfig" not in (given.get("VolumeOptions") or {})
    ):
        del options["DriverConfig"]
    return shown


def config(container: ContainerBase) -> dict[str, Any]:
    """Give ``Config``: the image's, with what the container was asked for."""
    full = full_config(container.config)
    full["Labels"] = full["Labels"] or {}
    return full


def graph_driver(container: ContainerBase) -> dict[str, Any]:
    """Give where the layers lie: the ``-init`` layer, then the image's, top first."""
    base = f"{OVERLAY_ROOT}/{container.layer_id}"
    lower = container.engine.images.lower_directories(container.image.value.chain_ids)
    return {
        "Data": {
            "LowerDir": ":".join([f"{base}-init/diff", *lower]),
            "MergedDir": f"{base}/merged",
            "UpperDir": f"{base}/diff",
            "WorkDir": f"{base}/work",
        },
        "Name": "overlay2",
    }


def endpoint_attrs(
    network: Network | None,
    endpoint: Endpoint | None,
    *,
    wanted: str | None,
    aliases: list[str] | None,
    started: bool,
) -> dict[str, Any]:
    """Give one of ``NetworkSettings.Networks``: running, stopped, or never started."""
    prefix = 0
    gateway = ""
    address = ""
    if endpoint is not None and network is not None and network.pool is not None:
        prefix = network.pool.subnet.prefixlen
        gateway = str(network.pool.gateway)
        address = str(endpoint.address)
    return {
        "IPAMConfig": {"IPv4Address": wanted} if wanted else None,
        "Links": None,
        "Aliases": aliases if started else None,
        "NetworkID": network.id if network is not None and started else "",
        "EndpointID": endpoint.id if endpoint is not None else "",
        "Gateway": gateway,
        "IPAddress": address,
        "IPPrefixLen": prefix,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "MacAddress": endpoint.mac if endpoint is not None else "",
        "DriverOpts": None,
    }


def network_settings(container: ContainerBase) -> dict[str, Any]:
    """Give ``NetworkSettings``; those of a joined container are empty."""
    networks = container.network_attrs()
    bridge: dict[str, Any] = networks.get("bridge", {})
    sandbox = container.sandbox_id
    return {
        "Bridge": "",
        "SandboxID": sandbox,
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": container.ports(),
        "SandboxKey": f"/var/run/docker/netns/{sandbox[:12]}" if sandbox else "",
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": bridge.get("EndpointID", ""),
        "Gateway": bridge.get("Gateway", ""),
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "IPAddress": bridge.get("IPAddress", ""),
        "IPPrefixLen": bridge.get("IPPrefixLen", 0),
        "IPv6Gateway": "",
        "MacAddress": bridge.get("MacAddress", ""),
        "Networks": networks,
    }
