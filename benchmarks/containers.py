"""
Measure what starting a container costs, and whether it depends on how many there are.

An image of many layers (the workload of `README.md`), and containers of it that are
created, started, and go on.  Exits with 1 if a limit of the issue is not kept, unless
nothing was measured (`--smoke`).
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Sequence
from typing import Any

from unionfs_sim import Layer
from unionfs_sim.bench.results import here
from unionfs_sim.containers import Container, Engine, Process
from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.image.build import new_image

LIMIT_MS, LIMIT_KB, LIMIT_RATIO = 2.0, 20.0, 1.2


def server(process: Process) -> Steps[int]:
    """Go on for ever."""
    yield from process.wait_forever()
    return 0


def engine_of(layers: int) -> Engine:
    """Make an engine with an image of so many layers, each of 400 files."""
    engine = Engine()
    stack = [
        Layer.build(
            {
                f"p1/p2/d{folder:02}/l{number}-{name}": "x"
                for folder in range(20)
                for name in range(20)
            }
        )
        for number in range(layers)
    ]
    image = new_image(
        stack, runtime={"Cmd": ["/server"]}, created="2001-09-09T01:46:40Z"
    )
    engine.images.add(image, ["app"])
    engine.programs.register("/server", server)
    return engine


def started(engine: Engine) -> Container:
    """Create a container and start it."""
    made = engine.containers.create("app")
    made.start()
    return made


def times(engine: Engine, count: int) -> list[float]:
    """Start so many, and give what each took, in ms of CPU time."""
    found = []
    for _ in range(count):
        before = time.thread_time_ns()
        started(engine)
        found.append((time.thread_time_ns() - before) / 1e6)
    return found


def memory(engine: Engine, count: int) -> float:
    """Give what a container more holds, in KB, over so many."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(count):
        started(engine)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / count / 1024


def measure(layers: int, count: int) -> dict[str, Any]:
    """Measure the first ones of an engine against the last ones of another."""
    few, many = engine_of(layers), engine_of(layers)
    started(few)  # folds the stack, which all others share
    gc.disable()
    times(many, count)
    batch = max(count // 20, 1)
    ratios, last, first = [], [], []
    for _ in range(9):
        fresh = engine_of(1) if count < 2 * batch else few
        first.append(statistics.median(times(fresh, batch)))
        last.append(statistics.median(times(many, batch)))
        ratios.append(last[-1] / first[-1])
        for each in few.containers:
            each.remove(force=True)
    gc.enable()
    roots = {id(each.image.stack.root) for each in many.containers}
    return {
        "layers": layers,
        "containers": len(many.containers),
        "first_ms": statistics.median(first),
        "last_ms": statistics.median(last),
        "ratio": statistics.median(ratios),
        "memory_kb": memory(many, batch),
        "folded_views": len(roots),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--smoke", action="store_true", help="run everything once; figures mean nothing"
    )
    options = parser.parse_args(argv)
    found = measure(3, 20) if options.smoke else measure(40, 1_000)
    if options.json:
        print(json.dumps({**here(), "smoke": options.smoke, **found}, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:<14} {value:,.4g}")
    good = (
        found["last_ms"] <= LIMIT_MS
        and found["memory_kb"] <= LIMIT_KB
        and 1 / LIMIT_RATIO <= found["ratio"] <= LIMIT_RATIO
        and found["folded_views"] == 1
    )
    return 0 if good or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
