"""The real tools: run, skipped where they are missing, kept away from the system."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

#: Runs ``docker`` with some arguments, and gives what it said.
Docker = Callable[..., str]

#: How long the daemon may take to start.
DAEMON_SECONDS: Final = 20


def needed(*tools: str) -> None:
    """Skip the test if a tool is missing."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def run(*command: str | Path, **options: Any) -> str:
    """Run a tool, and fail with what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    told: str = done.stdout
    return told.strip()


def storage(folder: Path) -> tuple[str, ...]:
    """Keep an engine's storage away from the system's."""
    return (
        "--root", str(folder / "s"), "--runroot", str(folder / "r"),
        "--storage-driver", "vfs",
    )  # fmt: skip


@contextmanager
def daemon(folder: Path) -> Iterator[Docker]:
    """Start a daemon of our own, and give what talks to it; it ends with the test."""
    needed("dockerd", "docker")
    socket = folder / "d.sock"
    log = (folder / "log").open("wb")
    started = subprocess.Popen(
        [
            "dockerd",
            f"--data-root={folder / 'data'}",
            f"--exec-root={folder / 'exec'}",
            f"--pidfile={folder / 'pid'}",
            f"--host=unix://{socket}",
            "--iptables=false",
            "--bridge=none",
            "--storage-driver=vfs",
        ],
        stdout=log,
        stderr=log,
    )

    def docker(*arguments: str | Path) -> str:
        return run("docker", "--host", f"unix://{socket}", *arguments)

    try:
        deadline = time.monotonic() + DAEMON_SECONDS
        while True:
            if started.poll() is not None or time.monotonic() > deadline:
                last = (folder / "log").read_text().splitlines()[-1:]
                pytest.skip(f"dockerd does not start here: {last}")
            try:
                docker("version")
                break
            except AssertionError:
                time.sleep(0.2)
        yield docker
    finally:
        started.terminate()
        started.wait(30)
        log.close()
