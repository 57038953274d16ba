"""Docker's nouns over unions: hosts, engines, images, containers, volumes, networks."""

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
]
