"""
`MountTable`: several file systems as one, as a container's processes see it.

A mount is not a layer: it hides what is under it, and nothing merges.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from typing import final

from unionfs_sim.containers import mountwalk
from unionfs_sim.containers.attached import (
    PROPAGATION,
    TREE_LOCK,
    Mount,
    MountSource,
    backing_of,
    relative,
)
from unionfs_sim.containers.explaining import Explanation, explain
from unionfs_sim.containers.removed import RemovedDirectory, RemovedFile
from unionfs_sim.containers.tabledescriptors import TableDescriptors
from unionfs_sim.containers.tablereading import TableState
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.meta import ROOT, Credentials
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.errors import fs_error

__all__ = ["Mount", "MountSource", "MountTable", "mount_order"]


def mount_order(destination: str) -> int:
    """
    Give what mounts are sorted by before they are made: parents come first (4.4).

    >>> sorted(["/z/y", "/a/b/c", "/a", "/a/b"], key=mount_order)
    ['/a', '/z/y', '/a/b', '/a/b/c']
    """
    return len([name for name in destination.split("/") if name])


@final
class MountTable(TableDescriptors):
    """
    A file system made of others: one at ``/``, the rest mounted in it.

    Paths are walked, not matched: the table is asked at each directory, so that a
    link may point across a mount and ``..`` lead out of one.  Each verb holds the
    table's lock, and the lock of the file system that answers.

    Args:
        root: What is at ``/``.
        subpath: The path in it that is.
        read_only: Whether nothing can be written there.
        source: Where it comes from.

    >>> from unionfs_sim import UnionFS
    >>> volume, table = UnionFS(), MountTable(UnionFS())
    >>> table.mkdir("/data")
    >>> _ = table.mount("/data", volume)
    >>> table.write_text("/data/x", "kept")
    4
    >>> volume.read_text("/x")
    'kept'
    """

    def __init__(
        self,
        root: FileSystem,
        *,
        subpath: str = "/",
        read_only: bool = False,
        source: MountSource | None = None,
    ) -> None:
        source = source or MountSource(type="overlay")
        made = self._made(root, subpath, source, PROPAGATION, read_only=read_only)
        made.device = 0
        self._begin(TableState(made), ROOT)

    def as_user(
        self,
        uid: int,
        gid: int,
        groups: Iterable[int] = (),
        umask: int = 0o022,
        *,
        searches: bool = False,
    ) -> MountTable:
        """
        Give the same table as another user sees and may change it.

        >>> from unionfs_sim import UnionFS
        >>> table = MountTable(UnionFS())
        >>> table.mkdir("/private", 0o700)
        >>> table.as_user(1000, 1000).exists("/private/x")
        False
        """
        view = object.__new__(MountTable)
        caller = Credentials(
            uid=uid,
            gid=gid,
            groups=frozenset(groups),
            umask=umask,
            searches=searches,
        )
        view._begin(self._state, caller)
        return view

    # --- mounting -----------------------------------------------------------------

    def mount(
        self,
        path: StrPath,
        fs: FileSystem,
        *,
        subpath: str = "/",
        read_only: bool = False,
        source: MountSource | str | None = None,
        propagation: str = PROPAGATION,
        recursive: bool = True,
    ) -> Mount:
        """
        Show a file system, or a directory or file in it, at a path.

        What is mounted below *subpath*, if *fs* is a table itself, comes along.

        Args:
            path: The mount point; it must be there.
            fs: The file system.
            subpath: The path in it to be shown; links are followed.
            read_only: Whether nothing can be written through the mount.
            source: Where it comes from, for `mounts` and `explain`; a text is a path
                on the host.
            propagation: How later mounts travel.
            recursive: Whether what is mounted below comes along.

        Raises:
            UnionFSError: ENOENT; ENOTDIR, a directory would be mounted on a file, or
                the reverse; EBUSY, it would be the root.
        """
        text = fspath(path)
        if not isinstance(source, MountSource):
            source = MountSource(source=source or "")
        with self._state.lock:
            spot = self._there(text, op="mount")
            if spot.mount.parent is None and spot.path == spot.mount.root:
                raise fs_error(errno.EBUSY, text, op="mount")
            made = self._made(fs, subpath, source, propagation, read_only=read_only)
            if (spot.kind is Kind.DIRECTORY) != (made.kind is Kind.DIRECTORY):
                raise fs_error(errno.ENOTDIR, text, op="mount")
            if isinstance(spot.mount.fs, (RemovedDirectory, RemovedFile)):
                raise fs_error(errno.ENOENT, text, op="mount")
            made.destination = text
            below = []
            if recursive and isinstance(fs, MountTable):
                below = self._copies_below(fs, subpath, made)
            self._attach(made, spot.mount, spot.path)
            for twin, parent, at in below:
                self._attach(twin, parent, at)
            self._spread(made)
        return made

    def _made(
        self,
        fs: FileSystem,
        subpath: str,
        source: MountSource,
        propagation: str,
        *,
        read_only: bool,
    ) -> Mount:
        """Make a mount of what a path in a file system leads to, attached nowhere."""
        if isinstance(fs, MountTable):
            with fs.state.lock:
                spot = fs.state_spot(subpath)
                base, inner, kind = spot.mount, spot.path, spot.kind
            fs, read_only = base.fs, read_only or base.read_only
        else:
            base, inner, kind = None, *_resolved(fs, subpath)
        if kind is None:
            raise fs_error(errno.ENOENT, subpath, op="mount")
        backing = base.backing if base is not None else backing_of(fs)
        made = Mount(
            fs=fs,
            root=inner,
            kind=kind,
            destination="/",
            source=source,
            read_only=read_only,
            propagation=propagation,
            parent=None,
            at="/",
            implied=False,
            device=0,
            backing=backing,
            table=self,
        )
        if base is not None:
            if propagation not in {"private", PROPAGATION}:
                base.lead(made)
            if made.shared:
                made.lead(base)
        backing.add(made)
        return made

    @property
    def state(self) -> TableState:
        """What the table shares with its views for other users."""
        return self._state

    def state_spot(self, path: str) -> mountwalk.Spot:
        """Walk to something that must be there, as root: for those who mount it."""
        spot = mountwalk.find(
            self._state.root, path, op="mount", follow=True, caller=ROOT
        )
        if spot.kind is None:
            raise fs_error(errno.ENOENT, path, op="mount")
        return spot

    def _attach(self, made: Mount, parent: Mount, at: str) -> None:
        made.parent, made.at, made.table = parent, at, self
        made.device = self._state.device(made.backing)
        with TREE_LOCK:
            parent.children = {**parent.children, at: made}
            self._state.order = [*self._state.order, made]

    def _copies_below(
        self, table: MountTable, subpath: str, made: Mount
    ) -> list[tuple[Mount, Mount, str]]:
        """Make mounts of what is mounted below a source: each with where it goes."""
        base = table.state_spot(subpath).mount
        found = []
        pending = [(base, made)]
        while pending:
            original, copy = pending.pop()
            for at, child in original.children.items():
                if not _below(at, copy.root):
                    continue
                twin = self.copied(child, copy.propagation, self)
                twin.read_only = twin.read_only or made.read_only
                twin.destination = copy.destination + relative(at, copy.root)
                found.append((twin, copy, at))
                pending.append((child, twin))
        return found

    def copied(self, mount: Mount, propagation: str, table: MountTable) -> Mount:
        """Make a second mount of the same, for another place; attached nowhere."""
        twin = Mount(
            fs=mount.fs,
            root=mount.root,
            kind=mount.kind,
            destination=mount.destination,
            source=mount.source,
            read_only=mount.read_only,
            propagation=propagation,
            parent=None,
            at="/",
            implied=True,
            device=0,
            backing=mount.backing,
            table=table,
        )
        mount.backing.add(twin)
        if propagation not in {"private", PROPAGATION}:
            mount.lead(twin)
        return twin

    def _spread(self, made: Mount) -> None:
        """Let a new mount travel to where its parent's mounts do."""
        pending = [made]
        reached = {made.parent}
        while pending:
            mount = pending.pop()
            parent = mount.parent
            assert parent is not None
            for follower in parent.followers if parent.shared else []:
                if follower in reached or not _below(mount.at, follower.root):
                    continue
                reached.add(follower)
                twin = self.copied(mount, follower.propagation, follower.table)
                mount.lead(twin)
                follower.table._attach(twin, follower, mount.at)  # noqa: SLF001
                pending.append(twin)

    def unmount(self, path: StrPath, *, lazy: bool = False) -> None:
        """
        Take away what was mounted last at a path.

        Args:
            path: The path.
            lazy: Whether what is mounted in it goes with it, as by ``umount -l``.

        Raises:
            UnionFSError: EINVAL, it is no mount point; EBUSY, it is the root, or
                something is mounted in it; ENOENT and the like.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="unmount")
            mount = spot.mount
            if spot.path != mount.root:
                raise fs_error(errno.EINVAL, text, op="unmount")
            if mount.parent is None:
                raise fs_error(errno.EBUSY, text, op="unmount")
            if mount.children and not lazy:
                raise fs_error(errno.EBUSY, text, op="unmount")
            self.drop(mount)
            for follower in mount.followers:
                if follower.implied:
                    follower.table.drop(follower)

    def drop(self, mount: Mount) -> None:
        """Take away a mount and all that is mounted in it, as a lazy unmount does."""
        pending = [mount]
        while pending:
            gone = pending.pop()
            pending.extend(gone.children.values())
            parent, state = gone.parent, self._state
            with TREE_LOCK:
                if parent is not None and parent.children.get(gone.at) is gone:
                    kept = {at: x for at, x in parent.children.items() if x is not gone}
                    parent.children = kept
                state.order = [mount for mount in state.order if mount is not gone]
            gone.backing.discard(gone)
            if isinstance(gone.fs, RemovedFile):
                gone.fs.release()

    def unmount_all(self) -> None:
        """Take away all mounts but the root, the last first."""
        with self._state.lock:
            for mount in reversed(self._state.order):
                self.drop(mount)

    def remount(self, path: StrPath, *, read_only: bool) -> None:
        """
        Change whether the mount that a path is on can be written.

        Raises:
            UnionFSError: EINVAL, the path is no mount point; ENOENT and the like.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._there(text, op="mount")
            if spot.path != spot.mount.root:
                raise fs_error(errno.EINVAL, text, op="mount")
            spot.mount.read_only = read_only

    def make_mount_point(self, path: StrPath, *, file: bool = False) -> str:
        """
        Make what a mount needs, and give its path: directories 0755, a file the same.

        They are made in whatever is mounted there; a dangling link is followed (4.4).

        Raises:
            UnionFSError: EROFS, it is missing in a read-only mount; ENOTDIR.
        """
        text = fspath(path)

        def make(mount: Mount, inner: str, last: bool) -> None:  # noqa: FBT001
            if mount.read_only:
                raise fs_error(errno.EROFS, text, op="mkdir")
            with mount.backing.lock:
                if last and file:
                    mount.fs.mknod(inner, 0o755)
                else:
                    mount.fs.mkdir(inner, 0o755)

        with self._state.lock:
            spot = mountwalk.find(
                self._state.root, text, op="mkdir", follow=True, caller=ROOT, maker=make
            )
        return spot.mount.path.rstrip("/") + relative(spot.path, spot.mount.root) or "/"

    # --- telling --------------------------------------------------------------------

    def mounts(self, *, implied: bool = False) -> list[Mount]:
        """
        List the mounts but the root, in the order in which they were made.

        Args:
            implied: Whether those that came along with others are listed too.
        """
        with self._state.lock:
            return [x for x in self._state.order if implied or not x.implied]

    @property
    def root(self) -> Mount:
        """The mount at ``/``."""
        return self._state.root

    def mount_at(self, path: StrPath) -> Mount:
        """
        Give the mount that answers for a path.

        Raises:
            UnionFSError: ENOENT and the like.
        """
        with self._state.lock:
            return self._there(fspath(path), op="mount").mount

    def explain(self, path: StrPath, *, follow_symlinks: bool = True) -> Explanation:
        """
        Tell who answers for a path: the union, and which layer of it, or which mount.

        Raises:
            UnionFSError: ENOTDIR, ELOOP, and a missing directory; a missing last name
                is told.
        """
        text = fspath(path)
        with self._state.lock:
            spot = self._find(text, op="explain", follow=follow_symlinks)
            return explain(text, spot)

    def proc_mounts(self) -> str:
        """
        Give the text of ``/proc/mounts``.

        >>> from unionfs_sim import UnionFS
        >>> print(MountTable(UnionFS()).proc_mounts(), end="")
        overlay / overlay rw,relatime 0 0
        """
        with self._state.lock:
            return "".join(_proc_lines([self._state.root, *self._state.order]))

    def __repr__(self) -> str:
        """Show where something is mounted."""
        return f"<MountTable {[x.path for x in self._state.order]!r}>"


def _proc_lines(mounts: list[Mount]) -> Iterator[str]:
    for mount in mounts:
        kind = mount.source.type
        kind = "ext4" if kind in {"volume", "bind"} else kind
        device = "/dev/sda1" if kind == "ext4" else kind
        stated = getattr(mount.fs, "proc_entry", None)
        words = "relatime"
        if isinstance(stated, tuple):
            device, kind, words = stated
        words = mount.source.options or words
        access = "ro" if mount.read_only else "rw"
        yield f"{device} {mount.path} {kind} {access},{words} 0 0\n"


def _resolved(fs: FileSystem, subpath: str) -> tuple[str, Kind | None]:
    """Give a path of a plain file system without links, and what is there."""
    if subpath == "/":
        return "/", Kind.DIRECTORY
    spot = MountTable(fs).state_spot(subpath)
    return spot.path, spot.kind


def _below(path: str, root: str) -> bool:
    return root in {"/", path} or path.startswith(f"{root}/")
