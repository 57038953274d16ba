"""
Directories of the host, by descriptors: no name on the way is ever followed as a link.

All of it is iterative and keeps few descriptors open, however deep a tree is.
"""

# System calls are the point here: `os`, not `pathlib`.
# ruff: noqa: PTH208

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, final

from unionfs_sim.core.paths import Parts, to_bytes, to_text
from unionfs_sim.errors import UnionFSError, fs_error

#: How many descriptors a `Descent` keeps open.
DESCRIPTORS_MAX: Final = 64

_DIRECTORY_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
#: Reading leaves no trace where that is allowed; not every system has it.
_NO_TRACE: Final = getattr(os, "O_NOATIME", 0)


def host_error(error: OSError, path: str, *, op: str) -> UnionFSError:
    """Say which path an error of the host is about."""
    return fs_error(error.errno or errno.EIO, path, op=op)


def names_in(fd: int) -> list[bytes]:
    """List an open directory, in order."""
    return sorted(os.fsencode(name) for name in os.listdir(fd))


def open_quietly(name: bytes, flags: int, *, dir_fd: int | None = None) -> int:
    """Open without a trace in the access time, if the host lets us."""
    try:
        return os.open(name, flags | _NO_TRACE, dir_fd=dir_fd)
    except PermissionError:  # only an owner may ask for that
        return os.open(name, flags, dir_fd=dir_fd)


@final
class Descent:
    """
    A place in a tree of directories that moves from one directory to the next.

    A step down or up is one directory opened at most, however deep the place is: what
    is more than `DESCRIPTORS_MAX` levels up is closed, and opened again from below
    when the way back comes near.  The parent of the place is always open already, so
    whoever is there may take their own permissions away.

    Args:
        root_fd: The root, which stays the caller's.
    """

    def __init__(self, root_fd: int) -> None:
        self._names: list[bytes] = []
        # From the root down; a closed one is -1, and its inode is known.
        self._fds = [root_fd]
        self._inodes: list[tuple[int, int]] = [(0, 0)]
        self._first_open = 1  # all before, but the root, are closed

    @property
    def fd(self) -> int:
        """The descriptor of the directory; it stays open until the next step."""
        return self._fds[-1]

    @property
    def depth(self) -> int:
        """How many levels below the root the place is."""
        return len(self._names)

    @property
    def parts(self) -> Parts:
        """Where the place is, in O(depth)."""
        return tuple(to_text(name) for name in self._names)

    def down(self, name: bytes) -> int:
        """
        Go into a directory of this one, and give its descriptor.

        Raises:
            OSError: ENOTDIR or ELOOP if the name is no directory.
        """
        fd = open_quietly(name, _DIRECTORY_FLAGS, dir_fd=self._fds[-1])
        self._names.append(name)
        self._fds.append(fd)
        self._inodes.append((0, 0))
        if len(self._fds) - self._first_open > DESCRIPTORS_MAX:
            far = self._first_open
            self._inodes[far] = _inode(self._fds[far])
            os.close(self._fds[far])
            self._fds[far] = -1
            self._first_open += 1
        return fd

    def up(self) -> int:
        """
        Go back to the parent, and give its descriptor.

        Raises:
            OSError: Directories have been moved meanwhile, and cannot be found again.
        """
        self._open_parent()  # it is open but for who got here by `enter`
        self._leave()
        self._open_parent()
        return self._fds[-1]

    def enter(self, parts: Sequence[str]) -> int:
        """
        Go to a directory by its path, and give its descriptor.

        Opens the directories of the path that the place is not in already.

        Raises:
            OSError: ENOTDIR or ELOOP if a name on the way is no directory any more.
        """
        names = [to_bytes(name) for name in parts]
        common = 0
        for mine, theirs in zip(self._names, names, strict=False):
            if mine != theirs:
                break
            common += 1
        if 0 < common < self._first_open:
            common = 0  # all of it is closed
        while len(self._names) > common:
            self._leave()
        for name in names[common:]:
            self.down(name)
        return self._fds[-1]

    def _leave(self) -> None:
        """Leave the directory; its parent may be closed."""
        self._names.pop()
        self._inodes.pop()
        fd = self._fds.pop()
        if fd >= 0:
            os.close(fd)
        self._first_open = min(self._first_open, len(self._fds))

    def _open_parent(self) -> None:
        """Open the parent again if it is closed: from below, or else from the root."""
        level = len(self._fds) - 2
        if not 0 < level < self._first_open:
            return
        fd = -1
        with suppress(OSError):
            fd = open_quietly(b"..", _DIRECTORY_FLAGS, dir_fd=self._fds[-1])
        if fd >= 0 and _inode(fd) != self._inodes[level]:  # it has been moved
            os.close(fd)
            fd = -1
        if fd < 0:
            fd = self._from_root(level)
        self._fds[level] = fd
        self._first_open = level

    def _from_root(self, level: int) -> int:
        fd = self._fds[0]
        for name in self._names[:level]:
            try:
                inner = open_quietly(name, _DIRECTORY_FLAGS, dir_fd=fd)
            finally:
                if fd != self._fds[0]:
                    os.close(fd)
            fd = inner
        return fd

    def close(self) -> None:
        """Close all but the root."""
        while self._names:
            self._leave()


