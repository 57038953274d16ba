"""One layer made of several shows the same, whatever lies below and above."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim import OPAQUE, WHITEOUT, Directory, Layer, Regular, Stack
from unionfs_sim.core.fold import NOTHING, visible
from unionfs_sim.core.layer import LayerBuilder, Spec
from unionfs_sim.core.meta import DIRECTORY_META, Meta
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.records import DIRECTORY_TYPES, Record
from unionfs_sim.image.combine import combine
from unionfs_sim.testing.strategies import stacks


def shown(layers_base_first: list[Layer]) -> dict[str, Any]:
    """
    Describe the merged view: every entry, and which names are one inode.

    Whether a directory is implied does not count, nor do link counts of the layers.
    """
    found: dict[str, Any] = {}
    groups: dict[int, str] = {}
    pending: list[tuple[Parts, Record]] = [((), Stack(layers_base_first[::-1]).root)]
    while pending:
        parts, record = pending.pop()
        if isinstance(record, DIRECTORY_TYPES):
            found[join(parts)] = (record.kind, record.meta)
            pending += [
                ((*parts, name), entry)
                for name, entry in sorted(visible(record).items(), reverse=True)
            ]
        else:
            first = groups.setdefault(id(record), join(parts))
            found[join(parts)] = (record.kind, record.meta, first, content(record))
    return found


def content(record: Any) -> Any:
    """Give what a leaf has besides its attributes."""
    if isinstance(record, Regular):
        return record.content.read_all()
    return getattr(record, "target", None)


@given(stacks(layers_max=6), st.data())
def test_any_range_keeps_the_view(stack: Stack, data: st.DataObject) -> None:
    """Any range of any stack can be one layer, with and without the layers above."""
    layers = [Layer("", layer.root) for layer in reversed(stack.layers)]
    first = data.draw(st.integers(0, len(layers) - 1))
    last = data.draw(st.integers(first, len(layers) - 1))
    below = Stack(layers[:first][::-1])

    made = combine(layers[first : last + 1], below.root)

    for top in range(last + 1, len(layers) + 1):
        assert shown(layers[:top]) == shown(
            [*layers[:first], made, *layers[last + 1 : top]]
        )


@given(stacks(layers_max=5))
def test_a_whole_stack_has_no_marks(stack: Stack) -> None:
    """Where nothing is below, no mark is left."""
    layers = [Layer("", layer.root) for layer in reversed(stack.layers)]

    made = combine(layers)

    for entry in dict(made.items()).values():
        assert entry is not WHITEOUT
        assert not (isinstance(entry, Directory) and entry.opaque)


@given(stacks(layers_max=5), st.data())
def test_no_mark_is_idle(stack: Stack, data: st.DataObject) -> None:
    """Every whiteout of the result hides something, and so does every opaque mark."""
    layers = [Layer("", layer.root) for layer in reversed(stack.layers)]
    first = data.draw(st.integers(0, len(layers) - 1))
    below = Stack(layers[:first][::-1]).root

    made = combine(layers[first:], below)

    pending: list[tuple[Directory, Any]] = [(made.root, below)]
    while pending:
        directory, lower = pending.pop()
        under = visible(lower) if lower is not None else {}
        if directory.opaque:
            assert under
            under = {}
        for name, entry in directory.entries.items():
            present = under.get(name)
            if entry is WHITEOUT:
                assert present is not None
            elif isinstance(entry, Directory):
                inside = present if isinstance(present, DIRECTORY_TYPES) else None
                pending.append((entry, inside))


META = Meta(mode=0o700, uid=7)
BASE: Spec = {"d/": {".": Directory(META), "old": "1"}, "f": "1"}

#: What two layers have, and what the one made of them must have over `BASE`.
CASES: dict[str, tuple[Spec, Spec, list[tuple[str, Any]]]] = {
    "a whiteout that hides a lower name stays": (
        {},
        {"f": WHITEOUT},
        [("/f", WHITEOUT)],
    ),
    "a whiteout of what the range added goes": ({"x": "2"}, {"x": WHITEOUT}, []),
    "a directory over a whiteout becomes opaque": (
        {"d": WHITEOUT},
        {"d/": {"new": "2"}},
        [("/d", OPAQUE), ("/d/new", Regular("2"))],
    ),
    "an opaque directory stays one": (
        {"d/": {".": OPAQUE}},
        {"d/": {"new": "2"}},
        [("/d", OPAQUE), ("/d/new", Regular("2"))],
    ),
    "a directory over a new file hides the lower directory": (
        {"d": "2"},
        {"d/": {}},
        [("/d", OPAQUE)],
    ),
    "a file over a directory is the file": (
        {"d/": {"new": "2"}},
        {"d": "3"},
        [("/d", Regular("3"))],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    """Marks stay where they still hide something."""
    lower, upper, expected = CASES[case]
    base = Layer.build(BASE)

    made = combine([Layer.build(lower), Layer.build(upper)], base.root)

    assert expected == [
        (path, OPAQUE if isinstance(entry, Directory) and entry.opaque else entry)
        for path, entry in made.walk()
        if path != "/"
    ]


def test_implied_directory_over_a_whiteout_gets_an_entry() -> None:
    """It would take the attributes of the hidden directory if it stayed implied."""
    upper = LayerBuilder()
    upper.add(("d", "new"), Regular("2"))
    base = Layer.build(BASE)

    made = combine([Layer.build({"d": WHITEOUT}), upper.freeze()], base.root)

    directory = made.get(("d",))
    assert isinstance(directory, Directory)
    assert (DIRECTORY_META, False, True) == (
        directory.meta,
        directory.implied,
        directory.opaque,
    )


def test_emptied_implied_directory_stays() -> None:
    """A directory that was there by its content alone is still there without it."""
    lower, upper = LayerBuilder(), LayerBuilder()
    lower.add(("n", "x"), Regular("1"))
    upper.whiteout(("n", "x"))

    made = combine([lower.freeze(), upper.freeze()], NOTHING)

    assert [("/", False), ("/n", False)] == [
        (path, entry is WHITEOUT) for path, entry in made.walk()
    ]


def test_links_of_hidden_names_are_counted_anew() -> None:
    """A name of a group that a higher layer replaced is not counted any more."""
    lower = LayerBuilder()
    node = Regular("1")
    for name in "abc":
        lower.add((name,), node)

    made = combine([lower.freeze(), Layer.build({"b": "2"})])

    assert [2, 1, 2] == [made.get((name,)).nlink for name in "abc"]  # type: ignore[union-attr]
    assert made.get(("a",)) is made.get(("c",))
