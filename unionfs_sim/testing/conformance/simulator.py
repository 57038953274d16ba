"""The driver on the simulator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, final

from unionfs_sim.core.clock import TickClock
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.union import UnionFS
from unionfs_sim.dialects import overlay
from unionfs_sim.errors import UnionFSError
from unionfs_sim.testing.conformance.calls import Session, errno_name
from unionfs_sim.testing.conformance.cases import Case, Op, Result, Tree, TreeNode
from unionfs_sim.testing.conformance.observe import read_tree
from unionfs_sim.testing.conformance.rawlayers import from_layer, to_layer

#: When runs start: later than any time that a case sets.
NOW_NS: Final = 4_000_000_000 * 1_000_000_000

_UMASK: Final = 0o022

#: What the result of an operation is called that the simulator has no verb for.
MISSING: Final = "ENOSYS-in-simulator"


@final
class SimulatorCalls:
    """
    The calls, made on a union.

    Args:
        fs: The union, as root has it.
    """

    now_ns: int = NOW_NS

    def __init__(self, fs: UnionFS) -> None:
        self._root_fs = fs
        self._fs = fs
        self._mask = _UMASK

    @staticmethod
    def _at(path: str) -> str:
        return "/" if path == "." else path

    def umask(self, mask: int) -> None:
        """Set the umask of all calls from here on."""
        self._mask = mask
        self._fs = self._root_fs = self._root_fs.as_user(0, 0, umask=mask)

    @contextmanager
    def acting_as(self, uid: int, gid: int, *groups: int) -> Iterator[None]:
        """Make the calls within as another user, with just these further groups."""
        self._fs = self._root_fs.as_user(uid, gid, groups, self._mask)
        try:
            yield
        finally:
            self._fs = self._root_fs

    def stat(self, path: str, *, follow: bool) -> os.stat_result:
        """Call ``stat``."""
        return self._fs.stat(self._at(path), follow_symlinks=follow)

    def entries(self, path: str) -> list[tuple[str, int]]:
        """List names with their types as bits of ``st_mode``."""
        with self._fs.scandir(self._at(path)) as found:
            return [(entry.name, entry.kind.type_bits) for entry in found]

    def names(self, path: str) -> list[str]:
        """List names."""
        return self._fs.listdir(self._at(path))

    def open(self, path: str, flags: int, mode: int) -> int:
        """Call ``os_open``."""
        return self._fs.os_open(self._at(path), flags, mode)

    def close(self, fd: int) -> None:
        """Call ``close``."""
        self._fs.close(fd)

    def read(self, fd: int, size: int) -> bytes:
        """Call ``read``."""
        return self._fs.read(fd, size)

    def write(self, fd: int, data: bytes) -> int:
        """Call ``write``."""
        return self._fs.write(fd, data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Call ``pread``."""
        return self._fs.pread(fd, size, offset)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """Call ``pwrite``."""
        return self._fs.pwrite(fd, data, offset)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """Call ``lseek``."""
        return self._fs.lseek(fd, offset, whence)

    def ftruncate(self, fd: int, length: int) -> None:
        """Call ``ftruncate``."""
        self._fs.ftruncate(fd, length)

    def fchmod(self, fd: int, mode: int) -> None:
        """Call ``fchmod``."""
        self._fs.fchmod(fd, mode)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """Call ``fchown``."""
        self._fs.fchown(fd, uid, gid)

    def fsync(self, fd: int) -> None:
        """Call ``fsync``."""
        self._fs.fsync(fd)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """Call ``fallocate``."""
        self._fs.fallocate(fd, mode, offset, length)

    def fstat(self, fd: int) -> os.stat_result:
        """Call ``fstat``."""
        return self._fs.fstat(fd)

    def fnames(self, fd: int) -> list[str]:
        """List the names of an open directory, from the start."""
        return self._fs.listdir(fd)

    def truncate(self, path: str, length: int) -> None:
        """Call ``truncate``."""
        self._fs.truncate(self._at(path), length)

    def mkdir(self, path: str, mode: int) -> None:
        """Call ``mkdir``."""
        self._fs.mkdir(self._at(path), mode)

    def rmdir(self, path: str) -> None:
        """Call ``rmdir``."""
        self._fs.rmdir("/" if path == "." else path)

    def unlink(self, path: str) -> None:
        """Call ``unlink``."""
        self._fs.unlink(self._at(path))

    def readlink(self, path: str) -> str:
        """Call ``readlink``."""
        return self._fs.readlink(self._at(path))

    def rename(self, src: str, dst: str) -> None:
        """Call ``rename``."""
        self._fs.rename(self._at(src), self._at(dst))

    def renameat2(self, src: str, dst: str, flags: int) -> None:
        """Call ``renameat2``."""
        self._fs.renameat2(self._at(src), self._at(dst), flags)

    def link(self, src: str, dst: str) -> None:
        """Call ``link``."""
        self._fs.link(self._at(src), self._at(dst))

    def flink(self, fd: int, dst: str) -> None:
        """Call ``link`` with a descriptor."""
        self._fs.link(fd, self._at(dst))

    def symlink(self, target: str, path: str) -> None:
        """Call ``symlink``."""
        self._fs.symlink(target, self._at(path))

    def mknod(self, path: str, mode: int, rdev: tuple[int, int]) -> None:
        """Call ``mknod``."""
        self._fs.mknod(self._at(path), mode, os.makedev(*rdev))

    def chmod(self, path: str, mode: int) -> None:
        """Call ``chmod``."""
        self._fs.chmod(self._at(path), mode)

    def lchown(self, path: str, uid: int, gid: int) -> None:
        """Call ``lchown``."""
        self._fs.lchown(self._at(path), uid, gid)

    def utime(self, path: str, ns: int, *, follow: bool) -> None:
        """Call ``utime`` with both times the same."""
        self._fs.utime(self._at(path), ns=(ns, ns), follow_symlinks=follow)

    def setxattr(
        self, path: str, name: str, value: bytes, flags: int, *, follow: bool
    ) -> None:
        """Call ``setxattr``."""
        self._fs.setxattr(self._at(path), name, value, flags, follow_symlinks=follow)

    def getxattr(self, path: str, name: str, *, follow: bool) -> bytes:
        """Call ``getxattr``."""
        return self._fs.getxattr(self._at(path), name, follow_symlinks=follow)

    def listxattr(self, path: str, *, follow: bool) -> list[str]:
        """Call ``listxattr``."""
        return self._fs.listxattr(self._at(path), follow_symlinks=follow)

    def removexattr(self, path: str, name: str, *, follow: bool) -> None:
        """Call ``removexattr``."""
        self._fs.removexattr(self._at(path), name, follow_symlinks=follow)

    def access(self, path: str, mode: int) -> None:
        """Call ``access``."""
        self._fs.check_access(self._at(path), mode)

    def sync(self) -> None:
        """Do nothing: there is no disk."""


