"""An image that says the same thing a thousand times costs what saying it once does."""

from __future__ import annotations

import gzip
import io
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.image.conftest import make_archive, make_header, make_layout
from unionfs_sim.adapters.unpack import unpack
from unionfs_sim.cli import main
from unionfs_sim.cli.commands import differences
from unionfs_sim.core.content import literal
from unionfs_sim.core.diff import Change, changes
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import Directory
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.dialects.dialect import Encoded
from unionfs_sim.dialects.registry import dialect
from unionfs_sim.errors import FormatError
from unionfs_sim.image.build import new_image
from unionfs_sim.image.check import check
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.manifest import LINKS_LISTED_MAX, described
from unionfs_sim.image.open import open_image
from unionfs_sim.image.tarlayer import read_layer

Write = Callable[[Mapping[str, bytes | str], bool], Path]

ENTRIES = 50
LAYER = b"".join(make_header(f"f{number}") for number in range(ENTRIES))
#: A hard link to a file of a layer below, which makes a layer depend on that.
LINK = make_header("link", type="1", link="f0")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give what writes a layout as an archive, or as a directory."""

    def write(files: Mapping[str, bytes | str], packed: bool) -> Path:
        path = tmp_path / "image"
        if packed:
            path.write_bytes(make_archive(files))
            return path
        for name, data in files.items():
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            assert isinstance(data, bytes)
            target.write_bytes(data)
        return path

    return write


def times(count: int) -> Callable[[dict[str, Any]], None]:
    """Let the topmost layer occur so often."""

    def edit(documents: dict[str, Any]) -> None:
        if "manifest" in documents:
            documents["manifest"]["layers"] += documents["manifest"]["layers"][-1:] * (
                count - 1
            )
        if "config" in documents:
            diff_ids = documents["config"]["rootfs"]["diff_ids"]
            diff_ids += diff_ids[-1:] * (count - 1)

    return edit


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells")
@pytest.mark.parametrize("packed", [True, False])
def test_layer_that_occurs_often_is_kept_once(write: Write, packed: bool) -> None:
    """It is decompressed, parsed and opened once; only its number differs."""
    files = make_layout(LAYER, stored=gzip.compress, edit=times(500))
    path = write(files, packed)
    before = open_descriptors()
    with open_image(path, limits=Limits(entries_max=ENTRIES + 8)) as image:
        layers = image.layers_base_first

        assert 500 == len(layers)
        assert 1 == len({id(layer.root) for layer in layers})
        assert 1 == len({id(blob.tar) for blob in image.blobs if blob is not None})
        assert 500 == len({layer.label for layer in layers})
        assert before + 10 >= open_descriptors()
    findings = check(path, limits=Limits(entries_max=ENTRIES + 8))
    assert not [each for each in findings if each.severity == "error"]


def test_layer_that_depends_on_those_below_is_read_again(write: Write) -> None:
    """The second time, its hard link finds what the first time made."""
    files = make_layout(LAYER, make_header(".wh.f0") + LINK, edit=times(2))
    path = write(files, True)
    with pytest.raises(FormatError, match=r"layer 2 .*'f0', which is not there"):
        open_image(path)
    assert any("layer 2 " in each.place for each in check(path))


@pytest.mark.parametrize("limit", [2 * ENTRIES, 2 * ENTRIES - 1])
def test_layers_of_an_image_are_counted_together(write: Write, limit: int) -> None:
    other = b"".join(make_header(f"g{number}") for number in range(ENTRIES))
    path = write(make_layout(LAYER, other), True)
    limits = Limits(entries_max=limit)
    expected = f"more than {limit} entries"
    errors = [each for each in check(path, limits=limits) if each.severity == "error"]
    if limit == 2 * ENTRIES:
        open_image(path, limits=limits).close()
        assert not errors
        return
    with pytest.raises(FormatError, match=f"layer 1 .*{expected}"):
        open_image(path, limits=limits)
    assert [expected] == [each.sentence for each in errors]


def test_images_of_an_archive_are_not_counted_together(tmp_path: Path) -> None:
    """What two images share counts in both of them."""
    other = b"".join(make_header(f"g{number}") for number in range(ENTRIES))
    one, two = make_layout(LAYER), make_layout(LAYER, other)
    path = tmp_path / "layout"
    for files in (one, two):
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    lists = [files["index.json"].decode() for files in (one, two)]
    entries = ", ".join(text.split("[", 1)[1].rsplit("]", 1)[0] for text in lists)
    index = '{"schemaVersion": 2, "manifests": [' + entries + "]}"
    (path / "index.json").write_text(index.replace("latest", "one", 1))

    found = check(path, limits=Limits(entries_max=2 * ENTRIES))
    assert not [each for each in found if each.severity == "error"]
    found = check(path, limits=Limits(entries_max=2 * ENTRIES - 1))
    assert [f"more than {2 * ENTRIES - 1} entries"] == [
        each.sentence for each in found if each.severity == "error"
    ]


def test_free_growth_is_of_all_layers_together(write: Write) -> None:
    """Bombs that are small enough alone are refused when they are many."""
    bombs = [make_header(f"z{number}", bytes(1 << 20)) for number in range(3)]
    media_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    files = make_layout(*bombs, stored=gzip.compress, media_type=media_type)
    path = write(files, True)
    limits = Limits(ratio_free_bytes=(5 << 20) // 2, ratio_max=100)
    with pytest.raises(FormatError, match=r"layer 2 .*over 100 times as many"):
        open_image(path, limits=limits)
    assert any("over 100 times" in each.sentence for each in check(path, limits=limits))


@pytest.mark.parametrize("names", [LINKS_LISTED_MAX, LINKS_LISTED_MAX + 1])
def test_names_of_an_inode_are_listed_in_bounds(names: int) -> None:
    """All names list each other as long as that does not make much of little."""
    tar = make_header("f0") + b"".join(
        make_header(f"f{number}", type="1", link="f0") for number in range(1, names)
    )
    path_count = 0
    listed = 0
    image = new_image([read_layer(literal(tar)).layer])
    for _, entry in described(image, digests=False):
        path_count += 1
        listed += len(entry.get("links", ()))
        assert entry["type"] == "dir" or names == entry["nlink"]
    assert names + 1 == path_count
    assert (names**2 if names == LINKS_LISTED_MAX else names) == listed


def test_layers_are_unpacked_one_after_the_other(tmp_path: Path) -> None:
    """What stands for a layer on disk is made when it is written, and not kept."""
    told: list[str] = []
    aufs = dialect("aufs")

    def encode(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
        told.append("made " + layer.label.partition(" (")[0])
        return aufs.encode(layer, below)

    layers = [Layer.build({"f": "x"}) for _ in range(3)]
    unpack(
        new_image(layers),
        tmp_path / "out",
        dialect=attrs.evolve(aufs, encode=encode),
        owners=False,
        progress=lambda path: told.append(path) if path.endswith("/f") else None,
    )

    assert [
        *("made layer 0", "/layer0/f"),
        *("made layer 1", "/layer1/f"),
        *("made layer 2", "/layer2/f"),
    ] == told


def test_layers_are_compared_one_after_the_other(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`diff` keeps the changes of one layer at a time, as lines and as JSON."""
    path = write(make_layout(LAYER, LAYER, edit=times(20)), True)
    made: list[weakref.ref[object]] = []
    most = 0

    def counted(top: Directory, below: DirectoryRecord) -> Sequence[Change]:
        nonlocal most
        found = Found(changes(top, below))
        made.append(weakref.ref(found))
        most = max(most, sum(each() is not None for each in made))
        return found

    monkeypatch.setattr(differences, "changes", counted)
    for form in ("--color=never", "--color=always", "--json"):
        with redirect_stdout(io.StringIO()):
            assert not main(["diff", str(path), form])

    assert 3 * 20 == len(made)
    assert 2 >= most, "the one that is shown, and the one that is made"


class Found(list[Change]):
    """A list that can be referred to weakly."""
