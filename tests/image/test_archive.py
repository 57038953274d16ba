"""Docker archives: their documents, their links, and which image is meant."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from unionfs_sim.errors import DigestError, FormatError
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image

MakeBytes = Callable[..., bytes]
MakePath = Callable[..., Path]

DATA = Path(__file__).resolve().parents[1] / "data" / "images"


def sha(data: bytes) -> str:
    """Give the hexadecimal digits of a digest."""
    return hashlib.sha256(data).hexdigest()


def docker(*tars: bytes, **members: object) -> dict[str, bytes | str]:
    """Give the files of a Docker archive around plain layers."""
    diff_ids = [f"sha256:{sha(tar)}" for tar in tars]
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    layers = {f"v{number}/layer.tar": tar for number, tar in enumerate(tars)}
    image = {
        "Config": f"{sha(config)}.json",
        "RepoTags": ["app:1"],
        "Layers": list(layers),
        **members,
    }
    return {
        "manifest.json": json.dumps([image]).encode(),
        f"{sha(config)}.json": config,
        **layers,
    }


def tree(path: Path, **options: Any) -> list[str]:
    """Give the names in an image."""
    with open_image(path, **options) as image:
        return list(manifest(image)["root"])


def test_docker_archive(header: MakeBytes, archive: MakePath) -> None:
    """Layers of a Docker archive may be links, hard or symbolic, or compressed."""
    files = docker(header("f"), header("g"))
    linked = files | {"v0/layer.tar": "../v1/../real.tar", "real.tar": header("f")}

    assert ["/", "/f", "/g"] == tree(archive(files))
    assert ["/", "/f", "/g"] == tree(archive(linked), name="app:1")
    with open_image(archive(files)) as image:
        assert (("app:1",), None) == (image.names, image.manifest_digest)
        assert image.image_id is not None
        short = image.image_id.removeprefix("sha256:")[:12]
    assert ["/", "/f", "/g"] == tree(archive(files), name=short)
    packed = files | {"v0/layer.tar": gzip.compress(header("f"))}
    with open_image(archive(packed)) as image:
        assert image.descriptors[0].media_type.endswith("gzip")
        assert (f"sha256:{sha(packed['v0/layer.tar'])}") == image.descriptors[0].digest  # type: ignore[arg-type]


DOCKER_REFUSED: Final[list[tuple[dict[str, bytes | str], str]]] = [
    ({"v0/layer.tar": "/etc/passwd"}, "leads out of the archive"),
    ({"v0/layer.tar": "../../x"}, "leads out of the archive"),
    ({"v0/layer.tar": "layer.tar"}, "too many links"),
    ({"v0/layer.tar": "../v0"}, "/v0 is not a regular file"),
    ({"v0/layer.tar": "gone"}, "it is not in the archive"),
    ({"manifest.json": b"[]"}, "lists no image"),
    ({"manifest.json": b"{}"}, "must be a list"),
    ({"manifest.json": b"[1]"}, "an object is wanted"),
    ({"manifest.json": b"nonsense"}, "not JSON"),
    ({"manifest.json": b"\xff"}, "not JSON"),
    ({"manifest.json": b"[NaN]"}, "not JSON"),
    ({"manifest.json": b"[" + b"9" * 5000 + b"]"}, "not JSON"),
    ({"manifest.json": b"[" * 100_000}, "nested deeper than 64 levels"),
    ({"manifest.json": b'["' + b'\\"' * 100_000}, "not JSON"),
    ({"manifest.json": bytes(5 * 2**20)}, "more than 4194304"),
    ({"manifest.json": b'[{"Config": "../x"}]'}, "not a plain path"),
    ({"manifest.json": b'[{"Config": "/x"}]'}, "not a plain path"),
    ({"manifest.json": b'[{"Config": "x"}]'}, "it is not in the archive"),
    ({"manifest.json": b"[{}, {}]"}, "it has: 2 without a name"),
]


@pytest.mark.parametrize(
    ("files", "reason"), DOCKER_REFUSED, ids=map(str, range(len(DOCKER_REFUSED)))
)
def test_docker_archive_is_refused(
    files: dict[str, bytes | str], reason: str, header: MakeBytes, archive: MakePath
) -> None:
    """Documents and links of an archive stay inside, and make sense."""
    with pytest.raises(FormatError, match=reason):
        open_image(archive(docker(header("f")) | files))


def test_docker_layers_and_config_are_checked(
    header: MakeBytes, archive: MakePath
) -> None:
    """Swapped, missing or changed layers are found, and a changed config."""
    files = docker(header("f"), header("g"))
    config = next(name for name in files if name.endswith(".json") and len(name) > 60)
    swapped = docker(header("f"), header("g"), Layers=["v1/layer.tar", "v0/layer.tar"])
    with pytest.raises(DigestError, match="the tar is"):
        open_image(archive(swapped))
    with pytest.raises(FormatError, match="announces 2 layers, and there are 1"):
        open_image(archive(docker(header("f"), header("g"), Layers=["v0/layer.tar"])))
    with pytest.raises(DigestError, match="the content is"):
        open_image(archive(files | {config: bytes(files[config]) + b" "}))  # type: ignore[arg-type]


def test_names_in_a_docker_archive() -> None:
    """Of several images one must be named (two-images.docker.tar)."""
    path = DATA / "two-images.docker.tar"
    with pytest.raises(FormatError, match="it has: hc_share:a, hc_share:b"):
        open_image(path)
    with pytest.raises(FormatError, match="no image is called 'c'"):
        open_image(path, name="c")
    with open_image(path, name="docker.io/library/hc_share:b") as image:
        assert 3 == len(image.layers_base_first)
