"""Guards by counting: what no load can change."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from unionfs_sim import WHITEOUT, Directory, Layer, Regular, Stack, UnionFS, literal
from unionfs_sim.bench.counting import (
    bytes_copied,
    copied_between,
    counted,
    literal_bytes,
)
from unionfs_sim.bench.strategies import STRATEGIES, Cached, Folded, Linear
from unionfs_sim.bench.workload import PLACES, Workload
from unionfs_sim.core import cache
from unionfs_sim.core.content import CHUNK_BYTES_MAX
from unionfs_sim.core.flags import O_WRONLY
from unionfs_sim.core.records import MergedDirectory
from unionfs_sim.core.sharing import SHARE, Overlaid
from unionfs_sim.core.upper import UpperDirectory

DEPTHS = (1, 2, 7, 40)


@pytest.fixture(scope="module")
def workload() -> Workload:
    return Workload()


@pytest.mark.parametrize("where", PLACES)
def test_cached_lookup_takes_one_probe_at_any_depth(
    where: str, workload: Workload
) -> None:
    """A path that was asked for before takes one dictionary probe, and no layer."""
    for depth in DEPTHS:
        subject = workload.subject(depth)
        counts = Cached(Stack(subject.layers_top_first)).count(subject.paths[where][:9])

        assert (0, 1, 0) == (
            counts.layer_probes,
            counts.dictionary_probes,
            counts.bytes_copied,
        )


@pytest.mark.parametrize("where", PLACES)
def test_folded_lookup_takes_a_probe_a_component(
    where: str, workload: Workload
) -> None:
    """A walk over the view takes one probe a component, and one for the upper's root."""
    for depth in DEPTHS:
        subject = workload.subject(depth)
        paths = subject.paths[where][:9]
        components = paths[0].count("/")
        counts = Folded(Stack(subject.layers_top_first)).count(paths)

        assert (0, components + 1) == (counts.layer_probes, counts.dictionary_probes)


def test_linear_lookup_asks_as_the_story_tells(workload: Workload) -> None:
    """The linear strategy probes layers exactly as often as `explain` tells."""
    subject = workload.subject(7)
    stack = Stack(subject.layers_top_first)
    fs = UnionFS(stack, read_only=True)
    linear = Linear(stack)
    for where in PLACES:
        path = subject.paths[where][3]
        told = fs.explain(path).probes
        counts = linear.count([path])

        assert (told, told) == (counts.layer_probes, counts.dictionary_probes)


def test_linear_lookup_grows_with_depth(workload: Workload) -> None:
    """A miss asks every layer for every component: four for each layer."""
    for depth in DEPTHS:
        subject = workload.subject(depth)
        counts = Linear(Stack(subject.layers_top_first)).count(subject.paths["miss"])

        assert 4 * depth == counts.layer_probes


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("where", PLACES)
def test_strategies_find_the_same(name: str, where: str, workload: Workload) -> None:
    """All strategies agree on what is there."""
    subject = workload.subject(7)
    strategy = STRATEGIES[name](Stack(subject.layers_top_first))

    assert (where not in {"miss", "whiteout"}) == bool(
        strategy.lookup(subject.paths[where][0])
    )


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_new_path_in_a_known_directory_takes_few_probes(
    depth: int, workload: Workload
) -> None:
    """A path never asked before takes at most four probes, at any depth."""
    subject = workload.subject(depth)
    fs = UnionFS(Stack(subject.layers_top_first))
    fs.lookup("/p1/p2/d00")
    with counted(fs) as probes:
        fs.lookup(subject.paths["bottom"][5])

    assert 1 <= probes.count <= 4


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_pushed_layer_costs_itself(size: int) -> None:
    """A push copies no name of a large directory, and a lookup then takes two probes."""
    below = Stack([Layer.build({f"d/f{n}": "" for n in range(size)})])
    large = below.root.entries["d"]
    stack = below.push(Layer.build({"d/new": "1", "d/f7": WHITEOUT}))
    pushed = stack.root.entries["d"]
    assert isinstance(large, Directory)
    assert isinstance(pushed, MergedDirectory)
    assert isinstance(pushed.entries, Overlaid)

    own, shared = pushed.entries.parts
    assert ["f7", "new"] == sorted(own)
    assert shared is large.entries
    assert size == len(pushed.entries)
    assert ({}, size) == (pushed.entries.parts[1], len(pushed.entries.parts[0]))


def test_pushes_one_by_one_stay_small() -> None:
    """What stands before a shared directory never outgrows a sixteenth of it."""
    stack = Stack([Layer.build({f"d/f{n}": "" for n in range(1_000)})])
    copied = 0
    for number in range(300):
        stack = stack.push(Layer.build({f"d/g{number}": ""}))
        entries = stack.root.entries["d"].entries  # type: ignore[union-attr]
        if isinstance(entries, Overlaid):
            copied += len(entries.parts[0])
            assert len(entries.parts[0]) * SHARE <= len(entries.parts[1])
        else:
            copied += len(entries)

    assert copied < 300 * 1_000 / 16
    assert 1_300 == len(UnionFS(stack).listdir("/d"))


def test_counting_leaves_a_union_as_it_was(workload: Workload) -> None:
    """While it is counted a union can change, and afterwards all is plain again."""
    fs = UnionFS(Stack(workload.subject(3).layers_top_first))
    fs.write_text("/a", "1")
    with counted(fs) as probes:
        fs.write_text("/b", "2")
        fs.unlink("/a")
        seen = probes.count
    names = fs.listdir("/")
    fs.lookup("/b")

    assert probes.count == seen > 0
    assert "b" in names
    assert "a" not in names
    assert dict is type(fs.space.view.root.entries)


