"""
The lab's union: read-only layers, and one writable layer on top.

Reading is `resolve.find`.  Changing never touches the read-only layers: what is to be
changed is first copied up, what is to be removed is whited out.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Protocol

from unionfs_sim.teaching.lab.resolve import (
    Bug,
    Found,
    Step,
    ask,
    correct,
    find,
    names,
)
from unionfs_sim.teaching.lab.values import (
    MODE,
    WHITEOUT,
    Dir,
    Entry,
    File,
    Layer,
    Node,
    Path,
    PathLike,
    Tree,
    fail,
    path,
)


class Stack:
    """
    A union of layers, written base first, under an empty writable layer.

    >>> from unionfs_sim.teaching.lab import stack
    >>> union = Stack(stack("d/ d/a=1 | d/ d/b=2"))
    >>> union.readdir("d"), union.read("d/a")
    (['a', 'b'], b'1')
    >>> union.unlink("d/a")
    >>> union.readdir("d"), union.upper
    (['b'], Layer({('d',): Dir(), ('d', 'a'): WHITEOUT}))
    """

    def __init__(self, lowers: Sequence[Layer] = (), bug: Bug = correct) -> None:
        self.lowers = list(lowers)
        if bug("repeated_layer_dropped"):
            places = [self.lowers.index(layer) for layer in self.lowers]
            self.lowers = [self.lowers[x] for x in sorted(set(places))]
        self.upper = Layer()
        self.bug = bug

    @property
    def layers(self) -> list[Layer]:
        """All layers, base first; the writable one is last."""
        return [*self.lowers, self.upper]

    def push(self, *layers: Layer) -> Stack:
        """Give a union with more layers on top, and nothing written yet."""
        return type(self)([*self.lowers, *layers], self.bug)

    # --- reading ----------------------------------------------------------------

    def _find(self, at: Path) -> Found | None:
        return find(self.layers, at, self.bug)

    def _need(self, at: Path) -> Found:
        """Find what must be there; else say what is wrong with the path."""
        found = self._find(at)
        if found is None:
            self.check_parents(at)
            fail(errno.ENOENT, at)
        return found

    def check_parents(self, at: Path) -> None:
        """Fail if a path does not lead through directories."""
        for depth in range(1, len(at)):
            above = self._find(at[:depth])
            if above is None:
                fail(errno.ENOENT, at)
            if isinstance(above.entry, File):
                fail(
                    errno.ENOENT if self.bug("enotdir_as_enoent") else errno.ENOTDIR, at
                )

    def lookup(self, at: PathLike) -> Node | None:
        """Give the file or directory that shows at a path, or nothing; never fails."""
        found = self._find(path(at))
        return None if found is None else found.entry

    def kind(self, at: PathLike) -> str | None:
        """Tell ``"file"`` or ``"dir"``, or nothing where nothing is."""
        entry = self.lookup(at)
        if entry is None:
            return None
        return "file" if isinstance(entry, File) else "dir"

    def explain(self, at: PathLike) -> list[Step]:
        """Tell which layers were asked for which name, and what they had."""
        story: list[Step] = []
        find(self.layers, path(at), self.bug, story)
        return story

    def _file(self, at: Path) -> Found:
        """Find a file."""
        found = self._need(at)
        if not isinstance(found.entry, File):
            fail(errno.EISDIR, at)
        return found

    def read(self, at: PathLike) -> bytes:
        """Give the bytes of a file."""
        at = path(at)
        file = self._file(at).entry
        assert isinstance(file, File)
        if self.bug("read_copies_up"):
            self._copy_up(at)
        return file.data

    def mode(self, at: PathLike) -> int:
        """Give the permissions of a file."""
        file = self._file(path(at)).entry
        assert isinstance(file, File)
        return file.mode

    def readdir(self, at: PathLike) -> list[str]:
        """List the names in a directory, sorted."""
        at = path(at)
        found = self._need(at)
        if isinstance(found.entry, File):
            fail(errno.ENOTDIR, at)
        return names(self.layers, at, found.merged, self.bug)

    def tree(self) -> Tree:
        """Give everything that shows, without the root: bytes and mode of each file."""
        shown: Tree = {}
        todo: list[Path] = [()]
        while todo:
            at = todo.pop()
            for name in self.readdir(at):
                child = (*at, name)
                found = self._find(child)
                if found is None:
                    shown[child] = (b"listed, but not there", -1)
                elif isinstance(found.entry, File):
                    shown[child] = (found.entry.data, found.entry.mode)
                elif child not in shown:
                    shown[child] = None
                    todo.append(child)
        return shown

    # --- changing files ---------------------------------------------------------

    def _place(self, at: Path) -> Found | None:
        """Find what is where something is to be made; its parent must be there."""
        found = self._find(at)
        if found is None and not self.bug("no_parent_check"):
            self.check_parents(at)
        return found

    def _put(self, at: Path, entry: Entry) -> None:
        """Put an entry into the writable layer, and the directories that it is in."""
        if not self.bug("parents_missing"):
            for depth in range(1, len(at)):
                if not isinstance(self.upper.get(at[:depth]), Dir):
                    self.upper[at[:depth]] = Dir(opaque=self.bug("parents_opaque"))
        self.upper[at] = entry

    def _copy_up(self, at: Path) -> File:
        """Have a file in the writable layer, where it can be changed."""
        found = self._file(at)
        if self.bug("recopy_each_write"):
            found = find(self.lowers, at) or found
        file = found.entry
        assert isinstance(file, File)
        if file is self.upper.get(at):
            return file
        if self.bug("alias_mutation"):
            copy = file
        elif self.bug("cow_no_copy"):
            copy = File(b"", file.mode)
        elif self.bug("cow_mode_lost"):
            copy = File(file.data)
        elif self.bug("cow_bottom_copy"):
            copy = next(
                e for x in self.layers if isinstance(e := x.get(at), File)
            ).copy()
        else:
            copy = file.copy()
        self._put(at, copy)
        return copy

    def write(self, at: PathLike, data: bytes | str) -> None:
        """Make a file hold just these bytes; there need not be one yet."""
        at = path(at)
        found = self._place(at)
        if found is None:
            if self.upper.get(at) is WHITEOUT and self.bug("create_keeps_wh"):
                return
            self._put(at, File(data))
            return
        old = self._file(at).entry
        assert isinstance(old, File)
        new = File(data, MODE if self.bug("overwrite_mode_lost") else old.mode)
        if found.layer < len(self.lowers) and self.bug("write_to_lower"):
            self.lowers[found.layer][at] = new
            return
        self._put(at, new)

    def append(self, at: PathLike, data: bytes | str) -> None:
        """Add bytes to the end of a file that is there."""
        file = self._copy_up(path(at))
        file.data += data.encode() if isinstance(data, str) else data

    def chmod(self, at: PathLike, mode: int) -> None:
        """Change the permissions of a file; directories have none in this lab."""
        at = path(at)
        if self._find(at) is None and self.bug("chmod_resurrects"):
            below = find(self.lowers, at)
            if below is not None and isinstance(below.entry, File):
                self._put(at, File(below.entry.data, mode))
                return
        if isinstance(self._need(at).entry, Dir):
            return
        file = self._copy_up(at)
        file.mode = mode
        if self.bug("chmod_truncates"):
            file.data = b""

    # --- removing ---------------------------------------------------------------

    def _covered(self, at: Path) -> bool:
        """Tell whether the read-only layers would show something at a path."""
        parent = find(self.layers, at[:-1])
        if parent is None:
            return False
        lowers = [index for index in parent.merged if index < len(self.lowers)]
        if self.bug("wh_top_lower_only"):
            lowers = [index for index in lowers if index == len(self.lowers) - 1]
        return ask(self.layers, lowers, at) is not None

    def _take(self, at: Path) -> None:
        """Take a name away: a whiteout if it is covered, else nothing stays."""
        covered = self._covered(at) or self.bug("wh_always")
        if at in self.upper and self.bug("rmdir_keeps_children_wh"):
            del self.upper[at]
        else:
            self.upper.drop(at)
        if covered:
            self._put(at[-1:] if self.bug("wh_at_root") else at, WHITEOUT)

    def unlink(self, at: PathLike) -> None:
        """Remove a file."""
        at = path(at)
        if isinstance(self._need(at).entry, Dir) and not self.bug("unlink_removes_dir"):
            fail(errno.EISDIR, at)
        if self.bug("unlink_lower_too"):
            for layer in self.lowers:
                layer.pop(at, None)
        if at in self.upper:
            if self.bug("unlink_keeps_upper"):
                return
            if self.bug("unlink_reexposes"):
                self.upper.drop(at)
                return
        if len(at) > 1 and self._covered(at) and self.bug("unlink_kills_siblings"):
            self._put(at[:-1], Dir(opaque=True))
            return
        self._take(at)

    def rmdir(self, at: PathLike) -> None:
        """Remove a directory that shows no names."""
        at = path(at)
        found = self._need(at)
        if isinstance(found.entry, File):
            fail(errno.ENOTDIR, at)
        if not at:
            fail(errno.EBUSY, at)
        inside = self.readdir(at)
        if self.bug("rmdir_upper_only_check"):
            inside = [x for x in inside if (*at, x) in self.upper]
        if self.bug("rmdir_wh_counts"):
            inside = inside + self.upper.children(at)
        if inside:
            fail(errno.ENOTEMPTY, at)
        if at not in self.upper and self.bug("rmdir_lower_noop"):
            return
        self._take(at)

    def rmtree(self, at: PathLike) -> None:
        """Remove a directory and everything in it, one by one."""
        remove_tree(self, path(at))

    # --- directories and names --------------------------------------------------

    def mkdir(self, at: PathLike) -> None:
        """Make a directory; over a whiteout it hides what the whiteout hid."""
        at = path(at)
        found = self._place(at)
        if found is not None:
            lower = found.layer < len(self.lowers) and isinstance(found.entry, Dir)
            if lower and self.bug("mkdir_no_eexist"):
                return
            fail(errno.EEXIST, at)
        deleted = self.upper.get(at) is WHITEOUT
        if deleted and self.bug("mkdir_keeps_wh"):
            return
        self._put(at, Dir(opaque=deleted and not self.bug("mkdir_not_opaque")))

    def rename(self, old: PathLike, new: PathLike) -> None:
        """
        Give a file another name; a directory too if no read-only layer has part in it.

        The errors come in the order in which the kernel checks.
        """
        old, new = path(old), path(new)
        self.check_parents(old)
        self.check_parents(new)
        if not old or not new:
            fail(errno.EBUSY, old)
        source, target = self._need(old), self._find(new)
        if old != new and new[: len(old)] == old:
            fail(errno.EINVAL, new)
        if old != new and old[: len(new)] == new:
            fail(errno.ENOTEMPTY, new)
        if old == new:
            if self.bug("rename_self_deletes"):
                self._take(old)
            return
        if isinstance(source.entry, File):
            if target is not None and isinstance(target.entry, Dir):
                if not self.bug("rename_overwrites_dir"):
                    fail(errno.EISDIR, new)
                self.upper.drop(new)
            self._move(old, new, {(): self._copy_up(old)})
            return
        if target is not None and isinstance(target.entry, File):
            fail(errno.ENOTDIR, new)
        if target is not None and self.bug("rename_clears_target"):
            self._take(new)
        if list(source.merged) != [len(self.lowers)] and not self.bug(
            "rename_lower_dir"
        ):
            fail(errno.EXDEV, old)
        if target is not None and self.readdir(new):
            fail(errno.ENOTEMPTY, new)
        depth = len(old)
        moved = {at[depth:]: e for at, e in self.upper.items() if at[:depth] == old}
        moved[()] = Dir(self._covered(new) and not self.bug("rename_dir_not_opaque"))
        self.upper.drop(new)
        self._move(old, new, moved)

    def _move(self, old: Path, new: Path, moved: dict[Path, Entry]) -> None:
        """Take entries of the writable layer from one path to another."""
        if self.bug("rename_no_whiteout"):
            self.upper.drop(old)
        else:
            self._take(old)
        if self.upper.get(new) is WHITEOUT and self.bug("rename_stale_target_wh"):
            return
        for rest, entry in moved.items():
            self._put((*new, *rest), entry)

    # --- layers -----------------------------------------------------------------

    def diff(self) -> Layer:
        """Give what was written as a layer."""
        layer = self.upper.snapshot()
        if self.bug("diff_drops_wh"):
            for at in layer.whiteouts:
                del layer[at]
        if self.bug("diff_drops_opaque"):
            layer.update({at: Dir() for at, e in layer.items() if isinstance(e, Dir)})
        if self.bug("diff_drops_empty_dir"):
            layer = without_empty(layer)
        return layer

    def commit(self) -> list[Layer]:
        """Make what was written one more read-only layer; give all of them."""
        shared = self.bug("commit_shares_upper")
        layer = self.upper if shared else self.diff()
        place = 0 if self.bug("commit_below") else len(self.lowers)
        self.lowers.insert(place, layer)
        if not shared and not self.bug("commit_keeps_upper"):
            self.upper = Layer()
        return list(self.lowers)

    def flatten(self) -> Layer:
        """Give one layer without marks that shows the same."""
        layer = plain(self.tree())
        return without_empty(layer) if self.bug("flatten_drops_empty_dir") else layer

    def __repr__(self) -> str:
        """Show the layers, the writable one last."""
        return f"<Stack {self.lowers!r} upper={self.upper!r}>"


class Removable(Protocol):
    """What a tree can be removed from."""

    def readdir(self, at: PathLike) -> list[str]:
        """List the names in a directory."""
        ...

    def kind(self, at: PathLike) -> str | None:
        """Tell ``"file"`` or ``"dir"``."""
        ...

    def unlink(self, at: PathLike) -> None:
        """Remove a file."""
        ...

    def rmdir(self, at: PathLike) -> None:
        """Remove an empty directory."""
        ...


def remove_tree(union: Removable, at: Path) -> None:
    """Remove a directory and everything in it, one by one."""
    for name in union.readdir(at):
        child = (*at, name)
        if union.kind(child) == "dir":
            remove_tree(union, child)
        else:
            union.unlink(child)
    union.rmdir(at)


def plain(tree: Tree) -> Layer:
    """Give a tree as a layer."""
    return Layer({at: Dir() if x is None else File(*x) for at, x in tree.items()})


def without_empty(layer: Layer) -> Layer:
    """Give a layer without the directories that hold nothing."""
    parents = {at[:-1] for at in layer}
    return Layer({at: e for at, e in layer.items() if e != Dir() or at in parents})
