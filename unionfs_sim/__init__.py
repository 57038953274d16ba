"""A pure-Python union file system."""

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Credentials, Meta
from unionfs_sim.core.nodes import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Kind,
    Regular,
    Socket,
    Symlink,
)

__version__ = "0.1.0"
