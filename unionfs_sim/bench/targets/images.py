"""Target 11: opening an image, against a bare pass of `tarfile` over the same bytes."""

from __future__ import annotations

import hashlib
import inspect
import statistics
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

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
        yield _second(place, setup, rows)


def _open(place: Path, **options: Any) -> None:
    with open_image(place, **options) as image:
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


def _second(place: Path, setup: Setup, rows: Sequence[tuple[int, int, int]]) -> Figure:
    what = "first open / second open from the index beside it"
    names = [n for n in inspect.signature(open_image).parameters if "index" in n]
    if not names:
        return Figure(11, what, None, "x", 20, ">=", "there is no index yet")
    option = {names[0]: place / "layers.idx"}
    _open(place, **option)
    taken = []
    for _ in range(_ROUNDS if not setup.smoke else 1):
        began = time.thread_time_ns()
        _open(place, **option)
        taken.append(time.thread_time_ns() - began)
    first = statistics.median(o for o, _, _ in rows)
    return Figure(11, what, first / statistics.median(taken), "x", 20, ">=")
