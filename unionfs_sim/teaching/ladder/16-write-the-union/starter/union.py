"""
A union file system: read-only layers, and one writable layer on top.

Reading is there; what changes something is yours.  Paths come as tuples or as text:
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

    # --- changing: this is your part ---

    def write(self, at, data):
        """
        Make a file hold just these bytes; a new one has mode 0o644, an old one keeps its.

        ENOENT, ENOTDIR: the way there is wrong.  EISDIR: there is a directory.
        """
        raise NotImplementedError

    def append(self, at, data):
        """Add bytes to a file that is there: copy it up, lower layers never change."""
        raise NotImplementedError

    def chmod(self, at, mode):
        """Change a file's mode; of a directory, change nothing.  ENOENT, ENOTDIR."""
        raise NotImplementedError

    def unlink(self, at):
        """Remove a file.  ENOENT, ENOTDIR; EISDIR: it is a directory."""
        raise NotImplementedError

    def mkdir(self, at):
        """Make a directory.  ENOENT, ENOTDIR; EEXIST: something is there."""
        raise NotImplementedError

    def rmdir(self, at):
        """Remove a directory that shows no names.  ENOENT, ENOTDIR; ENOTEMPTY."""
        raise NotImplementedError

    def rmtree(self, at):
        """Remove a directory and all that is in it.  ENOENT, ENOTDIR."""
        raise NotImplementedError

    def rename(self, old, new):
        """
        Give a file another name; what was there is replaced.

        In this order: the way to old, the way to new, ENOENT for old, EINVAL if new lies
        under old, ENOTEMPTY if old lies under new; to itself, nothing happens.
        A file onto a directory: EISDIR.  A directory onto a file: ENOTDIR.
        A directory that a lower layer has part in: EXDEV.  Onto a directory that shows
        names: ENOTEMPTY.  Else the directory and all under it get the new name.
        """
        raise NotImplementedError

    def diff(self):
        """Give what was written, as a layer of its own."""
        raise NotImplementedError

    def commit(self):
        """Make what was written one more lower layer; give them all, and empty upper."""
        raise NotImplementedError
