"""Properties of lookup and listing: P01 to P16, P62, P68, P69."""

from __future__ import annotations

from collections.abc import Sequence

from unionfs_sim.teaching.generate import CONTENTS, NAMES, UNIVERSE
from unionfs_sim.teaching.generate import path as draw_path
from unionfs_sim.teaching.lab import (
    WHITEOUT,
    Dir,
    File,
    Lab,
    Layer,
    Path,
    Tree,
    put,
    replay,
)
from unionfs_sim.teaching.properties import given
from unionfs_sim.teaching.properties.law import Case, broken, equal, hold, law
from unionfs_sim.teaching.source import Source, choose


def under(at: Path, top: Path) -> bool:
    """Tell whether a path is another one or lies under it."""
    return at[: len(top)] == top


def tree(lab: Lab, layers: Sequence[Layer]) -> Tree:
    """Give all that a union of layers shows, whether it is listed or not."""
    union = lab.stack(layers)
    shown = union.tree()
    for at in UNIVERSE:
        if at not in shown:
            entry = union.lookup(at)
            if isinstance(entry, File):
                shown[at] = (entry.data, entry.mode)
            elif entry is not None:
                shown[at] = None
    return shown


@law(
    "P01",
    "A whiteout hides the whole subtree below",
    "If the top layer has a whiteout at p, nothing shows at p or anywhere under it, and "
    "the directory that p is in does not list its name.",
    "invariant",
    "hides, listing",
    {"layers": given.stack, "at": given.hot_path},
)
def _p01(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack([*layers, put(at, WHITEOUT)])
    for q in UNIVERSE:
        if under(q, at) and union.lookup(q) is not None:
            broken("hides", f"{q} shows")
    hold("listing", at[-1] not in union.readdir(at[:-1]), f"{at[-1]!r} is listed")


@law(
    "P02",
    "A whiteout in a middle layer hides, whatever empty layers lie above",
    "A whiteout of p hides what lower layers have there, however many empty layers lie "
    "above it.",
    "invariant",
    "hides",
    {"below": given.layer, "at": given.any_path, "empty": given.number(3)},
)
def _p02(lab: Lab, below: Layer, at: Path, empty: int) -> None:
    base = [below, put(at, File(b"old"))]
    union = lab.stack([*base, put(at, WHITEOUT), *[Layer()] * empty])
    hold("hides", union.lookup(at) is None, f"{at} shows")


@law(
    "P03",
    "A file made again above a whiteout is the new one",
    "Content and mode of a file above a whiteout are its own.",
    "invariant",
    "content, mode",
    {"layers": given.stack, "at": given.hot_path},
)
def _p03(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack([*layers, put(at, WHITEOUT), put(at, File(b"new", 0o700))])
    equal("content", b"new", union.read(at))
    equal("mode", 0o700, union.mode(at))


@law(
    "P04",
    "A directory made again above a whiteout is empty",
    "A directory above a whiteout lists nothing, though it is not opaque itself.",
    "invariant",
    "hides",
    {"layers": given.stack, "at": given.hot_path},
)
def _p04(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack([*layers, put(at, WHITEOUT), put(at, Dir())])
    equal("hides", [], union.readdir(at))


@law(
    "P05",
    "Listing and lookup agree",
    "A directory lists exactly the names whose lookup in it succeeds.",
    "invariant",
    "every listed name is found, every found name is listed",
    {"layers": given.stack},
)
def _p05(lab: Lab, layers: list[Layer]) -> None:
    union = lab.stack(layers)
    for at in ((), *UNIVERSE):
        if at and union.kind(at) != "dir":
            continue
        listed = set(union.readdir(at))
        found = {name for name in NAMES if union.lookup((*at, name)) is not None}
        hold("every listed name is found", listed <= found, f"{at}: {listed - found}")
        hold("every found name is listed", found <= listed, f"{at}: {found - listed}")


@law(
    "P06",
    "A listing is sorted and free of repeats and marks",
    "A listing has each name once, in order, and no name of a mark.",
    "invariant",
    "order, repeats, marks",
    {"layers": given.stack},
)
def _p06(lab: Lab, layers: list[Layer]) -> None:
    union = lab.stack(layers)
    for at in ((), *UNIVERSE):
        if at and union.kind(at) != "dir":
            continue
        listed = union.readdir(at)
        hold("repeats", len(set(listed)) == len(listed), repr(listed))
        hold("order", listed == sorted(listed), repr(listed))
        hold("marks", not any(x.startswith(".wh.") for x in listed), repr(listed))


@law(
    "P07",
    "What shows lies in directories that show",
    "If something shows at p, every proper prefix of p shows a directory.",
    "invariant",
    "parents show",
    {"layers": given.stack, "at": given.hot_path},
)
def _p07(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack(layers)
    if union.lookup(at) is not None:
        for depth in range(1, len(at)):
            equal("parents show", "dir", union.kind(at[:depth]))


@law(
    "P08",
    "Looking down from the top is replaying from the base",
    "Two definitions of a union agree: asking the layers from the top for each path, and "
    "applying them one by one to a plain tree from the base up.",
    "differential",
    "names, content",
    {"layers": given.stack_of_some},
)
def _p08(lab: Lab, layers: list[Layer]) -> None:
    expected, got = replay(layers), tree(lab, layers)
    equal("names", sorted(expected), sorted(got))
    equal("content", expected, got)


@law(
    "P09",
    "The topmost file wins",
    "A file laid on top is what its path shows.",
    "invariant",
    "content, mode",
    {"layers": given.stack, "at": given.hot_path, "data": given.content},
)
def _p09(lab: Lab, layers: list[Layer], at: Path, data: bytes) -> None:
    union = lab.stack([*layers, put(at, File(data, 0o700))])
    equal("content", data, union.read(at))
    equal("mode", 0o700, union.mode(at))


@law(
    "P10",
    "An opaque directory shows only what is above or in it",
    "An empty opaque directory laid on top lists nothing, whatever empty layers lie above.",
    "invariant",
    "hides",
    {"layers": given.stack, "at": given.hot_path, "empty": given.number(2)},
)
def _p10(lab: Lab, layers: list[Layer], at: Path, empty: int) -> None:
    union = lab.stack([*layers, put(at, Dir(opaque=True)), *[Layer()] * empty])
    equal("hides", [], union.readdir(at))


@law(
    "P11",
    "An empty layer is neutral anywhere",
    "An empty layer may lie anywhere in a stack; the same tree shows.",
    "metamorphic",
    "same tree",
    {"layers": given.stack_of_some, "place": given.number(4)},
)
def _p11(lab: Lab, layers: list[Layer], place: int) -> None:
    more = [*layers[:place], Layer(), *layers[place:]]
    equal("same tree", tree(lab, layers), tree(lab, more))


@law(
    "P12",
    "A layer twice is the layer once",
    "A layer repeated right above itself changes nothing.",
    "metamorphic",
    "same tree",
    {"layers": given.stack_of_some, "place": given.number(3)},
)
def _p12(lab: Lab, layers: list[Layer], place: int) -> None:
    place = min(place, len(layers) - 1)
    twice = [*layers[: place + 1], *layers[place:]]
    equal("same tree", tree(lab, layers), tree(lab, twice))


def _within(name: str, layer: Layer) -> Layer:
    """Give the part of a layer that lies at or under a name of the root."""
    return Layer({at: entry for at, entry in layer.items() if at[0] == name})


@law(
    "P13",
    "Layers over disjoint subtrees commute",
    "If one layer has only what is under a, and another only what is under b, their order "
    "does not matter.",
    "metamorphic",
    "same tree",
    {"below": given.layer, "one": given.layer, "other": given.layer},
)
def _p13(lab: Lab, below: Layer, one: Layer, other: Layer) -> None:
    one, other = _within("a", one), _within("b", other)
    straight = tree(lab, [below, one, other])
    equal("same tree", straight, tree(lab, [below, other, one]))


@law(
    "P14",
    "Order matters where layers overlap",
    "Of two layers with a file at one path the upper shows; turned round, the other.",
    "metamorphic",
    "upper wins",
    {"layers": given.stack, "at": given.hot_path},
)
def _p14(lab: Lab, layers: list[Layer], at: Path) -> None:
    one, other = put(at, File(b"one")), put(at, File(b"other"))
    equal("upper wins", b"other", lab.stack([*layers, one, other]).read(at))
    equal("upper wins", b"one", lab.stack([*layers, other, one]).read(at))


@law(
    "P15",
    "What is covered may change unseen",
    "Changing a file in a layer that a file above covers does not change what shows.",
    "metamorphic",
    "unseen",
    {"layers": given.stack, "at": given.any_path},
)
def _p15(lab: Lab, layers: list[Layer], at: Path) -> None:
    def with_covered(data: bytes) -> Tree:
        return tree(lab, [put(at, File(data)), *layers, put(at, File(b"top"))])

    equal("unseen", with_covered(b"one"), with_covered(b"other"))


@law(
    "P16",
    "The story of a lookup explains its answer",
    "For each name of a path the layers are told from the top down; a whiteout or a file "
    "ends the story of a name; and the last line agrees with what lookup answers.",
    "invariant",
    "downwards, ends, answer",
    {"layers": given.stack_of_some, "at": given.hot_path},
)
def _p16(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack(layers)
    story = [step for step in union.explain(at) if step.path == at]
    asked = [step.layer for step in story]
    hold("downwards", asked == sorted(set(asked), reverse=True), repr(asked))
    verdicts = [step.verdict for step in story]
    for verdict in verdicts[:-1]:
        hold("ends", verdict not in {"whiteout", "file", "opaque"}, repr(verdicts))
    found = union.lookup(at)
    if isinstance(found, File):
        hold("answer", verdicts == ["file"], f"a file shows: {verdicts}")
        equal("answer", found, union.layers[asked[-1]].get(at))
    elif found is None:
        hold("answer", set(verdicts) <= {"whiteout"}, f"nothing shows: {verdicts}")
    else:
        hold("answer", {"dir", "opaque"} & set(verdicts[:1]), f"it shows: {verdicts}")


@law(
    "P62",
    "The story of a lookup names all layers that matter",
    "Without the layers that the story of a path does not name, the path shows the same.",
    "metamorphic",
    "same answer",
    {"layers": given.stack_of_some, "at": given.hot_path},
)
def _p62(lab: Lab, layers: list[Layer], at: Path) -> None:
    union = lab.stack(layers)
    named = {step.layer for step in union.explain(at)}
    fewer = [layer for index, layer in enumerate(layers) if index in named]
    equal("same answer", union.lookup(at), lab.stack(fewer).lookup(at))


@law(
    "P73",
    "A layer may occur twice",
    "A layer that lies under another one and over it again is applied twice.",
    "differential",
    "same tree",
    {"below": given.layer, "between": given.layer},
)
def _p73(lab: Lab, below: Layer, between: Layer) -> None:
    layers = [below, between, below.snapshot()]
    equal("same tree", replay(layers), tree(lab, layers))


def _turned(at: Path) -> Path:
    """Exchange the two names in a path."""
    return tuple(NAMES[1 - NAMES.index(name)] for name in at)


@law(
    "P68",
    "A union does not look at names",
    "With names exchanged in all layers, the same tree shows with names exchanged.",
    "metamorphic",
    "same tree",
    {"layers": given.stack_of_some},
)
def _p68(lab: Lab, layers: list[Layer]) -> None:
    turned = [Layer({_turned(at): e for at, e in one.items()}) for one in layers]
    expected = {_turned(at): shown for at, shown in tree(lab, layers).items()}
    equal("same tree", expected, tree(lab, turned))


def _split(source: Source, case: Case) -> list[Layer]:
    """Draw files without marks, parted into two layers."""
    parts = [Layer(), Layer()]
    for _ in range(1 + source.below(4)):
        at = draw_path(source)
        both = {**parts[0], **parts[1]}
        clear = all(isinstance(both.get(at[:n], Dir()), Dir) for n in range(1, len(at)))
        if at not in both and clear:
            part = parts[source.below(2)]
            part.update(put(at, File(choose(source, CONTENTS))))
    return parts


@law(
    "P69",
    "A layer in two parts is the layer in one",
    "Files of one layer, spread over two layers in any way, show the same tree.",
    "metamorphic",
    "same tree",
    {"below": given.layer, "parts": _split},
)
def _p69(lab: Lab, below: Layer, parts: list[Layer]) -> None:
    whole = Layer({**parts[0], **parts[1]})
    equal("same tree", tree(lab, [below, whole]), tree(lab, [below, *parts]))
