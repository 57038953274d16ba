"""Plain text for people: the story of a lookup, a layer as a tree."""

from __future__ import annotations

import html as _html
from typing import Final

from unionfs_sim.core.layer import Layer
from unionfs_sim.core.lookup import Answer, Component, Probe, Trace, Verdict
from unionfs_sim.core.nodes import WHITEOUT, Directory, Entry, Kind, Symlink
from unionfs_sim.core.paths import Parts

_ANSWERS: Final = {
    Answer.ABSENT: "not here",
    Answer.WHITEOUT: "whiteout: hidden from here on down",
    Answer.OPAQUE: "opaque directory: nothing below it merges",
    Answer.DIRECTORY: "directory",
    Answer.FOUND: "{kind}",
    Answer.CUT_OFF: "{kind}: ends the merge of the directories above it",
}

_KINDS: Final = {
    Kind.REGULAR: "file",
    Kind.DIRECTORY: "directory",
    Kind.SYMLINK: "symbolic link",
    Kind.CHAR: "character device",
    Kind.BLOCK: "block device",
    Kind.FIFO: "fifo",
    Kind.SOCKET: "socket",
}


def printable(text: str) -> str:
    """
    Make a name fit for one line of a terminal.

    >>> printable("a\\nb\\udce9")
    'a\\\\nb\\\\xe9'
    """
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in raw.decode("utf-8", "backslashreplace")
    )


def kind_name(kind: Kind | None) -> str:
    """Give the words for a kind of node."""
    return _KINDS[kind] if kind else "nothing"


def trace_text(trace: Trace) -> str:
    """
    Tell the story of a lookup, one line a layer that was asked.

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
    lines: list[str] = []
    for component in trace.components:
        lines.extend(component_lines(component))
    lines.append(f"= {verdict_text(trace)}")
    return "\n".join(lines)


def component_lines(component: Component) -> list[str]:
    """Tell the lookup of one name, one line a layer."""
    probes = [*component.probes]
    width = max((len(probe.label) for probe in (*probes, *component.hidden)), default=0)
    asked = {probe.layer: answer_text(probe) for probe in probes}
    told = {probe.layer: probe.label for probe in probes}
    for probe in component.hidden:
        if probe.layer not in asked:
            asked[probe.layer] = (
                f"({kind_name(probe.kind)}, hidden by {component.hidden_by})"
            )
            told[probe.layer] = probe.label
    lines = [printable(component.path)]
    lines += [f"  {told[layer]:<{width}}  {asked[layer]}" for layer in sorted(asked)]
    if component.target is not None:
        lines.append(f"  -> {printable(component.target)}")
    return lines


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
            text = "No such file or directory: no layer has it"
        case Verdict.HIDDEN:
            reason = last.hidden_by if last else None
            text = f"No such file or directory: hidden by {reason}"
        case Verdict.NOT_A_DIRECTORY:
            name = printable(last.path) if last else "/"
            text = f"Not a directory: {name} is in the way"
        case Verdict.LOOP:
            text = "Too many levels of symbolic links"
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
