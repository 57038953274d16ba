"""Target 10: what a layer, the merged view and the cache take in memory."""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from unionfs_sim.bench.targets.bigimage import write_image
from unionfs_sim.bench.targets.figures import Figure, Setup
from unionfs_sim.bench.workload import Workload
from unionfs_sim.core import cache
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.union import UnionFS
from unionfs_sim.image.open import open_image


def memory(setup: Setup) -> Iterator[Figure]:
    """Measure target 10 with `tracemalloc`, on an image like those of a distribution."""
    with tempfile.TemporaryDirectory() as text:
        place = Path(text)
        write_image(place, files=setup.files, layers=1)
        gc.collect()
        tracemalloc.start()
        try:
            before = _held()
            image = open_image(place)
            with image:
                loaded = _held() - before
                (layer,) = image.layers_base_first
                entries = len(layer)
                yield Figure(
                    10, "loaded layer, an entry", loaded / entries, "bytes", 350,
                    note=f"{entries:,} entries, read from a tar",
                )  # fmt: skip
        finally:
            tracemalloc.stop()
        with open_image(place) as image:
            yield from _index_and_cache([*image.layers_base_first], "one layer")
    workload = Workload().layers(min(setup.deep, 100))
    yield from _index_and_cache([*workload], f"{len(workload)} merged layers")
    yield _bounded(setup)


def _index_and_cache(layers: list[Layer], what: str) -> Iterator[Figure]:
    """Measure view and cache, while all that the cache can hold was asked for."""
    entries = sum(len(layer) for layer in layers)
    shown = UnionFS(layers)
    paths = []
    for folder, folders, files in shown.walk("/"):
        head = "" if folder == "/" else folder
        paths += [f"{head}/{name}" for name in folders]
        paths += [f"{head}/{name}" for name in files]
        if len(paths) > cache.PATHS_MAX * 0.9:
            break
    del paths[int(cache.PATHS_MAX * 0.9) :], shown
    gc.collect()
    tracemalloc.start()
    try:
        before = _held()
        fs = UnionFS(layers)
        index = (_held() - before) / entries
        before = _held()
        for path in paths:
            fs.lookup(path)
        held = (_held() - before) / len(paths)
    finally:
        tracemalloc.stop()
    yield Figure(
        10,
        f"index and cache over {what}, an entry",
        index + held,
        "bytes",
        130,
        note=f"view {index:.0f} an entry, cache {held:.0f} a remembered path "
        "(the text of paths is the caller's)",
    )


def _bounded(setup: Setup) -> Figure:
    """Ask for a million paths, and see how many are remembered."""
    fs = UnionFS([Layer.build({"etc/motd": "hello"})])
    scan = 1_000_000 if not setup.smoke else 1_000
    tracemalloc.start()
    try:
        before = _held()
        for number in range(scan):
            fs.lookup(f"/etc/none{number}")
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    limit = cache.PATHS_MAX * 400 / 2**20
    what = f"most memory held while {scan:,} paths are asked for"
    note = f"{cache.PATHS_MAX:,} paths at most, texts included"
    return Figure(10, what, peak / 2**20, "MiB", limit, note=note)


def _held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
