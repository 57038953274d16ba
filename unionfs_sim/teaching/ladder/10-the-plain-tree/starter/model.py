"""A plain tree with the verbs of a union: what a union must look like from outside."""

import errno
import os

from unionfs_sim.teaching.student import path


def fail(number, at):
    """Fail as a system call does: fail(errno.ENOENT, at)."""
    raise OSError(number, os.strerror(number), "/" + "/".join(at))


class Model:
    """
    A dictionary from paths to files and directories, without layers.

    A path is a tuple of names; a file is (bytes, mode), a directory is None; the root is
    always there, and not in the dictionary.  path("d/a") gives ("d", "a").
    """

    def __init__(self, tree):
        self.files = dict(tree)

    def tree(self):
        """Give everything that shows."""
        return dict(self.files)

    def write(self, at, data):
        """
        Make a file hold just these bytes; a new one has mode 0o644.

        ENOENT or ENOTDIR: a directory on the way is missing, or is a file.
        EISDIR: there is a directory.
        """
        raise NotImplementedError

    def append(self, at, data):
        """Add bytes to a file that is there.  Errors: as write, and ENOENT."""
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
        """Remove an empty directory.  ENOENT, ENOTDIR; ENOTEMPTY: it holds names."""
        raise NotImplementedError

    def rmtree(self, at):
        """Remove a directory and all that is in it.  ENOENT, ENOTDIR."""
        raise NotImplementedError

    def rename(self, old, new):
        """
        Give a file another name; what was there is replaced.

        Errors in this order: those on the way to old, those on the way to new, ENOENT: no
        old.  To itself: nothing happens.  Directories are not renamed here.
        """
        raise NotImplementedError
