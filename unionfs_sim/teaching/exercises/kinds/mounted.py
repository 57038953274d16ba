"""Child's half of grading a program behind a mount point: plain file calls, no more."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from unionfs_sim.teaching import generate
from unionfs_sim.teaching.exercises.kinds.model import allowed
from unionfs_sim.teaching.lab import (
    Dir,
    File,
    Layer,
    Model,
    Op,
    Tree,
    outcome,
    replay,
    show,
)
from unionfs_sim.teaching.lab import path as parts
from unionfs_sim.teaching.source import RandomSource

VERBS = ("write", "append", "chmod", "unlink", "mkdir", "rmdir", "rename", "rmtree")


def program(seed: int, number: int) -> tuple[Layer, list[Op]]:
    """
    Draw what lies below, and the operations.

    >>> layer, ops = program(11, 1)
    >>> layer.whiteouts, len(ops) > 2
    ([], True)
    """
    source = RandomSource.example("mounted", seed=seed, number=number)
    layer = generate.layer(source, entries_max=6, marks=False)
    drawn = generate.program(
        source, generate.known_paths([layer]), steps_max=10, steps_min=4
    )
    return layer, allowed(drawn, [layer], VERBS)


def fill(place: Path, layer: Layer) -> None:
    """Write a layer without marks into a new directory."""
    place.mkdir()
    for at, entry in sorted(layer.items()):
        target = place.joinpath(*at)
        if isinstance(entry, Dir):
            target.mkdir()
        elif isinstance(entry, File):
            target.write_bytes(entry.data)
            target.chmod(entry.mode)


def tree(place: Path) -> Tree:
    """Read all that a directory shows."""
    shown: Tree = {}
    for directory, directories, files in os.walk(place, onerror=_raise):
        here = Path(directory)
        at = here.relative_to(place).parts
        for name in directories:
            shown[*at, name] = None
        for name in files:
            file = here / name
            shown[*at, name] = (file.read_bytes(), file.stat().st_mode & 0o7777)
    return shown


def _raise(error: OSError) -> None:
    raise error


class Mounted:
    """The lab's verbs as file calls in a directory."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def _at(self, at: Any) -> Path:  # noqa: ANN401 - what operations name
        return self.place.joinpath(*parts(at))

    def _put(self, at: Any, data: bytes, flags: int) -> None:  # noqa: ANN401
        descriptor = os.open(self._at(at), os.O_WRONLY | flags, 0o644)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def write(self, at: Any, data: bytes) -> None:  # noqa: ANN401
        """Open for writing, create and truncate, write, close."""
        self._put(at, data, os.O_CREAT | os.O_TRUNC)

    def append(self, at: Any, data: bytes) -> None:  # noqa: ANN401
        """Open for appending, write, close."""
        self._put(at, data, os.O_APPEND)

    def chmod(self, at: Any, mode: int) -> None:  # noqa: ANN401
        """Change the mode of a file; of a directory, only look for it."""
        if self._at(at).is_dir():
            return
        self._at(at).chmod(mode)

    def unlink(self, at: Any) -> None:  # noqa: ANN401
        """Remove a file."""
        self._at(at).unlink()

    def mkdir(self, at: Any) -> None:  # noqa: ANN401
        """Make a directory."""
        self._at(at).mkdir()

    def rmdir(self, at: Any) -> None:  # noqa: ANN401
        """Remove a directory."""
        self._at(at).rmdir()

    def rename(self, old: Any, new: Any) -> None:  # noqa: ANN401
        """Rename a file."""
        self._at(old).rename(self._at(new))

    def rmtree(self, at: Any) -> None:  # noqa: ANN401
        """Remove a directory and all in it, entry by entry."""
        self._remove(self._at(at))

    def _remove(self, directory: Path) -> None:
        with os.scandir(directory) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                self._remove(Path(entry.path))
            else:
                Path(entry.path).unlink()
        directory.rmdir()


def load(_folder: Path, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Take the two directories; files are made with the usual umask."""
    os.umask(0o022)
    return (Path(settings["mount"]), Path(settings["lower"])), {}


def carry_out(submission: Any, task: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Carry one program out on the mount and on a plain tree, and compare."""
    mount, lower = submission
    layer, ops = program(task["seed"], task["number"])
    name = task["name"]
    model, union = Model(replay([layer])), Mounted(mount / name)
    failure = None
    for step, op in enumerate(ops):
        before = dict(model.files)
        expected, got = outcome(model, op), outcome(union, op)
        if expected != got:
            failure = ("errors", show(op), expected, got, step)
            break
        difference = _difference(before, model.tree(), tree(mount / name))
        if difference is not None:
            failure = (difference[0], show(op), *difference[1:], step)
            break
    if failure is None and tree(lower / name) != replay([layer]):
        failure = ("lowers", "lower", "as it was", "changed", len(ops) - 1)
    if failure is None:
        return {"status": "same"}
    part, said, expected, got, step = failure
    return {
        "status": "differs",
        "part": part,
        "step": said,
        "expected": expected,
        "got": got,
        "program": f"{show([layer])} {show(ops[: step + 1])}",
    }


def _difference(before: Tree, wanted: Tree, shown: Tree) -> tuple[str, str, str] | None:
    """Tell what differs, and which sub-property that breaks."""
    for at in sorted({*wanted, *shown}):
        if at in wanted and at in shown and wanted[at] == shown[at]:
            continue
        if at not in wanted:
            return "hides", f"{show(at)} is gone", "it shows"
        part = "frame" if at in before and before[at] == wanted[at] else "shows"
        got = "it does not show" if at not in shown else _said(shown[at])
        return part, f"{show(at)} {_said(wanted[at])}", got
    return None


def _said(entry: tuple[bytes, int] | None) -> str:
    return "is a directory" if entry is None else f"{entry[0]!r}, mode {entry[1]:o}"
