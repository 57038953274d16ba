"""Images written in every form are read back as they were."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.image.conftest import make_layout
from tests.image.test_truth import cases
from unionfs_sim import Content, Layer, Regular, SpecError, UnionFS, literal
from unionfs_sim.core.content import Extent
from unionfs_sim.errors import DigestError, ExistsError, FormatError, UnionFSError
from unionfs_sim.image.build import new_image, squash
from unionfs_sim.image.image import Image
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image
from unionfs_sim.image.write import Format, Recompression, write_image

FORMATS: list[Format] = ["oci", "oci-archive", "docker-archive"]
COMPRESSIONS: list[Recompression] = ["keep", "none", "gzip", "zstd"]


@pytest.fixture
def rules(root: Path) -> Iterator[Image]:
    """Give a real image of three layers, all gzip."""
    with open_image(root / "tests" / "data" / "images" / "rules-main.oci.tar") as image:
        yield image


def tree(path: Path) -> dict[str, bytes]:
    """Read a file or a directory whole."""
    if path.is_file():
        return {"": path.read_bytes()}
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_form_and_compression(
    rules: Image, tmp_path: Path, form: Format, compression: Recompression
) -> None:
    """Identity, layers and view are the same, however the image is stored."""
    target = tmp_path / "out"
    if form == "docker-archive" and compression in {"gzip", "zstd"}:
        with pytest.raises(SpecError, match="plain layers"):
            write_image(rules, target, format=form, compression=compression)
        return
    if compression == "zstd":
        pytest.importorskip("zstandard")
    written = write_image(rules, target, format=form, compression=compression)
    with open_image(target) as again:
        assert rules.layers_base_first == again.layers_base_first
        assert rules.diff_ids == again.diff_ids == written.diff_ids
        assert rules.image_id == again.image_id == written.image_id
        assert rules.config is not None
        assert again.config is not None
        assert rules.config.raw == again.config.raw
        assert written.manifest_digest == again.manifest_digest
        assert written.descriptors == again.descriptors
        assert not again.oddities
        suffix = {"none": "", "keep": "+gzip"}.get(compression, f"+{compression}")
        if form == "docker-archive":
            suffix = ""
        for blob in again.descriptors:
            assert f"application/vnd.oci.image.layer.v1.tar{suffix}" == blob.media_type
        same = compression in {"keep", "gzip"} and form != "docker-archive"
        assert (same,) * 3 == written.kept
        assert same == (rules.descriptors == again.descriptors)
        if same:
            assert rules.manifest_digest == again.manifest_digest
            assert rules.names == again.names


@pytest.mark.parametrize(("archive", "truth_file", "name"), list(cases()))
def test_recorded_images_keep_everything(
    archive: Path, truth_file: Path, name: str | None, tmp_path: Path
) -> None:
    """Every recorded image, written and read, has its digests, its blobs, its view."""
    with open_image(archive, name=name) as image:
        before = manifest(image)
        written = write_image(image, tmp_path / "out", format="oci")
        with open_image(tmp_path / "out") as again:
            after = manifest(again)
    if image.manifest_digest is None:  # Docker archives have none
        assert before.pop("manifest_digest") != after.pop("manifest_digest")
        for kept, stored in zip(before["layers"], after["layers"], strict=True):
            for layer in (kept, stored):
                layer.pop("media_type")

    assert before == after
    assert all(written.kept)


@pytest.mark.parametrize("form", FORMATS)
def test_same_bytes_every_time(rules: Image, tmp_path: Path, form: Format) -> None:
    """Nothing of the run gets into the bytes."""
    fs = UnionFS(rules.layers_top_first())
    fs.write_text("/new", "hello")
    edited = rules.with_layer(fs.commit(), created_by="test")
    for name in ("one", "two"):
        write_image(edited, tmp_path / name, format=form)

    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_same_bytes_in_another_process(rules: Image, tmp_path: Path) -> None:
    """Another process, with other hashes, writes the same archive."""
    write_image(squash(rules), tmp_path / "own", format="oci-archive")
    script = (
        "import sys\n"
        "from unionfs_sim.image.build import squash\n"
        "from unionfs_sim.image.open import open_image\n"
        "from unionfs_sim.image.write import write_image\n"
        "with open_image(sys.argv[1]) as image:\n"
        "    write_image(squash(image), sys.argv[2], format='oci-archive')\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, rules.place, str(tmp_path / "other")],
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )

    assert tree(tmp_path / "own") == tree(tmp_path / "other")


@pytest.mark.parametrize("form", FORMATS)
def test_written_again_nothing_changes(
    rules: Image, tmp_path: Path, form: Format
) -> None:
    """Our own archive, read and written, is the same archive, byte for byte."""
    write_image(squash(rules, 0, 1), tmp_path / "one", format=form)
    with open_image(tmp_path / "one") as image:
        write_image(image, tmp_path / "two", format=form)

    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_edit_adds_one_blob(rules: Image, tmp_path: Path) -> None:
    """An image changed through a union: all blobs but the new layer's are the old."""
    write_image(rules, tmp_path / "old")
    fs = UnionFS(rules.layers_top_first())
    fs.write_text("/new", "hello")
    written = write_image(rules.with_layer(fs.commit()), tmp_path / "new")
    old, new = tree(tmp_path / "old"), tree(tmp_path / "new")

    assert (True, True, True, False) == written.kept
    for blob in rules.descriptors:
        name = f"blobs/sha256/{blob.digest[7:]}"
        assert old[name] == new[name]
    with open_image(tmp_path / "new") as again:
        assert rules.diff_ids == again.diff_ids[:3]
        assert "hello" == UnionFS(again.layers_top_first()).read_text("/new")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_single_layer(rules: Image, tmp_path: Path, compression: Recompression) -> None:
    """The tar of the only layer: plain if it is new, and else as it is wanted."""
    if compression == "zstd":
        pytest.importorskip("zstandard")
    whole = squash(rules)
    written = write_image(
        whole, tmp_path / "l.tar", format="layer", compression=compression
    )
    stored = (tmp_path / "l.tar").read_bytes()
    with open_image(tmp_path / "l.tar") as again:
        assert whole.diff_ids == again.diff_ids
        assert whole.layers_base_first == again.layers_base_first
        assert written.descriptors == again.descriptors
    assert (
        f"sha256:{hashlib.sha256(stored).hexdigest()}" == written.descriptors[0].digest
    )
    assert (None, None, ()) == (
        written.image_id,
        written.manifest_digest,
        written.names,
    )


