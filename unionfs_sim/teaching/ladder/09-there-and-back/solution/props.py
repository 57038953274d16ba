"""Round trips: what goes there and comes back must be what it was."""

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import (
    hot_paths,
    layers,
    paths,
    plain_trees,
    programs,
    stacks,
)
from unionfs_sim.teaching.student import (
    WHITEOUT,
    Dir,
    File,
    Layer,
    Stack,
    diff,
    digest,
    from_archive,
    outcome,
    put,
    squash,
    to_archive,
)


@given(stack=stacks())
def test_flatten(stack):
    """One layer shows what all of them show."""
    union = Stack(stack)
    assert Stack([union.flatten()]).tree() == union.tree()


@given(
    stack=stacks(),
    path=paths(),
    below=paths(),
    marks=st.lists(
        st.sampled_from([WHITEOUT, Dir(), Dir(opaque=True)]), min_size=2, max_size=2
    ),
)
def test_squash(stack, path, below, marks):
    """Two neighbors made one leave the view as it is, wherever they lie."""
    stack = [*stack, put(path + below, File(b"old")), *(put(path, x) for x in marks)]
    tree = Stack(stack).tree()
    for at in range(len(stack) - 1):
        made = squash(stack[at], stack[at + 1])
        assert Stack([*stack[:at], made, *stack[at + 2 :]]).tree() == tree


@given(before=plain_trees(), after=plain_trees(), mode=st.sampled_from([0o600, 0o755]))
def test_diff_of_trees(before, after, mode):
    """The difference of two trees, laid on the one, shows the other."""
    changed = Layer(
        {
            at: File(entry.data, mode) if isinstance(entry, File) else entry
            for at, entry in before.items()
        }
    )
    for goal in (after, changed):
        assert Stack([before, diff(before, goal)]).tree() == Stack([goal]).tree()


@given(stack=stacks(), data=st.data())
def test_diff_of_a_union(stack, data):
    """What was written, laid on the same layers, shows what the union shows."""
    union = Stack(stack)
    for op in data.draw(programs(stack)):
        outcome(union, op)
    path = data.draw(hot_paths(stack))
    if union.kind(path) == "dir":
        union.rmtree(path)
        union.mkdir(path)
    assert Stack([*stack, union.diff()]).tree() == union.tree()


@given(layer=layers(), data=st.data())
def test_archive(layer, data):
    """Written down and read in any order, a layer is the same."""
    members = data.draw(st.permutations(to_archive(layer)))
    assert from_archive(members) == layer


@given(layer=layers(), other=layers(), path=paths())
def test_digest(layer, other, path):
    """Equal layers have equal names, and others do not."""
    turned = Layer(reversed(layer.items()))
    assert digest(turned) == digest(layer)
    more = Layer(layer)
    if path not in more and len(path) == 1:
        more[path] = WHITEOUT
        assert digest(more) != digest(layer)
    assert (digest(other) == digest(layer)) == (other == layer)
