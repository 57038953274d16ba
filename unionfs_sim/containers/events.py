"""What happened to an engine's things, as ``docker events`` tells it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, final

import attrs

if TYPE_CHECKING:
    from unionfs_sim.containers.containerbase import ContainerBase
    from unionfs_sim.containers.mountplan import MountPoint

#: How many are kept for those who ask later; Docker keeps as many.
KEPT: Final = 256
_SECOND_NS: Final = 1_000_000_000


@final
@attrs.frozen
class Event:
    """
    Something that happened.

    Attributes:
        kind: To what: ``container``, ``image``, ``volume``, ``network``, ``builder``.
        action: What, such as ``start``.
        actor: The id of the thing.
        attributes: What else there is to say, by name.
        when_ns: When.
    """

    kind: str
    action: str
    actor: str
    attributes: Mapping[str, str]
    when_ns: int

    def attrs(self) -> dict[str, Any]:
        """
        Give it as Docker's API does, keys in order.

        >>> event = Event("volume", "create", "web", {"driver": "local"}, 10**9)
        >>> list(event.attrs())
        ['Type', 'Action', 'Actor', 'scope', 'time', 'timeNano']
        """
        shown: dict[str, Any] = {}
        if self.kind in {"container", "image"}:
            shown["status"] = self.action
            if self.actor:
                shown["id"] = self.actor
            if self.kind == "container" and self.attributes.get("image"):
                shown["from"] = self.attributes["image"]
        return shown | {
            "Type": self.kind,
            "Action": self.action,
            "Actor": {
                "ID": self.actor,
                "Attributes": dict(sorted(self.attributes.items())),
            },
            "scope": "local",
            "time": self.when_ns // _SECOND_NS,
            "timeNano": self.when_ns,
        }


@final
class Events:
    """
    The events of an engine: the last ones, each with its number.

    >>> events = Events(lambda: 0)
    >>> events.add("network", "create", "n1", name="web")
    >>> [(event.kind, event.action) for event in events.after(0)]
    [('network', 'create')]
    >>> events.count, list(events.after(events.count))
    (1, [])
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._recent: deque[Event] = deque(maxlen=KEPT)
        self.count = 0

    def add(self, kind: str, action: str, actor: str, /, **attributes: str) -> None:
        """Take note of something."""
        self._recent.append(Event(kind, action, actor, attributes, self._now_ns()))
        self.count += 1

    def after(self, number: int) -> Iterator[Event]:
        """Give the events from a number on, as far as they are kept."""
        skipped = max(0, len(self._recent) - (self.count - number))
        return iter(list(self._recent)[skipped:])

    # --- of containers ------------------------------------------------------------

    def container(self, container: ContainerBase, action: str, /, **more: str) -> None:
        """Take note of something that happened to a container."""
        attributes = {
            **container.labels,
            "image": str(container.config.get("Image") or ""),
            "name": container.name,
        }
        self.add("container", action, container.id, **{**attributes, **more})

    def networks(self, container: ContainerBase, action: str) -> None:
        """Take note that a container was tied to its networks, or untied."""
        for name, identifier in container.link.networks.items():
            driver = {"host": "host", "none": "null"}.get(name, "bridge")
            self.add(
                "network",
                action,
                identifier,
                container=container.id,
                name=name,
                type=driver,
            )

    def mounts(
        self, container: ContainerBase, points: Sequence[MountPoint], action: str
    ) -> None:
        """Take note that a container's volumes were mounted, or unmounted."""
        for point in points:
            if point.volume is None:
                continue
            shown: dict[str, str] = {"driver": "local", "container": container.id}
            if action == "mount":
                shown["destination"] = point.destination
                shown["propagation"] = ""
                shown["read/write"] = str(point.writable).lower()
            self.add("volume", action, point.volume.name, **shown)