def _inode(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


@contextmanager
def descent(root_fd: int) -> Iterator[Descent]:
    """Give a `Descent` that is closed at the end."""
    place = Descent(root_fd)
    try:
        yield place
    finally:
        place.close()


@contextmanager
def fresh_directory(path: str, *, op: str) -> Iterator[int]:
    """
    Make a directory under a name of its own, and give it *path* at the end.

    If anything is raised within, also by an interrupt, all of it goes again.

    Args:
        path: Where the directory is to be: nothing, or an empty directory.
        op: The verb, for errors.

    Yields:
        A descriptor of the directory; its mode is 0o700 for the time being.

    Raises:
        UnionFSError: ENOTEMPTY, ENOTDIR, there is something at the path; or what the
            host says.
    """
    head, name = os.path.split(os.path.abspath(to_bytes(path)))  # noqa: PTH100
    hidden = b".%s.%s" % (name[:200], secrets.token_hex(8).encode())
    try:
        parent_fd = os.open(head, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise host_error(error, path, op=op) from error
    try:
        try:
            _refuse_content(name, parent_fd)
            os.mkdir(hidden, 0o700, dir_fd=parent_fd)
        except OSError as error:
            raise host_error(error, path, op=op) from error
        try:
            fd = os.open(hidden, _DIRECTORY_FLAGS, dir_fd=parent_fd)
            try:
                _forget_inherited(fd)
                yield fd
            finally:
                os.close(fd)
            try:
                os.rename(hidden, name, src_dir_fd=parent_fd, dst_dir_fd=parent_fd)
            except OSError as error:
                raise host_error(error, path, op=op) from error
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                remove_tree(hidden, parent_fd)
            raise
    finally:
        os.close(parent_fd)


def _refuse_content(name: bytes, parent_fd: int) -> None:
    """Refuse early what the rename at the end would refuse."""
    try:
        fd = os.open(name, _DIRECTORY_FLAGS, dir_fd=parent_fd)
    except FileNotFoundError:
        return
    try:
        if os.listdir(fd):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
    finally:
        os.close(fd)


def _forget_inherited(fd: int) -> None:
    """Drop what a new directory gets from its parent, or all below would get it."""
    os.fchmod(fd, 0o700)  # also takes off an inherited set-group-id bit
    for name in ("system.posix_acl_default", "system.posix_acl_access"):
        with suppress(OSError):
            os.removexattr(fd, name)


def remove_tree(name: bytes, parent_fd: int) -> None:
    """
    Remove a directory of ours with all that is in it, without recursion.

    Raises:
        OSError: What the host says.
    """
    _open_up(name, parent_fd)
    root_fd = os.open(name, _DIRECTORY_FLAGS, dir_fd=parent_fd)
    try:
        with descent(root_fd) as place:
            _empty(place)
    finally:
        os.close(root_fd)
    os.rmdir(name, dir_fd=parent_fd)


def _empty(place: Descent) -> None:
    """Remove all that is in a directory, each directory once it is empty itself."""
    pending: list[list[bytes]] = [_directories(place.fd)]
    while True:
        if pending[-1]:
            name = pending[-1][-1]
            _open_up(name, place.fd)
            pending.append(_directories(place.down(name)))
            continue
        pending.pop()
        if not pending:
            return
        os.rmdir(pending[-1].pop(), dir_fd=place.up())


def _directories(fd: int) -> list[bytes]:
    """List the directories in a directory, after everything else has been removed."""
    found = []
    for name in names_in(fd):
        if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            found.append(name)
        else:
            os.unlink(name, dir_fd=fd)
    return found


def _open_up(name: bytes, dir_fd: int) -> None:
    """Let the owner into a directory whose mode keeps everybody out."""
    found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode) and found.st_mode & 0o700 != 0o700:
        with suppress(OSError):
            os.chmod(name, 0o700, dir_fd=dir_fd)
