"""Opening what the user names as IMAGE, and the part of it that is looked at."""

from __future__ import annotations

import re
import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import attrs

from unionfs_sim.cli.report import AbsentError, UsageError, counted
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Directory
from unionfs_sim.core.paths import split
from unionfs_sim.core.records import DIRECTORY_TYPES, Record
from unionfs_sim.core.render import kind_name, printable
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.story import Trace, Verdict
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import FormatError, UnionFSError
from unionfs_sim.image.open import Image, open_image

#: The name of the image that ships with the package.
TOUR: Final = "@tour"

_TOUR_FILE: Final = Path(__file__).resolve().parents[1] / "data" / "tour.oci.tar"

#: From which size on reading an image is worth a word on a terminal.
_SLOW_BYTES: Final = 32 << 20

#: How long a command may be in a line that says something else as well.
BRIEF_MAX: Final = 64

_NOISE: Final = (
    re.compile(r"^(?:\|\d+ (?:\w+=\S* )*)?/bin/sh -c #\(nop\)\s+"),
    re.compile(r"\s+# buildkit$"),
)
_SHELL: Final = re.compile(r"^(?:RUN )?(?:\|\d+ (?:\w+=\S* )*)?/bin/sh -c ")


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


@attrs.frozen(eq=False)
class Scope:
    """
    The part of an image that is looked at.

    Attributes:
        source: The image.
        first: The number of the lowest layer.
        layers_base_first: The layers.
        stack: The same layers, folded.
        fs: Their merged view.
        alone: Whether it is a single layer by itself, so that its marks are shown.
        flags: The options that chose it, to be repeated in hints.
    """

    source: Source
    first: int
    layers_base_first: tuple[Layer, ...]
    stack: Stack
    fs: UnionFS
    alone: bool
    flags: str

    def find(self, path: str, *, follow: bool) -> tuple[str, Record]:
        """
        Find what a path leads to, and its path without links.

        Raises:
            AbsentError: It leads nowhere; the text says why.
        """
        if self.alone:
            raw = self.layers_base_first[0].get(_names(path))
            if isinstance(raw, Directory):  # perhaps one that marks alone make
                return "/" + "/".join(_names(path)), raw
        trace = self.check(path, follow=follow)
        found = self.fs.lookup(trace.resolved)
        if trace.resolved == "/":
            return "/", self.stack.root
        assert found, "a path that was found is found again"
        return trace.resolved, found  # type: ignore[return-value] # no upper: a record

    def check(self, path: str, *, follow: bool) -> Trace:
        """
        Make sure that a path is there, and tell how it is found.

        Raises:
            AbsentError: It is not; the text says why.
        """
        trace = self.fs.explain(path, follow_symlinks=follow)
        try:
            self.fs.stat(path, follow_symlinks=follow)
        except UnionFSError as error:
            msg = f"{printable(path)}: {error.strerror}{self._why(path, trace)}"
            raise AbsentError(msg) from error
        return trace

    def _why(self, path: str, trace: Trace) -> str:
        """Say what a bare error does not, and where to read more."""
        last = trace.components[-1] if trace.components else None
        if last is None:
            return ""
        at = "" if last.path == path else f"{printable(last.path)} is "
        if trace.verdict is Verdict.HIDDEN:
            image, quoted = shlex.quote(self.source.text), shlex.quote(path)
            command = printable(f"unionfs-sim explain {image}{self.flags} {quoted}")
            return f" ({at}hidden by {last.hidden_by}; try: {command})"
        if trace.verdict is Verdict.NOT_A_DIRECTORY:
            kinds = [probe.kind for probe in last.probes if probe.kind]
            return f" ({printable(last.path)} is a {kind_name(kinds[0])})"
        if self.alone and last.probes and not last.probes[-1].kind:
            answer = last.probes[-1].answer.value
            return (
                ""
                if answer == "absent"
                else f" ({last.probes[-1].label} has a {answer} there)"
            )
        return ""

    def origins(self) -> dict[int, int]:
        """Map the identity of every node to the number of its layer; takes O(n)."""
        return {
            id(entry): number
            for number, layer in enumerate(self.layers_base_first, self.first)
            for _, entry in layer.items()
        }


