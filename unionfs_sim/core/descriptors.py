"""
The descriptor level: files that are open, whatever becomes of their names.

A descriptor stands on an inode.  One that was opened for reading on a lower file follows
it when it is copied up (S31); one whose name is gone goes on as it was (S32).
"""

from __future__ import annotations

import errno
from typing import IO, Any, final

import attrs

from unionfs_sim.core import fileio, flags, permissions, plan, status, walk
from unionfs_sim.core.changing import UnionChanger
from unionfs_sim.core.content import BLOCK_BYTES, Content, hole
from unionfs_sim.core.nodes import Device, Directory, Fifo, Kind, Regular, Socket
from unionfs_sim.core.paths import Name, Parts, StrPath, fspath, join
from unionfs_sim.core.records import Broken, MergedDirectory
from unionfs_sim.core.upper import (
    LIVE_DIRECTORY_TYPES,
    Live,
    LiveDirectory,
    UpperDirectory,
    UpperFile,
    UpperInode,
    link_count,
)
from unionfs_sim.errors import fs_error


@final
@attrs.define(eq=False)
class OpenFile:
    """
    An open file description, shared by all descriptors that were duplicated.

    Attributes:
        path: The path it was opened by.
        trail: The directories that led to it, each with its own name.
        name: Its name in the last of them; empty for the root and the like.
        live: What it was opened on.
        flags: The flags it was opened with.
        offset: The position.
        linkable: Whether a file without a name may be given one.
    """

    path: str
    trail: list[tuple[Name, LiveDirectory]]
    name: Name
    live: Live
    flags: int
    offset: int = 0
    linkable: bool = False

    @property
    def readable(self) -> bool:
        """Whether it can be read."""
        mode = self.flags & flags.O_ACCMODE
        return mode != flags.O_WRONLY and not self.flags & flags.O_PATH

    @property
    def writable(self) -> bool:
        """Whether it can be written."""
        mode = self.flags & flags.O_ACCMODE
        return mode != flags.O_RDONLY and not self.flags & flags.O_PATH


