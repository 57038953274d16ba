"""
The lab: a small union file system, written to be read and to be broken.

It has files with permissions, directories, whiteouts and opaque directories, and
nothing else.  The library's own union is another implementation, with all that Linux
has; no program uses this one.

>>> from unionfs_sim.teaching.lab import Lab, ops, outcome, show, stack
>>> union = Lab().stack(stack("d/a=1 | d/b=2"))
>>> [outcome(union, op) for op in ops("rmtree d; mkdir d; rename d e")]
['ok', 'ok', 'ok']
>>> show(union.upper)
'~d e/'
"""

from __future__ import annotations

from unionfs_sim.teaching.lab.algebra import Member
from unionfs_sim.teaching.lab.containers import Container, Image, Volume
from unionfs_sim.teaching.lab.implementation import Lab
from unionfs_sim.teaching.lab.model import Model, replay
from unionfs_sim.teaching.lab.notation import layer, op, ops, show, stack
from unionfs_sim.teaching.lab.operations import VERBS, Op, outcome
from unionfs_sim.teaching.lab.resolve import Found, Step
from unionfs_sim.teaching.lab.stack import Stack
from unionfs_sim.teaching.lab.values import (
    MODE,
    WHITEOUT,
    Dir,
    Entry,
    File,
    Layer,
    Node,
    Path,
    PathLike,
    Tree,
    error_name,
    path,
    put,
)

__all__ = [
    "MODE",
    "VERBS",
    "WHITEOUT",
    "Container",
    "Dir",
    "Entry",
    "File",
    "Found",
    "Image",
    "Lab",
    "Layer",
    "Member",
    "Model",
    "Node",
    "Op",
    "Path",
    "PathLike",
    "Stack",
    "Step",
    "Tree",
    "Volume",
    "error_name",
    "layer",
    "op",
    "ops",
    "outcome",
    "path",
    "put",
    "replay",
    "show",
    "stack",
]
