"""Targets 7, 8, 9 and 12: creating, deleting, copying up, forking, leaving alone."""

from __future__ import annotations

import io
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from unionfs_sim.bench.counting import bytes_copied
from unionfs_sim.bench.measure import quiet
from unionfs_sim.bench.targets.figures import Figure, Setup, ratio_of
from unionfs_sim.bench.workload import Workload, directory, names
from unionfs_sim.core.content import literal
from unionfs_sim.core.flags import O_WRONLY
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Regular
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError
from unionfs_sim.image.tarwriter import write_layer

_KIB = 1024
_MIB = 1024 * 1024


def create_and_delete(setup: Setup) -> Iterator[Figure]:
    """Measure target 7, at one layer and at many, interleaved."""
    workload = Workload()
    stacks = {n: Stack(workload.layers(n)) for n in (1, setup.deep)}
    taken: dict[tuple[str, int], list[float]] = {
        (what, n): [] for what in ("create", "delete") for n in stacks
    }
    data = b"x" * 4 * _KIB
    with quiet():
        for number in range(setup.rounds + 1):
            for count, stack in stacks.items():
                lower = names(count - 1)
                fs = UnionFS(stack)
                for path in lower:
                    fs.lookup(path)
                new = [f"{path}.new" for path in lower]
                made = _each(partial(_create, fs, data), new)
                gone = _each(fs.unlink, lower)
                if number:  # the first one finds everything cold
                    taken["create", count].append(made)
                    taken["delete", count].append(gone)
    for what, limit in (("create", 15), ("delete", 8)):
        text = "create a file of 4 KiB" if what == "create" else "delete a lower file"
        deep = taken[what, setup.deep]
        value = statistics.median(deep) / 1000
        yield Figure(7, f"{text}, {setup.deep} layers", value, "us", limit)
        flat = ratio_of(deep, taken[what, 1])
        yield Figure(7, f"{text}: t({setup.deep}) / t(1)", flat, "x", 1.3)


def _create(fs: UnionFS, data: bytes, path: str) -> None:
    fs.write_bytes(path, data)


def _each(action: Callable[[str], object], paths: Sequence[str]) -> float:
    began = time.thread_time_ns()
    for path in paths:
        action(path)
    return (time.thread_time_ns() - began) / len(paths)


def copy_up(setup: Setup) -> Iterator[Figure]:
    """Measure target 8: the first byte written to a lower file of 1 KiB to 256 MiB."""
    sizes = {"1 KiB": _KIB, "64 KiB": 64 * _KIB, "1 MiB": _MIB}
    if not setup.smoke:
        sizes |= {"16 MiB": 16 * _MIB, "256 MiB": 256 * _MIB}
    builder = LayerBuilder("big")
    for name, size in sizes.items():
        builder.add(("files", name), Regular(literal(bytes(size))))
    stack = Stack([builder.freeze()])
    taken: dict[str, list[float]] = {name: [] for name in sizes}
    with quiet():
        for _ in range(setup.rounds * 3):
            for name in sizes:
                fs = UnionFS(stack)
                fs.lookup("/files")
                began = time.thread_time_ns()
                _write_one_byte(fs, f"/files/{name}")
                taken[name].append(time.thread_time_ns() - began)
    biggest = list(sizes)[-1]
    told = ", ".join(f"{n} {statistics.median(t) / 1000:.1f}" for n, t in taken.items())
    value = statistics.median(taken[biggest]) / 1000
    yield Figure(
        8, f"copy-up of {biggest} and one byte written", value, "us", 100,
        note=f"all sizes, us: {told}",
    )  # fmt: skip
    ratio = ratio_of(taken[biggest], taken["1 KiB"])
    yield Figure(8, f"copy-up of {biggest} / of 1 KiB", ratio, "x", 5)
    fs = UnionFS(stack)
    fs.lookup("/files")
    new = _new_bytes(lambda: _write_one_byte(fs, f"/files/{biggest}"))
    yield Figure(8, f"copy-up of {biggest}: new memory", new / _MIB, "MiB", 1)
    copied = bytes_copied(fs)
    yield Figure(8, f"copy-up of {biggest}: bytes copied", copied, "bytes", 64 * _KIB)


def _write_one_byte(fs: UnionFS, path: str) -> None:
    fd = fs.os_open(path, O_WRONLY)
    fs.pwrite(fd, b"y", 4)
    fs.close(fd)


