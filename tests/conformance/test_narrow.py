"""Cases for a user namespace hold nothing that only root of the host may do."""

from __future__ import annotations

from random import Random

import pytest

from unionfs_sim.testing.conformance.generate import draw_case
from unionfs_sim.testing.conformance.narrow import to_user_namespace


@pytest.mark.parametrize("seed", range(100))
def test_narrow_case_needs_no_rights(seed: int) -> None:
    """No device, no owner, no set-id bit, no `trusted.` attribute, no other caller."""
    case = to_user_namespace(draw_case(Random(seed), "x"))
    nodes = [node for tree in (*case.lower, case.upper or {}) for node in tree.values()]

    assert {"userxattr": True} == case.options
    assert not {node.type for node in nodes} & {"chr", "blk", "xwhiteout"}
    assert not any(node.uid or node.gid or (node.mode or 0) & 0o6000 for node in nodes)
    assert not any(
        name.startswith("trusted.") for node in nodes for name in node.xattrs
    )
    assert not any(op.identity for op in case.ops)
    assert not any("trusted." in str(op.args.get("name")) for op in case.ops)
    assert case == to_user_namespace(case)
