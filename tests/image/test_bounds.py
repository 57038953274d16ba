"""What reading and writing big images takes of memory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from unionfs_sim import Layer, Regular
from unionfs_sim.core.content import Extent
from unionfs_sim.image.build import new_image
from unionfs_sim.image.write import write_image
from unionfs_sim.testing.archives import archive

pytestmark = pytest.mark.slow

MB = 1_000_000

#: Runs a command line, and tells its own peak on stderr.
MEASURED = """
import sys
from unionfs_sim.cli import main
status = main(sys.argv[1:])
with open("/proc/self/status") as file:
    print(*(row.split()[1] for row in file if row.startswith("VmHWM")), file=sys.stderr)
sys.exit(status)
"""


def peak_bytes(root: Path, *arguments: str | Path) -> int:
    """Run a command, and give the most memory that it had."""
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells the peak of a process")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=root,
        check=True,
        text=True,
    )
    return int(done.stderr.split()[-1]) * 1024


def tar(layer: int, directories: int, files: int) -> bytes:
    """Give the tar of a layer with small files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as out:
        for number in range(directories):
            info = tarfile.TarInfo(f"usr/share/{layer}-{number}")
            info.type = tarfile.DIRTYPE
            out.addfile(info)
            for name in range(files):
                info = tarfile.TarInfo(f"usr/share/{layer}-{number}/{name}.txt")
                info.size = 100
                out.addfile(info, io.BytesIO(b"x" * 100))
    return target.getvalue()


def test_manifest_of_140_000_entries(root: Path, tmp_path: Path) -> None:
    """It takes less than 150 MB, as a table and as JSON."""
    path = tmp_path / "many.tar"
    path.write_bytes(archive([tar(number, 70, 49) for number in range(40)]))

    for form in ("--json", "--color=never"):
        peak = peak_bytes(root, "manifest", path, "--no-digests", form)
        assert peak < 150 * MB, form


class Pattern:
    """Bytes that nobody has to store, and that gzip does not make small."""

    def __init__(self) -> None:
        self._data = os.urandom(2 * MB)

    def read_at(self, offset: int, size: int) -> bytes:
        """Give *size* bytes."""
        start = offset % MB
        return (self._data * (1 + (start + size) // len(self._data)))[
            start : start + size
        ]


def test_convert_does_not_grow_with_the_image(root: Path, tmp_path: Path) -> None:
    """An image of 200 MB takes what one of 2 GB does: well below 200 MB."""
    big = Regular(Extent(Pattern(), 0, 100 * MB))
    path = tmp_path / "big.tar"
    layers = [Layer.build({f"f{number}": big}) for number in range(2)]
    write_image(new_image(layers), path, format="oci-archive", compression="none")
    other = tmp_path / "other.tar"

    assert peak_bytes(root, "convert", path, other, "--compression", "gzip") < 100 * MB
    path.unlink()
    assert peak_bytes(root, "convert", other, path, "--compression", "none") < 100 * MB
