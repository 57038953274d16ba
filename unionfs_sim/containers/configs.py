"""
What a container is made with: the body of Docker's API, from the words of its SDK.

`create` of the API takes one document; the Docker SDK for Python takes keywords.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from unionfs_sim.containers import mountflag, spec
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.instructions import sorted_map

#: ``HostConfig`` of a container that was asked nothing special of, in Docker's order.
HOST_CONFIG: Final[Mapping[str, Any]] = {
    "Binds": None,
    "ContainerIDFile": "",
    "LogConfig": {"Type": "json-file", "Config": {}},
    "NetworkMode": "default",
    "PortBindings": None,
    "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
    "AutoRemove": False,
    "VolumeDriver": "",
    "VolumesFrom": None,
    "CapAdd": None,
    "CapDrop": None,
    "CgroupnsMode": "host",
    "Dns": None,
    "DnsOptions": None,
    "DnsSearch": None,
    "ExtraHosts": None,
    "GroupAdd": None,
    "IpcMode": "private",
    "Cgroup": "",
    "Links": None,
    "OomScoreAdj": 0,
    "PidMode": "",
    "Privileged": False,
    "PublishAllPorts": False,
    "ReadonlyRootfs": False,
    "SecurityOpt": None,
    "StorageOpt": None,
    "Tmpfs": None,
    "UTSMode": "",
    "UsernsMode": "",
    "ShmSize": 67108864,
    "Sysctls": None,
    "Runtime": None,
    "ConsoleSize": [0, 0],
    "Isolation": "",
    "CpuShares": 0,
    "Memory": 0,
    "NanoCpus": 0,
    "CgroupParent": "",
    "BlkioWeight": 0,
    "BlkioWeightDevice": None,
    "BlkioDeviceReadBps": None,
    "BlkioDeviceWriteBps": None,
    "BlkioDeviceReadIOps": None,
    "BlkioDeviceWriteIOps": None,
    "CpuPeriod": 0,
    "CpuQuota": 0,
    "CpuRealtimePeriod": 0,
    "CpuRealtimeRuntime": 0,
    "CpusetCpus": "",
    "CpusetMems": "",
    "Devices": None,
    "DeviceCgroupRules": None,
    "DeviceRequests": None,
    "KernelMemory": 0,
    "KernelMemoryTCP": 0,
    "MemoryReservation": 0,
    "MemorySwap": 0,
    "MemorySwappiness": None,
    "OomKillDisable": False,
    "PidsLimit": None,
    "Ulimits": None,
    "CpuCount": 0,
    "CpuPercent": 0,
    "IOMaximumIOps": 0,
    "IOMaximumBandwidth": 0,
    "Mounts": None,
    "MaskedPaths": [
        "/proc/asound",
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
    ],
    "ReadonlyPaths": [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ],
    "Init": None,
}

#: Members that are not there at all when they say nothing.
_OPTIONAL: Final = ("StorageOpt", "Tmpfs", "Sysctls", "Runtime", "Mounts", "Init")

#: What clients send where nothing was said: the engine puts its own [use-inspect].
_UNSAID: Final = {
    "CgroupnsMode": "",
    "IpcMode": "",
    "MemorySwappiness": -1,
    "PidsLimit": 0,
    "ShmSize": 0,
}

_MAPS: Final = ("PortBindings", "StorageOpt", "Tmpfs", "Sysctls")


def full_host_config(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    Give ``HostConfig`` with all members, those that were not given by default.

    >>> full_host_config({"Binds": ["/a:/b"]})["Binds"]
    ['/a:/b']
    """
    full = dict(HOST_CONFIG)
    if given.get("Privileged"):
        full |= {"SecurityOpt": ["label=disable"]}
        full |= {"MaskedPaths": None, "ReadonlyPaths": None}
    for key, value in given.items():
        if key in full and value is not None and value != _UNSAID.get(key, full):
            full[key] = value
    full["LogConfig"] = {
        **full["LogConfig"],
        "Type": full["LogConfig"].get("Type") or "json-file",
    }
    for key in ("Binds", "VolumesFrom"):
        full[key] = full[key] or None
    for key in _MAPS:
        if full[key]:
            full[key] = sorted_map(full[key])
    if full["Memory"] and not full["MemorySwap"]:
        full["MemorySwap"] = 2 * full["Memory"]
    full["RestartPolicy"] = {**HOST_CONFIG["RestartPolicy"], **full["RestartPolicy"]}
    for port, where in (full["PortBindings"] or {}).items():
        full["PortBindings"][port] = [{"HostIp": "", "HostPort": ""} | x for x in where]
    return {key: x for key, x in full.items() if x or key not in _OPTIONAL}


def _environment(given: Mapping[str, str] | Sequence[str] | None) -> list[str] | None:
    if isinstance(given, Mapping):
        return [f"{name}={value}" for name, value in given.items()]
    return None if given is None else list(given)


def _words(command: str | Sequence[str] | None) -> list[str] | None:
    if isinstance(command, str):
        return shlex.split(command)
    return None if command is None else list(command)


def _binds(volumes: Mapping[str, Mapping[str, str]] | Sequence[str]) -> list[str]:
    if not isinstance(volumes, Mapping):
        return list(volumes)
    return [
        ":".join(filter(None, (source, given["bind"], given.get("mode", "rw"))))
        for source, given in volumes.items()
    ]


