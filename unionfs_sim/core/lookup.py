"""
The reference resolver: it probes layer by layer, and remembers what it saw.

This is the definition of what a union shows.  The fast path (`stack`, `upper`) must
agree with it, which a property test holds; `explain` tells its story.  The rules are
those of the kernel (overlayfs.md, section 1), and for directories without attributes
of their own those of image layers (layer-formats.md, section 5).
"""

from __future__ import annotations

import enum
import errno
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias, final

import attrs

from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Directory,
    Kind,
    Leaf,
    Mark,
    Symlink,
    WhiteoutType,
)
from unionfs_sim.core.paths import SYMLINKS_MAX, Name, Parts, join, name_fits, split
from unionfs_sim.core.upper import UpperDirectory, UpperFile
from unionfs_sim.errors import UnionFSError


class RootView(Protocol):
    """A layer as the resolver sees it: a label, and the directory at its top."""

    @property
    def label(self) -> str:
        """How people call the layer."""
        ...  # pragma: no cover

    @property
    def root(self) -> AnyDirectory:
        """The directory at its top."""
        ...  # pragma: no cover


AnyDirectory: TypeAlias = Directory | UpperDirectory
AnyLeaf: TypeAlias = Leaf | UpperFile
_ANY_DIRECTORY = (Directory, UpperDirectory)


