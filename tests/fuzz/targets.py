"""
What a fuzzer feeds: whatever the bytes, an image is read or refused, and stays inside.

Both the Hypothesis tests and the atheris program use it, so that what one of them finds
can be kept as a test of the other.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from unionfs_sim.adapters.unpack import unpack
from unionfs_sim.core.content import literal
from unionfs_sim.core.meta import Meta
from unionfs_sim.errors import FormatError, SpecError, UnionFSError
from unionfs_sim.image import tarheaders
from unionfs_sim.image.analyze import analyze
from unionfs_sim.image.build import squash
from unionfs_sim.image.check import check
from unionfs_sim.image.image import Image
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.manifest import described, manifest
from unionfs_sim.image.open import open_image
from unionfs_sim.image.tarlayer import read_layer
from unionfs_sim.image.tarxattrs import Like
from unionfs_sim.image.write import write_image
from unionfs_sim.testing.archives import archive, mend

LIMITS: Final = Limits(
    entries_max=5000, layer_bytes_max=16 << 20, ratio_free_bytes=4 << 20
)

#: What one input may take.
SECONDS_MAX: Final = 10.0


def read(
    data: bytes, *, verify: bool = True, write: bool = False, like: Like | None = None
) -> bool:
    """
    Open an image of these bytes, and do all that is done with images.

    Only `FormatError` may come of the bytes, and `check` has to agree with `open_image`.
    Tell whether it was opened.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        path.write_bytes(data)
        opened = _read(path, verify=verify, write=write, like=like)
        if write:
            assert {"image"} >= set(os.listdir(folder))
    assert time.monotonic() - start < SECONDS_MAX, "it took too long"
    return opened


def _read(path: Path, *, verify: bool, write: bool, like: Like | None) -> bool:
    wrong = 1
    with contextlib.suppress(FormatError):
        wrong = sum(each.severity == "error" for each in check(path, limits=LIMITS))
    try:
        image = open_image(path, limits=LIMITS, verify=verify, like=like)
    except FormatError as error:
        text = str(error)
        assert text.startswith(str(path)), text
        several = "a name is needed" in text or "no image is for" in text
        assert wrong or several or not verify, f"not found by check: {text}"
        return False
    with image:
        manifest(image, digests=False)
        found = analyze(image, digests=False)
        assert 0 <= found.wasted_bytes <= found.stored_bytes
        if write:
            _unpack(path.parent / "target", image)
            _convert(path.parent / "target", image)
    return True


def _unpack(target: Path, image: Image) -> None:
    """Unpack an image into a directory, which is all there or not there at all."""
    try:
        unpack(image, target, owners=False, devices=False)
    except (FormatError, UnionFSError):
        assert not os.path.lexists(target)
    else:
        os.system(f"rm -rf '{target}'")


def _convert(target: Path, image: Image) -> None:
    """Write an image as it is and squashed; it reads back as the same."""
    shown = _shown(image)
    for change in (lambda same: same, squash):
        try:
            changed = change(image)
            write_image(changed, target, format="oci-archive")
        except FormatError:
            assert not os.path.lexists(target)
            continue
        except SpecError:  # it has no layers
            assert not image.layers_base_first
            continue
        with open_image(target, limits=LIMITS, lenient=True) as again:
            assert shown == _shown(again)
        target.unlink()


def _shown(image: Image) -> dict[str, dict[str, Any]]:
    """Describe what an image shows; a directory that no layer describes has no time."""
    shown = dict(described(image, digests=False))
    for entry in shown.values():
        if entry.pop("implied", False):  # which a squashed layer has to describe
            entry["mtime"] = 0
    return shown


def fuzz(data: bytes) -> None:
    """Take a fuzzer's bytes: the first says what the others are."""
    if not data:
        return
    kind, body = data[0], data[1:]
    like: Like | None = "docker" if kind & 64 else None
    if kind & 7 < 3:  # entries, whose checksums a fuzzer does not find
        tar = bytearray(body + bytes(-len(body) % 512))
        for start in range(0, len(tar), 512):
            if any(tar[start : start + 512]):
                mend(tar, start)
        with contextlib.suppress(FormatError):
            read_layer(
                literal(bytes(tar)),
                place="x",
                limits=LIMITS,
                lenient=bool(kind & 8),
                like=like,
            )
        if kind & 16:
            # What is read as Docker does cannot all be written: names with marks.
            write = like is None and bool(kind & 32)
            read(archive([bytes(tar)], form="docker"), write=write, like=like)
    elif kind & 7 == 3:
        read(gzip.compress(body)[: len(body) + 9])
    elif kind & 7 == 4:
        read(archive([], form="docker") + body)
    elif kind & 7 == 5:  # a document
        read(_with(b"manifest.json", body))
    elif kind & 7 == 6:
        read(_with(b"index.json", body), verify=False)
    else:
        read(body, verify=bool(kind & 8))


def _with(name: bytes, document: bytes) -> bytes:
    """Give an archive with a document of the fuzzer's own."""
    pieces = []
    layout = b'{"imageLayoutVersion": "1.0.0"}'
    for path, data in ((b"oci-layout", layout), (name, document)):
        if path == b"oci-layout" and name == b"manifest.json":
            continue
        pieces.append(tarheaders.header(path, "0", Meta(mode=0o644), size=len(data)))
        pieces.append(data + tarheaders.padding(len(data)))
    return b"".join((*pieces, tarheaders.END))
