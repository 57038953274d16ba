"""
Every hostile archive is refused with a reason, or contained as a real tool does.

The cases are tables in the modules beside this one, in the order of layer-formats,
section 8; `docs/explanation/hostile-archives.md` says in words what they show.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.image.conftest import make_header, make_layout
from tests.image.hostile import entries, images, streams
from tests.image.hostile.cases import ANY_ANSWER, NOT_TRIED, Case, digits
from unionfs_sim.adapters.unpack import unpack
from unionfs_sim.core.content import Extent
from unionfs_sim.core.nodes import Regular, Symlink
from unionfs_sim.core.records import DIRECTORY_TYPES, Record
from unionfs_sim.core.stack import Stack
from unionfs_sim.errors import FormatError
from unionfs_sim.image.image import Image
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.open import open_image
from unionfs_sim.image.tarlayer import read_layer

TABLES: Final = (
    entries.TRAVERSAL, entries.LINKS, entries.MARKERS, entries.COLLISIONS,
    entries.NAMES, streams.HEADERS, streams.SPARSE, streams.COMPRESSION, streams.BOMBS,
    images.LAYOUTS, images.DOCKER,
)  # fmt: skip
CASES: Final = {name: case for table in TABLES for name, case in table.items()}

SECONDS_MAX: Final = 2.0
MEMORY_MAX: Final = 96 << 20


@contextmanager
def bounded() -> Iterator[None]:
    """Hold the test to its time and, where the system tells, its memory."""
    before = _status("VmRSS")
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak
    except OSError:
        before = 0
    start = time.process_time()
    yield
    spent = time.process_time() - start

    assert spent < SECONDS_MAX, f"{spent:.1f} s"
    if before:
        grown = _status("VmHWM") - before
        assert grown < MEMORY_MAX, f"{grown >> 20} MiB"


def _status(name: str) -> int:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0


@pytest.fixture
def jail(tmp_path: Path) -> Path:
    """Give a folder of things that nobody may touch, with a place for the target."""
    jail = tmp_path / "jail"
    (jail / "outside").mkdir(parents=True)
    (jail / "outside" / "secret").write_text("canary")
    (jail / "secret").write_text("canary")
    (jail / "x").write_text("canary")
    (jail / "link").symlink_to("outside")
    return jail


def outside(jail: Path) -> dict[str, tuple[object, ...]]:
    """Describe all that is in the jail besides the target, and the jail's parent."""
    found: dict[str, tuple[object, ...]] = {}
    pending = [jail.parent]
    for path in pending:  # grows while it is gone through
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        made_here = path in {jail, jail.parent}  # where the test itself makes things
        found[str(path)] = (
            status.st_mode, status.st_ino, 0 if made_here else status.st_nlink,
            status.st_uid, status.st_gid, 0 if made_here else status.st_mtime_ns, content,
        )  # fmt: skip
        if stat.S_ISDIR(status.st_mode):
            pending += sorted(set(path.iterdir()) - {jail / "target"})
    return found


def test_there_are_many_kinds() -> None:
    """No name hides another one, and the tables cover what they are to cover."""
    assert len(CASES) == sum(map(len, TABLES))
    assert 80 <= len(CASES)


@pytest.mark.parametrize("name", CASES)
def test_hostile(name: str, jail: Path) -> None:
    """An archive is refused in words, or its view is as told and stays inside."""
    case = CASES[name]
    path = jail.parent / "image"
    path.write_bytes(case.make(jail / "outside"))
    before = outside(jail)
    with bounded():
        if case.refused:
            with pytest.raises(FormatError) as caught:
                open_image(path, **case.options)
            _check_text(str(caught.value), case, path)
        else:
            with open_image(path, **case.options) as image:
                _check_view(image, case)
                if case.exported != NOT_TRIED:
                    _unpack(image, jail / "target", case)

    assert before == outside(jail)


