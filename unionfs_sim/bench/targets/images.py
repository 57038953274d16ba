"""Target 11: opening an image, against a bare pass of `tarfile` over the same bytes."""

from __future__ import annotations

import hashlib
import statistics
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from unionfs_sim.bench.measure import quiet
from unionfs_sim.bench.targets.bigimage import write_image
from unionfs_sim.bench.targets.figures import Figure, Setup, once
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
        yield _second(rows)


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


def _second(rows: Sequence[tuple[int, int, int]]) -> Figure:
    """
    Say how much faster a second open could be at most, from an index beside the image.

    None is kept: it would have to hash the layers, or trust what whoever can write the
    image can write as well.
    """
    what = "first open / hashing alone, the least of a second from an index"
    value = statistics.median(opened / hashed for opened, _, hashed in rows)
    note = "no index is kept: checking the digests again allows no more than this"
    return Figure(11, what, value, "x", 20, ">=", note)
