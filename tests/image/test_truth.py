"""Real images give the answers that real tools gave."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image

ROOT: Final = Path(__file__).resolve().parents[2]
SHARED: Final = Path(os.environ.get("UNIONFS_SIM_SHARED") or ROOT.parent / "shared")
PLACES: Final = {
    "shared": SHARED / "images",
    "own": ROOT / "tests" / "data" / "images",
}

#: Where our documented choice differs from the recorded tool:
#: (truth file, path, field) -> our value.
DEVIATIONS: Final[dict[tuple[str, str, str], object]] = {
    # layer-formats 4.2: bsdtar percent-encodes the names of attributes in both
    # dialects; we decode them, umoci and Docker make the encoded name.
    ("metadata-bsdtar-pax", "/xattrs/user", "xattrs"): (
        "user.d%C3%A9j%C3%A0.vu",
        "user.déjà.vu",
    ),
}

#: Images whose truth was recorded from another file: archive -> (truth, name).
OTHER_FORMS: Final = {
    "two-images.docker.tar#a": ("two-images.a", "hc_share:a"),
    "two-images.docker.tar#b": ("two-images.b", "hc_share:b"),
    "busybox-base.docker.tar": ("busybox-base", None),
    "busybox-base.zstd.oci.tar": ("busybox-base", None),
}
NOT_TRUTHS: Final = {"disputed", "ondisk"}


def cases() -> Iterator[Any]:
    """Give every archive with its truth file and the name of the image."""
    for place, folder in PLACES.items():
        if not folder.is_dir():
            reason = f"{folder} is not there (set UNIONFS_SIM_SHARED)"
            yield pytest.param(
                None, None, None, id=place, marks=pytest.mark.skip(reason=reason)
            )
            continue
        for truth in sorted(folder.rglob("*.truth.json")):
            archive = truth.parent / json.loads(truth.read_bytes())["archive"]
            if truth.parent.name not in NOT_TRUTHS and archive.exists():
                yield pytest.param(archive, truth, None, id=f"{place}-{truth.stem}")
        for archive in sorted((folder / "forms").glob("*.tar*")):
            if ".layer" not in archive.name:
                truth = folder / "rules-main.truth.json"
                yield pytest.param(archive, truth, None, id=f"{place}-{archive.name}")
        for key, (stem, name) in OTHER_FORMS.items():
            archive = folder / key.partition("#")[0]
            if archive.exists():
                truth = folder / f"{stem}.truth.json"
                yield pytest.param(archive, truth, name, id=f"{place}-{key}")


def expected_root(truth: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the recorded entries with our documented choices put in."""
    root: dict[str, dict[str, Any]] = truth["root"]
    for (image, path, field), choice in DEVIATIONS.items():
        if image == truth["image"] and field == "xattrs":
            assert isinstance(choice, tuple)
            theirs, ours = choice
            xattrs = root[path][field]
            xattrs[ours] = xattrs.pop(theirs)
    return root


def comparable(
    entry: dict[str, Any], recorded: dict[str, Any], *, is_root: bool
) -> dict[str, Any]:
    """Leave out what the recording says nothing about (README of the images)."""
    left_out = {"implied"}
    if is_root:
        return {"type": entry["type"]}
    if recorded["mtime"] is None:
        left_out.add("mtime")
    return {key: value for key, value in entry.items() if key not in left_out}


@pytest.mark.parametrize(("archive", "truth_file", "name"), list(cases()))
def test_image_matches_its_truth_file(
    archive: Path, truth_file: Path, name: str | None
) -> None:
    """Every entry, link group and digest is as the recorded tool has it."""
    truth = json.loads(truth_file.read_text("utf-8", "surrogateescape"))
    same_file = archive.name == truth["archive"]
    with open_image(archive, name=name) as image:
        found = manifest(image)

    assert truth["diff_ids"] == found["diff_ids"]
    assert truth["chain_ids"] == found["chain_ids"]
    assert len(truth["layers"]) == len(found["layers"])
    # docker save writes a config of its own (two-images, busybox-base.docker).
    if same_file or "rules-main" in archive.name:
        assert truth["image_id"] == found["image_id"]
    if same_file:
        assert truth["manifest_digest"] == found["manifest_digest"]
        assert truth["layers"] == found["layers"]
    root = expected_root(truth)
    assert sorted(root) == sorted(found["root"])
    for path, recorded in root.items():
        is_root = path == "/" and not truth["root_entry_in_layers"]
        entry = comparable(found["root"][path], recorded, is_root=is_root)

        assert comparable(recorded, recorded, is_root=is_root) == entry, path


@pytest.mark.parametrize("place", PLACES)
def test_single_layer_tars_are_the_layers_of_the_image(place: str) -> None:
    """The tar of one layer, however compressed, gives the layer that the image has."""
    folder = PLACES[place]
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there (set UNIONFS_SIM_SHARED)")
    with open_image(folder / "rules-main.oci.tar") as whole:
        for path in sorted((folder / "forms").glob("*.layer*")):
            number = int(path.name.partition(".layer")[2][0])
            with open_image(path) as image:
                (layer,) = image.layers_base_first

                assert whole.layers_base_first[number] == layer
                assert (whole.diff_ids[number],) == image.diff_ids == image.chain_ids
                assert (None, None, None) == (
                    image.image_id,
                    image.manifest_digest,
                    image.config,
                )


def test_own_images_are_there() -> None:
    """The small images travel with the tests, and do not weigh much."""
    files = [path for path in PLACES["own"].rglob("*") if path.is_file()]

    assert len(files) > 40
    assert sum(path.stat().st_size for path in files) < 1_500_000
