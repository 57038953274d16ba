"""Ten properties.  Four of them reject a correct implementation: which, and why?"""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from unionfs_sim.teaching.strategies import hot_paths, layers, ops, programs, stacks
from unionfs_sim.teaching.student import (
    WHITEOUT,
    Dir,
    File,
    Layer,
    Stack,
    from_archive,
    outcome,
    put,
    to_archive,
)

#: The names of the tests that forbid too much; then repair them below.
FORBIDS_TOO_MUCH = [
    "test_a_file_that_was_written_is_read",
    "test_a_deletion_leaves_no_trace",
    "test_lower_layers_never_change",
    "test_a_failed_operation_writes_nothing",
    "test_flatten_shows_the_same",
    "test_archive_members_are_sorted",
    "test_archive_members_may_come_in_any_order",
    "test_a_new_directory_is_plain",
    "test_listing_is_sorted",
    "test_commit_is_not_seen",
]


@given(stack=stacks(), data=st.data())
def test_a_file_that_was_written_is_read(stack, data):
    """What is written is what is read."""
    union, path = Stack(stack), data.draw(hot_paths(stack))
    try:
        union.write(path, b"new")
    except OSError:
        return
    assert union.read(path) == b"new"


@given(stack=stacks())
def test_a_deletion_leaves_no_trace(stack):
    """A file that only upper has is written and removed again: it is gone."""
    union = Stack(stack)
    if union.lookup("new") is None:
        union.write("new", b"")
        union.unlink("new")
        assert ("new",) not in union.upper


@given(stack=stacks(), data=st.data())
def test_lower_layers_never_change(stack, data):
    """Nobody writes below."""
    before, union = deepcopy(stack), Stack(stack)
    for op in data.draw(programs(stack)):
        outcome(union, op)
    assert stack == before


@given(stack=stacks(), data=st.data())
def test_a_failed_operation_writes_nothing(stack, data):
    """An operation that fails changes nothing; one that may not succeed, fails."""
    union = Stack(stack)
    before = deepcopy(union.upper)
    path = data.draw(hot_paths(stack))
    full = union.kind(path) == "dir" and union.readdir(path)
    try:
        union.rmdir(path)
        assert not full
        union = Stack(stack)
        union.mkdir(path)
    except OSError:
        assert union.upper == before


@given(stack=stacks())
def test_flatten_shows_the_same(stack):
    """One layer shows what all of them show."""
    union = Stack(stack)
    assert Stack([union.flatten()]).tree() == union.tree()


@given(layer=layers())
def test_archive_members_are_sorted(layer):
    """An archive is read as what was written, and its members are in order."""
    members = to_archive(layer)
    assert members == sorted(members)
    assert from_archive(members) == layer


@given(layer=layers(), data=st.data())
def test_archive_members_may_come_in_any_order(layer, data):
    """Whoever writes archives decides the order."""
    assert from_archive(data.draw(st.permutations(to_archive(layer)))) == layer


@given(stack=stacks(), data=st.data())
def test_a_new_directory_is_plain(stack, data):
    """A directory where a file was is empty, and plain unless a directory lies below."""
    stack = [put("d/a", File(b"old")), *stack, put("e", Dir())]
    union = Stack(stack)
    for path in ("d", "new"):
        if union.kind(path) == "dir":
            union.rmtree(path)
        if union.kind(path) is None:
            union.mkdir(path)
            assert union.readdir(path) == []
            if path == "new" and not any(layer.get(("new",)) for layer in stack):
                assert union.upper[("new",)] == Dir()


@given(stack=stacks())
def test_listing_is_sorted(stack):
    """Each name once, in order."""
    names = Stack(stack).readdir(())
    assert names == sorted(set(names))


@given(stack=stacks())
def test_commit_is_not_seen(stack):
    """What shows before a commit shows after it."""
    union = Stack(stack)
    if union.lookup("new") is None:
        union.write("new", b"1")
    before = union.tree()
    assert Stack(union.commit()).tree() == before
