"""Plain text for people: the story of a lookup, a layer as a tree."""

from __future__ import annotations

import html as _html
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import WHITEOUT, Directory, Entry, Kind, Symlink
from unionfs_sim.core.paths import Parts
from unionfs_sim.core.story import KIND_WORDS, Answer, Component, Probe, Trace, Verdict
from unionfs_sim.errors import error_text

_ANSWERS: Final = {
    Answer.ABSENT: "not here",
    Answer.WHITEOUT: "whiteout: hidden from here on down",
    Answer.OPAQUE: "opaque directory: nothing below it merges",
    Answer.DIRECTORY: "directory",
    Answer.METADATA: "{kind}: metadata only, its data is further down",
    Answer.FOUND: "{kind}",
    Answer.CUT_OFF: "{kind}: ends the merge of the directories above it",
}

#: What a piece of a story is, for those who give it a color.
Role: TypeAlias = Literal[
    "path",
    "label",
    "faint",
    "found",
    "directory",
    "whiteout",
    "opaque",
    "cut off",
    "hidden",
    "link",
    "good",
    "error",
]

#: Text and what it is.
Piece: TypeAlias = tuple[str, Role]

_ROLES: Final[Mapping[Answer, Role]] = {
    Answer.ABSENT: "faint",
    Answer.WHITEOUT: "whiteout",
    Answer.OPAQUE: "opaque",
    Answer.DIRECTORY: "directory",
    Answer.METADATA: "directory",
    Answer.FOUND: "found",
    Answer.CUT_OFF: "cut off",
}

#: From how many layers on a row of layers without a name is one line.
_RUN_MIN: Final = 3


def printable(text: str) -> str:
    """
    Make a name fit for one line of a terminal.

    >>> print(printable("a\\nb\\udce9"), printable("ends in a blank "))
    a\\nb\\xe9 ends in a blank\\x20
    """
    if text.isprintable() and not text.endswith(" "):
        return text
    raw = text.encode("utf-8", "surrogateescape")
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in raw.decode("utf-8", "backslashreplace")
    )
    return f"{shown[:-1]}\\x20" if shown.endswith(" ") else shown


def kind_name(kind: Kind | None) -> str:
    """Give the words for a kind of node."""
    return KIND_WORDS[kind] if kind else "nothing"


def trace_text(trace: Trace) -> str:
    """
    Tell the story of a lookup, one line a layer that was asked.

    Layers in a row that do not have a name share a line.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> from unionfs_sim.core.lookup import trace
    >>> base = Layer.build({"motd": "hello"}, label="base")
    >>> web = Layer.build({"motd": WHITEOUT}, label="web")
    >>> print(trace_text(trace([web, base], "/motd")))
    /motd
      web   whiteout: hidden from here on down
      base  (file, hidden by a whiteout in web)
    = No such file or directory: hidden by a whiteout in web; 1 probe
    """
    return lines_text(trace_pieces(trace))


def lines_text(lines: Iterable[Sequence[Piece]]) -> str:
    """Put the pieces of lines together."""
    return "\n".join("".join(text for text, _ in line) for line in lines)


def trace_pieces(trace: Trace) -> list[list[Piece]]:
    """Tell the story of a lookup like `trace_text`, each line in pieces with roles."""
    lines = [line for item in trace.components for line in component_pieces(item)]
    role: Role = "error" if trace.error else "good"
    lines.append([("= ", "faint"), (verdict_text(trace), role)])
    return lines


def component_pieces(component: Component) -> list[list[Piece]]:
    """Tell the lookup of one name, one line a layer."""
    rows: list[tuple[str, str, Role]] = []
    absent: list[str] = []

    def end_run() -> None:
        if len(absent) < _RUN_MIN:
            rows.extend((label, _ANSWERS[Answer.ABSENT], "faint") for label in absent)
        else:
            text = f"{_ANSWERS[Answer.ABSENT]} ({len(absent)} layers)"
            rows.append((f"{absent[0]} ... {absent[-1]}", text, "faint"))
        absent.clear()

    asked = {probe.layer: probe for probe in component.probes}
    told = {probe.layer: probe for probe in component.hidden} | asked
    for layer, probe in sorted(told.items()):
        label = printable(probe.label)
        if layer not in asked:
            end_run()
            text = f"({_hidden_text(probe, component)})"
            rows.append((label, text, "hidden"))
        elif probe.answer is Answer.ABSENT:
            absent.append(label)
        else:
            end_run()
            role = "link" if probe.kind is Kind.SYMLINK else _ROLES[probe.answer]
            rows.append((label, _told_text(probe, component), role))
    end_run()
    width = max((len(label) for label, _, _ in rows), default=0)
    lines: list[list[Piece]] = [[(printable(component.path), "path")]]
    lines += [
        [(f"  {label:<{width}}  ", "label"), (text, role)] for label, text, role in rows
    ]
    return lines


