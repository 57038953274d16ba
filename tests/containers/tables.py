"""Small mount tables that tests share."""

from __future__ import annotations

from unionfs_sim import WHITEOUT, Layer, UnionFS
from unionfs_sim.containers.mounts import MountSource, MountTable


def image() -> UnionFS:
    """Make a small image with a whiteout."""
    base = Layer.build(
        {
            "bin/sh": "busybox",
            "data/": {"old": "hidden", "sub/": {}},
            "etc/": {"conf": "image", "passwd": "root"},
            "srv/www/index": "image",
        },
        label="base",
    )
    return UnionFS([Layer.build({"etc/gone": WHITEOUT}, label="top"), base])


def table() -> tuple[MountTable, UnionFS]:
    """Make a table over the image with a volume at ``/data``."""
    volume = UnionFS()
    made = MountTable(image())
    made.mount("/data", volume, source=MountSource("volume", "/v/_data", "v", "local"))
    volume.write_text("/x", "in the volume")
    return made, volume


def bound(subpath: str, at: str) -> tuple[MountTable, MountTable]:
    """Bind a path of a host's table into a container's table."""
    host = MountTable(UnionFS())
    host.makedirs("/data/q/sub")
    host.write_text("/data/conf", "one\n")
    host.write_text("/data/q/f", "f")
    fs = MountTable(image())
    fs.mount(at, host, subpath=subpath)
    return host, fs
