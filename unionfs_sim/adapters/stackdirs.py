"""Directories of the host as an image: ``overlay:LOWER[:LOWER...]`` and the like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from unionfs_sim.adapters.hostread import read_directory
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Regular
from unionfs_sim.core.stack import Stack
from unionfs_sim.dialects.conversion import without_redirects
from unionfs_sim.dialects.dialect import Dialect
from unionfs_sim.dialects.registry import DIALECTS, dialect
from unionfs_sim.errors import FormatError, SpecError
from unionfs_sim.image.image import Image
from unionfs_sim.image.model import Descriptor

#: A directory: no colon in it but behind a backslash.
_DIRECTORY: Final = re.compile(r"((?:[^:\\]|\\.)*)(?::|$)", re.DOTALL)


def is_spec(text: str) -> bool:
    """
    Tell whether a text names directories in a dialect.

    >>> is_spec("overlay:/srv/top:/srv/base"), is_spec("image.tar")
    (True, False)
    """
    name, colon, _ = text.partition(":")
    return bool(colon) and name in DIALECTS


def directories_top_first(spec: str) -> tuple[Dialect, tuple[str, ...]]:
    """
    Split ``DIALECT:DIRECTORY[:DIRECTORY...]``, top first as ``lowerdir=`` has them.

    A backslash keeps a colon, or another backslash, from ending a directory.

    Raises:
        SpecError: There is no such dialect, or a directory without a name.

    >>> directories_top_first(r"aufs:/srv/a\\:b:/srv/c")
    (<Dialect aufs>, ('/srv/a:b', '/srv/c'))
    """
    name, _, rest = spec.partition(":")
    chosen = dialect(name)
    found = [re.sub(r"\\(.)", r"\1", each, flags=re.DOTALL) for each in _split(rest)]
    if not all(found):
        msg = f"{spec!r}: a directory without a name"
        raise SpecError(msg)
    return chosen, tuple(found)


def _split(text: str) -> Iterator[str]:
    position = 0
    while True:
        match = _DIRECTORY.match(text, position)
        if match is None:  # a backslash at the end
            yield text[position:]
            return
        yield match[1]
        position = match.end()
        if not match[0].endswith(":") or match.end(1) == match.end():
            return


def open_directories(spec: str) -> Image:
    """
    Open directories of the host as if they were an image.

    Layers have the directory as their label, and neither digests nor a config.  Files
    that hold metadata only get their data from the layers below.  The content is read
    from the directories when it is asked for.

    Args:
        spec: Dialect and directories, such as ``overlay:/srv/top:/srv/base``.

    Raises:
        SpecError: The text is not of this form.
        FormatError: A directory makes no sense in the dialect.
        UnionFSError: What the host says.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(folder + "/.wh.motd", "w"):
    ...         image = open_directories(f"aufs:{folder}")
    >>> image.layers_base_first[0].get(("motd",))
    WHITEOUT
    """
    chosen, found = directories_top_first(spec)
    layers: list[Layer] = []
    below = Stack([])
    for path in reversed(found):
        raw = read_directory(path, label=path)
        try:
            layer = chosen.decode(raw)
            if layer.root.special:
                layer = without_redirects(layer, below.root, directories=False)
        except FormatError as error:
            msg = f"{path}, as {chosen.name}: {error}"
            raise FormatError(msg) from error
        layers.append(layer)
        below = below.push(layer)
    nothing = ("",) * len(layers)
    return Image(
        place=spec,
        layers_base_first=tuple(layers),
        diff_ids=nothing,
        chain_ids=nothing,
        descriptors=tuple(
            Descriptor(media_type="", digest="", size=_size(layer)) for layer in layers
        ),
        resources=ExitStack(),
    )


def _size(layer: Layer) -> int:
    """Count the bytes of a layer's files, those of several names once."""
    files: dict[int, int] = {}
    for _path, entry in layer.walk():
        if isinstance(entry, Regular):
            files[id(entry)] = entry.content.size
    return sum(files.values())
