"""Deep trees go by few descriptors, and depth makes nothing slower."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.adapters.test_host_directories import comparable
from unionfs_sim import Layer, LayerBuilder, Meta, Regular
from unionfs_sim.adapters.host import read_directory, write_directory
from unionfs_sim.adapters.hostdirs import DESCRIPTORS_MAX, descent, remove_tree
from unionfs_sim.adapters.unpack import unpack
from unionfs_sim.core.stack import Stack


def deep(depth: int, name: str = "d") -> Layer:
    """Build a chain of directories with a file in each."""
    builder = LayerBuilder()
    for level in range(depth):
        builder.add((*[name] * level, "z"), Regular(str(level), Meta(mode=0o644)))
    builder.link(("last",), (*[name] * (depth - 1), "z"))
    return builder.freeze()


def test_deep_trees(folder: str) -> None:
    """A tree deeper than a path is long goes out, comes back and goes away."""
    layer = deep(DESCRIPTORS_MAX * 2, "d" * 40)
    before = len(os.listdir("/proc/self/fd"))

    write_directory(layer, f"{folder}/out", owners=False)
    read = read_directory(f"{folder}/out")

    assert len(layer) == len(read)
    assert layer.get(("last",)) == comparable(read).get(("last",))
    fd = os.open(folder, os.O_RDONLY)
    remove_tree(b"out", fd)
    os.close(fd)
    assert before == len(os.listdir("/proc/self/fd"))


def test_descent_keeps_few_descriptors(folder: str) -> None:
    """However deep it goes and wherever it comes back to, the place is right."""
    depth = DESCRIPTORS_MAX * 2 + 40
    write_directory(deep(depth), f"{folder}/out", owners=False)
    root_fd = os.open(f"{folder}/out", os.O_RDONLY)
    before = len(os.listdir("/proc/self/fd"))
    most = 0
    with descent(root_fd) as place:
        for level in (depth - 1, 70, depth - 2, 3, 2, 150, 149, 0, depth - 1):
            fd = place.enter(("d",) * level)
            with open(os.open("z", os.O_RDONLY, dir_fd=fd)) as file:
                assert str(level) == file.read()
            most = max(most, len(os.listdir("/proc/self/fd")) - before)
    os.close(root_fd)

    assert most <= DESCRIPTORS_MAX + 1


def test_descent_takes_a_step_at_a_time(folder: str) -> None:
    """Up and down from wherever `enter` led, the place is right."""
    depth = DESCRIPTORS_MAX * 2
    write_directory(deep(depth), f"{folder}/out", owners=False)
    root_fd = os.open(f"{folder}/out", os.O_RDONLY)
    with descent(root_fd) as place:
        for start, stop in ((depth - 1, 0), (70, 2), (depth - 1, 1), (3, 0)):
            place.enter(("d",) * start)
            for level in [*range(start - 1, stop - 1, -1), *range(stop + 1, start)]:
                fd = place.down(b"d") if place.depth < level else place.up()
                with open(os.open("z", os.O_RDONLY, dir_fd=fd)) as file:
                    assert str(level) == file.read()
                assert (level, fd) == (place.depth, place.fd)
                assert ("d",) * level == place.parts
    os.close(root_fd)


def test_descent_goes_by_names_where_a_directory_was_moved(folder: str) -> None:
    """The way up leads through what has the name, not to where somebody put it."""
    depth = DESCRIPTORS_MAX + 10
    write_directory(deep(depth), f"{folder}/out", owners=False)
    root_fd = os.open(f"{folder}/out", os.O_RDONLY)
    moved = f"{folder}/out/d/d/d"
    with descent(root_fd) as place:
        place.enter(("d",) * (depth - 1))
        os.mkdir(f"{folder}/elsewhere")
        os.rename(moved, f"{folder}/elsewhere/d")
        os.mkdir(moved)
        for _ in range(depth - 4):
            place.up()
        fd = place.up()

        assert os.path.samestat(os.stat(f"{folder}/out/d/d"), os.fstat(fd))
    os.close(root_fd)


@pytest.mark.parametrize("dialect", ["flat", "overlay-userxattr", "aufs"])
def test_depth_costs_nothing_more(
    dialect: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each further level takes the same calls to unpack, read and remove."""
    calls = Counter[str]()
    for name in ("open", "stat", "fstat", "mkdir", "close", "listdir"):
        monkeypatch.setattr(os, name, counted(getattr(os, name), calls, name))
    found = []
    for depth in range(DESCRIPTORS_MAX * 2, DESCRIPTORS_MAX * 5, DESCRIPTORS_MAX):
        calls.clear()
        unpack(Stack([deep(depth)]), f"{folder}/out", dialect=dialect, owners=False)
        read_directory(f"{folder}/out")
        fd = os.open(folder, os.O_RDONLY)
        remove_tree(b"out", fd)
        os.close(fd)
        found.append(Counter(calls))

    first, second, third = found
    assert second - first == third - second


def counted(
    real: Callable[..., Any], calls: Counter[str], name: str
) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        calls[name] += 1
        return real(*arguments, **options)

    return call
