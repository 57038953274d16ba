"""Properties of layers as values: P17 to P26."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TypeVar

from unionfs_sim.teaching import generate
from unionfs_sim.teaching.lab import (
    WHITEOUT,
    Dir,
    File,
    Lab,
    Layer,
    Op,
    Path,
    Tree,
    outcome,
    put,
    replay,
)
from unionfs_sim.teaching.properties import given
from unionfs_sim.teaching.properties.law import Case, equal, hold, law
from unionfs_sim.teaching.properties.lookup import tree
from unionfs_sim.teaching.source import Source

_T = TypeVar("_T")


def tree_of(layer: Layer) -> Tree:
    """Give a layer without marks as a tree."""
    return {
        at: (entry.data, entry.mode) if isinstance(entry, File) else None
        for at, entry in layer.items()
    }


@law(
    "P17",
    "Flattening keeps what shows",
    "A stack and the one layer that it is flattened to show the same tree, after any "
    "operations.",
    "round-trip",
    "same tree",
    {"layers": given.stack, "program": given.program(steps=4, commit=True)},
)
def _p17(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    union = lab.stack(layers)
    for op in program:
        outcome(union, op)
    equal("same tree", union.tree(), tree(lab, [union.flatten()]))


@law(
    "P18",
    "A flat layer has no marks, and flattening it again changes nothing",
    "Flattening gives a layer of files and plain directories, and is idempotent.",
    "algebraic",
    "no marks, idempotent",
    {"layers": given.stack_of_some},
)
def _p18(lab: Lab, layers: list[Layer]) -> None:
    flat = lab.stack(layers).flatten()
    hold("no marks", not flat.whiteouts and Dir(opaque=True) not in flat.values())
    equal("idempotent", flat, lab.stack([flat]).flatten())


@law(
    "P19",
    "Squashing two adjacent layers keeps what shows",
    "Two adjacent layers may be replaced by one, wherever in the stack they are.",
    "algebraic",
    "same tree",
    {"layers": given.stack_of_two, "place": given.number(2)},
)
def _p19(lab: Lab, layers: list[Layer], place: int) -> None:
    place = min(place, len(layers) - 2)
    one = lab.squash(layers[place], layers[place + 1])
    squashed = [*layers[:place], one, *layers[place + 2 :]]
    equal("same tree", tree(lab, layers), tree(lab, squashed))


@law(
    "P20",
    "Squash is associative in effect",
    "Whether the lower or the upper two of three layers are squashed first, the result "
    "acts alike on any lower layer.",
    "algebraic",
    "same tree",
    {
        "below": given.layer,
        "one": given.layer,
        "two": given.layer,
        "three": given.layer,
    },
)
def _p20(lab: Lab, below: Layer, one: Layer, two: Layer, three: Layer) -> None:
    left = lab.squash(lab.squash(one, two), three)
    right = lab.squash(one, lab.squash(two, three))
    equal("same tree", tree(lab, [below, left]), tree(lab, [below, right]))


@law(
    "P76",
    "Squashing all layers over a base is replaying them",
    "All layers above the lowest, squashed into one, show over it what applying them one "
    "by one to a plain tree gives.",
    "differential",
    "same tree",
    {"layers": given.stack_of_two},
)
def _p76(lab: Lab, layers: list[Layer]) -> None:
    base, *rest = layers
    expected = replay(layers)
    equal("same tree", expected, tree(lab, [base, reduce(lab.squash, rest)]))


@law(
    "P21",
    "The difference of two trees makes one of the other",
    "The difference of plain trees a and b, laid over a, shows b.",
    "round-trip",
    "same tree",
    {"before": given.tree, "after": given.tree},
)
def _p21(lab: Lab, before: Layer, after: Layer) -> None:
    patch = lab.diff(before, after)
    equal("same tree", tree_of(after), tree(lab, [before, patch]))


@law(
    "P22",
    "The difference of equal trees is empty",
    "A tree differs from itself in nothing.",
    "algebraic",
    "empty",
    {"before": given.tree},
)
def _p22(lab: Lab, before: Layer) -> None:
    equal("empty", Layer(), lab.diff(before, before.snapshot()))


@law(
    "P23",
    "A layer survives its archive",
    "Reading the archive of a layer gives the layer, whiteouts and opaque marks included.",
    "round-trip",
    "same layer",
    {"layer": given.layer},
)
def _p23(lab: Lab, layer: Layer) -> None:
    equal("same layer", layer, lab.from_archive(lab.to_archive(layer)))


@law(
    "P77",
    "A difference names what changed, and nothing else",
    "The difference of two trees has an entry for each path whose file or kind is not the "
    "same, and no file that is.",
    "invariant",
    "changed, unchanged",
    {"before": given.tree, "after": given.tree},
)
def _p77(lab: Lab, before: Layer, after: Layer) -> None:
    patch = lab.diff(before, after)
    for at, entry in after.items():
        if isinstance(entry, Dir):
            same = isinstance(before.get(at), Dir) or isinstance(patch.get(at), Dir)
            hold("changed", same, f"{at} is a directory now")
        elif before.get(at) != entry:
            equal("changed", entry, patch.get(at))
        else:
            hold("unchanged", at not in patch, f"{at} is the same")


def _order(source: Source, case: Case) -> list[int]:
    """Draw an order of up to twenty things: where each next one is taken from."""
    return [source.below(20 - taken) for taken in range(20)]


def permuted(things: Sequence[_T], order: Sequence[int]) -> list[_T]:
    """
    Give things in another order.

    >>> permuted("abc", [2, 0, 0])
    ['c', 'a', 'b']
    """
    rest = list(things)
    taken = [rest.pop(place % len(rest)) for place in order[: len(rest)]]
    return taken + rest


@law(
    "P24",
    "The order of an archive's members does not matter",
    "Any permutation of the members of an archive gives the same layer.",
    "metamorphic",
    "same layer",
    {"layer": given.layer, "order": _order},
)
def _p24(lab: Lab, layer: Layer, order: list[int]) -> None:
    members = permuted(lab.to_archive(layer), order)
    equal("same layer", layer, lab.from_archive(members))


@law(
    "P78",
    "An opaque mark hides what is below its layer, wherever it stands",
    "An opaque directory with a file survives its archive with the mark first or last, and "
    "hides the names of lower layers alone.",
    "invariant",
    "own names, names below",
    {"below": given.layer, "at": given.any_path, "order": _order},
)
def _p78(lab: Lab, below: Layer, at: Path, order: list[int]) -> None:
    layer = put((*at, "own"), File(b"1"))
    layer[at] = Dir(opaque=True)
    members = permuted(lab.to_archive(layer), order)
    base = [below, put((*at, "old"), File(b"0"))]
    listed = lab.stack([*base, lab.from_archive(members)]).readdir(at)
    hold("own names", "own" in listed, repr(listed))
    equal("names below", ["own"], listed)


@law(
    "P25",
    "A digest does not depend on the order of entries",
    "The same entries, put in in any order, have the same digest.",
    "invariant",
    "same digest",
    {"layer": given.layer, "order": _order},
)
def _p25(lab: Lab, layer: Layer, order: list[int]) -> None:
    other = Layer({at: layer[at] for at in permuted(list(layer), order)})
    equal("same digest", lab.digest(layer), lab.digest(other))


def _near(source: Source, case: Case) -> Layer:
    """Draw a layer that differs from the one drawn before in little or nothing."""
    one = case["one"]
    assert isinstance(one, Layer)
    other = one.snapshot()
    if other and source.below(4):
        other.drop(sorted(other)[source.below(len(other))])
    for at, entry in generate.layer(source, entries_max=1).items():
        if source.below(2) and at not in other and len(at) == 1:
            other[at] = entry
    return other


@law(
    "P26",
    "A digest tells layers apart",
    "Two layers are equal exactly if their digests are.",
    "invariant",
    "apart, alike",
    {"one": given.layer, "other": _near},
)
def _p26(lab: Lab, one: Layer, other: Layer) -> None:
    if one == other:
        equal("alike", lab.digest(one), lab.digest(other))
    else:
        hold("apart", lab.digest(one) != lab.digest(other))


@law(
    "P75",
    "Any change of a layer changes its digest",
    "A whiteout or a file put into a layer, where it has none, changes its digest; to take "
    "it out again brings the old digest back.",
    "metamorphic",
    "apart, alike",
    {"layer": given.layer, "entry": given.one_of("whiteout", "file")},
)
def _p75(lab: Lab, layer: Layer, entry: str) -> None:
    before = lab.digest(layer)
    more = Layer({("new",): WHITEOUT if entry == "whiteout" else File(b"n"), **layer})
    hold("apart", before != lab.digest(more), entry)
    del more["new",]
    equal("alike", before, lab.digest(more))
    moved = Layer(reversed(layer.items()))
    equal("alike", before, lab.digest(moved))
