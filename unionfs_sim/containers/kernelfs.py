"""What the kernel shows in a container: ``/dev``, ``/proc`` and ``/sys``."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, Final, final

from unionfs_sim.containers.forwarding import ForwardingFileSystem, telling
from unionfs_sim.containers.sockets import Interface
from unionfs_sim.core.clock import Clock
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Device, Directory, Symlink
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import fs_error

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_DEVICE: Final = Meta(mode=0o666)

#: The devices of a container and their numbers.
_DEVICES: Final = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}

_LINKS: Final = {
    "core": "/proc/kcore",
    "fd": "/proc/self/fd",
    "ptmx": "pts/ptmx",
    "stderr": "/proc/self/fd/2",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
}

_DEV: Final = Stack(
    [
        Layer.build(
            {
                **{name: Device(1, n, meta=_DEVICE) for name, n in _DEVICES.items()},
                **{name: Symlink(target) for name, target in _LINKS.items()},
                "tty": Device(5, 0, meta=_DEVICE),
                "console": Device(136, 0, meta=Meta(mode=0o620)),
                "mqueue": Directory(Meta(mode=0o1777)),
                "pts": Directory(),
                "shm": Directory(Meta(mode=0o1777)),
            },
            label="dev",
        )
    ]
)


@final
class _DeviceFile(io.RawIOBase):
    """An open device."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._state = 1

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0 * (offset + whence)

    def tell(self) -> int:
        return 0

    def truncate(self, size: int | None = None) -> int:
        return size or 0

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        if self._name in {"null", "tty", "console"}:
            return 0
        data = bytes(len(view))
        if self._name in {"random", "urandom"}:
            data = bytes(self._next() for _ in range(len(view)))
        view[:] = data
        return len(view)

    def _next(self) -> int:
        """Give a byte that is the same in every run, as all is here."""
        self._state = self._state * 1_103_515_245 + 12_345 & 0x7FFF_FFFF
        return self._state >> 16 & 0xFF

    def write(self, data: ReadableBuffer) -> int:
        if self._name == "full":
            raise fs_error(errno.ENOSPC, op="write")
        return memoryview(data).nbytes


@final
class DevFS(ForwardingFileSystem):
    """
    The ``/dev`` of a container: a union whose devices can be opened.

    >>> dev = DevFS()
    >>> with dev.open("/zero", "rb", 0) as file:
    ...     file.read(3)
    b'\\x00\\x00\\x00'
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._fs = UnionFS(_DEV, clock=clock)

    @property
    def proc_entry(self) -> tuple[str, str, str]:
        """Device, type and options, as ``/proc/mounts`` has them."""
        return "tmpfs", "tmpfs", "nosuid,size=65536k,mode=755"

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        return self._fs, path

    def open(
        self,
        path: StrPath,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open a file, or a device, as the built-in `open` does."""
        text = fspath(path)
        name = text.strip("/")
        if name in _DEVICES or name in {"tty", "console"}:
            raw: Any = _DeviceFile(name)
            if buffering == 0:
                return raw  # type: ignore[no-any-return]
            buffered: Any = io.BufferedRWPair(raw, raw)
            if "b" in mode:
                return buffered  # type: ignore[no-any-return]
            return io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)
        with telling(path=text):
            return self._fs.open(text, mode, buffering, encoding, errors, newline)


@final
class TextFS(ForwardingFileSystem):
    """
    A file system of texts that the kernel makes up: ``/proc`` and ``/sys``.

    >>> proc = TextFS("proc")
    >>> proc.show({"version": "Linux\\n"})
    >>> proc.read_text("/version")
    'Linux\\n'
    """

    def __init__(self, kind: str) -> None:
        self._fs = UnionFS([Layer.build({})], read_only=True)
        self._shown: Mapping[str, str] | None = None
        self._kind = kind

    @property
    def proc_entry(self) -> tuple[str, str, str]:
        """Device, type and options, as ``/proc/mounts`` has them."""
        name = {"sys": "sysfs"}.get(self._kind, self._kind)
        return name, name, "nosuid,nodev,noexec,relatime"

    def show(self, texts: Mapping[str, str]) -> None:
        """Show these files from now on; a path that ends in ``/`` is a directory."""
        if texts == self._shown:
            return
        self._shown = texts
        layer = Layer.build(
            {
                path: Directory() if path.endswith("/") else text
                for path, text in texts.items()
            },
            label=self._kind,
        )
        self._fs = UnionFS([layer], read_only=True)

    def _to(self, path: str, op: str, *, writes: bool) -> tuple[FileSystem, str]:
        return self._fs, path


def proc_texts(mounts: str, hostname: str) -> dict[str, str]:
    """Give what is in ``/proc``."""
    return {
        "filesystems": "nodev\tsysfs\nnodev\tproc\nnodev\ttmpfs\nnodev\toverlay\n",
        "mounts": mounts,
        "self/mounts": mounts,
        "self/fd/": "",
        "1/mounts": mounts,
        "sys/kernel/hostname": f"{hostname}\n",
        "sys/net/ipv4/ip_forward": "1\n",
        "version": "Linux version 6.18.0\n",
    }


def sys_texts(interfaces: Iterable[Interface]) -> dict[str, str]:
    """
    Give what is in ``/sys``: the network's interfaces.

    >>> from unionfs_sim.containers.sockets import LOOPBACK
    >>> sys_texts([LOOPBACK])["class/net/lo/address"]
    '00:00:00:00:00:00\\n'
    """
    texts = {"class/net/": "", "fs/cgroup/": ""}
    for each in interfaces:
        base = f"class/net/{each.name}"
        texts[f"{base}/address"] = f"{each.mac}\n"
        texts[f"{base}/ifindex"] = f"{each.index}\n"
        texts[f"{base}/mtu"] = "65536\n" if each.name == "lo" else "1500\n"
        texts[f"{base}/operstate"] = "unknown\n" if each.name == "lo" else "up\n"
    return texts