def test_layer_tar_becomes_an_image_and_back(root: Path, tmp_path: Path) -> None:
    """A layer tar packed into an image comes out with the bytes that went in."""
    path = root / "tests" / "data" / "images" / "forms" / "rules-main.layer1.tar.gz"
    with open_image(path) as single:
        write_image(single, tmp_path / "image.tar", format="docker-archive")
        write_image(single, tmp_path / "image", compression="keep")
    with open_image(tmp_path / "image") as image:
        write_image(image, tmp_path / "layer", format="layer")
    with open_image(tmp_path / "image.tar") as image:
        write_image(image, tmp_path / "plain", format="layer")

    assert path.read_bytes() == (tmp_path / "layer").read_bytes()
    assert path.with_suffix("").read_bytes() == (tmp_path / "plain").read_bytes()


def test_docker_archive_is_for_old_and_new_daemons(
    rules: Image, tmp_path: Path
) -> None:
    """`manifest.json` and the OCI index describe the same blobs."""
    write_image(
        rules, tmp_path / "out", format="docker-archive", names=["app", "host:5000/x:1"]
    )
    with tarfile.open(tmp_path / "out") as archive:
        names = archive.getnames()

        def load(name: str) -> Any:
            file = archive.extractfile(name)
            assert file is not None
            return json.loads(file.read())

        (listed,) = load("manifest.json")
        index = load("index.json")

    assert ["app:latest", "host:5000/x:1"] == listed["RepoTags"]
    assert [f"blobs/sha256/{x[7:]}" for x in rules.diff_ids] == listed["Layers"]
    assert rules.image_id is not None
    assert f"blobs/sha256/{rules.image_id[7:]}" == listed["Config"]
    assert set(rules.diff_ids) == set(listed["LayerSources"])
    assert [
        {
            "io.containerd.image.name": "docker.io/library/app:latest",
            "org.opencontainers.image.ref.name": "latest",
        },
        {
            "io.containerd.image.name": "host:5000/x:1",
            "org.opencontainers.image.ref.name": "1",
        },
    ] == [entry["annotations"] for entry in index["manifests"]]
    assert ["oci-layout", "blobs", "blobs/sha256"] == names[:3]
    assert ["manifest.json", "index.json"] == names[-2:]


