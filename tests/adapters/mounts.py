"""What the tests of host directories share: mounts, views to compare, programs."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import attrs
from hypothesis import strategies as st

from unionfs_sim import (
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Layer,
    LayerBuilder,
    Meta,
    Regular,
    Socket,
    Stack,
    Symlink,
    UnionFS,
)
from unionfs_sim.adapters.host import read_directory
from unionfs_sim.core.nodes import Leaf
from unionfs_sim.testing import strategies
from unionfs_sim.testing.conformance import syscalls

#: What a path shows: kind, mode, owner, group, time, payload, xattrs.
View: TypeAlias = dict[str, tuple[object, ...]]

#: A verb and its arguments, paths from the root on.
Step: TypeAlias = tuple[str, tuple[Any, ...]]

_DETACH = 2


@contextmanager
def mounted(options: str, target: str) -> Iterator[str]:
    """Mount an overlay of the kernel; it is gone afterwards, whatever happens."""
    if not os.path.isdir(target):
        os.mkdir(target)
    syscalls.mount("overlay", target, "overlay", 0, options)
    try:
        yield target
    finally:
        try:
            syscalls.unmount(target)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            syscalls.unmount(target, _DETACH)


def _row(node: Leaf | Directory, *, times: bool) -> tuple[object, ...]:
    meta = node.meta
    payload: object = None
    if isinstance(node, Regular):
        payload = node.content.read_all()
    elif isinstance(node, Symlink):
        payload = node.target
    elif isinstance(node, Device):
        payload = node.major, node.minor
    holds_user = isinstance(node, (Regular, Directory))
    xattrs = {
        name: value
        for name, value in meta.xattrs.items()
        if not name.startswith("security.")
        and (holds_user or not name.startswith("user."))
    }
    time = meta.mtime_ns if times else None
    return node.kind, meta.mode, meta.uid, meta.gid, time, payload, xattrs


def view_of(layer: Layer, *, times: bool = True) -> View:
    """Give what a layer without marks shows, and which names are one inode."""
    view: View = {}
    names: dict[int, list[str]] = {}
    for path, entry in layer.walk():
        assert entry is not WHITEOUT
        view[path] = _row(entry, times=times)
        if not isinstance(entry, Directory):
            names.setdefault(id(entry), []).append(path)
    view["links"] = tuple(sorted(tuple(group) for group in names.values()))
    return view


def host_view(path: str, *, times: bool = True) -> View:
    """Give what a directory of the host shows."""
    return view_of(read_directory(path), times=times)


def union_view(fs: UnionFS, *, times: bool = True) -> View:
    """Give what a union shows, asked by its verbs."""
    builder = LayerBuilder()
    inodes: dict[int, Leaf] = {}
    pending = ["/"]
    while pending:
        path = pending.pop()
        found = fs.stat(path, follow_symlinks=False)
        # A layer in memory can have user.* on anything, and nobody can read it there.
        holds_user = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
        xattrs = {
            name: fs.getxattr(path, name, follow_symlinks=False)
            for name in fs.listxattr(path, follow_symlinks=False)
            if holds_user or not name.startswith("user.")
        }
        meta = Meta(
            mode=found.st_mode & 0o7777,
            uid=found.st_uid,
            gid=found.st_gid,
            mtime_ns=found.st_mtime_ns,
            xattrs=xattrs,
        )
        parts = tuple(name for name in path.split("/") if name)
        if stat.S_ISDIR(found.st_mode):
            builder.set_meta(parts, meta)
            pending += [path.rstrip("/") + "/" + name for name in fs.listdir(path)]
        else:
            node = _leaf(fs, path, found, meta)
            builder.add(parts, inodes.setdefault(found.st_ino, node))
    return view_of(builder.freeze(), times=times)


def _leaf(fs: UnionFS, path: str, found: os.stat_result, meta: Meta) -> Leaf:
    match stat.S_IFMT(found.st_mode):
        case stat.S_IFREG:
            return Regular(fs.read_bytes(path), meta)
        case stat.S_IFLNK:
            return Symlink(fs.readlink(path), meta)
        case stat.S_IFIFO:
            return Fifo(meta)
        case stat.S_IFSOCK:
            return Socket(meta)
        case _:
            return Device(os.major(found.st_rdev), os.minor(found.st_rdev), meta=meta)


def on_disk(raw: Layer) -> View:
    """Give a raw layer without times and bookkeeping, to compare what two left."""
    view = view_of(raw, times=False)
    view.pop("links")
    bookkeeping = ("origin", "impure", "nlink", "uuid")
    for path, row in view.items():
        xattrs = row[-1]
        assert isinstance(xattrs, dict)
        kept = {
            name: value
            for name, value in xattrs.items()
            if not ("overlay." in name and name.endswith(bookkeeping))
        }
        view[path] = (*row[:-1], kept)
    return view


def unfollowable(layer: Layer) -> Layer:
    """
    Give a layer that a program can be run on, in the host as in memory.

    Links lead nowhere, for on the host they would lead out; and what no file system
    has, user.* on devices, goes.
    """
    builder = LayerBuilder(layer.label)
    for parts, entry in layer.items():
        if entry is WHITEOUT:
            builder.whiteout(parts)
        elif isinstance(entry, Directory):
            if entry.implied:
                builder.directory(parts)
            else:
                builder.set_meta(parts, entry.meta)
            if entry.opaque:
                builder.opaque(parts)
        elif isinstance(entry, Symlink):
            builder.add(parts, attrs.evolve(entry, target="nowhere"))
        elif isinstance(entry, Regular):
            builder.add(parts, entry)
        else:
            meta = attrs.evolve(entry.meta, xattrs={})
            builder.add(parts, attrs.evolve(entry, meta=meta))
    return builder.freeze()


def safe_stacks() -> st.SearchStrategy[Stack]:
    """Draw stacks that a program can be run on without leaving them."""
    return strategies.stacks(layers_max=3).map(
        lambda stack: Stack(
            unfollowable(layer) for layer in stack.layers if isinstance(layer, Layer)
        )
    )


_PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map(
    lambda names: "/" + "/".join(names)
)
_STEPS = st.one_of(
    st.tuples(st.sampled_from(["unlink", "rmdir"]), st.tuples(_PATHS)),
    st.tuples(st.just("mkdir"), st.tuples(_PATHS, st.sampled_from([0o755, 0o700]))),
    st.tuples(st.sampled_from(["rename", "link"]), st.tuples(_PATHS, _PATHS)),
    st.tuples(st.just("symlink"), st.tuples(st.just("nowhere"), _PATHS)),
    st.tuples(st.just("write_bytes"), st.tuples(_PATHS, st.just(b"new"))),
    st.tuples(st.just("chmod"), st.tuples(_PATHS, st.sampled_from([0o640, 0o4711]))),
    st.tuples(st.just("lchown"), st.tuples(_PATHS, st.just(7), st.just(8))),
    st.tuples(st.just("setxattr"), st.tuples(_PATHS, st.just("user.n"), st.just(b"1"))),
)


def programs() -> st.SearchStrategy[list[Step]]:
    """Draw changes, some of which fail."""
    return st.lists(_STEPS, max_size=8)


class HostVerbs:
    """The verbs of a union on a directory of the host."""

    def __init__(self, root: str) -> None:
        self._root = root

    def __getattr__(self, verb: str) -> Any:
        def call(*args: Any) -> Any:
            with_root = [
                self._root + arg if isinstance(arg, str) and arg[0] == "/" else arg
                for arg in args
            ]
            return getattr(os, verb)(*with_root)

        return call

    def link(self, src: str, dst: str) -> None:
        """Link a symbolic link itself."""
        os.link(self._root + src, self._root + dst, follow_symlinks=False)

    def write_bytes(self, path: str, data: bytes) -> None:
        """Write a file; what waits for a reader fails instead, as in a union."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK
        fd = os.open(self._root + path, flags, 0o666)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)


def perform(verbs: HostVerbs | UnionFS, steps: Sequence[Step]) -> list[int | None]:
    """Make changes; give the errno of each, or ``None``."""
    results: list[int | None] = []
    for verb, args in steps:
        if verb == "write_bytes" and _is_special(verbs, args[0]):
            continue  # what a device does with data is not ours
        try:
            getattr(verbs, verb)(*args)
        except OSError as error:
            results.append(error.errno)
        else:
            results.append(None)
    return results


def _is_special(verbs: HostVerbs | UnionFS, path: str) -> bool:
    try:
        return not stat.S_ISREG(verbs.lstat(path).st_mode)
    except OSError:
        return False


def remove(path: str) -> None:
    """Remove a folder of an example, so that many examples take little space."""
    with suppress(FileNotFoundError):
        shutil.rmtree(path)
