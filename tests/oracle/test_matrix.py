"""
Every image in every format, read by real tools: they have the root that we have.

The columns of images and archives are `readers.READERS`, those of directories
`mounts.MOUNTS`; docs/compatibility.md has the table.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from tests.dialects.ondisk import ROOT
from tests.oracle.mounts import MOUNTS, compare, possible
from tests.oracle.readers import READERS, Place, comparable
from tests.oracle.samples import Sample, anew, samples, told
from tests.oracle.tools import Docker, daemon
from unionfs_sim.core.stack import Stack
from unionfs_sim.errors import FormatError, UnionFSError
from unionfs_sim.image.build import new_image
from unionfs_sim.image.image import Image
from unionfs_sim.testing import strategies

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices need root"),
]

#: Readers that apply layers as container engines do.
ENGINES: Final = [name for name, reader in READERS.items() if reader.engine]

_LINKS: Final = "follows a link of a lower layer"

#: Where a tool is known to do something else: (image, tool) -> what.  Each of them is
#: expected to differ, so that a newer tool is noticed.
OTHERWISE: Final[dict[tuple[str, str], str]] = {
    **{
        (f"disputed/{name}.oci.tar", tool): _LINKS
        for tool in ("umoci", *ENGINES)
        for name in ("symlink-parent", "whiteout-through-symlink")
    },
    ("disputed/opaque-through-symlink.oci.tar", "umoci"): _LINKS,
    **{
        ("disputed/file-parent.oci.tar", tool): "takes no directory for a lower file"
        for tool in ("umoci", *ENGINES)
    },
    **{
        (f"{name}.oci.tar", tool): "refuses whiteouts below what is no directory"
        for tool in ENGINES
        for name in (
            "churn/churn-umoci-21",
            "churn/churn-umoci-22",
            "metadata/metadata-umoci",
        )
    },
    **{
        ("disputed/xattr-selinux.oci.tar", tool): "keeps no security.selinux"
        for tool in ("umoci", "podman")
    },
    ("churn/churn-umoci-22.oci.tar", "unionfs-fuse-1.0"): (
        "cannot look up names that contain its own mark"
    ),
    **{
        (f"metadata/metadata-{name}.oci.tar", "unionfs-fuse-1.0"): (
            "has paths of at most 1,024 bytes"
        )
        for name in ("bsdtar-pax", "gnutar-gnu", "gnutar-posix")
    },
}

#: Images of other writers that are also written anew.
ALSO_ANEW: Final = {
    "busybox-base.oci.tar",
    "churn-umoci-21.oci.tar",
    "churn-umoci-22.oci.tar",
    "metadata-umoci.oci.tar",
    "rules-main.oci.tar",
    "whiteouts.oci.tar",
}

#: Tools that take layers which are not compressed.
PLAIN: Final = ("dockerd", "GNU tar")

SAMPLES: Final = list(samples())


@pytest.fixture(scope="module")
def engines() -> Iterator[Path]:
    """Give a folder with a short name: sockets and podman allow no other."""
    with tempfile.TemporaryDirectory(prefix="m", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def docker(engines: Path) -> Iterator[Docker]:
    """Start one daemon for all images."""
    with daemon(engines) as talk:
        yield talk


@pytest.fixture
def place(request: pytest.FixtureRequest, engines: Path) -> Iterator[Place]:
    """Give readers a place; its name is plain, as not every tool takes any other."""
    with tempfile.TemporaryDirectory(prefix="matrix") as folder:
        Path(folder, "at").mkdir()
        yield Place(
            Path(folder, "at"), engines, lambda: request.getfixturevalue("docker")
        )


def hold(image: Image, tool: str, place: Place) -> None:
    """Let a tool read an image, and compare."""
    expected, found = comparable(image, tool, READERS[tool].read(image, place))

    assert sorted(expected) == sorted(found)
    for path, entry in expected.items():
        assert entry == found[path], path


def table() -> str:
    """Give the table of what tools do otherwise, as docs/compatibility.md has it."""
    images: dict[tuple[str, str], list[str]] = {}
    for (image, tool), what in OTHERWISE.items():
        name = image.partition("/")[2].removesuffix(".oci.tar")
        images.setdefault((what, tool), []).append(f"`{name}`")
    tools: dict[tuple[str, str], list[str]] = {}
    for (what, tool), names in images.items():
        tools.setdefault((what, ", ".join(names)), []).append(tool)
    return "".join(
        f"| {names} | {', '.join(users)} | {what} |\n"
        for (what, names), users in tools.items()
    )


def test_the_docs_have_the_table() -> None:
    """What tools do otherwise stands in the docs."""
    assert table() in (ROOT / "docs" / "compatibility.md").read_text()


@pytest.mark.parametrize(
    ("sample", "tool"),
    [
        pytest.param(sample, tool, id=f"{sample.label}-{tool}")
        for sample in SAMPLES
        for tool in READERS
        # Decompressed, the images of forms/ are what rules-main is.
        if not (sample.label.startswith("forms/rules") and tool in PLAIN)
    ],
)
def test_image_is_read(sample: Sample, tool: str, place: Place) -> None:
    """Every recorded image, its bytes kept where they are beyond dispute."""
    with sample.open() as image:
        otherwise = OTHERWISE.get((sample.label, tool))
        if otherwise is None:
            hold(image, tool, place)
            return
        with pytest.raises(AssertionError):
            hold(image, tool, place)


@pytest.mark.parametrize("dialect", MOUNTS)
@pytest.mark.parametrize(
    "sample",
    # The images of forms/ have the layers of rules-main.
    [each for each in SAMPLES if not each.label.startswith("forms/")],
    ids=lambda sample: sample.label,
)
def test_directories_are_shown(sample: Sample, dialect: str, place: Place) -> None:
    """Every recorded image, unpacked as directories that are mounted."""
    with sample.open() as image:
        stack = Stack(image.layers_top_first())
        otherwise = OTHERWISE.get((sample.label, dialect))
        if otherwise is None:
            compare(stack, dialect, place.folder)
            return
        with pytest.raises((AssertionError, UnionFSError)):
            compare(stack, dialect, place.folder)


@pytest.mark.parametrize("tool", READERS)
@pytest.mark.parametrize(
    "sample",
    [each for each in SAMPLES if each.path.name in ALSO_ANEW],
    ids=lambda sample: sample.label,
)
def test_layers_written_anew_are_read(sample: Sample, tool: str, place: Place) -> None:
    """What we write of layers that we read is what they were."""
    with sample.open() as image:
        hold(anew(image), tool, place)


@pytest.mark.parametrize("tool", READERS)
@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would take hours
    suppress_health_check=list(HealthCheck),
)
@given(stack=strategies.stacks())
def test_random_image_is_read(stack: Stack, tool: str, place: Place) -> None:
    """Images that nobody thought of."""
    try:
        image = new_image(told(possible(stack)))
    except FormatError:  # a socket, or a name that no image has
        assume(False)
    try:
        hold(image, tool, place)
    finally:
        for path in place.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
