"""One SDK program against the simulator and against the real engine, call by call."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tests.containers.api.program import CALLS, answers
from unionfs_sim.containers import docker_client
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.ids import random_id

pytestmark = pytest.mark.oracle

DAEMON_SECONDS = 60
CONTEXT = """\
FROM scratch
COPY busybox /bin/busybox
COPY passwd group /etc/
RUN ["/bin/busybox", "--install", "/bin"]
RUN ["/bin/busybox", "mkdir", "-m", "1777", "/tmp"]
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["sh"]
"""


def busybox(folder: Path) -> None:
    """Write what an image of the machine's own static busybox is built of."""
    program = shutil.which("busybox")
    if program is None:
        pytest.skip("no busybox")
    shutil.copy(program, folder / "busybox")
    (folder / "Dockerfile").write_text(CONTEXT, encoding="utf-8")
    (folder / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
        encoding="utf-8",
    )
    (folder / "group").write_text("root:x:0:\nnobody:x:65534:\n", encoding="utf-8")


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


@pytest.fixture(scope="module")
def real() -> Iterator[docker.DockerClient]:
    """Give a client of a daemon of our own, which has nothing but a busybox."""
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
                # The SDK forgets sockets: those that it could not connect, and those
                # that it took for streams.
                warnings.simplefilter("ignore", ResourceWarning)
                client = connected(address, daemon)
                gc.collect()
                context = folder / "context"
                context.mkdir()
                busybox(context)
                client.images.build(path=str(context), tag="busybox", rm=True)
                yield client
                client.close()
                del client
                gc.collect()
        finally:
            daemon.terminate()
            daemon.wait(60)
            shutil.rmtree(folder, ignore_errors=True)


def test_every_call_is_answered_alike(real: docker.DockerClient) -> None:
    """Values, statuses and words; ids and times apart."""
    with Engine.with_busybox(ids=random_id) as engine:
        client = docker_client(engine)
        found = dict(answers(client))
        client.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        expected = dict(answers(real))
        gc.collect()
    different = {
        name: {"expected": expected[name], "found": found[name]}
        for name in expected
        if expected[name] != found[name]
    }

    assert not different
    assert len(found) == len(CALLS) >= 60
    assert any(isinstance(x, dict) and "error" in x for x in found.values())
