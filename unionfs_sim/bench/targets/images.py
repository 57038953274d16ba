"""Target 11: opening an image, against a bare pass of `tarfile` over the same bytes."""

from __future__ import annotations

import hashlib
import statistics
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from unionfs_sim.bench.measure import quiet
from unionfs_sim.bench.targets.bigimage import write_image
from unionfs_sim.bench.targets.figures import Figure, Setup, once
from unionfs_sim.core.content import EMPTY
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Regular, regular
from unionfs_sim.image.open import open_image

#: Passes take seconds, so that a few are enough.
_ROUNDS = 3


def load(setup: Setup) -> Iterator[Figure]:
    """Measure target 11."""
    layers = 40 if not setup.smoke else 4
    with tempfile.TemporaryDirectory() as text:
        place = Path(text)
        tars = write_image(place, files=setup.files, layers=layers)
        with quiet():
            rows = [
                (
                    once(lambda: _open(place)),
                    once(lambda: _bare_pass(tars)),
                    once(lambda: _hash(tars)),
                )
                for _ in range(_ROUNDS if not setup.smoke else 1)
            ]
        opened = statistics.median(o / b for o, b, _ in rows)
        bare = statistics.median(b for _, b, _ in rows) / 1e9
        hashed = statistics.median(h / b for _, b, h in rows)
        what = f"opening {setup.files:,} files in {layers} layers / bare tarfile pass"
        note = f"the bare pass takes {bare:.2f} s; hashing alone {hashed:.2f} x of it"
        yield Figure(11, what, opened, "x", 1.5, note=note)
        yield _second(place, setup, rows)


def _open(place: Path) -> None:
    with open_image(place) as image:
        assert image.layers_base_first


def _bare_pass(tars: Sequence[Path]) -> None:
    for path in tars:
        with tarfile.open(path, "r:") as tar:
            for _ in tar:
                pass


def _hash(tars: Sequence[Path]) -> None:
    for path in tars:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")


def _nodes(layers: Sequence[Layer]) -> list[Regular]:
    """Make the files of some layers anew, as whatever reads an index must."""
    made = []
    for node in _files(layers):
        content = node.content.extents()
        shared = attrs.evolve(content[0]) if content else EMPTY
        made.append(regular(shared, node.meta))
    return made


def _files(layers: Sequence[Layer]) -> list[Regular]:
    return [x for each in layers for _, x in each.items() if isinstance(x, Regular)]


def _second(place: Path, setup: Setup, rows: Sequence[tuple[int, int, int]]) -> Figure:
    """
    Say how much faster a second open could be, from an index beside the image.

    There is none: it would have to hash the layers, or trust what whoever can write the
    image can write as well, and to make every node.
    """
    what = "first open / the least of a second, from an index beside it"
    with open_image(place) as image:
        layers = image.layers_base_first
        rounds = range(_ROUNDS if not setup.smoke else 1)
        made = statistics.median(
            once(lambda: _nodes(layers)) - once(lambda: _files(layers)) for _ in rounds
        )
    first = statistics.median(opened for opened, _, _ in rows)
    hashing = statistics.median(hashed for _, _, hashed in rows)
    note = (
        f"no index is kept: hashing the layers against their digests allows "
        f"{first / hashing:.0f} x, making the nodes {first / made:.0f} x"
    )
    return Figure(11, what, first / (hashing + made), "x", 20, ">=", note)
