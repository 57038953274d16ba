"""
How a union finds a file: the only hard part, and the part to read first.

A path is walked name by name.  For each name the layers that still take part are asked
from the top down:

* a layer that has nothing there is passed over;
* a whiteout ends the search;
* a file ends it too, and it is what is found unless a directory was met above it;
* a directory merges with those further down, unless it is opaque.

``bug("...")`` marks the one place of a planted bug, see `unionfs_sim.teaching.mutants`;
in the correct lab it is always false.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from unionfs_sim.teaching.lab.values import WHITEOUT, Dir, File, Layer, Node, Path

#: Tells whether a bug is planted.
Bug: TypeAlias = Callable[[str], bool]

#: No bug is.
correct: Final[Bug] = frozenset[str]().__contains__


class Found(NamedTuple):
    """What a path shows: the entry, its layer, and the layers whose directories merge."""

    entry: Node
    layer: int
    merged: Sequence[int]


class Step(NamedTuple):
    """One line of the story of a lookup: a layer was asked for a path."""

    path: Path
    layer: int
    verdict: str


def find(
    layers: Sequence[Layer],
    path: Path,
    bug: Bug = correct,
    story: list[Step] | None = None,
) -> Found | None:
    """
    Find what layers show at a path; the layers are numbered from the base up.

    >>> from unionfs_sim.teaching.lab import stack
    >>> find(stack("d/ d/a=1 | d/ | ~d"), ("d", "a"))
    >>> find(stack("d/ d/a=1 | d/ | "), ("d", "a"))
    Found(entry=File(b'1'), layer=0, merged=())
    >>> find(stack("d/ d/a=1 | d/ | "), ("d",))
    Found(entry=Dir(), layer=1, merged=[1, 0])
    """
    top = len(layers) - 1
    taking_part: Sequence[int] = range(top, -1, -1)
    if bug("reverse_order"):
        taking_part = range(top + 1)
    if path and bug("whole_path"):
        return ask(layers, taking_part, path, bug, story)
    found: Found | None = Found(Dir(), top, taking_part)
    for depth in range(1, len(path) + 1):
        found = ask(layers, taking_part, path[:depth], bug, story)
        if found is None:
            return None
        if bug("wh_by_name") and _named_by_whiteout(
            layers, found.layer, path[depth - 1]
        ):
            return None
        taking_part = found.merged
    return found


def ask(
    layers: Sequence[Layer],
    taking_part: Sequence[int],
    path: Path,
    bug: Bug = correct,
    story: list[Step] | None = None,
) -> Found | None:
    """Ask the layers that take part, top first, for the last name of a path."""
    top = len(layers) - 1
    found: Node | None = None
    merged: list[int] = []
    skipped = -1
    for index in taking_part:
        entry = layers[index].get(path)
        if index == skipped:
            continue
        if entry is None:
            if not layers[index] and index < top and bug("empty_layer_ends"):
                break
            continue
        if story is not None:
            story.append(Step(path, index, _verdict(entry)))
        if entry is WHITEOUT:
            if bug("wh_ignored") or (index < top and bug("wh_only_upper")):
                continue
            if bug("wh_one_level"):
                skipped = index - 1
                continue
            break
        if isinstance(entry, File):
            if not merged or bug("file_under_dir_wins"):
                return Found(entry, index, ())
            if bug("file_under_dir_skipped"):
                continue
            break
        found = found or entry
        merged.append(index)
        if bug("dir_first_only"):
            break
        if entry.opaque and not bug("opaque_ignored"):
            if index < top and bug("opaque_upper_only"):
                continue
            break
    return Found(found, merged[0], merged) if found is not None else None


def names(
    layers: Sequence[Layer], path: Path, merged: Sequence[int], bug: Bug = correct
) -> list[str]:
    """
    List the names in a directory, given the layers whose directories merge there.

    The topmost layer that has a name decides: a whiteout hides it.
    """
    top = len(layers) - 1
    if bug("readdir_first_only"):
        merged = merged[:1]
    if path and bug("readdir_ignores_opaque"):
        merged = [
            index
            for index in range(top, -1, -1)
            if isinstance(layers[index].get(path), Dir)
        ]
    shown: dict[str, bool] = {}
    repeated: list[str] = []
    for index in merged:
        layer = layers[index]
        for name in layer.children(path):
            hidden = layer[(*path, name)] is WHITEOUT
            if name in shown:
                if shown[name] and not hidden and bug("readdir_dup"):
                    repeated.append(name)
                continue
            if hidden and bug("readdir_union"):
                continue
            if hidden and index < top and bug("readdir_upper_wh_only"):
                continue
            if hidden and bug("readdir_stops_at_wh"):
                break
            shown[name] = not hidden or bug("readdir_shows_wh")
    listed = [name for name, is_shown in shown.items() if is_shown] + repeated
    return listed if bug("readdir_unsorted") else sorted(listed)


def _named_by_whiteout(layers: Sequence[Layer], index: int, name: str) -> bool:
    """Tell whether a layer above has a whiteout of a name, in whatever directory."""
    return any(at[-1] == name for one in layers[index + 1 :] for at in one.whiteouts)


def _verdict(entry: object) -> str:
    if entry is WHITEOUT:
        return "whiteout"
    if isinstance(entry, File):
        return "file"
    return "opaque" if entry == Dir(opaque=True) else "dir"
