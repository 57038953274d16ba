"""Opening images: which form, which of several, and what is refused."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from unionfs_sim.core.nodes import Regular
from unionfs_sim.errors import DigestError, FormatError
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image

MakeBytes = Callable[..., bytes]
MakePath = Callable[..., Path]
MakeLayout = Callable[..., dict[str, bytes]]

DATA = Path(__file__).resolve().parents[1] / "data" / "images"


def sha(data: bytes) -> str:
    """Give the hexadecimal digits of a digest."""
    return hashlib.sha256(data).hexdigest()


def tree(path: Path, **options: Any) -> list[str]:
    """Give the names in an image."""
    with open_image(path, **options) as image:
        return list(manifest(image)["root"])


def test_image_describes_itself() -> None:
    """An image has its layers in both directions, its config and its digests."""
    with open_image(DATA / "rules-main.oci.tar") as image:
        assert image.layers_base_first == image.layers_top_first()[::-1]
        assert ("latest",) == image.names
        assert image.config is not None
        assert image.config.image_id == image.image_id
        assert image.history == image.config.history
        assert [layer.diff_id for layer in image.layers_base_first] == list(
            image.diff_ids
        )
        assert image.layers_base_first[1].label.startswith(
            "layer 1 (sha256:1f6945b4b636"
        )
        assert isinstance(image.config.runtime, Mapping)


def test_content_is_gone_with_the_image() -> None:
    """After closing, content that is still in the file cannot be read."""
    with open_image(DATA / "forms" / "rules-main.layer0.tar") as image:
        entries = [entry for _, entry in image.layers_base_first[0].walk()]
    file = next(e for e in entries if isinstance(e, Regular) and e.content.size)
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.content.read_all()


def test_layout_directory(
    layout: MakeLayout, header: MakeBytes, tmp_path: Path
) -> None:
    """A layout is read from a directory as from a tar."""
    for name, data in layout(header("f", b"x")).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    assert ["/", "/f"] == tree(tmp_path)
    for blob in (tmp_path / "blobs" / "sha256").iterdir():
        blob.unlink()
    with pytest.raises(FormatError, match="not in the directory"):
        open_image(tmp_path)
    (tmp_path / "oci-layout").unlink()
    with pytest.raises(FormatError, match="'oci-layout': it is not in"):
        open_image(tmp_path)
    (tmp_path / "index.json").unlink()
    with pytest.raises(FormatError, match="a directory without an OCI layout"):
        open_image(tmp_path)


def test_missing_and_empty_files(tmp_path: Path) -> None:
    """What is not there is an OSError, what is empty a FormatError."""
    with pytest.raises(FileNotFoundError):
        open_image(tmp_path / "missing")
    (tmp_path / "empty").touch()
    with pytest.raises(FormatError, match="the file is empty"):
        open_image(tmp_path / "empty")
    (tmp_path / "text").write_text("hello" * 200)
    with pytest.raises(FormatError, match="this is no tar"):
        open_image(tmp_path / "text")


def test_refusals_of_a_single_layer(header: MakeBytes, written: MakePath) -> None:
    """A single layer is held to the rules of layers, and has no names."""
    with pytest.raises(FormatError, match="this name twice"):
        open_image(written(header("f") * 2))
    with pytest.raises(FormatError, match="tar of a single layer, which has no 'x'"):
        open_image(written(header("f")), name="x")
    with pytest.raises(FormatError, match="0:0"):
        open_image(written(header("c", type="3")))

    assert ["/", "/f"] == tree(written(header("f") * 2), lenient=True)
    assert ["/", "/c"] == tree(written(header("c", type="3")), device_zero="keep")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["oci-layout", "x"], "an OCI layout without index.json"),
        (["index.json", "blobs/x"], "an OCI layout without oci-layout"),
        (["repositories", "abc/layer.tar"], "without manifest.json is not supported"),
    ],
)
def test_near_misses(
    names: list[str], reason: str, header: MakeBytes, written: MakePath
) -> None:
    """What is nearly an image is not taken for the tar of a layer."""
    with pytest.raises(FormatError, match=reason):
        open_image(written(b"".join(map(header, names))))


SHAPES: Final[list[tuple[str, str, object, str]]] = [
    ("config", "rootfs", {"type": "x", "diff_ids": []}, "the type is 'x'"),
    ("config", "rootfs", {"type": "layers"}, "announces 0 layers, and there are 1"),
    ("config", "rootfs", {"type": "layers", "diff_ids": ["x"]}, "is not a digest"),
    ("config", "rootfs", {"type": "layers", "diff_ids": [1]}, "must be a text"),
    ("config", "rootfs", [], "must be an object"),
    ("config", "history", [1], "an object is wanted"),
    ("config", "history", [{"empty_layer": []}], "must be true or false"),
    ("manifest", "schemaVersion", 1, "'schemaVersion' is 1"),
    ("manifest", "config", None, "'config' is null"),
    ("manifest", "layers", None, "'layers' is null"),
    ("manifest", "layers", [1], "an object is wanted"),
    ("manifest", "layers", [], "announces 1 layers, and there are 0"),
    ("index", "schemaVersion", True, "'schemaVersion' is True"),
    ("index", "manifests", [], "a name is needed"),
    ("index", "manifests", {}, "must be a list"),
]


@pytest.mark.parametrize(
    ("document", "member", "value", "reason"), SHAPES, ids=map(str, range(len(SHAPES)))
)
def test_documents_of_wrong_shape(
    document: str,
    member: str,
    value: object,
    reason: str,
    layout: MakeLayout,
    header: MakeBytes,
    archive: MakePath,
) -> None:
    """A member that is missing or of another type is named."""

    def change(documents: dict[str, Any]) -> None:
        if document in documents:
            documents[document][member] = value

    with pytest.raises(FormatError, match=reason):
        open_image(archive(layout(header("f"), edit=change)))


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("size", -1, "which is no size"),
        ("size", 1.5, "must be a number"),
        ("size", True, "must be a number"),
        ("size", 7, "bytes, not 7 as announced"),
        ("digest", "sha256:../../../etc/passwd", "is not a digest"),
        ("digest", "sha256:" + "A" * 64, "not 64 lower-case"),
        ("digest", "sha256:" + "a" * 63, "not 64 lower-case"),
        ("digest", "md5:" + "a" * 32, "algorithm 'md5' is not supported"),
        ("digest", "sha256:" + "a" * 64, "it is not in the archive"),
        ("digest", None, "'digest' is null"),
        ("mediaType", "application/x", "of the unknown type 'application/x'"),
        (
            "mediaType",
            "application/vnd.oci.image.layer.v1.tar+encrypted",
            "unknown type",
        ),
        ("annotations", {"a": 1}, "must be a text"),
        ("urls", [1], "must be a text"),
        ("data", "!", "is not base64"),
        ("platform", "linux", "must be an object"),
    ],
)
def test_descriptor_is_refused(
    member: str,
    value: object,
    reason: str,
    layout: MakeLayout,
    header: MakeBytes,
    archive: MakePath,
) -> None:
    """A descriptor's digest is checked before it names a file, its size before that."""

    def change(documents: dict[str, Any]) -> None:
        if "manifest" in documents:
            documents["manifest"]["layers"][0][member] = value

    with pytest.raises(FormatError, match=reason):
        open_image(archive(layout(header("f"), edit=change)))


