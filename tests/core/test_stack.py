"""Stacks: one view for the same layers, folded once, and let go of."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable

import pytest

from unionfs_sim import Layer, Stack, UnionFS
from unionfs_sim.core.fold import Rules, fold
from unionfs_sim.core.nodes import Directory
from unionfs_sim.core.records import DirectoryRecord


def layer(label: str) -> Layer:
    """Make a layer with one file of its own, and one in a shared directory."""
    return Layer.build({label: "", f"shared/{label}": ""}, label=label)


def test_same_layers_have_one_view() -> None:
    """Two stacks of the same layers, in the same order, share their view."""
    a, b = layer("a"), layer("b")

    assert Stack([a, b]).view is Stack((a, b)).view
    one, other = Stack([a, b]), Stack([b, a])
    assert one.view is not other.view


def test_equal_layers_are_not_the_same() -> None:
    """A view belongs to layers, not to what they look like."""
    one, other = Stack([layer("a")]), Stack([layer("a")])

    assert one.view is not other.view


@pytest.mark.parametrize(
    "rules",
    [Rules(follows=False), Rules(metacopy=True), Rules(data_only=(layer("x"),))],
)
def test_rules_make_another_view(rules: Rules) -> None:
    """What folds differently is another view; equal rules fold alike."""
    a = layer("a")
    plain, other = Stack([a]), Stack([a], rules=rules)

    assert plain.view is not other.view
    twin = Rules(
        follows=rules.follows, metacopy=rules.metacopy, data_only=rules.data_only
    )
    assert other.view is Stack([a], rules=twin).view


def test_pushed_layer_is_folded_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that grows by a layer folds that layer, over the view it has."""
    folded: list[int] = []

    def counting(
        roots: Iterable[Directory], below: DirectoryRecord, rules: Rules
    ) -> DirectoryRecord:
        kept = list(roots)
        folded.append(len(kept))
        return fold(kept, below, rules)

    monkeypatch.setattr("unionfs_sim.core.stack.fold", counting)
    base = Stack([layer(name) for name in "abcde"])
    base.push(layer("top"))

    assert [5, 1] == folded


def test_push_shares_untouched_directories() -> None:
    """What the new layer does not have is the same object in both views."""
    base = Stack([Layer.build({"etc/motd": "", "usr/bin/sh": ""})])
    top = base.push(Layer.build({"etc/motd": "new"}))

    assert base.root.entries["usr"] is top.root.entries["usr"]


def test_push_keeps_order_and_rules() -> None:
    """The pushed layers come on top, in their order."""
    a, b, c = (layer(name) for name in "abc")
    rules = Rules(metacopy=True)
    made = Stack([c], rules=rules).push(a, b)

    assert ([a, b, c], rules, 3) == (list(made), made.rules, len(made))
    assert "<Stack ['a', 'b', 'c']>" == repr(made)


def test_nothing_keeps_a_view_alive() -> None:
    """A view goes with the last stack of its layers."""
    made = Stack([layer("a"), layer("b")])
    view = weakref.ref(made.view)
    fs = UnionFS(made)
    fs.listdir("/")
    del made, fs
    gc.collect()

    assert view() is None


def test_view_keeps_its_layers_alive() -> None:
    """As long as a view is there, so are the nodes that it was made of."""
    made = Stack([Layer.build({"x": "1"}), Layer.build({"y": "2"})])
    gc.collect()

    assert ["x", "y"] == UnionFS(Stack(made.layers)).listdir("/")


def test_numbers_are_given_once() -> None:
    """An inode number stays, is found again, and is shared by hard links."""
    a = Layer.build({"d/x": "", "f": ""})
    view = Stack([a, Layer.build({"d": {}})]).view
    d, f = view.root.entries["d"], view.root.entries["f"]
    assert not isinstance(d, str)
    numbers = [view.number(x) for x in (d, f, d)]  # type: ignore[arg-type]

    assert [1, 2, 1] == numbers
    assert f is view.numbered(2)
    assert isinstance(view.numbered(1), Directory)
    assert [None, None] == [view.numbered(0), view.numbered(3)]
