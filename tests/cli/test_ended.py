"""A command that a signal ends while it writes leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

#: Runs a command line that says so and waits once it has begun to write.
WAITING = """
import signal, sys
from contextlib import contextmanager
from unionfs_sim.cli import main, progress

def wait(*_):
    print("writing", flush=True)
    while True:
        signal.pause()

@contextmanager
def shown(what):
    yield wait if what in {"writing", "unpacking"} else lambda *_: None

progress.shown = progress.entries = shown
sys.exit(main(sys.argv[1:]))
"""

COMMANDS = [
    *(["unpack", "--no-owners", "@tour", "out"], ["squash", "@tour", "out"]),
    *(["convert", "@tour", "out"], ["convert", "@tour", "out.tar"]),
    ["pack", "@tour", "out.tar"],
]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_is_left(
    command: list[str], number: signal.Signals, root: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as run:
        assert run.stdout is not None
        assert b"writing\n" == run.stdout.readline()
        begun = os.listdir(tmp_path)
        run.send_signal(number)
        _, told = run.communicate(timeout=60)

    assert [True] == [name.startswith(".") for name in begun]
    assert (128 + number, b"") == (run.returncode, told)
    assert [] == os.listdir(tmp_path)
