"""What real union file systems left on disk reads to what their mounts showed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.dialects import ondisk
from unionfs_sim.core.fold import Rules
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.stack import Stack
from unionfs_sim.dialects.registry import dialect

#: Sample -> the dialect that it is in.
MODES: Final = {
    "aufs-derived": "aufs",
    "fuse-overlayfs-root": "fuse-overlayfs",
    "fuse-overlayfs-root-override": "fuse-overlayfs",
    "fuse-overlayfs-rootless-containers": "fuse-overlayfs-rootless",
    "fuse-overlayfs-rootless-none": "fuse-overlayfs-rootless",
    "overlay-default": "overlay",
    "overlay-index": "overlay",
    "overlay-metacopy": "overlay",
    "overlay-redirect": "overlay",
    "overlay-userxattr": "overlay-userxattr",
    "unionfs-fuse": "unionfs-fuse",
}

_INODE: Final = frozenset({"size", "sha256", "nlink", "links", "mode", "mtime"})

#: Fields that a mount knew from its life, and its directories do not say:
#: hard links that fuse-overlayfs copies up under one name and shows under all
#: (layer-formats 6.2) or that only the index keeps together; an attribute that
#: unionfs-fuse had in its cache.
ONLY_LIVE: Final = {
    ("fuse-overlayfs-root", "/a/f3"): _INODE,
    ("fuse-overlayfs-root", "/a/f3-hard"): _INODE,
    ("fuse-overlayfs-root-override", "/a/f3"): _INODE | {"xattrs"},
    ("fuse-overlayfs-root-override", "/a/f3-hard"): _INODE,
    ("fuse-overlayfs-rootless-containers", "/a/f3"): _INODE,
    ("fuse-overlayfs-rootless-containers", "/a/f3-hard"): _INODE,
    ("fuse-overlayfs-rootless-none", "/a/f3"): _INODE,
    ("fuse-overlayfs-rootless-none", "/a/f3-hard"): _INODE,
    ("overlay-index", "/a/f3"): _INODE,
    ("overlay-index", "/a/f3-hard"): _INODE,
    ("unionfs-fuse", "/a"): frozenset({"mtime"}),
}

#: The owner of the samples that were made in a user namespace, seen from outside, and
#: who that is within.
OUTSIDE: Final = 65533


def cases() -> Iterator[Any]:
    for place, folder in ondisk.PLACES.items():
        if not folder.is_dir():
            reason = f"{folder} is not there (set UNIONFS_SIM_SHARED)"
            yield pytest.param(None, id=place, marks=pytest.mark.skip(reason=reason))
            continue
        for path in sorted(folder.glob("*.tar")):
            yield pytest.param(path, id=f"{place}-{path.stem}")


def shown_by_the_mount(path: Path) -> dict[str, dict[str, Any]]:
    """Give the recording with our documented choices put in."""
    shown = ondisk.read_merged(path.with_name(f"{path.stem}.merged.json"))
    for name, entry in list(shown.items()):
        if name.startswith("/.unionfs-fuse"):
            del shown[name]  # hidden by us, as with the option hide_meta_files
        if entry["type"] == "symlink":
            entry.pop("size", None)  # recorded by some tools only
        xattrs = entry.get("xattrs", {})
        # Version 1.10 shows this one, which says what the entry says already.
        xattrs.pop("security.fuseoverlayfs.override_stat", None)
        if not xattrs:
            entry.pop("xattrs", None)
    return shown


def read(path: Path) -> Stack:
    raw = ondisk.read_sample(path)
    mode = dialect(MODES[path.stem])
    layers = [mode.decode(raw["upper"]), mode.decode(raw["lower"])]
    return Stack(layers, rules=Rules(metacopy=True))


def seen_from_within(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        key: 0 if key in {"uid", "gid"} and value == OUTSIDE else value
        for key, value in entry.items()
    }


@pytest.mark.parametrize("path", list(cases()))
def test_sample_reads_to_what_its_mount_showed(path: Path) -> None:
    found = ondisk.describe(read(path).root)
    shown = shown_by_the_mount(path)

    assert sorted(shown) == sorted(found)
    for name, expected in shown.items():
        entry = seen_from_within(found[name])
        left_out = ONLY_LIVE.get((path.stem, name), frozenset())
        if expected["mtime"] is None:
            left_out |= {"mtime"}
        assert not left_out or expected != entry or expected["mtime"] is None

        assert {k: v for k, v in expected.items() if k not in left_out} == {
            k: v for k, v in entry.items() if k not in left_out
        }, name


@pytest.mark.parametrize("path", list(cases()))
def test_every_dialect_says_the_samples(path: Path) -> None:
    """Written in any dialect, over what is below, the merged view is the same."""
    stack = read(path)
    upper, lower = stack.layers
    assert isinstance(upper, Layer)
    assert isinstance(lower, Layer)
    expected = ondisk.describe(stack.root)
    below = Stack([lower])
    for name in (*sorted(set(MODES.values())), "oci", "flat", "unionfs-fuse-1.0"):
        each = dialect(name)
        base = each.encode(lower, Stack([]).root)
        top = each.encode(upper, below.root)
        layers = [each.decode(top.raw)]
        if name != "flat":
            layers.append(each.decode(base.raw))
        view = Stack(layers, rules=Rules(metacopy=True)).root

        assert () == base.losses + top.losses
        assert without_counts(expected) == without_counts(ondisk.describe(view)), name


def without_counts(root: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Leave out how many names an inode has: hidden ones may be gone."""
    return {
        path: {k: v for k, v in entry.items() if k not in {"nlink", "links"}}
        for path, entry in root.items()
    }


def test_own_samples_are_there() -> None:
    files = list(ondisk.OWN.iterdir())

    assert len(files) == 12
    assert sum(file.stat().st_size for file in files) < 600_000
