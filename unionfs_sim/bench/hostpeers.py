"""
Peers that are mounted: the kernel's overlayfs and two file systems of user space.

The layers are written to a directory of their own, once for each number of layers;
everything is unmounted and removed at the end, whatever happens.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from unionfs_sim.bench import workload
from unionfs_sim.bench.peer import Opened, Peer
from unionfs_sim.core.layer import LayerView

#: How long a mount may take.
MOUNT_SECONDS_MAX: Final = 60

#: From here on fuse-overlayfs takes seconds for its first lookup in a directory.
FUSE_OVERLAYFS_LAYERS_MAX: Final = 64


def is_root() -> bool:
    """Tell whether mounts can be made."""
    return sys.platform == "linux" and os.geteuid() == 0


def _why_no_mounts() -> str | None:
    if not is_root():
        return "mounting needs root on Linux"
    return None if shutil.which("mount") else "there is no mount command"


def _why_no_fuse(program: str) -> Callable[[], str | None]:
    def reason() -> str | None:
        if shutil.which(program) is None:
            return f"{program} is not installed"
        if not Path("/dev/fuse").exists():
            return "there is no /dev/fuse"
        return _why_no_mounts()

    return reason


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a directory on a tmpfs of its own."""
    with tempfile.TemporaryDirectory(prefix="unionfs-sim-bench-") as text:
        place = Path(text)
        _run(["mount", "-t", "tmpfs", "-o", "size=4g", "bench", str(place)])
        try:
            yield place
        finally:
            _unmount(place)


def write_layers(place: Path, layers_top_first: Sequence[LayerView]) -> list[str]:
    """Write layers as directories, whiteouts as devices, and give their names."""
    names = []
    for number, layer in enumerate(layers_top_first):
        root = place / str(number)
        names.append(root.name)
        known: set[Path] = set()
        for path, data in workload.files(layer):
            _in(root, path, known).write_bytes(data)
        for path in workload.marks(layer):
            os.mknod(_in(root, path, known), 0o020000)
    return names


def _in(root: Path, path: str, known: set[Path]) -> Path:
    target = root / path[1:]
    if target.parent not in known:
        target.parent.mkdir(parents=True, exist_ok=True)
        known.add(target.parent)
    return target


def mounted(
    subject: workload.Subject,
    resources: ExitStack,
    command: Callable[[Sequence[str], Path], list[str]] | None = None,
) -> Path:
    """
    Write layers, mount them, and give the mount point.

    Args:
        subject: The layers.
        resources: Unmounts and removes everything.
        command: Gives the command line that mounts; by default the kernel's overlayfs.

    Raises:
        OSError: They cannot be mounted here.
    """
    reason = _why_no_mounts()
    if reason:
        raise OSError(errno.EPERM, reason)
    command = command or overlayfs_command
    place = resources.enter_context(scratch())
    names = write_layers(place, subject.layers_top_first)
    for extra in ("upper", "work", "merged"):
        (place / extra).mkdir()
    _run(command(names, place), place)
    merged = place / "merged"
    resources.callback(_unmount, merged)
    for _ in range(MOUNT_SECONDS_MAX * 10):  # a daemon may need a moment
        if os.path.ismount(merged):
            break
        time.sleep(0.1)
    return merged


def _stat(place: Path) -> Callable[[str], object]:
    """Give `os.stat` below a mount point."""
    stat, prefix = os.stat, str(place)
    return lambda path: stat(prefix + path)


def overlayfs_command(names: Sequence[str], place: Path) -> list[str]:
    """Give the command line that mounts; names are short, for one page must do."""
    del place
    options = f"lowerdir={':'.join(names)},upperdir=upper,workdir=work"
    return ["mount", "-t", "overlay", "overlay", "-o", options, "merged"]


def _fuse_overlayfs_command(names: Sequence[str], place: Path) -> list[str]:
    lower = ":".join(str(place / name) for name in names)
    options = f"lowerdir={lower},upperdir={place}/upper,workdir={place}/work"
    return ["fuse-overlayfs", "-o", options, str(place / "merged")]


def _unionfs_fuse_command(names: Sequence[str], place: Path) -> list[str]:
    branches = [f"{place}/upper=RW", *(f"{place / name}=RO" for name in names)]
    return ["unionfs", "-o", "cow", ":".join(branches), str(place / "merged")]


def _run(command: Sequence[str], place: Path | None = None) -> None:
    environment = {**os.environ, "LIBMOUNT_FORCE_MOUNT2": "always"}
    done = subprocess.run(  # noqa: S603 - of the commands above
        command,
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MOUNT_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise OSError(done.returncode, f"{command[0]}: {words[-1][:200]}")


def _unmount(place: Path) -> None:
    if os.path.ismount(place):
        command = ["umount", "-l", str(place)]
        subprocess.run(command, check=False, capture_output=True, timeout=60)  # noqa: S603 - likewise


def _kernel(subject: workload.Subject, resources: ExitStack) -> Opened:
    return Opened(_stat(mounted(subject, resources)), (OSError,))


def _fuse_overlayfs(subject: workload.Subject, resources: ExitStack) -> Opened:
    function = _stat(mounted(subject, resources, _fuse_overlayfs_command))
    return Opened(function, (OSError,), timer=time.perf_counter_ns)


def _unionfs_fuse(subject: workload.Subject, resources: ExitStack) -> Opened:
    function = _stat(mounted(subject, resources, _unionfs_fuse_command))
    return Opened(function, (OSError,), timer=time.perf_counter_ns)


HOST_PEERS: Final = (
    Peer("overlayfs", _kernel, _why_no_mounts),
    Peer(
        "fuse-overlayfs",
        _fuse_overlayfs,
        _why_no_fuse("fuse-overlayfs"),
        layers_max=FUSE_OVERLAYFS_LAYERS_MAX,
    ),
    Peer("unionfs-fuse", _unionfs_fuse, _why_no_fuse("unionfs"), whiteouts=False),
)