def test_layout_version(
    layout: MakeLayout, header: MakeBytes, archive: MakePath
) -> None:
    """Another layout version is refused."""
    files = layout(header("f")) | {"oci-layout": b'{"imageLayoutVersion": "2.0.0"}'}
    with pytest.raises(FormatError, match=r"layout version '2\.0\.0'"):
        open_image(archive(files))


def test_foreign_layer(
    layout: MakeLayout, header: MakeBytes, archive: MakePath
) -> None:
    """A layer that is only elsewhere is refused with its address."""

    def change(documents: dict[str, Any]) -> None:
        if "manifest" in documents:
            layer = documents["manifest"]["layers"][0]
            layer["urls"] = ["https://example.com/x"]
            layer["digest"] = "sha256:" + "0" * 64

    with pytest.raises(FormatError, match=r"only at 'https://example\.com/x'"):
        open_image(archive(layout(header("f"), edit=change)))


def test_embedded_blob(
    layout: MakeLayout, header: MakeBytes, archive: MakePath
) -> None:
    """A blob may be in its descriptor."""
    tar = header("f", b"x")

    def change(documents: dict[str, Any]) -> None:
        if "manifest" in documents:
            data = base64.b64encode(tar).decode()
            documents["manifest"]["layers"][0]["data"] = data

    files = layout(tar, edit=change)
    del files[f"blobs/sha256/{sha(tar)}"]

    assert ["/", "/f"] == tree(archive(files))


