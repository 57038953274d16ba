"""Recorded sessions with Docker: what a file holds, and what an engine starts with."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import attrs

from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.ids import random_id
from unionfs_sim.containers.images import derive
from unionfs_sim.containers.scheduling import Timeline
from unionfs_sim.core.content import hole
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Regular
from unionfs_sim.errors import FormatError
from unionfs_sim.image.image import Image

SCHEMA: Final = 1
_GZIP: Final = b"\x1f\x8b"
_CREATED: Final = "2001-09-09T01:46:40Z"
_BINARY_BYTES: Final = 1_980_000

#: One step: a command line, a build, or something done on the host; see `replay`.
Step: TypeAlias = Mapping[str, Any]


@final
@attrs.frozen
class Scenario:
    """
    One session, which starts with the base image alone.

    Attributes:
        id: Its name.
        title: What it is about.
        tags: Words to find it by.
        steps: What was done, and what came of it.
    """

    id: str
    title: str
    tags: tuple[str, ...]
    steps: tuple[Step, ...]

    def document(self) -> dict[str, Any]:
        """Give it as it lies in a file."""
        return {
            "id": self.id,
            "title": self.title,
            "tags": list(self.tags),
            "steps": [dict(step) for step in self.steps],
        }


@final
@attrs.frozen
class Recording:
    """
    The sessions of a file.

    Attributes:
        engine: What they were recorded with.
        base_image: What the base image holds.
        scenarios: The sessions.
    """

    engine: str
    base_image: Mapping[str, Any] = attrs.field(repr=False)
    scenarios: tuple[Scenario, ...] = attrs.field(repr=False)


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """
    Read a file of sessions, compressed by gzip or not.

    Raises:
        FormatError: It is no such file.
        OSError: It cannot be read.
    """
    place = os.fspath(path)
    raw = Path(place).read_bytes()
    try:
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
        return _recording(json.loads(raw))
    except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
        msg = f"no recording of Docker sessions: {error!r}"
        raise FormatError(f"{place}: {msg}") from error


def _recording(document: Mapping[str, Any]) -> Recording:
    if document["schema"] != SCHEMA:
        msg = f"schema {document['schema']!r} is not known"
        raise ValueError(msg)
    return Recording(
        str(document["engine"]),
        document["base_image"],
        tuple(
            Scenario(
                str(each["id"]),
                str(each.get("title", "")),
                tuple(each.get("tags", ())),
                tuple(each["steps"]),
            )
            for each in document["scenarios"]
        ),
    )


def base_images(described: Mapping[str, Any]) -> tuple[Image, Image]:
    """Make the base image of a recording, and the step before its last one."""
    builder = LayerBuilder("busybox")
    for entry in described["entries"]:
        parts = tuple(entry["path"].split("/"))
        meta = Meta(mode=int(entry["mode"], 8))
        if entry["type"] == "dir":
            builder.set_meta(parts, meta)
        else:
            builder.add(parts, Regular(entry["content"], meta))
    # As long as a real one, for the sizes that are shown.
    binary = Regular(hole(_BINARY_BYTES), Meta(mode=0o755))
    for name in described["bin"]:
        builder.add(("bin", name), binary)
    layer: Layer = builder.freeze()
    config = {"Env": described["config"]["Env"]}
    first = derive(
        None,
        config=config,
        layer=layer,
        created=_CREATED,
        created_by=f"/bin/sh -c #(nop) ADD file:{'0' * 64} in / ",
    )
    last = derive(
        first,
        config={**config, "Cmd": ["sh"]},
        layer=None,
        created=_CREATED,
        created_by='/bin/sh -c #(nop)  CMD ["sh"]',
    )
    return first, last


def fresh_engine(images: tuple[Image, Image]) -> Engine:
    """
    Make an engine that holds nothing but the base image, on a host with ``/data``.

    Its clock is the real one, as clients look at their own.
    """
    engine = Engine(clock=Timeline(time.time_ns, real=True), ids=random_id)
    load_base(engine, images)
    return engine


def load_base(engine: Engine, images: tuple[Image, Image]) -> None:
    """Give an engine what every scenario starts with."""
    engine.host.nfs = False  # as the kernel of the recording
    first, last = images
    parent = engine.images.add(first)
    engine.images.add(last, ["busybox"], parent=parent.id)
    engine.host.fs.mkdir("/data")
