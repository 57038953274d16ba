"""
Every step of every plan fails once: each verb does all or nothing.

For all small worlds, each verb is carried out with the commit failing before step 0,
1, 2 ..., and each time everything must be as it was: the upper with its identities,
private marks, link counts and parents, the index, and every remembered answer.  The
verb then does what it does in a world where nothing ever failed, and no layer below
has changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Final

import pytest

from tests.exhaustive.worlds import (
    PAIR_VERBS,
    PAIRS,
    PATHS,
    POLICIES,
    VERBS,
    Verb,
    one_name,
    stacks,
)
from unionfs_sim import WHITEOUT, Layer, Negative, UnionFS, UnionFSError
from unionfs_sim.core import commit
from unionfs_sim.core.space import Space
from unionfs_sim.core.steps import Plan, Step
from unionfs_sim.core.upper import UpperDirectory, UpperFile

_APPLY: Final = commit.apply


class FaultError(Exception):
    """What a step fails with."""


class Faults:
    """Makes each step of each plan fail before the plan is carried out."""

    def __init__(self) -> None:
        self.fs: UnionFS | None = None
        self.faults = 0
        self.raises = False

    def apply(self, space: Space, plan: Plan) -> Sequence[commit.Edit]:
        """Stand in for `commit.apply`."""
        assert self.fs is not None
        text = str(plan)
        assert text.splitlines()[0] == plan.verb
        answers = remembered(self.fs)  # first: asking gives out inode numbers
        before = snapshot(self.fs)
        for last in range(len(plan.steps)):
            with pytest.raises(FaultError):
                _APPLY(space, plan, failing_at(last))
            assert before == snapshot(self.fs), (text, last)
            self.faults += 1
        assert answers == remembered(self.fs), text
        if self.raises and plan.steps:
            self.raises = False
            return _APPLY(space, plan, failing_at(len(plan.steps) - 1))
        return _APPLY(space, plan)


def failing_at(last: int) -> commit.Fault:
    """Give a fault that comes before step number *last*."""

    def fault(number: int, step: Step) -> None:
        del step
        if number == last:
            raise FaultError

    return fault


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Let every commit go through `Faults`, while a union is under test."""
    made = Faults()

    def apply(space: Space, plan: Plan) -> Sequence[commit.Edit]:
        return made.apply(space, plan) if made.fs else _APPLY(space, plan)

    monkeypatch.setattr(commit, "apply", apply)
    return made


@contextmanager
def under_test(faults: Faults, fs: UnionFS) -> Iterator[None]:
    """Make the commits of a union fail."""
    faults.fs = fs
    try:
        yield
    finally:
        faults.fs = None


def snapshot(fs: UnionFS) -> list[object]:
    """Give all that an upper is, identities and private marks included."""
    space = fs.space
    inodes = [file.live for file in fs._files.values()]
    found: list[object] = [
        [(key, id(inode)) for key, inode in space.index.items()],
        [(key, id(inode)) for key, inode in space.raised.items()],
        [(fd, id(file), id(file.live), file.offset) for fd, file in fs._files.items()],
    ]
    pending = [space.root, *inodes, *space.index.values()]
    for inode in pending:  # grows while it is gone through
        if isinstance(inode, UpperDirectory):
            children = dict(sorted(inode.entries.items(), key=itemgetter(0)))
            found.append(
                (
                    id(inode),
                    inode.meta,
                    inode.opaque,
                    id(inode.below),
                    id(inode.parent),
                    inode.name,
                    inode.number,
                    inode.broken,
                    inode.fresh,
                    [(name, id(entry)) for name, entry in children.items()],
                )
            )
            pending.extend(x for x in children.values() if x is not WHITEOUT)
        elif isinstance(inode, UpperFile):
            found.append(
                (
                    id(inode),
                    inode.node,
                    inode.nlink,
                    id(inode.origin),
                    inode.number,
                    inode.broken,
                )
            )
    return found


def remembered(fs: UnionFS) -> list[object]:
    """Give what a union answers to every path, identities included."""
    found: list[object] = []
    for path in PATHS:
        live = fs.lookup(path)
        found.append(live.errno if isinstance(live, Negative) else id(live))
        try:
            found.append(tuple(fs.lstat(path)))
            found.append(tuple(fs.stat(path)))
        except UnionFSError as error:
            found.append(error.errno)
    return found


