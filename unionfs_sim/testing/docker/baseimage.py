"""The image that every scenario starts with: described, and made of a description."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.ids import random_id
from unionfs_sim.containers.images import derive
from unionfs_sim.containers.scheduling import Timeline
from unionfs_sim.core.content import hole
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Directory, Regular, Symlink
from unionfs_sim.errors import FormatError
from unionfs_sim.image.image import Image

#: What every scenario calls it.
NAME: Final = "busybox"

_CREATED: Final = "2001-09-09T01:46:40Z"
#: As long as a real one, for the sizes that are shown.
_BINARY_BYTES: Final = 1_980_000
#: Longer files, and those that are no text, are described by their size alone.
_TEXT_BYTES: Final = 4096
#: The steps of an image whose description names none.
_HISTORY: Final = (
    f"/bin/sh -c #(nop) ADD file:{'0' * 64} in / ",
    '/bin/sh -c #(nop)  CMD ["sh"]',
)
_CONFIG: Final = ("Cmd", "Env", "Entrypoint", "Volumes", "WorkingDir", "User")


# --- making --------------------------------------------------------------------------


def base_images(described: Mapping[str, Any]) -> tuple[Image, ...]:
    """
    Make the base image of a recording.

    Returns:
        An image for each step of its history, the base image last; that one alone if
        it was not built where it was recorded.
    """
    config = {key: value for key, value in described["config"].items() if value}
    history = described.get("history", _HISTORY)
    made: list[Image] = []
    for number, step in enumerate(history):
        last = number == len(history) - 1
        image = derive(
            made[-1] if made else None,
            config=config if last else {"Env": config.get("Env")},
            layer=None if made else _layer(described),
            created=_CREATED,
            created_by=step,
        )
        made.append(image)
    return tuple(made) if described.get("built", True) else (made[-1],)


def _layer(described: Mapping[str, Any]) -> Layer:
    builder = LayerBuilder(NAME)
    for entry in described["entries"]:
        parts = tuple(entry["path"].split("/"))
        uid, _, gid = entry.get("owner", "0:0").partition(":")
        mode = int(entry.get("mode", "0777"), 8)
        meta = Meta(mode=mode, uid=int(uid), gid=int(gid))
        if entry["type"] == "dir":
            builder.set_meta(parts, meta)
        elif entry["type"] == "symlink":
            builder.add(parts, Symlink(entry["target"], meta))
        else:
            text = entry.get("content")
            content = hole(entry["size"]) if text is None else text
            builder.add(parts, Regular(content, meta))
    size = described.get("binary_bytes", _BINARY_BYTES)
    binary = Regular(hole(size), Meta(mode=0o755))
    for name in described["bin"]:
        builder.add(("bin", name), binary)
    return builder.freeze()


def fresh_engine(images: tuple[Image, ...]) -> Engine:
    """
    Make an engine that holds nothing but the base image, on a host with ``/data``.

    Its clock is the real one, as clients look at their own.
    """
    engine = Engine(clock=Timeline(time.time_ns, real=True), ids=random_id)
    load_base(engine, images)
    return engine


def load_base(engine: Engine, images: tuple[Image, ...]) -> None:
    """Give an engine what every scenario starts with."""
    engine.host.nfs = False  # as the kernel of the recording
    parent = ""
    for image in images:
        tags = [NAME] if image is images[-1] else []
        parent = engine.images.add(image, tags, parent=parent).id
    engine.host.fs.mkdir("/data")


# --- describing ----------------------------------------------------------------------


def describe(image: Image, *, built: bool) -> dict[str, Any]:
    """
    Describe a base image, so that `base_images` can make one like it.

    Args:
        image: The image.
        built: Whether the steps of its history are images, too.

    Raises:
        FormatError: It has several layers, or an entry that cannot be described.
    """
    layers = image.layers_base_first
    if len(layers) != 1:
        msg = f"{NAME} has {len(layers)} layers: scenarios want a base image of one"
        raise FormatError(msg)
    layer = layers[0]
    document = image.config.document if image.config else {}
    config = document.get("config") or {}
    binary = layer.get(("bin", NAME)) or layer.get(("bin", "sh"))
    if not isinstance(binary, Regular):
        msg = f"{NAME} has no /bin/{NAME}"
        raise FormatError(msg)
    applets = [name for name in _names(layer) if layer.get(("bin", name)) is binary]
    return {
        "name": f"{NAME}:latest",
        "layers": 1,
        "built": built,
        "history": [
            str(step.get("created_by", "")) for step in document.get("history", ())
        ],
        "config": {key: config.get(key) for key in _CONFIG},
        "entries": list(_entries(layer, {("bin", name) for name in applets})),
        "bin": applets,
        "binary_bytes": binary.content.size,
    }


def _names(layer: Layer) -> list[str]:
    folder = layer.get(("bin",))
    return sorted(folder.entries) if isinstance(folder, Directory) else []


def _entries(layer: Layer, left_out: set[tuple[str, ...]]) -> Iterator[dict[str, Any]]:
    for parts, node in sorted(layer.items(), key=lambda each: each[0]):
        if not parts or parts in left_out:
            continue
        path = "/".join(parts)
        if not isinstance(node, Directory | Regular | Symlink):
            msg = f"{NAME}: /{path} cannot be described: {node!r}"
            raise FormatError(msg)
        made: dict[str, Any] = {"path": path}
        if not isinstance(node, Symlink):
            made["mode"] = f"{node.meta.mode & 0o7777:04o}"
        made["owner"] = f"{node.meta.uid}:{node.meta.gid}"
        if isinstance(node, Directory):
            made["type"] = "dir"
        elif isinstance(node, Symlink):
            made |= {"type": "symlink", "target": node.target}
        else:
            made |= {"type": "file", **_content(node)}
        yield made


def _content(node: Regular) -> dict[str, Any]:
    if node.content.size <= _TEXT_BYTES:
        try:
            return {"content": node.content.read(0, node.content.size).decode()}
        except UnicodeDecodeError:
            pass
    return {"size": node.content.size}
