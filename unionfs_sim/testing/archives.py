"""
Hypothesis strategies for image archives, and for what can happen to them.

Archives are built from layers that are drawn; damage is done to bytes, to whole blocks,
to fields of headers whose checksums are then made right, and to documents, before and
after the digests are made.  Needs the extra ``testing``.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from hypothesis import strategies as st

from unionfs_sim.core.layer import Layer
from unionfs_sim.core.meta import Meta
from unionfs_sim.errors import FormatError
from unionfs_sim.image import tarheaders, tarwriter
from unionfs_sim.image.model import REF_NAME
from unionfs_sim.testing import strategies

#: The forms that archives are drawn in.
Form: TypeAlias = Literal["layer", "oci", "docker"]

_BLOCK_BYTES: Final = 512
_META: Final = Meta(mode=0o644)
_OCI: Final = "application/vnd.oci.image"

#: Where the fields of a header are, with their lengths.
_FIELDS: Final = (
    (0, 100), (100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (156, 1), (157, 100),
    (257, 8), (329, 8), (337, 8), (345, 155), (386, 24), (482, 1), (483, 12),
)  # fmt: skip

#: What trips a careless reader of a field.
_VALUES: Final = (
    b"", b"../../x", b"/etc/passwd", b".wh.", b"a/.wh..", b".wh...", b".wh..wh..opq",
    b"\xff" * 12, b"\x80" + b"\xff" * 11, b"-1", b"77777777777", b"0", b"1", b"5", b"L",
    b"K", b"x", b"g", b"S", b"3", b"99999999999", b"\0" * 12, b" " * 12, b"a/b/c",
    b"19 path=../../../x\n", b"9999999 path=a\n",
)  # fmt: skip


def tars() -> st.SearchStrategy[bytes]:
    """Draw the tar of a layer, with names that are hard to handle among others."""
    return strategies.layers(hostile=True).map(_tar)


def _tar(layer: Layer) -> bytes:
    target = io.BytesIO()
    try:
        tarwriter.write_layer(layer, target)
    except FormatError:  # a name that no tar of a layer can have
        return bytes(2 * _BLOCK_BYTES)
    return target.getvalue()


def archive(
    tars_base_first: Sequence[bytes],
    *,
    form: Form = "oci",
    compressed: bool = False,
    members: Mapping[str, Any] | None = None,
) -> bytes:
    """
    Put tars into an archive whose digests are right.

    Args:
        tars_base_first: The layers; of the form ``"layer"`` only the first counts.
        form: Which archive.
        compressed: Whether layers are compressed, and a single one as a whole.
        members: Further or other members of the manifest.

    >>> len(archive([bytes(1024)], form="layer"))
    1024
    """
    pack = _gzip if compressed else bytes
    if form == "layer":
        return pack(tars_base_first[0]) if tars_base_first else bytes(1024)
    files: dict[str, bytes] = {}
    diff_ids = [f"sha256:{_digits(tar)}" for tar in tars_base_first]
    config = _json({"rootfs": {"type": "layers", "diff_ids": diff_ids}})
    if form == "docker":
        layers = []
        for number, tar in enumerate(tars_base_first):
            layers.append(f"{number}/layer.tar")
            files[layers[-1]] = pack(tar)
        files["config.json"] = config
        listed = {"Config": "config.json", "RepoTags": ["a:b"], "Layers": layers}
        files["manifest.json"] = _json([{**listed, **(members or {})}])
        return _packed(files)
    suffix = "+gzip" if compressed else ""
    manifest = _json(
        {
            "schemaVersion": 2,
            "config": _put(files, config, f"{_OCI}.config.v1+json"),
            "layers": [
                _put(files, pack(tar), f"{_OCI}.layer.v1.tar{suffix}")
                for tar in tars_base_first
            ],
            **(members or {}),
        }
    )
    entry = _put(files, manifest, f"{_OCI}.manifest.v1+json")
    entry["annotations"] = {REF_NAME: "latest"}
    files["index.json"] = _json({"schemaVersion": 2, "manifests": [entry]})
    files["oci-layout"] = _json({"imageLayoutVersion": "1.0.0"})
    return _packed(files)


def archives(*, damaged: bool = False) -> st.SearchStrategy[bytes]:
    """
    Draw an archive of up to three layers, in any form.

    Args:
        damaged: Whether layers are damaged before they are put in, so that all digests
            are right, documents have odd members, and the whole is damaged at the end.
    """
    layers = tars()
    members: st.SearchStrategy[Mapping[str, Any] | None] = st.none()
    if damaged:
        layers = st.one_of(layers, layers.flatmap(damages))
        members = st.none() | st.dictionaries(
            st.sampled_from(["config", "layers", "schemaVersion", "Config", "Layers"]),
            documents(),
            max_size=2,
        )
    whole = st.builds(
        archive,
        st.lists(layers, max_size=3),
        form=st.sampled_from(["layer", "oci", "docker"]),
        compressed=st.booleans(),
        members=members,
    )
    return st.one_of(whole, whole.flatmap(damages)) if damaged else whole


def documents() -> st.SearchStrategy[Any]:
    """Draw a JSON value of the kinds that manifests are made of, in wrong places."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from([0, -1, 2, 2**63, 1.5, 1e300]),
        st.sampled_from(
            ["", "..", "/", "../x", "sha256:" + "0" * 64, "a\0b", "\udc80"]
        ),
    )
    keys = st.sampled_from(["mediaType", "digest", "size", "urls", "data", "platform"])
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
        ),
        max_leaves=6,
    )


