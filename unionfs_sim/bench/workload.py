"""
The workload that depth is measured on, and the same questions asked of any stack.

N layers, each with the same 20 directories and in each 20 files of its own, four files
in the root and four at depth 12; the base has 20 more files in each directory, which a
layer half way up hides.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, final

import attrs

from unionfs_sim.core.layer import Layer, LayerView, Spec, SpecValue
from unionfs_sim.core.nodes import WHITEOUT, Directory, Regular
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.records import DIRECTORY_TYPES
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.upper import listed

#: How many directories each layer has, and how many files of its own in each.
DIRECTORIES: Final = 20
FILES: Final = 20

#: How many paths a batch asks for at most.
KEYS_MAX: Final = DIRECTORIES * FILES

#: The directory whose files have depth 12.
DEEP: Final = "/".join(f"q{level}" for level in range(1, 12))

#: Where what is looked up can be; "depth" is the number of components of its path.
PLACES: Final = (
    "top",
    "middle",
    "bottom",
    "miss",
    "whiteout",
    "depth-1",
    "depth-4",
    "depth-12",
)

#: What each file holds.
CONTENT: Final = b"x"


@final
@attrs.frozen(eq=False)
class Subject:
    """
    Layers, and the paths to look up in them.

    Attributes:
        label: What is measured, for people.
        layers_top_first: The layers.
        paths: The paths by where they lead; places that these layers do not have are
            left out.
    """

    label: str
    layers_top_first: tuple[LayerView, ...]
    paths: Mapping[str, Sequence[str]]


def directory(number: int) -> str:
    """
    Name one of the directories that all layers have.

    >>> directory(3)
    'p1/p2/d03'
    """
    return f"p1/p2/d{number:02d}"


def names(layer: int) -> list[str]:
    """
    Give the paths of the files that one layer alone has in its 20 directories.

    >>> names(7)[0], len(names(7))
    ('/p1/p2/d00/l007f00', 400)
    """
    return [
        f"/{directory(d)}/l{layer:03d}f{f:02d}"
        for d, f in itertools.product(range(DIRECTORIES), range(FILES))
    ]


def hidden() -> list[str]:
    """Give the paths that the base has and a layer half way up hides."""
    return [
        f"/{directory(d)}/gone{f:02d}"
        for d, f in itertools.product(range(DIRECTORIES), range(FILES))
    ]


@final
class Workload:
    """
    Makes the workload for any number of layers; equal layers are made once.

    >>> subject = Workload().subject(3)
    >>> len(subject.layers_top_first), len(subject.paths["bottom"])
    (3, 400)
    """

    def __init__(self) -> None:
        self._made: dict[tuple[int, bool, bool], Layer] = {}

    def layers(self, count: int) -> tuple[Layer, ...]:
        """
        Make layers, top first; layer 0 is the top.

        Over a single layer a whiteout hides nothing, but it is there to be found.
        """
        middle = (count - 1) // 2
        return tuple(
            self._layer(
                number,
                hides=number == middle,
                base=number == count - 1 and number != middle,
            )
            for number in range(count)
        )

    def subject(self, count: int) -> Subject:
        """Give the layers and where to look."""
        low = f"{count - 1:03d}"
        bottom = names(count - 1)
        shallow = [f"/root{low}-{n}" for n in range(4)]
        deep = [f"/{DEEP}/deep{low}-{n}" for n in range(4)]
        paths = {
            "top": names(0),
            "middle": names(count // 2),
            "bottom": bottom,
            "miss": [f"{path}.missing" for path in bottom],
            "whiteout": hidden(),
            "depth-1": shallow * (KEYS_MAX // len(shallow)),
            "depth-4": bottom,
            "depth-12": deep * (KEYS_MAX // len(deep)),
        }
        return Subject(f"workload of {count} layers", self.layers(count), paths)

    def _layer(self, number: int, *, hides: bool, base: bool) -> Layer:
        key = (number, hides, base)
        layer = self._made.get(key)
        if layer is None:
            layer = self._made[key] = Layer.build(
                dict(entries(number, hides=hides, base=base)), label=f"layer {number}"
            )
        return layer


def entries(
    number: int, *, hides: bool = False, base: bool = False
) -> Iterator[tuple[str, SpecValue]]:
    """Give the entries of one layer, as `Layer.build` takes them."""
    for path in names(number):
        yield path[1:], CONTENT
    for n in range(4):
        yield f"root{number:03d}-{n}", CONTENT
        yield f"{DEEP}/deep{number:03d}-{n}", CONTENT
    if hides or base:
        for path in hidden():
            yield path[1:], WHITEOUT if hides else CONTENT


def pushed(number: int) -> Spec:
    """Describe a layer of 400 files to be put on top of others."""
    return {path[1:]: CONTENT for path in names(number)}


def of_layers(
    layers_top_first: Sequence[LayerView], *, label: str = "stack", seed: int = 0
) -> Subject:
    """
    Find the paths to look up in layers of your own; takes O(n log n).

    A hit is a file that shows; "top", "middle" and "bottom" are the topmost, the
    middle and the lowest of the layers that show any.

    >>> base = Layer.build({"a": "", "b": ""})
    >>> top = Layer.build({"a": WHITEOUT, "c": ""})
    >>> subject = of_layers([top, base])
    >>> {place: list(paths) for place, paths in subject.paths.items()}
    {'top': ['/c'], 'middle': ['/b'], 'bottom': ['/b'], 'miss': ['/b.missing'], \
'whiteout': ['/a']}
    """
    layers = tuple(layers_top_first)
    stack = Stack(layers)
    home = _homes(layers)
    by_layer: dict[int, list[str]] = {}
    shown: set[Parts] = set()
    for parts, identity in _leaves(stack):
        shown.add(parts)
        if identity in home:
            by_layer.setdefault(home[identity], []).append(join(parts))
    gone = sorted(join(parts) for parts in _marks(layers) if parts not in shown)
    chosen = random.Random(seed)  # noqa: S311 - a sample, not a secret
    paths: dict[str, Sequence[str]] = {}
    if by_layer:
        showing = sorted(by_layer)
        places = {
            "top": showing[0],
            "middle": showing[len(showing) // 2],
            "bottom": showing[-1],
        }
        for place, number in places.items():
            paths[place] = _sample(sorted(by_layer[number]), chosen)
        paths["miss"] = [f"{path}.missing" for path in paths["bottom"]]
    if gone:
        paths["whiteout"] = _sample(gone, chosen)
    return Subject(label, layers, paths)


def files(layer: LayerView) -> Iterator[tuple[str, bytes]]:
    """Give path and content of each regular file of a layer."""
    for parts, found in _directories(layer.root):
        for name, entry in found.entries.items():
            if isinstance(entry, Regular):
                yield join((*parts, name)), entry.content.read_all()


def marks(layer: LayerView) -> Iterator[str]:
    """Give the paths that a layer hides."""
    return map(join, _marks([layer]))


def _sample(paths: Sequence[str], chosen: random.Random) -> Sequence[str]:
    if len(paths) <= KEYS_MAX:
        return paths
    return sorted(chosen.sample(paths, KEYS_MAX))


def _homes(layers: Sequence[LayerView]) -> dict[int, int]:
    """Map every node that is no directory to its layer."""
    found: dict[int, int] = {}
    for number, layer in enumerate(layers):
        for _, within in _directories(layer.root):
            for entry in within.entries.values():
                if entry is not WHITEOUT and not isinstance(entry, Directory):
                    found.setdefault(id(entry), number)
    return found


def _marks(layers: Sequence[LayerView]) -> Iterator[Parts]:
    for layer in layers:
        for parts, found in _directories(layer.root):
            for name, entry in found.entries.items():
                if entry is WHITEOUT:
                    yield (*parts, name)


def _directories(root: Directory) -> Iterator[tuple[Parts, Directory]]:
    pending: list[tuple[Parts, Directory]] = [((), root)]
    while pending:
        parts, found = pending.pop()
        yield parts, found
        pending.extend(
            ((*parts, name), entry)
            for name, entry in found.entries.items()
            if isinstance(entry, Directory)
        )


def _leaves(stack: Stack) -> Iterator[tuple[Parts, int]]:
    """Give the path and the identity of each file that a stack shows."""
    pending = [((), stack.root)]
    while pending:
        parts, found = pending.pop()
        for name, record in found.entries.items():
            if record is WHITEOUT or not listed(record, ghosts=False):
                continue
            if isinstance(record, DIRECTORY_TYPES):
                pending.append(((*parts, name), record))  # type: ignore[arg-type]
            else:
                yield (*parts, name), id(record)
