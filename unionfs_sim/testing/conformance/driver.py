"""Carry a case out with a driver, and compare what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol, final

import attrs

from unionfs_sim.testing.conformance.cases import (
    JSON,
    Case,
    Op,
    Result,
    Tree,
    TreeNode,
    to_bytes,
)


class Driver(Protocol):
    """A union file system that cases can be carried out on, one after the other."""

    def mount(self, case: Case) -> str | None:
        """Build a case's stack and mount it; give the errno's name if it fails."""
        ...  # pragma: no cover

    def run(self, op: Op) -> Result:
        """Carry out an operation."""
        ...  # pragma: no cover

    def upper_tree(self) -> Tree:
        """Read the upper directly, behind the mount's back."""
        ...  # pragma: no cover

    def merged_tree(self) -> Tree:
        """Read everything through the mount."""
        ...  # pragma: no cover

    def close(self) -> None:
        """Unmount, and leave nothing behind."""
        ...  # pragma: no cover


@final
@attrs.frozen
class Outcome:
    """What came of a case: of the mount, of each operation, and the final trees."""

    mount: Result
    results: Sequence[Result] = ()
    upper: Tree | None = None
    merged: Tree | None = None


@final
@attrs.frozen
class Difference:
    """
    A place where two outcomes differ.

    Attributes:
        where: The place: ``mount``, ``ops[3] rename``, ``final_upper a/b mode``.
        kind: The place without numbers and paths.
        expected: What should be there, as JSON; ``None`` for nothing.
        got: What is.
    """

    where: str
    kind: str
    expected: JSON
    got: JSON

    def __str__(self) -> str:
        """Show both sides in three lines."""
        return f"{self.where}\n  expected {self.expected}\n  got      {self.got}"


@final
@attrs.frozen
class CaseResult:
    """A case, and where its outcome differs from what it expects."""

    case: Case
    differences: Sequence[Difference]

    @property
    def passed(self) -> bool:
        """Whether there is no difference."""
        return not self.differences


def observe(case: Case, driver: Driver) -> Outcome:
    """
    Carry a case out and give what came of it; the driver is left unmounted.

    If a remount fails, nothing is there to call any more: what follows has its result.
    """
    try:
        failure = driver.mount(case)
        if failure is not None:
            return Outcome({"errno": failure})
        results: list[Result] = []
        for op in case.ops:
            results.append(driver.run(op))
            if op.name == "remount" and "errno" in results[-1]:
                missing = len(case.ops) - len(results)
                return Outcome({"ok": None}, [*results, *[results[-1]] * missing])
        upper = None if case.upper is None else driver.upper_tree()
        return Outcome({"ok": None}, results, upper, driver.merged_tree())
    finally:
        driver.close()


def expectation(case: Case) -> Outcome:
    """Give what a case says that comes of it."""
    return Outcome(
        case.mount or {"ok": None},
        [op.expect or {"ok": None} for op in case.ops],
        case.final_upper,
        case.final_merged,
    )


def recorded(case: Case, outcome: Outcome) -> Case:
    """Give a case with an outcome as its expectation."""
    ops = [
        attrs.evolve(op, expect=result)
        for op, result in zip(case.ops, outcome.results, strict=False)
    ]
    return attrs.evolve(
        case,
        mount=outcome.mount,
        ops=ops if "ok" in outcome.mount else case.bare().ops,
        final_upper=outcome.upper,
        final_merged=outcome.merged,
    )


def compare(case: Case, expected: Outcome, got: Outcome) -> Iterator[Difference]:
    """Give the places where two outcomes of one case differ, in order of time."""
    if expected.mount != got.mount:
        yield Difference("mount", "mount", dict(expected.mount), dict(got.mount))
        return
    if "ok" not in expected.mount:
        return
    for index, (op, wanted, found) in enumerate(
        zip(case.ops, expected.results, got.results, strict=True)
    ):
        if normal(wanted) != normal(found):
            where = f"ops[{index}] {op.name}"
            yield Difference(where, op.name, dict(wanted), dict(found))
    for name, tree, other in (
        ("final_upper", expected.upper, got.upper),
        ("final_merged", expected.merged, got.merged),
    ):
        if tree is not None and other is not None:
            yield from _compare_trees(name, tree, other)


def _compare_trees(name: str, wanted: Tree, found: Tree) -> Iterator[Difference]:
    for path in sorted(wanted.keys() | found.keys()):
        one, other = wanted.get(path), found.get(path)
        if one == other:
            continue
        if one is None or other is None or one.type != other.type:
            yield Difference(f"{name} {path}", name, _json(one), _json(other))
            continue
        left, right = _details(one), _details(other)
        for detail in sorted(left.keys() | right.keys()):
            if left.get(detail) != right.get(detail):
                yield Difference(
                    f"{name} {path} {detail}",
                    f"{name} {detail}",
                    left.get(detail),
                    right.get(detail),
                )


def _details(node: TreeNode) -> dict[str, JSON]:
    """Give the JSON form of a node, with each extended attribute by itself."""
    details = node.to_json()
    xattrs = details.pop("xattrs", {})
    return details | {f"xattr {key}": value for key, value in xattrs.items()}


def _json(node: TreeNode | None) -> JSON:
    return None if node is None else node.to_json()


def normal(result: Result) -> JSON:
    """Give a result in the one form that is compared: bytes as bytes."""
    value = result.get("ok", math.inf)
    if isinstance(value, dict) and value.keys() == {"b64"}:
        return ("ok", to_bytes(value))
    if isinstance(value, str):
        return ("ok", to_bytes(value))
    return dict(result)


def run_case(case: Case, driver: Driver) -> CaseResult:
    """Carry a case out and compare with what it expects."""
    got = observe(case, driver)
    return CaseResult(case, list(compare(case, expectation(case), got)))
