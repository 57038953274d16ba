"""
Images made and edited, as pure functions: nothing is written here.

An edit gives a new image; layers that it does not touch keep their stored bytes, so
that writing the image changes neither their diff IDs nor their blobs.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, TypeAlias

import attrs

from unionfs_sim.core.fold import NOTHING
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Device, Fifo, Regular, Symlink
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.core.stack import Stack
from unionfs_sim.errors import SpecError
from unionfs_sim.image import digest
from unionfs_sim.image.combine import combine
from unionfs_sim.image.compress import Measured, Progress
from unionfs_sim.image.image import Image, LayerBlob, layer_label
from unionfs_sim.image.limits import Oddity
from unionfs_sim.image.model import (
    OCI_LAYER,
    Descriptor,
    History,
    ImageConfig,
    Platform,
)
from unionfs_sim.image.storable import storable
from unionfs_sim.image.tarwriter import tar_pieces

#: What images run on that nobody says anything of.
DEFAULT_PLATFORM: Final = Platform(os="linux", architecture="amd64")

_LEAVES: Final = (Regular, Symlink, Device, Fifo)

_Document: TypeAlias = dict[str, Any]


@attrs.frozen(kw_only=True)
class _Part:
    """One layer of an image with all that the image knows of it."""

    layer: Layer
    diff_id: str
    descriptor: Descriptor
    blob: LayerBlob | None
    oddities: tuple[Oddity, ...] = ()


def new_image(
    sources_base_first: Iterable[Layer | Image],
    *,
    platform: Platform = DEFAULT_PLATFORM,
    runtime: Mapping[str, Any] | None = None,
    names: Sequence[str] = (),
    created: str = "",
    created_by: str = "",
    author: str = "",
    comment: str = "",
    mtime_max_ns: int | None = None,
    progress: Progress | None = None,
) -> Image:
    """
    Make an image of layers, and of all layers of other images, base first.

    Takes one reading of each `Layer`, for its digest; layers of images keep their
    stored bytes and their history.  Nothing depends on when this runs.

    Args:
        sources_base_first: The layers, and images that bring theirs.
        platform: What the image runs on.
        runtime: What a container starts with: ``Env``, ``Cmd`` and so on.
        names: The image's names.
        created: When it was made, as RFC 3339 text; left out if empty.
        created_by: What made the layers.
        author: Who made it.
        comment: What else there is to say of the layers.
        mtime_max_ns: Later times in the layers become this one.
        progress: Told how many bytes of how many of a layer have been read.

    Raises:
        FormatError: A layer holds what an image cannot, such as a socket.
        OSError: The content of a file is gone.

    >>> image = new_image([Layer.build({"motd": "hello"})], names=["hello:1"])
    >>> image.diff_ids == (image.layers_base_first[0].diff_id,)
    True
    >>> image.image_id[:19]
    'sha256:c7757d99764d'
    """
    parts: list[_Part] = []
    history: list[_Document] = []
    resources = ExitStack()
    step = _step(
        History(created=created, created_by=created_by, author=author, comment=comment)
    )
    for source in sources_base_first:
        if isinstance(source, Image):
            resources.callback(source.close)
            parts += _parts(source)
            history += _history(source) if source.config else [dict(step)]
        else:
            below = _Below(parts)
            parts.append(_fresh(source, len(parts), below, mtime_max_ns, progress))
            history.append(dict(step))
    said = {"created": created, "author": author}
    document = _new_document(platform, said)
    document["config"] = dict(runtime or {})
    start = Image(
        place="new image",
        layers_base_first=(),
        diff_ids=(),
        chain_ids=(),
        names=tuple(names),
        resources=resources,
    )
    return _edited(start, parts, document, history)


def _new_document(platform: Platform, said: Mapping[str, str]) -> _Document:
    """Start a config; what is empty is left out."""
    members = {
        **said,
        "architecture": platform.architecture,
        "os": platform.os,
        "variant": platform.variant,
    }
    return {name: text for name, text in members.items() if text}


def with_layer(
    image: Image, layer: Layer, step: History, *, mtime_max_ns: int | None = None
) -> Image:
    """
    Give an image with one more layer on top; see `Image.with_layer`.

    Raises:
        FormatError: The layer holds what an image cannot.
        OSError: The content of a file is gone.
    """
    parts = _parts(image)
    parts.append(_fresh(layer, len(parts), _Below(parts), mtime_max_ns))
    document = _document(image)
    if step.created:
        document["created"] = step.created
    return _edited(image, parts, document, [*_history(image), _step(step)])


def squash(
    image: Image,
    first: int = 0,
    last: int | None = None,
    *,
    created_by: str = "squash",
    comment: str = "",
    created: str = "",
    mtime_max_ns: int | None = None,
    progress: Progress | None = None,
) -> Image:
    """
    Make one layer of a range of layers; the merged view stays what it is.

    The steps of their history stay, as steps without a layer, before the new one.
    Takes O(n log n) for the entries of the range, and one reading of its files; a
    range of one layer is left alone.

    Args:
        image: The image.
        first: The lowest layer of the range; the base is layer 0.
        last: The highest one, which is in the range; the topmost by default.
        created_by: What made the layer, for the history.
        comment: What else there is to say; by default which layers it was.
        created: When, as RFC 3339 text; by default as the highest of the layers.
        mtime_max_ns: Later times in the layers become this one.
        progress: Told how many bytes of how many have been read.

    Raises:
        SpecError: There is no such range.
        FormatError: The layers hold what an image cannot.
        OSError: The content of a file is gone.

    >>> from unionfs_sim import WHITEOUT
    >>> layers = [Layer.build(spec) for spec in ({"a": "1"}, {"a": WHITEOUT, "b": ""})]
    >>> squashed = squash(new_image(layers))
    >>> [path for path, _ in squashed.layers_base_first[0].walk()]
    ['/', '/b']
    """
    count = len(image.layers_base_first)
    if last is None:
        last = count - 1
    if not 0 <= first <= last < count:
        msg = f"there are no layers {first} to {last} in an image of {count}"
        raise SpecError(msg)
    if first == last:
        return image
    parts = _parts(image)
    below = _Below(parts[:first])
    together = combine(image.layers_base_first[first : last + 1], below())
    fresh = _fresh(together, first, below, mtime_max_ns, progress)
    steps = _history(image)
    numbers = [i for i, step in enumerate(steps) if not step.get("empty_layer")]
    for number in numbers[first : last + 1]:
        steps[number]["empty_layer"] = True
    top = numbers[last]
    made = History(
        created=created or str(steps[top].get("created") or ""),
        created_by=created_by,
        comment=comment or f"layers {first} to {last} of {count}",
    )
    steps.insert(top + 1, _step(made))
    document = _document(image)
    if created:
        document["created"] = created
    return _edited(image, [*parts[:first], fresh, *parts[last + 1 :]], document, steps)


def rebase(image: Image, old_base: Image, new_base: Image) -> Image:
    """
    Put the layers that an image has above a base on another base.

    Layers keep their stored bytes, but for one with a hard link to a file of the old
    base, which gets that file; the config is the image's own.  Closing the result
    closes the image and the new base.  Takes O(n) for the entries of the image.

    Args:
        image: The image.
        old_base: What it was built on: its lowest layers are those of this image.
        new_base: What it is to stand on.

    Raises:
        SpecError: The image does not start with the layers of *old_base*.
        OSError: The content of a file that is to be copied is gone.

    >>> old, new = (new_image([Layer.build({"v": version})]) for version in "12")
    >>> image = old.with_layer(Layer.build({"app": ""}))
    >>> rebase(image, old, new).diff_ids == (*new.diff_ids, image.diff_ids[1])
    True
    """
    count = len(old_base.diff_ids)
    if image.diff_ids[:count] != old_base.diff_ids:
        common = sum(
            1
            for one, other in zip(image.diff_ids, old_base.diff_ids, strict=False)
            if one == other
        )
        msg = (
            f"{image.place} is not built on {old_base.place}:"
            f" of its {count} layers it has {common}"
        )
        raise SpecError(msg)
    resources = ExitStack()
    resources.callback(image.close)
    resources.callback(new_base.close)
    parts = _parts(new_base)
    seen: set[int] = set()
    for number, part in enumerate(_parts(image)):
        inodes = _inodes(part.layer)
        if number >= count:
            linked = not inodes.isdisjoint(seen)
            below = _Below(tuple(parts))
            parts.append(
                _fresh(part.layer, len(parts), below, None) if linked else part
            )
        seen |= inodes
    old_steps, steps = _history(old_base), _history(image)
    cut = len(old_steps)
    if steps[:cut] != old_steps:
        cut = _steps_of(steps, count)
    moved = attrs.evolve(image, resources=resources)
    history = [*_history(new_base), *steps[cut:]]
    return _edited(moved, parts, _document(image), history)


def _inodes(layer: Layer) -> set[int]:
    """Give the identities of a layer's inodes; some may be of a layer below."""
    return {id(entry) for _, entry in layer.items() if isinstance(entry, _LEAVES)}