def shown(fs: UnionFS) -> dict[str, object]:
    """Give all that an upper is, so that two unions can be compared."""
    twins: dict[int, int] = {}
    found: dict[str, object] = {
        "index": [
            (inode.node, inode.nlink, twins.setdefault(id(inode), len(twins)))
            for inode in fs.space.index.values()
        ]
    }
    pending: list[tuple[str, object]] = [("", fs.space.root)]
    for path, inode in pending:  # grows while it is gone through
        if isinstance(inode, UpperDirectory):
            found[path] = (inode.meta, inode.opaque, id(inode.below))
            pending.extend((f"{path}/{n}", x) for n, x in inode.entries.items())
        elif isinstance(inode, UpperFile):
            twin = twins.setdefault(id(inode), len(twins))
            found[path] = (inode.node, inode.nlink, id(inode.origin), twin)
        else:
            found[path] = inode
    return found


def outcome(fs: UnionFS, verb: Verb) -> object:
    """Give the result of a verb, or the number of its error."""
    try:
        return verb(fs)
    except UnionFSError as error:
        return f"errno {error.errno}"


def bits(layers: Sequence[Layer]) -> list[object]:
    """Give all that layers are, identities included."""
    return [
        (
            path,
            id(entry),
            None
            if entry is WHITEOUT
            else (id(entry.meta), dict(entry.meta.xattrs), dict(entry.meta.private)),
            dict(getattr(entry, "entries", {})),
        )
        for layer in layers
        for path, entry in layer.items()
    ]


def check(
    faults: Faults, policy: str, verb: Verb, upper: Layer | None, lowers: list[Layer]
) -> None:
    """Carry a verb out in one world, and in a twin of it where nothing fails."""
    fs, twin = (
        UnionFS(
            lowers, upper=upper, policy=POLICIES[policy], clock=lambda: 1_000_000_000
        )
        for _ in range(2)
    )
    remembered(fs)
    remembered(twin)
    expected = outcome(twin, verb)
    before = snapshot(fs)
    with under_test(faults, fs):
        faults.raises = True
        try:
            got = outcome(fs, verb)
        except FaultError:
            fs._files.clear()  # what an earlier call opened stays open
            assert before == snapshot(fs)
            got = outcome(fs, verb)
    assert expected == got
    assert shown(twin) == shown(fs)
    after = remembered(fs)
    fs._cache.forget()
    assert after == remembered(fs)


def test_faults_are_met(faults: Faults) -> None:
    """The faults of a verb with a few steps are really made."""
    upper, lowers = stacks({"a": "absent"}, {"a": "file"})
    check(faults, "defaults", VERBS["rename away"], upper, lowers)

    # Both directories and the file come up, the file moves, a whiteout stays.
    assert 2 * 9 <= faults.faults


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("verb", VERBS)
def test_one_name_in_two_layers(faults: Faults, policy: str, verb: str) -> None:
    """A verb on one name does all or nothing, whatever upper and lower have there."""
    for kinds in one_name(2):
        upper, lowers = stacks(*({"a": kind} for kind in kinds))
        layers = lowers if upper is None else [upper, *lowers]
        before = bits(layers)
        check(faults, policy, VERBS[verb], upper, lowers)
        assert before == bits(layers), kinds


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("verb", PAIR_VERBS)
def test_two_names_in_two_layers(faults: Faults, policy: str, verb: str) -> None:
    """A verb on two names does all or nothing, whatever is there (appendix B)."""
    for one, other in itertools.product(PAIRS.values(), repeat=2):
        pairs = zip(one, other, strict=True)
        upper, lowers = stacks(*({"a": a, "b": b} for a, b in pairs))
        layers = lowers if upper is None else [upper, *lowers]
        before = bits(layers)
        check(faults, policy, PAIR_VERBS[verb], upper, lowers)
        assert before == bits(layers), (one, other)


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("verb", VERBS)
def test_one_name_in_three_layers(faults: Faults, policy: str, verb: str) -> None:
    """The same with a middle layer, which can hide what the lowest has."""
    for kinds in one_name(3):
        upper, lowers = stacks(*({"a": kind} for kind in kinds))
        check(faults, policy, VERBS[verb], upper, lowers)


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("verb", PAIR_VERBS)
def test_two_names_in_all_worlds(faults: Faults, policy: str, verb: str) -> None:
    """The same with everything that two layers can have under two names."""
    for one, other in itertools.product(one_name(2), repeat=2):
        pairs = zip(one, other, strict=True)
        upper, lowers = stacks(*({"a": a, "b": b} for a, b in pairs))
        check(faults, policy, PAIR_VERBS[verb], upper, lowers)