class Answer(enum.Enum):
    """What one layer says when it is asked for one name."""

    ABSENT = "absent"
    WHITEOUT = "whiteout"
    FOUND = "found"
    DIRECTORY = "directory"
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
    """

    layer: int
    label: str
    answer: Answer
    kind: Kind | None = None


class Verdict(enum.Enum):
    """How the lookup of one name, or of a whole path, ended."""

    FOUND = "found"
    MERGED = "merged"
    ABSENT = "absent"
    HIDDEN = "hidden"
    NOT_A_DIRECTORY = "not a directory"
    LOOP = "loop"
    NAME_TOO_LONG = "name too long"


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


@final
@attrs.frozen(eq=False)
class Found:
    """
    What a name resolves to: the directories that merge, or one node.

    Attributes:
        layers: The positions of the layers in *hits*.
        hits: One node that is no directory, or directories, top first.
        meta: The attributes that show.
    """

    layers: tuple[int, ...]
    hits: tuple[AnyDirectory | AnyLeaf, ...]
    meta: Meta


def lookup_name(
    directory: Found, name: Name, labels: Sequence[str]
) -> tuple[Found | None, tuple[Probe, ...]]:
    """
    Look one name up in one merged directory (overlayfs.md, 1.1).

    Only the layers that take part in the directory are asked, top first, until one
    settles it.  Takes O(layers of the directory).
    """
    probes: list[Probe] = []
    directories: list[tuple[int, AnyDirectory]] = []
    result: Found | None = None
    for layer, parent in zip(directory.layers, directory.hits, strict=True):
        assert isinstance(parent, _ANY_DIRECTORY)
        entry = parent.entries.get(name)
        kind = None
        if entry is None:
            answer = Answer.ABSENT
        elif entry is WHITEOUT:
            answer = Answer.WHITEOUT
        elif isinstance(entry, _ANY_DIRECTORY):
            answer = Answer.OPAQUE if entry.opaque else Answer.DIRECTORY
            kind = entry.kind
            directories.append((layer, entry))
        else:
            # Below a directory a file ends the merge and is ignored itself (S26).
            solid = any(not item.bare for _, item in directories)
            answer = Answer.CUT_OFF if solid else Answer.FOUND
            kind = entry.kind
            result = Found((layer,), (entry,), entry.meta)
        probes.append(Probe(layer, labels[layer], answer, kind))
        if answer.stops and not (kind is Kind.DIRECTORY and directories[-1][1].implied):
            break
    return _merge(directories, result), tuple(probes)


def _merge(
    directories: Sequence[tuple[int, AnyDirectory]], result: Found | None
) -> Found | None:
    """Put the directories that were found over each other, from the base up."""
    for layer, entry in reversed(directories):
        if result is not None and isinstance(result.hits[0], _ANY_DIRECTORY):
            # A directory without attributes of its own shows those from below, even
            # if it is opaque (layer-formats, rules 5.2 and 5.8).
            meta = result.meta if entry.implied else entry.meta
            if entry.opaque:
                result = Found((layer,), (entry,), meta)
            else:
                result = Found((layer, *result.layers), (entry, *result.hits), meta)
        elif not entry.bare:
            result = Found((layer,), (entry,), entry.meta)
    return result


def trace(
    roots_top_first: Sequence[RootView], path: str, *, follow: bool = True
) -> Trace:
    """
    Look a path up, and tell how.

    Args:
        roots_top_first: The layers, the upper first if there is one.
        path: The path; relative ones start at the root.
        follow: Whether a symbolic link at the end is followed.

    Returns:
        The story.  What is not there is a verdict, never an exception.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> base = Layer.build({"etc/motd": "hello"}, label="base")
    >>> web = Layer.build({"etc/motd": WHITEOUT}, label="web")
    >>> story = trace([web, base], "/etc/motd")
    >>> story.verdict, story.probes
    (<Verdict.HIDDEN: 'hidden'>, 3)
    """
    return _Walk(roots_top_first, path, follow=follow).run()


_ERRORS: Mapping[Verdict, int] = {
    Verdict.ABSENT: errno.ENOENT,
    Verdict.HIDDEN: errno.ENOENT,
    Verdict.NOT_A_DIRECTORY: errno.ENOTDIR,
    Verdict.LOOP: errno.ELOOP,
    Verdict.NAME_TOO_LONG: errno.ENAMETOOLONG,
}


class _Walk:
    """The state of one walk."""

    def __init__(
        self, roots_top_first: Sequence[RootView], path: str, *, follow: bool
    ) -> None:
        self._path = path
        self._follow = follow
        self._labels = [root.label for root in roots_top_first]
        self._roots = [root.root for root in roots_top_first]
        self._components: list[Component] = []

    def run(self) -> Trace:
        try:
            split(self._path, op="lookup")
        except UnionFSError as error:
            wrong = (
                Verdict.ABSENT if error.errno == errno.ENOENT else Verdict.NAME_TOO_LONG
            )
            return self._end(wrong, (), None)
        trail: list[tuple[Name, Found]] = [("", self._root())]
        pending = list(reversed(self._path.split("/")))
        links = 0
        while pending:
            name = pending.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            parts = tuple(item for item, _ in trail[1:])
            if not name_fits(name):
                return self._end(Verdict.NAME_TOO_LONG, (*parts, name), None)
            found, probes = lookup_name(trail[-1][1], name, self._labels)
            link = self._link(found) if pending or self._follow else None
            self._note(parts, name, found, probes, link)
            if found is None:
                return self._end(self._components[-1].verdict, (*parts, name), None)
            if link is not None:
                links += 1
                if links > SYMLINKS_MAX:
                    return self._end(Verdict.LOOP, (*parts, name), None)
                if link.startswith("/"):
                    del trail[1:]
                pending.extend(reversed(link.split("/")))
            elif isinstance(found.hits[0], _ANY_DIRECTORY):
                trail.append((name, found))
            elif pending:
                return self._end(Verdict.NOT_A_DIRECTORY, (*parts, name), None)
            else:
                return self._end(Verdict.FOUND, (*parts, name), found)
        found = trail[-1][1]
        verdict = Verdict.MERGED if len(found.hits) > 1 else Verdict.FOUND
        return self._end(verdict, tuple(name for name, _ in trail[1:]), found)

    def _root(self) -> Found:
        """Merge the roots; only an opaque mark keeps those below it out."""
        directories: list[tuple[int, AnyDirectory]] = []
        for layer, root in enumerate(self._roots):
            directories.append((layer, root))
            if root.opaque and not root.implied:
                break
        # A root is there in any case, so that it is never bare.
        layer, root = directories[-1]
        base = Found((layer,), (root,), root.meta)
        found = _merge(directories[:-1], base)
        assert found is not None
        return found

    @staticmethod
    def _link(found: Found | None) -> str | None:
        if found is None:
            return None
        hit = found.hits[0]
        node = hit.node if isinstance(hit, UpperFile) else hit
        return node.target if isinstance(node, Symlink) else None

    def _note(
        self,
        parts: Parts,
        name: Name,
        found: Found | None,
        probes: tuple[Probe, ...],
        target: str | None,
    ) -> None:
        """Keep what happened, and what the layers have that does not show."""
        shown = set(found.layers) if found else set()
        asked = {probe.layer for probe in probes if not probe.kind}
        hidden = []
        for layer, root in enumerate(self._roots):
            entry = _raw(root, (*parts, name))
            if entry is None or layer in shown | asked:
                continue
            hidden.append(_answer(layer, self._labels[layer], entry))
        covered = [probe for probe in hidden if probe.kind]
        if found is None:
            verdict = Verdict.HIDDEN if covered else Verdict.ABSENT
        elif len(found.hits) > 1:
            verdict = Verdict.MERGED
        else:
            verdict = Verdict.FOUND
        self._components.append(
            Component(
                join(parts),
                name,
                probes,
                verdict,
                tuple(hidden),
                self._hidden_by(parts, probes, covered) if covered else None,
                target,
            )
        )

    def _hidden_by(
        self, parts: Parts, probes: Sequence[Probe], hidden: Sequence[Probe]
    ) -> str:
        """Say what keeps the hidden entries out: here, or in a directory above."""
        first = hidden[0].layer
        for probe in probes:
            if probe.answer.stops and probe.layer <= first:
                return _reason(probe)
        for component in reversed(self._components):
            if component.hidden_by and component.path == join(parts):
                return component.hidden_by
        return "a directory above it"

    def _end(self, verdict: Verdict, parts: Parts, found: Found | None) -> Trace:
        return Trace(
            self._path,
            tuple(self._components),
            verdict,
            join(parts),
            _ERRORS.get(verdict),
            found.hits if found else (),
            found.meta if found else None,
            tuple(self._labels[layer] for layer in found.layers) if found else (),
        )


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


def _reason(probe: Probe) -> str:
    """Say what an answer that stops the lookup hides the rest by."""
    if probe.answer is Answer.WHITEOUT:
        return f"a whiteout in {probe.label}"
    assert probe.kind is not None
    what = f"the {KIND_WORDS[probe.kind]} in {probe.label}"
    if probe.answer is Answer.OPAQUE:
        return f"the opaque directory in {probe.label}"
    if probe.answer is Answer.CUT_OFF:
        return f"{what}, which ends the merge"
    return what


def _answer(layer: int, label: str, entry: AnyDirectory | AnyLeaf | Mark) -> Probe:
    """Say what a layer has, although it was not asked."""
    if isinstance(entry, Mark):
        return Probe(layer, label, Answer.WHITEOUT)
    answer = Answer.FOUND
    if isinstance(entry, _ANY_DIRECTORY):
        answer = Answer.OPAQUE if entry.opaque else Answer.DIRECTORY
    return Probe(layer, label, answer, entry.kind)


def _raw(
    root: AnyDirectory, parts: Parts
) -> AnyDirectory | AnyLeaf | WhiteoutType | None:
    """Give what one layer has at a path, whatever other layers hide of it."""
    entry: AnyDirectory | AnyLeaf | WhiteoutType | None = root
    for name in parts:
        if not isinstance(entry, _ANY_DIRECTORY):
            return None
        entry = entry.entries.get(name)
    return entry
