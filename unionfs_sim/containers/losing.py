"""What goes with a container: the lesson of read-write layers, made visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

import attrs

from unionfs_sim.core.nodes import Regular
from unionfs_sim.errors import UnionFSError

if TYPE_CHECKING:
    from unionfs_sim.containers.container import Container


@final
@attrs.frozen
class Loss:
    """
    One thing that removing a container loses.

    Attributes:
        path: Where it is in the container.
        why: ``rw layer``: it goes with the container; ``anonymous volume``: with
            ``rm -v`` or ``--rm``; ``tmpfs``: already with the stop.
        size_bytes: How many bytes.
        keep: How it could be kept.

    >>> print(Loss("/db/t1", "rw layer", 5, "put a volume at /db"))
    /db/t1 (5 bytes) is in the rw layer: put a volume at /db
    """

    path: str
    why: Literal["rw layer", "anonymous volume", "tmpfs"]
    size_bytes: int
    keep: str

    def __str__(self) -> str:
        """Tell it in one line."""
        return (
            f"{self.path} ({self.size_bytes} bytes) is in the {self.why}: {self.keep}"
        )


def losses(container: Container) -> list[Loss]:
    """List what would be lost by removing a container, by path."""
    found: list[Loss] = []
    layer = container.rw.commit()
    for change in container.diff():
        if change.kind == "D":
            continue
        entry = layer.get(tuple(part for part in change.path.split("/") if part))
        if not isinstance(entry, Regular):
            continue
        parent = change.path.rpartition("/")[0] or "/"
        keep = f"put a volume at {parent}" if parent != "/" else "write it to a volume"
        found.append(Loss(change.path, "rw layer", entry.content.size, keep))
    for point in container.mount_points:
        volume = point.volume
        if volume is None or not point.anonymous or volume.users != [container.id]:
            continue
        keep = f"give the volume a name: -v NAME:{point.destination}"
        loss = Loss(point.destination, "anonymous volume", volume.size_bytes, keep)
        found.append(loss)
    found += [
        Loss(path, "tmpfs", _size(container, path), "use a volume")
        for path in (*(container.host_config.get("Tmpfs") or {}), *_tmpfs(container))
    ]
    return sorted(found, key=lambda loss: loss.path)


def _tmpfs(container: Container) -> list[str]:
    return [x.destination for x in container.mount_points if x.type == "tmpfs"]


def _size(container: Container, path: str) -> int:
    table = container.table
    if table is None:
        return 0
    try:
        return sum(
            table.lstat(f"{top.rstrip('/')}/{name}").st_size
            for top, _, names in table.walk(path)
            for name in names
        )
    except UnionFSError:
        return 0
