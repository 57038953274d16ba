"""Mount tables keep the contract of file systems, wherever the files lie."""

from __future__ import annotations

from typing import final

from unionfs_sim import FileSystem, UnionFS
from unionfs_sim.containers.forwarding import ForwardingFileSystem
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.tmpfs import TmpFS
from unionfs_sim.testing.contract import FilesystemContract


@final
class Below(ForwardingFileSystem):
    """A directory of another file system, by putting its path before each path."""

    def __init__(self, fs: FileSystem, directory: str) -> None:
        self._fs = fs
        self._directory = directory

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        return self._fs, f"{self._directory}/{path}" if path else path


def with_volume() -> MountTable:
    """Make a table with a volume at ``/srv/data``."""
    table = MountTable(UnionFS())
    table.makedirs("/srv/data")
    table.mount("/srv/data", UnionFS())
    return table


class TestEmptyTable(FilesystemContract):
    """Nothing is mounted but the root."""

    def make_fs(self) -> FileSystem:
        return MountTable(UnionFS())


class TestVolume(FilesystemContract):
    """All paths lie in a mounted volume."""

    def make_fs(self) -> FileSystem:
        return Below(with_volume(), "/srv/data")


class TestRootInVolume(FilesystemContract):
    """The root of one table is a mount of another."""

    def make_fs(self) -> FileSystem:
        return MountTable(with_volume(), subpath="/srv/data")


class TestOverTable(FilesystemContract):
    """The root lies in a directory of a file system, and mounts lie beside."""

    def make_fs(self) -> FileSystem:
        host = UnionFS()
        host.makedirs("/var/lib/data")
        table = MountTable(UnionFS())
        table.mkdir("/x")
        table.mount("/x", host, subpath="/var/lib/data")
        return Below(table, "/x/.")


class TestTmpfs(FilesystemContract):
    """A tmpfs, by itself."""

    def make_fs(self) -> FileSystem:
        return TmpFS("size=1m,mode=0755")


class TestMountedTmpfs(FilesystemContract):
    """A tmpfs that is mounted."""

    def make_fs(self) -> FileSystem:
        table = MountTable(UnionFS())
        table.mkdir("/tmp")
        table.mount("/tmp", TmpFS("mode=0755"))
        return MountTable(table, subpath="/tmp")
