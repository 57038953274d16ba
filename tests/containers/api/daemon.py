"""A real Docker engine of the tests' own, which has nothing but a busybox."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, DockerException

DAEMON_SECONDS = 60
CONTEXT = """\
FROM scratch
ADD rootfs.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["sh"]
"""
FILES = {
    "etc/passwd": (
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
    ),
    "etc/group": "root:x:0:\nnobody:x:65534:\n",
}
DIRECTORIES = {
    "bin": 0o755, "etc": 0o755, "home": 0o755, "root": 0o700, "tmp": 0o1777,
    "usr": 0o755, "var": 0o755,
}  # fmt: skip


def busybox(folder: Path) -> None:
    """Write what an image of the machine's own static busybox is built of."""
    program = shutil.which("busybox")
    if program is None:
        pytest.skip("no busybox")
    (folder / "Dockerfile").write_text(CONTEXT, encoding="utf-8")
    names = subprocess.run(
        [program, "--list"], capture_output=True, text=True, check=True
    )
    with tarfile.open(folder / "rootfs.tar", "w") as archive:
        for path, mode in DIRECTORIES.items():
            member = tarfile.TarInfo(path)
            member.type, member.mode = tarfile.DIRTYPE, mode
            archive.addfile(member)
        for path, text in FILES.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        member = tarfile.TarInfo("bin/busybox")
        member.size, member.mode = Path(program).stat().st_size, 0o755
        with Path(program).open("rb") as file:
            archive.addfile(member, file)
        for name in names.stdout.split():
            if name != "busybox":
                member = tarfile.TarInfo(f"bin/{name}")
                member.type, member.linkname = tarfile.LNKTYPE, "bin/busybox"
                member.mode = 0o755
                archive.addfile(member)


def connected(address: str, daemon: subprocess.Popen[bytes]) -> docker.DockerClient:
    """Wait for the daemon, and give a client of it."""
    deadline = time.monotonic() + DAEMON_SECONDS
    while daemon.poll() is None and time.monotonic() < deadline:
        client = docker.DockerClient(address, version="1.41", timeout=60)
        with suppress(DockerException, OSError):
            client.ping()
            return client
        client.close()
        time.sleep(0.3)
    pytest.skip("dockerd does not start here")


@contextmanager
def running() -> Iterator[tuple[str, docker.DockerClient]]:
    """Run a daemon; give its address and a client of it."""
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.skip("no dockerd, or not root")
    name = tempfile.mkdtemp(prefix="usim-")  # short: it becomes part of a socket's name
    folder = Path(name)
    address = f"unix://{folder}/sock"
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", f"--data-root={folder}/data", f"--exec-root={folder}/exec",
             f"--pidfile={folder}/pid", f"--host={address}", "--iptables=false"],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            with warnings.catch_warnings():
                # The SDK forgets sockets that it could not connect, and those that it
                # took for streams.
                warnings.simplefilter("ignore", ResourceWarning)
                client = connected(address, daemon)
                context = folder / "context"
                context.mkdir()
                busybox(context)
                client.images.build(path=str(context), tag="busybox", rm=True)
                yield address, client
                client.close()
        finally:
            daemon.terminate()
            daemon.wait(60)
            shutil.rmtree(folder, ignore_errors=True)


def emptied(client: docker.DockerClient) -> None:
    """Remove all but the busybox."""
    for container in client.containers.list(all=True):
        container.remove(force=True, v=True)
    client.networks.prune()
    for volume in client.volumes.list():
        volume.remove()
    for image in client.images.list():
        for tag in image.tags or [image.id]:
            if tag != "busybox:latest":
                with suppress(APIError):
                    client.images.remove(tag, force=True)
