"""Entries of every kind: devices, pipes, implied directories, attributes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from unionfs_sim.cli import source
from unionfs_sim.cli.report import human_size


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Give a layer tar that has one entry of each kind."""
    file = tmp_path / "kinds.tar"
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as archive:

        def add(name: str, kind: bytes, **settings: object) -> None:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime = kind, 0o640, 1_700_000_000
            for key, value in settings.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(b"\xff\xfe"[: info.size]))

        add("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3)
        add("dev/sda", tarfile.BLKTYPE, devmajor=8, devminor=0)
        add("run/pipe", tarfile.FIFOTYPE)
        add("bytes", tarfile.REGTYPE, size=2, mode=0o6755, uid=7, gid=8)
        add("same", tarfile.LNKTYPE, linkname="bytes")
        add("link", tarfile.SYMTYPE, linkname="caf\udce9\n")
        xattrs = {
            "SCHILY.xattr.user.color": "blue",
            "SCHILY.xattr.security.capability": "\x01\x00\x00\x02",
        }
        add("marked", tarfile.REGTYPE, pax_headers=xattrs)
        add("far", tarfile.REGTYPE, pax_headers={"mtime": "999999999999.5"})
    return file


def test_ls(layer: Path, cli: Cli) -> None:
    """Devices show their numbers, pipes and links what they are, odd names escaped."""
    rows = {
        row.rsplit("0  ", 1)[1]: row for row in cli("ls", layer).out.splitlines()[1:]
    }

    assert {"bytes", "dev/", "far", r"link -> caf\xe9\n", "marked", "run/", "same"} == (
        set(rows)
    )
    assert rows["bytes"].startswith("-rwsr-sr-x    7    8     2  2023-11-14 22:13")
    assert rows["dev/"].split()[:4] == ["drwxr-xr-x", "0", "0", "-"]
    assert "33658-09-27 01:46" not in rows["far"]
    assert "@999999999999" in rows["far"]
    assert [
        "MODE        UID  GID  SIZE  MODIFIED          LAYER  NAME",
        "crw-r-----    0    0  1, 3  2023-11-14 22:13      0  null (character device)",
        "brw-r-----    0    0  8, 0  2023-11-14 22:13      0  sda (block device)",
    ] == cli("ls", layer, "/dev").out.splitlines()


def test_tree(layer: Path, cli: Cli) -> None:
    """A tree counts each kind by its name."""
    lines = cli("tree", layer).out.splitlines()

    assert (
        "2 directories, 4 files, 1 symbolic link, 1 character device, "
        "1 block device, 1 fifo"
    ) == lines[-1]
    assert "├── run/" in lines
    assert "│   └── pipe (fifo)" in lines


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/dev/null", ["type      character device", "device    1, 3"]),
        ("/run", ["holds     1 name", "modified  no layer says"]),
        ("/marked", ["size      0 bytes", 'xattr     user.color = "blue"',
                     "xattr     security.capability = 0x01000002"]),
        ("/bytes", ["mode      6755 (-rwsr-sr-x)", "owner     7:8", "links     2"]),
        ("/link", [r"target    caf\xe9\n", "from      layer 0"]),
    ],
)  # fmt: skip
def test_stat(path: str, lines: list[str], layer: Path, cli: Cli) -> None:
    """`stat` says what there is to say of each kind."""
    assert not set(lines) - set(cli("stat", layer, path).out.splitlines())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/dev/sda", {"type": "block", "rdev": [8, 0]}),
        ("/run", {"type": "dir", "mtime": None, "implied": True}),
        ("/marked", {"xattrs": {"user.color": b"blue".hex(), "security.capability": "01000002"}}),
        ("/link", {"target": "caf\udce9\n", "layers": [0]}),
        ("/far", {"mtime": 999_999_999_999_500_000_000}),
    ],
)  # fmt: skip
def test_stat_as_data(
    path: str, expected: dict[str, object], layer: Path, cli: Cli
) -> None:
    """So does its JSON, where names keep their bytes."""
    document = cli("stat", layer, path, "--json").json

    assert document | expected == document


def test_ls_as_data(layer: Path, cli: Cli) -> None:
    """Devices and opaque directories are described as such."""
    null, _ = cli("ls", layer, "/dev", "--json").json["entries"]
    (site,) = cli("ls", "@tour", "/srv", "--layer", "4", "--json").json["entries"]
    first, *_ = cli("ls", "@tour", "/etc", "--layer", "3", "--json").json["entries"]

    assert [1, 3] == null["rdev"]
    assert site["opaque"]
    assert {"path": "/etc/motd", "name": "motd", "type": "whiteout", "layers": [3]} == (
        first
    )


def test_manifest(layer: Path, cli: Cli) -> None:
    """The table of `manifest` shows devices and implied directories."""
    lines = cli("manifest", layer).out.splitlines()
    (null,) = [line for line in lines if line.endswith("/dev/null")]
    (run,) = [line for line in lines if line.endswith("/run")]

    assert ["crw-r-----", "0", "0", "1,", "3"] == null.split()[:5]
    assert ["drwxr-xr-x", "0", "0", "-", "/run"] == run.split()


def test_cat_of_bytes_as_data(layer: Path, cli: Cli) -> None:
    """Bytes that are no text are base64 in JSON."""
    assert "//4=" == cli("cat", layer, "/bytes", "--json").json["base64"]


def test_cat_of_a_device(layer: Path, cli: Cli) -> None:
    """A device has no bytes to give."""
    outcome = cli("cat", layer, "/dev/null")

    assert (1, "") == (outcome.status, outcome.out)
    assert 1 == outcome.err.count("\n")


def test_layer_without_a_name(layer: Path, cli: Cli) -> None:
    """A single layer has neither a name nor an ID, and nothing says what made it."""
    first, _, row = cli("layers", layer).out.splitlines()
    document = cli("layers", layer, "--json").json

    assert first.startswith(f"{layer}: 1 layer, ")
    assert ["0", "0"] == row.split()[-2:]
    assert (None, None) == (document["image_id"], document["layers"][0]["created_by"])


@pytest.mark.parametrize(
    ("size", "text"), [(1023, "1023 B"), (1 << 30, "1.0 GiB"), (1 << 41, "2.0 TiB")]
)
def test_sizes(size: int, text: str) -> None:
    """Sizes are given in the largest unit that fits."""
    assert text == human_size(size)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Give ``True``."""
        return True


def test_reading_a_big_file_is_told(
    layer: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, stderr says that a big file is being read, and wipes it out."""
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    cli("layers", layer)
    assert "" == stream.getvalue()
    monkeypatch.setattr(source, "_SLOW_BYTES", 1)
    cli("layers", layer)

    assert "reading kinds.tar ..." == stream.getvalue().split("\r")[0]
    assert stream.getvalue().endswith(" \r")
