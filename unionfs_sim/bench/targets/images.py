"""Target 11: opening an image, once and again, against a bare pass of `tarfile`."""

from __future__ import annotations

import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import final

import attrs

from unionfs_sim.bench.measure import quiet
from unionfs_sim.bench.targets.bigimage import write_image
from unionfs_sim.bench.targets.figures import Figure, Setup, once
from unionfs_sim.core.union import UnionFS
from unionfs_sim.image.index import SETTLED_NS
from unionfs_sim.image.open import open_image

#: Passes take seconds, so that a few are enough.
_ROUNDS = 3


def load(setup: Setup) -> Iterator[Figure]:
    """Measure target 11."""
    layers = 40 if not setup.smoke else 4
    rounds = _ROUNDS if not setup.smoke else 1
    with tempfile.TemporaryDirectory() as text:
        place = Path(text) / "image"
        tars = write_image(place, files=setup.files, layers=layers)
        if not setup.smoke:
            time.sleep(SETTLED_NS / 1e9 + 0.5)  # a younger file goes into no index
        with quiet():
            rows = [
                _round(place, tars, Path(text) / f"index{number}")
                for number in range(rounds)
            ]
    what = f"{setup.files:,} files in {layers} layers"
    bare = _median(rows, lambda row: row.bare) / 1e9
    yield Figure(
        11,
        f"opening {what} / bare tarfile pass",
        _median(rows, lambda row: row.opened / row.bare),
        "x",
        1.5,
        note=f"the bare pass takes {bare:.2f} s",
    )
    yield Figure(
        11,
        "the same, and keeping it in an index / bare tarfile pass",
        _median(rows, lambda row: row.kept / row.bare),
        "x",
        1.5,
    )
    again = _median(rows, lambda row: row.again) / 1e6
    yield Figure(
        11,
        "first open / second open, from the index",
        _median(rows, lambda row: row.opened / row.again),
        "x",
        20,
        ">=",
        note=f"the second takes {again:.1f} ms; directories are read as they are "
        "looked into",
    )
    yield Figure(
        11,
        "open, and the first lookup in a union: first / second",
        _median(rows, lambda row: row.looked / row.looked_again),
        "x",
        note="told only; folding 40 layers looks into each directory they share",
    )


@final
@attrs.frozen
class _Row:
    """CPU nanoseconds of one round."""

    opened: int
    bare: int
    looked: int
    kept: int
    again: int
    looked_again: int


def _round(place: Path, tars: Sequence[Path], index: Path) -> _Row:
    return _Row(
        opened=once(lambda: _open(place)),
        bare=once(lambda: _bare_pass(tars)),
        looked=once(lambda: _look(place)),
        kept=once(lambda: _open(place, index)),
        again=once(lambda: _open(place, index)),
        looked_again=once(lambda: _look(place, index)),
    )


def _median(rows: Sequence[_Row], value: Callable[[_Row], float]) -> float:
    return statistics.median(map(value, rows))


def _open(place: Path, index: Path | None = None) -> None:
    with open_image(place, index=index) as image:
        assert image.layers_base_first


def _look(place: Path, index: Path | None = None) -> None:
    with open_image(place, index=index) as image:
        assert UnionFS(image.layers_top_first()).lookup("/usr/bin/file000000")


def _bare_pass(tars: Sequence[Path]) -> None:
    for path in tars:
        with tarfile.open(path, "r:") as tar:
            for _ in tar:
                pass