@final
class SimulatorDriver:
    """Carries cases out on the simulator."""

    def __init__(self) -> None:
        self._case: Case | None = None
        self._lowers: list[Layer] = []
        self._data_only: list[Layer] = []
        self._clock = TickClock(start_ns=NOW_NS)
        self._fs: UnionFS | None = None
        self._session: Session | None = None

    def mount(self, case: Case) -> str | None:
        """Build a case's stack and mount it; give the errno's name if it fails."""
        self._case = case
        self._clock = TickClock(start_ns=NOW_NS)
        self._lowers = [
            to_layer(tree, label=f"lower{index}", now_ns=NOW_NS)
            for index, tree in enumerate(case.lower)
        ]
        self._data_only = [
            to_layer(tree, label=f"data{index}", now_ns=NOW_NS)
            for index, tree in enumerate(case.data_only)
        ]
        upper = None
        if case.upper is not None:
            upper = to_layer(case.upper, label="upper", now_ns=NOW_NS)
        return self._mount(case.options, upper)

    def _mount(self, options: Any, upper: Layer | overlay.Disk | None) -> str | None:  # noqa: ANN401
        self._fs = self._session = None
        try:
            self._fs = overlay.mount(
                self._lowers,
                upper,
                data_only=self._data_only,
                policy=Policy.from_options(options, upper=upper is not None),
                clock=self._clock,
            )
        except UnionFSError as error:
            return errno_name(error.errno)
        except Exception as error:
            return _crash(error)
        self._session = Session(SimulatorCalls(self._fs))
        return None

    def run(self, op: Op) -> Result:
        """Carry out an operation; whatever it raises is its result."""
        assert self._session is not None
        if op.name == "remount":
            return self._remount(op)
        try:
            return self._session.perform(op)
        except Exception as error:
            return {"errno": _crash(error)}

    def _remount(self, op: Op) -> Result:
        assert self._case is not None
        assert self._session is not None
        assert self._fs is not None
        self._session.close_all()
        upper = None
        if self._case.upper is not None:
            upper = overlay.unmount(self._fs)
        before = self._session
        failure = self._mount(op.args.get("options", self._case.options), upper)
        if self._session is not None:
            self._session.remember(before)
        return {"ok": None} if failure is None else {"errno": failure}

    def upper_tree(self) -> Tree:
        """Give the upper as it would be on disk."""
        assert self._case is not None
        assert self._fs is not None
        fs, times = self._fs, self._case.times
        return _guarded(
            lambda: from_layer(overlay.upper_on_disk(fs), times=times, now_ns=NOW_NS)
        )

    def merged_tree(self) -> Tree:
        """Read everything through the union."""
        assert self._case is not None
        assert self._session is not None
        calls, times = self._session.calls, self._case.times
        return _guarded(lambda: read_tree(calls, times=times))

    def close(self) -> None:
        """Forget the union."""
        self._fs = self._session = self._case = None


def _guarded(read: Callable[[], Tree]) -> Tree:
    try:
        return read()
    except Exception as error:
        return {".": TreeNode(type="error", errno=_crash(error))}


def _crash(error: Exception) -> str:
    """Tell an error that is no answer of a file system."""
    if isinstance(error, AttributeError) and isinstance(error.obj, UnionFS):
        return f"{MISSING} ({error.name})"
    return f"crash: {type(error).__name__}: {error}"