def test_artifact_is_no_image(
    layout: MakeLayout, header: MakeBytes, archive: MakePath
) -> None:
    """A manifest with another config than an image's is an artifact."""

    def change(documents: dict[str, Any]) -> None:
        if "manifest" in documents:
            documents["manifest"]["config"]["mediaType"] = "application/vnd.x"

    with pytest.raises(FormatError, match=r"an artifact of type 'application/vnd\.x'"):
        open_image(archive(layout(header("f"), edit=change)))


def test_wrong_content(
    layout: MakeLayout, header: MakeBytes, archive: MakePath
) -> None:
    """Blobs and tars are checked against their digests, unless it is unwanted."""
    tar = header("f", b"x")
    files = layout(tar)
    path = f"blobs/sha256/{sha(tar)}"
    changed = archive(files | {path: header("g", b"x")})
    with pytest.raises(DigestError, match=r"not sha256:.* as announced"):
        open_image(changed)

    assert ["/", "/g"] == tree(changed, verify=False)

    def change(documents: dict[str, Any]) -> None:
        if "config" in documents:
            documents["config"]["rootfs"]["diff_ids"] = ["sha256:" + "0" * 64]

    with pytest.raises(DigestError, match="the tar is sha256:"):
        open_image(archive(layout(tar, edit=change)))


def test_compression_other_than_announced(
    layout: MakeLayout, header: MakeBytes, archive: MakePath
) -> None:
    """The first bytes count, and a mismatch is reported; nothing is never gzip."""
    kind = "application/vnd.oci.image.layer.v1.tar"
    cases = [(kind, gzip.compress, "is gzip"), (f"{kind}+gzip", None, "not compressed")]
    for media_type, stored, sentence in cases:
        files = layout(header("f"), media_type=media_type, stored=stored)
        with open_image(archive(files)) as image:
            assert sentence in str(image.oddities[0])
    with pytest.raises(FormatError, match="is empty"):
        open_image(archive(layout(b"", media_type=f"{kind}+gzip")))
    assert ["/"] == tree(archive(layout(b"")))


def test_growth_is_reported(
    layout: MakeLayout, header: MakeBytes, archive: MakePath, written: MakePath
) -> None:
    """A layer that grows a thousandfold is told of, and limited on request."""
    path = archive(layout(header("f", bytes(5_000_192)), stored=gzip.compress))
    with open_image(path) as image:
        assert "bytes become 5000704" in str(image.oddities[0])
    with pytest.raises(FormatError, match="more than 9999 bytes when decompressed"):
        open_image(path, limits=Limits(layer_bytes_max=9999))
    for plain in (archive(layout(bytes(10_240))), written(header("f", bytes(9999)))):
        with pytest.raises(FormatError, match="more than 9999"):
            open_image(plain, limits=Limits(layer_bytes_max=9999))


def nest(files: dict[str, bytes], *platforms: str | None, depth: int = 1) -> None:
    """Put further indexes around the image of a layout."""
    (inner,) = json.loads(files["index.json"])["manifests"]
    inner.pop("annotations")
    entries = []
    for text in platforms:
        entry = dict(inner)
        if text is not None:
            names = ("os", "architecture", "variant")
            entry["platform"] = dict(zip(names, text.split("/"), strict=False))
        entries.append(entry)
    for _ in range(depth):
        value = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        files[f"blobs/sha256/{sha(value)}"] = value
        entries = [
            {
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "digest": f"sha256:{sha(value)}",
                "size": len(value),
            }
        ]
    files["index.json"] = json.dumps(
        {"schemaVersion": 2, "manifests": entries}
    ).encode()