def _told_text(probe: Probe, component: Component) -> str:
    """Say what one layer answered, and what follows from it."""
    text = answer_text(probe)
    if probe.redirect is not None:
        return f"{text}, redirected to {printable(probe.redirect)}"
    if probe.answer is Answer.DIRECTORY and component.verdict is Verdict.MERGED:
        return f"{text}: merges"
    if probe.kind is Kind.SYMLINK and component.target is not None:
        return f"{text} -> {printable(component.target)}"
    return text


def _hidden_text(probe: Probe, component: Component) -> str:
    if probe.answer is Answer.WHITEOUT:
        return "whiteout, not asked"
    opaque = "opaque " if probe.answer is Answer.OPAQUE else ""
    return f"{opaque}{kind_name(probe.kind)}, hidden by {component.hidden_by}"


def answer_text(probe: Probe) -> str:
    """Say what one layer answered."""
    return _ANSWERS[probe.answer].format(kind=kind_name(probe.kind))


def verdict_text(trace: Trace) -> str:
    """Say how a lookup ended, in one line."""
    count = f"{trace.probes} probe{'' if trace.probes == 1 else 's'}"
    last = trace.components[-1] if trace.components else None
    where = " + ".join(trace.found_in)
    match trace.verdict:
        case Verdict.FOUND:
            text = f"{kind_name(trace.kind)} in {where}"
        case Verdict.MERGED:
            text = f"directory merged from {where}"
        case Verdict.ABSENT:
            text = "No such file or directory"
            if last:
                it = "it" if last.path == trace.path else printable(last.path)
                text += f": no layer has {it}"
        case Verdict.HIDDEN:
            assert last is not None
            it = "" if last.path == trace.path else f"{printable(last.path)} is "
            text = f"No such file or directory: {it}hidden by {last.hidden_by}"
        case Verdict.NOT_A_DIRECTORY:
            assert last is not None
            kinds = [probe.kind for probe in last.probes if probe.kind]
            text = f"Not a directory: {printable(last.path)} is a {kind_name(kinds[0])}"
        case Verdict.LOOP:
            text = "Too many levels of symbolic links"
        case Verdict.BROKEN:
            assert trace.error is not None
            text = f"{error_text(trace.error)}: what is there cannot be looked up"
        case _:
            text = "File name too long"
    return f"{text}; {count}"


def layer_text(layer: Layer) -> str:
    """
    Draw a layer as a tree, marks included.

    >>> print(layer_text(Layer.build({"etc/motd": WHITEOUT, "www": Symlink("srv")})))
    /
    ├── etc/
    │   └── motd (whiteout)
    └── www -> srv
    """
    lines = [f"/{' (opaque)' if layer.root.opaque else ''}"]
    pending: list[tuple[Parts, str, Entry, str, str]] = []

    def push(directory: Directory, parts: Parts, indent: str) -> None:
        entries = sorted(directory.entries.items(), reverse=True)
        for index, (name, entry) in enumerate(entries):
            branch, below = ("├── ", "│   ") if index else ("└── ", "    ")
            pending.append((parts, name, entry, indent + branch, indent + below))

    push(layer.root, (), "")
    while pending:
        parts, name, entry, lead, indent = pending.pop()
        lines.append(lead + printable(name) + _suffix(entry))
        if isinstance(entry, Directory):
            push(entry, (*parts, name), indent)
    return "\n".join(lines)


def _suffix(entry: Entry) -> str:
    if entry is WHITEOUT:
        return " (whiteout)"
    if isinstance(entry, Directory):
        return "/ (opaque)" if entry.opaque else "/"
    if isinstance(entry, Symlink):
        return f" -> {printable(entry.target)}"
    return "" if entry.kind is Kind.REGULAR else f" ({kind_name(entry.kind)})"


def html(text: str) -> str:
    """Wrap plain text for a notebook."""
    return f"<pre>{_html.escape(text)}</pre>"
