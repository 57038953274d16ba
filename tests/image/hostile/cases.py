"""What a hostile case is, and the wrappings that its bytes come in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from tests.image.conftest import make_archive, make_header, make_layout, make_pax
from unionfs_sim.image.limits import Limits

__all__ = ["BASE", "Case", "digits", "docker", "layered", "make_header", "make_pax"]

#: The layer below: something of each kind to run into.
BASE: Final = b"".join(
    (
        make_header("d", type="5", mode=0o755),
        make_header("d/f", b"low"),
        make_header("etc", type="5", mode=0o755),
        make_header("etc/passwd", b"root"),
        make_header("file", b"low"),
        make_header("link", type="2", link="/tmp"),
        make_header("up", type="2", link="../outside"),
    )
)

#: In `Case.exported`: the host decides; and: it takes too long.
ANY_ANSWER: Final = "."
NOT_TRIED: Final = "not tried"

#: What makes a case's archive; it is told of a folder outside, to point there.
Make = Callable[[Path], bytes]


@attrs.frozen(kw_only=True)
class Case:
    """
    One archive, and what becomes of it.

    Attributes:
        make: Gives the bytes of the archive.
        refused: What the error says; empty if the archive is accepted.
        place: What the error names besides the archive: layer, entry, document.
        shows: For an accepted one, paths with a kind, ``"=text"`` for a file's
            content, ``"->target"`` for a link, or ``None`` for what is not there.
        odd: What a warning says; empty if there is to be none.
        as_: Whom the answer follows, where tools differ.
        options: What `open_image` is told besides the path.
        exported: Whether the host takes it: what the refusal says, if not.
    """

    make: Make
    refused: str = ""
    place: str = ""
    shows: Mapping[str, str | None] = attrs.field(factory=dict)
    odd: str = ""
    as_: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    exported: str = ""


def layered(
    *entries: bytes,
    stored: Callable[[bytes], bytes] | None = None,
    media_type: str = "application/vnd.oci.image.layer.v1.tar",
    edit: Callable[[dict[str, Any]], None] | None = None,
    base: bool = True,
) -> bytes:
    """Give an OCI archive of some entries, and of the base layer below them."""
    tars = [BASE] if base else []
    tars.append(b"".join(entries))
    hostile = tars[-1]

    def wrap(tar: bytes) -> bytes:
        return stored(tar) if stored and tar is hostile else tar

    files = make_layout(*tars, edit=edit, stored=wrap, media_type=media_type)
    return make_archive(files)


def digits(data: bytes) -> str:
    """Give the hexadecimal digits of a digest."""
    return hashlib.sha256(data).hexdigest()


def docker(
    *tars: bytes,
    edit: Callable[[list[dict[str, Any]]], None] | None = None,
    further: Mapping[str, bytes | str] | None = None,
    diff_ids: list[str] | None = None,
) -> bytes:
    """Give a Docker archive, whose documents *edit* can change before."""
    ids = [f"sha256:{digits(tar)}" for tar in tars] if diff_ids is None else diff_ids
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": ids}}).encode()
    files: dict[str, bytes | str] = {f"{digits(config)}.json": config}
    layers = []
    for number, tar in enumerate(tars):
        layers.append(f"{number}/layer.tar")
        files[layers[-1]] = tar
    listed: list[dict[str, Any]] = [
        {"Config": f"{digits(config)}.json", "RepoTags": ["x:1"], "Layers": layers}
    ]
    if edit is not None:
        edit(listed)
    files["manifest.json"] = json.dumps(listed).encode()
    files.update(further or {})
    return make_archive(files)


#: Limits that a test reaches quickly.
SMALL: Final = Limits(entries_max=20_000, layer_bytes_max=64 << 20, path_bytes_max=1000)
