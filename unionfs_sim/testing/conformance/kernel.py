"""The driver on a real mount of the kernel's overlayfs."""

# System calls are the point here: `os`, not `pathlib`.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH109, PTH115, PTH116, PTH208
# ruff: noqa: PTH211

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, final

from unionfs_sim.testing.conformance import hosttree, syscalls
from unionfs_sim.testing.conformance.calls import Session, errno_name
from unionfs_sim.testing.conformance.cases import Case, Op, Result, Tree
from unionfs_sim.testing.conformance.observe import read_tree

#: Recorded cases were made with this umask.
UMASK: Final = 0o022

_MNT_DETACH: Final = 2
#: File systems take times from a clock that may lag behind ours by a tick.
_CLOCK_SLACK_NS: Final = 2_000_000_000


@final
class KernelCalls:
    """
    The calls, made by the kernel relative to the working directory.

    Args:
        root: A path of that directory itself.
        now_ns: What `Calls` says.
    """

    def __init__(self, root: str, now_ns: int) -> None:
        self._root = root
        self.now_ns = now_ns

    def _at(self, path: str) -> str:
        # The root is meant as a place with a name: rmdir gives EBUSY, not EINVAL.
        return self._root if path == "." else path

    @contextmanager
    def acting_as(self, uid: int, gid: int, *groups: int) -> Iterator[None]:
        """Make the calls within as another user, with just these further groups."""
        before = os.geteuid(), os.getegid(), os.getgroups()
        os.setgroups(groups)
        os.setegid(gid)
        os.seteuid(uid)
        try:
            yield
        finally:
            os.seteuid(before[0])
            os.setegid(before[1])
            os.setgroups(before[2])

    def stat(self, path: str, *, follow: bool) -> os.stat_result:
        """Call ``stat`` or ``lstat``."""
        return os.stat(self._at(path), follow_symlinks=follow)

    def entries(self, path: str) -> list[tuple[str, int]]:
        """List names with their types as bits of ``st_mode``."""
        fd = os.open(self._at(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            return syscalls.directory_entries(fd)
        finally:
            os.close(fd)

    def names(self, path: str) -> list[str]:
        """List names."""
        return os.listdir(self._at(path))

    def open(self, path: str, flags: int, mode: int) -> int:
        """Call ``open``."""
        return os.open(self._at(path), flags, mode)

    def close(self, fd: int) -> None:
        """Call ``close``."""
        os.close(fd)

    def read(self, fd: int, size: int) -> bytes:
        """Call ``read``."""
        return os.read(fd, size)

    def write(self, fd: int, data: bytes) -> int:
        """Call ``write``."""
        return os.write(fd, data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Call ``pread``."""
        return os.pread(fd, size, offset)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """Call ``pwrite``."""
        return os.pwrite(fd, data, offset)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """Call ``lseek``."""
        return os.lseek(fd, offset, whence)

    def ftruncate(self, fd: int, length: int) -> None:
        """Call ``ftruncate``."""
        os.ftruncate(fd, length)

    def fchmod(self, fd: int, mode: int) -> None:
        """Call ``fchmod``."""
        os.fchmod(fd, mode)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """Call ``fchown``."""
        os.fchown(fd, uid, gid)

    def fsync(self, fd: int) -> None:
        """Call ``fsync``."""
        os.fsync(fd)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """Call ``fallocate``."""
        syscalls.fallocate(fd, mode, offset, length)

    def fstat(self, fd: int) -> os.stat_result:
        """Call ``fstat``."""
        return os.fstat(fd)

    def fnames(self, fd: int) -> list[str]:
        """Rewind a descriptor of a directory and list its names."""
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "not a directory")
        os.lseek(fd, 0, os.SEEK_SET)
        return [name for name, _ in syscalls.directory_entries(fd)]

    def truncate(self, path: str, length: int) -> None:
        """Call ``truncate``."""
        os.truncate(self._at(path), length)

    def mkdir(self, path: str, mode: int) -> None:
        """Call ``mkdir``."""
        os.mkdir(self._at(path), mode)

    def rmdir(self, path: str) -> None:
        """Call ``rmdir``."""
        os.rmdir(self._at(path))

    def unlink(self, path: str) -> None:
        """Call ``unlink``."""
        os.unlink(self._at(path))

    def readlink(self, path: str) -> str:
        """Call ``readlink``."""
        return os.readlink(self._at(path))

    def rename(self, src: str, dst: str) -> None:
        """Call ``rename``."""
        os.rename(self._at(src), self._at(dst))

    def renameat2(self, src: str, dst: str, flags: int) -> None:
        """Call ``renameat2``."""
        syscalls.renameat2(self._at(src), self._at(dst), flags)

    def link(self, src: str, dst: str) -> None:
        """Call ``linkat``, which does not follow."""
        os.link(self._at(src), self._at(dst), follow_symlinks=False)

    def flink(self, fd: int, dst: str) -> None:
        """Call ``linkat`` from ``/proc/self/fd``."""
        syscalls.link_descriptor(fd, self._at(dst))

    def symlink(self, target: str, path: str) -> None:
        """Call ``symlink``."""
        os.symlink(target, self._at(path))

    def mknod(self, path: str, mode: int, rdev: tuple[int, int]) -> None:
        """Call ``mknod``."""
        os.mknod(self._at(path), mode, os.makedev(*rdev))

    def chmod(self, path: str, mode: int) -> None:
        """Call ``chmod``."""
        os.chmod(self._at(path), mode)

    def lchown(self, path: str, uid: int, gid: int) -> None:
        """Call ``lchown``."""
        os.chown(self._at(path), uid, gid, follow_symlinks=False)

    def utime(self, path: str, ns: int, *, follow: bool) -> None:
        """Call ``utimensat`` with both times the same."""
        os.utime(self._at(path), ns=(ns, ns), follow_symlinks=follow)

    def setxattr(
        self, path: str, name: str, value: bytes, flags: int, *, follow: bool
    ) -> None:
        """Call ``setxattr`` or ``lsetxattr``."""
        os.setxattr(self._at(path), name, value, flags, follow_symlinks=follow)

    def getxattr(self, path: str, name: str, *, follow: bool) -> bytes:
        """Call ``getxattr`` or ``lgetxattr``."""
        return os.getxattr(self._at(path), name, follow_symlinks=follow)

    def listxattr(self, path: str, *, follow: bool) -> list[str]:
        """Call ``listxattr`` or ``llistxattr``."""
        return os.listxattr(self._at(path), follow_symlinks=follow)

    def removexattr(self, path: str, name: str, *, follow: bool) -> None:
        """Call ``removexattr`` or ``lremovexattr``."""
        os.removexattr(self._at(path), name, follow_symlinks=follow)

    def access(self, path: str, mode: int) -> None:
        """Call ``faccessat2`` as the effective user."""
        syscalls.check_access(self._at(path), mode)

    def sync(self) -> None:
        """Call ``sync``."""
        os.sync()

    def umask(self, mask: int) -> None:
        """Call ``umask``."""
        os.umask(mask)


@final
class KernelDriver:
    """
    Carries cases out on real mounts, in a scratch folder of its own.

    It changes the working directory and the umask while something is mounted.

    Args:
        folder: Where the scratch folder is made; by default where `tempfile` has it.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._scratch = tempfile.mkdtemp(prefix="unionfs-sim-", dir=folder)
        os.chmod(self._scratch, 0o755)  # noqa: S103 - `as` users walk through it
        self._home = os.getcwd()
        self._umask = UMASK
        self._case: Case | None = None
        self._mounted = False
        self._now_ns = 0
        self._session = Session(KernelCalls(".", 0))

    def __enter__(self) -> KernelDriver:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the scratch folder."""
        self.dispose()

    def mount(self, case: Case) -> str | None:
        """Build a case's stack and mount it; give the errno's name if it fails."""
        assert self._case is None, "the case before is to be closed first"
        self._case = case
        self._umask = os.umask(UMASK)
        self._now_ns = time.time_ns() - _CLOCK_SLACK_NS
        self._session = Session(KernelCalls(f"{self._scratch}/mount", self._now_ns))
        os.chdir(self._scratch)
        os.mkdir("mount", 0o755)
        for index, tree in enumerate(case.lower):
            hosttree.build(tree, f"lower{index}")
        for index, tree in enumerate(case.data_only):
            hosttree.build(tree, f"data{index}")
        if case.upper is not None:
            hosttree.build(case.upper, "upper")
            os.mkdir("work", 0o755)
        return self._mount(case.options)

    def _mount(self, options: Mapping[str, str | bool]) -> str | None:
        case = self._case
        assert case is not None
        lowers = ":".join(f"lower{index}" for index in range(len(case.lower)))
        data = "".join(f"::data{index}" for index in range(len(case.data_only)))
        words = [f"lowerdir={lowers}{data}"]
        if case.upper is not None:
            words.append("upperdir=upper,workdir=work")
        words += [
            name if value is True else f"{name}={value}"
            for name, value in options.items()
        ]
        os.chdir(self._scratch)
        try:
            syscalls.mount("overlay", "mount", "overlay", 0, ",".join(words))
        except OSError as error:
            return errno_name(error.errno)
        self._mounted = True
        os.chdir("mount")
        return None

    def _unmount(self) -> None:
        self._session.close_all()
        os.chdir(self._scratch)
        if self._mounted:
            self._mounted = False
            try:
                syscalls.unmount("mount")
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                syscalls.unmount("mount", _MNT_DETACH)

    def run(self, op: Op) -> Result:
        """Carry out an operation."""
        if op.name != "remount":
            return self._session.perform(op)
        assert self._case is not None
        self._unmount()
        failure = self._mount(op.args.get("options", self._case.options))
        return {"ok": None} if failure is None else {"errno": failure}

    def upper_tree(self) -> Tree:
        """Read the upper directly, behind the mount's back."""
        assert self._case is not None
        os.chdir(f"{self._scratch}/upper")
        try:
            calls = KernelCalls(".", self._now_ns)
            return read_tree(calls, times=self._case.times, raw=True)
        finally:
            os.chdir(f"{self._scratch}/mount")

    def merged_tree(self) -> Tree:
        """Read everything through the mount."""
        assert self._case is not None
        return read_tree(self._session.calls, times=self._case.times)

    def close(self) -> None:
        """Unmount, and leave nothing behind."""
        if self._case is None:
            return
        self._unmount()
        os.chdir(self._home)
        os.umask(self._umask)
        for name in os.listdir(self._scratch):
            shutil.rmtree(f"{self._scratch}/{name}")
        self._case = None

    def dispose(self) -> None:
        """Close, and remove the scratch folder."""
        self.close()
        shutil.rmtree(self._scratch)
