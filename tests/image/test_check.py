"""`check` tells all that is wrong, goes on after it, and agrees with `open_image`."""

from __future__ import annotations

import gzip
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.image.conftest import make_archive, make_header, make_layout
from tests.image.hostile.cases import BASE, digits, docker, layered
from tests.image.hostile.test_hostile import CASES
from unionfs_sim.errors import FormatError, MissingExtraError
from unionfs_sim.image.check import check
from unionfs_sim.image.findings import Finding
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.open import open_image

h = make_header

#: Cases that need more than the two seconds of a table, or no check at all.
SLOW = ("GiB", "300 MiB", "depth of")


@pytest.mark.parametrize(
    "name", [name for name in CASES if not any(word in name for word in SLOW)]
)
def test_check_agrees_with_reading(name: str, tmp_path: Path) -> None:
    """What `open_image` refuses is an error, what it reports is a warning."""
    case = CASES[name]
    options = dict(case.options)
    limits: Limits = options.pop("limits", Limits())
    if options:
        pytest.skip("read in a special way")
    path = tmp_path / "image"
    path.write_bytes(case.make(tmp_path))
    found: list[Finding] = []
    no_image = ""
    try:
        found = check(path, limits=limits)
    except FormatError as error:
        no_image = str(error)
    if no_image:
        assert case.refused
        assert no_image.startswith(str(path))
        return

    errors = [str(each) for each in found if each.severity == "error"]
    assert bool(errors) == bool(case.refused), found
    if case.odd:
        assert case.odd in "\n".join(map(str, found))


def test_a_tar_of_which_nothing_can_be_read_is_a_layer(tmp_path: Path) -> None:
    """What begins like a tar is checked entry by entry, each told of once."""
    path = tmp_path / "layer.tar"
    path.write_bytes(
        h("a", type="1", link="b") + h("b", type="1", link="nope") + bytes(1024)
    )

    assert [
        ("entry 'a'", "a hard link to 'b', which is not there"),
        ("entry 'b'", "a hard link to 'nope', which is not there"),
    ] == [(each.place, each.sentence) for each in check(path)]


