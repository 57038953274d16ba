"""``bench``: what lookups cost at depth, where time goes, and sweeps of both."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import attrs

from unionfs_sim.bench import depth_sweep, profiling, results
from unionfs_sim.bench import lookup_depth as depth
from unionfs_sim.bench import sweep as sweeps
from unionfs_sim.bench.measure import BATCH_NS
from unionfs_sim.bench.peer import Peer
from unionfs_sim.bench.peers import PEERS
from unionfs_sim.bench.strategies import STRATEGIES
from unionfs_sim.bench.workload import PLACES, Workload
from unionfs_sim.cli import progress, source
from unionfs_sim.cli.report import (
    FAILED,
    GOOD,
    Block,
    Line,
    Lines,
    Report,
    Table,
    UsageError,
    counted,
    line,
)
from unionfs_sim.core.render import printable

#: The numbers of layers, rounds and length of a batch for `--smoke`.
_SMOKE: Final = ((1, 4), 1, 1)


def lookup_depth(options: Namespace, resources: ExitStack) -> Report:
    """Measure lookups over more and more layers."""
    settings = _settings(options, _peers(options.peers))
    about: dict[str, Any] = {"command": "lookup-depth", **_about(options, settings)}
    if options.image is None:
        subjects: depth.Subjects = Workload().subject
    else:
        if settings.peers:
            msg = "--peers goes with the made workload alone, not with --image"
            raise UsageError(msg)
        opened = source.open_source(options, resources)
        layers = opened.layers_base_first
        settings = _of_image(settings, options, len(layers))
        about |= {"image": opened.text, "layers": list(settings.layers)}
        subjects = depth_sweep.of_image(layers, opened.text, seed=options.seed)
    known, keep = _kept(options, about, resources)
    with progress.line() as tell:
        found = depth.run(
            subjects,
            settings,
            known=map(depth.Measured.from_json, known),
            keep=lambda each: keep(each.to_json()),
            progress=lambda done, of, what: tell(f"{done} of {of}: {what}"),
        )
    drawn = depth.lines(found, seed=options.seed)
    blocks = _depth_blocks(found, drawn, settings)
    if options.plot:
        _plot(drawn, Path(options.plot), f"Lookups: {options.image or 'made workload'}")
        blocks.append(Lines([line(), line(f"{printable(options.plot)}: written")]))
    return Report(
        blocks=blocks,
        data=lambda: {
            "about": about,
            "machine": results.machine(),
            "points": [each.to_json() for each in found],
            "lines": [_line_document(each) for each in drawn],
        },
    )


def _about(options: Namespace, settings: depth.Settings) -> dict[str, Any]:
    """Say what a run measures, for the head of its file."""
    return {
        "image": None,
        "layers": list(settings.layers),
        "where": list(settings.where),
        "strategies": list(settings.strategies),
        "peers": [peer.name for peer in settings.peers],
        "rounds": settings.rounds,
        "seed": options.seed,
        "smoke": options.smoke,
    }


def _settings(options: Namespace, peers: Sequence[Peer] = ()) -> depth.Settings:
    _check(options.where, PLACES, "--where", "place")
    _check(options.strategy, STRATEGIES, "--strategy", "strategy")
    layers = options.layers or depth.LAYERS
    rounds, batch_ns = options.rounds, BATCH_NS
    if options.smoke:
        few, rounds, batch_ns = _SMOKE
        layers = options.layers or few
    return depth.Settings(
        layers=layers,
        where=options.where,
        strategies=options.strategy,
        peers=tuple(peers),
        rounds=rounds,
        batch_ns=batch_ns,
    )


def _of_image(
    settings: depth.Settings, options: Namespace, count: int
) -> depth.Settings:
    """Keep to the layers that an image has."""
    if options.layers and options.layers[-1] > count:
        msg = f"--layers {options.layers[-1]}: {options.image} has {counted(count, 'layer')}"
        raise UsageError(printable(msg))
    layers = options.layers or tuple(depth_sweep.counts_of(count))
    return attrs.evolve(settings, layers=layers)


def _check(chosen: Iterable[str], known: Iterable[str], option: str, noun: str) -> None:
    for word in chosen:
        if word not in known:
            msg = f"{option} {printable(word)}: no such {noun}; there are {', '.join(known)}"
            raise UsageError(msg)


def _peers(chosen: Sequence[str]) -> list[Peer]:
    if tuple(chosen) == ("all",):
        return list(PEERS.values())
    _check(chosen, PEERS, "--peers", "peer")
    return [PEERS[name] for name in chosen]


def _kept(
    options: Namespace, about: Mapping[str, Any], resources: ExitStack
) -> tuple[list[dict[str, Any]], Any]:
    """Open the file of results, if one is wanted; give what is known, and what adds."""
    if options.out is None:
        return [], lambda _: None
    kept = resources.enter_context(results.ResultFile(Path(options.out), about))
    return list(kept.found), kept.add


def _depth_blocks(
    found: Sequence[depth.Measured],
    drawn: Sequence[depth.Line],
    settings: depth.Settings,
) -> list[Block]:
    counts = settings.layers
    header = ("strategy", "where", *map(str, counts), "last/first", "growth")
    rows = [_time_row(each, counts) for each in drawn]
    right = frozenset(range(2, len(header) - 1))
    blocks: list[Block] = [
        Lines([line("CPU time of one lookup, as a multiple of one dict.get", "title")]),
        Table(header, rows, right),
    ]
    own = [each for each in drawn if each.way in STRATEGIES]
    if own:
        header = ("strategy", "where", *map(str, counts))
        blocks += [
            Lines(
                [
                    line(),
                    line("Layers asked / dictionaries asked, by one lookup", "title"),
                ]
            ),
            Table(
                header,
                [_probe_row(each, counts) for each in own],
                frozenset(range(2, len(header))),
            ),
        ]
    skipped: dict[tuple[str, str], list[str]] = {}
    for each in found:
        if each.skipped is not None:
            place = f"{each.point.where} {each.point.layers}"
            skipped.setdefault((each.point.way, each.skipped), []).append(place)
    if skipped:
        blocks.append(Lines([line(), line("Left out", "title")]))
        blocks.append(Lines(_left_out(skipped)))
    return blocks


def _left_out(skipped: Mapping[tuple[str, str], Sequence[str]]) -> list[Line]:
    return [
        (
            (f"{way}: ", ""),
            (printable(reason), "faint"),
            (f" ({len(places)} points)", ""),
        )
        for (way, reason), places in skipped.items()
    ]


def _time_row(each: depth.Line, counts: Sequence[int]) -> Line:
    ratio = each.last_to_first
    cells = [
        (
            _short(point.figures["x_dict_get"])
            if (point := each.points.get(n))
            else "",
            "",
        )
        for n in counts
    ]
    return (
        (each.way, "path"),
        (each.where, ""),
        *[(text, "number") for text, _ in cells],
        ("" if ratio is None else f"{ratio:.2f}", ""),
        (str(each.growth or ""), ""),
    )


def _probe_row(each: depth.Line, counts: Sequence[int]) -> Line:
    cells = []
    for count in counts:
        point = each.points.get(count)
        probes = point.counts if point else None
        text = f"{probes.layer_probes} / {probes.dictionary_probes}" if probes else ""
        cells.append(text)
    return ((each.way, "path"), (each.where, ""), *[(text, "number") for text in cells])


def _short(value: float) -> str:
    """
    Write a ratio with as many digits as mean something.

    >>> _short(2.8412), _short(28.4), _short(28412.0)
    ('2.84', '28.4', '28,412')
    """
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _line_document(each: depth.Line) -> dict[str, Any]:
    return {
        "way": each.way,
        "where": each.where,
        "last_to_first": each.last_to_first,
        **(each.growth.to_json() if each.growth else {"exponent": None}),
    }


def _plot(drawn: Sequence[depth.Line], path: Path, title: str) -> None:
    from unionfs_sim.bench import plotting  # noqa: PLC0415 - needs an extra

    try:
        figure = plotting.figure(drawn, title=title)
    except ImportError as error:
        msg = "--plot needs matplotlib: pip install 'unionfs-sim[plots]'"
        raise UsageError(msg) from error
    try:
        plotting.save(figure, path)
    except ValueError as error:
        msg = f"{printable(str(path))}: a plot is written as .svg or .png"
        raise UsageError(msg) from error


def profile(options: Namespace, _: ExitStack) -> Report:
    """Show where operations spend their time."""
    found = profiling.profile(options.layers, options.repeats)
    blocks: list[Block] = []
    for each in found:
        title = f"{each.operation}: {each.ns:,.0f} ns over {options.layers} layers"
        rows: list[Line] = [
            (
                (f"{cost.share:.0%}", "number"),
                (f"{cost.calls:.1f}", ""),
                (printable(cost.function), ""),
            )
            for cost in each.costs
        ]
        blocks += [
            Lines([*([line()] if blocks else []), line(title, "title")]),
            Table(("share", "calls", "function"), rows, frozenset({0, 1})),
        ]
    return Report(
        blocks=blocks, data=lambda: {"profiles": list(map(attrs.asdict, found))}
    )


def sweep(options: Namespace, resources: ExitStack) -> Report:
    """Measure many images on many workers."""
    settings = _settings(options)
    tasks = _tasks(options, settings)
    make = sweeps.executor_maker(options.executor, options.workers)
    about = {
        "command": "sweep",
        **_about(options, settings),
        "image": options.images,
    }
    known, keep = _kept(options, about, resources)
    done = {
        each["index"]: each["value"] for each in known if each["index"] < len(tasks)
    }

    def finished(one: sweeps.Done[dict[str, Any]]) -> None:
        done[one.index] = one.value or {}
        if one.error is None:
            keep({"index": one.index, "value": one.value})
        tell(f"{len(done)} of {len(tasks)} points")

    with progress.line() as tell:
        found = sweeps.run(
            depth_sweep.measure, tasks, make, finished=finished, known=dict(done)
        )
    failed = [one for one in found if one.error is not None]
    rows = [_sweep_row(task, one) for task, one in zip(tasks, found, strict=True)]
    header = ("image", "strategy", "where", "layers", "x dict.get", "asked")
    return Report(
        blocks=[Table(header, rows, frozenset({3, 4, 5}))],
        data=lambda: {
            "about": about,
            "machine": results.machine(),
            "points": [
                one.value
                if one.error is None
                else {"index": one.index, "error": one.error}
                for one in found
            ],
        },
        status=FAILED if failed else GOOD,
    )


def _tasks(options: Namespace, settings: depth.Settings) -> list[depth_sweep.DepthTask]:
    if not options.images:
        return depth_sweep.tasks([(None, None)], settings, seed=options.seed)
    found: list[depth_sweep.DepthTask] = []
    for text in options.images:
        path, name = source.locate(text)
        with ExitStack() as resources:
            named = Namespace(image=text, layers=options.layers)
            opened = source.open_source(named, resources)
            count = len(opened.layers_base_first)
        each = _of_image(settings, named, count)
        place = str(path.resolve())
        found += depth_sweep.tasks([(place, name)], each, seed=options.seed)
    return found


def _sweep_row(task: depth_sweep.DepthTask, one: sweeps.Done[dict[str, Any]]) -> Line:
    value = one.value or {}
    ratio = value.get("x_dict_get")
    told = one.error or value.get("skipped")
    return (
        (printable(Path(task.image).name) if task.image else "workload", "path"),
        (task.strategy, ""),
        (task.where, ""),
        (str(task.layers), ""),
        (_short(ratio) if ratio is not None else "-", "number"),
        (printable(told) if told else str(value.get("dictionary_probes", "")), ""),
    )
