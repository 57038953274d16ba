"""
For tests, ours and others': needs the extra ``testing``, and pytest for the contract.

`strategies`
    Hypothesis strategies for layers, stacks, images, and programs of calls.
`model`
    The reference union in two hundred plain lines.
`machine`
    `UnionMachine`: random calls on a union and on the model, side by side.
`contract`
    `FilesystemContract`: a suite for the author of any file system to inherit.
`conformance`
    Recorded answers of the kernel, and a fuzzer that asks it now.
`archives`
    Image archives, and what can happen to them.

The names of the first four can be had from here; they are loaded when asked for.

>>> from unionfs_sim.testing import strategies
>>> from unionfs_sim.testing import UnionMachine, ModelUnion
>>> UnionMachine.__module__
'unionfs_sim.testing.machine'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unionfs_sim.testing.contract import FilesystemContract, ReadingContract
    from unionfs_sim.testing.machine import UnionMachine
    from unionfs_sim.testing.model import ModelUnion
    from unionfs_sim.testing.operations import Operation

__all__ = [
    "FilesystemContract",
    "ModelUnion",
    "Operation",
    "ReadingContract",
    "UnionMachine",
]

_HOMES = {
    "FilesystemContract": "contract",
    "ModelUnion": "model",
    "Operation": "operations",
    "ReadingContract": "contract",
    "UnionMachine": "machine",
}


def __getattr__(name: str) -> object:
    """Load a name when it is asked for: pytest and Hypothesis may be missing."""
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{home}"), name)
