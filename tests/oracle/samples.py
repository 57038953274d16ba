"""The images of the matrix: all recorded ones that we do not refuse, each once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from tests.dialects.ondisk import ROOT, SHARED
from tests.image.test_disputed import REFUSED
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf
from unionfs_sim.core.records import DIRECTORY_TYPES
from unionfs_sim.core.stack import Stack
from unionfs_sim.dialects.conversion import plain
from unionfs_sim.image.build import new_image
from unionfs_sim.image.image import Image
from unionfs_sim.image.open import open_image

#: Where images are; what is in both folders is the same.
FOLDERS: Final = (SHARED / "images", ROOT / "tests" / "data" / "images")

#: Archives of several images -> the names in them.
NAMES: Final = {"two-images.docker.tar": ("hc_share:a", "hc_share:b")}

#: Images whose own bytes real tools read in several ways, or refuse: one question each,
#: percent-encoded names of xattrs, sparse files.  They are written anew, which leaves
#: no question open.
ANEW: Final = ("disputed/", "-bsdtar-", "-gnutar-gnu.", "-gnutar-oldgnu.", "sparse-")


@attrs.frozen
class Sample:
    """
    One image of an archive.

    Attributes:
        label: The archive below its folder, and the name in it if there are several.
        path: The archive.
        name: Which image of it.
    """

    label: str
    path: Path
    name: str | None

    @contextmanager
    def open(self) -> Iterator[Image]:
        """Open it, and give up bytes that are read in several ways."""
        with open_image(self.path, name=self.name) as image:
            yield anew(image) if any(word in self.label for word in ANEW) else image


def anew(image: Image) -> Image:
    """Give an image of the same layers, none of whose bytes is kept."""
    return new_image(image.layers_base_first, names=image.names)


def told(stack: Stack) -> list[Layer]:
    """Give a stack's layers base first, with an entry for each directory in them.

    Docker and buildah write them so; without one, real tools differ on attributes, and
    on what becomes of a lower file of that name (disputed/implied-parents, file-parent).
    """
    found: list[Layer] = []
    for layer in reversed(stack.layers):
        assert isinstance(layer, Layer)
        below = Stack(found[::-1])
        builder = LayerBuilder(layer.label)
        made: dict[int, Leaf] = {}
        for parts, entry in layer.items():
            if entry is WHITEOUT:
                builder.whiteout(parts)
            elif isinstance(entry, Directory):
                lower: Any = below.root if entry.implied else None
                for name in parts:
                    inner = lower.entries if isinstance(lower, DIRECTORY_TYPES) else {}
                    lower = inner.get(name)
                is_there = isinstance(lower, DIRECTORY_TYPES)
                builder.set_meta(parts, lower.meta if is_there else entry.meta)
                if entry.opaque:
                    builder.opaque(parts)
            else:
                builder.add(parts, plain(entry, made))
        found.append(builder.freeze())
    return found


def samples() -> Iterator[Sample]:
    """Go through the images; nothing is opened yet."""
    seen: set[str] = set()
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*.tar*")):
            archive = path.relative_to(folder).as_posix()
            refused = archive.startswith("disputed/") and path.name[:-8] in REFUSED
            if archive in seen or refused or "ondisk" in path.parts:
                continue
            seen.add(archive)
            for name in NAMES.get(path.name, (None,)):
                yield Sample(f"{archive}@{name}" if name else archive, path, name)
