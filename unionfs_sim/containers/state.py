"""
The state of an engine in a directory: what outlives its process.

After each verb all of it is kept in one transaction.  Processes do not survive: what
ran is found exited, with Docker's 255, before restart policies start it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import attrs

from unionfs_sim.containers import stateimages
from unionfs_sim.containers.container import Container
from unionfs_sim.containers.ids import CountedIds
from unionfs_sim.containers.images import Image
from unionfs_sim.containers.mountplan import MountPoint
from unionfs_sim.containers.spec import TmpfsOptions
from unionfs_sim.containers.statefiles import Key, StateDirectory
from unionfs_sim.containers.states import State
from unionfs_sim.containers.statetrees import Trees, blobs_of
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.union import UnionFS
from unionfs_sim.image.open import open_image
from unionfs_sim.image.write import write_image

if TYPE_CHECKING:
    from unionfs_sim.containers.engine import Engine

_LOST: Final = 255
#: The tree of the disk of the host.
HOST: Final = "host"


def _encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@final
class EngineState:
    """
    Keeps an engine in a directory.

    Args:
        engine: The engine; its host's disk has been read already.
        directory: The directory.
        trees: The trees in it.
        dirty: The unions that were changed: containers by id, or the host.
    """

    def __init__(
        self, engine: Engine, directory: StateDirectory, trees: Trees, dirty: set[str]
    ) -> None:
        self._engine = engine
        self._directory = directory
        self._dirty = dirty
        self._trees = trees
        self._written: set[str] = set()
        self._loading = True
        self._load()
        self._loading = False
        stateimages.keep_only(self._images_path, self._written)
        self.save()

    # --- keeping ------------------------------------------------------------------

    def save(self) -> None:
        """Keep everything as it is now."""
        if self._loading:
            return
        engine = self._engine
        documents: dict[Key, bytes] = {}
        for image in self._images():
            documents["image", image.id] = self._image(image)
        for number, network in enumerate(engine.networks.list()):
            record = {**network.record(), "number": number}
            documents["network", network.id] = _encoded(record)
        for container in engine.containers:
            documents["container", container.id] = self._container(container)
            self._note(container.id, container.rw)
        self._note(HOST, engine.host.root)
        self._trees.keep_only([HOST, *(each.id for each in engine.containers)])
        documents.update(self._trees.documents())
        documents["engine", "volumes"] = _encoded(engine.volumes.records())
        documents["engine", "images"] = _encoded(engine.images.record())
        documents["engine", "cache"] = _encoded(
            [[*key, value] for key, value in engine.build_cache.items()]
        )
        documents["engine", "counters"] = _encoded(self._counters())
        self._directory.save(documents)
        self._trees.sweep()
        self._sweep_images(documents)

    def _sweep_images(self, documents: Mapping[Key, bytes]) -> None:
        """Remove the images from the directory that nobody has any more."""
        names = {
            name.removeprefix("sha256:") for kind, name in documents if kind == "image"
        }
        if self._written != names:
            self._written = names
            stateimages.keep_only(self._images_path, names)

    @property
    def _images_path(self) -> Path:
        return self._directory.path / "images"

    def _note(self, key: str, union: UnionFS) -> None:
        """Keep the upper of a union, if it was changed since the last time."""
        if key in self._dirty or key not in self._trees:
            self._trees.note(key, union.space.root)
            self._dirty.discard(key)

    def _counters(self) -> dict[str, int]:
        ids = self._engine.ids
        return {
            "ids": ids.count if isinstance(ids, CountedIds) else 0,
            "now_ns": self._engine.clock(),
        }

    def _images(self) -> list[Image]:
        """Give all images, those too that only a container still has."""
        found = {image.id: image for image in self._engine.images.list(all=True)}
        for container in self._engine.containers:
            found.setdefault(container.image.id, container.image)
        return list(found.values())

    def _image(self, image: Image) -> bytes:
        name = image.id.removeprefix("sha256:")
        if name not in self._written:
            value = attrs.evolve(image.value, names=(name,))
            write_image(value, self._images_path, compression="none", append=True)
            self._written.add(name)
        there = self._engine.images.find(image.id) is not None
        return _encoded(
            {
                "tags": image.tags,
                "parent": image.parent,
                "comment": image.comment,
                "created": image.document.get("created", ""),
                "there": there,
            }
        )

    def _container(self, each: Container) -> bytes:
        link = each.link
        return _encoded(
            {
                "name": each.name,
                "image": each.image.id,
                "config": each.config,
                "host_config": each.host_config,
                "networking": each.networking,
                "created_ns": each.created_ns,
                "layer_id": each.layer_id,
                "state": attrs.asdict(each.state),
                "stopped": each.stopped,
                "restart_count": each.restart_count,
                "link": [
                    link.sandbox,
                    link.networks,
                    link.files,
                    list(link.extra),
                    link.left,
                ],
                "mounts": [_mount(point) for point in each.mount_points],
                "log": [
                    [stream, data.decode("latin-1"), when]
                    for stream, data, when in each.log
                ],
            }
        )

    # --- finding again ------------------------------------------------------------

    def _load(self) -> None:
        engine, documents = self._engine, self._directory.documents()
        if not documents:
            return
        counters = json.loads(documents["engine", "counters"])
        if isinstance(engine.ids, CountedIds):
            engine.ids.skip_to(counters["ids"])
        engine.clock.advance_to(counters["now_ns"])
        by_kind: dict[str, dict[str, Any]] = {}
        for (kind, name), value in documents.items():
            if kind != "engine":
                by_kind.setdefault(kind, {})[name] = json.loads(value)
        networks = sorted(
            by_kind.get("network", {}).values(), key=lambda each: each["number"]
        )
        engine.networks.restore(networks)
        images = self._load_images(by_kind.get("image", {}))
        engine.images.restore(json.loads(documents["engine", "images"]))
        engine.build_cache.update(
            ((parent, key), value)
            for parent, key, value in json.loads(documents["engine", "cache"])
        )
        engine.volumes.load(json.loads(documents["engine", "volumes"]))
        containers = by_kind.get("container", {})
        for name in sorted(containers, key=lambda key: containers[key]["created_ns"]):
            upper = self._trees.load(name, documents)
            self._load_container(name, containers[name], images, upper)
        self._directory.keep_only(blobs_of(documents))

    def _load_images(self, records: Mapping[str, Any]) -> dict[str, Image]:
        found: dict[str, Image] = {}
        store = self._engine.images
        for identifier in sorted(records, key=lambda key: str(records[key]["created"])):
            record = records[identifier]
            name = identifier.removeprefix("sha256:")
            value = open_image(self._images_path, name=name, verify=False)
            store.keep_open(value)
            self._written.add(name)
            image = store.add(
                attrs.evolve(value, names=()),
                record["tags"],
                parent=record["parent"],
                comment=record["comment"],
            )
            if not record["there"]:
                store.forget(image)
            found[identifier] = image
        return found

    def _load_container(
        self,
        identifier: str,
        record: Mapping[str, Any],
        images: Mapping[str, Image],
        upper: Layer,
    ) -> None:
        engine = self._engine
        container = Container(
            engine,
            identifier,
            record["name"],
            images[record["image"]],
            config=record["config"],
            host_config=record["host_config"],
            networking=record["networking"],
            created_ns=record["created_ns"],
            layer_id=record["layer_id"],
            upper=upper,
        )
        state = State(**record["state"])
        if state.running:
            state = attrs.evolve(
                state,
                status="exited",
                pid=0,
                exit_code=_LOST,
                finished_ns=engine.clock(),
            )
        container.state = state
        container.stopped = record["stopped"]
        container.restart_count = record["restart_count"]
        link = container.link
        link.sandbox, link.networks, link.files, extra, *left = record["link"]
        link.left = bool(left and left[0])
        link.extra = tuple(extra)
        container.log = [
            (stream, data.encode("latin-1"), when)
            for stream, data, when in record["log"]
        ]
        container.mount_points = tuple(
            self._load_mount(value) for value in record["mounts"]
        )
        engine.containers.take(container)

    def _load_mount(self, value: dict[str, Any]) -> MountPoint:
        given = dict(value)
        options = given.pop("options")
        volume = None
        if given["type"] == "volume":
            volume = self._engine.volumes.get(given["name"])
        return MountPoint(
            **given,
            options=None if options is None else TmpfsOptions(*options),
            volume=volume,
        )

    def close(self) -> None:
        """Keep everything, and let another engine have the directory."""
        self.save()
        self._directory.close()


def _mount(point: MountPoint) -> dict[str, Any]:
    kept = {
        field.name: getattr(point, field.name)
        for field in attrs.fields(MountPoint)
        if field.name not in {"volume", "options"}
    }
    options = point.options
    kept["options"] = (
        None if options is None else [options.text, options.size_bytes, options.mode]
    )
    return kept
