"""The images in a state: a layout of them all, from which goes what nobody needs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_NAME = "org.opencontainers.image.ref.name"


def keep_only(layout: Path, names: Iterable[str]) -> None:
    """
    Remove all images but these from a layout, and the blobs that only those had.

    A process that is killed meanwhile leaves blobs too many, never too few.
    """
    index_path = layout / "index.json"
    if not index_path.exists():
        return
    wanted = set(names)
    index: dict[str, Any] = json.loads(index_path.read_bytes())
    manifests = index["manifests"]
    kept = [each for each in manifests if each["annotations"][_NAME] in wanted]
    if len(kept) != len(manifests):
        partial = layout / "index.json.partial"
        with partial.open("wb") as file:
            file.write(json.dumps({**index, "manifests": kept}).encode())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(index_path)
    blobs = layout / "blobs" / "sha256"
    needed: set[str] = set()
    for each in kept:
        digest = each["digest"].removeprefix("sha256:")
        manifest = json.loads((blobs / digest).read_bytes())
        needed |= {digest, manifest["config"]["digest"].removeprefix("sha256:")}
        needed.update(
            layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]
        )
    for path in blobs.iterdir():
        if path.name not in needed:
            path.unlink()
