"""The trees of cases as raw layers of the simulator, and back."""

from __future__ import annotations

from typing import Any, Final

from unionfs_sim.core.content import concat, hole, literal
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Entry,
    Fifo,
    Kind,
    Leaf,
    Regular,
    Socket,
    Symlink,
)
from unionfs_sim.core.paths import Parts
from unionfs_sim.testing.conformance.cases import Tree, TreeNode
from unionfs_sim.testing.conformance.hosttree import mode_of, xattrs_of
from unionfs_sim.testing.conformance.observe import (
    WHITEOUT_NODE,
    content_fields,
    kept_xattrs,
)

_SECOND_NS: Final = 1_000_000_000
_TYPES: Final = {Kind.CHAR: "chr", Kind.BLOCK: "blk", Kind.SOCKET: "sock"}


def _parts(path: str) -> Parts:
    return () if path == "." else tuple(path.split("/"))


def to_layer(tree: Tree, *, label: str, now_ns: int) -> Layer:
    """
    Make a raw layer: whiteouts are devices, private attributes are plain ones.

    Args:
        tree: The tree.
        label: The layer's label.
        now_ns: The time of what has none of its own.
    """
    builder = LayerBuilder(label)
    builder.set_meta((), _meta(TreeNode(type="dir"), now_ns))
    links = []
    for path, node in tree.items():
        parts = _parts(path)
        if node.hardlink is not None:
            links.append((parts, _parts(node.hardlink)))
        elif node.type == "dir":
            builder.set_meta(parts, _meta(node, now_ns))
        else:
            builder.add(parts, _leaf(node, _meta(node, now_ns)))
    for parts, target in links:
        builder.link(parts, target)
    return builder.freeze()


def _meta(node: TreeNode, now_ns: int) -> Meta:
    mtime_ns = node.mtime * _SECOND_NS if isinstance(node.mtime, int) else now_ns
    return Meta(
        mode=mode_of(node),
        uid=node.uid or 0,
        gid=node.gid or 0,
        atime_ns=mtime_ns,
        mtime_ns=mtime_ns,
        ctime_ns=now_ns,
        xattrs=xattrs_of(node),
    )


def _leaf(node: TreeNode, meta: Meta) -> Leaf:
    major, minor = node.rdev or (0, 0)
    match node.type:
        case "symlink":
            return Symlink(node.target or "", meta)
        case "fifo":
            return Fifo(meta)
        case "sock":
            return Socket(meta)
        case "chr" | "whiteout":
            return Device(major, minor, meta=meta)
        case "blk":
            return Device(major, minor, block=True, meta=meta)
        case _:
            data = literal(node.content or b"")
            more = (node.size or 0) - data.size
            content = concat((data, hole(more))) if more > 0 else data
            if node.size is not None:
                return Regular(content.resize(node.size), meta)
            return Regular(content, meta)


def from_layer(layer: Layer, *, times: bool, now_ns: int) -> Tree:
    """Give a raw layer as the final tree of a case."""
    tree: dict[str, TreeNode] = {}
    for parts, entry in layer.items():
        path = "/".join(parts) or "."
        if entry is WHITEOUT or _is_whiteout(entry):
            tree[path] = WHITEOUT_NODE
        else:
            tree[path] = _node(entry, times=times, now_ns=now_ns)
    return {path: tree[path] for path in sorted(tree)}


def _is_whiteout(entry: Entry) -> bool:
    return isinstance(entry, Device) and not (entry.block or entry.major or entry.minor)


def _node(entry: Any, *, times: bool, now_ns: int) -> TreeNode:  # noqa: ANN401
    meta = entry.meta
    fields: dict[str, Any] = {"type": _TYPES.get(entry.kind, entry.kind.value)}
    if isinstance(entry, Directory):
        fields["nlink"] = 2 + sum(
            isinstance(child, Directory) for child in entry.entries.values()
        )
    else:
        fields["nlink"] = entry.nlink
    if isinstance(entry, Regular):
        fields["size"] = entry.content.size
        fields |= content_fields(entry.content.read_all())
    elif isinstance(entry, Symlink):
        fields["target"] = entry.target
    elif isinstance(entry, Device):
        fields["rdev"] = (entry.major, entry.minor)
    if times:
        fields["mtime"] = (
            "now" if meta.mtime_ns >= now_ns else meta.mtime_ns // _SECOND_NS
        )
    return TreeNode(
        mode=meta.mode,
        uid=meta.uid,
        gid=meta.gid,
        xattrs=kept_xattrs(meta.xattrs.items()),
        **fields,
    )
