"""A union under random programs: layers never change, views stay equal to stories."""

from __future__ import annotations

from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.worlds import PATHS, shown, snapshot
from unionfs_sim import Layer, Negative, Policy, Stack, UnionFS, UnionFSError
from unionfs_sim.core.content import Content, literal
from unionfs_sim.core.paths import join
from unionfs_sim.core.policy import Redirect
from unionfs_sim.testing import strategies

TEXTS = st.sampled_from(["", "x", "longer text"])
WHERE = strategies.paths().map(join)
STEPS = st.one_of(
    st.tuples(st.just("write_text"), WHERE, TEXTS),
    st.tuples(st.just("mkdir"), WHERE),
    st.tuples(st.just("unlink"), WHERE),
    st.tuples(st.just("rmdir"), WHERE),
    st.tuples(st.just("rename"), WHERE, WHERE),
    st.tuples(st.just("link"), WHERE, WHERE),
    st.tuples(st.just("symlink"), st.sampled_from(["a", "../b", "/c/a"]), WHERE),
    st.tuples(st.just("chmod"), WHERE, st.sampled_from([0o600, 0o755])),
    st.tuples(st.just("truncate"), WHERE, st.integers(0, 9)),
    st.tuples(st.just("rmtree"), WHERE),
    st.tuples(st.just("stat"), WHERE),
    st.tuples(st.just("lookup"), WHERE),
)
Program: TypeAlias = list[tuple[object, ...]]
PROGRAMS: st.SearchStrategy[Program] = st.lists(STEPS, max_size=15)


def run(fs: UnionFS, program: Program) -> list[object]:
    """Run a program; give each call's result or errno."""
    results: list[object] = []
    for verb, *args in program:
        try:
            results.append(getattr(fs, str(verb))(*args))
        except UnionFSError as error:
            results.append(error.errno)
    return results


@given(strategies.stacks(), PROGRAMS)
def test_layers_never_change(stack: Stack, program: Program) -> None:
    """Whatever a program does to a union, the layers under it stay as they were."""
    before = [[*layer.items()] for layer in stack.layers if isinstance(layer, Layer)]
    run(UnionFS(stack), program)

    assert before == [
        [*layer.items()] for layer in stack.layers if isinstance(layer, Layer)
    ]


@given(strategies.stacks(), PROGRAMS)
def test_remembered_answers_are_those_of_the_resolver(
    stack: Stack, program: Program
) -> None:
    """After every step of a program, each remembered path is still right."""
    fs = UnionFS(stack)
    for path in PATHS:
        fs.lookup(path)
        fs.exists(path)
    for step in program:
        run(fs, [step])
        for path in PATHS:
            story = fs.explain(path, follow_symlinks=False)
            found = fs.lookup(path)
            number = found.errno if isinstance(found, Negative) else None
            assert story.error == number, (step, path)
            if not isinstance(found, Negative):
                assert shown(story.meta) == shown(found.meta)
                assert found.meta.mode == fs.lstat(path).st_mode & 0o7777
            followed = fs.explain(path)
            assert fs.exists(path) == (followed.error is None), (step, path)
            if followed.meta is not None:
                assert followed.meta.mode == fs.stat(path).st_mode & 0o7777


@given(strategies.stacks(), PROGRAMS)
def test_commit_and_restack_shows_the_same(stack: Stack, program: Program) -> None:
    """The upper, frozen and put on the stack as a layer, shows what the union showed."""
    fs = UnionFS(stack)
    run(fs, program)

    assert snapshot(fs) == snapshot(UnionFS(stack.push(fs.commit("patch"))))


@given(strategies.stacks(), PROGRAMS, PROGRAMS)
def test_forks_go_their_own_way(
    stack: Stack, program: Program, further: Program
) -> None:
    """A fork starts equal, and nothing that is done to one shows in the other."""
    fs = UnionFS(stack)
    run(fs, program)
    before = snapshot(fs)
    twin = fs.fork()

    assert before == snapshot(twin)
    run(twin, further)
    assert before == snapshot(fs)


def state(fs: UnionFS) -> list[object]:
    """Give what a union shows, inode numbers, link counts and private marks included."""
    found: list[object] = [snapshot(fs)]
    for path in PATHS:
        live = fs.lookup(path)
        if not isinstance(live, Negative):
            found += [path, tuple(fs.lstat(path)), dict(live.meta.private)]
    return found


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(index=True, redirect_dir=Redirect.ON)]
)
@given(
    strategies.stacks(), strategies.layers(label="upper"), PROGRAMS, PROGRAMS, PROGRAMS
)
def test_forks_stay_as_they_were(
    policy: Policy,
    stack: Stack,
    upper: Layer,
    first: Program,
    second: Program,
    third: Program,
) -> None:
    """What a fork has not looked at yet stays what it was when it was forked."""
    fs = UnionFS(stack, upper=upper, policy=policy)
    run(fs, first)
    before = state(fs)
    fork, changed = fs.fork(), fs.fork()
    grandchild = fork.fork()
    run(fs, second)
    between = state(fs)
    later = fs.fork()
    run(fs, third)
    run(changed, third)
    run(later.fork(), second)

    assert before == state(grandchild)
    assert before == state(fork)
    assert between == state(later)


@settings(max_examples=25)
@given(strategies.stacks(), PROGRAMS)
def test_two_runs_are_equal(stack: Stack, program: Program) -> None:
    """Two runs of one program give equal results, times and inode numbers included."""
    one, other = UnionFS(stack), UnionFS(stack)

    assert repr(run(one, program)) == repr(run(other, program))
    assert one.commit() == other.commit()


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(0, 40), st.binary(max_size=20)),
            st.integers(0, 60),
        ),
        max_size=12,
    )
)
def test_content_is_a_byte_string_to_its_reader(
    edits: list[tuple[int, bytes] | int],
) -> None:
    """Splices and resizes of a content do what they do to a plain byte array."""
    content: Content = literal(b"")
    plain = bytearray()
    for edit in edits:
        if isinstance(edit, int):
            content = content.resize(edit)
            del plain[edit:]
            plain.extend(bytes(edit - len(plain)))
        else:
            offset, data = edit
            content = content.splice(offset, data)
            if data:
                plain.extend(bytes(max(0, offset - len(plain))))
                plain[offset : offset + len(data)] = data
        assert len(plain) == content.size
        assert bytes(plain) == content.read_all()
        assert bytes(plain[3:9]) == content.read(3, 6)
        assert content.size == sum(extent.size for extent in content.extents())
