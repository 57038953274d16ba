"""Opening what the user names as IMAGE."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import attrs

from unionfs_sim.adapters.stackdirs import is_spec, open_directories
from unionfs_sim.cli.history import layer_commands
from unionfs_sim.cli.report import UsageError, counted
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.render import printable
from unionfs_sim.errors import FormatError, UnionFSError
from unionfs_sim.image.open import Image, open_image

#: The name of the image that ships with the package.
TOUR: Final = "@tour"

_TOUR_FILE: Final = Path(__file__).resolve().parents[1] / "data" / "tour.oci.tar"

#: The variable that names the directory of an index of images, if one is wanted.
INDEX_VARIABLE: Final = "UNIONFS_SIM_INDEX"

#: From which size on reading an image is worth a word on a terminal.
_SLOW_BYTES: Final = 32 << 20


@attrs.frozen(eq=False)
class Source:
    """
    An image that is open, its layers under the names that the command line uses.

    Attributes:
        text: What the user called it.
        image: The image.
        layers_base_first: Its layers, labelled ``layer 0`` and so on.
        commands: What made each layer, or nothing where the image does not say.
    """

    text: str
    image: Image
    layers_base_first: tuple[Layer, ...]
    commands: tuple[str, ...]


def open_source(options: Namespace, resources: ExitStack) -> Source:
    """
    Open the image that the options name.

    Raises:
        UsageError: There is no such file, or it is a form for later.
        FormatError: It is no image.
        OSError: It cannot be read.
    """
    if not _exists(options.image) and is_spec(options.image):
        return _directories(options.image, resources)
    path, name = locate(options.image)
    if not (path.is_file() or path.is_dir()):
        msg = f"{printable(str(path))}: neither a file nor a directory"
        raise UsageError(msg)
    given = vars(options)
    try:
        with _progress(path):
            index = os.environ.get(INDEX_VARIABLE) or None
            image = resources.enter_context(
                open_image(
                    path,
                    name=name,
                    lenient=given.get("lenient", False),
                    like=given.get("like"),
                    index=index,
                )
            )
    except FormatError as error:
        if name is None and "a name is needed" in str(error):
            msg = f"{error}; use IMAGE@NAME"
            raise FormatError(msg) from error
        raise
    return Source(options.image, image, _labelled(image), layer_commands(image))


def _labelled(image: Image) -> tuple[Layer, ...]:
    return tuple(
        attrs.evolve(layer, label=f"layer {number}")
        for number, layer in enumerate(image.layers_base_first)
    )


def _directories(text: str, resources: ExitStack) -> Source:
    """Open directories of the host, each of which says what made its layer."""
    try:
        image = resources.enter_context(open_directories(text))
    except UnionFSError as error:
        msg = f"{printable(str(error.filename))}: {error.strerror}"
        raise UsageError(msg) from error
    places = tuple(layer.label for layer in image.layers_base_first)
    return Source(text, image, _labelled(image), places)


def locate(text: str) -> tuple[Path, str | None]:
    """
    Split IMAGE into a path and the name of one image in it.

    An ``@`` only splits what is not a path as a whole; the longest path wins.

    Raises:
        UsageError: Nothing is there.

    >>> locate("@tour")[0].name
    'tour.oci.tar'
    """
    if _exists(text):
        return Path(text), None
    if text == TOUR:
        return _TOUR_FILE, None
    head, at, _ = text.rpartition("@")
    while at:
        if head and _exists(head):
            name = text[len(head) + 1 :]
            return Path(head), name or None
        head, at, _ = head.rpartition("@")
    msg = f"{printable(text)}: no such file or directory"
    raise UsageError(msg)


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def check_layer(source: Source, number: int) -> None:
    """
    Refuse a layer that is not there.

    Raises:
        UsageError: The text names those that are.
    """
    count = len(source.layers_base_first)
    if not 0 <= number < count:
        msg = (
            f"there is no layer {number}: {printable(source.text)} has {_range(count)}"
        )
        raise UsageError(msg)


def check_count(source: Source, number: int, *, option: str, least: int) -> None:
    """
    Refuse more layers than there are.

    Raises:
        UsageError: The text names the numbers that can be.
    """
    count = len(source.layers_base_first)
    if not least <= number <= count:
        msg = (
            f"{option} {number}: {printable(source.text)} has"
            f" {counted(count, 'layer')}, so {option} takes {least} to {count}"
        )
        raise UsageError(msg)


def _range(count: int) -> str:
    if count == 1:
        return "layer 0 alone"
    return f"layers 0 to {count - 1}" if count else "no layers"


@contextmanager
def _progress(path: Path) -> Iterator[None]:
    """Say on an interactive stderr that a big file is being read."""
    text = ""
    if path.is_file() and path.stat().st_size >= _SLOW_BYTES and sys.stderr.isatty():
        text = f"reading {printable(path.name)} ..."
        sys.stderr.write(text)
        sys.stderr.flush()
    try:
        yield
    finally:
        if text:
            sys.stderr.write("\r" + " " * len(text) + "\r")
            sys.stderr.flush()
