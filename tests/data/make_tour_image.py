"""
Make the sample image of `unionfs-sim tour`: the same bytes in every run.

    python tests/data/make_tour_image.py [OUT]

It is a small web server's image as a build with Docker would leave it: six layers, a
file deleted in the fourth, one that comes back in the sixth, and a directory that the
fifth replaces by an opaque one.  Everything in it is text, made for this purpose.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parents[2] / "unionfs_sim" / "data" / "tour.oci.tar"

#: When the base was made; each step of the build is a minute later.
START = 1_767_225_600  # 2026-01-01T00:00:00Z
BLOCK_BYTES = 512

OPAQUE = ".wh..wh..opq"

CONFIG_1 = "listen = 80\nroot = /srv/www\n"
CONFIG_2 = "listen = 8080\nroot = /srv/www\nlog = /var/log/tinyhttpd.log\n"
PASSWD_1 = "root:x:0:0:root:/root:/bin/sh\n"
PASSWD_2 = f"{PASSWD_1}www:x:33:33:www:/srv/www:/bin/false\n"

Tree = dict[str, Any]

#: One step of the build each: the command, and the layer it left, or ``None``.  A name
#: that ends in a slash is a directory, and the value its mode; text is a file; a pair
#: is a file's mode and text, or an arrow and a link's target.
STEPS: list[tuple[str, Tree | None]] = [
    (
        "ADD base.tar.gz / # buildkit",
        {
            "bin/": 0o755,
            "bin/ls": ("->", "tinybox"),
            "bin/sh": ("->", "tinybox"),
            "bin/tinybox": (0o755, "#!tinybox 1.0: all tools in one file\n"),
            "etc/": 0o755,
            "etc/hosts": "127.0.0.1 localhost\n",
            "etc/motd": "Welcome to TinyLinux 1.0.\n",
            "etc/os-release": ("->", "../usr/lib/os-release"),
            "etc/passwd": PASSWD_1,
            "root/": 0o700,
            "tmp/": 0o1777,
            "usr/": 0o755,
            "usr/lib/": 0o755,
            "usr/lib/os-release": 'ID=tinylinux\nVERSION_ID="1.0"\n',
            "var/": 0o755,
            "var/cache/": 0o755,
            "var/log/": 0o755,
        },
    ),
    ('CMD ["/bin/sh"]', None),
    (
        "RUN /bin/sh -c pkg add tinyhttpd # buildkit",
        {
            "etc/": 0o755,
            "etc/passwd": PASSWD_2,
            "etc/tinyhttpd/": 0o755,
            "etc/tinyhttpd/mime.types": "text/html html\ntext/plain txt\n",
            "etc/tinyhttpd/tinyhttpd.conf": CONFIG_1,
            "srv/": 0o755,
            "srv/www/": 0o755,
            "srv/www/index.html": "<h1>It works!</h1>\n",
            "srv/www/manual/": 0o755,
            "srv/www/manual/index.html": "<h1>The manual of tinyhttpd</h1>\n",
            "srv/www/manual/setup.html": "<h1>How to set it up</h1>\n",
            "usr/": 0o755,
            "usr/sbin/": 0o755,
            "usr/sbin/tinyhttpd": (0o755, "#!tinyhttpd 2.0\n"),
            "var/": 0o755,
            "var/cache/": 0o755,
            "var/cache/pkg/": 0o755,
            "var/cache/pkg/index": "tinyhttpd 2.0\ntinyhttpd 2.1\n",
            "var/cache/pkg/tinyhttpd-2.0.pkg": "tinyhttpd 2.0, packed\n",
            "var/www": ("->", "../srv/www"),
        },
    ),
    (
        "COPY tinyhttpd.conf /etc/tinyhttpd/ # buildkit",
        {
            "etc/": 0o755,
            "etc/tinyhttpd/": 0o755,
            "etc/tinyhttpd/tinyhttpd.conf": CONFIG_2,
        },
    ),
    (
        "RUN /bin/sh -c rm -r /var/cache/pkg /etc/motd /etc/tinyhttpd/mime.types"
        " # buildkit",
        {
            "etc/": 0o755,
            "etc/.wh.motd": "",
            "etc/tinyhttpd/": 0o755,
            "etc/tinyhttpd/.wh.mime.types": "",
            "var/": 0o755,
            "var/cache/": 0o755,
            "var/cache/.wh.pkg": "",
        },
    ),
    (
        "RUN /bin/sh -c rm -r /srv/www && site-build --output /srv/www # buildkit",
        {
            "srv/": 0o755,
            "srv/www/": 0o755,
            f"srv/www/{OPAQUE}": "",
            "srv/www/about.html": "<h1>About us</h1>\n",
            "srv/www/css/": 0o755,
            "srv/www/css/site.css": "h1 { color: teal }\n",
            "srv/www/index.html": "<h1>Welcome</h1>\n",
        },
    ),
    (
        "RUN /bin/sh -c pkg upgrade tinyhttpd && echo 'Patched.' > /etc/motd"
        " # buildkit",
        {
            "etc/": 0o755,
            "etc/motd": "Patched.\n",
            "usr/": 0o755,
            "usr/sbin/": 0o755,
            "usr/sbin/tinyhttpd": (0o755, "#!tinyhttpd 2.1\n"),
        },
    ),
    ("EXPOSE map[8080/tcp:{}]", None),
    ('CMD ["/usr/sbin/tinyhttpd"]', None),
]


def moment(step: int) -> str:
    """Give the time of a step as RFC 3339 text."""
    return f"2026-01-01T00:{step:02}:00Z"


def digest(data: bytes) -> str:
    """Give a digest as descriptors have it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def canonical(value: object) -> bytes:
    """Write JSON in the one form used here."""
    return json.dumps(value, separators=(",", ":")).encode()


