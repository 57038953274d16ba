"""
A pure-Python union file system, with Docker's storage model on top.

>>> from unionfs_sim import WHITEOUT, Layer, UnionFS
>>> base = Layer.build({"etc/motd": "hello"}, label="base")
>>> web = Layer.build({"etc/motd": WHITEOUT}, label="web")
>>> UnionFS([web, base]).exists("/etc/motd")
False
"""

from unionfs_sim.core.cache import Negative, Resolved
from unionfs_sim.core.clock import TickClock
from unionfs_sim.core.content import Content, hole, literal
from unionfs_sim.core.diff import Change
from unionfs_sim.core.filesystem import FileSystem
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
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.steps import Plan
from unionfs_sim.core.story import Trace
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import FormatError, SpecError, UnionFSError

__version__ = "0.1.0"

__all__ = [
    "OPAQUE",
    "WHITEOUT",
    "Change",
    "Content",
    "Credentials",
    "Device",
    "Directory",
    "Fifo",
    "FileSystem",
    "FormatError",
    "Kind",
    "Layer",
    "LayerBuilder",
    "Meta",
    "Negative",
    "Plan",
    "Regular",
    "Resolved",
    "Socket",
    "SpecError",
    "Stack",
    "Symlink",
    "TickClock",
    "Trace",
    "UnionFS",
    "UnionFSError",
    "hole",
    "literal",
]
