"""Build the layers of a case in directories of the host, exactly as it says."""

# System calls are the point here: `os`, not `pathlib`.
# ruff: noqa: PTH101, PTH102, PTH211

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final

from unionfs_sim.testing.conformance.calls import TYPE_BITS
from unionfs_sim.testing.conformance.cases import Tree, TreeNode

#: What marks an empty file as a whiteout.
XATTR_WHITEOUT: Final = "trusted.overlay.whiteout"

_DEFAULT_MODES: Final[Mapping[str, int]] = {
    "dir": 0o755,
    "whiteout": 0,
    "symlink": 0o777,
}


def mode_of(node: TreeNode) -> int:
    """Give the mode of a node of a layer, by default that of its type."""
    if node.mode is not None and node.type != "symlink":
        return node.mode
    return _DEFAULT_MODES.get(node.type, 0o644)


def xattrs_of(node: TreeNode) -> Mapping[str, bytes]:
    """Give the attributes of a node of a layer, with the one that its type implies."""
    if node.type == "xwhiteout":
        return {XATTR_WHITEOUT: b"y", **node.xattrs}
    return node.xattrs


def build(tree: Tree, root: str) -> None:
    """
    Build a tree in a directory that is not there yet.

    Raises:
        OSError: The host refuses something, such as a device or a trusted attribute.
    """
    os.mkdir(root, 0o755)
    links = []
    for path, node in tree.items():
        if path == ".":
            continue
        full = f"{root}/{path}"
        if node.hardlink is not None:
            links.append((f"{root}/{node.hardlink}", full))
        else:
            _make(full, node)
    for source, full in links:
        os.link(source, full, follow_symlinks=False)
    for path, node in reversed(list(tree.items())):  # directories after what is in them
        if node.hardlink is None:
            _dress(root if path == "." else f"{root}/{path}", node)


def _make(full: str, node: TreeNode) -> None:
    if node.type == "dir":
        os.mkdir(full)
    elif node.type == "symlink":
        os.symlink(node.target or "", full)
    elif node.type in {"file", "xwhiteout"}:
        fd = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            if node.content:
                os.write(fd, node.content)
            if node.size is not None:
                os.ftruncate(fd, node.size)
        finally:
            os.close(fd)
    else:
        bits = stat.S_IFCHR if node.type == "whiteout" else TYPE_BITS[node.type]
        os.mknod(full, bits | 0o644, os.makedev(*(node.rdev or (0, 0))))


def _dress(full: str, node: TreeNode) -> None:
    if node.uid or node.gid:
        os.chown(full, node.uid or 0, node.gid or 0, follow_symlinks=False)
    if node.type != "symlink":
        os.chmod(full, mode_of(node))
    for name, value in xattrs_of(node).items():
        os.setxattr(full, name, value, follow_symlinks=False)
    if isinstance(node.mtime, int):
        ns = node.mtime * 1_000_000_000
        os.utime(full, ns=(ns, ns), follow_symlinks=False)
