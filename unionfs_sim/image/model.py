"""Descriptors, manifests, indexes and image configs as frozen values."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import attrs

from unionfs_sim.errors import FormatError
from unionfs_sim.image import digest
from unionfs_sim.image.decompress import Compression
from unionfs_sim.image.documents import Members

REF_NAME: Final = "org.opencontainers.image.ref.name"
FULL_NAME: Final = "io.containerd.image.name"

INDEX_TYPES: Final = frozenset(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
MANIFEST_TYPES: Final = frozenset(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
CONFIG_TYPES: Final = frozenset(
    (
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    )
)

DOCKER_PLAIN_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"

OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_OCI_FOREIGN: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
_DOCKER_FOREIGN: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar"

#: The media types of layers, with the compression that they announce.
LAYER_TYPES: Final[Mapping[str, Compression | None]] = {
    OCI_LAYER: None,
    f"{OCI_LAYER}+gzip": "gzip",
    f"{OCI_LAYER}+zstd": "zstd",
    _OCI_FOREIGN: None,
    f"{_OCI_FOREIGN}+gzip": "gzip",
    f"{_OCI_FOREIGN}+zstd": "zstd",
    DOCKER_PLAIN_LAYER: None,
    f"{DOCKER_PLAIN_LAYER}.gzip": "gzip",
    f"{DOCKER_PLAIN_LAYER}.zstd": "zstd",
    f"{_DOCKER_FOREIGN}.gzip": "gzip",
}


@attrs.frozen(kw_only=True)
class Platform:
    """
    What an image runs on.

    >>> Platform.parse("linux/arm64/v8")
    Platform(os='linux', architecture='arm64', variant='v8')
    >>> str(Platform.parse("linux/amd64"))
    'linux/amd64'
    """

    os: str = ""
    architecture: str = ""
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """
        Read the form ``os/architecture[/variant]``.

        Raises:
            FormatError: The text is anything else.
        """
        parts = text.split("/")
        if not 2 <= len(parts) <= 3 or not all(parts):
            msg = f"{text!r} is not a platform such as 'linux/amd64'"
            raise FormatError(msg)
        return cls(os=parts[0], architecture=parts[1], variant="/".join(parts[2:]))

    def __str__(self) -> str:
        """Give the form that `parse` reads."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@attrs.frozen(kw_only=True)
class Descriptor:
    """
    What a document says of a blob: its type, digest and size.

    Attributes:
        media_type: What kind of content it is.
        digest: The digest of the stored bytes.
        size: Their number.
        annotations: Further texts by name.
        platform: What the image runs on, if that is said.
        urls: Where else the blob may be had.
        data: The blob itself, if it is embedded.
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = attrs.field(factory=dict)
    platform: Platform | None = None
    urls: tuple[str, ...] = ()
    data: bytes | None = attrs.field(default=None, repr=False)

    @classmethod
    def of(cls, members: Members) -> Descriptor:
        """
        Read a descriptor.

        Raises:
            FormatError: A member is missing or of another type, or the digest is
                malformed.
        """
        platform = members.optional_members("platform")
        data = members.optional_text("data")
        try:
            embedded = base64.b64decode(data, validate=True) if data else None
        except (binascii.Error, ValueError) as error:
            msg = f"{members.place}: 'data' is not base64"
            raise FormatError(msg) from error
        return cls(
            media_type=members.text("mediaType"),
            digest=digest.parse(members.text("digest"), place=members.place),
            size=members.size("size"),
            annotations=members.text_map("annotations"),
            platform=Platform(
                os=platform.optional_text("os"),
                architecture=platform.optional_text("architecture"),
                variant=platform.optional_text("variant"),
            )
            if platform.values
            else None,
            urls=members.texts("urls", needed=False),
            data=embedded,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names that annotations give the image, the tag first."""
        return tuple(
            dict.fromkeys(
                self.annotations[key]
                for key in (REF_NAME, FULL_NAME)
                if self.annotations.get(key)
            )
        )


@attrs.frozen(kw_only=True)
class Index:
    """A list of manifests or of further indexes."""

    manifests: tuple[Descriptor, ...]

    @classmethod
    def of(cls, value: object, *, place: str) -> Index:
        """
        Read an image index.

        Raises:
            FormatError: It is none.
        """
        members = Members.of(value, place)
        _check_schema(members)
        return cls(manifests=tuple(map(Descriptor.of, members.each("manifests"))))