def test_without_zstd_nothing_is_said_of_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sound image that cannot be read is no wrong one."""
    path = tmp_path / "image"
    path.write_bytes(b"(\xb5/\xfd" + bytes(100))

    def none(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", none)

    with pytest.raises(MissingExtraError, match=r"unionfs-sim\[zstd\]"):
        check(path)


@pytest.fixture
def three_wrongs(tmp_path: Path) -> Path:
    """Give an image with something wrong in each of three layers."""
    tars = [BASE + h("etc"), h("..", b"x") + h(".wh.") + h("fine"), h("y") * 2]
    files = make_layout(*tars)
    (tmp_path / "image.tar").write_bytes(make_archive(files))
    return tmp_path / "image.tar"


def test_all_errors_are_found(three_wrongs: Path) -> None:
    """One error does not hide the next, nor one layer the others."""
    found = [(each.severity, each.place.split("(")[0]) for each in check(three_wrongs)]

    assert [("error", f"layer {n} ") for n in (0, 1, 1, 2)] == found
    with pytest.raises(FormatError):
        open_image(three_wrongs)


def test_finding_has_a_place(three_wrongs: Path) -> None:
    """The place is layer and entry, and the sentence does not repeat it."""
    finding = check(three_wrongs)[0]

    label = finding.place.partition(": ")[0]
    assert f"{label}: entry 'etc'" == finding.place
    assert finding.sentence == "the layer has this name twice"
    assert str(finding) == f"error: {label}: entry 'etc': {finding.sentence}"


def _layout_with(change: Any) -> bytes:
    files = make_layout(BASE, h("x"))
    change(files)
    return make_archive(files)


def _spoil(files: dict[str, bytes]) -> None:
    files[f"blobs/sha256/{digits(BASE)}"] = BASE.replace(b"root", b"r00t")
    del files[f"blobs/sha256/{digits(h('x'))}"]
    files["blobs/sha256/" + "0" * 64] = b"nobody's"
    files["blobs/sha256/short"] = b""
    files["oci-layout"] = b"[]"


def test_everything_of_a_layout(tmp_path: Path) -> None:
    """Version, digests, missing and unknown blobs are told of in one go."""
    path = tmp_path / "image"
    path.write_bytes(_layout_with(_spoil))
    found = [(f.severity, f.sentence[:30]) for f in check(path)]

    assert [
        ("error", "an object is wanted, not a lis"),
        ("error", "the content is sha256:" + digits(BASE.replace(b"root", b"r00t"))[:8]),
        ("error", "the tar is sha256:" + digits(BASE.replace(b"root", b"r00t"))[:12]),
        ("error", "it is not in the archive"),
        ("warning", "nothing refers to it"),
        ("error", "the content is sha256:" + digits(b"nobody's")[:8]),
        ("warning", "nothing refers to it"),
        ("error", "'sha256:short' is not 64 lower"),
    ] == found  # fmt: skip


def test_all_platforms_are_checked(tmp_path: Path) -> None:
    """An image of another platform than the default is checked as well."""
    files = make_layout(h("x") + h("x"))
    (entry,) = json.loads(files["index.json"])["manifests"]
    entry["platform"] = {"os": "plan9", "architecture": "mips"}
    other = make_layout(h("y"))
    entries = [entry, *json.loads(other["index.json"])["manifests"]]
    files |= other
    files["index.json"] = json.dumps(
        {"schemaVersion": 2, "manifests": entries}
    ).encode()
    path = tmp_path / "image"
    path.write_bytes(make_archive(files))
    sentences = [each.sentence for each in check(path)]

    assert sentences == [
        "several images are called 'latest'",
        "the layer has this name twice",
    ]


def test_broken_compression_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """What comes before the break is checked all the same."""
    path = tmp_path / "image"
    entries = h("x") + h("x") + h("big", bytes(range(256)) * 4000)
    stored = layered(entries, base=False, stored=lambda tar: gzip.compress(tar)[:-20])
    path.write_bytes(stored)
    sentences = [each.sentence for each in check(path)]

    assert "the gzip stream ends early" in sentences
    assert "the layer has this name twice" in sentences


def test_archive_that_ends_early(tmp_path: Path) -> None:
    """The members before the end are checked."""
    path = tmp_path / "image"
    whole = docker(BASE, h("x") * 2)
    path.write_bytes(whole + h("late", b"x" * 600)[:700])
    path.write_bytes(
        whole.rstrip(b"\0") + bytes(-len(whole.rstrip(b"\0")) % 512) + h("z")[:99]
    )
    found = check(path)

    assert "the archive ends inside a header" in found[0].sentence
    assert "this name twice" in found[-1].sentence


@pytest.mark.parametrize(
    "data", [b"", b"x", b"hello" * 999, b"\x1f\x8b\x08junk", b"PK\3\4" * 600]
)
def test_no_image(data: bytes, tmp_path: Path) -> None:
    """What is no image at all is an error of its own."""
    path = tmp_path / "image"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=f"^{path}: "):
        check(path)
    with pytest.raises(FormatError, match="a directory without an OCI layout"):
        check(tmp_path)


def test_many_findings_are_counted(tmp_path: Path) -> None:
    """A layer of ten thousand wrongs does not make ten thousand lines."""
    path = tmp_path / "image"
    path.write_bytes(h("x") * 3000)
    found = check(path)

    assert 1001 == len(found)
    assert Finding("error", "", "1999 more entries are refused") == found[-1]


def test_directory(tmp_path: Path) -> None:
    """A layout's directory is checked like an archive, and progress is told."""
    for name, data in make_layout(BASE, h("x")).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    told: list[tuple[int, int]] = []

    assert [] == check(tmp_path, progress=lambda *step: told.append(step))
    assert told == sorted(told)
    assert all(0 <= done <= total for done, total in told)


def test_every_sample_is_clean(root: Path) -> None:
    """Images of real tools have no errors."""
    for path in sorted((root / "tests" / "data" / "images").rglob("*.tar")):
        assert not [f for f in check(path) if f.severity == "error"], path
