"""
The images of an engine: loaded, tagged, inspected, committed to, and removed.

Images share layers, and containers share the folded view of an image: a layer that
two images have in the same place is one object here.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, final

import attrs

from unionfs_sim.containers import archives
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.ids import short
from unionfs_sim.containers.initlayer import init_layer
from unionfs_sim.containers.instructions import Config, full_config
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Regular
from unionfs_sim.core.stack import Stack
from unionfs_sim.image.build import encoded, new_image
from unionfs_sim.image.image import Image as ImageValue
from unionfs_sim.image.model import ImageConfig
from unionfs_sim.image.names import canonical
from unionfs_sim.image.naming import is_repo_tag

if TYPE_CHECKING:
    from unionfs_sim.containers.imagestore import ImageStore

DOCKER_VERSION: Final = "20.10.24"
OVERLAY_ROOT: Final = "/var/lib/docker/overlay2"


@final
@attrs.frozen
class Usage:
    """
    What a container says of its image.

    Attributes:
        container: The container's id.
        image: The image's id.
        running: Whether it runs.
        chain_ids: The stacks that it keeps.
    """

    container: str
    image: str
    running: bool
    chain_ids: Sequence[str]


def reference(name: str, tag: str = "") -> str:
    """
    Give a name as Docker keeps it.

    Raises:
        InvalidParameter: No image can have it.

    >>> reference("docker.io/library/busybox"), reference("app", "1")
    ('busybox:latest', 'app:1')
    """
    full = canonical(f"{name}:{tag}" if tag else name)
    if not is_repo_tag(full):
        msg = "invalid reference format"
        if name != name.lower():
            msg += ": repository name must be lowercase"
        raise InvalidParameter(msg)
    return full


def derive(
    base: ImageValue | None,
    *,
    config: Config,
    layer: Layer | None,
    created: str,
    created_by: str = "",
    comment: str = "",
    author: str = "",
    container: str = "",
    container_config: Config | None = None,
) -> ImageValue:
    """
    Make an image of another one: a step of its history, with a layer or without.

    Args:
        base: The image; ``None`` starts from nothing.
        config: What containers start with.
        layer: The new layer on top, if there is one.
        created: When, as RFC 3339 text.
        created_by: The step, for the history.
        comment: What else there is to say.
        author: Who.
        container: The id of the container that it was made of.
        container_config: What that container was made with.

    Raises:
        FormatError: The layer holds what an image cannot.
    """
    image = base or new_image(())
    if layer is not None:
        image = image.with_layer(layer)
    old = base.config.document if base is not None and base.config else {}
    step: dict[str, Any] = {"created": created}
    if created_by:
        step["created_by"] = created_by
    if author:
        step["author"] = author
    if comment:
        step["comment"] = comment
    if layer is None:
        step["empty_layer"] = True
    document: dict[str, Any] = {
        "architecture": old.get("architecture", "amd64"),
        "config": config,
        "created": created,
        "docker_version": DOCKER_VERSION,
        "history": [*copy.deepcopy(old.get("history") or []), step],
        "os": old.get("os", "linux"),
        "rootfs": {"type": "layers", "diff_ids": list(image.diff_ids)},
    }
    if container:
        document["container"] = container
    if container_config is not None:
        document["container_config"] = container_config
    if author or old.get("author"):
        document["author"] = author or old["author"]
    raw = encoded(document)
    value = ImageConfig.of(document, raw, place="image")
    return attrs.evolve(
        image,
        config=value,
        image_id=value.image_id,
        manifest_digest=None,
        manifest_raw=None,
        names=(),
    )


@final
class Image:
    """
    One image of an engine.

    Attributes:
        id: The digest of its config.
        value: The image itself, with its layers.
        parent: The id of the image that it was built on by this engine, or nothing.
    """

    def __init__(
        self, store: ImageStore, value: ImageValue, parent: str, comment: str
    ) -> None:
        assert value.image_id is not None, "every image of an engine has a config"
        self._store = store
        self._stack: Stack | None = None
        self._comment = comment
        self.id = value.image_id
        self.value = value
        self.parent = parent

    @property
    def comment(self) -> str:
        """What ``docker inspect`` shows as such."""
        return self._comment

    @property
    def short_id(self) -> str:
        """The first digits of the id."""
        return f"sha256:{short(self.id)}"

    @property
    def tags(self) -> list[str]:
        """Its names, in order."""
        return self._store.tags_of(self.id)

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return dict(self.config.get("Labels") or {})

    @property
    def document(self) -> Mapping[str, Any]:
        """Its config file, as it was parsed."""
        assert self.value.config is not None, "every image of an engine has a config"
        return self.value.config.document

    @property
    def config(self) -> Config:
        """What containers start with."""
        return self.document.get("config") or {}

    @property
    def layers(self) -> Stack:
        """Its layers alone, as a stack."""
        return Stack(self.value.layers_top_first())

    @property
    def stack(self) -> Stack:
        """Its layers under the ``-init`` layer, folded once."""
        if self._stack is None:
            below = self.layers
            self._stack = below.push(init_layer(below))
        return self._stack

    @property
    def size(self) -> int:
        """The bytes of the regular files of all its layers."""
        return sum(map(layer_size, self.value.layers_base_first))

    @property
    def attrs(self) -> dict[str, Any]:
        """What ``docker image inspect`` shows."""
        document = self.document
        shown = {
            "Id": self.id,
            "RepoTags": self.tags,
            "RepoDigests": [],
            "Parent": self.parent,
            "Comment": self._comment,
            "Created": document.get("created", "0001-01-01T00:00:00Z"),
            "Container": document.get("container", ""),
            "ContainerConfig": full_config(document.get("container_config")),
            "DockerVersion": document.get("docker_version", ""),
            "Author": document.get("author", ""),
            "Config": full_config(self.config),
            "Architecture": document.get("architecture", ""),
            "Os": document.get("os", ""),
            "Size": self.size,
            "VirtualSize": self.size,
            "GraphDriver": self._store.graph_driver(self.value.chain_ids),
            "RootFS": {"Type": "layers", "Layers": list(self.value.diff_ids)},
            "Metadata": {"LastTagTime": self._store.tagged_at(self.id)},
        }
        if document.get("variant"):
            shown["Variant"] = document["variant"]
        return shown

    def history(self) -> list[dict[str, Any]]:
        """Give the steps, newest first, as ``docker history`` shows them."""
        sizes = iter(map(layer_size, self.value.layers_base_first))
        rows: list[dict[str, Any]] = [
            {
                "Id": "<missing>",
                "Created": step.get("created", ""),
                "CreatedBy": step.get("created_by", ""),
                "Tags": None,
                "Size": 0 if step.get("empty_layer") else next(sizes, 0),
                "Comment": step.get("comment", ""),
            }
            for step in self.document.get("history") or []
        ][::-1]
        image: Image | None = self
        for row in rows:
            if image is None:
                break
            row["Id"] = image.id
            row["Tags"] = image.tags or None
            image = self._store.find(image.parent)
        return rows

    def tag(self, repository: str, tag: str = "") -> bool:
        """Give it one more name; an image that had it loses it."""
        self._store.tag(self.id, repository, tag)
        return True

    def save(self) -> bytes:
        """Give the archive that ``docker save`` writes."""
        out = io.BytesIO()
        archives.save([(self.value, self.tags)], out)
        return out.getvalue()

    def __repr__(self) -> str:
        """Show the names, as the Docker SDK does."""
        return f"<Image: {', '.join(repr(tag) for tag in self.tags)}>"


def layer_size(layer: Layer) -> int:
    """Give the bytes of the regular files of a layer; an inode counts once."""
    nodes = {
        id(entry): entry.content.size
        for _, entry in layer.items()
        if isinstance(entry, Regular)
    }
    return sum(nodes.values())