@attrs.frozen
class _Below:
    """The merged view of some layers, folded when it is needed."""

    parts: Sequence[_Part]

    def __call__(self) -> DirectoryRecord:
        """Give the root of the view."""
        if not self.parts:
            return NOTHING
        return Stack(part.layer for part in reversed(self.parts)).root


def complete(image: Image) -> Image:
    """
    Give an image that says how each layer is stored, whoever made it.

    One of host directories has layers alone, whose digests are taken here.

    Raises:
        FormatError: A layer holds what an image cannot.
        OSError: The content of a file is gone.

    >>> image = new_image([Layer.build({"motd": "hello"})])
    >>> complete(image) is image
    True
    >>> bare = attrs.evolve(image, blobs=(), diff_ids=("",), descriptors=())
    >>> complete(bare).diff_ids == image.diff_ids
    True
    """
    if len(image.blobs) == len(image.layers_base_first):
        return image
    made = new_image(image.layers_base_first, names=image.names)
    resources = ExitStack()
    resources.callback(image.close)
    return attrs.evolve(made, place=image.place, resources=resources)


def _parts(image: Image) -> list[_Part]:
    image = complete(image)
    return [
        _Part(layer=layer, diff_id=diff_id, descriptor=descriptor, blob=blob)
        for layer, diff_id, descriptor, blob in zip(
            image.layers_base_first,
            image.diff_ids,
            image.descriptors,
            image.blobs,
            strict=True,
        )
    ]


