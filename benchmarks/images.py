"""
Measure what reading and converting big images costs, in time and in memory.

`manifest` without digests of an image of 140,000 entries in 40 layers, against a bare
pass of the standard library's `tarfile` over the same layers; `convert` of an image of
2 GB.  Every run is a process of its own, which tells its CPU time and its peak; runs
are interleaved, and ratios are medians of those within a round.  Needs Linux, and 5 GB
of disk.  Exits with 1 if a limit of the issue is not kept, unless nothing was measured
(`--smoke`).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from unionfs_sim import Layer, Regular
from unionfs_sim.bench.results import here
from unionfs_sim.core.content import Extent, literal
from unionfs_sim.image.build import new_image
from unionfs_sim.image.tarlayer import read_layer
from unionfs_sim.image.write import write_image

LIMIT_RATIO, LIMIT_MANIFEST_MB, LIMIT_CONVERT_MB = 1.5, 150, 200
MB = 1_000_000

#: Runs a body in a process, and prints its CPU time and the most memory it had.
RUN = """
import sys, time
{imports}
before = time.process_time()
{body}
spent = time.process_time() - before
with open("/proc/self/status") as file:
    peak = next(int(row.split()[1]) for row in file if row.startswith("VmHWM"))
print(spent, peak * 1024, file=sys.stderr)
"""
TARFILE = (
    "import tarfile",
    "for path in sys.argv[1:]:\n"
    "    with tarfile.open(path) as archive:\n"
    "        for member in archive:\n"
    "            pass",
)
COMMAND = ("from unionfs_sim.cli import main", "assert main(sys.argv[1:]) == 0")


@attrs.frozen
class Size:
    """How much is measured."""

    layers: int
    directories: int
    files: int
    big_bytes: int
    rounds: int


FULL = Size(layers=40, directories=70, files=49, big_bytes=2000 * MB, rounds=7)
SMOKE = Size(layers=3, directories=3, files=5, big_bytes=MB, rounds=1)


class Noise:
    """Bytes that nobody has to store, and that gzip does not make small."""

    def __init__(self) -> None:
        self._data = os.urandom(2 * MB)

    def read_at(self, offset: int, size: int) -> bytes:
        """Give *size* bytes."""
        start = offset % MB
        times = 1 + (start + size) // len(self._data)
        return (self._data * times)[start : start + size]


def layer_tar(number: int, size: Size) -> bytes:
    """Give the tar of a layer with small files, as other tools write it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as out:
        for directory in range(size.directories):
            info = tarfile.TarInfo(f"usr/share/{number}-{directory}")
            info.type = tarfile.DIRTYPE
            out.addfile(info)
            for name in range(size.files):
                info = tarfile.TarInfo(f"usr/share/{number}-{directory}/{name}.txt")
                info.size = 100
                out.addfile(info, io.BytesIO(b"x" * 100))
    return target.getvalue()


def many(folder: Path, size: Size) -> Path:
    """Write the image of many entries, as a layout."""
    tars = [layer_tar(number, size) for number in range(size.layers)]
    layers = [read_layer(literal(tar)).layer for tar in tars]
    write_image(new_image(layers), folder / "many", compression="none")
    return folder / "many"


def big(folder: Path, size: Size) -> Path:
    """Write the image of two big files, as an archive."""
    file = Regular(Extent(Noise(), 0, size.big_bytes // 2))
    layers = [Layer.build({f"f{number}": file}) for number in range(2)]
    path = folder / "big.tar"
    write_image(new_image(layers), path, format="oci-archive", compression="none")
    return path


def run(code: tuple[str, str], *arguments: str | Path) -> tuple[float, float]:
    """Run something in a process; give its CPU time in seconds and its peak in MB."""
    imports, body = code
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            RUN.format(imports=imports, body=body),
            *map(str, arguments),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        text=True,
    )
    seconds, peak = done.stderr.split()[-2:]
    return float(seconds), int(peak) / MB


def manifests(folder: Path, size: Size) -> dict[str, Any]:
    """Measure `manifest` as a table and as JSON against the bare pass."""
    path = many(folder, size)
    blobs = sorted(
        (path / "blobs" / "sha256").iterdir(), key=lambda p: p.stat().st_size
    )
    layers = blobs[-size.layers :]
    runs: dict[str, Callable[[], tuple[float, float]]] = {
        "tarfile": lambda: run(TARFILE, *layers),
        "table": lambda: run(COMMAND, "manifest", path, "--no-digests"),
        "json": lambda: run(COMMAND, "manifest", path, "--no-digests", "--json"),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(size.rounds):
        for name, measured in runs.items():
            found[name].append(measured())
    bare = [seconds for seconds, _ in found["tarfile"]]
    figures: dict[str, Any] = {
        "entries": size.layers * size.directories * (1 + size.files),
        "tarfile_s": statistics.median(bare),
    }
    for name in ("table", "json"):
        ratios = [
            seconds / base for (seconds, _), base in zip(found[name], bare, strict=True)
        ]
        figures[f"{name}_ratio"] = statistics.median(ratios)
        figures[f"{name}_peak_mb"] = max(peak for _, peak in found[name])
    return figures


def conversions(folder: Path, size: Size) -> dict[str, Any]:
    """Measure the peaks of `convert`: layers as they are, compressed, and not."""
    path = big(folder, size)
    peaks = {}
    stored = path.stat().st_size
    for name in ("keep", "gzip", "none"):
        target = folder / f"{name}.tar"
        _, peaks[f"convert_{name}_peak_mb"] = run(
            COMMAND, "convert", path, target, "--compression", name
        )
        if name == "gzip":  # the next one decompresses it
            path.unlink()
            path = target
        else:
            target.unlink()
    return {"bytes": stored, **peaks}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--smoke", action="store_true", help="run everything once; figures mean nothing"
    )
    options = parser.parse_args(argv)
    size = SMOKE if options.smoke else FULL
    with tempfile.TemporaryDirectory(prefix="images") as folder:
        found = manifests(Path(folder), size) | conversions(Path(folder), size)
    if options.json:
        print(json.dumps({**here(), "smoke": options.smoke, **found}, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:<22} {value:,.4g}")
    good = all(
        value
        <= (
            LIMIT_RATIO
            if name.endswith("_ratio")
            else LIMIT_CONVERT_MB
            if name.startswith("convert")
            else LIMIT_MANIFEST_MB
        )
        for name, value in found.items()
        if name.endswith(("_ratio", "_peak_mb"))
    )
    return 0 if good or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
