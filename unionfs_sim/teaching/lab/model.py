"""
The plain tree: what a union must look like from outside.

A dictionary from paths to files and directories, without layers.  Whatever is done to a
union shows as if it had been done to such a tree; that is the whole specification.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from unionfs_sim.teaching.lab.values import (
    MODE,
    WHITEOUT,
    Dir,
    Layer,
    Path,
    PathLike,
    Tree,
    fail,
    path,
)


def replay(layers: Sequence[Layer]) -> Tree:
    """
    Apply layers one by one to a plain tree, base first: the other definition of a union.

    >>> from unionfs_sim.teaching.lab import stack
    >>> replay(stack("d/ d/a=1 | ~d | d/"))
    {('d',): None}
    """
    tree: Tree = {}
    for layer in layers:
        for at, entry in sorted(layer.items(), key=lambda item: item[0]):
            if entry is WHITEOUT or not isinstance(entry, Dir) or entry.opaque:
                _drop(tree, at)
            if isinstance(entry, Dir):
                if at in tree and tree[at] is not None:
                    del tree[at]
                tree[at] = None
            elif entry is not WHITEOUT:
                tree[at] = (entry.data, entry.mode)
    return tree


def _drop(tree: Tree, at: Path) -> None:
    depth = len(at)
    for p in [p for p in tree if p[:depth] == at]:
        del tree[p]


class Model:
    """
    A plain tree with the verbs of a union, and their errors.

    One thing of layers shows all the same: a directory of a read-only layer cannot be
    renamed.  So the model remembers which directories are new since the last commit.
    """

    def __init__(self, tree: Tree | None = None) -> None:
        self.files: Tree = dict(tree or {})
        self.new: set[Path] = set()

    def tree(self) -> Tree:
        """Give everything that shows."""
        return dict(self.files)

    def _is_dir(self, at: Path) -> bool:
        return not at or (at in self.files and self.files[at] is None)

    def check_parents(self, at: Path) -> None:
        """Fail if a path does not lead through directories."""
        for depth in range(1, len(at)):
            if at[:depth] not in self.files:
                fail(errno.ENOENT, at)
            if not self._is_dir(at[:depth]):
                fail(errno.ENOTDIR, at)

    def _need(self, at: Path) -> None:
        self.check_parents(at)
        if at and at not in self.files:
            fail(errno.ENOENT, at)

    def _file(self, at: Path) -> tuple[bytes, int]:
        self._need(at)
        file = self.files[at] if at else None
        if file is None:
            fail(errno.EISDIR, at)
        return file

    def readdir(self, at: PathLike) -> list[str]:
        """List the names in a directory, sorted."""
        at = path(at)
        self._need(at)
        if not self._is_dir(at):
            fail(errno.ENOTDIR, at)
        return sorted(p[-1] for p in self.files if p[:-1] == at)

    def read(self, at: PathLike) -> bytes:
        """Give the bytes of a file."""
        return self._file(path(at))[0]

    def mode(self, at: PathLike) -> int:
        """Give the permissions of a file."""
        return self._file(path(at))[1]

    def write(self, at: PathLike, data: bytes | str) -> None:
        """Make a file hold just these bytes; there need not be one yet."""
        at = path(at)
        self.check_parents(at)
        mode = self._file(at)[1] if not at or at in self.files else MODE
        self.files[at] = (data.encode() if isinstance(data, str) else data, mode)

    def append(self, at: PathLike, data: bytes | str) -> None:
        """Add bytes to the end of a file that is there."""
        at = path(at)
        old, mode = self._file(at)
        self.files[at] = (
            old + (data.encode() if isinstance(data, str) else data),
            mode,
        )

    def chmod(self, at: PathLike, mode: int) -> None:
        """Change the permissions of a file; directories have none."""
        at = path(at)
        self._need(at)
        if not self._is_dir(at):
            self.files[at] = (self._file(at)[0], mode)

    def unlink(self, at: PathLike) -> None:
        """Remove a file."""
        at = path(at)
        self._file(at)
        del self.files[at]

    def mkdir(self, at: PathLike) -> None:
        """Make a directory."""
        at = path(at)
        self.check_parents(at)
        if not at or at in self.files:
            fail(errno.EEXIST, at)
        self.files[at] = None
        self.new.add(at)

    def rmdir(self, at: PathLike) -> None:
        """Remove a directory that shows no names."""
        at = path(at)
        inside = self.readdir(at)
        if not at:
            fail(errno.EBUSY, at)
        if inside:
            fail(errno.ENOTEMPTY, at)
        del self.files[at]
        self.new.discard(at)

    def rmtree(self, at: PathLike) -> None:
        """Remove a directory and everything in it."""
        at = path(at)
        for name in self.readdir(at):
            if self._is_dir((*at, name)):
                self.rmtree((*at, name))
            else:
                self.unlink((*at, name))
        self.rmdir(at)

    def rename(self, old: PathLike, new: PathLike) -> None:
        """Give a file, or a new directory, another name."""
        old, new = path(old), path(new)
        self.check_parents(old)
        self.check_parents(new)
        if not old or not new:
            fail(errno.EBUSY, old)
        self._need(old)
        if old == new:
            return
        if new[: len(old)] == old:
            fail(errno.EINVAL, new)
        if old[: len(new)] == new:
            fail(errno.ENOTEMPTY, new)
        if not self._is_dir(old):
            if self._is_dir(new):
                fail(errno.EISDIR, new)
            self.files[new] = self.files.pop(old)
            return
        if new in self.files and not self._is_dir(new):
            fail(errno.ENOTDIR, new)
        if old not in self.new:
            fail(errno.EXDEV, old)
        if new in self.files and self.readdir(new):
            fail(errno.ENOTEMPTY, new)
        depth = len(old)
        for p in [p for p in self.files if p[:depth] == old]:
            self.files[new + p[depth:]] = self.files.pop(p)
        moved = {p for p in self.new if p[:depth] == old}
        self.new = (self.new - moved - {new}) | {new + p[depth:] for p in moved}

    def commit(self) -> None:
        """Do nothing that shows: what is new now belongs to a read-only layer."""
        self.new.clear()
