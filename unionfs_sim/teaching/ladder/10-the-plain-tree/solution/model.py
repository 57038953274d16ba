"""A plain tree with the verbs of a union: what a union must look like from outside."""

import errno
import os

from unionfs_sim.teaching.student import path


def fail(number, at):
    """Fail as a system call does."""
    raise OSError(number, os.strerror(number), "/" + "/".join(at))


class Model:
    """A dictionary from paths to files and directories, without layers."""

    def __init__(self, tree):
        self.files = dict(tree)

    def tree(self):
        """Give everything that shows."""
        return dict(self.files)

    def is_dir(self, at):
        """Tell whether there is a directory."""
        return not at or (at in self.files and self.files[at] is None)

    def walk(self, at):
        """Fail unless the way leads through directories."""
        for depth in range(1, len(at)):
            if at[:depth] not in self.files:
                fail(errno.ENOENT, at)
            if not self.is_dir(at[:depth]):
                fail(errno.ENOTDIR, at)

    def need(self, at):
        """Fail unless something is there."""
        self.walk(at)
        if at and at not in self.files:
            fail(errno.ENOENT, at)

    def file(self, at):
        """Give a file's bytes and mode."""
        self.need(at)
        if self.is_dir(at):
            fail(errno.EISDIR, at)
        return self.files[at]

    def names(self, at):
        """List what is right in a directory."""
        self.need(at)
        if not self.is_dir(at):
            fail(errno.ENOTDIR, at)
        return [other for other in self.files if other[:-1] == at]

    def write(self, at, data):
        """Make a file hold just these bytes."""
        at = path(at)
        self.walk(at)
        mode = self.file(at)[1] if self.is_dir(at) or at in self.files else 0o644
        self.files[at] = (data, mode)

    def append(self, at, data):
        """Add bytes to a file that is there."""
        at = path(at)
        old, mode = self.file(at)
        self.files[at] = (old + data, mode)

    def chmod(self, at, mode):
        """Change a file's mode; of a directory, change nothing."""
        at = path(at)
        self.need(at)
        if not self.is_dir(at):
            self.files[at] = (self.files[at][0], mode)

    def unlink(self, at):
        """Remove a file."""
        at = path(at)
        self.file(at)
        del self.files[at]

    def mkdir(self, at):
        """Make a directory."""
        at = path(at)
        self.walk(at)
        if self.is_dir(at) or at in self.files:
            fail(errno.EEXIST, at)
        self.files[at] = None

    def rmdir(self, at):
        """Remove an empty directory."""
        at = path(at)
        if self.names(at):
            fail(errno.ENOTEMPTY, at)
        del self.files[at]

    def rmtree(self, at):
        """Remove a directory and all that is in it."""
        at = path(at)
        self.names(at)
        for other in [other for other in self.files if other[: len(at)] == at]:
            del self.files[other]

    def rename(self, old, new):
        """Give a file another name."""
        old, new = path(old), path(new)
        self.walk(old)
        self.walk(new)
        self.file(old)
        self.files[new] = self.files.pop(old)
