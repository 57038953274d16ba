"""Read a whole tree through calls, as the final trees of a case have it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import Any

from unionfs_sim.testing.conformance.calls import (
    TYPE_WORDS,
    Calls,
    errno_name,
    read_file,
    seconds,
)
from unionfs_sim.testing.conformance.cases import (
    ANY,
    ANY_NAMES,
    CONTENT_BYTES_MAX,
    Tree,
    TreeNode,
    checksum,
)

WHITEOUT_NODE = TreeNode(type="whiteout")


def join(directory: str, name: str) -> str:
    """Give the path of a name in a directory of a tree."""
    return name if directory == "." else f"{directory}/{name}"


def content_fields(data: bytes) -> dict[str, Any]:
    """Give what a tree says of a content: the bytes, or the checksum of many."""
    if len(data) > CONTENT_BYTES_MAX:
        return {"crc32": checksum(data)}
    return {"content": data}


def kept_xattrs(xattrs: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Leave out what is not compared, and hide what no two runs share."""
    return {
        name: ANY if name in ANY_NAMES else value
        for name, value in xattrs
        if not name.startswith("security.")
    }


def read_tree(calls: Calls, *, times: bool, raw: bool = False) -> Tree:
    """
    Read everything from the root on.

    Args:
        calls: What to read through.
        times: Whether modification times are wanted.
        raw: Whether this is a layer, where a device 0:0 is a whiteout.
    """
    tree: dict[str, TreeNode] = {}
    pending = ["."]
    while pending:
        path = pending.pop()
        try:
            found = calls.stat(path, follow=False)
        except OSError as error:
            tree[path] = TreeNode(type="error", errno=errno_name(error.errno))
            continue
        if raw and stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            tree[path] = WHITEOUT_NODE
            continue
        fields: dict[str, Any] = {}
        if stat.S_ISDIR(found.st_mode):
            try:
                names = calls.names(path)
            except OSError as error:
                fields["list_errno"] = errno_name(error.errno)
            else:
                pending.extend(join(path, name) for name in names)
        elif stat.S_ISREG(found.st_mode):
            try:
                fields |= content_fields(read_file(calls, path))
            except OSError as error:
                fields["content_errno"] = errno_name(error.errno)
        tree[path] = _node(calls, path, found, fields, times=times)
    return {path: tree[path] for path in sorted(tree)}


def _node(
    calls: Calls,
    path: str,
    found: os.stat_result,
    fields: dict[str, Any],
    *,
    times: bool,
) -> TreeNode:
    kind = TYPE_WORDS[stat.S_IFMT(found.st_mode)]
    if kind == "file":
        fields["size"] = found.st_size
    if kind == "symlink":
        fields["target"] = calls.readlink(path)
    if kind in {"chr", "blk"}:
        fields["rdev"] = (os.major(found.st_rdev), os.minor(found.st_rdev))
    if times:
        fields["mtime"] = seconds(calls, found.st_mtime_ns)
    return TreeNode(
        type=kind,
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        nlink=found.st_nlink,
        xattrs=_xattrs(calls, path),
        **fields,
    )


def _xattrs(calls: Calls, path: str) -> dict[str, bytes]:
    try:
        names = calls.listxattr(path, follow=False)
        pairs = [
            (name, calls.getxattr(path, name, follow=False))
            for name in names
            if not name.startswith("security.")
        ]
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            return {"<error>": errno_name(error.errno).encode()}
        return {}
    return kept_xattrs(pairs)