def _fresh(
    layer: Layer,
    number: int,
    below: _Below,
    mtime_max_ns: int | None,
    progress: Progress | None = None,
) -> _Part:
    """Bring a layer into the form that is stored, and take its digest."""
    view = below() if layer.root.special else NOTHING
    kept, oddities = storable(layer, view, mtime_max_ns=mtime_max_ns)
    measured = Measured(tar_pieces(kept))
    total = sum(
        entry.content.size for _, entry in kept.items() if isinstance(entry, Regular)
    )
    for _ in measured:
        if progress is not None:
            progress(min(measured.size, total), total)
    diff_id = measured.digest
    kept = attrs.evolve(kept, label=layer_label(number, diff_id), diff_id=diff_id)
    descriptor = Descriptor(media_type=OCI_LAYER, digest=diff_id, size=measured.size)
    return _Part(
        layer=kept, diff_id=diff_id, descriptor=descriptor, blob=None, oddities=oddities
    )


def _edited(
    image: Image,
    parts: Sequence[_Part],
    document: _Document,
    history: Sequence[_Document],
) -> Image:
    """Give an image with other layers, and a config that fits them."""
    diff_ids = tuple(part.diff_id for part in parts)
    document["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
    document.pop("history", None)
    if history:
        document["history"] = list(history)
    raw = encoded(document)
    config = ImageConfig.of(document, raw, place=image.place)
    return attrs.evolve(
        image,
        layers_base_first=tuple(
            attrs.evolve(part.layer, label=layer_label(number, part.diff_id))
            for number, part in enumerate(parts)
        ),
        diff_ids=diff_ids,
        chain_ids=digest.chain_ids(diff_ids),
        image_id=config.image_id,
        manifest_digest=None,
        manifest_raw=None,
        config=config,
        descriptors=tuple(part.descriptor for part in parts),
        blobs=tuple(part.blob for part in parts),
        oddities=(*image.oddities, *(odd for part in parts for odd in part.oddities)),
    )


def encoded(document: object) -> bytes:
    """
    Give the bytes of a JSON document: no blanks, ASCII alone, members in their order.

    >>> encoded({"os": "linux", "author": "J\u00f6rg"})
    b'{"os":"linux","author":"J\\\\u00f6rg"}'
    """
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _document(image: Image) -> _Document:
    """Give a copy of the config, or a new one for an image that has none."""
    if image.config is not None:
        return copy.deepcopy(dict(image.config.document))
    return {**_new_document(DEFAULT_PLATFORM, {}), "config": {}}


def config_of(image: Image) -> ImageConfig:
    """
    Give an image's config, or the one that the tar of a single layer is written with.

    >>> config_of(new_image([])).os
    'linux'
    """
    if image.config is not None:
        return image.config
    made = _edited(image, _parts(image), _document(image), ()).config
    assert made is not None, "every edit makes a config"
    return made


def _history(image: Image) -> list[_Document]:
    """
    Give a copy of the history with exactly one step for each layer.

    Steps are missing in old images, and one more of them would not fit the layers.
    """
    found = image.config.document.get("history") if image.config else None
    steps: list[_Document] = copy.deepcopy(found or [])
    surplus = _layer_steps(steps) - len(image.diff_ids)
    for step in steps:
        if surplus > 0 and not step.get("empty_layer"):
            step["empty_layer"] = True
            surplus -= 1
    return [*steps, *({} for _ in range(-surplus))]


def _layer_steps(steps: Sequence[_Document]) -> int:
    return sum(1 for step in steps if not step.get("empty_layer"))


def _steps_of(steps: Sequence[_Document], layers: int) -> int:
    """Give how many steps the lowest layers take."""
    seen = 0
    for number, step in enumerate(steps):
        if seen == layers:
            return number
        seen += not step.get("empty_layer")
    return len(steps)


def _step(step: History) -> _Document:
    """Give a step as it stands in a config; what is empty is left out."""
    members = {
        "created": step.created,
        "created_by": step.created_by,
        "author": step.author,
        "comment": step.comment,
    }
    return {name: text for name, text in members.items() if text}