def test_nested_index(layout: MakeLayout, header: MakeBytes, archive: MakePath) -> None:
    """An index is chosen from by platform, and indexes may nest a little."""
    files = layout(header("f"))
    nest(files, "linux/arm64/v8", "linux/s390x", "unknown/unknown", depth=8)
    path = archive(files)

    assert ["/", "/f"] == tree(path, platform="linux/arm64")
    assert ["/", "/f"] == tree(path, platform="linux/arm64/v8")
    with pytest.raises(
        FormatError, match=r"no image is for linux/amd64; there are: lin"
    ):
        open_image(path)
    with pytest.raises(FormatError, match="is not a platform"):
        open_image(path, platform="amd64")
    files = layout(header("f"))
    nest(files, "linux/amd64", depth=9)
    with pytest.raises(FormatError, match="more than 8 indexes"):
        open_image(archive(files))
    files = layout(header("f"))
    nest(files, None, depth=2)
    assert ["/", "/f"] == tree(archive(files))


def test_names_in_a_layout(
    layout: MakeLayout, header: MakeBytes, archive: MakePath
) -> None:
    """An annotation counts exactly, as a Docker name, or as a tag."""
    one, two = layout(header("one")), layout(header("two"))
    entries = [json.loads(files["index.json"])["manifests"][0] for files in (one, two)]
    key = "org.opencontainers.image.ref.name"
    entries[0]["annotations"] = {key: "docker.io/library/app:latest"}
    entries[1]["annotations"] = {key: "v2"}
    index = {"schemaVersion": 2, "manifests": entries}
    path = archive(one | two | {"index.json": json.dumps(index).encode()})

    for name, found in [
        ("docker.io/library/app:latest", "/one"),
        ("app", "/one"),
        ("app:latest", "/one"),
        ("v2", "/two"),
        ("app:v2", "/two"),
        (entries[1]["digest"], "/two"),
    ]:
        assert ["/", found] == tree(path, name=name), name
    with pytest.raises(
        FormatError, match=r"a name is needed .* it has: docker\.io/lib"
    ):
        open_image(path)
    with pytest.raises(FormatError, match=r"no image is called 'x'; .*app:latest, v2"):
        open_image(path, name="x")


def test_hard_link_across_layers(
    layout: MakeLayout, header: MakeBytes, archive: MakePath
) -> None:
    """A hard link finds what the layers below show, as they hide and replace it."""
    base = header("d/f", b"x") + header("e/f", b"x") + header("g", b"x")
    middle = header("d/.wh.f") + header("e/.wh..wh..opq") + header("h/.wh.i")
    link = header("new", type="1", link="g")
    with open_image(archive(layout(base, middle, link))) as image:
        group = manifest(image)["root"]["/g"]["links"]
    assert ["/g", "/new"] == group
    for target in ("d/f", "e/f", "g/x", "h", "nowhere"):
        link = header("new", type="1", link=target)
        with pytest.raises(FormatError, match=f"a hard link to '{target}'"):
            open_image(archive(layout(base, middle, link)))


@pytest.mark.parametrize("seed", range(8))
def test_nothing_else_escapes(seed: int, tmp_path: Path) -> None:
    """However an image is damaged, it is read or refused, and nothing else."""
    chance = random.Random(seed)
    samples = sorted(DATA.rglob("*.tar*"))
    path = tmp_path / "damaged"
    for _ in range(40):
        data = bytearray(chance.choice(samples).read_bytes())
        for _ in range(chance.choice([1, 3, 10])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            image = open_image(path, verify=chance.random() < 0.3, lenient=True)
        except FormatError:
            continue
        with image:
            manifest(image, digests=False)
