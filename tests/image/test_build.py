"""Images made and edited as values: digests, history, and what stays as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.image.test_combine import shown
from unionfs_sim import (
    WHITEOUT,
    Directory,
    Layer,
    LayerBuilder,
    Meta,
    Regular,
    Socket,
    SpecError,
    UnionFS,
)
from unionfs_sim.core.meta import DIRECTORY_META, marked
from unionfs_sim.core.policy import Policy
from unionfs_sim.errors import FormatError
from unionfs_sim.image import digest
from unionfs_sim.image.build import config_of, new_image, rebase, squash
from unionfs_sim.image.image import Image
from unionfs_sim.image.model import Platform
from unionfs_sim.image.open import open_image
from unionfs_sim.image.tarwriter import tar_pieces
from unionfs_sim.image.write import write_image


@pytest.fixture
def rules(root: Path) -> Iterator[Image]:
    """Give a real image of three layers."""
    with open_image(root / "tests" / "data" / "images" / "rules-main.oci.tar") as image:
        yield image


def steps(image: Image) -> list[tuple[str, bool]]:
    """Give the history, shortened."""
    return [(step.created_by, step.empty_layer) for step in image.history]


def check(image: Image) -> None:
    """Make sure that everything an image says of itself agrees."""
    config = image.config
    assert config is not None
    count = len(image.layers_base_first)
    assert image.diff_ids == config.diff_ids
    assert image.image_id == digest.of_bytes(config.raw)
    assert json.loads(config.raw) == config.document
    assert image.chain_ids == digest.chain_ids(image.diff_ids)
    assert count == len(image.descriptors) == len(image.blobs)
    assert not config.history or count == sum(
        not step.empty_layer for step in config.history
    )
    for number, layer in enumerate(image.layers_base_first):
        assert layer.diff_id == image.diff_ids[number]
        assert layer.label.startswith(f"layer {number} (")


def test_new_image() -> None:
    """An image from scratch has a config with all that was said, and right digests."""
    layers = [Layer.build({"a": "1"}), Layer.build({"a": WHITEOUT})]
    image = new_image(
        layers,
        platform=Platform(os="linux", architecture="arm64", variant="v8"),
        runtime={"Cmd": ["/a"]},
        names=["app:1"],
        created="2020-01-01T00:00:00Z",
        created_by="test",
        author="me",
    )

    check(image)
    assert image.config is not None
    head = (
        b'{"created":"2020-01-01T00:00:00Z","author":"me","architecture":"arm64",'
        b'"os":"linux","variant":"v8","config":{"Cmd":["/a"]},"rootfs":'
    )
    assert image.config.raw.startswith(head)
    tar = b"".join(tar_pieces(layers[0]))
    assert f"sha256:{hashlib.sha256(tar).hexdigest()}" == image.diff_ids[0]
    assert len(tar) == image.descriptors[0].size
    assert [("test", False)] * 2 == steps(image)
    assert (None, None) == image.blobs


def test_empty_image() -> None:
    """An image without layers is legal."""
    image = new_image([])

    check(image)
    assert () == image.history


def test_layer_on_top(rules: Image) -> None:
    """Only the new layer is new; config and history follow."""
    fs = UnionFS(rules.layers_top_first())
    fs.write_text("/new", "hello")
    edited = rules.with_layer(
        fs.commit(),
        created_by="edit",
        comment="c",
        author="a",
        created="2021-01-01T00:00:00Z",
    )

    check(edited)
    assert rules.diff_ids == edited.diff_ids[:-1]
    assert rules.descriptors == edited.descriptors[:-1]
    assert rules.blobs == edited.blobs[:-1]
    assert edited.blobs[-1] is None
    last = edited.history[-1]
    assert ("edit", "c", "a", False) == (
        last.created_by,
        last.comment,
        last.author,
        last.empty_layer,
    )
    assert edited.config is not None
    assert "2021-01-01T00:00:00Z" == edited.config.created == last.created
    assert UnionFS(edited.layers_top_first()).read_text("/new") == "hello"
    assert rules.image_id != edited.image_id
    assert (None, None) == (edited.manifest_digest, edited.manifest_raw)


def test_unknown_members_of_a_config_stay(rules: Image) -> None:
    """What we do not know of a config goes through an edit."""
    assert rules.config is not None
    document = {**rules.config.document, "x-vendor": {"deep": [1, None]}}
    odd = attrs.evolve(rules, config=attrs.evolve(rules.config, document=document))
    edited = odd.with_layer(Layer.build({}))

    assert edited.config is not None
    assert {"deep": [1, None]} == edited.config.document["x-vendor"]
    assert rules.config.runtime == edited.config.runtime


def test_layer_in_memory_is_the_one_that_is_read_back() -> None:
    """What a tar cannot hold is gone before it is written, and said."""
    node = Regular(
        "x", Meta(mode=0o644, atime_ns=5, ctime_ns=6, xattrs={"user.e": b""})
    )
    image = new_image([Layer.build({"f": node})])
    kept = image.layers_base_first[0].get(("f",))

    assert kept == Regular("x", Meta(mode=0o644))
    (note,) = image.oddities
    assert "has an empty value" in str(note)


def test_redirects_become_copies() -> None:
    """A renamed lower directory, which a union notes as a redirect, is written whole."""
    base = new_image([Layer.build({"d": {"f": "1", "sub/g": "2"}, "x": "3"})])
    policy = Policy.from_options({"redirect_dir": "on"})
    fs = UnionFS(base.layers_top_first(), policy=policy)
    fs.rename("/d", "/e")
    fs.write_text("/e/f", "new")
    layer = fs.commit()
    image = base.with_layer(layer)
    again = UnionFS(image.layers_top_first())

    assert layer.root.special
    assert not image.layers_base_first[1].root.special
    assert [] == [path for path in ("/d", "/d/f") if again.exists(path)]
    assert ("new", "2", "3") == tuple(
        again.read_text(path) for path in ("/e/f", "/e/sub/g", "/x")
    )


def test_broken_redirect_is_refused() -> None:
    """A redirect that leads nowhere cannot be made whole."""
    base = new_image([Layer.build({"d": {"f": "1"}})])
    patch = Layer.build({"e": Directory(marked(DIRECTORY_META, "redirect", b"a/b"))})

    with pytest.raises(FormatError, match="/e: the redirect leads nowhere"):
        base.with_layer(patch)


def test_metadata_only_files_become_whole() -> None:
    """A file that has its data below is written with it."""
    base = new_image([Layer.build({"f": "data"})])
    node = Regular("", marked(Meta(mode=0o600), "metacopy", b""))
    image = base.with_layer(Layer.build({"f": node}))

    assert Regular("data", Meta(mode=0o600)) == image.layers_base_first[1].get(("f",))


def test_clamped_times() -> None:
    """`mtime_max_ns` bounds the times of new layers."""
    node = Regular("x", Meta(mode=0o644, mtime_ns=9 * 10**9))
    image = new_image([Layer.build({"f": node})], mtime_max_ns=5 * 10**9)

    assert 5 * 10**9 == image.layers_base_first[0].get(("f",)).meta.mtime_ns  # type: ignore[union-attr]


def test_sockets_are_refused() -> None:
    """A layer that cannot be written makes no image."""
    with pytest.raises(FormatError, match="a socket"):
        new_image([Layer.build({"s": Socket()})])


RANGES = [(0, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize(("first", "last"), RANGES)
def test_squash_of_a_real_image(rules: Image, first: int, last: int) -> None:
    """Any range becomes one layer, and the view stays."""
    squashed = squash(rules, first, last)

    check(squashed)
    assert 3 - (last - first) == len(squashed.layers_base_first)
    assert shown(list(rules.layers_base_first)) == shown(
        list(squashed.layers_base_first)
    )
    assert rules.diff_ids[:first] == squashed.diff_ids[:first]
    assert rules.diff_ids[last + 1 :] == squashed.diff_ids[first + 1 :]
    assert [True] * first + [False] + [True] * (2 - last) == [
        blob is not None for blob in squashed.blobs
    ]


def test_squash_keeps_the_story() -> None:
    """The steps of the squashed layers stay in the history, without a layer."""
    image = new_image([Layer.build({"a": "0"})], created_by="0")
    for name in "123":
        image = image.with_layer(
            Layer.build({name: name}), created_by=name, created=f"202{name}"
        )
    squashed = squash(image, 1, 2)

    check(squashed)
    assert [
        ("0", False),
        ("1", True),
        ("2", True),
        ("squash", False),
        ("3", False),
    ] == steps(squashed)
    made = squashed.history[3]
    assert ("layers 1 to 2 of 4", "2022") == (made.comment, made.created)


def test_squash_of_one_layer_is_nothing(rules: Image) -> None:
    """A range of one layer is left alone, its bytes with it."""
    assert squash(rules, 1, 1) is rules


@pytest.mark.parametrize(("first", "last"), [(-1, 1), (2, 1), (0, 3), (3, None)])
def test_ranges_that_are_not_there(rules: Image, first: int, last: int | None) -> None:
    """A range outside the image is refused, and the text says how many there are."""
    with pytest.raises(SpecError, match="in an image of 3"):
        squash(rules, first, last)


def test_rebase() -> None:
    """The layers above the old base stand on the new one, and so does the history."""
    old = new_image(
        [Layer.build({"v": "1"}), Layer.build({"w": "1"})], created_by="old"
    )
    new = new_image([Layer.build({"v": "2"})], created_by="new")
    image = old.with_layer(Layer.build({"app": "x"}), created_by="app")
    moved = rebase(image, old, new)

    check(moved)
    assert (*new.diff_ids, image.diff_ids[2]) == moved.diff_ids
    assert [("new", False), ("app", False)] == steps(moved)
    fs = UnionFS(moved.layers_top_first())
    assert ("2", "x", False) == (
        fs.read_text("/v"),
        fs.read_text("/app"),
        fs.exists("/w"),
    )


def test_rebase_splits_a_history_that_differs() -> None:
    """Where the base's own history is not the image's, layers are counted."""
    layers = [Layer.build({"v": "1"})]
    old, renamed = (new_image(layers, created_by=by) for by in ("old", "other"))
    image = renamed.with_layer(Layer.build({"app": "x"}), created_by="app")
    new = new_image([], created_by="new")

    assert [("app", False)] == steps(rebase(image, old, new))


def test_rebase_refuses_another_base(rules: Image) -> None:
    """An image that does not start with the base's layers is not moved."""
    other = new_image([Layer.build({"v": "1"})])

    with pytest.raises(SpecError, match="of its 1 layers it has 0"):
        rebase(rules, other, other)