def _new_bytes(action: Callable[[], object]) -> int:
    """Give the most new memory that was held at one time during a call, in bytes."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        action()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def many_files(count: int) -> Layer:
    """Make a layer of many files, 100 in a directory."""
    builder = LayerBuilder("image")
    for number in range(count):
        meta = Meta(mode=0o644, mtime_ns=number // 100 * 1_000_000_000)
        path = ("usr", "share", f"pkg{number // 100:04d}", f"file{number % 100:02d}")
        builder.add(path, Regular(literal(b"x"), meta))
    return builder.freeze()


def forks(setup: Setup) -> Iterator[Figure]:
    """Measure the fork of target 9: it costs the changes, not the files."""
    changes = 1_000 if not setup.smoke else 10
    fs = UnionFS([many_files(setup.files)])
    for number in range(changes):
        group = number * 7 % (setup.files // 100)
        fs.write_bytes(f"/usr/share/pkg{group:04d}/new{number}", b"y")
    taken = []
    twin = fs
    with quiet():
        for _ in range(setup.rounds):
            began = time.thread_time_ns()
            twin = fs.fork()
            taken.append((time.thread_time_ns() - began) / 1e6)
    assert twin.read_bytes("/usr/share/pkg0000/new0") == b"y"
    what = f"fork of {setup.files:,} files and {changes:,} changes"
    yield Figure(9, what, statistics.median(taken), "ms", 1)
    first = []
    with quiet():
        for _ in range(setup.rounds):
            twin = fs.fork()
            began = time.thread_time_ns()
            twin.write_bytes("/usr/share/pkg0001/first", b"z")
            first.append((time.thread_time_ns() - began) / 1e6)
    value = statistics.median(first)
    yield Figure(9, "the first write after that fork", value, "ms", note="told only")
    copied = bytes_copied(twin)
    yield Figure(9, "bytes copied by that fork", copied, "bytes", 0)


def untouched(setup: Setup) -> Iterator[Figure]:
    """Measure target 12: the layers before and after a random run, as bytes."""
    steps = 5_000 if not setup.smoke else 100
    layers = Workload().layers(min(setup.deep, 12))
    before = [_digest(layer) for layer in layers]
    fs = UnionFS(layers)
    done = _random_run(fs, random.Random(setup.seed), steps, len(layers))  # noqa: S311
    twin = fs.fork()
    _random_run(twin, random.Random(setup.seed + 1), steps // 5, len(layers))  # noqa: S311
    fs.commit("committed")
    after = [_digest(layer) for layer in layers]
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    what = f"lower layers that {steps:,} random changes altered"
    note = f"{done:,} calls went well; layers compared as tars, byte by byte"
    yield Figure(12, what, changed, "layers", 0, note=note)


def _digest(layer: Layer) -> str:
    out = io.BytesIO()
    return write_layer(layer, out)[0]


def _random_run(fs: UnionFS, chosen: random.Random, steps: int, layers: int) -> int:
    """Change what comes; give how many calls went well."""
    lower = [path for number in range(layers) for path in names(number)[::16]]
    folders = [f"/{directory(number)}" for number in range(20)] + ["/p1/p2", "/p1"]

    def path() -> str:
        return chosen.choice(lower) if chosen.random() < 0.7 else (
            f"{chosen.choice(folders)}/new{chosen.randrange(50)}"
        )  # fmt: skip

    verbs: list[Callable[[], object]] = [
        lambda: fs.write_bytes(path(), chosen.randbytes(chosen.randrange(200))),
        lambda: _write_one_byte(fs, path()),
        lambda: fs.unlink(path()),
        lambda: fs.rename(path(), path()),
        lambda: fs.link(path(), path()),
        lambda: fs.symlink(path(), path()),
        lambda: fs.mkdir(path()),
        lambda: fs.rmdir(path()),
        lambda: fs.rename(chosen.choice(folders), path()),
        lambda: fs.chmod(path(), chosen.randrange(0o1000)),
        lambda: fs.truncate(path(), chosen.randrange(100)),
        lambda: fs.setxattr(path(), "user.a", b"b"),
        lambda: fs.utime(path(), ns=(chosen.randrange(99), chosen.randrange(99))),
        lambda: fs.rmtree(path()),
    ]
    done = 0
    for _ in range(steps):
        try:
            chosen.choice(verbs)()
            done += 1
        except UnionFSError:
            pass  # a refusal is an answer too
    return done
