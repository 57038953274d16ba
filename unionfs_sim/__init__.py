"""
A pure-Python union file system, with Docker's storage model on top.

The names below are loaded when they are first asked for, so that ``import unionfs_sim``
costs next to nothing and a command line starts fast.

>>> from unionfs_sim import WHITEOUT, Layer, UnionFS
>>> base = Layer.build({"etc/motd": "hello"}, label="base")
>>> web = Layer.build({"etc/motd": WHITEOUT}, label="web")
>>> UnionFS([web, base]).exists("/etc/motd")
False
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from unionfs_sim.core.cache import Negative as Negative
    from unionfs_sim.core.cache import Resolved as Resolved
    from unionfs_sim.core.clock import TickClock as TickClock
    from unionfs_sim.core.content import Content as Content
    from unionfs_sim.core.content import hole as hole
    from unionfs_sim.core.content import literal as literal
    from unionfs_sim.core.diff import Change as Change
    from unionfs_sim.core.filesystem import FileSystem as FileSystem
    from unionfs_sim.core.layer import Layer as Layer
    from unionfs_sim.core.layer import LayerBuilder as LayerBuilder
    from unionfs_sim.core.meta import Credentials as Credentials
    from unionfs_sim.core.meta import Meta as Meta
    from unionfs_sim.core.nodes import OPAQUE as OPAQUE
    from unionfs_sim.core.nodes import WHITEOUT as WHITEOUT
    from unionfs_sim.core.nodes import Device as Device
    from unionfs_sim.core.nodes import Directory as Directory
    from unionfs_sim.core.nodes import Fifo as Fifo
    from unionfs_sim.core.nodes import Kind as Kind
    from unionfs_sim.core.nodes import Regular as Regular
    from unionfs_sim.core.nodes import Socket as Socket
    from unionfs_sim.core.nodes import Symlink as Symlink
    from unionfs_sim.core.policy import Policy as Policy
    from unionfs_sim.core.stack import Stack as Stack
    from unionfs_sim.core.steps import Plan as Plan
    from unionfs_sim.core.story import Trace as Trace
    from unionfs_sim.core.union import UnionFS as UnionFS
    from unionfs_sim.errors import FormatError as FormatError
    from unionfs_sim.errors import SpecError as SpecError
    from unionfs_sim.errors import UnionFSError as UnionFSError

__version__ = "0.1.0"

#: Where each public name is at home.
_HOMES = {
    "core.cache": ("Negative", "Resolved"),
    "core.clock": ("TickClock",),
    "core.content": ("Content", "hole", "literal"),
    "core.diff": ("Change",),
    "core.filesystem": ("FileSystem",),
    "core.layer": ("Layer", "LayerBuilder"),
    "core.meta": ("Credentials", "Meta"),
    "core.nodes": (
        "OPAQUE",
        "WHITEOUT",
        "Device",
        "Directory",
        "Fifo",
        "Kind",
        "Regular",
        "Socket",
        "Symlink",
    ),
    "core.policy": ("Policy",),
    "core.stack": ("Stack",),
    "core.steps": ("Plan",),
    "core.story": ("Trace",),
    "core.union": ("UnionFS",),
    "errors": ("FormatError", "SpecError", "UnionFSError"),
}

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
    "Policy",
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


def __getattr__(name: str) -> object:
    """Load a public name from its home."""
    for home, names in _HOMES.items():
        if name in names:
            from importlib import import_module  # noqa: PLC0415 - loaded when needed

            found = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
            return found
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """List what can be asked for, loaded or not."""
    return sorted({*globals(), *__all__})
