"""Where a warm lookup, an open and a listing spend their time, for developers."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.bench.workload import Workload, directory, names
from unionfs_sim.core.flags import O_RDONLY
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.union import UnionFS

#: How many functions of each operation are told.
TOP: Final = 8


@final
@attrs.frozen
class Cost:
    """
    What one function costs within an operation.

    Attributes:
        function: The function, with its module.
        calls: How many times it is called for one operation.
        own_ns: CPU nanoseconds in the function itself, for one operation; profiling
            is in them, so that only their proportions mean something.
        share: Its part of the whole, between 0 and 1.
    """

    function: str
    calls: float
    own_ns: float
    share: float


@final
@attrs.frozen
class Profile:
    """
    Where one operation spends its time.

    Attributes:
        operation: What it is.
        ns: CPU nanoseconds of one operation, measured without profiling.
        costs: The functions, the dearest first.
    """

    operation: str
    ns: float
    costs: tuple[Cost, ...]


def profile(layers: int = 100, repeats: int = 400) -> list[Profile]:
    """
    Profile a warm lookup, a new path, an open, a create and a listing.

    Args:
        layers: How many layers the union has.
        repeats: How many times each is done, at most once for each of 400 files.

    >>> [found.operation for found in profile(layers=1, repeats=2)][:2]
    ['warm lookup', 'lookup of a new path']
    """
    stack = Stack(Workload().layers(layers))
    paths = names(layers - 1)[:repeats]
    return [
        _profiled(name, make(stack, paths), paths) for name, make in _OPERATIONS.items()
    ]


def _warm(stack: Stack, paths: list[str]) -> Callable[[str], object]:
    fs = UnionFS(stack)
    for path in paths:
        fs.lookup(path)
    return fs.lookup


def _new(stack: Stack, paths: list[str]) -> Callable[[str], object]:
    del paths
    fs = UnionFS(stack)
    for number in range(20):
        fs.lookup(f"/{directory(number)}")
    return fs.lookup


def _stat(stack: Stack, paths: list[str]) -> Callable[[str], object]:
    del paths
    return UnionFS(stack).stat


def _open(stack: Stack, paths: list[str]) -> Callable[[str], object]:
    del paths
    fs = UnionFS(stack)

    def open_and_close(path: str) -> None:
        fs.close(fs.os_open(path, O_RDONLY))

    return open_and_close


def _open_file(stack: Stack, paths: list[str]) -> Callable[[str], object]:
    del paths
    fs = UnionFS(stack)

    def open_and_close(path: str) -> None:
        fs.open(path, "rb").close()

    return open_and_close


def _create(stack: Stack, paths: list[str]) -> Callable[[str], object]:
    del paths
    fs = UnionFS(stack)
    return lambda path: fs.write_bytes(f"{path}.new", b"x")


def _delete(stack: Stack, paths: list[str]) -> Callable[[str], object]:
    del paths
    return UnionFS(stack).unlink


def _list(stack: Stack, paths: list[str]) -> Callable[[str], object]:
    del paths
    fs = UnionFS(stack)
    return lambda path: fs.listdir(path.rpartition("/")[0])


_Make: TypeAlias = Callable[[Stack, list[str]], Callable[[str], object]]

_OPERATIONS: Final[Mapping[str, _Make]] = {
    "warm lookup": _warm,
    "lookup of a new path": _new,
    "stat of a new path": _stat,
    "os_open and close": _open,
    "open and close": _open_file,
    "create": _create,
    "delete": _delete,
    "listing": _list,
}


def _profiled(name: str, action: Callable[[str], object], paths: list[str]) -> Profile:
    half = max(1, len(paths) // 2)  # half is timed, half profiled: each path is new
    began = time.thread_time_ns()
    for path in paths[:half]:
        action(path)
    took = (time.thread_time_ns() - began) / half
    profiler = cProfile.Profile(time.thread_time_ns, 1e-9)
    rest = paths[half:] or paths[:half]
    profiler.enable()
    for path in rest:
        action(path)
    profiler.disable()
    return Profile(name, took, _costs(profiler, len(rest)))


def _costs(profiler: cProfile.Profile, repeats: int) -> tuple[Cost, ...]:
    rows = []
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]  # of no stub
    total = 0.0
    for (file, line, function), (_, count, own_s, _, _) in stats.items():
        if "_lsprof" in function:
            continue
        total += own_s
        rows.append((own_s, _label(file, line, function), count))
    rows.sort(reverse=True)
    return tuple(
        Cost(label, count / repeats, own_s * 1e9 / repeats, own_s / total)
        for own_s, label, count in rows[:TOP]
    ) if total else ()  # fmt: skip


def _label(file: str, line: int, function: str) -> str:
    """
    Name a function for people.

    >>> _label("~", 0, "<method 'get' of 'dict' objects>")
    "method 'get' of 'dict' objects"
    """
    if file == "~":
        return function.strip("<>")
    return f"{PurePath(file).name}:{line} {function}"
