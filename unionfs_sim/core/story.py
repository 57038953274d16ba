"""
The story of a lookup, as values: who was asked for what, and what they said.

`lookup` makes it, `render` tells it.
"""

from __future__ import annotations

import enum
import errno
from collections.abc import Mapping
from typing import TypeAlias, final

import attrs

from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Directory, Kind, Leaf
from unionfs_sim.core.upper import UpperDirectory, UpperFile

#: A directory of one layer, the upper included.
AnyDirectory: TypeAlias = Directory | UpperDirectory

#: Anything else of one layer.
AnyLeaf: TypeAlias = Leaf | UpperFile

#: The words for each kind of node.
KIND_WORDS: Mapping[Kind, str] = {
    Kind.REGULAR: "file",
    Kind.DIRECTORY: "directory",
    Kind.SYMLINK: "symbolic link",
    Kind.CHAR: "character device",
    Kind.BLOCK: "block device",
    Kind.FIFO: "fifo",
    Kind.SOCKET: "socket",
}


class Answer(enum.Enum):
    """What one layer says when it is asked for one name."""

    ABSENT = "absent"
    WHITEOUT = "whiteout"
    FOUND = "found"
    DIRECTORY = "directory"
    METADATA = "metadata only"
    OPAQUE = "opaque directory"
    CUT_OFF = "cut off"

    @property
    def stops(self) -> bool:
        """Whether no layer further down is asked."""
        return self in _STOPS


_STOPS = {Answer.WHITEOUT, Answer.FOUND, Answer.OPAQUE, Answer.CUT_OFF}


@final
@attrs.frozen
class Probe:
    """
    One layer asked for one name.

    Attributes:
        layer: Its position, 0 for the top (the upper, if there is one).
        label: Its label.
        answer: What it said.
        kind: The kind of what it has there, if it has something.
        redirect: Where the layers further down are asked instead, if they are.
    """

    layer: int
    label: str
    answer: Answer
    kind: Kind | None = None
    redirect: str | None = None


class Verdict(enum.Enum):
    """How the lookup of one name, or of a whole path, ended."""

    FOUND = "found"
    MERGED = "merged"
    ABSENT = "absent"
    HIDDEN = "hidden"
    NOT_A_DIRECTORY = "not a directory"
    LOOP = "loop"
    NAME_TOO_LONG = "name too long"
    BROKEN = "broken"


@final
@attrs.frozen
class Component:
    """
    The lookup of one name in one merged directory.

    Attributes:
        directory: The directory's path, symbolic links resolved.
        name: The name looked up.
        probes: The layers asked, in order.
        verdict: How it ended.
        hidden: What layers have there that does not show, top first, whiteouts
            included; these are no probes: most of the layers were not asked.
        hidden_by: What hides those that are not whiteouts, and in which layer; or
            ``None``.
        target: The text of the symbolic link found, if it was followed.
    """

    directory: str
    name: str
    probes: tuple[Probe, ...]
    verdict: Verdict
    hidden: tuple[Probe, ...] = ()
    hidden_by: str | None = None
    target: str | None = None

    @property
    def path(self) -> str:
        """The name's path."""
        return f"{self.directory.rstrip('/')}/{self.name}"

    def __str__(self) -> str:
        """Tell its part of the story in plain text."""
        from unionfs_sim.core import render  # noqa: PLC0415 - a leaf of the imports

        return render.lines_text(render.component_pieces(self))


@final
@attrs.frozen
class Trace:
    """
    The story of one lookup.

    Attributes:
        path: The path as it was asked for.
        components: The lookups of single names, in order.
        verdict: How it ended.
        resolved: The path after all symbolic links, as far as it could be followed.
        error: The error number that a call on the path gives, or ``None``.
        hits: What was found: one node, or the directories that merge, top first.
        found_in: The labels of the layers that *hits* are in.
    """

    path: str
    components: tuple[Component, ...]
    verdict: Verdict
    resolved: str
    error: int | None
    hits: tuple[AnyDirectory | AnyLeaf, ...] = attrs.field(repr=False, eq=False)
    meta: Meta | None = attrs.field(repr=False, eq=False)
    found_in: tuple[str, ...] = ()

    @property
    def probes(self) -> int:
        """How many times a layer was asked for a name."""
        return sum(len(component.probes) for component in self.components)

    @property
    def kind(self) -> Kind | None:
        """The kind of what was found, or ``None``."""
        return self.hits[0].kind if self.hits else None

    def to_json(self) -> dict[str, object]:
        """Give the story as a value for ``json.dumps``."""
        return {
            "path": self.path,
            "resolved": self.resolved,
            "verdict": self.verdict.value,
            "errno": errno.errorcode[self.error] if self.error else None,
            "type": self.kind.value if self.kind else None,
            "found_in": list(self.found_in),
            "probes": self.probes,
            "components": [_component_json(item) for item in self.components],
        }

    def __str__(self) -> str:
        """Tell the story in plain text."""
        from unionfs_sim.core import render  # noqa: PLC0415 - a leaf of the imports

        return render.trace_text(self)

    def _repr_html_(self) -> str:
        """Tell the story in a notebook."""
        from unionfs_sim.core import render  # noqa: PLC0415 - likewise

        return render.html(render.trace_text(self))


def _probe_json(probe: Probe) -> dict[str, object]:
    return {
        "layer": probe.layer,
        "label": probe.label,
        "answer": probe.answer.value,
        "type": probe.kind.value if probe.kind else None,
        "redirect": probe.redirect,
    }


def _component_json(component: Component) -> dict[str, object]:
    return {
        "path": component.path,
        "name": component.name,
        "verdict": component.verdict.value,
        "probes": [_probe_json(probe) for probe in component.probes],
        "hidden": [_probe_json(probe) for probe in component.hidden],
        "hidden_by": component.hidden_by,
        "target": component.target,
    }