@attrs.frozen(kw_only=True)
class Manifest:
    """
    What an image is made of.

    Attributes:
        config: Its config.
        layers_base_first: Its layers.
    """

    config: Descriptor
    layers_base_first: tuple[Descriptor, ...]

    @classmethod
    def of(cls, value: object, *, place: str) -> Manifest:
        """
        Read the manifest of an image.

        Raises:
            FormatError: It is none, or that of something else than an image.
        """
        members = Members.of(value, place)
        _check_schema(members)
        config = Descriptor.of(members.members("config"))
        if config.media_type not in CONFIG_TYPES:
            msg = f"{place}: an artifact of type {config.media_type!r}, not an image"
            raise FormatError(msg)
        layers = tuple(map(Descriptor.of, members.each("layers")))
        return cls(config=config, layers_base_first=layers)


def _check_schema(members: Members) -> None:
    version = members.values.get("schemaVersion")
    if version != 2 or isinstance(version, bool):
        msg = f"{members.place}: 'schemaVersion' is {version!r:.100}, not 2"
        raise FormatError(msg)


@attrs.frozen(kw_only=True)
class History:
    """
    How one step of a build came about.

    Attributes:
        created: When, as RFC 3339 text.
        created_by: The command.
        author: Who.
        comment: What else was to be said.
        empty_layer: Whether the step made no layer.
    """

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False

    @classmethod
    def of(cls, members: Members) -> History:
        """
        Read an entry of the history.

        Raises:
            FormatError: A member is of another type.
        """
        empty = members.values.get("empty_layer")
        if not (empty is None or isinstance(empty, bool)):
            msg = f"{members.place}: 'empty_layer' must be true or false"
            raise FormatError(msg)
        return cls(
            created=members.optional_text("created"),
            created_by=members.optional_text("created_by"),
            author=members.optional_text("author"),
            comment=members.optional_text("comment"),
            empty_layer=empty is True,
        )


@attrs.frozen(kw_only=True)
class ImageConfig:
    """
    The config of an image.

    Attributes:
        raw: Its bytes as they are stored; their digest is the image's ID.
        document: All of it, as it was parsed.
        os: What it runs on.
        architecture: Likewise.
        variant: Likewise.
        created: When it was made, as RFC 3339 text.
        author: By whom.
        diff_ids: The digests of the uncompressed layers, base first.
        history: The steps of its build; those without a layer as well.
    """

    raw: bytes = attrs.field(repr=False)
    document: Mapping[str, Any] = attrs.field(repr=False)
    os: str = ""
    architecture: str = ""
    variant: str = ""
    created: str = ""
    author: str = ""
    diff_ids: tuple[str, ...] = ()
    history: tuple[History, ...] = ()

    @classmethod
    def of(cls, value: object, raw: bytes, *, place: str) -> ImageConfig:
        """
        Read an image's config.

        Raises:
            FormatError: It is none.
        """
        members = Members.of(value, place)
        rootfs = members.members("rootfs")
        kind = rootfs.text("type")
        if kind != "layers":
            msg = f"{rootfs.place}: the type is {kind!r:.100}, not 'layers'"
            raise FormatError(msg)
        diff_ids = rootfs.texts("diff_ids", needed=False)  # null if there are none
        for diff_id in diff_ids:
            digest.parse(diff_id, place=rootfs.place)
        return cls(
            raw=raw,
            document=members.values,
            os=members.optional_text("os"),
            architecture=members.optional_text("architecture"),
            variant=members.optional_text("variant"),
            created=members.optional_text("created"),
            author=members.optional_text("author"),
            diff_ids=diff_ids,
            history=tuple(map(History.of, members.each("history", needed=False))),
        )

    @property
    def image_id(self) -> str:
        """The digest of the config's bytes."""
        return digest.of_bytes(self.raw)

    @property
    def runtime(self) -> Mapping[str, Any]:
        """What a container of the image starts with: ``Env``, ``Cmd`` and so on."""
        found = self.document.get("config")
        return found if isinstance(found, dict) else {}
