"""The image store of an engine: names, shared layers, and what a removal takes along."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import attrs

from unionfs_sim.containers import archives
from unionfs_sim.containers import filters as filtering
from unionfs_sim.containers.durations import moment_ns
from unionfs_sim.containers.errors import Conflict, InvalidParameter, NotFound
from unionfs_sim.containers.ids import Ids, short
from unionfs_sim.containers.images import (
    OVERLAY_ROOT,
    Image,
    Usage,
    derive,
    reference,
)
from unionfs_sim.containers.instructions import Config, change, parse_change
from unionfs_sim.core.content import literal
from unionfs_sim.core.layer import Layer
from unionfs_sim.errors import FormatError
from unionfs_sim.image.build import complete, config_of
from unionfs_sim.image.image import Image as ImageValue
from unionfs_sim.image.names import canonical
from unionfs_sim.image.naming import is_bare, is_repo_tag
from unionfs_sim.image.open import open_image
from unionfs_sim.image.tarlayer import read_layer

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")
_ID: Final = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})")
#: What a removal did: ``{"Untagged": name}`` and ``{"Deleted": digest}``.
Removed: TypeAlias = list[dict[str, str]]

_Images: TypeAlias = list[Image]
_Names: TypeAlias = list[str]
_Loaded: TypeAlias = list[tuple[Image, list[str]]]

_NEVER: Final = "0001-01-01T00:00:00Z"


@final
class ImageStore:
    """
    The images of an engine.

    >>> from unionfs_sim.containers.ids import CountedIds
    >>> from unionfs_sim.image.build import new_image
    >>> images = ImageStore(CountedIds(), lambda: "2001-09-09T01:46:40Z")
    >>> base = images.add(new_image([Layer.build({"motd": "hi"})]), ["hello"])
    >>> images.get("hello").tags
    ['hello:latest']
    >>> images.remove("hello")[0]
    {'Untagged': 'hello:latest'}
    """

    def __init__(
        self,
        ids: Ids,
        now: Callable[[], str],
        usages: Callable[[], Iterable[Usage]] = tuple,
    ) -> None:
        self._ids = ids
        self._now = now
        self._usages = usages
        self._images: dict[str, Image] = {}
        self._tags: dict[str, str] = {}
        self._tagged_at: dict[str, str] = {}
        self._layers: dict[str, Layer] = {}
        self._directories: dict[str, str] = {}
        self._resources = ExitStack()

    # --- finding --------------------------------------------------------------

    @property
    def names(self) -> Mapping[str, str]:
        """All names, each with the id of its image."""
        return self._tags

    def identifiers(self) -> _Names:
        """List the ids of all images, intermediate ones too."""
        return [*self._images]

    def find(self, identifier: str) -> Image | None:
        """Give the image of a full id, or ``None``."""
        return self._images.get(identifier)

    def get(self, name: str) -> Image:
        """
        Find an image by a name, its id, or the start of its id.

        Raises:
            NotFound: There is none.
            InvalidParameter: No image can have that name.
        """
        found = self._tags.get(canonical(name))
        if found is None and (match := _ID.fullmatch(name)):
            starting = [
                key for key in self._images if key.startswith(f"sha256:{match[1]}")
            ]
            if len(starting) == 1:
                found = starting[0]
        if found is not None:
            return self._images[found]
        if _ID.fullmatch(name) is None or not name.startswith("sha256:"):
            # Without a registry no image is known by the digest of its manifest.
            name = name if _DIGEST.search(name) else reference(name)
        msg = f"No such image: {name}"
        raise NotFound(msg)

    def tags_of(self, identifier: str) -> _Names:
        """List the names of an image, in order."""
        return sorted(tag for tag, found in self._tags.items() if found == identifier)

    def tagged_at(self, identifier: str) -> str:
        """Tell when an image got its last name."""
        return self._tagged_at.get(identifier, _NEVER)

    def list(self, name: str | None = None, *, all: bool = False) -> _Images:  # noqa: A002 - the word of the Docker SDK
        """
        List the images, newest first; those that only others build on if *all*.

        Args:
            name: Those of this repository, or with this name.
            all: Whether intermediate images are listed.
        """
        parents = {image.parent for image in self._images.values()}
        found = [
            image
            for image in reversed(self._images.values())
            if all or image.tags or image.id not in parents
        ]
        if name is not None:
            wanted = canonical(name)
            found = [
                image
                for image in found
                if any(tag in (wanted, name) or tag.rpartition(":")[0] == name
                       for tag in image.tags)
            ]  # fmt: skip
        created = {
            image.id: str(image.document.get("created", "")).rstrip("Z")
            for image in found
        }
        return sorted(found, key=lambda image: created[image.id], reverse=True)

    # --- getting images in ----------------------------------------------------

    def add(
        self,
        value: ImageValue,
        tags: Iterable[str] = (),
        *,
        parent: str = "",
        comment: str = "",
    ) -> Image:
        """
        Take an image in, sharing the layers that are here already.

        Args:
            value: The image; it stays open as long as the engine.
            tags: Its names.
            parent: The id of the image that it was made of.
            comment: What ``docker inspect`` shows as such.
        """
        value = complete(value)
        if value.config is None or value.image_id is None:
            config = config_of(value)
            value = attrs.evolve(value, config=config, image_id=config.image_id)
        layers = tuple(
            self._layers.setdefault(chain, layer)
            for chain, layer in zip(
                value.chain_ids, value.layers_base_first, strict=True
            )
        )
        value = attrs.evolve(value, layers_base_first=layers)
        assert value.image_id is not None, "it has just been given a config"
        image = self._images.get(value.image_id)
        if image is None:
            image = Image(self, value, parent, comment)
            self._images[image.id] = image
        for tag in tags:
            self.tag(image.id, tag)
        return image

    def load(self, source: bytes | str | os.PathLike[str]) -> _Images:
        """
        Load all images of an archive, or of a layout in a directory.

        Args:
            source: The archive itself, or where it is.

        Raises:
            InvalidParameter: It is no archive of images.
            OSError: It cannot be read.
        """
        return [image for image, _ in self.load_named(source)]

    def load_named(self, source: bytes | str | os.PathLike[str]) -> _Loaded:
        """Load as `load`, and give with each image the names that came with it."""
        path = self._spooled(source) if isinstance(source, bytes) else os.fspath(source)
        loaded: _Loaded = []
        for name in archives.names_in(path):
            try:
                value = open_image(path, name=name)
            except FormatError as error:
                raise InvalidParameter(str(error)) from error
            self.keep_open(value)
            if value.config is None:  # the tar of a layer, say [use-cp]
                msg = "there is no manifest.json, and no repositories"
                raise InvalidParameter(msg)
            tags = [tag for tag in value.names if not is_bare(tag) and is_repo_tag(tag)]
            image = self.add(value, tags)
            self._tagged_at.pop(image.id, None)  # a load notes no time
            loaded.append((image, list(map(canonical, tags))))
        return loaded

    def keep_open(self, value: ImageValue) -> None:
        """Close an image's files with the store."""
        self._resources.callback(value.close)

    def forget(self, image: Image) -> None:
        """Take an image out that only a container still has."""
        self._images.pop(image.id, None)

    def _spooled(self, data: bytes) -> str:
        folder = self._resources.enter_context(
            tempfile.TemporaryDirectory(prefix="unionfs-sim-")
        )
        path = Path(folder, "image.tar")
        path.write_bytes(data)
        return str(path)

    def import_image(
        self,
        data: bytes,
        repository: str | None = None,
        tag: str = "",
        *,
        changes: Sequence[str] = (),
        message: str = "Imported from -",
    ) -> Image:
        """
        Make an image of one layer of a tar of a tree, as ``docker import`` does.

        Raises:
            InvalidParameter: It is no such tar, or a change makes no sense.
        """
        try:
            layer = read_layer(literal(data), place="import", lenient=True).layer
        except FormatError as error:
            raise InvalidParameter(str(error)) from error
        config: Config = {}
        for text in changes:
            change(config, parse_change(text))
        value = derive(
            None, config=config, layer=layer, created=self._now(), comment=message
        )
        names = [reference(repository, tag)] if repository else []
        return self.add(value, names, comment=message)

    # --- names ----------------------------------------------------------------

    def tag(self, name: str, repository: str, tag: str = "") -> None:
        """
        Give an image one more name; an image that had it loses it.

        Raises:
            NotFound: There is no such image.
            InvalidParameter: No image can have the name.
        """
        image = self.get(name)
        full = reference(repository, tag)
        self._tags.pop(full, None)
        self._tags[full] = image.id
        self._tagged_at[image.id] = self._now()

    # --- removing -------------------------------------------------------------

    def remove(self, name: str, *, force: bool = False, prune: bool = True) -> Removed:
        """
        Take a name from an image; with the last one goes the image.

        Args:
            name: A name, an id, or the start of one.
            force: Whether an image of stopped containers, or with several names, goes.
            prune: Whether images go too that only this one was built on.

        Returns:
            What happened: ``{"Untagged": name}`` and ``{"Deleted": digest}``.

        Raises:
            Conflict: Something needs it.
            NotFound: There is none.
        """
        image = self.get(name)
        full = canonical(name)
        done: Removed = []
        by_name = self._tags.get(full) == image.id
        if by_name:
            user = next(self._users(image), None)
            if len(image.tags) == 1 and not force and user is not None:
                msg = (
                    f"conflict: unable to remove repository reference"
                    f' "{_familiar(name)}" (must force) - container'
                    f" {short(user.container)} is using its referenced image"
                    f" {short(image.id)}"
                )
                raise Conflict(msg)
            del self._tags[full]
            done.append({"Untagged": full})
            if image.tags:
                return done
        else:
            self._check_delete(image, force=force)
            for tag in image.tags:
                del self._tags[tag]
                done.append({"Untagged": tag})
        self._delete(image, done, force=force, prune=prune)
        return done

    def _users(self, image: Image) -> Iterator[Usage]:
        return (each for each in self._usages() if each.image == image.id)

    def _check_delete(self, image: Image, *, force: bool) -> None:
        """Refuse to delete an image by its id that something needs."""
        repositories = {tag.rpartition(":")[0] for tag in image.tags}
        start = f"conflict: unable to delete {short(image.id)}"
        for each in self._users(image):
            if each.running:
                msg = (
                    f"{start} (cannot be forced) - image is being used by running"
                    f" container {short(each.container)}"
                )
                raise Conflict(msg)
        if any(each.parent == image.id for each in self._images.values()):
            msg = f"{start} (cannot be forced) - image has dependent child images"
            raise Conflict(msg)
        if force:
            return
        if len(repositories) > 1:
            msg = (
                f"{start} (must be forced) - image is referenced in multiple"
                " repositories"
            )
            raise Conflict(msg)
        for each in self._users(image):
            msg = (
                f"{start} (must be forced) - image is being used by stopped"
                f" container {short(each.container)}"
            )
            raise Conflict(msg)

    def _delete(self, image: Image, done: Removed, *, force: bool, prune: bool) -> None:
        """Delete images, the given one first, up to one that something needs."""
        current: Image | None = image
        while current is not None:
            users = list(self._users(current))
            needed = any(each.running or not force for each in users) or any(
                each.parent == current.id for each in self._images.values()
            )
            if needed or current.tags:
                return
            del self._images[current.id]
            done.append({"Deleted": current.id})
            done.extend({"Deleted": chain} for chain in self._released(current))
            if not prune:
                return
            current, force = self._images.get(current.parent), False

    def _released(self, image: Image) -> _Names:
        """Forget the layers that nothing needs any more, and name them, top first."""
        kept: set[str] = set()
        for other in self._images.values():
            kept.update(other.value.chain_ids)
        for usage in self._usages():
            kept.update(usage.chain_ids)
        gone = [chain for chain in image.value.chain_ids if chain not in kept]
        for chain in gone:
            self._layers.pop(chain, None)
            self._directories.pop(chain, None)
        return gone[::-1]

    def prune(
        self,
        *,
        all: bool = False,  # noqa: A002 - likewise
        filters: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """
        Remove images without a name, or *all* that no container uses.

        Args:
            all: Whether those with names go too.
            filters: ``label``, ``label!``, ``until``; ``dangling`` is the opposite of
                `all`.

        Raises:
            InvalidParameter: There is no such filter.
            System: ``until`` is no moment.
        """
        wanted = filtering.listed(filters)
        filtering.check(wanted, filtering.IMAGE_PRUNE_FILTERS)
        until = filtering.until_ns(wanted, moment_ns(self._now(), 0))
        everything = all or not filtering.flag(wanted, "dangling", default=True)
        done: Removed = []
        freed = 0
        for image in self.list():
            if image.id not in self._images or next(self._users(image), None):
                continue
            if image.tags and not everything:
                continue
            labels = image.config.get("Labels") or {}
            if not filtering.prunable(labels, wanted):
                continue
            if until is not None and moment_ns(image.attrs["Created"], 0) > until:
                continue
            freed += image.size
            for tag in image.tags:
                del self._tags[tag]
                done.append({"Untagged": tag})
            self._delete(image, done, force=False, prune=True)
        return {"ImagesDeleted": done or None, "SpaceReclaimed": freed if done else 0}

    # --- lasting ------------------------------------------------------------------

    def record(self) -> dict[str, Any]:
        """Give what a state must keep besides the images themselves."""
        return {"directories": self._directories, "tagged_at": self._tagged_at}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Take over what `record` gave, once the images are here."""
        self._directories.update(record["directories"])
        self._tagged_at.update(record["tagged_at"])

    # --- where layers lie -----------------------------------------------------

    def directory(self, chain_id: str) -> str:
        """Give the id of the directory of a layer under ``overlay2``."""
        found = self._directories.get(chain_id)
        if found is None:
            found = self._directories[chain_id] = self._ids()
        return found

    def directories(self) -> Mapping[str, Layer]:
        """Give the layers by the ids of their directories."""
        return {self.directory(chain): layer for chain, layer in self._layers.items()}

    def lower_directories(self, chain_ids: Sequence[str]) -> _Names:
        """List the directories of a stack, topmost first."""
        return [f"{OVERLAY_ROOT}/{self.directory(each)}/diff" for each in chain_ids][
            ::-1
        ]

    def graph_driver(self, chain_ids: Sequence[str]) -> dict[str, Any]:
        """Give what ``docker image inspect`` shows of where the layers lie."""
        if not chain_ids:
            return {"Data": {}, "Name": "overlay2"}
        top, *lower = self.lower_directories(chain_ids)
        base = top.removesuffix("/diff")
        data = {"LowerDir": ":".join(lower)} if lower else {}
        data |= {
            "MergedDir": f"{base}/merged",
            "UpperDir": top,
            "WorkDir": f"{base}/work",
        }
        return {"Data": data, "Name": "overlay2"}

    def close(self) -> None:
        """Close the files of all images."""
        self._resources.close()


def _familiar(name: str) -> str:
    """Give a name as the caller wrote it, without what Docker adds by itself."""
    full = canonical(name)
    return full.removesuffix(":latest") if not name.endswith(":latest") else full
