"""What the values of properties are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from unionfs_sim.teaching import generate
from unionfs_sim.teaching.lab import File, Layer, Model, Op, Path, put
from unionfs_sim.teaching.properties.law import Case, Drawer
from unionfs_sim.teaching.source import Source, choose

_T = TypeVar("_T")


def plain(draw: Callable[[Source], object]) -> Drawer:
    """Draw what does not depend on anything drawn before."""
    return lambda source, _: draw(source)


def number(limit: int) -> Drawer:
    """Draw a number from 0 up to, and without, a limit."""
    return lambda source, _: source.below(limit)


def one_of(*options: object) -> Drawer:
    """Draw one of some values."""
    return lambda source, _: choose(source, options)


#: Up to three layers; one, at least two, of them.
stack: Drawer = plain(generate.layers)
stack_of_some: Drawer = plain(lambda s: generate.layers(s, layers_min=1))
stack_of_many: Drawer = plain(lambda s: generate.layers(s, layers_max=5))
stack_of_two: Drawer = plain(lambda s: generate.layers(s, layers_min=2))
layer: Drawer = plain(generate.layer)
tree: Drawer = plain(generate.plain_tree)
any_path: Drawer = plain(generate.path)
content: Drawer = one_of(*generate.CONTENTS)
mode: Drawer = one_of(*generate.MODES)


def layers_of(case: Case) -> list[Layer]:
    """Give the layers that were drawn."""
    return cast("list[Layer]", case.get("layers", []))


def program_of(case: Case) -> list[Op]:
    """Give the operations that were drawn."""
    return cast("list[Op]", case.get("program", []))


def known_of(case: Case) -> list[Path]:
    """Give the paths that occur in what was drawn."""
    known = set(generate.known_paths(layers_of(case)))
    for op in program_of(case):
        known.update(x for x in op.arguments if isinstance(x, tuple))
    return sorted(known)


def hot_path(source: Source, case: Case) -> Path:
    """Draw a path, mostly one that occurs."""
    return generate.hot_path(source, known_of(case))


def program(*, steps: int = 6, commit: bool = False, least: int = 0) -> Drawer:
    """Draw operations."""
    return lambda source, case: generate.program(
        source, known_of(case), steps_max=steps, steps_min=least, commit=commit
    )


def operation(source: Source, case: Case) -> Op:
    """Draw one operation."""
    return generate.operation(source, known_of(case))


def state(case: Case) -> Model:
    """Give what a union must show after what was drawn."""
    return generate.after(layers_of(case), program_of(case))


def shown_file(source: Source, case: Case) -> Path:
    """Draw the path of a file that shows; if there is none, one is laid on top."""
    files = [at for at, entry in sorted(state(case).files.items()) if entry is not None]
    if files:
        return choose(source, files)
    return _on_top(source, case, generate.file(source))


def shown_dir(source: Source, case: Case) -> Path:
    """Draw the path of a directory that shows; if there is none, one is made."""
    directories = [
        at for at, entry in sorted(state(case).files.items()) if entry is None
    ]
    if directories:
        return choose(source, directories)
    at = generate.path(source)
    below = generate.path(source, depth_max=1)
    return _on_top(source, case, generate.file(source), (*at, *below))[: len(at)]


def _on_top(source: Source, case: Case, entry: File, at: Path | None = None) -> Path:
    at = at or generate.path(source)
    case["layers"] = [*layers_of(case), put(at, entry)]
    if "program" in case:
        case["program"] = []
    return at
