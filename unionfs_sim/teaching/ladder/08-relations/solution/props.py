"""Relations between two views: no answer is known, and wrong ones are found."""

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import paths, stacks
from unionfs_sim.teaching.student import WHITEOUT, Dir, File, Layer, Stack, put

ENTRIES = [File(b"new"), Dir(), WHITEOUT, Dir(opaque=True)]


def view(layers, known):
    """What a union of layers shows at some paths: content, "dir" or None."""
    union = Stack(layers)
    return {at: show(union, at) for at in known}


def show(union, at):
    """What shows at one path."""
    kind = union.kind(at)
    return union.read(at) if kind == "file" else kind


def known_paths(layers):
    """All paths that occur in layers."""
    return {at for layer in layers for at in layer}


@given(layers=stacks(), number=st.integers(0, 3))
def test_an_empty_layer_is_neutral(layers, number):
    """An empty layer anywhere changes nothing."""
    known = known_paths(layers)
    more = [*layers[:number], Layer(), *layers[number:]]
    assert view(more, known) == view(layers, known)


@given(
    layers=stacks(),
    path=paths(),
    below=paths(),
    entries=st.lists(st.sampled_from(ENTRIES), min_size=1, max_size=2),
)
def test_one_more_layer_decides_for_its_path(layers, path, below, entries):
    """The view with a layer on top follows from the view without it."""
    layers = [*layers, put(path + below, File(b"old"))]
    for entry in entries:
        known = known_paths(layers) | {path}
        before = view(layers, known)
        layers = [*layers, put(path, entry)]
        after = view(layers, known)
        for at in known:
            if at == path[: len(at)] and at != path:
                assert after[at] == "dir"
            elif at == path:
                assert after[at] == shown(entry)
            elif path == at[: len(path)]:
                merges = entry == Dir() and before[path] == "dir"
                assert after[at] == (before[at] if merges else None)
            elif all(before[at[:n]] in {"dir", None} for n in range(1, len(at))):
                assert after[at] == before[at]


def shown(entry):
    """What an entry shows."""
    if entry is WHITEOUT:
        return None
    return entry.data if isinstance(entry, File) else "dir"
