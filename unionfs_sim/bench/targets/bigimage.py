"""An image like those of a distribution, as large as wanted, written by `tarfile`."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any, Final

#: How many files each package has.
_PACKAGE_FILES: Final = 50

#: Where files of packages are, in turns.
_FOLDERS: Final = ("usr/bin", "usr/lib/{p}", "usr/share/doc/{p}", "usr/share/{p}/data")

#: How many bytes the files have, in turns.
_SIZES: Final = (0, 120, 700, 1_500, 90)


def write_image(place: Path, *, files: int, layers: int) -> list[Path]:
    """
    Write an OCI layout, and give the tars of its layers, base first.

    Nothing is compressed, so that metadata is what a reader has to deal with.
    """
    blobs = place / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    tars = []
    digests = []
    each = -(-files // layers)
    for number in range(layers):
        first = number * each
        raw = _layer(first, min(first + each, files))
        digest = hashlib.sha256(raw).hexdigest()
        digests.append((digest, len(raw)))
        tars.append(blobs / digest)
        tars[-1].write_bytes(raw)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{digest}" for digest, _ in digests],
        },
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _blob(blobs, config, "application/vnd.oci.image.config.v1+json"),
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": f"sha256:{digest}",
                "size": size,
            }
            for digest, size in digests
        ],
    }
    index = {
        "schemaVersion": 2,
        "manifests": [_blob(blobs, manifest, manifest["mediaType"])],
    }
    (place / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', "utf-8")
    return tars


def _blob(blobs: Path, document: Any, media_type: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    raw = json.dumps(document).encode()
    digest = hashlib.sha256(raw).hexdigest()
    (blobs / digest).write_bytes(raw)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(raw)}


def _layer(first: int, stop: int) -> bytes:
    out = io.BytesIO()
    known: set[str] = set()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for number in range(first, stop):
            package = f"package{number // _PACKAGE_FILES:05d}"
            folder = _FOLDERS[number % len(_FOLDERS)].format(p=package)
            mtime = 1_600_000_000 + number // _PACKAGE_FILES * 977
            _parents(tar, folder, known, mtime)
            info = tarfile.TarInfo(f"{folder}/file{number:06d}")
            info.size = _SIZES[number % len(_SIZES)]
            info.mtime = mtime
            info.mode = 0o755 if folder == "usr/bin" else 0o644
            tar.addfile(
                info, io.BytesIO(number.to_bytes(4, "big") * (info.size // 4 + 1))
            )
    return out.getvalue()


def _parents(tar: tarfile.TarFile, folder: str, known: set[str], mtime: int) -> None:
    names = folder.split("/")
    for depth in range(1, len(names) + 1):
        path = "/".join(names[:depth])
        if path not in known:
            known.add(path)
            info = tarfile.TarInfo(path)
            info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, mtime
            tar.addfile(info)
