"""
Write `docs/performance.md` and its plots from the published run in `results/`.

The page depends on the results alone; the plots need matplotlib and have the same
bytes whenever they are drawn from the same results by the same matplotlib.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unionfs_sim.bench import plotting
from unionfs_sim.bench.lookup_depth import Line, Measured, lines
from unionfs_sim.bench.strategies import STRATEGIES

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DOCS = HERE.parent / "docs"
PLOTTED_PLACES = ("top", "bottom", "whiteout")


def read_depth(path: Path) -> tuple[dict[str, Any], list[Measured]]:
    """Read what `unionfs-sim bench lookup-depth --out` wrote."""
    head, *rest = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return head, [Measured.from_json(each) for each in rest]


def number(value: float) -> str:
    """Write a number with as many digits as mean something."""
    if value and abs(value) < 0.1:
        return f"{value:.3f}"
    if abs(value) < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def targets(document: Mapping[str, Any]) -> Iterator[str]:
    figures = document["figures"]
    yield row("#", "what", "limit", "measured", "kept")
    yield row("---:", "---", "---:", "---:", "---")
    for figure in figures:
        value, limit, unit = figure["value"], figure["limit"], figure["unit"]
        sense = {"<=": "≤", ">=": "≥"}[figure["sense"]]
        yield row(
            str(figure["target"]),
            figure["what"],
            "" if limit is None else f"{sense} {limit:g} {unit}".strip(),
            figure["note"] if value is None else f"{number(value)} {unit}".strip(),
            {True: "yes", False: "**no**", None: "-"}[figure["ok"]],
        )


def notes(document: Mapping[str, Any]) -> Iterator[str]:
    for figure in document["figures"]:
        if figure["note"] and figure["value"] is not None:
            yield f"- {figure['target']}, {figure['what']}: {figure['note']}."


def depth_table(drawn: Sequence[Line], counts: Sequence[int]) -> Iterator[str]:
    last = f"t({counts[-1]}) / t({counts[0]})"
    yield row("looked up by", "where", *(f"N = {n}" for n in counts), last, "growth")
    yield row("---", "---", *["---:"] * (len(counts) + 1), "---")
    for line in drawn:
        points = [line.points.get(n) for n in counts]
        cells = [number(p.figures["x_dict_get"]) if p else "" for p in points]
        ratio = line.last_to_first
        whole = counts[0] in line.points and counts[-1] in line.points
        told = number(ratio) if ratio and whole else ""
        yield row(line.way, line.where, *cells, told, str(line.growth or ""))


def probes_table(drawn: Sequence[Line], counts: Sequence[int]) -> Iterator[str]:
    yield row("strategy", "where", *(f"N = {n}" for n in counts))
    yield row("---", "---", *["---:"] * len(counts))
    for line in drawn:
        cells = []
        for n in counts:
            found = line.points[n].counts if n in line.points else None
            cells.append(
                f"{found.layer_probes:,} / {found.dictionary_probes:,}" if found else ""
            )
        yield row(line.way, line.where, *cells)


def left_out(results: Sequence[Measured]) -> Iterator[str]:
    reasons: dict[str, set[str]] = {}
    for each in results:
        if each.skipped is not None:
            reasons.setdefault(each.point.way, set()).add(each.skipped)
    for way, texts in reasons.items():
        yield f"- {way}: {'; '.join(sorted(texts))}."


def machine_text(head: Mapping[str, Any]) -> str:
    machine = head["machine"]
    memory = machine.get("memory_gib")
    return (
        f"{machine['python']} on {machine['system']} ({machine['architecture']}), "
        f"{machine['cpus']} processors ({machine['processor'] or 'of unknown make'})"
        + (f", {memory} GiB" if memory else "")
        + f"; unionfs_sim {machine['unionfs_sim']}"
    )


PAGE = """\
% Written by benchmarks/report.py from benchmarks/results: do not edit.

# Performance

What is promised, what was measured, and how.
To measure on your own machine, or your own image, see [Measuring](reference/measuring.md).

