"""A ``busybox`` image without a busybox: names in ``/bin``, and what they need."""

from __future__ import annotations

from typing import Final

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import Regular
from unionfs_sim.image.build import new_image
from unionfs_sim.image.image import Image

PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_DIRECTORIES: Final = {
    "bin": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "root": 0o700,
    "tmp": 0o1777,
    "usr": 0o755,
    "var": 0o755,
}
_FILES: Final = {
    "etc/group": "root:x:0:\nnobody:x:65534:\n",
    "etc/passwd": (
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
    ),
}


def busybox_layer() -> Layer:
    """
    Make the only layer of the image: every command is a hard link of one file.

    >>> layer = busybox_layer()
    >>> layer.get(("bin", "sh")) is layer.get(("bin", "busybox"))
    True
    """
    from unionfs_sim.containers.commands import (  # noqa: PLC0415 - not at import
        APPLETS,
    )

    builder = LayerBuilder("busybox")
    for name, mode in _DIRECTORIES.items():
        builder.set_meta((name,), Meta(mode=mode))
    for path, text in _FILES.items():
        builder.add(tuple(path.split("/")), Regular(text))
    binary = Regular(b"\x7fELF simulated busybox\n", Meta(mode=0o755))
    for name in APPLETS:
        builder.add(("bin", name), binary)
    return builder.freeze()


def busybox_image() -> Image:
    """
    Make the image, with the config of the real one.

    >>> busybox_image().config.document["config"]["Cmd"]
    ['sh']
    """
    return new_image(
        [busybox_layer()],
        runtime={"Env": [PATH], "Cmd": ["sh"]},
        created="2001-09-09T01:46:40Z",
        created_by="/bin/sh -c #(nop) ADD file:busybox in / ",
    )