def tar(entries: Mapping[str, Any], mtime: int) -> bytes:
    """Pack entries in their order, each header as plain ustar."""
    packed = io.BytesIO()
    for name, value in entries.items():
        info = tarfile.TarInfo(name.rstrip("/"))
        info.mtime = mtime
        data = b""
        match value:
            case int():
                info.type, info.mode = tarfile.DIRTYPE, value
            case ("->", target):
                info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, target
            case (mode, text):
                info.mode, data = mode, text.encode()
            case bytes():
                info.mode, data = 0o644, value
            case _:
                info.mode, data = 0o644, value.encode()
        if name == "srv/www/" or name.startswith("srv/www/"):
            info.uid = info.gid = 33
        info.size = len(data)
        packed.write(info.tobuf(tarfile.USTAR_FORMAT))
        packed.write(data + bytes(-len(data) % BLOCK_BYTES))
    packed.write(bytes(2 * BLOCK_BYTES))
    return packed.getvalue()


def build() -> bytes:
    """Give the archive."""
    blobs: dict[str, bytes] = {}

    def put(media_type: str, data: bytes) -> dict[str, Any]:
        name = digest(data)
        blobs[f"blobs/{name.replace(':', '/')}"] = data
        return {"mediaType": media_type, "digest": name, "size": len(data)}

    diff_ids, layers, history = [], [], []
    for step, (command, tree) in enumerate(STEPS):
        event: dict[str, Any] = {"created": moment(step), "created_by": command}
        if tree is None:
            event["empty_layer"] = True
        else:
            raw = tar(tree, START + 60 * step)
            diff_ids.append(digest(raw))
            packed = zlib.compress(raw, 9, wbits=31)  # zlib's own header: no time
            layers.append(put("application/vnd.oci.image.layer.v1.tar+gzip", packed))
        history.append(event)
    config = {
        "created": moment(len(STEPS) - 1),
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/sbin:/bin"],
            "Cmd": ["/usr/sbin/tinyhttpd"],
            "ExposedPorts": {"8080/tcp": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": put("application/vnd.oci.image.config.v1+json", canonical(config)),
        "layers": layers,
    }
    descriptor = put(manifest_type, canonical(manifest))
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    files: dict[str, Any] = {
        "oci-layout": canonical({"imageLayoutVersion": "1.0.0"}),
        "index.json": canonical({"schemaVersion": 2, "manifests": [descriptor]}),
        "blobs/": 0o755,
        "blobs/sha256/": 0o755,
        **dict(sorted(blobs.items())),
    }
    return tar(files, START)


def main() -> int:
    """Write the archive."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(build())
    return 0


if __name__ == "__main__":
    sys.exit(main())
