"""
Keep programs to calls whose answers can be compared.

What is left out is listed in docs/reference/conformance.md.  Whether a call is of that
kind shows only when the program runs, so it runs on the simulator first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import attrs

from unionfs_sim.testing.conformance.cases import Case, Op, Result, Tree
from unionfs_sim.testing.conformance.simulator import SimulatorDriver

_CHANGES: Final = frozenset({"fchmod", "fchown"})


def spare(case: Case) -> Case:
    """
    Leave the calls out of a case that meet a listed deviation.

    Doing it twice changes nothing more.
    """
    if not any(op.name in _CHANGES or _stops_following(op) for op in case.ops):
        return case
    driver = SimulatorDriver()
    try:
        kept = [] if driver.mount(case) is None else [*case.ops]
        for number, op in enumerate(case.ops[len(kept) :]):
            if _stops_following(op) and _breaks_listings(case, [*kept, op]):
                continue
            result = driver.run(op)
            if _is_gone(op, result):
                kept.extend(case.ops[number:])
                break
            if not _is_orphans(op, result, driver):
                kept.append(op)
    finally:
        driver.close()
    return attrs.evolve(case, ops=kept)


def _is_gone(op: Op, result: Result) -> bool:
    """Tell whether nothing is mounted any more, so that nothing can be called."""
    return op.name == "remount" and "errno" in result


def _is_orphans(op: Op, result: Result, driver: SimulatorDriver) -> bool:
    """
    Tell whether a descriptor's object is no regular file and has lost its name.

    The kernel copies it up over whatever has the name by then.
    """
    if op.name not in _CHANGES or result.get("errno") not in {"EEXIST", "ENOTDIR"}:
        return False
    found = driver.run(Op("fstat", {"fd": op.args["fd"]})).get("ok")
    return isinstance(found, dict) and found["type"] != "file"


def _stops_following(op: Op) -> bool:
    options = op.args.get("options") if op.name == "remount" else None
    return isinstance(options, dict) and options.get("redirect_dir") == "nofollow"


def _breaks_listings(case: Case, ops: Sequence[Op]) -> bool:
    """
    Tell whether two names of one directory cannot be looked up after some calls.

    The kernel breaks a listing off at the second in a row; the row is as on disk.  Only
    names of the upper are looked up for a listing.
    """
    driver = SimulatorDriver()
    try:
        driver.mount(case)
        if case.upper is None or any(_is_gone(op, driver.run(op)) for op in ops):
            return False
        return _has_two_redirects(driver.upper_tree())
    finally:
        driver.close()


def _has_two_redirects(tree: Tree) -> bool:
    parents = Counter(
        path.rpartition("/")[0]
        for path, node in tree.items()
        if any(name.endswith(".overlay.redirect") for name in node.xattrs)
    )
    return any(count > 1 for count in parents.values())
