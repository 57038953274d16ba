"""Who answers for a path: the union and which of its layers, or a mount and from where."""

from __future__ import annotations

from typing import Any, Protocol, final, runtime_checkable

import attrs

from unionfs_sim.containers.attached import Mount, relative
from unionfs_sim.containers.mountwalk import Spot
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.story import Trace
from unionfs_sim.core.union import UnionFS


@runtime_checkable
class Located(Protocol):
    """A file system whose files lie on another host."""

    def locate(self, path: str) -> tuple[str, str]:
        """Give the host, and the path there."""
        ...  # pragma: no cover


@final
@attrs.frozen
class Explanation:
    """
    Who answers for a path.

    Attributes:
        path: The path as it was asked for.
        resolved: The path in the table, links resolved.
        kind: What is there, or ``None``.
        mount: The mount that answers; ``None`` if the union at ``/`` does.
        trace: The story of the lookup in the union that answers, if one does.
        host: The host that the data lies on, if it is known.
        host_path: The path there.
    """

    path: str
    resolved: str
    kind: Kind | None
    mount: Mount | None
    trace: Trace | None
    host: str
    host_path: str

    @property
    def by(self) -> str:
        """Who answers: ``union``, or the type of the mount."""
        return self.mount.source.type if self.mount is not None else "union"

    @property
    def layers(self) -> tuple[str, ...]:
        """The labels of the layers that hold it, top first, if the union answers."""
        if self.mount is not None or self.trace is None:
            return ()
        return self.trace.found_in

    @property
    def survives(self) -> bool:
        """Whether it outlives the container: what a mount from elsewhere holds does."""
        return self.by not in {"union", "tmpfs", "overlay"}

    def to_json(self) -> dict[str, Any]:
        """Give it as a value for ``json.dumps``."""
        return {
            "path": self.path,
            "resolved": self.resolved,
            "type": self.kind.value if self.kind else None,
            "by": self.by,
            "layers": list(self.layers),
            "mount": self.mount.attrs() if self.mount is not None else None,
            "host": self.host or None,
            "host_path": self.host_path or None,
            "survives": self.survives,
        }

    def __str__(self) -> str:
        """Tell it in plain text."""
        lines = [self.path]
        if self.resolved != self.path:
            lines.append(f"  leads to {self.resolved}")
        if self.mount is None:
            where = ", ".join(self.layers) or "no layer"
            lines.append(f"  the union answers: {where}")
            if "upper" in self.layers:
                lines.append("  it goes when the container is removed")
        else:
            lines.append(f"  {_mount_text(self.mount)} answers")
            if self.host_path:
                host = f"{self.host}:" if self.host else ""
                lines.append(f"  it lies at {host}{self.host_path}")
            if self.by == "tmpfs":
                lines.append("  it goes when the container stops")
        if self.kind is None:
            lines.append("  nothing is there")
        return "\n".join(lines)


def _mount_text(mount: Mount) -> str:
    source = mount.source
    access = ", read-only" if mount.read_only else ""
    what = f"{source.type} {source.name or source.source}".rstrip()
    return f"{what} at {mount.path}{access}"


def explain(path: str, spot: Spot) -> Explanation:
    """Make the explanation of where a walk ended."""
    mount = spot.mount
    inner = spot.path
    resolved = mount.path.rstrip("/") + relative(inner, mount.root) or "/"
    trace = None
    if isinstance(mount.fs, UnionFS):
        with mount.backing.lock:
            trace = mount.fs.explain(inner, follow_symlinks=False)
    host, where = mount.source.host, ""
    if isinstance(mount.fs, Located):
        host, where = mount.fs.locate(inner)
    elif mount.backing.owner:
        host, where = mount.backing.owner, inner
    return Explanation(
        path=path,
        resolved=resolved,
        kind=spot.kind,
        mount=mount if mount.parent is not None else None,
        trace=trace,
        host=host,
        host_path=where,
    )
