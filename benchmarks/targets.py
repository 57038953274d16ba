"""
Measure every target of the design, and say which are kept.

`README.md` beside this file has the method.  Exits with 1 if a limit is not kept,
unless nothing was measured (`--smoke`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unionfs_sim.bench.results import here
from unionfs_sim.bench.targets import GROUPS, Figure, Setup, measure


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=Path(__file__).name, description="Measure the targets of the design."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=Path, help="write JSON to this file as well")
    parser.add_argument("--rounds", type=int, default=21, help="rounds (default: 21)")
    parser.add_argument(
        "--group",
        choices=tuple(GROUPS),
        action="append",
        help="measure this group alone; may be given again",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="run everything once; figures mean nothing"
    )
    return parser.parse_args(argv)


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    words = {True: "yes", False: "NO", None: "-"}
    for figure in figures:
        value = "not measured" if figure.value is None else f"{figure.value:,.4g}"
        limit = "" if figure.limit is None else f"{figure.sense} {figure.limit:g}"
        print(
            f"{figure.target:>2}  {figure.what:<66.66} {limit:>9} "
            f"{value:>12} {figure.unit:<6} {words[figure.good]}"
        )


def document(figures: Sequence[Figure], setup: Setup) -> dict[str, Any]:
    return {
        "format": "unionfs-sim-targets",
        **here(),
        "smoke": setup.smoke,
        "rounds": setup.rounds,
        "figures": [figure.to_json() for figure in figures],
    }


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    setup = Setup.tiny() if options.smoke else Setup(rounds=options.rounds)

    def progress(group: str) -> None:
        if sys.stderr.isatty():
            print(f"measuring: {group}", file=sys.stderr)

    figures = measure(setup, options.group or tuple(GROUPS), progress=progress)
    found = document(figures, setup)
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.json:
        json.dump(found, sys.stdout, indent=1)
        print()
    else:
        show(figures)
    missed = [figure for figure in figures if figure.good is False]
    return 1 if missed and not setup.smoke else 0


if __name__ == "__main__":
    sys.exit(main())
