"""The simulator answers as the kernel was recorded to."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.conformance import corpus
from unionfs_sim.testing.conformance.cases import Case, Op, TreeNode
from unionfs_sim.testing.conformance.driver import CaseResult
from unionfs_sim.testing.conformance.runner import run_batch

SHOWN = 5


@pytest.fixture(scope="module")
def results() -> list[CaseResult]:
    """Run the recorded cases once, and those that the fuzzer found."""
    return run_batch([*corpus.recorded(), *corpus.found()])


def test_recorded_cases_pass(results: list[CaseResult]) -> None:
    """Every case passes, except those that are known not to."""
    known = corpus.known_differences()
    failed = [each for each in results if not each.passed and each.case.id not in known]
    story = [
        f"{each.case.id} {each.case.title}\n{each.differences[0]}"
        for each in failed[:SHOWN]
    ]

    assert not failed, f"{len(failed)} cases fail, first:\n" + "\n".join(story)


def test_known_differences_are_still_there(results: list[CaseResult]) -> None:
    """A case that passes is taken off the list of those that do not."""
    passed = {each.case.id for each in results if each.passed}

    assert not sorted(corpus.known_differences() & passed), "take these off the list"


# --- the proof can fail ---------------------------------------------------------


def _passing(results: list[CaseResult]) -> list[Case]:
    return [each.case for each in results if each.passed]


def _other_result(op: Op) -> Op:
    wrong = {"errno": "EXDEV"} if "ok" in (op.expect or {}) else {"ok": None}
    return attrs.evolve(op, expect=wrong)


def test_corrupt_results_are_noticed(results: list[CaseResult]) -> None:
    """Each result that a case expects is really compared."""
    mounted = [case for case in _passing(results) if "ok" in (case.mount or {})]
    cases = [case for case in mounted if case.ops][::7]
    corrupt = [
        attrs.evolve(
            case,
            ops=[
                _other_result(op) if at == len(case.ops) - 1 else op
                for at, op in enumerate(case.ops)
            ],
        )
        for case in cases
    ]

    assert corrupt
    assert [] == [each.case.id for each in run_batch(corrupt) if each.passed]


@pytest.mark.parametrize("tree", ["final_upper", "final_merged"])
@pytest.mark.parametrize("how", ["missing", "more", "mode", "xattr"])
def test_corrupt_trees_are_noticed(
    results: list[CaseResult], tree: str, how: str
) -> None:
    """Each entry and attribute of a final tree is really compared."""
    corrupt = []
    for case in _passing(results)[::11]:
        wanted = dict(getattr(case, tree) or {})
        if not wanted:
            continue
        root = wanted["."]
        match how:
            case "missing":
                del wanted[max(wanted)]
            case "more":
                wanted["zz"] = TreeNode(type="whiteout")
            case "mode":
                wanted["."] = attrs.evolve(root, mode=(root.mode or 0) ^ 0o1)
            case _:
                wanted["."] = attrs.evolve(root, xattrs={**root.xattrs, "user.z": b""})
        changes: dict[str, Any] = {tree: wanted}
        corrupt.append(attrs.evolve(case, **changes))

    assert corrupt
    assert [] == [each.case.id for each in run_batch(corrupt) if each.passed]


def test_corrupt_mount_is_noticed(results: list[CaseResult]) -> None:
    """What mounting gives is really compared."""
    case = _passing(results)[0]

    (result,) = run_batch([attrs.evolve(case, mount={"errno": "EINVAL"})])

    assert ["mount"] == [each.where for each in result.differences]