def _labels(given: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    return dict.fromkeys(given, "")


def _mount(given: object) -> dict[str, Any]:
    """Read a mount, as a text of ``--mount``, a document, or a specification."""
    if isinstance(given, spec.MountSpec):
        return given.to_json()
    if isinstance(given, str):
        return dict(mountflag.read_fields(given))
    if isinstance(given, Mapping):
        return dict(given)
    msg = f"{given!r} is no mount"
    raise InvalidParameter(msg)


#: Keywords of the Docker SDK that are members of the body under another name.
_CONFIG_NAMES: Final = {
    "detach_keys": "",
    "domainname": "Domainname",
    "hostname": "Hostname",
    "mac_address": "MacAddress",
    "stdin_open": "OpenStdin",
    "stop_signal": "StopSignal",
    "tty": "Tty",
    "working_dir": "WorkingDir",
}
_HOST_NAMES: Final = {
    "auto_remove": "AutoRemove",
    "dns": "Dns",
    "links": "Links",
    "privileged": "Privileged",
    "publish_all_ports": "PublishAllPorts",
    "read_only": "ReadonlyRootfs",
    "restart_policy": "RestartPolicy",
    "shm_size": "ShmSize",
    "tmpfs": "Tmpfs",
    "volume_driver": "VolumeDriver",
    "volumes_from": "VolumesFrom",
}


def body(
    image: str,
    command: str | Sequence[str] | None = None,
    *,
    entrypoint: str | Sequence[str] | None = None,
    environment: Mapping[str, str] | Sequence[str] | None = None,
    extra_hosts: Mapping[str, str] | Sequence[str] | None = None,
    ip: str | None = None,
    labels: Mapping[str, str] | Sequence[str] | None = None,
    mounts: Sequence[object] = (),
    network: str | None = None,
    network_mode: str | None = None,
    ports: Mapping[str, Any] | None = None,
    user: str | int | None = None,
    volumes: Mapping[str, Mapping[str, str]] | Sequence[str] = (),
    **others: Any,
) -> dict[str, Any]:
    """
    Make the body of a create from the keywords of the Docker SDK.

    Args:
        image: The image.
        command: What it runs; a text falls into words.
        entrypoint: What the command is for.
        environment: The environment.
        extra_hosts: More lines of ``/etc/hosts``.
        ip: The address on the network.
        labels: Labels.
        mounts: As ``--mount``: texts, documents, or `spec.MountSpec`.
        network: The network, by its name.
        network_mode: ``none``, ``host``, ``bridge``, ``container:NAME``.
        ports: Ports to be published, as the SDK has them.
        user: Who it runs as.
        volumes: As ``-v``: texts, or to each source ``{"bind": path, "mode": mode}``.
        others: The other keywords of the SDK.

    Raises:
        TypeError: There is no such keyword.
        InvalidParameter: A mount makes no sense.

    >>> made = body("busybox", "ls /x", volumes=["web:/x", "/y"])
    >>> made["HostConfig"]["Binds"], made["Volumes"], made["Cmd"]
    (['web:/x'], {'/y': {}}, ['ls', '/x'])
    """
    written = list(dict.fromkeys(_binds(volumes)))
    anonymous: dict[str, Any] = {
        text: {} for text in written if spec.is_anonymous(text)
    }
    binds = [text for text in written if text not in anonymous]
    host: dict[str, Any] = {"NetworkMode": network or network_mode or "default"}
    if binds:
        host["Binds"] = binds
    if mounts:
        host["Mounts"] = [_mount(each) for each in mounts]
    if extra_hosts:
        host["ExtraHosts"] = (
            [f"{name}:{address}" for name, address in extra_hosts.items()]
            if isinstance(extra_hosts, Mapping)
            else list(extra_hosts)
        )
    made: dict[str, Any] = {"Image": image, "Cmd": _words(command), "HostConfig": host}
    if entrypoint is not None:
        made["Entrypoint"] = _words(entrypoint)
    if environment is not None:
        made["Env"] = _environment(environment)
    if anonymous:
        made["Volumes"] = anonymous
    if labels:
        made["Labels"] = _labels(labels)
    if user is not None:
        made["User"] = str(user)
    if ports:
        made["ExposedPorts"], host["PortBindings"] = _ports(ports)
    if ip is not None:
        name = network or "default"
        endpoint = {"IPAMConfig": {"IPv4Address": ip}}
        made["NetworkingConfig"] = {"EndpointsConfig": {name: endpoint}}
    for key, value in others.items():
        if key in _CONFIG_NAMES:
            made[_CONFIG_NAMES[key]] = value
        elif key in _HOST_NAMES:
            host[_HOST_NAMES[key]] = value
        else:
            msg = f"a container has no keyword {key!r}"
            raise TypeError(msg)
    if isinstance(host.get("Tmpfs"), Sequence):
        host["Tmpfs"] = dict(text.partition(":")[::2] for text in host["Tmpfs"])
    return made


def _ports(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give ``ExposedPorts`` and ``PortBindings``."""
    exposed: dict[str, Any] = {}
    bound: dict[str, Any] = {}
    for port, where in given.items():
        name = str(port) if "/" in str(port) else f"{port}/tcp"
        exposed[name] = {}
        if where is None:
            bound[name] = [{"HostIp": "", "HostPort": ""}]
            continue
        address, number = where if isinstance(where, tuple) else ("", where)
        bound[name] = [{"HostIp": address, "HostPort": str(number)}]
    return exposed, bound