def test_cache_is_bounded_under_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan of many paths keeps no more of them than the limit says."""
    monkeypatch.setattr(cache, "PATHS_MAX", 100)
    fs = UnionFS([Layer.build({f"d/f{n}": "" for n in range(50)})])
    fs.lookup("/d")
    for number in range(5_000):
        fs.lookup(f"/d/f{number}")
        fs.lookup(f"/d/../d/g{number}")
        fs.stat(f"/d/f{number % 50}")

        assert len(fs._cache) <= 100
        assert len(fs._cache.stats) <= 100


@pytest.mark.slow
def test_cache_is_bounded_under_a_scan_of_a_million_paths() -> None:
    """A million paths, hits and misses, leave a few megabytes at most."""
    fs = UnionFS([Layer.build({"etc/motd": "hello"})])
    tracemalloc.start()
    for number in range(1_000_000):
        fs.lookup(f"/etc/{number}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(fs._cache) <= cache.PATHS_MAX
    assert peak < cache.PATHS_MAX * 400


@pytest.mark.parametrize("size", [1024, 256 * 1024, 64 * 1024 * 1024])
def test_copy_up_copies_no_bytes_to_speak_of(size: int) -> None:
    """Writing a byte to a lower file copies less than one chunk, whatever its size."""
    base = Layer.build({"big": literal_of(size)})
    fs = UnionFS([base])
    fd = fs.os_open("/big", O_WRONLY)

    assert 0 == bytes_copied(fs)
    fs.pwrite(fd, b"y", size // 2)

    assert bytes_copied(fs) < min(size, CHUNK_BYTES_MAX)


@pytest.mark.parametrize("change", ["chmod", "rename", "link", "utime"])
def test_changes_of_names_and_attributes_copy_nothing(change: str) -> None:
    """Changing a lower file's name or attributes copies none of its bytes."""
    fs = UnionFS([Layer.build({"big": literal_of(1 << 20)})])
    if change == "chmod":
        fs.chmod("/big", 0o600)
    elif change == "rename":
        fs.rename("/big", "/new")
    elif change == "link":
        fs.link("/big", "/new")
    else:
        fs.utime("/big", ns=(1, 2))

    assert 0 == bytes_copied(fs)


def test_fork_and_commit_copy_nothing() -> None:
    """A fork and a committed layer share every byte with what they came from."""
    base = Layer.build({"big": literal_of(1 << 20)})
    fs = UnionFS([base])
    fs.write_bytes("/mine", b"m" * 300_000)
    fs.chmod("/big", 0o600)
    tracemalloc.start()
    twin = fs.fork()
    layer = fs.commit("patch")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    content = twin.space.root.entries["mine"]
    again = UnionFS([layer, base])

    assert peak < 100_000
    assert 0 == bytes_copied(twin)
    assert literal_bytes(base).keys() < literal_bytes(layer).keys()
    assert content is not fs.space.root.entries["mine"]
    assert 0 == copied_between(
        base.root.entries["big"].content,  # type: ignore[union-attr]
        layer.root.entries["big"].content,  # type: ignore[union-attr]
    )
    assert fs.read_bytes("/mine") == again.read_bytes("/mine")


@pytest.mark.parametrize("changes", [10, 300])
def test_fork_makes_one_directory(changes: int) -> None:
    """A fork makes its root, however much was changed; the rest when it is looked at."""
    fs = UnionFS([Layer.build({f"d{n}/f": "" for n in range(changes)})])
    for number in range(changes):
        fs.write_bytes(f"/d{number}/g", b"y")
    gc.collect()
    before = sum(isinstance(x, UpperDirectory) for x in gc.get_objects())
    twin = fs.fork()

    def made() -> int:
        gc.collect()
        return sum(isinstance(x, UpperDirectory) for x in gc.get_objects()) - before

    assert 1 == made()
    assert b"y" == twin.read_bytes("/d3/g")
    assert 1 + changes == made()


def literal_of(size: int) -> Regular:
    return Regular(literal(bytes(size)))


def test_objects_of_an_entry() -> None:
    """A file of a layer is three objects of its own, whatever the number of files."""
    base = Layer.build({"d": {f"f{n}": "same" for n in range(100)}})
    more = Layer.build({"d": {f"f{n}": "same" for n in range(300)}})

    assert 3 * 200 == _objects(more) - _objects(base)


def _objects(layer: Layer) -> int:
    """Count the values of ours that a layer is made of: node, extent, bytes' owner."""
    seen: set[int] = set()
    pending: list[object] = [layer.root]
    while pending:
        item = pending.pop()
        if id(item) not in seen and not isinstance(item, type):
            seen.add(id(item))
            pending.extend(
                each
                for each in gc.get_referents(item)
                if isinstance(each, (dict, tuple))
                or type(each).__module__.startswith("unionfs_sim.")
            )
    return sum(1 for key in seen if key)


def test_bytes_copied_would_see_a_copy() -> None:
    """The counter does count: a content made anew of the same bytes is a copy."""
    assert 3 == copied_between(literal(b"abc"), literal(b"abc"))
    assert 0 == copied_between(literal(b"abc"), literal(b"xyz"))
