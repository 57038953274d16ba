"""The image store, by what a real engine answers (docker-storage.md, 1.4 and 6)."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from unionfs_sim import WHITEOUT, Layer
from unionfs_sim.containers import archives
from unionfs_sim.containers import images as nouns
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotFound,
    System,
)
from unionfs_sim.containers.imagestore import ImageStore
from unionfs_sim.image.write import write_image

NOW = "2001-09-09T01:46:40Z"


def derived(
    store: ImageStore, base: str, layer: Layer | None, tag: str, created_by: str = "x"
) -> nouns.Image:
    """Build an image on another one."""
    below = store.get(base)
    value = nouns.derive(
        below.value,
        config=dict(below.config),
        layer=layer,
        created=NOW,
        created_by=created_by,
    )
    return store.add(value, [tag] if tag else [], parent=below.id)


def test_inspect_has_the_recorded_members(images: ImageStore) -> None:
    """The members of ``docker image inspect`` are Docker's, in Docker's order."""
    shown = images.get("busybox").attrs

    assert [
        "Id",
        "RepoTags",
        "RepoDigests",
        "Parent",
        "Comment",
        "Created",
        "Container",
        "ContainerConfig",
        "DockerVersion",
        "Author",
        "Config",
        "Architecture",
        "Os",
        "Size",
        "VirtualSize",
        "GraphDriver",
        "RootFS",
        "Metadata",
    ] == list(shown)
    assert ["busybox:latest"] == shown["RepoTags"]
    assert ["sh"] == shown["Config"]["Cmd"]
    assert shown["Config"]["Entrypoint"] is None
    assert shown["Config"]["Volumes"] is None


def test_an_image_of_one_layer_has_no_lower_directory(images: ImageStore) -> None:
    """Of one layer there is no LowerDir; of three the topmost comes first."""
    one = images.get("busybox").attrs["GraphDriver"]
    derived(images, "busybox", Layer.build({"l1": "1"}), "two")
    three = derived(images, "two", Layer.build({"l2": "2"}), "three")

    shown = three.attrs["GraphDriver"]

    assert ["MergedDir", "UpperDir", "WorkDir"] == list(one["Data"])
    lower = shown["Data"]["LowerDir"].split(":")
    assert images.get("two").attrs["GraphDriver"]["Data"]["UpperDir"] == lower[0]
    assert one["Data"]["UpperDir"] == lower[1]
    assert "overlay2" == shown["Name"]


def test_history_is_newest_first_with_sizes(images: ImageStore) -> None:
    """Steps without a layer have no size; ids reach as far as the parents do."""
    derived(images, "busybox", Layer.build({"g": "hello\n"}), "a", "echo hello > /g")
    image = derived(images, "a", None, "b", "/bin/sh -c #(nop)  ENV A=b")

    rows = image.history()

    assert ["/bin/sh -c #(nop)  ENV A=b", "echo hello > /g"] == [
        row["CreatedBy"] for row in rows[:2]
    ]
    assert [0, 6] == [row["Size"] for row in rows[:2]]
    assert [image.id, images.get("a").id, images.get("busybox").id] == [
        row["Id"] for row in rows
    ]


def test_containers_of_an_image_share_one_folded_view(images: ImageStore) -> None:
    """Two images with a layer in the same place share it, and so its view."""
    first = derived(images, "busybox", Layer.build({"one": "1"}), "i1")
    second = derived(images, "busybox", Layer.build({"two": "2"}), "i2")

    assert first.stack is first.stack
    assert first.value.layers_base_first[0] is second.value.layers_base_first[0]
    assert (
        images.get("busybox").attrs["RootFS"]["Layers"][0]
        in (second.attrs["RootFS"]["Layers"])
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("busybox", "busybox:latest"),
        ("docker.io/library/busybox:latest", "busybox:latest"),
        ("other:1", "other:1"),
    ],
)
def test_names_are_read_as_docker_reads_them(
    images: ImageStore, name: str, found: str
) -> None:
    """What Docker adds to a name may be written or left out."""
    images.tag("busybox", "other", "1")

    assert found in images.get(name).tags


def test_an_image_is_found_by_the_start_of_its_id(images: ImageStore) -> None:
    """With or without the algorithm, as long as one image alone starts so."""
    image = images.get("busybox")
    digits = image.id.removeprefix("sha256:")

    assert image is images.get(digits[:12]) is images.get(image.id[:20])


def test_unknown_and_impossible_names(images: ImageStore) -> None:
    """An unknown image is named with its tag; a bad name is a bad parameter."""
    with pytest.raises(NotFound, match=r"^No such image: hb_none:latest$"):
        images.get("hb_none")
    with pytest.raises(InvalidParameter, match="must be lowercase"):
        images.get("Busybox")


def test_a_tag_moves(images: ImageStore) -> None:
    """An image that had a name loses it to the next one, and stays without."""
    old = derived(images, "busybox", Layer.build({"v": "1"}), "app")
    new = derived(images, "busybox", Layer.build({"v": "2"}), "app")

    assert ([], ["app:latest"]) == (old.tags, new.tags)
    assert old in images.list()


def usage(image: nouns.Image, *, running: bool) -> nouns.Usage:
    """Say that a container uses an image."""
    return nouns.Usage("c" * 64, image.id, running, image.value.chain_ids)


def test_an_image_in_use_is_kept(images: ImageStore) -> None:
    """A container, stopped or not, keeps the last name of its image."""
    image = derived(images, "busybox", Layer.build({"one": "1"}), "hb_img")
    images._usages = lambda: [usage(image, running=False)]

    with pytest.raises(Conflict) as caught:
        images.remove("hb_img")

    assert (
        'conflict: unable to remove repository reference "hb_img" (must force) -'
        f" container cccccccccccc is using its referenced image {image.id[7:19]}"
    ) == str(caught.value)


@pytest.mark.parametrize("running", [True, False])
def test_force_takes_the_name_and_of_stopped_ones_the_image(
    images: ImageStore, running: bool
) -> None:
    """With a running container the image stays nameless; its layers stay in any case."""
    image = derived(images, "busybox", Layer.build({"one": "1"}), "hb_img")
    images._usages = lambda: [usage(image, running=running)]

    done = images.remove("hb_img", force=True)

    expected = [{"Untagged": "hb_img:latest"}]
    if not running:
        expected.append({"Deleted": image.id})
    assert expected == done
    assert running == (images.find(image.id) is not None)


def test_shared_layers_stay(images: ImageStore) -> None:
    """Only what nothing else has goes: the image's own layer, not the base's."""
    image = derived(images, "busybox", Layer.build({"one": "1"}), "i1")
    derived(images, "busybox", Layer.build({"two": "2"}), "i2")

    done = images.remove("i1")

    assert [
        {"Untagged": "i1:latest"},
        {"Deleted": image.id},
        {"Deleted": image.value.chain_ids[1]},
    ] == done
    assert ["i2:latest"] == images.list()[0].tags


def test_steps_of_a_build_go_with_the_last_image(images: ImageStore) -> None:
    """Nameless images that only this one was built on are deleted, top first."""
    middle = derived(images, "busybox", Layer.build({"one": "1"}), "")
    top = derived(images, middle.id, None, "app")

    done = images.remove("app")

    assert [top.id, middle.id] == [
        each["Deleted"] for each in done if each.get("Deleted") in (top.id, middle.id)
    ]
    assert ["busybox:latest"] == [tag for image in images.list() for tag in image.tags]


def test_an_id_with_children_or_several_names_is_refused(images: ImageStore) -> None:
    """By its id an image goes only if nothing is built on it."""
    base = images.get("busybox")
    derived(images, "busybox", Layer.build({"one": "1"}), "i1")

    with pytest.raises(Conflict, match="has dependent child images"):
        images.remove(base.id, force=True)
    images.remove("i1")
    images.tag("busybox", "other")
    with pytest.raises(Conflict, match="referenced in multiple repositories"):
        images.remove(base.id)


def test_prune_takes_what_has_no_name(images: ImageStore) -> None:
    """Dangling images alone, or all without containers."""
    derived(images, "busybox", Layer.build({"v": "1"}), "app")
    derived(images, "busybox", Layer.build({"v": "2"}), "app")

    done = images.prune()

    assert 1 == done["SpaceReclaimed"] - images.get("busybox").size
    assert images.prune()["ImagesDeleted"] is None
    assert {"Untagged": "app:latest"} in images.prune(all=True)["ImagesDeleted"]


def test_save_has_the_recorded_layout(images: ImageStore) -> None:
    """A directory for each layer, the lowest first in the manifest, whiteouts as files."""
    image = derived(images, "busybox", Layer.build({"etc/group": WHITEOUT}), "hb_img")

    with tarfile.open(fileobj=io.BytesIO(image.save())) as archive:
        names = archive.getnames()
        read = {
            name: file.read()
            for name in names
            if (file := archive.extractfile(name)) is not None
        }

    manifest = json.loads(read["manifest.json"])
    assert ["hb_img:latest"] == manifest[0]["RepoTags"]
    assert f"{image.id[7:]}.json" == manifest[0]["Config"]
    first, top = (name.partition("/")[0] for name in manifest[0]["Layers"])
    assert {"hb_img": {"latest": top}} == json.loads(read["repositories"])
    assert {"VERSION", "json", "layer.tar"} == {
        name.partition("/")[2] for name in read if name.startswith(first)
    }
    assert b"1.0" == read[f"{top}/VERSION"]
    with tarfile.open(fileobj=io.BytesIO(read[f"{top}/layer.tar"])) as layer:
        assert "etc/.wh.group" in layer.getnames()


def test_what_is_saved_can_be_loaded(images: ImageStore) -> None:
    """Id, names and layers come back, from bytes and from files of either form."""
    image = derived(images, "busybox", Layer.build({"etc/group": WHITEOUT}), "hb_img")
    other = ImageStore(lambda: "0" * 64, lambda: NOW)

    (loaded,) = other.load(image.save())

    assert (image.id, image.tags) == (loaded.id, loaded.tags)
    assert image.value.diff_ids == loaded.value.diff_ids
    other.close()


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
def test_images_are_loaded_from_every_form(
    images: ImageStore, tmp_path: Path, form: str
) -> None:
    """An OCI layout in a directory or a tar, and the archive of newer engines."""
    image = images.get("busybox")
    write_image(image.value, tmp_path / "out", format=form, names=["app:1"])  # type: ignore[arg-type]
    other = ImageStore(lambda: "0" * 64, lambda: NOW)

    (loaded,) = other.load(tmp_path / "out")

    assert (image.id, ["app:1"]) == (loaded.id, loaded.tags)
    other.close()


def test_two_images_of_an_archive_share_layers(images: ImageStore) -> None:
    """All images of an archive are loaded; layers that they share are one."""
    derived(images, "busybox", Layer.build({"one": "1"}), "i1")
    out = io.BytesIO()
    archives.save([(images.get(name).value, [name]) for name in ("busybox", "i1")], out)
    other = ImageStore(lambda: "0" * 64, lambda: NOW)

    base, image = other.load(out.getvalue())

    assert base.value.layers_base_first[0] is image.value.layers_base_first[0]
    other.close()


def test_no_archive_is_refused(images: ImageStore) -> None:
    """What is no archive of images is a bad parameter."""
    with pytest.raises(InvalidParameter):
        images.load(b"no archive")


def test_import_makes_one_layer_without_config(images: ImageStore) -> None:
    """The history tells of the import; changes fill the config."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("motd"), io.BytesIO())

    plain = images.import_image(out.getvalue(), "hb_img")
    changed = images.import_image(out.getvalue(), "x", changes=['CMD ["ls"]'])

    assert 1 == len(plain.attrs["RootFS"]["Layers"])
    assert plain.attrs["Config"]["Cmd"] is None
    assert ["ls"] == changed.attrs["Config"]["Cmd"]
    assert ("", "Imported from -") == (
        plain.history()[0]["CreatedBy"],
        plain.history()[0]["Comment"],
    )


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, ["kept:latest", "old:latest"]),
        ({"dangling": ["false"]}, []),
        ({"dangling": ["false"], "label": ["k"]}, ["old:latest"]),
        ({"dangling": ["false"], "label!": ["k=v"]}, ["kept:latest"]),
        ({"dangling": ["false"], "until": ["1h"]}, ["kept:latest", "old:latest"]),
        ({"dangling": ["false"], "until": ["-1h"]}, []),
        (
            {"dangling": ["false"], "until": ["2001-01-01"]},
            ["kept:latest", "old:latest"],
        ),
    ],
)
def test_what_a_prune_of_images_takes(
    filters: dict[str, list[str]], left: list[str]
) -> None:
    """Labels and age decide as well."""
    engine = Engine.with_busybox()
    engine.images.get("busybox").tag("old")
    engine.images.remove("busybox:latest")
    engine.build("FROM old\nLABEL k=v\n", tag="kept")

    engine.images.prune(filters=filters)

    assert left == sorted(tag for image in engine.images.list() for tag in image.tags)


@pytest.mark.parametrize(
    ("filters", "error", "reason"),
    [
        ({"foo": ["x"]}, InvalidParameter, "Invalid filter 'foo'"),
        (
            {"dangling": ["maybe"]},
            InvalidParameter,
            r"Invalid filter 'dangling=\[maybe",
        ),
        ({"until": ["x"]}, System, 'failed to parse value as time or duration: "x"'),
        ({"until": ["1h", "2h"]}, System, "more than one until filter specified"),
    ],
)
def test_filters_of_a_prune_that_cannot_be(
    images: ImageStore,
    filters: dict[str, list[str]],
    error: type[EngineError],
    reason: str,
) -> None:
    """In the words of an engine of 20.10.24."""
    with pytest.raises(error, match=reason):
        images.prune(filters=filters)