class UnionDescriptors(UnionChanger):
    """The verbs of `UnionFS` on descriptors, and ``open``."""

    _files: dict[int, OpenFile]
    _pipes: dict[object, bytearray]

    # --- opening ----------------------------------------------------------------

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
        how = flags.O_WRONLY | flags.O_CREAT | flags.O_TRUNC
        return self._write(self._open(fspath(path), how, 0o666), data, 0)

    def _open(self, path: str, how: int, mode: int) -> OpenFile:
        if how & flags.O_PATH:
            how &= flags.O_PATH | flags.O_DIRECTORY | flags.O_NOFOLLOW
        creates = bool(how & flags.O_CREAT)
        if how & flags.O_TMPFILE == flags.O_TMPFILE:
            return self._open_nameless(path, how, mode)
        if creates and how & flags.O_DIRECTORY:
            raise fs_error(errno.EINVAL, path, op="open")
        if creates and path.endswith("/"):
            self._parent(path, op="open", arrive=False)
            raise fs_error(errno.EISDIR, path, op="open")
        exclusive = creates and how & flags.O_EXCL
        follow = not exclusive and not how & flags.O_NOFOLLOW
        place = self._find(path, op="open", follow=follow)
        live = place.live
        if live is None:
            if not creates:
                raise fs_error(errno.ENOENT, path, op="open")
            live = self._create(place, mode)
            return OpenFile(path, place.trail, place.name, live, how)
        number = errno.EEXIST if exclusive else self._open_error(live, how)
        file = OpenFile(path, place.trail, place.name, live, how)
        if number == errno.ENXIO and self._others(file, writing=False):
            number = 0  # a fifo that has a reader
        if number:
            raise fs_error(number, path, op="open")
        if live.kind is Kind.REGULAR and _changes(how):
            truncate = bool(how & flags.O_TRUNC)
            made = plan.open_file(self._call(), place, truncate=truncate)
            self._commit(made)
            assert made.inode is not None
            file.live = made.inode
        return file

    def _create(self, place: walk.Place, mode: int) -> UpperInode:
        call = self._call()
        node = Regular(meta=plan.new_meta(call, place, mode & 0o7777))
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
        if directory and _changes(how):
            return errno.EISDIR
        if self._space.read_only and kind is Kind.REGULAR and _changes(how):
            return errno.EROFS
        if not permissions.allows(
            live.meta, self._caller, _wanted(how), directory=directory
        ):
            return errno.EACCES
        return _special_error(live, how)

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
        return OpenFile(path, place.trail, place.name, inode, how, linkable=linkable)

    # --- descriptors ------------------------------------------------------------

    def _file(self, fd: int, op: str) -> OpenFile:
        file = self._files.get(fd)
        if file is None:
            raise fs_error(errno.EBADF, fd, op=op)
        return file

    def _now(self, file: OpenFile) -> Live:
        """Give what a file stands on now: copied up since, or not."""
        live = file.live
        if not isinstance(live, (UpperFile, UpperDirectory)):
            raised = self._space.raised.get(id(live)) or self._space.index.get(id(live))
            if raised is None and _is_linked(live):
                raised = self._space.raised_names.get(self._where(file) or ())
            if raised is not None:
                file.live = live = raised
        return live

    def _where(self, file: OpenFile) -> Parts | None:
        """
        Give the path of an open file now, whatever was renamed on its way.

        ``None`` if a directory on the way was removed.
        """
        names = [file.name] if file.name else []
        for name, directory in reversed(file.trail):
            raised = directory
            if not isinstance(directory, UpperDirectory):
                raised = self._space.raised.get(id(directory), directory)  # type: ignore[assignment]
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

    def close(self, fd: int) -> None:
        """
        Close a descriptor.

        Raises:
            UnionFSError: EBADF.
        """
        self._file(fd, "close")
        del self._files[fd]

    def dup(self, fd: int) -> int:
        """
        Give a second descriptor of the same open file: they share the position.

        Raises:
            UnionFSError: EBADF.
        """
        file = self._file(fd, "dup")
        twin = 3
        while twin in self._files:
            twin += 1
        self._files[twin] = file
        return twin

    def fstat(self, fd: int) -> status.stat_result:
        """
        Give the status of an open file.

        Raises:
            UnionFSError: EBADF.
        """
        file = self._file(fd, "fstat")
        live = self._now(file)
        return self._status(live) or status.make(
            live, self._space.number(live), self._dev
        )

    def listdir(self, path: StrPath | int = "/") -> list[str]:
        """
        List the names in a merged directory, in order; a descriptor is taken as well.

        Takes O(n log n) for n names, whatever the number of layers.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, EBADF.
        """
        if not isinstance(path, int):
            return super().listdir(path)
        file = self._file(path, "listdir")
        live = self._now(file)
        if not isinstance(live, LIVE_DIRECTORY_TYPES):
            raise fs_error(errno.ENOTDIR, file.path, op="listdir")
        if self._removed(file, live):
            return []
        return self._names(file.path, live, op="listdir")

    def _removed(self, file: OpenFile, directory: LiveDirectory) -> bool:
        if isinstance(directory, UpperDirectory):
            return directory.parent is None and directory is not self._space.root
        return self._at(self._where(file)) is not directory

    def read(self, fd: int, size: int) -> bytes:
        """
        Read up to *size* bytes from the position on; none at the end.

        Raises:
            UnionFSError: EBADF, it is not open for reading; EISDIR; EINVAL.
        """
        file = self._file(fd, "read")
        data = self._read(file, size, file.offset)
        file.offset += len(data)
        return data

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """
        Read up to *size* bytes from *offset* on, the position unchanged.

        Raises:
            UnionFSError: EBADF, EISDIR, EINVAL; ESPIPE, it is a fifo.
        """
        file = self._file(fd, "read")
        _refuse_pipe(file, "read")
        return self._read(file, size, offset)

    def _read(self, file: OpenFile, size: int, offset: int) -> bytes:
        if not file.readable:
            raise fs_error(errno.EBADF, file.path, op="read")
        if size < 0 or offset < 0:
            raise fs_error(errno.EINVAL, file.path, op="read")
        live = self._now(file)
        if live.kind is Kind.DIRECTORY:
            raise fs_error(errno.EISDIR, file.path, op="read")
        if live.kind is Kind.FIFO:
            return self._read_pipe(file, size)
        content = body(live)
        return content.read(offset, size) if content is not None else b""

    def _read_pipe(self, file: OpenFile, size: int) -> bytes:
        """Take what was written to a fifo; it is empty or would block without."""
        buffer = self._pipes.get(self._pipe(file), bytearray())
        if not buffer and self._others(file, writing=True):
            raise fs_error(errno.EAGAIN, file.path, op="read")
        data = bytes(buffer[:size])
        del buffer[:size]
        return data

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

        Lower hard links are inodes of their own, one a name (overlayfs.md, 4.4).
        """
        live = self._now(file)
        if _is_linked(live):
            return id(live), self._where(file)
        origin = live.origin if isinstance(live, UpperFile) else None
        return id(origin or live)

    def write(self, fd: int, data: bytes) -> int:
        """
        Write at the position, or at the end with ``O_APPEND``; gives the count.

        Raises:
            UnionFSError: EBADF, it is not open for writing.
        """
        file = self._file(fd, "write")
        if file.flags & flags.O_APPEND:
            content = body(self._now(file))
            file.offset = content.size if content is not None else 0
        count = self._write(file, data, file.offset)
        file.offset += count
        return count

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """
        Write at *offset*, the position unchanged; with ``O_APPEND`` at the end.

        Raises:
            UnionFSError: EBADF, EINVAL; ESPIPE, it is a fifo.
        """
        file = self._file(fd, "write")
        _refuse_pipe(file, "write")
        if file.flags & flags.O_APPEND and offset >= 0:
            content = body(self._now(file))
            offset = content.size if content is not None else 0
        return self._write(file, data, offset)

    def _write(self, file: OpenFile, data: bytes, offset: int) -> int:
        if not file.writable:
            raise fs_error(errno.EBADF, file.path, op="write")
        if offset < 0:
            raise fs_error(errno.EINVAL, file.path, op="write")
        live = self._now(file)
        if live.kind is Kind.FIFO:
            self._pipes.setdefault(self._pipe(file), bytearray()).extend(data)
        content = body(live)
        if content is not None and data:
            self._replace(file, "write", content.splice(offset, bytes(data)))
        return len(data)

    def _replace(self, file: OpenFile, op: str, content: Content) -> None:
        live = file.live
        assert isinstance(live, UpperFile), "only the upper is written to"
        self._commit(plan.set_content(self._call(), op, file.path, live, content))

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """
        Move the position; 3 ``SEEK_DATA`` and 4 ``SEEK_HOLE`` find data and holes.

        Raises:
            UnionFSError: EBADF; EINVAL; ENXIO, no data or hole from there on; ESPIPE,
                it is a fifo.
        """
        file = self._file(fd, "lseek")
        _refuse_pipe(file, "lseek")
        if file.live.kind is Kind.CHAR:
            return 0  # so says /dev/null to every question
        content = body(self._now(file)) or hole(0)
        match whence:
            case flags.SEEK_SET:
                target = offset
            case flags.SEEK_CUR:
                target = file.offset + offset
            case flags.SEEK_END:
                target = content.size + offset
            case flags.SEEK_DATA | flags.SEEK_HOLE:
                if not 0 <= offset < content.size:
                    raise fs_error(errno.ENXIO, file.path, op="lseek")
                target = content.next_part(offset, data=whence == flags.SEEK_DATA)
                if target < 0:
                    raise fs_error(errno.ENXIO, file.path, op="lseek")
            case _:
                target = -1
        if target < 0:
            raise fs_error(errno.EINVAL, file.path, op="lseek")
        file.offset = target
        return target

    def ftruncate(self, fd: int, length: int) -> None:
        """
        Cut or prolong an open file.

        Raises:
            UnionFSError: EBADF; EINVAL, it is not open for writing or no regular
                file, or *length* is negative.
        """
        file = self._file(fd, "ftruncate")
        if file.flags & flags.O_PATH:
            raise fs_error(errno.EBADF, file.path, op="ftruncate")
        content = body(self._now(file))
        if not file.writable or content is None or length < 0:
            raise fs_error(errno.EINVAL, file.path, op="ftruncate")
        self._replace(file, "ftruncate", content.resize(length))

    def fsync(self, fd: int) -> None:
        """
        Do nothing: everything is as safe as it gets.

        Raises:
            UnionFSError: EBADF; EINVAL, it is a device or a fifo.
        """
        file = self._file(fd, "fsync")
        if file.flags & flags.O_PATH:
            raise fs_error(errno.EBADF, fd, op="fsync")
        if file.live.kind not in {Kind.REGULAR, Kind.DIRECTORY}:
            raise fs_error(errno.EINVAL, file.path, op="fsync")

    def fchmod(self, fd: int, mode: int) -> None:
        """
        Change the mode of an open file; a lower one is copied up.

        Raises:
            UnionFSError: EBADF, EPERM, EROFS; EEXIST, it is a lower file whose name
                is gone (S33).
        """
        change = permissions.chmod(self._caller, mode & 0o7777)
        self._change_open("fchmod", fd, change)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """
        Change the owner of an open file; a lower one is copied up.

        Raises:
            UnionFSError: EBADF, EPERM, EROFS, EEXIST, as `fchmod`.
        """
        file = self._file(fd, "fchown")
        directory = file.live.kind is Kind.DIRECTORY
        change = permissions.chown(self._caller, uid, gid, directory=directory)
        self._change_open("fchown", fd, change)

    def _change_open(self, op: str, fd: int, change: permissions.Change) -> None:
        file = self._file(fd, op)
        if file.flags & flags.O_PATH:
            raise fs_error(errno.EBADF, file.path, op=op)
        live = self._now(file)
        if self._space.read_only:
            raise fs_error(errno.EROFS, file.path, op=op)
        if isinstance(live, (UpperFile, UpperDirectory)) and not self._is_alias(file):
            change.check(live.meta, file.path, op)
            self._commit(
                plan.set_open_meta(self._call(), op, file.path, live, change.apply)
            )
            return
        change.check(live.meta, file.path, op)
        if self._at(self._where(file)) is not live:
            self._fail_orphan(file, op)
        path = join(self._where(file) or ())
        place = walk.find(self._space, path, follow=False, op=op)
        self._change(op, place, change)

    def _is_alias(self, file: OpenFile) -> bool:
        """Tell whether a file was opened by a lower name that the upper lacks."""
        if not self._space.index or not isinstance(file.live, UpperFile):
            return False
        parts = self._where(file)
        parent = self._parent_of(parts)
        if isinstance(parent, UpperDirectory) and file.name in parent.entries:
            return False
        return self._at(parts) is file.live

    def _fail_orphan(self, file: OpenFile, op: str) -> None:
        """Fail on a lower file whose name is gone; its parent is marked (S33)."""
        parent = self._parent_of(self._where(file))
        if isinstance(parent, UpperDirectory):
            self._commit(plan.mark_impure(self._call(), op, file.path, parent))
        number = errno.EEXIST
        if not isinstance(parent, LIVE_DIRECTORY_TYPES):
            number = errno.ENOENT
        elif file.live.kind is Kind.DIRECTORY:
            number = errno.ENOTDIR
        raise fs_error(number, file.path, op=op)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """
        Reserve, punch, zero, collapse or insert a range, by Linux's mode bits.

        Raises:
            UnionFSError: EBADF, EINVAL, EOPNOTSUPP, ESPIPE, ENODEV.
        """
        file = self._file(fd, "fallocate")
        live = self._now(file)
        content = body(live)
        number = _range_error(mode, offset, length)
        if number == 0 and not file.writable:
            number = errno.EBADF
        if number == 0 and content is None:
            number = errno.ESPIPE if live.kind is Kind.FIFO else errno.ENODEV
        if number:
            raise fs_error(number, file.path, op="fallocate")
        assert content is not None
        number, changed = _allocated(content, mode, offset, length)
        if number:
            raise fs_error(number, file.path, op="fallocate")
        self._replace(file, "fallocate", changed)

    def link(self, src: StrPath | int, dst: StrPath) -> None:
        """
        Give a file one more name; a lower file is copied up for it.

        A descriptor as *src* gives an open file a name, one without any too, unless
        it was opened with ``O_EXCL``.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS, EACCES, EBADF; EPERM, it is
                a directory.
        """
        if not isinstance(src, int):
            super().link(src, dst)
            return
        file = self._file(src, "link")
        live = self._now(file)
        place = self._parent(dst, op="link")
        named = self._at(self._where(file)) is live
        if (
            isinstance(live, UpperFile)
            and not named
            and (link_count(live) or file.linkable)
        ):
            source = walk.Place(file.path, file.trail, file.name, live, False, "", 0)  # noqa: FBT003 - as it was opened
            self._commit(plan.link_open(self._call(), source, live, place))
            file.linkable = False
            return
        if live.kind is Kind.DIRECTORY or not named:
            number = errno.EPERM if live.kind is Kind.DIRECTORY else errno.ENOENT
            if place.live is not None:
                number = errno.EEXIST
            elif place.slash:
                number = errno.ENOENT
            elif self._space.read_only:
                number = errno.EROFS
            raise fs_error(number, file.path, op="link", path2=fspath(dst))
        path = join(self._where(file) or ())
        source = walk.find(self._space, path, follow=False, op="link")
        self._commit(plan.link(self._call(), source, place))


def _is_linked(live: Live) -> bool:
    """Tell whether it is one of several lower hard links."""
    if isinstance(live, (UpperFile, UpperDirectory, Directory, MergedDirectory)):
        return False
    return not isinstance(live, Broken) and live.nlink > 1


def _changes(how: int) -> bool:
    """Tell whether opening with these flags writes."""
    return bool(how & flags.O_TRUNC) or how & flags.O_ACCMODE != flags.O_RDONLY


def _wanted(how: int) -> int:
    mode = how & flags.O_ACCMODE
    wanted = permissions.READ if mode != flags.O_WRONLY else 0
    return wanted | (permissions.WRITE if _changes(how) else 0)


def _special_error(live: Live, how: int) -> int:
    node = live.node if isinstance(live, UpperFile) else live
    if isinstance(node, Socket):
        return errno.ENXIO
    if isinstance(node, Fifo):
        # Nobody is at the other end (appendix A, O_NONBLOCK).
        return errno.ENXIO if how & flags.O_ACCMODE == flags.O_WRONLY else 0
    if isinstance(node, Device):
        null = (node.block, node.major, node.minor) in _NULL_DEVICES
        return 0 if null else errno.ENXIO
    return 0


#: ``/dev/null`` and ``/dev/zero``: the devices that need no driver to be opened.
_NULL_DEVICES = {(False, 1, 3), (False, 1, 5)}


def _refuse_pipe(file: OpenFile, op: str) -> None:
    if file.live.kind is Kind.FIFO:
        raise fs_error(errno.ESPIPE, file.path, op=op)


def body(live: Live) -> Content | None:
    """Give the content of what is live, if it is a regular file."""
    node = live.node if isinstance(live, UpperFile) else live
    return node.content if isinstance(node, Regular) else None


def _range_error(mode: int, offset: int, length: int) -> int:
    """Give what is wrong with a ``fallocate`` before the file is looked at, or 0."""
    keep = mode & flags.FALLOC_FL_KEEP_SIZE
    kind = mode & ~flags.FALLOC_FL_KEEP_SIZE
    if offset < 0 or length <= 0:
        return errno.EINVAL
    if kind in {0, flags.FALLOC_FL_ZERO_RANGE}:
        return 0
    if kind == flags.FALLOC_FL_PUNCH_HOLE:
        return 0 if keep else errno.EOPNOTSUPP
    if kind in {flags.FALLOC_FL_COLLAPSE_RANGE, flags.FALLOC_FL_INSERT_RANGE}:
        return errno.EOPNOTSUPP if keep else 0
    return errno.EOPNOTSUPP


def _allocated(
    content: Content, mode: int, offset: int, length: int
) -> tuple[int, Content]:
    """Give the content that a ``fallocate`` leaves, or its errno."""
    keep = mode & flags.FALLOC_FL_KEEP_SIZE
    kind = mode & ~flags.FALLOC_FL_KEEP_SIZE
    end = offset + length
    if kind in {0, flags.FALLOC_FL_ZERO_RANGE}:
        grown = content if keep else content.resize(max(content.size, end))
        return 0, grown.punch(offset, length) if kind else grown
    if kind == flags.FALLOC_FL_PUNCH_HOLE:
        return 0, content.punch(offset, length)
    if offset % BLOCK_BYTES or length % BLOCK_BYTES:
        return errno.EINVAL, content
    if kind == flags.FALLOC_FL_COLLAPSE_RANGE:
        if end >= content.size:
            return errno.EINVAL, content
        return 0, content.cut(offset, length)
    if offset >= content.size:
        return errno.EINVAL, content
    return 0, content.insert(offset, hole(length))


@final
class _Body:
    """What a `fileio.RawFile` reads and writes."""

    def __init__(self, fs: UnionDescriptors, file: OpenFile) -> None:
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