def test_docker_archive_without_a_name(rules: Image, tmp_path: Path) -> None:
    """A tag alone is no name for Docker; one that it would refuse is not written."""
    bare = attrs.evolve(rules, names=("latest", "Upper:1"))
    written = write_image(bare, tmp_path / "out", format="docker-archive")

    assert () == written.names
    with tarfile.open(tmp_path / "out") as archive:
        file = archive.extractfile("manifest.json")
        assert file is not None
        assert json.loads(file.read())[0]["RepoTags"] is None
    with pytest.raises(SpecError, match="'Upper:1'"):
        write_image(
            rules, tmp_path / "other", format="docker-archive", names=["Upper:1"]
        )


def test_layer_twice_is_stored_once(tmp_path: Path) -> None:
    """Equal layers are one blob, in whatever form, and two layers."""
    layer = Layer.build({"a": "1"})
    image = new_image([layer, layer])
    for form in FORMATS:
        for compression in COMPRESSIONS[:2]:
            target = tmp_path / f"{form}-{compression}"
            write_image(image, target, format=form, compression=compression)
            with open_image(target) as again:
                assert image.diff_ids == again.diff_ids
                assert again.descriptors[0] == again.descriptors[1]


def test_foreign_layers_stay_foreign(
    layout: Callable[..., Any], tmp_path: Path
) -> None:
    """A layer that may not be distributed says so in any compression."""
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    files = layout(bytes(1024), media_type=kind)
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    with open_image(tmp_path / "in") as image:
        written = write_image(image, tmp_path / "out", compression="gzip")

    assert (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        == written.descriptors[0].media_type
    )


def test_append(rules: Image, tmp_path: Path) -> None:
    """A layout takes further images; one of the same name loses it to the new one."""
    one, two, three = (new_image([Layer.build({"v": v})]) for v in "123")
    target = tmp_path / "layout"
    write_image(one, target, names=["a"], append=True)
    write_image(two, target, names=["b"], append=True)
    write_image(rules, target, append=True)
    write_image(three, target, names=["a"], append=True)
    found = {}
    for name in ("a", "b", "latest"):
        with open_image(target, name=name) as image:
            found[name] = image.image_id

    assert {
        "a": three.image_id,
        "b": two.image_id,
        "latest": rules.image_id,
    } == found


def test_append_to_a_platform(tmp_path: Path) -> None:
    """One name can mean an image for each platform."""
    for architecture in ("amd64", "arm64"):
        image = new_image([Layer.build({"v": architecture})])
        assert image.config is not None
        document = dict(image.config.document) | {"architecture": architecture}
        raw = json.dumps(document).encode()
        config = attrs.evolve(
            image.config, raw=raw, document=document, architecture=architecture
        )
        write_image(
            attrs.evolve(image, config=config, image_id=config.image_id),
            tmp_path / "layout",
            names=["a"],
            append=True,
        )
    with open_image(tmp_path / "layout", platform="linux/arm64") as again:
        assert "arm64" == UnionFS(again.layers_top_first()).read_text("/v")


def test_append_repairs_a_short_blob(rules: Image, tmp_path: Path) -> None:
    """A blob of another size than it should have is written anew."""
    write_image(rules, tmp_path / "layout")
    blob = tmp_path / "layout" / "blobs" / "sha256" / rules.descriptors[0].digest[7:]
    blob.write_bytes(b"")
    write_image(rules, tmp_path / "layout", append=True)

    with open_image(tmp_path / "layout") as again:
        assert rules.diff_ids == again.diff_ids