def test_layer_tar_gets_a_config(root: Path) -> None:
    """The tar of a single layer becomes an image at its first edit."""
    path = root / "tests" / "data" / "images" / "forms" / "rules-main.layer1.tar"
    with open_image(path) as single:
        image = single.with_layer(Layer.build({"a": "1"}))
        config = config_of(single)

        check(image)
        assert single.config is None
        assert single.diff_ids == config.diff_ids
        assert ("linux", "amd64") == (config.os, config.architecture)
        assert single.blobs[0] is image.blobs[0]


HISTORIES: dict[str, tuple[Any, list[bool]]] = {
    "none": (None, [False, False]),
    "too short": ([{}], [False, False]),
    "too long": ([{}, {}, {}], [True, True, False, False]),
    "with empty steps": ([{"empty_layer": True}, {}], [True, False, False]),
}


@pytest.mark.parametrize("case", HISTORIES)
def test_history_is_made_to_fit(case: str) -> None:
    """After an edit each layer has exactly one step, whatever the image said."""
    history, expected = HISTORIES[case]
    image = new_image([Layer.build({"a": "1"})])
    assert image.config is not None
    document = {**image.config.document, "history": history}
    odd = attrs.evolve(image, config=attrs.evolve(image.config, document=document))

    edited = odd.with_layer(Layer.build({"b": "2"}))
    assert expected == [empty for _, empty in steps(edited)]
    check(edited)


