"""
Random layers, stacks and programs for the lab.

Names are few, so that they collide, and a path is drawn from those that already occur
in the layers four times of five: a property that is right finds nothing when it is fed
with paths which hit nothing.  What is drawn is built well formed, never filtered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from unionfs_sim.teaching.lab.model import Model, replay
from unionfs_sim.teaching.lab.operations import Op
from unionfs_sim.teaching.lab.values import (
    WHITEOUT,
    Dir,
    Entry,
    File,
    Layer,
    Path,
)
from unionfs_sim.teaching.source import Source, chance, choose

NAMES: Final = "ab"
DEPTH_MAX: Final = 3
CONTENTS: Final = (b"x", b"y", b"")
MODES: Final = (0o644, 0o600, 0o755)
#: In percent: how often a path is one that already occurs.
HOT: Final = 80
#: In percent: how often an entry of a layer meets one of the layers below it.
MET: Final = 60
#: In percent: how often a layer is one that was there before.
REPEATED: Final = 8
#: A name that nothing has before.
NEW: Final = ("n",)
#: In percent: how often the next operation is on what the last one removed.
AGAIN: Final = 50

#: Every path of the names, the root left out: small enough to try them all.
UNIVERSE: Final[tuple[Path, ...]] = tuple(
    at
    for depth in range(1, DEPTH_MAX + 1)
    for number in range(len(NAMES) ** depth)
    for at in [
        tuple(
            NAMES[number // len(NAMES) ** place % len(NAMES)] for place in range(depth)
        )
    ]
)

_DEPTHS: Final = (1, 2, 1, 2, 3)
_KINDS: Final = ("file", "file", "dir", "whiteout", "whiteout", "opaque")
_REMOVING: Final = ("unlink", "rmdir", "rmtree")
_VERBS: Final = (
    "write",
    "unlink",
    "mkdir",
    "append",
    "rmdir",
    "rename",
    "rmtree",
    "chmod",
    "write",
    "unlink",
)


def path(source: Source, *, depth_max: int = DEPTH_MAX) -> Path:
    """Draw a path, whatever there is."""
    depth = min(choose(source, _DEPTHS), depth_max)
    return tuple(choose(source, NAMES) for _ in range(depth))


def hot_path(source: Source, known: Sequence[Path], *, percent: int = HOT) -> Path:
    """Draw a path: mostly a known one, else any."""
    if known and not chance(source, 100 - percent):
        return choose(source, known)
    return path(source)


def file(source: Source) -> File:
    """Draw a file."""
    return File(choose(source, CONTENTS), choose(source, MODES))


def layer(
    source: Source,
    known: Sequence[Path] = (),
    *,
    entries_max: int = 4,
    marks: bool = True,
) -> Layer:
    """Draw a layer, half of it at known paths; without *marks* it is a plain tree."""
    made = Layer()
    for _ in range(source.below(entries_max + 1)):
        kind = choose(source, _KINDS if marks else _KINDS[:3])
        at = hot_path(source, known, percent=MET)
        if any(
            not isinstance(made.get(at[:depth], Dir()), Dir)
            for depth in range(1, len(at))
        ):
            continue  # a file or a whiteout is in the way
        entry: Entry
        if kind == "file":
            entry = file(source)
        elif kind == "whiteout":
            entry = WHITEOUT
        else:
            entry = Dir(opaque=kind == "opaque")
        for depth in range(1, len(at)):
            made.setdefault(at[:depth], Dir())
        if not isinstance(entry, Dir):
            made.drop(at)
        made[at] = entry
    return made


def layers(source: Source, *, layers_max: int = 3, layers_min: int = 0) -> list[Layer]:
    """Draw layers, base first."""
    count = layers_min + source.below(layers_max + 1 - layers_min)
    drawn: list[Layer] = []
    for _ in range(count):
        if drawn and chance(source, REPEATED):
            drawn.append(choose(source, drawn).snapshot())
        else:
            drawn.append(layer(source, known_paths(drawn)))
    return drawn


def plain_tree(source: Source) -> Layer:
    """Draw a layer without marks."""
    return layer(source, entries_max=5, marks=False)


def known_paths(stack: Sequence[Layer]) -> list[Path]:
    """Give the paths that occur in layers, whiteouts among them; sorted."""
    return sorted({at for one in stack for at in one})


def operation(source: Source, known: Sequence[Path], *, commit: bool = False) -> Op:
    """Draw an operation."""
    if commit and chance(source, 12):
        return Op("commit")
    verb = choose(source, _VERBS)
    at = hot_path(source, known)
    if verb in {"write", "append"}:
        return Op(verb, at, choose(source, CONTENTS))
    if verb == "chmod":
        return Op(verb, at, choose(source, MODES))
    if verb == "rename":
        return Op(verb, at, hot_path(source, known))
    return Op(verb, at)


def _again(
    source: Source, known: Sequence[Path], removed: Op, *, commit: bool
) -> list[Op]:
    """Draw operations on what was just removed: where unions are weakest."""
    at = removed.arguments[0]
    match source.below(5):
        case 0:
            made = [Op("mkdir", at)]
            return [*made, Op("commit")] if commit and source.below(2) else made
        case 1:
            return [Op("write", at, choose(source, CONTENTS))]
        case 2:
            return [Op("rename", hot_path(source, known), at)]
        case 3:
            return [Op("mkdir", NEW), Op("rename", NEW, at)]
        case _:
            return [Op("chmod", at, choose(source, MODES))]


def program(
    source: Source,
    known: Collection[Path],
    *,
    steps_max: int = 6,
    steps_min: int = 0,
    commit: bool = False,
) -> list[Op]:
    """Draw operations; what one of them names, the next ones know."""
    seen = sorted(known)
    drawn: list[Op] = []
    for _ in range(steps_min + source.below(steps_max + 1 - steps_min)):
        if drawn and drawn[-1].verb in _REMOVING and chance(source, AGAIN):
            some = _again(source, seen, drawn[-1], commit=commit)
        else:
            some = [operation(source, seen, commit=commit)]
        drawn += some
        for at in (x for op in some for x in op.arguments):
            if isinstance(at, tuple) and at not in seen:
                seen.append(at)
    return drawn


def after(stack: Sequence[Layer], ops: Sequence[Op] = ()) -> Model:
    """Give the plain tree that a union of layers shows after operations."""
    model = Model(replay(stack))
    for op in ops:
        try:
            getattr(model, op.verb)(*op.arguments)
        except OSError:
            continue
    return model
