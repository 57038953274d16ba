"""Keep cases to what root of a user namespace may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from unionfs_sim.testing.conformance.cases import Case, Op, Tree, TreeNode

#: Devices cannot be made there; an xattr whiteout needs `trusted.`.
_TYPES: Final[Mapping[str, str]] = {"chr": "fifo", "blk": "fifo", "xwhiteout": "file"}

#: A write takes them away there, even from root.
_SET_ID: Final = 0o6000


def to_user_namespace(case: Case) -> Case:
    """
    Give a case that can be carried out in a user namespace with one user.

    Marks are in `user.`, everything belongs to root, there are no devices and no set-id
    bits, and nothing of `trusted.` is touched.  Doing it twice changes nothing more.
    """
    return attrs.evolve(
        case,
        options={"userxattr": True},
        lower=[_tree(tree) for tree in case.lower],
        upper=None if case.upper is None else _tree(case.upper),
        ops=[_op(op) for op in case.ops],
    )


def _tree(tree: Tree) -> Tree:
    return {path: _node(node) for path, node in tree.items()}


def _node(node: TreeNode) -> TreeNode:
    kind = _TYPES.get(node.type, node.type)
    room = kind in {"file", "dir"}
    xattrs = {}
    for name, value in node.xattrs.items():
        if name.startswith("trusted.overlay.") and room:
            xattrs[f"user.{name.removeprefix('trusted.')}"] = value
        elif name.startswith("user."):
            xattrs[name] = value
    mode = None if node.mode is None else node.mode & ~_SET_ID
    return attrs.evolve(
        node, type=kind, mode=mode, uid=None, gid=None, rdev=None, xattrs=_known(xattrs)
    )


def _known(xattrs: Mapping[str, bytes]) -> dict[str, bytes]:
    """Leave out what `userxattr` does not go with: redirects, metadata-only files."""
    refused = ("user.overlay.redirect", "user.overlay.metacopy")
    return {name: value for name, value in xattrs.items() if name not in refused}


def _op(op: Op) -> Op:
    args: dict[str, Any] = dict(op.args)
    name = op.name
    if "mode" in args and name != "access":
        args["mode"] = f"{int(args['mode'], 8) & ~_SET_ID:04o}"
    # Origins cannot be looked up there: what a link is one inode with, or a file after
    # another mount, depends on what the kernel still remembers.
    if name == "link":
        name, args = "symlink", {"target": "a", "path": args["dst"]}
    elif name == "flink":
        name, args = "fstat", {"fd": args["fd"]}
    elif name == "remount":
        name, args = "readdir", {"path": "."}
    elif name in {"lchown", "fchown"}:
        args |= {"uid": 0, "gid": -1}
    elif name == "mknod" and args["type"] in _TYPES:
        args["type"] = "fifo"
        args.pop("rdev", None)
    elif str(args.get("name", "")).startswith("trusted."):
        args["name"] = "user.n"
    return Op(name, args)
