"""
Raw layers as directories of the host.

Nothing here knows a dialect: what is a device, an empty file or an xattr in the layer
becomes one on the disk.
"""

# System calls are the point here: `os`, not `pathlib`.
# ruff: noqa: PTH101

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.adapters.hostdirs import Descent, descent, fresh_directory, host_error
from unionfs_sim.core.content import READ_BYTES, Content
from unionfs_sim.core.layer import LayerView
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Entry,
    Leaf,
    Regular,
    Symlink,
)
from unionfs_sim.core.paths import Parts, StrPath, fspath, join, to_bytes
from unionfs_sim.core.xattrs import support_error
from unionfs_sim.errors import SpecError, UnionFSError, fs_error

#: Called with the path of each entry, once it is written.
Progress: TypeAlias = Callable[[str], None]

_NEW_FILE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_SAME_OBJECT_FLAGS: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW
_SET_ID_BITS: Final = 0o6000
_REFUSALS: Final = frozenset({errno.EPERM, errno.EACCES, errno.EOPNOTSUPP})


def write_directory(
    layer_raw: LayerView,
    path: StrPath,
    *,
    owners: bool = True,
    devices: bool = True,
    xattrs_needed: str = "",
    progress: Progress | None = None,
) -> list[str]:
    """
    Write a raw layer into a new or empty directory of the host.

    Everything is made under another name beside the directory, which gets its own
    name at the end: when something fails or interrupts, there is nothing.  Links of
    the layer are never followed.  Hard links, holes, sockets, extended attributes and
    times are kept.

    Args:
        layer_raw: The layer: nodes alone, no whiteouts and no opaque directories.
        path: The directory; its parent is there already.
        owners: Whether owners are set.  Without them everything is the caller's, the
            set-id bits of other people's files go, and extended attributes that only
            root can set are left out.
        devices: Whether devices are made; 0:0 is made in any case, for it needs no
            privilege.
        xattrs_needed: What the names of those extended attributes start with that
            cannot be left out.
        progress: Called with the path of each entry, once it is written.

    Returns:
        A sentence for each kind of thing that was not kept.

    Raises:
        SpecError: The layer has a whiteout or an opaque directory, or a name that
            cannot be.
        UnionFSError: What the host says, such as EPERM, or ENOTEMPTY.

    >>> import os, tempfile
    >>> from unionfs_sim import Layer
    >>> layer = Layer.build({"etc/motd": "hello"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_directory(layer, folder + "/out", owners=False)
    ...     os.listdir(folder + "/out/etc")
    ['motd']
    """
    text = fspath(path)
    with fresh_directory(text, op="write_directory") as fd:
        return fill_directory(
            layer_raw,
            fd,
            text,
            owners=owners,
            devices=devices,
            xattrs_needed=xattrs_needed,
            progress=progress,
        )


def fill_directory(
    layer_raw: LayerView,
    fd: int,
    path: str,
    *,
    owners: bool = True,
    devices: bool = True,
    xattrs_needed: str = "",
    progress: Progress | None = None,
) -> list[str]:
    """
    Write a raw layer into an open, empty directory; for those who tidy up themselves.

    Args:
        layer_raw: As for `write_directory`, and so is the rest.
        fd: The directory.
        path: What the directory is called in errors.
        owners: Whether owners are set.
        devices: Whether devices are made.
        xattrs_needed: The prefix of extended attributes that cannot be left out.
        progress: Called with the path of each entry, once it is written.

    Returns:
        A sentence for each kind of thing that was not kept.

    Raises:
        SpecError: As `write_directory`.
        UnionFSError: As `write_directory`.
    """
    wishes = _Wishes(owners, devices, xattrs_needed)
    with descent(fd) as place, descent(fd) as targets:
        writer = _Writer(path, place, targets, wishes, progress)
        writer.run(layer_raw.root)
        return writer.notes.sentences()


@final
@attrs.frozen
class _Wishes:
    owners: bool
    devices: bool
    xattrs_needed: str