## What is promised

- The cost of a warm lookup does not depend on the number of layers, and is that of a method call and a dictionary hit.
- The first lookup over a known stack does not depend on it either; folding a stack for the first time costs its entries, once, and pushing a layer onto it costs that layer.
- Copy-up and commits share content: they cost what changes, not what is there.  A fork takes the same time however much was changed, and each changed directory is copied when it is first looked into.
- No lower layer is ever changed.

## How it is measured

Machines drift: under load the wall time of one `dict.get` was seen to wander by a factor of four.
So **ratios** are stated wherever that can be:

- CPU time of the thread; wall time, of the quietest batch, for file systems whose work a daemon does;
- batches *interleaved*, each between two batches of `dict.get` over 400 other keys, the quieter of which counts, and gone through once before its time starts;
- the median over the rounds of the ratio *within* a round, with an interval of confidence of 95 % by bootstrap;
- growth as the exponent of N, fitted by least squares through the logarithms of the medians, with such an interval in brackets.

The workload: N layers, each with the same 20 directories and in each 20 files of its own, so that a merged directory has 20 N names; four files in the root and four at depth 12; and 20 files in each directory of the base that a layer half way up hides.

"One method call + dict.get of the same" in target 1 is a control measured like the lookup: a dictionary of the same paths and answers behind one method, and a union for each place that remembers no other paths.
Before it was defined so, against a dictionary of other keys and with one union for all places, and while that was being changed, that figure read 1.15 to 1.22 in six runs, where the limit is 1.15.

What can be counted is counted instead: layers asked, dictionaries asked, bytes copied.
Tests hold these figures, which no load can change.

The run: {machine}.
Commit {commit} for the targets{targets_note}; for lookups at depth {depth_commit} (a plus: with changes not yet committed){depth_note}; load average {load} on a machine shared with other work, so that times in microseconds read high.

## The targets

{targets}

Notes:

{notes}

### What is missed, and why

**A path never asked before** (4).
CPython cannot do it in the limit: to split the path, to hash its halves and to probe two dictionaries takes 10.1 x already, with nothing checked and nothing remembered.
Remembering the answer makes that 12.6 x, and must be: not doing it would make the second asking as dear; remembering it so that warm lookups keep target 1 makes it 17.4 x, where the lookup itself took 22.1 x (medians of 61 interleaved rounds, at a load average of 5).
What lookups do besides is to tell links, directories and forbidden names apart, and to keep the memory bounded.

What was tried:

- Asking the memory first and finding in the same method, instead of in a dictionary that finds what it misses (`__missing__`): a never-asked path gets 5 x `dict.get` cheaper, but every warm lookup one test dearer, 1.21 x one method call and `dict.get`, where target 1 allows 1.15.
- `functools.lru_cache` as the memory: about as dear (16.8 x), and it cannot forget one path, as a change demands.
- `rsplit` for `rpartition`: the same.
- Fewer tests of types and lengths: a tenth less, which is done.
- Filling in all paths of a directory when it is first looked into: its cost is that of its names, not of those asked for, so that a first lookup in a directory of 10,000 names would take milliseconds where target 5 allows 20 µs; kept with the stack instead, the texts of the paths alone take more memory than target 10 leaves.

### What an index costs, and gives

