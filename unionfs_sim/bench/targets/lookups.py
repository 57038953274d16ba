"""Targets 1 to 6 and 9: lookups, status, first touch, listings, mounts."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import final

from unionfs_sim.bench.hostpeers import mounted
from unionfs_sim.bench.measure import (
    Batch,
    OneCall,
    Task,
    Timing,
    calls,
    growth,
    lookups,
    quiet,
    spend,
    time_tasks,
)
from unionfs_sim.bench.targets.figures import Figure, Setup, median_ns, once, ratio_of
from unionfs_sim.bench.workload import (
    DIRECTORIES,
    KEYS_MAX,
    Subject,
    Workload,
    directory,
    names,
)
from unionfs_sim.bench.workload import pushed as pushed_spec
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import WHITEOUT
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.union import UnionFS

#: The hit places of target 3.
_PLACES = ("top", "middle", "bottom", "miss", "whiteout")

#: How many kernel calls of target 2 and 6 are averaged.
_KERNEL_CALLS = 400


def _stats(fs: UnionFS) -> Batch:
    def batch(keys: Sequence[str]) -> None:
        for key in keys:
            fs.stat(key)

    return batch


def warm(setup: Setup) -> Iterator[Figure]:
    """Measure targets 1 to 3: warm lookups and status, at any depth."""
    workload = Workload()
    counts = sorted({1, max(setup.deep // 31, 2), max(setup.deep // 4, 3), setup.deep})
    tasks: dict[str, Task] = {}
    alive = []
    for count in counts:
        subject = workload.subject(count)
        stack = Stack(subject.layers_top_first)
        alive.append(stack)
        for place, paths in subject.paths.items():
            fs = UnionFS(stack)  # one a place: the control's dictionary is as large
            tasks[f"{place} {count}"] = Task(lookups(fs), paths)
            if place in _PLACES and count in {1, setup.deep}:
                # The same answers by the same texts, so that memory is as far away.
                table: dict[str, object] = {path: fs.lookup(path) for path in paths}
                tasks[f"control {place} {count}"] = Task(lookups(OneCall(table)), paths)
        tasks[f"stat {count}"] = Task(_stats(UnionFS(stack)), subject.paths["bottom"])
    timings = time_tasks(tasks, rounds=setup.rounds, batch_ns=setup.batch_ns)
    places = [f"{place} {count}" for place in _PLACES for count in (1, setup.deep)]
    to_get = {place: timings[place].x_dict_get for place in places}
    to_call = {
        place: ratio_of(timings[place].ratios, timings[f"control {place}"].ratios)
        for place in places
    }
    for values, limit, yardstick in (
        (to_get, 3.2, "dict.get"),
        (to_call, 1.15, "one method call + dict.get of the same"),
    ):
        worst = max(values, key=values.__getitem__)
        yield Figure(
            1,
            f"warm lookup to {yardstick}, worst of {len(places)} places",
            values[worst],
            "x",
            limit,
            note=f"worst: {worst} layers; median of all places "
            f"{statistics.median(values.values()):.2f}",
        )
    stat = timings[f"stat {setup.deep}"]
    yield Figure(2, "warm stat to dict.get", stat.x_dict_get, "x", 8)
    yield from _flat(timings, counts)
    yield from _kernel(setup, workload, stat.ns)


def _flat(timings: Mapping[str, Timing], counts: Sequence[int]) -> Iterator[Figure]:
    deep = counts[-1]
    for place in _PLACES:
        value = ratio_of(
            timings[f"{place} {deep}"].ratios, timings[f"{place} 1"].ratios
        )
        yield Figure(3, f"{place}: t({deep}) / t(1)", value, "x", 1.10)
        fitted = growth({n: timings[f"{place} {n}"].ratios for n in counts})
        assert fitted is not None
        yield Figure(
            3,
            f"{place}: growth, exponent without sign",
            abs(fitted.exponent),
            "",
            0.03,
            note=str(fitted),
        )
    value = max(
        ratio_of(timings[f"depth-12 {n}"].ratios, timings[f"depth-1 {n}"].ratios)
        for n in (1, deep)
    )
    yield Figure(3, "path depth 12 / depth 1", value, "x", 1.15)


def _kernel(setup: Setup, workload: Workload, stat_ns: float) -> Iterator[Figure]:
    """Compare with the kernel: status in target 2, listings in target 6."""
    what = f"stat: kernel overlayfs at {setup.deep} layers / ours"
    listing = f"listdir of 20 names a layer: kernel overlayfs at {setup.deep} / ours"
    if not setup.peers:
        note = "peers were not asked for"
        yield Figure(2, what, None, "x", 10, ">=", note)
        yield Figure(6, listing, None, "x", 20, ">=", note)
        return
    subject = workload.subject(setup.deep)
    with ExitStack() as resources:
        try:
            place = mounted(subject, resources)
        except OSError as error:
            note = str(error)[:120]
            yield Figure(2, what, None, "x", 10, ">=", note)
            yield Figure(6, listing, None, "x", 20, ">=", note)
            return
        paths = [f"{place}{path}" for path in subject.paths["bottom"]]
        batch = calls(os.stat)
        touched_ns = spend(batch, paths, 1)
        kernel_ns = statistics.median(
            spend(batch, paths, 1) for _ in range(setup.rounds)
        )
        yield Figure(2, what, kernel_ns / stat_ns, "x", 10, ">=")
        target = f"{place}/{directory(0)}"
        theirs = median_ns(lambda: os.listdir(target), setup.rounds)  # noqa: PTH208 - the call itself
    fs = UnionFS(Stack(subject.layers_top_first))
    ours = median_ns(lambda: fs.listdir(f"/{directory(0)}"), setup.rounds)
    again = UnionFS(fs.stack)
    first_ns = spend(lookups(again), subject.paths["bottom"], 1)
    yield Figure(
        5,
        f"{KEYS_MAX} files touched once: kernel overlayfs at {setup.deep} / ours",
        touched_ns / first_ns,
        "x",
        note=f"told only; a fresh mount and a new union: {touched_ns / 1000:.1f} us "
        f"and {first_ns / 1000:.1f} us a file",
    )
    yield Figure(6, listing, theirs / ours, "x", 20, ">=")


def cold(setup: Setup) -> Iterator[Figure]:
    """Measure targets 4, 5, 6 and the first of 9: what is asked for the first time."""
    workload = Workload()
    subjects = {count: workload.subject(count) for count in (1, setup.deep)}
    deep = subjects[setup.deep]
    entries = sum(len(layer) for layer in workload.layers(setup.deep))
    gc.collect()
    began = time.thread_time_ns()
    stacks = {setup.deep: Stack(deep.layers_top_first)}
    folding = time.thread_time_ns() - began
    stacks[1] = Stack(subjects[1].layers_top_first)
    asked: dict[int, list[float]] = {1: [], setup.deep: []}
    with quiet():
        for number in range(setup.rounds + 1):
            for count, subject in subjects.items():
                ratio = _never_asked(stacks[count], subject.paths["bottom"])
                if number:  # the first one finds everything cold
                    asked[count].append(ratio)
        floors = [
            _floors(stacks[setup.deep], deep.paths["bottom"])
            for _ in range(setup.rounds)
        ]
    value = statistics.median(asked[setup.deep])
    found, kept, missing = map(statistics.median, zip(*floors, strict=True))
    note = (
        f"with nothing checked, one split and two probes take {found:.1f} x; with the "
        f"answer remembered {kept:.1f} x; and by __missing__, as target 1 demands, "
        f"{missing:.1f} x"
    )
    yield Figure(4, "path never asked before, to dict.get", value, "x", 10, note=note)
    flat = ratio_of(asked[setup.deep], asked[1])
    yield Figure(4, f"path never asked before: t({setup.deep}) / t(1)", flat, "x", 1.10)
    yield from _first(stacks[setup.deep], deep, setup, folding / entries)
    yield from _whiteouts(setup)


def _never_asked(stack: Stack, paths: Sequence[str]) -> float:
    """Give the ratio to `dict.get` for paths asked once, in directories known before."""
    fs = UnionFS(stack)
    for number in range(DIRECTORIES):
        fs.lookup(f"/{directory(number)}")
    return _once_each(lookups(fs), paths)


def _floors(stack: Stack, paths: Sequence[str]) -> tuple[float, float, float]:
    """Give that ratio for the least that any lookup must do, in three ways."""
    fs = UnionFS(stack)
    known: dict[str, Mapping[str, object]] = {}
    for number in range(DIRECTORIES):
        path = f"/{directory(number)}"
        known[path] = fs.lookup(path).entries  # type: ignore[union-attr]
    ways = (_Finding(known), _Remembering(known), _Missing(known))
    found, kept, missing = (_once_each(lookups(way), paths) for way in ways)
    return found, kept, missing


def _once_each(batch: Batch, paths: Sequence[str]) -> float:
    get = calls(dict.fromkeys(paths, 1).get)
    fresh = [path[:1] + path[1:] for path in paths]  # text without a cached hash
    before = spend(get, paths, 8)
    took = spend(batch, fresh, 1)
    return took / min(before, spend(get, paths, 8))


@final
class _Finding:
    """Finds a name in a known directory; neither checks nor remembers anything."""

    def __init__(self, known: Mapping[str, Mapping[str, object]]) -> None:
        self._known = known

    def lookup(self, path: str, /) -> object:
        head, _, name = path.rpartition("/")
        return self._known[head][name]


@final
class _Remembering:
    """Asks what it remembers, then finds and remembers; a known path has two steps."""

    def __init__(self, known: Mapping[str, Mapping[str, object]]) -> None:
        self._known = known
        self._answers: dict[str, object] = {}

    def lookup(self, path: str, /) -> object:
        found = self._answers.get(path)
        if found is None:
            head, _, name = path.rpartition("/")
            found = self._answers[path] = self._known[head][name]
        return found


@final
class _Missing:
    """The same by a dictionary that finds what it misses; a known path has one step."""

    def __init__(self, known: Mapping[str, Mapping[str, object]]) -> None:
        self._answers = _Answers()
        self._answers.known = known

    def lookup(self, path: str, /) -> object:
        return self._answers[path]


@final
class _Answers(dict[str, object]):
    known: Mapping[str, Mapping[str, object]]

    def __missing__(self, path: str) -> object:
        head, _, name = path.rpartition("/")
        self[path] = found = self.known[head][name]
        return found


def _first(
    stack: Stack, subject: Subject, setup: Setup, fold_ns: float
) -> Iterator[Figure]:
    path = subject.paths["bottom"][0]
    made, firsts = [], []
    with quiet():
        for _ in range(setup.rounds * 5):
            began = time.thread_time_ns()
            fs = UnionFS(stack)
            ready = time.thread_time_ns()
            fs.lookup(path)
            firsts.append(time.thread_time_ns() - ready)
            made.append(ready - began)
    deep = setup.deep
    yield Figure(
        5, "first lookup, new union, known stack", _us(firsts), "us", 20,
        note=f"{deep} layers",
    )  # fmt: skip
    yield Figure(5, "folding a stack, an entry", fold_ns / 1000, "us", 3)
    yield from _pushes(stack, setup)
    limit = 10 + 0.1 * deep
    yield Figure(9, f"new union over {deep} known layers", _us(made), "us", limit)
    fs = UnionFS(stack)
    listing = f"/{directory(0)}"
    count = len(fs.listdir(listing))
    took = median_ns(lambda: fs.listdir(listing), setup.rounds)
    yield Figure(
        6, "listing a merged directory, warm, a name", took / count, "ns", 60,
        note=f"{count} names over {deep} layers",
    )  # fmt: skip


def _pushes(stack: Stack, setup: Setup) -> Iterator[Figure]:
    """Push one layer over few and over many; each has 400 files of its own."""
    few = Stack(stack.layers[-1:])
    taken: dict[bool, list[int]] = {True: [], False: []}
    with quiet():
        for number in range(setup.rounds):
            for is_deep, below in ((False, few), (True, stack)):
                layer = Layer.build(pushed_spec(600 + number), label="pushed")
                taken[is_deep].append(once(lambda b=below, x=layer: b.push(x)))  # type: ignore[misc]
    entries = len(names(0)) + DIRECTORIES + 2
    each = statistics.median(taken[True]) / entries / 1000
    yield Figure(5, f"pushing one layer on {setup.deep}, an entry of it", each, "us", 3)
    yield Figure(
        5,
        f"pushing one layer: on {setup.deep} layers / on one",
        ratio_of(taken[True], taken[False]),
        "x",
        1.3,
        note="must cost the layer, not the stack",
    )


def _whiteouts(setup: Setup) -> Iterator[Figure]:
    """Hide all names of one directory, and list it."""
    count = 10_000 if not setup.smoke else 100
    base = Layer.build({f"d/f{number}": "" for number in range(count)} | {"d/last": ""})
    top = Layer.build({f"d/f{number}": WHITEOUT for number in range(count)})
    below = Stack([base])
    with quiet():
        pushing = once(lambda: below.push(top)) / count / 1000
    fs = UnionFS([top, base])
    taken = median_ns(lambda: fs.listdir("/d"), setup.rounds) / 1000
    what = f"{count:,} whiteouts in one directory"
    yield Figure(5, f"pushing {what}, each", pushing, "us", 3)
    yield Figure(
        6, f"listing over {what}, one name left", taken, "us", note="told only"
    )


def _us(taken_ns: Sequence[float]) -> float:
    return statistics.median(taken_ns) / 1000
