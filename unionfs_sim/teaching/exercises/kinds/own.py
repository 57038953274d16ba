"""Child's half of the exercises whose answer is an implementation of the student's own."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from pathlib import Path as HostPath
from types import ModuleType
from typing import Any

from unionfs_sim.teaching.exercises.child import load_module
from unionfs_sim.teaching.exercises.faults import describe
from unionfs_sim.teaching.lab import (
    File,
    Lab,
    Layer,
    Node,
    Path,
    PathLike,
    Stack,
    Step,
    Tree,
    path,
)
from unionfs_sim.teaching.lab.values import fail
from unionfs_sim.teaching.properties import PROPERTIES
from unionfs_sim.teaching.properties.law import Property, run_case, show_case


class OwnLab(Lab):
    """The lab with a union of the student's."""

    tidy = False

    def __init__(self, make: Callable[[Sequence[Layer]], Any]) -> None:
        super().__init__("yours")
        self.make = make

    def stack(self, layers: Sequence[Layer] = ()) -> Any:  # noqa: ANN401 - theirs
        """Put the student's union over layers."""
        return self.make(layers)


class ResolvedStack(Stack):
    """A union that reads by a student's ``lookup``, ``readdir`` and ``explain``."""

    def __init__(self, layers: Sequence[Layer], own: ModuleType) -> None:
        super().__init__(layers)
        self.own = own

    def push(self, *layers: Layer) -> ResolvedStack:
        """Give a union with more layers on top."""
        return ResolvedStack([*self.lowers, *layers], self.own)

    def lookup(self, at: PathLike) -> Node | None:
        """Ask the student's function."""
        found: Node | None = self.own.lookup(self.layers, path(at))
        return found

    def _reach(self, at: Path) -> Node:
        """Find what must be there, or fail as a file system does."""
        for depth in range(1, len(at) + 1):
            above = self.lookup(at[:depth])
            if above is None:
                fail(errno.ENOENT, at)
            if isinstance(above, File) and depth < len(at):
                fail(errno.ENOTDIR, at)
        found = self.lookup(at)
        if found is None:
            fail(errno.ENOENT, at)
        return found

    def read(self, at: PathLike) -> bytes:
        """Give the bytes of a file."""
        return self._own_file(at).data

    def mode(self, at: PathLike) -> int:
        """Give the permissions of a file."""
        return self._own_file(at).mode

    def _own_file(self, at: PathLike) -> File:
        found = self._reach(path(at))
        if not isinstance(found, File):
            fail(errno.EISDIR, path(at))
        return found

    def readdir(self, at: PathLike) -> list[str]:
        """Ask the student's function for the names in a directory."""
        if isinstance(self._reach(path(at)), File):
            fail(errno.ENOTDIR, path(at))
        names: list[str] = self.own.readdir(self.layers, path(at))
        return names

    def explain(self, at: PathLike) -> list[Step]:
        """Ask the student's function for the story of a lookup."""
        return [Step(*step) for step in self.own.explain(self.layers, path(at))]

    def tree(self) -> Tree:
        """Walk all that is listed."""
        shown: Tree = {}
        todo: list[Path] = [()]
        for directory in todo:
            for name in self.readdir(directory):
                child = (*directory, name)
                found = self.lookup(child)
                if isinstance(found, File):
                    shown[child] = (found.data, found.mode)
                elif child not in shown:
                    shown[child] = None
                    if found is not None:
                        todo.append(child)
        return shown


def load(folder: HostPath, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Load the file, and make a lab of it."""
    module = load_module(folder, settings["file"])
    if settings["makes"] == "resolver":
        return (OwnLab(lambda layers: ResolvedStack(layers, module)), folder), {}
    return (OwnLab(module.Union), folder), {}


def carry_out(submission: Any, task: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Run one property; of the examples that break it, tell the smallest seen."""
    lab, folder = submission
    prop = PROPERTIES[task["test"]]
    best: dict[str, Any] | None = None
    examples = task["examples"]
    for number in range(1, examples + 1):
        case = prop.example(seed=task["seed"], number=number)
        failure = run_case(prop, lab, case)
        if failure is None:
            continue
        shown = show_case(prop.example(seed=task["seed"], number=number))
        status, part, message = failure
        if best is None or len(shown) < len(best["case"]):
            best = {
                "status": status,
                "part": part,
                "message": message,
                "case": shown,
                "examples": number,
            }
            if status == "crashed":
                best["fault"] = _crash(prop, lab, task["seed"], number, folder)
        if number > best["examples"] + examples // 4:
            break
    return best or {"status": "passed"}


def _crash(
    prop: Property,
    lab: Lab,
    seed: int,
    number: int,
    folder: HostPath,
) -> dict[str, Any]:
    """Run a crashing example again, to see where it crashes."""
    try:
        prop.check(lab, **prop.example(seed=seed, number=number))
    except Exception as error:
        return describe(error, folder).to_json()
    return {"kind": "error", "text": "not the same twice"}
