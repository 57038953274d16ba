"""The part of an image that is looked at: all layers, the first few, or one alone."""

from __future__ import annotations

import shlex
from argparse import Namespace
from contextlib import ExitStack

import attrs

from unionfs_sim.cli.report import AbsentError
from unionfs_sim.cli.source import Source, check_count, check_layer, open_source
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Directory
from unionfs_sim.core.paths import split
from unionfs_sim.core.records import DIRECTORY_TYPES, Record
from unionfs_sim.core.render import kind_name, printable
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.story import Trace, Verdict
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError


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


def _names(path: str) -> tuple[str, ...]:
    """Split a path for a look into one layer as it is; what cannot be is empty."""
    try:
        return split(path, op="find")[0]
    except UnionFSError:
        return ("",)
