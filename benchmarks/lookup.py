"""
What a lookup costs as layers pile up, next to what a dictionary costs.

Warm lookups are measured for a hit in the top, middle and bottom layer, a miss and a
whiteout; besides, a warm `stat`, the first lookup of a new union over a known stack,
and paths never asked before in a directory that is known.  `README.md` beside this
file has the method.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import unionfs_sim
from unionfs_sim import WHITEOUT, Layer, Stack, UnionFS

DEPTHS = (1, 4, 16, 64, 128, 500)
DIRECTORIES = 20
FILES = 20
KEYS = DIRECTORIES * FILES
DEEP = "/".join(f"q{level}" for level in range(1, 12))  # a file in it has depth 12

Batch = Callable[[Sequence[str]], None]


def directory(number: int) -> str:
    return f"p1/p2/d{number:02d}"


def names(layer: int) -> list[str]:
    """Give the paths of the files that one layer alone has, in its 20 directories."""
    return [
        f"/{directory(d)}/l{layer:03d}f{f:02d}"
        for d, f in itertools.product(range(DIRECTORIES), range(FILES))
    ]


def hidden() -> list[str]:
    """Give the paths that the base has and a layer half way up hides."""
    return [
        f"/{directory(d)}/gone{f:02d}"
        for d, f in itertools.product(range(DIRECTORIES), range(FILES))
    ]


def make_layers(count: int) -> list[Layer]:
    """
    Make the workload, top first.

    Over a single layer a whiteout hides nothing, but it is there to be found.
    """
    layers = []
    for number in range(count):
        spec: dict[str, Any] = {path[1:]: "x" for path in names(number)}
        spec |= {f"root{number:03d}-{n}": "x" for n in range(4)}
        spec |= {f"{DEEP}/deep{number:03d}-{n}": "x" for n in range(4)}
        if number == (count - 1) // 2:
            spec |= {path[1:]: WHITEOUT for path in hidden()}
        elif number == count - 1:
            spec |= {path[1:]: "x" for path in hidden()}
        layers.append(Layer.build(spec, label=f"layer {number}"))
    return layers


class Looker(Protocol):
    """Whatever looks a path up by a method."""

    def lookup(self, path: str, /) -> object: ...


class OneCall:
    """The least that a public method over a dictionary can cost."""

    __slots__ = ("_table",)

    def __init__(self, table: dict[str, object]) -> None:
        self._table = table

    def lookup(self, path: str) -> object:
        return self._table.get(path)


def calls(function: Callable[[str], object]) -> Batch:
    """Make a batch: one call for each key, and nothing else in the loop."""

    def batch(keys: Sequence[str]) -> None:
        for key in keys:
            function(key)

    return batch


def method_calls(looker: Looker) -> Batch:
    """Make a batch of `looker.lookup`, looked up for each key as callers do."""

    def batch(keys: Sequence[str]) -> None:
        for key in keys:
            looker.lookup(key)

    return batch


def stat_calls(fs: UnionFS) -> Batch:
    """Make a batch of `fs.stat`, looked up for each key as callers do."""

    def batch(keys: Sequence[str]) -> None:
        for key in keys:
            fs.stat(key)

    return batch


def spend(batch: Batch, keys: Sequence[str], repeats: int) -> float:
    """Give the CPU nanoseconds of this thread that one key takes."""
    rounds = range(repeats)
    began = time.thread_time_ns()
    for _ in rounds:
        batch(keys)
    return (time.thread_time_ns() - began) / (len(keys) * repeats)


class Sampler:
    """Runs batches interleaved and keeps their times and in-round ratios."""

    def __init__(self, *, rounds: int, repeats: int) -> None:
        self.rounds = rounds
        self.repeats = repeats

    def run(
        self, subjects: dict[str, tuple[Batch, Sequence[str]]]
    ) -> dict[str, dict[str, float]]:
        """
        Measure warm subjects against `dict.get` and one method call over it.

        Each subject stands between its own two batches of the yardsticks; the
        quieter of two counts.
        """
        table: dict[str, object] = dict.fromkeys(
            (f"/other/key{n:03d}" for n in range(KEYS)), 1
        )
        keys = list(table)
        get = calls(table.get)
        call = method_calls(OneCall(table))
        times: dict[str, list[tuple[float, float, float]]] = {s: [] for s in subjects}
        for batch, wanted in subjects.values():
            batch(wanted)
        for _ in range(self.rounds):
            for name, (batch, wanted) in subjects.items():
                before = spend(get, keys, self.repeats)
                one = spend(call, keys, self.repeats)
                took = spend(batch, wanted, self.repeats)
                again = spend(call, keys, self.repeats)
                after = spend(get, keys, self.repeats)
                times[name].append((took, min(before, after), min(one, again)))
        return {
            name: {
                "ns": statistics.median(took for took, _, _ in rows),
                "x_dict_get": statistics.median(t / g for t, g, _ in rows),
                "x_call": statistics.median(t / c for t, _, c in rows),
            }
            for name, rows in times.items()
        }


def first_lookups(stack: Stack, path: str, samples: int) -> Iterator[tuple[int, int]]:
    """Give what making a union over a known stack takes, and its first lookup."""
    for _ in range(samples):
        began = time.thread_time_ns()
        fs = UnionFS(stack)
        made = time.thread_time_ns()
        fs.lookup(path)
        yield made - began, time.thread_time_ns() - made


def never_asked(stack: Stack, paths: Sequence[str], rounds: int) -> dict[str, float]:
    """Measure paths asked for the first time, in directories that were asked before."""
    table = dict.fromkeys(paths, 1)
    get = calls(table.get)
    rows = []
    for _ in range(rounds):
        fs = UnionFS(stack)
        for number in range(DIRECTORIES):
            fs.lookup(f"/{directory(number)}")
        fresh = [path[:1] + path[1:] for path in paths]  # text without a cached hash
        took = spend(method_calls(fs), fresh, 1)
        rows.append((took, spend(get, paths, 4)))
    return {
        "ns": statistics.median(took for took, _ in rows),
        "x_dict_get": statistics.median(took / got for took, got in rows),
    }


def measure(
    depths: Sequence[int], *, rounds: int, repeats: int
) -> dict[str, dict[str, Any]]:
    """Measure all of it, for each number of layers."""
    sampler = Sampler(rounds=rounds, repeats=repeats)
    results: dict[str, dict[str, Any]] = {}
    for count in depths:
        layers = make_layers(count)
        entries = sum(len(layer) for layer in layers)
        gc.collect()
        began = time.thread_time_ns()
        stack = Stack(layers)  # keeps the folded view alive from here on
        folding = time.thread_time_ns() - began
        above = Layer.build({path[1:]: "y" for path in names(count)}, label="pushed")
        began = time.thread_time_ns()
        pushed = stack.push(above)
        pushing = time.thread_time_ns() - began
        assert len(pushed) == count + 1
        fs = UnionFS(stack)
        bottom = names(count - 1)
        missing = [f"{path}.missing" for path in bottom]
        low = f"{count - 1:03d}"
        shallow = [f"/root{low}-{n}" for n in range(4)] * (KEYS // 4)
        deep = [f"/{DEEP}/deep{low}-{n}" for n in range(4)] * (KEYS // 4)
        subjects: dict[str, tuple[Batch, Sequence[str]]] = {
            "top": (method_calls(fs), names(0)),
            "middle": (method_calls(fs), names(count // 2)),
            "bottom": (method_calls(fs), bottom),
            "miss": (method_calls(fs), missing),
            "whiteout": (method_calls(fs), hidden()),
            "depth 1": (method_calls(fs), shallow),
            "depth 12": (method_calls(fs), deep),
            "stat": (stat_calls(fs), bottom),
            "control": (method_calls(OneCall(dict.fromkeys(bottom, 1))), bottom),
        }
        result: dict[str, Any] = dict(sampler.run(subjects))
        firsts = list(first_lookups(stack, bottom[0], samples=max(rounds, 3)))
        result["new union"] = {"ns": statistics.median(made for made, _ in firsts)}
        result["first lookup"] = {"ns": statistics.median(took for _, took in firsts)}
        result["never asked"] = never_asked(stack, bottom, rounds)
        result["fold"] = {"ns": folding, "ns_per_entry": folding / entries}
        result["push"] = {"ns": pushing, "ns_per_entry": pushing / len(above)}
        results[str(count)] = result
    return results


def exponent(results: dict[str, dict[str, Any]], subject: str) -> float | None:
    """Fit t = c * N ** x over all numbers of layers; give x."""
    points = [
        (math.log(int(count)), math.log(result[subject]["x_dict_get"]))
        for count, result in results.items()
    ]
    if len(points) < 2:
        return None
    return statistics.linear_regression(*zip(*points, strict=True)).slope


WARM = (
    "top",
    "middle",
    "bottom",
    "miss",
    "whiteout",
    "depth 1",
    "depth 12",
    "stat",
    "control",  # one method call + dict.get, measured like the others
)


def show(report: dict[str, Any]) -> None:
    """Print the tables."""
    results = report["layers"]
    print(f"{report['python']}, unionfs_sim {report['version']}; CPU time, medians")
    print("\nwarm, as a multiple of dict.get (of one method call + dict.get)\n")
    print("layers".rjust(7), *(name.rjust(14) for name in WARM))
    for count, result in results.items():
        cells = (
            f"{result[name]['x_dict_get']:.2f} ({result[name]['x_call']:.2f})"
            for name in WARM
        )
        print(count.rjust(7), *(cell.rjust(14) for cell in cells))
    slopes = (exponent(results, name) for name in WARM)
    print(
        "growth".rjust(7),
        *("-".rjust(14) if s is None else f"N^{s:+.3f}".rjust(14) for s in slopes),
    )
    print("\nonce\n")
    head = ("never asked", "x dict.get", "first lookup", "new union", "fold", "push")
    print("layers".rjust(7), *(name.rjust(14) for name in head))
    for count, result in results.items():
        print(
            count.rjust(7),
            f"{result['never asked']['ns']:.0f} ns".rjust(14),
            f"{result['never asked']['x_dict_get']:.1f}".rjust(14),
            f"{result['first lookup']['ns'] / 1000:.1f} us".rjust(14),
            f"{result['new union']['ns'] / 1000:.1f} us".rjust(14),
            f"{result['fold']['ns_per_entry']:.0f} ns/entry".rjust(14),
            f"{result['push']['ns_per_entry']:.0f} ns/entry".rjust(14),
        )


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=Path(__file__).name, description="Measure lookups at depth."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--smoke", action="store_true", help="run everything once; figures mean nothing"
    )
    parser.add_argument(
        "--layers",
        type=int,
        nargs="+",
        default=None,
        metavar="N",
        help=f"numbers of layers (default: {' '.join(map(str, DEPTHS))})",
    )
    parser.add_argument("--rounds", type=int, default=21, help="rounds (default: 21)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is always 0."""
    options = arguments(argv)
    depths = options.layers or ((1, 4) if options.smoke else DEPTHS)
    rounds, repeats = (1, 1) if options.smoke else (options.rounds, 10)
    report = {
        "version": unionfs_sim.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": platform.machine(),
        "smoke": options.smoke,
        "layers": measure(depths, rounds=rounds, repeats=repeats),
    }
    if options.json:
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        show(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