def test_images_and_layers_together(root: Path) -> None:
    """An image of images has their blobs and their history, base first."""
    folder = root / "tests" / "data" / "images"
    with (
        open_image(folder / "forms" / "rules-main.layer1.tar") as tar,
        open_image(folder / "rules-main.oci.tar") as whole,
        new_image([whole, tar, Layer.build({"a": "1"})], created_by="p") as image,
    ):
        check(image)
        assert [True] * 4 + [False] == [blob is not None for blob in image.blobs]
        assert (*whole.diff_ids, *tar.diff_ids) == image.diff_ids[:4]
        assert [("p", False)] * 2 == steps(image)[-2:]


def test_hard_link_to_a_layer_below_is_written_as_a_file() -> None:
    """A layer alone cannot say that its inode is one of another layer."""
    base = LayerBuilder()
    node = Regular("x")
    base.add(("a",), node)
    top = LayerBuilder()
    top.add(("b",), node)
    image = new_image([base.freeze(), top.freeze()])

    assert Regular("x") == image.layers_base_first[1].get(("b",))
    assert node is not image.layers_base_first[1].get(("b",))


def test_xattr_with_an_impossible_name_is_refused() -> None:
    """The text names layer and entry."""
    node = Regular("", Meta(mode=0o644, xattrs={"user.a=b": b"v"}))

    with pytest.raises(FormatError, match=r"top: entry '/f': the xattr 'user\.a=b'"):
        new_image([Layer.build({"f": node}, label="top")])