An image that is opened again by way of an [index](howto/read-an-image.md#open-it-again-sooner) costs its layers' number; directories are read as they are looked into.
Folding its layers for a union looks into the directories which several of them have, so that open and first lookup together gain less; the table has both.
A first version, with all nodes made at once from marshalled data, was 9 times as fast as a first open, and could not be read safely from a file that may be damaged.

### Where `sortedcontainers` is used, and where not

The addresses that a network got back are a `SortedSet`: the lowest is given out next, any of them can be asked for.

The names of a directory are kept in plain dictionaries and sorted when they are listed.
A `SortedDict` of 10,000 names (2.4.0) lists them in 242 µs, where `sorted` takes 418 of a dictionary that is in order; but to put a name in and take it out again costs 7.2 µs, where the dictionary takes 0.17: half of what target 7 gives a creation and a deletion as a whole.
Creations and deletions, which are most changes, would pay for listings, which keep their limit without it.
The extents of a file are an immutable tuple, which snapshots and copy-up share; a sorted list that changes in place could not be shared.

## Lookups at depth

One lookup as a multiple of one `dict.get`, by how it is looked up:
`linear` asks layer by layer, as the definition of a union says; `folded` walks the one merged view without remembering anything; `cached` is `UnionFS.lookup` for a path asked before.

![Lookups over 1 to {deepest} layers, by strategy]({images}/depth.svg)

{depth}

Layers asked / dictionaries asked by one lookup, counted exactly:

{probes}

## Peers

What a user might pick instead, on the same layers and the same paths, each used as its own documentation shows: the hit in the lowest layer.

![A hit in the lowest of 1 to {deepest} layers, by peer]({images}/peers.svg)

{peers}

Where a batch takes longer than the second for which unionfs-fuse lets the kernel remember a hit, its daemon is asked each time: its exponent means nothing.
The kernel and the daemons answer warm lookups from the kernel's cache of names, as here every path was asked before; their cost is that of a system call.

Left out:

{left_out}

## Doing it again

```console
python benchmarks/targets.py --out benchmarks/results/targets.json
unionfs-sim bench lookup-depth --peers all --out benchmarks/results/lookup-depth.jsonl
python benchmarks/report.py
```
"""


def page(
    found: Mapping[str, Any], head: Mapping[str, Any], results: Sequence[Measured]
) -> str:
    drawn = lines(results)
    counts = sorted({n for line in drawn for n in line.points})
    told = [n for n in counts if n in {1, 4, 16, 64, 128, counts[-1]}]
    own = [line for line in drawn if line.way in STRATEGIES]
    peers = [line for line in drawn if line.where == "bottom"]
    return PAGE.format(
        machine=machine_text(found),
        commit=found["commit"] or "unknown",
        targets_note=f" ({found['note']})" if found.get("note") else "",
        depth_commit=head["commit"] or "unknown",
        depth_note=f". {head['note'].rstrip('.')}" if head.get("note") else "",
        load=found["load"][0],
        targets="\n".join(targets(found)),
        notes="\n".join(notes(found)),
        deepest=counts[-1],
        images="images",
        depth="\n".join(depth_table(own, told)),
        probes="\n".join(probes_table(own, told)),
        peers="\n".join(depth_table(peers, told)),
        left_out="\n".join(left_out(results)) or "nothing.",
    )


def draw(results: Sequence[Measured], folder: Path) -> None:
    """Draw the plots, if matplotlib is here."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = lines(results)
    own = [x for x in drawn if x.way in STRATEGIES and x.where in PLOTTED_PLACES]
    peers = [x for x in drawn if x.where == "bottom" and len(x.points) > 1]
    for name, chosen, title in (
        ("depth", own, "What a lookup costs as layers pile up, by strategy"),
        ("peers", peers, "A hit in the lowest layer: what else there is"),
    ):
        plotting.save(plotting.figure(chosen, title=title), folder / f"{name}.svg")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=Path(__file__).name, description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="write nothing that stays")
    parser.add_argument(
        "--check", action="store_true", help="compare, and write nothing"
    )
    options = parser.parse_args(argv)
    found = json.loads((RESULTS / "targets.json").read_text(encoding="utf-8"))
    head, results = read_depth(RESULTS / "lookup-depth.jsonl")
    text = page(found, head, results)
    target = DOCS / "performance.md"
    if options.check:
        same = target.read_text(encoding="utf-8") == text
        print(f"{target.name}: {'as the results say' if same else 'run report.py'}")
        return 0 if same else 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if options.smoke else DOCS
        (folder / "performance.md").write_text(text, encoding="utf-8")
        if importlib.util.find_spec("matplotlib") is not None:
            draw(results, folder / "images")
        elif not options.smoke:
            print("no matplotlib: the plots stay as they are", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
