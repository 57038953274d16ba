"""
Measure `docker run --rm busybox true`, at our engine and at a real one, side by side.

Needs the docker client, and with `--real` the address of a real engine that has a
busybox image.  What the client itself takes to start counts on both sides, and is
measured, too (`docker --version`): no engine can be faster than that.  Exits with 1 if
ours takes more than a tenth of the real one's time (`--smoke`: everything once).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unionfs_sim.bench.results import here

LIMIT_RATIO = 0.1
RUN = ("run", "--rm", "busybox", "true")
WARM_UP = 3


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve an engine in a process of its own, and give its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "unionfs_sim", "docker", "serve", "--socket", "sock"],
        cwd=folder, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with server:
        assert server.stdout is not None
        address = server.stdout.readline().strip().partition("=")[2]
        try:
            yield address
        finally:
            server.terminate()


def milliseconds(program: str, address: str, *argv: str) -> float:
    """Run the client once, and give the time on the wall."""
    environment = {**os.environ, "DOCKER_HOST": address, "DOCKER_CLI_HINTS": "false"}
    before = time.perf_counter_ns()
    subprocess.run([program, *argv], env=environment, check=True, capture_output=True)
    return (time.perf_counter_ns() - before) / 1e6


def measure(program: str, real: str | None, rounds: int) -> dict[str, Any]:
    """Measure one after the other, round by round."""
    found: dict[str, list[float]] = {"client_alone_ms": [], "ours_ms": []}
    if real is not None:
        found["real_ms"] = []
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as address:
        for number in range(-WARM_UP if rounds > 1 else 0, rounds):
            once = {
                "client_alone_ms": milliseconds(program, address, "--version"),
                "ours_ms": milliseconds(program, address, *RUN),
            }
            if real is not None:
                once["real_ms"] = milliseconds(program, real, *RUN)
            if number >= 0:
                for key, value in once.items():
                    found[key].append(value)
    middle: dict[str, Any] = {key: statistics.median(x) for key, x in found.items()}
    if real is not None:
        for key, part in (("ratio", "ours_ms"), ("least_ratio", "client_alone_ms")):
            middle[key] = statistics.median(
                one / other
                for one, other in zip(found[part], found["real_ms"], strict=True)
            )
    return {"rounds": rounds, **middle}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument(
        "--real", metavar="ADDRESS", help="a real engine with a busybox"
    )
    parser.add_argument("--client", default=shutil.which("docker"), metavar="PATH")
    parser.add_argument("--rounds", type=int, default=40, metavar="N")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--smoke", action="store_true", help="run everything once; figures mean nothing"
    )
    options = parser.parse_args(argv)
    if options.client is None:
        print("no docker client")
        return 0 if options.smoke else 1
    rounds = 1 if options.smoke else options.rounds
    found = measure(options.client, options.real, rounds)
    version = subprocess.run(
        [options.client, "--version"], capture_output=True, text=True, check=True
    )
    if options.json:
        head = {**here(), "client": version.stdout.strip()}
        print(json.dumps({**head, **found}, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:<16} {value:,.4g}")
    return 0 if options.smoke or found.get("ratio", 0) <= LIMIT_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