@st.composite
def damages(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw what is left of some bytes after one to four accidents, or attacks."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        if not found:
            break
        kind = draw(
            st.sampled_from(
                ["field", "field", "field", "byte", "cut", "insert", "block", "drop"]
            )
        )
        if kind == "field":
            _spoil_field(draw, found)
        elif kind == "byte":
            at = draw(st.integers(0, len(found) - 1))
            found[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del found[draw(st.integers(0, len(found) - 1)) :]
        elif kind == "insert":
            at = draw(st.integers(0, len(found)))
            found[at:at] = draw(st.binary(max_size=20) | st.sampled_from(_VALUES))
        else:
            count = max(len(found) // _BLOCK_BYTES, 1)
            start = _BLOCK_BYTES * draw(st.integers(0, count - 1))
            block = found[start : start + _BLOCK_BYTES]
            if kind == "drop":
                del found[start : start + _BLOCK_BYTES]
            else:
                at = _BLOCK_BYTES * draw(st.integers(0, count))
                found[at:at] = block
    return bytes(found)


def _spoil_field(draw: st.DrawFn, data: bytearray) -> None:
    """Change a field of what may be a header, and make its checksum right again."""
    if len(data) < _BLOCK_BYTES:
        return
    start = _BLOCK_BYTES * draw(st.integers(0, len(data) // _BLOCK_BYTES - 1))
    offset, size = draw(st.sampled_from(_FIELDS))
    value = draw(st.sampled_from(_VALUES) | st.binary(max_size=size))[:size]
    data[start + offset : start + offset + size] = value.ljust(size, b"\0")
    mend(data, start)


def mend(data: bytearray, start: int) -> None:
    """Make the checksum of a header right, wherever one is."""
    data[start + 148 : start + 156] = b" " * 8
    total = sum(data[start : start + _BLOCK_BYTES])
    data[start + 148 : start + 156] = b"%06o\0 " % total


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _digits(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _put(files: dict[str, bytes], data: bytes, media_type: str) -> dict[str, Any]:
    files[f"blobs/sha256/{_digits(data)}"] = data
    digest = f"sha256:{_digits(data)}"
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _packed(files: Mapping[str, bytes]) -> bytes:
    """Put files into a tar."""
    pieces = []
    for name, data in files.items():
        head = tarheaders.header(name.encode(), "0", _META, size=len(data))
        pieces += [head, data, tarheaders.padding(len(data))]
    return b"".join((*pieces, tarheaders.END))