def test_append_to_something_else(rules: Image, tmp_path: Path) -> None:
    """A directory that is no layout is not made one."""
    (tmp_path / "file").write_text("precious")

    with pytest.raises(FormatError, match="without an OCI layout"):
        write_image(rules, tmp_path, append=True)
    assert ["file"] == os.listdir(tmp_path)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "form": ({"format": "tgz"}, "none of the forms"),
    "compression": ({"compression": "lzma"}, "is none of keep"),
    "layers": ({"format": "layer"}, "squash it first"),
    "append": ({"format": "oci-archive", "append": True}, "can be added to"),
    "replace": ({"replace": True}, "is not replaced"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_first(
    rules: Image, tmp_path: Path, case: str
) -> None:
    """Wrong arguments are refused before anything is written."""
    options, reason = REFUSED[case]

    with pytest.raises(SpecError, match=reason):
        write_image(rules, tmp_path / "out", **options)
    assert [] == os.listdir(tmp_path)


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_overwritten(rules: Image, tmp_path: Path, form: Format) -> None:
    """What is there stays, unless a file is to be replaced; an empty directory may go."""
    target = tmp_path / "out"
    target.mkdir()
    (target / "f").write_text("precious")

    with pytest.raises(ExistsError) as caught:
        write_image(rules, target, format=form)
    assert (errno.EEXIST, str(target)) == (caught.value.errno, caught.value.filename)
    assert {"f": b"precious"} == tree(target)
    assert ["out"] == os.listdir(tmp_path)


def test_a_file_is_replaced_on_demand(rules: Image, tmp_path: Path) -> None:
    """With `replace` a file gives way, at the very end."""
    target = tmp_path / "out"
    target.write_text("old")
    write_image(rules, target, format="oci-archive", replace=True)

    with open_image(target) as again:
        assert rules.image_id == again.image_id


def test_an_image_replaces_its_own_file(rules: Image, tmp_path: Path) -> None:
    """The file that an image is read from can be the one that it is written to."""
    write_image(rules, tmp_path / "a.tar", format="oci-archive")
    with open_image(tmp_path / "a.tar") as image:
        write_image(
            squash(image), tmp_path / "a.tar", format="oci-archive", replace=True
        )
    with open_image(tmp_path / "a.tar") as again:
        assert 1 == len(again.layers_base_first)


def test_an_empty_directory_is_filled(rules: Image, tmp_path: Path) -> None:
    """A layout may go into a directory that is there and empty."""
    (tmp_path / "out").mkdir()
    write_image(rules, tmp_path / "out")

    with open_image(tmp_path / "out") as again:
        assert rules.image_id == again.image_id


class Failing:
    """A source that fails, or is interrupted, in the middle."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def read_at(self, offset: int, size: int) -> bytes:
        """Give zeros, then fail."""
        if offset >= 2 << 20:
            raise self.error
        return bytes(size)


@pytest.mark.parametrize("form", [*FORMATS, "layer"])
@pytest.mark.parametrize("compression", ["keep", "none"])
@pytest.mark.parametrize("error", [OSError("gone"), KeyboardInterrupt()], ids=repr)
def test_a_failure_midway_leaves_nothing(
    tmp_path: Path, form: Format, compression: Recompression, error: BaseException
) -> None:
    """Whatever is raised while a layer is read, no file is left, nor a part of one."""
    image = new_image([Layer.build({"f": Regular(literal(bytes(4 << 20)))})])
    broken: Content = Extent(Failing(error), 0, 4 << 20)
    layer = Layer.build({"f": Regular(broken)})
    image = attrs.evolve(image, layers_base_first=(layer,))

    with pytest.raises(type(error)):
        write_image(image, tmp_path / "out", format=form, compression=compression)
    assert [] == os.listdir(tmp_path)


@pytest.mark.parametrize("form", [*FORMATS, "layer"])
def test_full_disk_is_told_by_the_target(form: Format, tmp_path: Path) -> None:
    """The error names what was to be written, of which nothing is left."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    image = new_image([Layer.build({"f": os.urandom(100_000)})])
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(UnionFSError) as caught:
            write_image(image, tmp_path / "out", format=form)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert errno.EFBIG == caught.value.errno
    assert str(tmp_path / "out") == caught.value.filename
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", FORMATS)
def test_missing_parent_is_told_by_the_target(form: Format, tmp_path: Path) -> None:
    """No name shows that the caller does not know."""
    target = tmp_path / "no" / "out"
    with pytest.raises(FileNotFoundError) as caught:
        write_image(new_image([Layer.build({})]), target, format=form)

    assert str(target) == caught.value.filename


def test_a_failure_midway_leaves_a_layout_as_it_was(tmp_path: Path) -> None:
    """A layout that was to be added to still has what it had, and no part of more."""
    good = new_image([Layer.build({"v": "1"})])
    write_image(good, tmp_path / "layout", names=["a"])
    before = tree(tmp_path / "layout")
    image = new_image([Layer.build({"f": Regular(literal(bytes(4 << 20)))})])
    broken: Content = Extent(Failing(KeyboardInterrupt()), 0, 4 << 20)
    layer = Layer.build({"f": Regular(broken)})
    image = attrs.evolve(image, layers_base_first=(layer,))

    with pytest.raises(KeyboardInterrupt):
        write_image(image, tmp_path / "layout", names=["a"], append=True)
    assert before == tree(tmp_path / "layout")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_layer_that_changed_is_noticed(
    tmp_path: Path, compression: Recompression
) -> None:
    """What is written has the digest that it is announced with, or is not written."""
    if compression == "zstd":
        pytest.importorskip("zstandard")
    files = make_layout(bytes(1024))
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    with open_image(tmp_path / "in") as image:
        blob = tmp_path / "in" / "blobs" / "sha256" / image.descriptors[0].digest[7:]
        blob.write_bytes(b"x" * 1024)

        with pytest.raises(DigestError, match="the blob is sha256:"):
            write_image(image, tmp_path / "out", compression=compression)
    assert ["in"] == os.listdir(tmp_path)


def test_progress(rules: Image, tmp_path: Path) -> None:
    """Progress grows from piece to piece, and ends where it said it would."""
    told: list[tuple[int, int]] = []
    write_image(
        rules,
        tmp_path / "out",
        compression="none",
        progress=lambda done, total: told.append((done, total)),
    )
    done = [each for each, _ in told]

    assert sorted(done) == done
    assert {done[-1]} == {total for _, total in told}


def test_image_without_blobs(tmp_path: Path) -> None:
    """An image of directories of the host has layers alone, and can be written."""
    image = new_image([Layer.build({"v": "1"})], names=["a"])
    bare = attrs.evolve(image, blobs=(), diff_ids=("",), descriptors=(), config=None)
    written = write_image(bare, tmp_path / "out")

    assert image.diff_ids == written.diff_ids


def test_urls_and_annotations_of_kept_layers_stay(
    layout: Callable[..., Any], tmp_path: Path
) -> None:
    """What a manifest says of a layer stays with its bytes, and goes with them."""

    def edit(documents: dict[str, Any]) -> None:
        for layer in documents.get("manifest", {}).get("layers", ()):
            layer |= {"urls": ["https://x"], "annotations": {"k": "v"}}

    for name, data in layout(bytes(1024), bytes(1536), edit=edit).items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    with open_image(tmp_path / "in") as image:
        edited = image.with_layer(Layer.build({"v": "1"}))
        write_image(edited, tmp_path / "kept")
        write_image(edited, tmp_path / "anew", compression="gzip")
    with open_image(tmp_path / "kept") as kept, open_image(tmp_path / "anew") as anew:
        assert [("https://x",), ("https://x",), ()] == [
            x.urls for x in kept.descriptors
        ]
        assert {"k": "v"} == kept.descriptors[0].annotations
        assert {} == anew.descriptors[0].annotations


@pytest.mark.parametrize("name", ["", ".", "..", "/"])
def test_a_place_without_a_name(rules: Image, name: str) -> None:
    """An image needs a name of its own to be written under."""
    with pytest.raises(SpecError, match="no name for an image"):
        write_image(rules, name, format="oci-archive")


def test_nameless_images_in_a_layout(tmp_path: Path) -> None:
    """An image without a name is in a layout once, however often it is added."""
    image = new_image([Layer.build({"v": "1"})])
    for _ in range(2):
        write_image(image, tmp_path / "layout", append=True)
    write_image(image, tmp_path / "layout", names=["a"], append=True)
    index = json.loads((tmp_path / "layout" / "index.json").read_bytes())

    assert [None, "a"] == [
        (entry.get("annotations") or {}).get("org.opencontainers.image.ref.name")
        for entry in index["manifests"]
    ]
