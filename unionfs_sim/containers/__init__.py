"""Docker's nouns over unions: hosts, engines, images, containers, volumes, networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unionfs_sim.containers.container import Container
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import ContainerError, EngineError
from unionfs_sim.containers.execs import ExecResult
from unionfs_sim.containers.host import Host, World
from unionfs_sim.containers.images import Image
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.networks import Network
from unionfs_sim.containers.process import Process
from unionfs_sim.containers.volumes import Volume

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = [
    "Container",
    "ContainerError",
    "Engine",
    "EngineError",
    "ExecResult",
    "Host",
    "Image",
    "MountTable",
    "Network",
    "Process",
    "Volume",
    "World",
    "docker_client",
]


def docker_client(engine: Engine | None = None, *, timeout: float = 60) -> DockerClient:
    """
    Give a client of the unchanged Docker SDK that talks to an engine of this process.

    Nothing listens anywhere: the client's connections have no name.  Closing the
    client ends them; the engine stays.  Needs ``pip install 'unionfs-sim[docker]'``.

    Args:
        engine: The engine; by default a new one with a busybox.
        timeout: How many seconds an answer may take.

    Raises:
        ImportError: The SDK or h11 is not installed.

    >>> client = docker_client()
    >>> client.containers.run("busybox", "echo hello", remove=True)
    b'hello\\n'
    >>> client.close()
    """
    try:
        from unionfs_sim.containers.api import inprocess  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "docker_client needs the SDK and h11: pip install 'unionfs-sim[docker]'"
        raise ImportError(msg) from error
    return inprocess.client_of(engine or Engine.with_busybox(), timeout=timeout)
