"""Make a failing case as small as it can be while it still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs

from unionfs_sim.testing.conformance.cases import Case, Op, Tree, TreeNode

#: Answers whether a case still shows what it is kept for.
StillFails = Callable[[Case], bool]

#: A case is tried at most so often with something left out.
TRIES_MAX: Final = 3_000

#: What a node of a layer can do without.
_OPTIONAL: Final = ("mode", "uid", "gid", "mtime", "size", "hardlink")


def shrink(case: Case, still_fails: StillFails) -> Case:
    """
    Leave out of a case what its failure does not need.

    Greedy: calls first, in large pieces, then layers, entries, options and details;
    again from the start until nothing more can go.
    """
    tries = TRIES_MAX
    progress = True
    while progress:
        progress = False
        for candidate in _smaller(case):
            if not tries:
                return case
            tries -= 1
            if still_fails(candidate):
                case = candidate
                progress = True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Give smaller cases, the boldest first."""
    yield from _fewer_ops(case)
    yield from _fewer_layers(case)
    yield from _smaller_trees(case)
    for name in case.options:
        rest = {key: value for key, value in case.options.items() if key != name}
        yield attrs.evolve(case, options=rest)
    if case.times:
        yield attrs.evolve(case, times=False)
    yield from _plainer_ops(case)


def _fewer_ops(case: Case) -> Iterator[Case]:
    ops = list(case.ops)
    size = len(ops)
    while size:
        for start in range(len(ops) - size, -1, -size):
            yield attrs.evolve(case, ops=ops[:start] + ops[start + size :])
        size //= 2


def _fewer_layers(case: Case) -> Iterator[Case]:
    for index in range(len(case.lower)):
        if len(case.lower) > (2 if case.upper is None else 1):
            lower = [tree for at, tree in enumerate(case.lower) if at != index]
            yield attrs.evolve(case, lower=lower)
        if case.lower[index]:
            yield _with_lower(case, index, {})
    for index in range(len(case.data_only)):
        fewer = [tree for at, tree in enumerate(case.data_only) if at != index]
        yield attrs.evolve(case, data_only=fewer)
    if case.upper:
        yield attrs.evolve(case, upper={})


def _with_lower(case: Case, index: int, tree: Tree) -> Case:
    lower = list(case.lower)
    lower[index] = tree
    return attrs.evolve(case, lower=lower)


def _smaller_trees(case: Case) -> Iterator[Case]:
    for index, tree in enumerate(case.lower):
        for smaller in _trees(tree):
            yield _with_lower(case, index, smaller)
    if case.upper is not None:
        for smaller in _trees(case.upper):
            yield attrs.evolve(case, upper=smaller)


def _trees(tree: Tree) -> Iterator[Tree]:
    for path in tree:
        rest = {
            key: node
            for key, node in tree.items()
            if key != path and not key.startswith(f"{path}/")
        }
        if not any(node.hardlink not in {None, *rest} for node in rest.values()):
            yield rest
    for path, node in tree.items():
        for plainer in _plainer_nodes(node):
            yield {**tree, path: plainer}


def _plainer_nodes(node: TreeNode) -> Iterator[TreeNode]:
    for name in node.xattrs:
        fewer = {key: value for key, value in node.xattrs.items() if key != name}
        yield attrs.evolve(node, xattrs=fewer)
    said = node.to_json()
    for field in _OPTIONAL:
        if field in said:
            rest = {key: value for key, value in said.items() if key != field}
            yield TreeNode.from_json(rest, field)
    if node.type == "file" and node.content:
        yield attrs.evolve(node, content=None)


def _plainer_ops(case: Case) -> Iterator[Case]:
    ops: Sequence[Op] = case.ops
    for index, op in enumerate(ops):
        for plainer in _plainer_op(op):
            yield attrs.evolve(case, ops=[*ops[:index], plainer, *ops[index + 1 :]])


def _plainer_op(op: Op) -> Iterator[Op]:
    if op.identity is not None:
        yield attrs.evolve(op, identity=None)
    for key in ("mode", "follow"):
        if key in op.args and op.name not in {"chmod", "fchmod", "access"}:
            rest = {name: value for name, value in op.args.items() if name != key}
            yield attrs.evolve(op, args=rest)
    for key, value in op.args.items():
        if isinstance(value, str) and key in {"path", "src", "dst"}:
            plain = value.rstrip("/")
            if plain and plain != value:
                yield attrs.evolve(op, args={**op.args, key: plain})
        elif key == "flags" and isinstance(value, list) and len(value) > 1:
            for item in value[1:]:
                if item == "O_NONBLOCK":  # or a fifo would be waited for
                    continue
                fewer = [other for other in value if other != item]
                yield attrs.evolve(op, args={**op.args, key: fewer})
