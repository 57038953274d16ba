"""``explain``: the story of a lookup, layer by layer."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

from unionfs_sim.cli import history, scopes
from unionfs_sim.cli.report import Line, Lines, Report, line
from unionfs_sim.core.render import printable, trace_pieces
from unionfs_sim.core.story import Answer, Trace

_LABEL: Final = re.compile(r"\blayer (\d+)")


def explain(options: Namespace, resources: ExitStack) -> Report:
    """Tell how a path is looked up; that it is not there is a story like any other."""
    scope = scopes.open_scope(options, resources)
    trace = scope.fs.explain(options.path, follow_symlinks=options.follow)
    return Report(
        blocks=[Lines(_story(trace, scope))], data=lambda: _document(trace, scope)
    )


def _story(trace: Trace, scope: scopes.Scope) -> Iterator[Line]:
    yield from trace_pieces(trace)
    told = [
        (number, command)
        for number in _concerned(trace, scope)
        if (command := scope.source.commands[number])
    ]
    if told:
        yield line()
    width = max((len(f"layer {number}") for number, _ in told), default=0)
    for number, command in told:
        yield (
            (f"{f'layer {number}':<{width}}", "label"),
            (" was made by ", "faint"),
            (printable(history.brief(command)), "code"),
        )


def _concerned(trace: Trace, scope: scopes.Scope) -> list[int]:
    """Give the numbers of the layers that decide at the end, top first."""
    if not trace.components:
        return []
    last = trace.components[-1]
    probes = (*last.probes, *last.hidden)
    positions = {probe.layer for probe in probes if probe.answer is not Answer.ABSENT}
    numbers = {_number(position, scope) for position in positions}
    if last.hidden_by:  # perhaps a directory above it is what hides it
        numbers |= {int(number) for number in _LABEL.findall(last.hidden_by)}
    return sorted(numbers, reverse=True)


def _number(position: int, scope: scopes.Scope) -> int:
    """Give the number of the layer at a position from the top."""
    return scope.first + len(scope.layers_base_first) - 1 - position


def _document(trace: Trace, scope: scopes.Scope) -> dict[str, Any]:
    """Give the story with layers numbered as everywhere here, and what made them."""
    document = trace.to_json()
    components: Any = document["components"]
    for component in components:
        for probe in (*component["probes"], *component["hidden"]):
            probe["layer"] = _number(probe["layer"], scope)
    document["text"] = str(trace)
    document["layers"] = {
        str(number): scope.source.commands[number]
        for number in _concerned(trace, scope)
    }
    return document
