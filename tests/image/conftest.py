"""Archives made header by header, so that the tests do not lean on another writer."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

MakeBytes = Callable[..., bytes]
MakePath = Callable[..., Path]


def _octal(value: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, value)


def make_header(
    name: str | bytes = "f",
    data: bytes = b"",
    *,
    type: str | bytes = "0",  # noqa: A002 - the field's name
    link: str = "",
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    mtime: int = 0,
    raw_size: bytes | None = None,
    raw_mtime: bytes | None = None,
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    major: int = 0,
    minor: int = 0,
    pad: bool = True,
    raw: Mapping[int, bytes] | None = None,
) -> bytes:
    """Give an entry: a header with a right checksum, and the padded data."""
    block = bytearray(512)

    def put(offset: int, value: bytes) -> None:
        block[offset : offset + len(value)] = value

    put(0, name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name)
    put(100, _octal(mode, 8))
    put(108, _octal(uid, 8))
    put(116, _octal(gid, 8))
    put(124, raw_size if raw_size is not None else _octal(len(data), 12))
    put(136, raw_mtime if raw_mtime is not None else _octal(mtime, 12))
    put(156, type if isinstance(type, bytes) else type.encode())
    put(157, link.encode("utf-8", "surrogateescape"))
    put(257, magic)
    put(329, _octal(major, 8))
    put(337, _octal(minor, 8))
    put(345, prefix)
    for offset, value in (raw or {}).items():
        put(offset, value)
    put(148, b"        ")
    put(148, b"%06o\0 " % sum(block))
    return bytes(block) + data + (bytes(-len(data) % 512) if pad else b"")


def make_records(records: Mapping[str, str | bytes]) -> bytes:
    """Give pax records with right lengths."""
    found = b""
    for key, value in records.items():
        raw = value if isinstance(value, bytes) else value.encode()
        body = b" " + key.encode() + b"=" + raw + b"\n"
        length = len(body)
        while len(str(length)) + len(body) != length:
            length = len(str(length)) + len(body)
        found += str(length).encode() + body
    return found


def make_pax(records: Mapping[str, str | bytes], *, scope: str = "x") -> bytes:
    """Give a pax header of one entry, or with scope ``"g"`` of all that follow."""
    return make_header("pax", make_records(records), type=scope)


def make_layout(
    *tars: bytes,
    media_type: str = "application/vnd.oci.image.layer.v1.tar",
    edit: Callable[[dict[str, Any]], None] | None = None,
    stored: Callable[[bytes], bytes] | None = None,
) -> dict[str, bytes]:
    """
    Give the files of an OCI layout around plain layers.

    *edit* changes the documents ``config``, ``manifest`` and ``index`` before they are
    written, in this order; *stored* makes a blob of a layer.
    """
    blobs: dict[str, bytes] = {}

    def put(data: bytes, kind: str) -> dict[str, Any]:
        digits = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digits}"] = data
        return {"mediaType": kind, "digest": f"sha256:{digits}", "size": len(data)}

    def document(name: str, value: dict[str, Any]) -> bytes:
        if edit is not None:
            edit({name: value})
        return json.dumps(value).encode()

    diff_ids = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    config = document(
        "config",
        {
            "os": "linux",
            "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        },
    )
    manifest = document(
        "manifest",
        {
            "schemaVersion": 2,
            "config": put(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [put(stored(t) if stored else t, media_type) for t in tars],
        },
    )
    entry = put(manifest, "application/vnd.oci.image.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    index = document("index", {"schemaVersion": 2, "manifests": [entry]})
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": index,
        **blobs,
    }


def make_archive(files: Mapping[str, bytes | str]) -> bytes:
    """Give a tar of some files; text is the target of a symbolic link."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


@pytest.fixture
def header() -> MakeBytes:
    """Give the maker of entries."""
    return make_header


@pytest.fixture
def pax() -> MakeBytes:
    """Give the maker of pax headers."""
    return make_pax


@pytest.fixture
def layout() -> Callable[..., dict[str, bytes]]:
    """Give the maker of OCI layouts."""
    return make_layout


@pytest.fixture
def archive(tmp_path: Path) -> MakePath:
    """Give what writes a tar of some files to disk."""

    def write(files: Mapping[str, bytes | str]) -> Path:
        path = tmp_path / "image.tar"
        path.write_bytes(make_archive(files))
        return path

    return write


@pytest.fixture
def written(tmp_path: Path) -> MakePath:
    """Give what writes bytes to disk."""

    def write(data: bytes) -> Path:
        path = tmp_path / "written.tar"
        path.write_bytes(data)
        return path

    return write
