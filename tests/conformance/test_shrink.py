"""Shrinking leaves what a failure needs, and nothing else."""

from __future__ import annotations

from random import Random

import pytest

from unionfs_sim.testing.conformance.cases import Case
from unionfs_sim.testing.conformance.generate import draw_case
from unionfs_sim.testing.conformance.shrink import shrink


def _first_case(name: str, least: int) -> Case:
    cases = (draw_case(Random(seed), "x") for seed in range(1_000))
    return next(
        case
        for case in cases
        if case.upper is not None and sum(op.name == name for op in case.ops) >= least
    )


@pytest.mark.parametrize("name", ["rename", "mkdir", "open", "setxattr"])
def test_one_call_is_left(name: str) -> None:
    """Where one call is enough, one call is left, in an empty stack."""
    case = _first_case(name, 2)

    small = shrink(case, lambda each: any(op.name == name for op in each.ops))

    assert [name] == [op.name for op in small.ops]
    assert ({},) == small.lower
    assert not small.upper
    assert not small.options


def test_needed_entries_stay() -> None:
    """An entry, an attribute and an option that are needed are kept."""
    case = next(
        case
        for case in (draw_case(Random(seed), "x") for seed in range(5_000))
        if case.options == {"index": "on"} and _has_mode(case)
    )

    small = shrink(case, lambda each: _has_mode(each) and "index" in each.options)

    assert ({}, 1) == ({}, len(small.lower))
    assert not small.ops
    assert _has_mode(small)
    assert 1 == sum(node.mode is not None for node in small.lower[0].values())


def _has_mode(case: Case) -> bool:
    return any(node.mode is not None for tree in case.lower for node in tree.values())


def test_programs_follow_from_their_number() -> None:
    """The same seed and number draw the same case, whoever draws it."""
    assert draw_case(Random("7/3"), "x") == draw_case(Random("7/3"), "x")
    assert draw_case(Random("7/3"), "x") != draw_case(Random("7/4"), "x")