def origin_numbers(record: object, origins: dict[int, int]) -> list[int]:
    """Give the numbers of the layers that something comes from, top first."""
    parts = record.hits if isinstance(record, DIRECTORY_TYPES) else (record,)
    return [origins[id(part)] for part in parts if id(part) in origins]


def open_source(options: Namespace, resources: ExitStack) -> Source:
    """
    Open the image that the options name.

    Raises:
        UsageError: There is no such file, or it is a form for later.
        FormatError: It is no image.
        OSError: It cannot be read.
    """
    path, name = locate(options.image)
    if not (path.is_file() or path.is_dir()):
        msg = f"{printable(str(path))}: neither a file nor a directory"
        raise UsageError(msg)
    try:
        with _progress(path):
            image = resources.enter_context(open_image(path, name=name))
    except FormatError as error:
        if name is None and "a name is needed" in str(error):
            msg = f"{error}; use IMAGE@NAME"
            raise FormatError(msg) from error
        raise
    layers = tuple(
        attrs.evolve(layer, label=f"layer {number}")
        for number, layer in enumerate(image.layers_base_first)
    )
    return Source(options.image, image, layers, layer_commands(image))


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
    if text.startswith("overlay:"):
        msg = f"{printable(text)}: directories of the host cannot be read yet"
        raise UsageError(msg)
    msg = f"{printable(text)}: no such file or directory"
    raise UsageError(msg)


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def open_scope(options: Namespace, resources: ExitStack) -> Scope:
    """
    Open the image that the options name, and choose the layers that they choose.

    Raises:
        UsageError: There is no such layer; and as `open_source`.
    """
    return scope_of(
        open_source(options, resources),
        layer=getattr(options, "layer", None),
        upto=getattr(options, "upto", None),
    )


def scope_of(
    source: Source, *, layer: int | None = None, upto: int | None = None
) -> Scope:
    """Choose one layer, or the first few, or all."""
    layers = source.layers_base_first
    first = 0
    flags = ""
    if layer is not None:
        check_layer(source, layer)
        first, layers, flags = layer, layers[layer : layer + 1], f" --layer {layer}"
    elif upto is not None:
        check_count(source, upto, option="--upto", least=1)
        layers, flags = layers[:upto], f" --upto {upto}"
    stack = Stack(layers[::-1])
    fs = UnionFS(stack, read_only=True)
    return Scope(source, first, layers, stack, fs, layer is not None, flags)


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


def layer_commands(image: Image) -> tuple[str, ...]:
    """Give what made each layer, as far as the history can be matched with them."""
    steps = [step for step in image.history if not step.empty_layer]
    count = len(image.layers_base_first)
    if len(steps) != count:
        return ("",) * count
    return tuple(command_text(step.created_by or step.comment) for step in steps)


def command_text(created_by: str) -> str:
    """
    Give a step of a build as it stands in a Dockerfile.

    >>> command_text("/bin/sh -c #(nop) COPY dir:e69e in /srv/ ")
    'COPY dir:e69e in /srv/'
    >>> command_text("RUN /bin/sh -c rm -r /srv # buildkit")
    'RUN rm -r /srv'
    """
    text = created_by
    for noise in _NOISE:
        text = noise.sub("", text)
    return " ".join(_SHELL.sub("RUN ", text).split())


def brief(text: str) -> str:
    """
    Make a command fit for a line that says something else as well.

    >>> brief("RUN make"), len(brief("RUN " + "make && " * 50))
    ('RUN make', 63)
    """
    return text if len(text) <= BRIEF_MAX else f"{text[: BRIEF_MAX - 4].rstrip()} ..."


def _names(path: str) -> tuple[str, ...]:
    """Split a path for a look into one layer as it is; what cannot be is empty."""
    try:
        return split(path, op="find")[0]
    except UnionFSError:
        return ("",)


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
