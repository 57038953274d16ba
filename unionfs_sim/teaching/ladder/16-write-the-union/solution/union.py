"""
A union file system: read-only layers, and one writable layer on top.

Paths come as tuples or as text:
path("d/a") gives ("d", "a").  Errors: fail(errno.ENOENT, at).
"""

import errno

from unionfs_sim.teaching.lab import WHITEOUT, Dir, File, Layer, path
from unionfs_sim.teaching.lab.resolve import find
from unionfs_sim.teaching.lab.values import fail


class Union:
    """Lower layers, base first, under a writable one."""

    def __init__(self, layers=()):
        self.lowers = list(layers)  # base first; they never change
        self.upper = Layer()  # a dictionary from paths to entries

    @property
    def layers(self):
        """All layers, base first; the writable one is last."""
        return [*self.lowers, self.upper]

    # --- reading: this much is given ---

    def lookup(self, at):
        """Give the File or Dir that shows at a path, or None."""
        found = find(self.layers, path(at))
        return None if found is None else found.entry

    def kind(self, at):
        """Tell "file" or "dir", or None."""
        entry = self.lookup(at)
        if entry is None:
            return None
        return "file" if isinstance(entry, File) else "dir"

    def need(self, at):
        """Give what must be there; else fail with ENOENT or ENOTDIR."""
        self.walk(at)
        entry = self.lookup(at)
        if entry is None:
            fail(errno.ENOENT, at)
        return entry

    def walk(self, at):
        """Fail unless the way to a path leads through directories."""
        for depth in range(1, len(at)):
            kind = self.kind(at[:depth])
            if kind != "dir":
                fail(errno.ENOENT if kind is None else errno.ENOTDIR, at)

    def file(self, at):
        """Give a file that must be there; else fail."""
        entry = self.need(at)
        if isinstance(entry, Dir):
            fail(errno.EISDIR, at)
        return entry

    def read(self, at):
        """Give the bytes of a file."""
        return self.file(path(at)).data

    def mode(self, at):
        """Give the mode of a file."""
        return self.file(path(at)).mode

    def readdir(self, at):
        """List the names in a directory, sorted."""
        at = path(at)
        if isinstance(self.need(at), File):
            fail(errno.ENOTDIR, at)
        names = {p[-1] for layer in self.layers for p in layer if p[:-1] == at}
        return sorted(name for name in names if self.lookup((*at, name)) is not None)

    def tree(self):
        """Give all that shows: (bytes, mode) of files, None of directories."""
        shown, todo = {}, [()]
        for directory in todo:
            for name in self.readdir(directory):
                child = (*directory, name)
                entry = self.lookup(child)
                if isinstance(entry, File):
                    shown[child] = (entry.data, entry.mode)
                else:
                    shown[child] = None
                    todo.append(child)
        return shown

    # --- changing ---

    def covered(self, at):
        """Tell whether lower layers would show something if upper had nothing there."""
        parent = find(self.layers, at[:-1])
        if parent is None:
            return False
        below = [number for number in parent.merged if number < len(self.lowers)]
        lowers = [self.lowers[number] for number in reversed(below)]
        for layer in reversed(lowers):
            entry = layer.get(at)
            if entry is not None:
                return entry is not WHITEOUT
        return False

    def put(self, at, entry):
        """Put an entry into upper, and the directories that it lies in."""
        for depth in range(1, len(at)):
            if not isinstance(self.upper.get(at[:depth]), Dir):
                self.upper[at[:depth]] = Dir()
        self.upper[at] = entry

    def take(self, at):
        """Take a name away: a whiteout if it is covered, else nothing stays."""
        covered = self.covered(at)
        for other in [p for p in self.upper if p[: len(at)] == at]:
            del self.upper[other]
        if covered:
            self.put(at, WHITEOUT)

    def write(self, at, data):
        """Make a file hold just these bytes."""
        at = path(at)
        self.walk(at)
        mode = 0o644 if self.lookup(at) is None else self.file(at).mode
        self.put(at, File(data, mode))

    def append(self, at, data):
        """Add bytes to a file that is there."""
        at = path(at)
        old = self.file(at)
        self.put(at, File(old.data + data, old.mode))

    def chmod(self, at, mode):
        """Change a file's mode; of a directory, change nothing."""
        at = path(at)
        if isinstance(self.need(at), File):
            self.put(at, File(self.file(at).data, mode))

    def unlink(self, at):
        """Remove a file."""
        at = path(at)
        self.file(at)
        self.take(at)

    def mkdir(self, at):
        """Make a directory; where something was deleted it is opaque."""
        at = path(at)
        self.walk(at)
        if self.lookup(at) is not None:
            fail(errno.EEXIST, at)
        self.put(at, Dir(opaque=self.upper.get(at) is WHITEOUT))

    def rmdir(self, at):
        """Remove a directory that shows no names."""
        at = path(at)
        names = self.readdir(at)
        if not at:
            fail(errno.EBUSY, at)
        if names:
            fail(errno.ENOTEMPTY, at)
        self.take(at)

    def rmtree(self, at):
        """Remove a directory and all that is in it."""
        at = path(at)
        for name in self.readdir(at):
            child = (*at, name)
            (self.rmtree if self.kind(child) == "dir" else self.unlink)(child)
        self.rmdir(at)

    def rename(self, old, new):
        """Give a file another name; a directory too, if it is upper's alone."""
        old, new = path(old), path(new)
        self.walk(old)
        self.walk(new)
        if not old or not new:
            fail(errno.EBUSY, old)
        source, target = self.need(old), self.lookup(new)
        if old == new:
            return
        if new[: len(old)] == old:
            fail(errno.EINVAL, new)
        if old[: len(new)] == new:
            fail(errno.ENOTEMPTY, new)
        if isinstance(source, File):
            if isinstance(target, Dir):
                fail(errno.EISDIR, new)
            moved = {(): File(source.data, source.mode)}
        else:
            if isinstance(target, File):
                fail(errno.ENOTDIR, new)
            if list(find(self.layers, old).merged) != [len(self.lowers)]:
                fail(errno.EXDEV, old)
            if target is not None and self.readdir(new):
                fail(errno.ENOTEMPTY, new)
            moved = {
                p[len(old) :]: e for p, e in self.upper.items() if p[: len(old)] == old
            }
            moved[()] = Dir(opaque=self.covered(new))
        self.take(old)
        self.take(new)
        for rest, entry in moved.items():
            self.put((*new, *rest), entry)

    def diff(self):
        """Give what was written, as a layer of its own."""
        return self.upper.snapshot()

    def commit(self):
        """Make what was written one more lower layer; give them all, and empty upper."""
        self.lowers.append(self.diff())
        self.upper = Layer()
        return list(self.lowers)