@final
class _Notes:
    """What was not kept, and how often."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, what: str, path: Callable[[], str]) -> None:
        """Count a thing; its path is asked for the first time only."""
        count, first = self._found.get(what) or (0, path())
        self._found[what] = count + 1, first

    def sentences(self) -> list[str]:
        return [
            f"Not kept: {what}, {count} times, at {first} first."
            if count > 1
            else f"Not kept: {what}, at {first}."
            for what, (count, first) in self._found.items()
        ]


@final
class _Writer:
    """One writing under way."""

    def __init__(
        self,
        path: str,
        place: Descent,
        targets: Descent,
        wishes: _Wishes,
        progress: Progress | None,
    ) -> None:
        self.notes = _Notes()
        self._path = path
        self._place = place
        self._targets = targets  # where the other names of an inode are
        self._wishes = wishes
        self._progress = progress
        self._written: dict[int, Parts] = {}

    def run(self, root: Directory) -> None:
        self._go_through(root, before=self._fill, after=_leave_as_is)
        # What is in a directory changes its times, and its mode can keep us out.
        self._go_through(root, before=_leave_as_is, after=self._finish)

    def _go_through(
        self,
        root: Directory,
        *,
        before: Callable[[Directory], None],
        after: Callable[[Directory], None],
    ) -> None:
        """Visit every directory before and after those in it; no step looks back."""
        before(root)
        visited = [(root, _directories_in(root))]
        while visited:
            directory, inner = visited[-1]
            name = next(inner, None)
            if name is not None:
                below = directory.entries[name]
                assert isinstance(below, Directory)
                with self._about(name):
                    self._place.down(to_bytes(name))
                before(below)
                visited.append((below, _directories_in(below)))
                continue
            after(directory)
            visited.pop()
            if visited:
                with self._about():
                    self._place.up()

    def _fill(self, directory: Directory) -> None:
        """Make all that is in a directory, but not what is in the directories there."""
        if directory.opaque:
            msg = f"{self._join()}: an opaque directory is to be encoded first"
            raise SpecError(msg)
        for name in sorted(directory.entries):
            with self._about(name):
                self._make(name, directory.entries[name])

    def _join(self, *names: str) -> str:
        """Give a path below the place as text."""
        return join((*self._place.parts, *names))

    @contextmanager
    def _about(self, *inside: str) -> Iterator[None]:
        """Say in errors of the host which entry they are about, from the place on."""
        try:
            yield
        except UnionFSError:  # a source that cannot be read says so itself
            raise
        except (OSError, OverflowError) as error:
            path = self._path + self._join(*inside).rstrip("/")
            if isinstance(error, OverflowError):  # a time or an owner beyond any host
                raise fs_error(errno.EINVAL, path, op="write_directory") from error
            raise host_error(error, path, op="write_directory") from error

    def _make(self, name: str, entry: Entry) -> None:
        if name in {"", ".", ".."} or "/" in name or "\0" in name:
            msg = f"{self._join()}: the name {name!r} cannot be"
            raise SpecError(msg)
        if entry is WHITEOUT:
            msg = f"{self._join(name)}: a whiteout is to be encoded first"
            raise SpecError(msg)
        encoded = to_bytes(name)
        if isinstance(entry, Directory):
            os.mkdir(encoded, 0o700, dir_fd=self._place.fd)
            return
        if id(entry) in self._written:
            self._link(self._written[id(entry)], encoded)
        elif self._leaf(name, encoded, entry) and entry.nlink > 1:
            self._written[id(entry)] = (*self._place.parts, name)
        if self._progress is not None:
            self._progress(self._join(name))

    def _link(self, target: Parts, name: bytes) -> None:
        target_fd = self._targets.enter(target[:-1])
        os.link(
            to_bytes(target[-1]),
            name,
            src_dir_fd=target_fd,
            dst_dir_fd=self._place.fd,
            follow_symlinks=False,
        )

    def _leaf(self, name: str, encoded: bytes, node: Leaf) -> bool:
        """Make an inode; tell whether it was made."""
        dir_fd = self._place.fd
        if isinstance(node, Regular):
            fd = os.open(encoded, _NEW_FILE_FLAGS, 0o600, dir_fd=dir_fd)
            try:
                _fill(fd, node.content)
                self._dress(fd, b"/proc/self/fd/%d" % fd, node, name)
                _set_times(fd, node.meta)
            finally:
                os.close(fd)
            return True
        if isinstance(node, Symlink):
            os.symlink(to_bytes(node.target), encoded, dir_fd=dir_fd)
        else:
            number = 0
            if isinstance(node, Device):
                number = os.makedev(node.major, node.minor)
                if not self._wishes.devices and (node.block or number):
                    self._note("devices", name)
                    return False
            os.mknod(encoded, node.kind.type_bits | 0o600, number, dir_fd=dir_fd)
        fd = os.open(encoded, _SAME_OBJECT_FLAGS, dir_fd=dir_fd)
        try:
            self._dress(fd, b"/proc/self/fd/%d" % fd, node, name)
        finally:
            os.close(fd)
        times = node.meta.atime_ns, node.meta.mtime_ns
        os.utime(encoded, ns=times, dir_fd=dir_fd, follow_symlinks=False)
        return True

    def _finish(self, directory: Directory) -> None:
        fd = self._place.fd
        with self._about():
            self._dress(fd, b"/proc/self/fd/%d" % fd, directory)
            _set_times(fd, directory.meta)
        if self._progress is not None and self._place.depth:
            self._progress(self._join())

    def _note(self, what: str, *inside: str) -> None:
        self.notes.add(what, lambda: self._join(*inside))

    def _dress(
        self, fd: int, same_object: bytes, node: Leaf | Directory, *inside: str
    ) -> None:
        """
        Set owner, extended attributes and mode, in this order.

        A change of owner takes the set-id bits and capabilities off, and a mode can
        keep the owner from setting attributes.
        """
        meta = node.meta
        mode = meta.mode
        if self._wishes.owners:
            # Of an O_PATH descriptor, only the link in /proc takes this call.
            os.chown(same_object, meta.uid, meta.gid)
        else:
            mode = self._without_owner(os.fstat(fd), node, *inside)
        for xattr, value in meta.xattrs.items():
            self._set_xattr(same_object, xattr, value, node, *inside)
        if not isinstance(node, Symlink):
            os.chmod(same_object, mode)

    def _without_owner(
        self, found: os.stat_result, node: Leaf | Directory, *inside: str
    ) -> int:
        """Note whose it should be, and give the mode that is safe for the caller."""
        meta = node.meta
        if (found.st_uid, found.st_gid) == (meta.uid, meta.gid):
            return meta.mode
        self._note("owner and group", *inside)
        if not isinstance(node, Regular) or not meta.mode & _SET_ID_BITS:
            return meta.mode
        self._note("set-id bits of files that are now the caller's", *inside)
        return meta.mode & ~_SET_ID_BITS

    def _set_xattr(
        self,
        same_object: bytes,
        name: str,
        value: bytes,
        node: Leaf | Directory,
        *inside: str,
    ) -> None:
        try:
            os.setxattr(same_object, to_bytes(name), value)
        except OSError as error:
            needed = self._wishes.xattrs_needed
            # disputed/xattr-unknown-ns: umoci, Docker and podman leave it out as well.
            placeless = support_error(name)
            if needed and name.startswith(needed):
                raise
            if error.errno not in _REFUSALS and not placeless:
                raise
            # No Linux file system has user.* on anything else than these two.
            possible = isinstance(node, (Regular, Directory))
            impossible = placeless or (name.startswith("user.") and not possible)
            if self._wishes.owners and not impossible:
                raise
            self._note(f"the extended attribute {name}", *inside)


def _directories_in(directory: Directory) -> Iterator[str]:
    """Give the names of the directories in one, in order."""
    return iter(
        sorted(
            name
            for name, entry in directory.entries.items()
            if isinstance(entry, Directory)
        )
    )


def _leave_as_is(directory: Directory) -> None:
    """Do nothing."""


def _set_times(fd: int, meta: Meta) -> None:
    os.utime(fd, ns=(meta.atime_ns, meta.mtime_ns))


def _fill(fd: int, content: Content) -> None:
    """Write a content; what is a hole in it is one on the disk."""
    position = 0
    for extent in content.extents():
        if extent.source is not None:
            for offset in range(0, extent.size, READ_BYTES):
                _write_at(fd, extent.read(offset, READ_BYTES), position + offset)
        position += extent.size
    if position:
        os.ftruncate(fd, position)


def _write_at(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, offset)
        view = view[count:]
        offset += count
