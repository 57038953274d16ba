"""
Opening files, and finding them again: a descriptor stands on an inode.

One that was opened for reading on a lower file follows it when it is copied up (S31);
one whose name is gone goes on as it was (S32).
"""

from __future__ import annotations

import errno
from typing import IO, Any, Final, final

from unionfs_sim.core import fileio, flags, permissions, plan, walk
from unionfs_sim.core.changing import UnionChanger
from unionfs_sim.core.content import EMPTY, Content, literal
from unionfs_sim.core.nodes import Kind, Regular, regular
from unionfs_sim.core.openfile import (
    OpenFile,
    body,
    changes,
    is_linked,
    special_error,
    wanted,
)
from unionfs_sim.core.paths import Parts, StrPath, fspath
from unionfs_sim.core.records import Broken
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
    UpperInode,
)
from unionfs_sim.errors import fs_error

#: How a file is opened of which nothing is to stay.
_REPLACE: Final = flags.O_WRONLY | flags.O_CREAT | flags.O_TRUNC


class UnionOpener(UnionChanger):
    """The verbs of `UnionFS` that open files, and what finds open files again."""

    _files: dict[int, OpenFile]
    _pipes: dict[object, bytearray]

    def os_open(self, path: StrPath, flags: int, mode: int = 0o777) -> int:
        """
        Open a file and give a descriptor, as `os.open`; flags are Linux's.

        Opening a lower file for writing copies it up at once, by reference (S5).

        Raises:
            UnionFSError: ENOENT, EEXIST, EISDIR, ENOTDIR, ELOOP, EACCES, EROFS,
                EINVAL; ENXIO, a fifo without a reader, a socket.

        >>> from unionfs_sim import Layer, UnionFS
        >>> fs = UnionFS([Layer.build({"motd": "hello"})])
        >>> fd = fs.os_open("/motd", 0)
        >>> fs.read(fd, 4)
        b'hell'
        """
        file = self._open(fspath(path), flags, mode)
        fd = 3
        while fd in self._files:
            fd += 1
        self._files[fd] = file
        return fd

    def open(
        self,
        path: StrPath,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """
        Open a file as the built-in `open` does; text is UTF-8 by default.

        Opening a lower file for writing copies it up at once, by reference; a file
        that was open for reading then shows the new content (S5, S31).

        Raises:
            UnionFSError: ENOENT, EEXIST, EISDIR, ENOTDIR, ELOOP, EROFS, EACCES;
                ENXIO, it is a device, fifo or socket.
            ValueError: The mode is not one.
        """
        wanted = fileio.Mode.parse(mode)
        text = fspath(path)
        file = self._open(text, wanted.flags, 0o666)
        if file.live.kind is Kind.DIRECTORY:
            raise fs_error(errno.EISDIR, text, op="open")
        if file.live.kind is not Kind.REGULAR:
            raise fs_error(errno.ENXIO, text, op="open")
        return fileio.wrap(
            fileio.RawFile(_Body(self, file), wanted),
            wanted,
            buffering=buffering,
            encoding=encoding,
            errors=errors,
            newline=newline,
        )

    def read_bytes(self, path: StrPath) -> bytes:
        """
        Read a whole file.

        Raises:
            UnionFSError: As `open`.
        """
        text = fspath(path)
        file = self._open(text, flags.O_RDONLY, 0)
        if file.live.kind is Kind.DIRECTORY:
            raise fs_error(errno.EISDIR, text, op="open")
        content = body(self._now(file))
        return content.read_all() if content is not None else b""

    def write_bytes(self, path: StrPath, data: bytes) -> int:
        """
        Make a file hold just these bytes, and give their number.

        Raises:
            UnionFSError: As `open`.
        """
        content = literal(data)
        file = self._open(fspath(path), _REPLACE, 0o666, content)
        if body(file.live) is None:
            return self._write(file, data, 0)
        return content.size

    def _open(
        self, path: str, how: int, mode: int, content: Content = EMPTY
    ) -> OpenFile:
        """Open a file; one that is made or emptied starts with a content."""
        if how & flags.O_PATH:
            how &= flags.O_PATH | flags.O_DIRECTORY | flags.O_NOFOLLOW
        creates = bool(how & flags.O_CREAT)
        if how & flags.O_TMPFILE == flags.O_TMPFILE:
            return self._open_nameless(path, how, mode)
        if creates and how & flags.O_DIRECTORY:
            raise fs_error(errno.EINVAL, path, op="open")
        exclusive = creates and how & flags.O_EXCL
        follow = not exclusive and not how & flags.O_NOFOLLOW
        place = self._find(path, op="open", follow=follow, creates=creates)
        live = place.live
        if live is None:
            if not creates:
                raise fs_error(errno.ENOENT, path, op="open")
            live = self._create(place, mode, content)
            return OpenFile(place, live, how)
        number = errno.EEXIST if exclusive else self._open_error(live, how)
        file = OpenFile(place, live, how)
        if number == errno.ENXIO and self._others(file, writing=False):
            number = 0  # a fifo that has a reader
        if number:
            raise fs_error(number, path, op="open")
        if live.kind is Kind.REGULAR and changes(how):
            replaced = content if how & flags.O_TRUNC else None
            made = plan.open_file(self._call(), place, replaced)
            self._commit(made)
            assert made.inode is not None
            file.live = made.inode
        return file

    def _create(self, place: walk.Place, mode: int, content: Content) -> UpperInode:
        call = self._call()
        node = regular(content, plan.new_meta(call, place, mode & 0o7777))
        made = plan.make_leaf(call, "open", place, node)
        self._commit(made)
        assert made.inode is not None
        return made.inode

    def _open_error(self, live: Live, how: int) -> int:
        """Check an existing object in the kernel's order; 0 if it can be opened."""
        kind = live.kind
        if kind is Kind.SYMLINK and not how & flags.O_PATH:
            directory = how & flags.O_DIRECTORY
            return errno.ENOTDIR if directory else errno.ELOOP
        directory = kind is Kind.DIRECTORY
        if directory and how & flags.O_CREAT:
            return errno.EISDIR
        if how & flags.O_DIRECTORY and not directory:
            return errno.ENOTDIR
        if how & flags.O_PATH:
            return 0
        if directory and changes(how):
            return errno.EISDIR
        if self._space.read_only and kind is Kind.REGULAR and changes(how):
            return errno.EROFS
        if not permissions.allows(
            live.meta, self._caller, wanted(how), directory=directory
        ):
            return errno.EACCES
        return special_error(live, how)

    def _open_nameless(self, path: str, how: int, mode: int) -> OpenFile:
        """Open a file without a name in a directory, which is copied up for it."""
        if how & flags.O_CREAT or how & flags.O_ACCMODE == flags.O_RDONLY:
            raise fs_error(errno.EINVAL, path, op="open")
        place = self._place(path, op="open")
        assert place.live is not None
        number = 0
        if not isinstance(place.live, LIVE_DIRECTORY_TYPES):
            number = errno.ENOTDIR
        elif self._space.read_only:
            number = errno.EROFS
        else:
            number = permissions.entry_error(place.live.meta, self._caller)
        if number:
            raise fs_error(number, path, op="open")
        call = self._call()
        self._commit(plan.raise_directory(call, place))
        inner = walk.find(self._space, f"{path}/.", follow=True, op="open")
        meta = plan.new_meta(call, inner, mode & 0o7777)
        inode = UpperFile(Regular(meta=meta))
        linkable = not how & flags.O_EXCL
        return OpenFile(place, inode, how, linkable=linkable)

    def _file(self, fd: int, op: str, *, path: bool = False) -> OpenFile:
        """Find an open file; one that is only a place (``O_PATH``) if *path*."""
        file = self._files.get(fd)
        if file is None or (file.flags & flags.O_PATH and not path):
            raise fs_error(errno.EBADF, fd, op=op)
        return file

    def _now(self, file: OpenFile) -> Live:
        """Give what a file stands on now: copied up since, or not."""
        live = file.live
        if not isinstance(live, (UpperFile, UpperDirectory)):
            raised = self._space.raised.get(id(live)) or self._space.index.get(id(live))
            if raised is None and is_linked(live):
                place = file.place
                name = (self._directory_now(place.directory), place.name)
                raised = self._space.raised_names.get(name)
            if raised is not None:
                file.live = live = raised
        return live

    def _directory_now(self, directory: LiveDirectory) -> LiveDirectory:
        """Give what a directory is now, likewise (found-148)."""
        if isinstance(directory, UpperDirectory):
            return directory
        return self._space.raised.get(id(directory), directory)  # type: ignore[return-value]

    def _where(self, file: OpenFile) -> Parts | None:
        """
        Give the path of an open file now, whatever was renamed on its way.

        ``None`` if a directory on the way was removed.
        """
        place = file.place
        names = [place.name] if place.name else []
        for name, directory in reversed(place.trail):
            raised = self._directory_now(directory)
            if isinstance(raised, UpperDirectory):
                if raised.parent is None and raised is not self._space.root:
                    return None
                return (*raised.parts, *reversed(names))
            names.append(name)
        return tuple(reversed(names))

    def _at(self, parts: Parts | None) -> Live | None:
        if parts is None:
            return None
        live: Live | None = self._space.root
        for name in parts:
            if not isinstance(live, LIVE_DIRECTORY_TYPES):
                return None
            live = self._space.child(live, name)
        return None if isinstance(live, Broken) else live

    def _parent_of(self, parts: Parts | None) -> Live | None:
        return self._at(parts[:-1]) if parts else None

    def _others(self, file: OpenFile, *, writing: bool) -> bool:
        """Tell whether a fifo is open for writing, or for reading."""
        pipe = self._pipe(file)
        return any(
            self._pipe(other) == pipe
            and (other.writable if writing else other.readable)
            for other in self._files.values()
        )

    def _pipe(self, file: OpenFile) -> object:
        """
        Give what tells fifos apart; it stays over copy-up.

        Lower hard links are inodes of their own, one a name (overlayfs.md, 4.4);
        without an upper they stay one (found-095).
        """
        live = self._now(file)
        if is_linked(live) and not self._space.read_only:
            return id(live), self._where(file)
        origin = live.origin if isinstance(live, UpperFile) else None
        return id(origin or live)

    def _write(self, file: OpenFile, data: bytes, offset: int) -> int:
        if not file.writable:
            raise fs_error(errno.EBADF, file.path, op="write")
        if offset < 0:
            raise fs_error(errno.EINVAL, file.path, op="write")
        live = self._now(file)
        content = body(live)
        if content is None:
            if live.kind is Kind.FIFO:
                self._pipes.setdefault(self._pipe(file), bytearray()).extend(data)
        elif data:
            self._replace(file, "write", content.splice(offset, bytes(data)))
        return len(data)

    def _replace(self, file: OpenFile, op: str, content: Content) -> None:
        live = file.live
        assert isinstance(live, UpperFile), "only the upper is written to"
        self._commit(plan.set_content(self._call(), op, file.path, live, content))


@final
class _Body:
    """What a `fileio.RawFile` reads and writes."""

    def __init__(self, fs: UnionOpener, file: OpenFile) -> None:
        self._fs = fs
        self._file = file
        self.path = file.path

    def content(self) -> Content:
        """Give the content as it is now."""
        content = body(self._fs._now(self._file))  # noqa: SLF001 - one unit
        assert content is not None
        return content

    def replace(self, op: str, content: Content) -> None:
        """Make this the content."""
        self._fs._replace(self._file, op, content)
