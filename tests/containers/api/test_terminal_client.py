"""The real client on a terminal, served by the command line."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unionfs_sim.testing.docker import client

pytestmark = pytest.mark.oracle

SETUP = """
def setup(engine):
    engine.host.fs.makedirs("/srv/www")
    engine.host.fs.write_text("/srv/www/index.html", "welcome\\n")

    @engine.programs.register("/usr/bin/greet")
    def greet(process):
        process.print("hello", *process.args)
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Serve an engine by the command line, and give the environment of a client."""
    program = client.find_client()
    if program is None:
        pytest.skip("no docker client")
    (tmp_path / "setup.py").write_text(SETUP, encoding="utf-8")
    server = subprocess.Popen(
        [sys.executable, "-m", "unionfs_sim", "docker", "serve",
         "--socket", "sock", "--setup", "setup.py"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line == f"export DOCKER_HOST=unix://{tmp_path}/sock\n"
    yield {
        "PROGRAM": program,
        "DOCKER_HOST": line.strip().partition("=")[2],
        "DOCKER_CONFIG": str(tmp_path / "config"),
        "HOME": str(tmp_path),
        "TERM": "dumb",
        "PATH": os.environ["PATH"],
    }
    server.send_signal(signal.SIGTERM)
    assert 0 == server.wait(30)
    server.stdout.close()
    assert not (tmp_path / "sock").exists()


class Screen:
    """A client on a terminal of its own."""

    def __init__(self, environment: dict[str, str], *argv: str) -> None:
        self.text = ""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.execve(environment["PROGRAM"], ["docker", *argv], environment)

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def shows(self, text: str) -> bool:
        """Wait until something is on the screen, after what was seen before."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            _, found, after = self.text.partition(text)
            if found:
                self.text = after
                return True
            if not self._read():
                return text in self.text
        return False

    def _read(self) -> bool:
        if not select.select([self._fd], [], [], 1)[0]:
            return True
        try:
            data = os.read(self._fd, 4096)
        except OSError:  # the client has ended
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def code(self) -> int:
        """Wait for the end, and give the exit code."""
        while self._read():
            pass
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def docker(environment: dict[str, str], *argv: str) -> str:
    """Run a client, and give what it prints."""
    run = subprocess.run(
        [environment["PROGRAM"], *argv],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_shell(served: dict[str, str]) -> None:
    """A prompt, a line that is edited, Ctrl-C, an exit code; ``--rm`` leaves nothing."""
    screen = Screen(served, "run", "-it", "--rm", "busybox")
    assert screen.shows("/ # ")
    screen.type("echo hallo\x7f\x7f\x7f\x7f\x7fbye\r")
    assert screen.shows("bye\r\n/ # ")
    screen.type("sleep 1000\r")
    assert screen.shows("sleep 1000\r\n")
    screen.type("\x03")
    assert screen.shows("^C\r\n/ # ")
    screen.type("exit 7\r")
    assert 7 == screen.code()
    assert "" == docker(served, "ps", "-aq")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_end_of_the_input_leaves_a_shell(served: dict[str, str]) -> None:
    """Ctrl-D; the exit code is that of the last command."""
    screen = Screen(served, "run", "-it", "--rm", "busybox")
    assert screen.shows("/ # ")
    screen.type("false\r")
    assert screen.shows("/ # ")
    screen.type("\x04")
    assert 1 == screen.code()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_keys_detach_and_one_comes_back(served: dict[str, str]) -> None:
    """Ctrl-P Ctrl-Q; the shell goes on, and is attached to again."""
    screen = Screen(served, "run", "-it", "--name", "sh", "busybox")
    assert screen.shows("/ # ")
    screen.type("echo one > /f\r")
    assert screen.shows("/ # ")
    screen.type("\x10\x11")
    screen.code()
    assert "sh\n" == docker(served, "ps", "--format", "{{.Names}}")
    again = Screen(served, "attach", "sh")
    again.type("cat /f; exit 3\r")
    assert again.shows("one")
    assert 3 == again.code()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_second_shell(served: dict[str, str]) -> None:
    """``docker exec -it``."""
    docker(served, "run", "-d", "--name", "web", "busybox", "sleep", "1000")
    screen = Screen(served, "exec", "-it", "web", "sh")
    assert screen.shows("/ # ")
    screen.type("exit 4\r")
    assert 4 == screen.code()


def test_programs_of_ones_own(served: dict[str, str]) -> None:
    """What ``--setup`` registers runs; what it writes can be mounted."""
    run = ("run", "--rm")
    assert "hello you\n" == docker(served, *run, "busybox", "/usr/bin/greet", "you")
    found = docker(served, *run, "-v", "/srv/www:/x", "busybox", "cat", "/x/index.html")
    assert "welcome\n" == found
