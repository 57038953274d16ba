"""
Unions on the host: written so that the kernel mounts them, and read back.

`read_directory` and `write_directory` carry raw layers; `write_mount`, `read_upper` and
`read_mount` carry all that one ``mount -t overlay`` is about.
"""

from __future__ import annotations

import os
from typing import Final, final

import attrs

from unionfs_sim.adapters.hostdirs import fresh_directory
from unionfs_sim.adapters.hostread import HostFile, read_directory
from unionfs_sim.adapters.hostwrite import Progress, fill_directory, write_directory
from unionfs_sim.core.clock import Clock
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.paths import StrPath, fspath, to_bytes, to_text
from unionfs_sim.core.policy import MountOptions, Policy
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.union import UnionFS
from unionfs_sim.dialects import overlay
from unionfs_sim.dialects.settled import settle

__all__ = [
    "HostFile",
    "MountPlan",
    "Progress",
    "read_directory",
    "read_mount",
    "read_upper",
    "write_directory",
    "write_mount",
]

#: A mount without an upper takes no single layer (S41), so it gets an empty one more.
_READ_ONLY_LAYERS_MIN: Final = 2


@final
@attrs.frozen
class MountPlan:
    """
    What `write_mount` wrote.

    Attributes:
        directory: Where it is, as an absolute path.
        relative: The options with paths from there, for one who mounts from within:
            an option string of mount(2) is limited to a page.
        notes: A sentence for each kind of thing that was not kept.

    >>> relative = MountOptions(("lower0",), (), "upper", "work", Policy())
    >>> MountPlan("/srv/a,b", relative).options.partition(",upperdir=")[0]
    'lowerdir=/srv/a\\\\,b/lower0'
    """

    directory: str
    relative: MountOptions
    notes: tuple[str, ...] = ()

    @property
    def absolute(self) -> MountOptions:
        """The options with absolute paths."""
        own = self.relative
        return MountOptions(
            tuple(map(self._path, own.lowers)),
            tuple(map(self._path, own.data_only)),
            None if own.upper is None else self._path(own.upper),
            None if own.work is None else self._path(own.work),
            own.policy,
        )

    @property
    def options(self) -> str:
        """The option string, with absolute paths."""
        return str(self.absolute)

    def _path(self, name: str) -> str:
        return f"{self.directory}/{name}"


def write_mount(
    union: UnionFS | Stack,
    directory: StrPath,
    *,
    policy: Policy | None = None,
    xattr_whiteouts: bool = False,
    owners: bool = True,
    devices: bool = True,
    progress: Progress | None = None,
) -> MountPlan:
    """
    Write all that the kernel needs to mount a union, into a new or empty directory.

    Below it are made ``lower0``, ``lower1``, ... from the top down, ``data0``, ...,
    and for a union with an upper ``upper`` and ``work``.  Bookkeeping that speaks of
    our layers (``origin``, ``impure``, ``nlink``, ``uuid``) stays out, and so does the
    index of ``index=on``: hard links that it kept together are apart.  Only the
    caller can enter the directory, for there may be set-id files of root in it.

    An unprivileged caller takes a policy with ``userxattr`` and *owners* and *devices*
    off, and mounts in a user namespace.

    Args:
        union: The union, or a stack to be mounted without an upper.
        directory: Where; its parent is there already.
        policy: The mount options of a stack; a union has its own.
        xattr_whiteouts: Whether the lower layers' whiteouts are xattrs.  In the upper
            they are devices 0:0, for xattrs do not count there.
        owners: As for `write_directory`.
        devices: As for `write_directory`.
        progress: As for `write_directory`.

    Returns:
        How to mount it, and what was not kept.

    Raises:
        SpecError: A layer has a character device 0:0 that is content.
        UnionFSError: What the host says, such as EPERM, or ENOTEMPTY.
    """
    if isinstance(union, UnionFS):
        stack, policy = union.stack, union.space.policy
        upper = None
        if not union.space.read_only:
            upper = overlay.upper_on_disk(union, portable=True)
    else:
        stack, upper, policy = union, None, policy or Policy()
    lowers = settle(stack, ghosts=policy.ghosts)
    needed = 1 if upper is not None else _READ_ONLY_LAYERS_MIN
    missing = needed - len(lowers) - len(stack.rules.data_only)
    lowers += [Layer.build({})] * max(missing, 0 if lowers else 1)
    named = {
        f"lower{index}": overlay.encode(
            layer,
            policy.prefix,
            xattr_whiteouts=xattr_whiteouts,
            ghosts=policy.ghosts,
        )
        for index, layer in enumerate(lowers)
    }
    data_only = tuple(f"data{index}" for index in range(len(stack.rules.data_only)))
    for name, data in zip(data_only, stack.rules.data_only, strict=True):
        named[name] = overlay.encode(Layer(name, data.root), policy.prefix)
    if upper is not None:
        named["upper"] = upper
    path = to_text(os.path.abspath(to_bytes(fspath(directory))))  # noqa: PTH100
    notes: list[str] = []
    with fresh_directory(path, op="write_mount") as fd:
        for name, layer in named.items():
            os.mkdir(name, 0o700, dir_fd=fd)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            try:
                found = fill_directory(
                    layer,
                    inner,
                    f"{path}/{name}",
                    owners=owners,
                    devices=devices,
                    xattrs_needed=policy.prefix,
                    progress=progress,
                )
            finally:
                os.close(inner)
            notes += [f"{name}: {sentence}" for sentence in found]
        if upper is not None:
            os.mkdir("work", 0o700, dir_fd=fd)
    relative = MountOptions(
        tuple(name for name in named if name.startswith("lower")),
        data_only,
        None if upper is None else "upper",
        None if upper is None else "work",
        policy,
    )
    return MountPlan(path, relative, tuple(notes))


def read_upper(directory: StrPath) -> Layer:
    """
    Read what the kernel left in the upper of a mount that `write_mount` wrote.

    The layer is raw, for `unionfs_sim.dialects.overlay.mount`, and stays readable as
    long as nobody changes the files: unmount first.  An index is not read.

    Args:
        directory: What `write_mount` was given.

    Raises:
        UnionFSError: What the host says.
    """
    return read_directory(fspath(directory) + "/upper", label="upper")


def read_mount(options: str, *, clock: Clock | None = None) -> UnionFS:
    """
    Read all that an option string of ``mount -t overlay`` names, and mount it here.

    Nothing on the host changes, whatever the union does.  An index is not read.

    Args:
        options: The option string.
        clock: Where times come from.

    Raises:
        UnionFSError: EINVAL, as the kernel; or what the host says.
    """
    found = MountOptions.parse(options)
    return overlay.mount(
        [read_directory(path) for path in found.lowers],
        None if found.upper is None else read_directory(found.upper, label="upper"),
        data_only=[read_directory(path) for path in found.data_only],
        policy=found.policy,
        clock=clock,
    )
