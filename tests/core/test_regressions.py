"""Bugs that tests of the core found: each stays as a test."""

from __future__ import annotations

import errno

import pytest

from unionfs_sim import (
    OPAQUE,
    Layer,
    Negative,
    SpecError,
    UnionFS,
    UnionFSError,
    literal,
)
from unionfs_sim.core.policy import MountOptions


@pytest.mark.parametrize(
    "spec",
    [
        {"a": "x", "a/b": "y"},
        {"a/b": "y", "a": "x"},
        {"a": "x", "a/": OPAQUE},
        {"a/": OPAQUE, "a": "x"},
    ],
    ids=["file first", "file last", "mark last", "mark first"],
)
def test_a_file_is_no_directory_in_whatever_order(spec: dict[str, str]) -> None:
    """A name described as a file and as a directory is refused, in either order."""
    with pytest.raises(SpecError, match="/a"):
        Layer.build(spec)


def test_too_long_a_path_is_so_however_much_is_known() -> None:
    """A path over 4095 bytes is refused also when its directory was walked before."""
    head = "/" + "/".join(["x" * 200] * 20)
    fs = UnionFS([Layer.build({f"{head}/{'y' * 30}": "", f"{head}/{'y' * 200}": ""})])
    fs.lookup(f"{head}/{'y' * 30}")

    assert Negative(errno.ENAMETOOLONG) == fs.lookup(f"{head}/{'y' * 200}")


@pytest.mark.parametrize(("mode", "told"), [("xb", "xb"), ("x+b", "xb+"), ("wb", "wb")])
def test_mode_of_an_open_file(mode: str, told: str) -> None:
    """An open file tells its mode as one of the host does."""
    with UnionFS().open("/f", mode, buffering=0) as file:
        assert told == file.mode


@pytest.mark.parametrize("text", ["lowerdir", "lowerdir=/a,upperdir,workdir=/w"])
def test_a_layer_without_a_path_is_refused(text: str) -> None:
    """A bare `lowerdir` or `upperdir` names no layer."""
    with pytest.raises(UnionFSError, match="Invalid argument"):
        MountOptions.parse(text)


def test_mount_options_come_back() -> None:
    """The text of mount options says all that was read, a lone workdir as well."""
    options = MountOptions.parse("lowerdir=/a:/b,workdir=/w")

    assert options == MountOptions.parse(str(options))


def test_there_is_no_data_behind_the_end() -> None:
    """At the end of a file there is no more data."""
    assert -1 == literal(b"x").next_part(1, data=True)
