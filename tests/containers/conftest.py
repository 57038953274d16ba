"""Images, stores and engines that the tests of containers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from unionfs_sim import Layer, Meta, Regular
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.ids import CountedIds
from unionfs_sim.containers.imagestore import ImageStore
from unionfs_sim.core.layer import LayerBuilder
from unionfs_sim.image.build import new_image
from unionfs_sim.image.image import Image

NOW: Final = "2001-09-09T01:46:40Z"

PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: The names in /bin of the recorded image that something here needs.
APPLETS: Final = [
    "[",
    "awk",
    "cat",
    "chmod",
    "chown",
    "cp",
    "cut",
    "date",
    "dd",
    "dirname",
    "basename",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "grep",
    "head",
    "hostname",
    "httpd",
    "id",
    "ip",
    "kill",
    "ln",
    "ls",
    "mkdir",
    "mkfifo",
    "mknod",
    "mv",
    "nc",
    "printf",
    "pwd",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sh",
    "sleep",
    "sort",
    "stat",
    "tail",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "truncate",
    "uname",
    "uniq",
    "wc",
    "wget",
    "which",
    "whoami",
    "xargs",
    "yes",
    "busybox",
]


def busybox_layer() -> Layer:
    """Make the layer of the recorded base image."""
    builder = LayerBuilder("busybox")
    directory = Meta(mode=0o755)
    for name in ("bin", "etc", "home", "usr", "var"):
        builder.set_meta((name,), directory)
    builder.set_meta(("root",), Meta(mode=0o700))
    builder.set_meta(("tmp",), Meta(mode=0o1777))
    builder.add(("etc", "group"), Regular("root:x:0:\nnobody:x:65534:\n"))
    builder.add(
        ("etc", "passwd"),
        Regular(
            "root:x:0:0:root:/root:/bin/sh\n"
            "nobody:x:65534:65534:nobody:/home:/bin/false\n"
        ),
    )
    binary = Regular(b"\x7fELF busybox", Meta(mode=0o755))
    for name in APPLETS:
        builder.add(("bin", name), binary)
    return builder.freeze()


def busybox_image() -> Image:
    """Make the recorded base image."""
    return new_image(
        [busybox_layer()],
        runtime={"Env": [PATH], "Cmd": ["sh"]},
        created=NOW,
        created_by="/bin/sh -c #(nop) ADD file:0 in / ",
    )


@pytest.fixture
def images() -> Iterator[ImageStore]:
    """Give a store with the base image alone."""
    store = ImageStore(CountedIds(), lambda: NOW)
    store.add(busybox_image(), ["busybox"])
    yield store
    store.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give an engine with a busybox."""
    with Engine.with_busybox() as made:
        yield made