def _check_text(text: str, case: Case, path: Path) -> None:
    """Hold a refusal to naming archive, layer, entry and reason, in one line or so."""
    assert text.startswith(str(path)), text
    assert re.search(f"{case.place}.*({case.refused})", text, re.DOTALL), text
    assert len(text) < 3000, text


def _check_view(image: Image, case: Case) -> None:
    """Compare what shows, and what is reported."""
    root = Stack(image.layers_top_first()).root
    for path, expected in case.shows.items():
        assert expected == _shown(root, path, expected), path
    text = "\n".join(map(str, image.oddities))
    assert case.odd in text, text
    assert case.odd or not text, text


def _shown(root: Record, path: str, expected: str | None) -> str | None:
    """Say what a view has at a path, in the words of the case."""
    record: Record | None = root
    for part in path.split("/")[1:]:
        assert isinstance(record, DIRECTORY_TYPES), path
        record = record.entries.get(part)  # type: ignore[assignment]
    if record is None:
        return None
    if isinstance(record, Regular) and expected and expected.startswith("="):
        return "=" + record.content.read_all().decode()
    if isinstance(record, Symlink) and expected and expected.startswith("->"):
        return f"->{record.target}"
    return record.kind.value


def _unpack(image: Image, target: Path, case: Case) -> None:
    """Write the view: all of it under the target, or nothing at all."""
    refusal: Exception | None = None
    try:
        unpack(image, target, owners=False, devices=False)
    except (FormatError, OSError) as error:
        refusal = error
    if case.exported != ANY_ANSWER:
        assert bool(case.exported) == (refusal is not None), refusal
        assert re.search(case.exported, str(refusal))
    assert os.path.lexists(target) == (refusal is None)
    # What `shutil.rmtree` cannot do is to remove a very deep tree.
    subprocess.run(["rm", "-rf", target], check=True)


class Headers:
    """Ten million headers, each made when it is read."""

    def __init__(self, entry: bytes, places: list[int]) -> None:
        self._entry = entry
        self._places = places
        self.most = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Give headers with numbers for names."""
        self.most = max(self.most, offset + size)
        first, last = offset // 512, (offset + size + 511) // 512
        data = b"".join(self._numbered(number) for number in range(first, last))
        return data[offset - 512 * first :][:size]

    def _numbered(self, number: int) -> bytes:
        block = bytearray(self._entry)
        block[:8] = name = b"%08d" % number
        block[148:156] = b"%06o\0 " % (sum(self._places) + sum(name) - 8 * 0x30)
        return bytes(block)


def test_ten_million_entries() -> None:
    """However many entries there are, no more are read than the limit allows."""
    entry = make_header("0" * 8)
    block = bytearray(entry)
    block[148:156] = b" " * 8
    source = Headers(entry, [sum(block)])
    tar = Extent(source, 0, 512 * 10_000_000)
    with bounded(), pytest.raises(FormatError, match="more than 50000 entries"):
        read_layer(tar, place="ten million", limits=Limits(entries_max=50_000))

    assert source.most < 512 * 50_000 + (1 << 20)


@pytest.mark.parametrize("what", ["fifo", "device", "directory"])
def test_what_is_no_file(what: str, tmp_path: Path) -> None:
    """A pipe does not block the reader, and a device is not read to its end."""
    path = tmp_path / "image"
    if what == "fifo":
        os.mkfifo(path)
    elif what == "device":
        path = Path("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(FormatError, match=f"^{path}: "):
        open_image(path)


@pytest.mark.parametrize("what", ["fifo", "loop", "directory", "gone"])
def test_blob_in_a_directory_that_is_no_file(what: str, tmp_path: Path) -> None:
    """In a layout's directory too, a blob must be a regular file."""
    for name, data in make_layout(make_header("x")).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    blob = tmp_path / "blobs" / "sha256" / digits(make_header("x"))
    blob.unlink()
    if what == "fifo":
        os.mkfifo(blob)
    elif what == "loop":
        blob.symlink_to(blob)
    elif what == "directory":
        blob.mkdir()
    with pytest.raises((FormatError, OSError), match=blob.name):
        open_image(tmp_path)
