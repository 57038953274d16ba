"""
`UnionFS`: a writable upper on a stack of layers, behind the verbs of `os`.

Every verb that changes something is the same few lines: walk to a place, plan, commit,
tell the observer.  What is decided is decided in `plan`, what is done is done in
`commit`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from typing import IO, Any, Final, TypeAlias, final

import attrs

from unionfs_sim.core import commit, fileio, plan, walk
from unionfs_sim.core.clock import Clock, TickClock
from unionfs_sim.core.content import Content
from unionfs_sim.core.diff import Change, changes
from unionfs_sim.core.layer import Layer, LayerView
from unionfs_sim.core.meta import MODE_BITS, ROOT, SYMLINK_META, Credentials, Meta
from unionfs_sim.core.nodes import Device, Fifo, Kind, Leaf, Regular, Socket, Symlink
from unionfs_sim.core.paths import StrPath, fspath, split
from unionfs_sim.core.reading import UnionReader
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.upper import LIVE_DIRECTORY_TYPES, UpperFile, fork, freeze, thaw
from unionfs_sim.errors import fs_error

_XATTR_CREATE: Final = 1
_XATTR_REPLACE: Final = 2

#: Called with each plan after it was committed.
Observer: TypeAlias = Callable[[plan.Plan], None]


@final
class UnionFS(UnionReader):
    """
    A union file system: immutable layers under one copy-on-write upper.

    Args:
        layers: The layers, top first, or a `Stack` of them; none at all makes a plain
            file system in memory.
        upper: A layer that the upper starts as; the layer itself never changes.
        read_only: Whether there is no upper, so that every change is EROFS.
        clock: Where times come from; by default the same in every run.
        credentials: Whose files new ones are, and the umask; root by default.
        observer: Called with each plan once it is done.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": "lo"}, label="base")
    >>> web = Layer.build({"etc/motd": WHITEOUT}, label="web")
    >>> fs = UnionFS([web, base])
    >>> fs.listdir("/etc")
    ['hosts']
    >>> fs.write_text("/etc/motd", "back")
    4
    >>> [str(change) for change in fs.changes()]
    ['C /etc', 'A /etc/motd']
    """

    def __init__(
        self,
        layers: Stack | Iterable[LayerView] = (),
        *,
        upper: Layer | None = None,
        read_only: bool = False,
        clock: Clock | None = None,
        credentials: Credentials = ROOT,
        observer: Observer | None = None,
    ) -> None:
        stack = layers if isinstance(layers, Stack) else Stack(layers)
        super().__init__(stack, read_only=read_only, credentials=credentials)
        self._clock = clock or TickClock()
        self._observer = observer
        self._raised: dict[int, UpperFile] = {}
        self._start(thaw(upper, stack.root))

    # --- changing ---------------------------------------------------------------

    def _commit(self, made: plan.Plan) -> None:
        """Do a plan, forget what it made untrue, and tell the observer."""
        if self._read_only and made.steps:
            raise fs_error(errno.EROFS, made.paths[0], op=made.verb)
        edits = commit.apply(made)
        self._cache.forget_edits(edits)
        for edit in edits:
            after = edit.after
            if edit.raised and isinstance(after, UpperFile) and after.origin:
                self._raised[id(after.origin)] = after
        if self._observer is not None:
            self._observer(made)

    def _refuse_read_only(self, op: str, *paths: StrPath) -> None:
        """Give EROFS first, also for what is missing (overlayfs.md, 9.3)."""
        if self._read_only:
            first, *rest = map(fspath, paths)
            raise fs_error(errno.EROFS, first, op=op, path2=rest[0] if rest else None)

    def _parent(self, path: StrPath, *, op: str) -> walk.Place:
        return walk.find_parent(self._root, fspath(path), op=op)

    def _new_meta(self, place: walk.Place, mode: int, now_ns: int) -> Meta:
        """Give the attributes of a new object: the caller's, umask taken off."""
        parent = place.directory.meta
        caller = self._credentials
        inherits = parent.mode & 0o2000
        return Meta(
            mode=mode & MODE_BITS & ~caller.umask,
            uid=caller.uid,
            gid=parent.gid if inherits else caller.gid,
            atime_ns=now_ns,
            mtime_ns=now_ns,
            ctime_ns=now_ns,
        )

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
            UnionFSError: ENOENT, EEXIST, EISDIR, ENOTDIR, ELOOP, EROFS; ENXIO, it is
                a device, fifo or socket.
            ValueError: The mode is not one.
        """
        wanted = fileio.Mode.parse(mode)
        text = fspath(path)
        file = _OpenFile(self, text, self._open(text, wanted))
        return fileio.wrap(
            fileio.RawFile(file, wanted),
            wanted,
            buffering=buffering,
            encoding=encoding,
            errors=errors,
            newline=newline,
        )

    def _open(self, path: str, mode: fileio.Mode) -> UpperFile | Regular:
        if mode.create and path.endswith("/"):
            self._parent(path, op="open")
            raise fs_error(errno.EISDIR, path, op="open")
        place = walk.find(self._root, path, follow=not mode.exclusive, op="open")
        live = place.live
        if live is None:
            if not mode.create:
                raise fs_error(errno.ENOENT, path, op="open")
            return self._create(place)
        if mode.exclusive:
            raise fs_error(errno.EEXIST, path, op="open")
        if isinstance(live, LIVE_DIRECTORY_TYPES):
            raise fs_error(errno.EISDIR, path, op="open")
        node = live.node if isinstance(live, UpperFile) else live
        if not isinstance(node, Regular):
            raise fs_error(errno.ENXIO, path, op="open")
        if not mode.write:
            return live if isinstance(live, UpperFile) else node
        self._refuse_read_only("open", path)
        made = plan.open_existing(place, truncate=mode.truncate, now_ns=self._clock())
        self._commit(made)
        assert isinstance(made.inode, UpperFile)
        return made.inode

    def _create(self, place: walk.Place, mode: int = 0o666) -> UpperFile:
        now_ns = self._clock()
        node = Regular(meta=self._new_meta(place, mode, now_ns))
        made = plan.make_leaf("open", place, node, now_ns)
        self._commit(made)
        assert isinstance(made.inode, UpperFile)
        return made.inode

    def mkdir(self, path: StrPath, mode: int = 0o777) -> None:
        """
        Make a directory; over a whiteout it starts opaque (S14).

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS.
        """
        place = self._parent(path, op="mkdir")
        now_ns = self._clock()
        meta = self._new_meta(place, mode, now_ns)
        if place.directory.meta.mode & 0o2000:
            meta = attrs.evolve(meta, mode=meta.mode | 0o2000)
        self._commit(plan.mkdir(place, meta, now_ns))

    def rmdir(self, path: StrPath) -> None:
        """
        Remove an empty directory; one that lower layers show leaves a whiteout.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ENOTEMPTY, EBUSY, EINVAL, EROFS.
        """
        self._refuse_read_only("rmdir", path)
        self._commit(plan.rmdir(self._parent(path, op="rmdir"), self._clock()))

    def unlink(self, path: StrPath) -> None:
        """
        Remove a name that is not a directory's; a lower one leaves a whiteout (S8).

        Raises:
            UnionFSError: ENOENT, EISDIR, ENOTDIR, EROFS.
        """
        self._refuse_read_only("unlink", path)
        self._commit(plan.unlink(self._parent(path, op="unlink"), self._clock()))

    def rename(self, src: StrPath, dst: StrPath) -> None:
        """
        Move a name, replacing what is at the new one.

        Raises:
            UnionFSError: EXDEV, a directory that lower layers take part in (S10);
                ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL, EBUSY, EROFS.
        """
        self._refuse_read_only("rename", src, dst)
        source = self._parent(src, op="rename")
        place = self._parent(dst, op="rename")
        self._commit(plan.rename(source, place, self._clock()))

    def link(self, src: StrPath, dst: StrPath) -> None:
        """
        Give a file one more name; a lower file is copied up for it.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS; EPERM, it is a directory.
        """
        source = walk.find(self._root, fspath(src), follow=False, op="link")
        place = self._parent(dst, op="link")
        self._commit(plan.link(source, place, self._clock()))

    def symlink(self, src: StrPath, dst: StrPath) -> None:
        """
        Make a symbolic link *dst* with the text *src*.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS; ENAMETOOLONG, the text is
                longer than 4095 bytes.
        """
        target = fspath(src)
        if not target:
            raise fs_error(errno.ENOENT, target, op="symlink", path2=fspath(dst))
        split(target, op="symlink")
        place = self._parent(dst, op="symlink")
        now_ns = self._clock()
        meta = attrs.evolve(self._new_meta(place, 0, now_ns), mode=SYMLINK_META.mode)
        self._make("symlink", place, Symlink(target, meta), now_ns)

    def mknod(self, path: StrPath, mode: int = 0o600, device: int = 0) -> None:
        """
        Make a file, device, fifo or socket, by the type bits of *mode*.

        Raises:
            UnionFSError: EEXIST, ENOENT, ENOTDIR, EROFS; EPERM, it is a character
                device 0:0, which is a whiteout's form (S34), or a directory.
        """
        place = self._parent(path, op="mknod")
        now_ns = self._clock()
        node = _special(mode, device, self._new_meta(place, mode, now_ns))
        if node is None and place.live is None:
            raise fs_error(errno.EPERM, fspath(path), op="mknod")
        self._make("mknod", place, node or Regular(), now_ns)

    def _make(self, op: str, place: walk.Place, node: Leaf, now_ns: int) -> None:
        self._commit(plan.make_leaf(op, place, node, now_ns))

    def _change_meta(
        self, op: str, path: StrPath, change: Callable[[Meta], Meta], *, follow: bool
    ) -> None:
        place = self._find(path, op=op, follow=follow)
        assert place.live is not None
        meta = change(place.live.meta)
        self._commit(plan.set_meta(op, place, meta, self._clock()))

    def chmod(self, path: StrPath, mode: int, *, follow_symlinks: bool = True) -> None:
        """
        Change permission, set-id and sticky bits; copies up in any case (S6).

        Raises:
            UnionFSError: EOPNOTSUPP, it is a link itself; ENOENT, EROFS.
        """
        if not follow_symlinks and self.islink(path):
            raise fs_error(errno.EOPNOTSUPP, fspath(path), op="chmod")
        self._change_meta(
            "chmod",
            path,
            lambda meta: attrs.evolve(meta, mode=mode & MODE_BITS),
            follow=follow_symlinks,
        )

    def chown(
        self, path: StrPath, uid: int, gid: int, *, follow_symlinks: bool = True
    ) -> None:
        """
        Change owner and group; -1 leaves one as it is.

        A regular file loses its set-id bits, also for root (overlayfs.md, 10).

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, EROFS.
        """

        def change(meta: Meta) -> Meta:
            return attrs.evolve(
                meta,
                uid=meta.uid if uid == -1 else uid,
                gid=meta.gid if gid == -1 else gid,
                mode=_without_set_id(meta.mode) if regular else meta.mode,
            )

        live = self._live(path, op="chown", follow=follow_symlinks)
        regular = live.kind is Kind.REGULAR
        self._change_meta("chown", path, change, follow=follow_symlinks)

    def utime(
        self,
        path: StrPath,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int, int] | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """
        Set the times of last access and change, in seconds or nanoseconds.

        Raises:
            UnionFSError: ENOENT, ENOTDIR, ELOOP, EROFS.
            ValueError: Both *times* and *ns* are given.
        """
        if times is not None and ns is not None:
            msg = "utime: you may specify either 'times' or 'ns' but not both"
            raise ValueError(msg)
        if times is not None:
            ns = (_to_ns(times[0]), _to_ns(times[1]))
        if ns is None:
            ns = (self._clock(),) * 2
        atime_ns, mtime_ns = ns
        self._change_meta(
            "utime",
            path,
            lambda meta: attrs.evolve(meta, atime_ns=atime_ns, mtime_ns=mtime_ns),
            follow=follow_symlinks,
        )

    def setxattr(
        self,
        path: StrPath,
        name: str,
        value: bytes,
        flags: int = 0,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """
        Set an extended attribute; *flags* 1 creates only, 2 replaces only.

        Raises:
            UnionFSError: EEXIST, ENODATA, by the flags; ENOENT, ENOTDIR, EROFS.
        """
        present = self._live(path, op="setxattr", follow=follow_symlinks).meta.xattrs
        if flags & _XATTR_CREATE and name in present:
            raise fs_error(errno.EEXIST, fspath(path), op="setxattr")
        if flags & _XATTR_REPLACE and name not in present:
            raise fs_error(errno.ENODATA, fspath(path), op="setxattr")
        xattrs = {**present, name: bytes(value)}
        self._change_meta(
            "setxattr",
            path,
            lambda meta: attrs.evolve(meta, xattrs=xattrs),
            follow=follow_symlinks,
        )

    def removexattr(
        self, path: StrPath, name: str, *, follow_symlinks: bool = True
    ) -> None:
        """
        Remove an extended attribute; a missing one copies nothing up (S7).

        Raises:
            UnionFSError: ENODATA, there is none; ENOENT, ENOTDIR, EROFS.
        """
        present = self._live(path, op="removexattr", follow=follow_symlinks).meta
        if name not in present.xattrs:
            raise fs_error(errno.ENODATA, fspath(path), op="removexattr")
        xattrs = {key: item for key, item in present.xattrs.items() if key != name}
        self._change_meta(
            "removexattr",
            path,
            lambda meta: attrs.evolve(meta, xattrs=xattrs),
            follow=follow_symlinks,
        )

    def truncate(self, path: StrPath, length: int) -> None:
        """
        Cut or prolong a file; what is added reads as zeros and takes no memory.

        Raises:
            UnionFSError: EINVAL, *length* is negative or it is no regular file;
                EISDIR, ENOENT, ENOTDIR, EROFS.
        """
        text = fspath(path)
        if length < 0:
            raise fs_error(errno.EINVAL, text, op="truncate")
        live = self._live(text, op="truncate")
        if isinstance(live, LIVE_DIRECTORY_TYPES):
            raise fs_error(errno.EISDIR, text, op="truncate")
        if live.kind is not Kind.REGULAR:
            raise fs_error(errno.EINVAL, text, op="truncate")
        with self.open(text, "r+b", buffering=0) as file:
            file.truncate(length)

    # --- layers -----------------------------------------------------------------

    def changes(self) -> list[Change]:
        """
        List what the upper changed against the layers, as ``docker diff`` does.

        Takes O(n log n) for the n entries of the upper.
        """
        return changes(self._root, self._stack.root)

    def commit(self, label: str = "") -> Layer:
        """
        Freeze the upper into a layer; the union goes on unchanged.

        Takes O(entries of the upper); content is shared.

        >>> fs = UnionFS()
        >>> fs.write_text("/motd", "hello")
        5
        >>> fs.commit(label="patch")
        <Layer 'patch': 1 entries>
        """
        return freeze(self._root, label)

    def fork(self) -> UnionFS:
        """
        Give a second union that starts as this one is; both go their own way.

        Takes O(entries of the upper); layers and content are shared.
        """
        twin = UnionFS(
            self._stack,
            read_only=self._read_only,
            clock=self._clock,
            credentials=self._credentials,
            observer=self._observer,
        )
        twin._start(fork(self._root))
        twin._numbers = self._numbers
        return twin

    def __repr__(self) -> str:
        """Show the layers."""
        return f"<UnionFS {[layer.label for layer in self._stack.layers]!r}>"

    def _repr_html_(self) -> str:
        """Draw the upper for a notebook."""
        return self.commit("upper")._repr_html_()


def _without_set_id(mode: int) -> int:
    """Drop set-user-id, and set-group-id where the group may execute."""
    return mode & ~(0o6000 if mode & 0o010 else 0o4000)


def _to_ns(seconds: float) -> int:
    whole, fraction = divmod(seconds, 1)
    return int(whole) * 1_000_000_000 + int(fraction * 1_000_000_000)


def _special(mode: int, device: int, meta: Meta) -> Leaf | None:
    """Make the node that ``mknod`` asks for, or ``None`` if it cannot be."""
    bits = mode & ~MODE_BITS
    major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
    minor = device & 0xFF | (device >> 12) & 0xFFFFFF00
    if bits in {0, Kind.REGULAR.type_bits}:
        return Regular(meta=meta)
    if bits == Kind.FIFO.type_bits:
        return Fifo(meta)
    if bits == Kind.SOCKET.type_bits:
        return Socket(meta)
    if bits == Kind.BLOCK.type_bits:
        return Device(major, minor, block=True, meta=meta)
    if bits == Kind.CHAR.type_bits and device:
        return Device(major, minor, meta=meta)
    return None


@final
class _OpenFile:
    """A file of a union that is open, whatever becomes of its name."""

    def __init__(self, fs: UnionFS, path: str, inode: UpperFile | Regular) -> None:
        self._fs = fs
        self._inode = inode
        self.path = path

    def content(self) -> Content:
        """Give the content as it is now: the upper's, once there was a copy-up."""
        inode = self._inode
        if isinstance(inode, Regular):
            raised = self._fs._raised.get(id(inode))  # noqa: SLF001 - one unit
            if raised is None:
                return inode.content
            self._inode = inode = raised
        assert isinstance(inode.node, Regular)
        return inode.node.content

    def replace(self, op: str, content: Content) -> None:
        """Make this the content."""
        inode = self._inode
        assert isinstance(inode, UpperFile), "only the upper is written to"
        now_ns = self._fs._clock()  # noqa: SLF001 - one unit
        self._fs._commit(  # noqa: SLF001 - likewise
            plan.set_content(op, self.path, inode, content, now_ns)
        )