def test_what_overlayfs_notes_for_itself_stays_out() -> None:
    """Private marks that change nothing do not come into an image."""
    node = Regular("x", marked(Meta(mode=0o644), "origin", b"handle"))
    image = new_image([Layer.build({"f": node})])

    assert Regular("x", Meta(mode=0o644)) == image.layers_base_first[0].get(("f",))


def test_squash_with_a_time(rules: Image) -> None:
    """A time that is given is that of the new layer and of the image."""
    squashed = squash(rules, created="2022-02-02T00:00:00Z")

    assert squashed.config is not None
    assert "2022-02-02T00:00:00Z" == squashed.config.created
    assert "2022-02-02T00:00:00Z" == squashed.history[-1].created


def test_rebase_onto_all_of_an_image(rules: Image) -> None:
    """An image that has nothing above its base becomes the new base."""
    new = new_image([Layer.build({"v": "2"})], created_by="new")
    moved = rebase(rules, rules, new)

    assert new.diff_ids == moved.diff_ids


def test_rebase_takes_linked_files_along(
    header: Callable[..., bytes], layout: Callable[..., Any], tmp_path: Path
) -> None:
    """A hard link to a file of the old base becomes that file on the new one."""
    end = bytes(1024)
    lower = header("a", b"data") + end
    upper = header("b", type="1", link="a") + header("c", b"more") + end
    for name, tars in (("old", [lower]), ("app", [lower, upper])):
        for path, data in layout(*tars).items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(data)
    new = new_image([Layer.build({"v": "2"})])
    with (
        open_image(tmp_path / "old") as old,
        open_image(tmp_path / "app") as app,
        rebase(app, old, new) as moved,
    ):
        write_image(moved, tmp_path / "moved")
        with open_image(tmp_path / "moved") as again:
            fs = UnionFS(again.layers_top_first())

            assert ["b", "c", "v"] == fs.listdir("/")
            assert "data" == fs.read_text("/b")
    check(moved)
