"""
Containers and volumes: a union with other trees mounted over its directories.

A container is a writable layer over an image.  A volume is a tree of its own, which
lives as long as somebody keeps it; what is under a mount point belongs to the volume
alone, and the union never hears of it.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from unionfs_sim.teaching.lab.resolve import Bug, correct
from unionfs_sim.teaching.lab.stack import Stack, plain, remove_tree
from unionfs_sim.teaching.lab.values import (
    Dir,
    File,
    Layer,
    Node,
    Path,
    PathLike,
    Tree,
    fail,
    path,
)

#: The layers of an image, base first.
Image: TypeAlias = Sequence[Layer]


class Volume:
    """A tree that outlives its containers; a new one may hold files already."""

    def __init__(self, content: Layer | None = None, bug: Bug = correct) -> None:
        self.files = Stack([], bug)
        self.files.upper = Layer() if content is None else content.snapshot()

    def tree(self) -> Tree:
        """Give everything in it."""
        return self.files.tree()

    def __repr__(self) -> str:
        """Show what is in it."""
        return f"<Volume {self.files.upper!r}>"


class Container:
    """
    A running container: a union over an image, and volumes at mount points.

    A directory is made for a mount point that the image does not have.  An empty volume
    is filled with what the image has at its mount point; one that holds files is not.

    >>> from unionfs_sim.teaching.lab import stack
    >>> data = Volume()
    >>> box = Container(stack("d/ d/a=1"), {"d": data})
    >>> box.write("d/b", "2")
    >>> sorted(data.tree()), box.union.upper
    ([('a',), ('b',)], Layer({}))
    """

    def __init__(
        self,
        image: Image,
        mounts: Mapping[Path, Volume] | Mapping[str, Volume] | None = None,
        read_only: Collection[PathLike] = (),
        bug: Bug = correct,
        union: Stack | None = None,
    ) -> None:
        self.union = union or Stack(image, bug)
        self.bug = bug
        self.mounts: dict[Path, Volume] = {}
        self.read_only = {path(at) for at in read_only}
        for at, volume in (mounts or {}).items():
            self._mount(path(at), volume)

    def _mount(self, at: Path, volume: Volume) -> None:
        stack, inside, _ = self._route(at)
        for depth in range(1, len(inside) + 1):
            if stack.kind(inside[:depth]) is None:
                stack.mkdir(inside[:depth])
        if stack.kind(inside) == "file":
            fail(errno.ENOTDIR, at)
        empty = not volume.files.upper
        if (empty or self.bug("vol_reseed")) and not self.bug("vol_no_seed"):
            depth = len(inside)
            shown = {
                p[depth:]: x for p, x in stack.tree().items() if p[:depth] == inside
            }
            shown.pop((), None)
            if shown:
                volume.files.upper = plain(shown)
        self.mounts[at] = volume

    @property
    def upper(self) -> Layer:
        """What was written to the union."""
        return self.union.upper

    # --- finding the volume -----------------------------------------------------

    def _mount_of(self, at: Path) -> Path | None:
        """Find the mount point that a path is at or under: the longest one."""
        if self.bug("mount_string_prefix"):
            text = "/".join(at)
            points = [p for p in self.mounts if text.startswith("/".join(p))]
        else:
            points = [p for p in self.mounts if at[: len(p)] == p]
        if self.bug("mount_point_only_children"):
            points = [p for p in points if p != at]
        if not points:
            return None
        return points[0] if self.bug("mount_first_wins") else max(points, key=len)

    def _route(self, at: Path) -> tuple[Stack, Path, Path | None]:
        """Give who answers for a path, the path there, and the mount point."""
        point = self._mount_of(at)
        if point is None:
            return self.union, at, None
        return self.mounts[point].files, at[len(point) :], point

    def _reading(self, at: PathLike) -> tuple[Stack, Path]:
        at = path(at)
        stack, inside, point = self._route(at)
        if (
            point
            and stack.lookup(inside) is None
            and self.bug("vol_read_falls_through")
        ):
            return self.union, at
        return stack, inside

    def _writing(self, at: PathLike) -> tuple[Stack, Path]:
        """Give who is to change a path; a read-only mount refuses."""
        at = path(at)
        stack, inside, point = self._route(at)
        if point in self.read_only and not self.bug("ro_ignored"):
            fail(errno.EROFS, at)
        return stack, inside

    # --- reading ----------------------------------------------------------------

    def lookup(self, at: PathLike) -> Node | None:
        """Give the file or directory that shows at a path, or nothing."""
        stack, inside = self._reading(at)
        return stack.lookup(inside)

    def kind(self, at: PathLike) -> str | None:
        """Tell ``"file"`` or ``"dir"``, or nothing where nothing is."""
        stack, inside = self._reading(at)
        return stack.kind(inside)

    def read(self, at: PathLike) -> bytes:
        """Give the bytes of a file."""
        stack, inside = self._reading(at)
        return stack.read(inside)

    def mode(self, at: PathLike) -> int:
        """Give the permissions of a file."""
        stack, inside = self._reading(at)
        return stack.mode(inside)

    def readdir(self, at: PathLike) -> list[str]:
        """List the names in a directory, sorted."""
        stack, inside = self._reading(at)
        return stack.readdir(inside)

    def tree(self) -> Tree:
        """Give everything that shows."""
        shown: Tree = {}
        todo: list[Path] = [()]
        while todo:
            at = todo.pop()
            for name in self.readdir(at):
                child = (*at, name)
                entry = self.lookup(child)
                if isinstance(entry, File):
                    shown[child] = (entry.data, entry.mode)
                elif isinstance(entry, Dir):
                    shown[child] = None
                    todo.append(child)
        return shown

    # --- changing ---------------------------------------------------------------

    def write(self, at: PathLike, data: bytes | str) -> None:
        """Make a file hold just these bytes."""
        stack, inside = self._writing(at)
        stack.write(inside, data)
        if stack is not self.union and self.bug("vol_write_leaks"):
            self.union.upper[path(at)] = File(data)

    def append(self, at: PathLike, data: bytes | str) -> None:
        """Add bytes to the end of a file that is there."""
        stack, inside = self._writing(at)
        stack.append(inside, data)

    def chmod(self, at: PathLike, mode: int) -> None:
        """Change the permissions of a file."""
        stack, inside = self._writing(at)
        stack.chmod(inside, mode)

    def mkdir(self, at: PathLike) -> None:
        """Make a directory."""
        stack, inside = self._writing(at)
        stack.mkdir(inside)

    def unlink(self, at: PathLike) -> None:
        """Remove a file."""
        stack, inside = self._writing(at)
        stack.unlink(inside)

    def rmdir(self, at: PathLike) -> None:
        """Remove a directory that shows no names; a mount point is busy."""
        stack, inside = self._writing(at)
        stack.rmdir(inside)

    def rmtree(self, at: PathLike) -> None:
        """Remove a directory and everything in it, one by one."""
        remove_tree(self, path(at))

    def rename(self, old: PathLike, new: PathLike) -> None:
        """Give a file another name; not across mounts, and no mount point."""
        old, new = path(old), path(new)
        source, a = self._writing(old)
        target, b = self._writing(new)
        source.check_parents(a)
        target.check_parents(b)
        if old in self.mounts or new in self.mounts:
            fail(errno.EBUSY, old)
        if source is target:
            source.rename(a, b)
        elif self.bug("rename_across_mount"):
            target.write(b, source.read(a))
            source.unlink(a)
        else:
            fail(errno.EXDEV, old)

    # --- its end ----------------------------------------------------------------

    def commit(self) -> list[Layer]:
        """Make an image of what was written; volumes are no part of it."""
        if self.bug("commit_includes_volume"):
            for point, volume in self.mounts.items():
                for at, entry in volume.files.upper.snapshot().items():
                    self.union.upper[(*point, *at)] = entry
        return self.union.commit()

    def remove(self) -> None:
        """Forget the container and what was written to its union; volumes stay."""
        if self.bug("rm_destroys_volume"):
            for volume in self.mounts.values():
                volume.files.upper.clear()
        self.union = Stack()
