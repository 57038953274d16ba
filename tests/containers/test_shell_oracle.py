"""
The shell and its commands against the real busybox, script by script.

The scripts stand in `scripts/`, with ``%%`` between.  Each starts in ``/`` of a fresh
root, and is given to ``sh -c``; one that starts with ``#!file`` is a file that is run
with arguments, and one that starts with ``#!stdin`` comes by the standard input.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.containers.box import Box
from tests.containers.realshell import RealShell
from unionfs_sim.containers.busyboximage import busybox_layer

_PID = 40  # no first process of a container, which signals would not end


def scripts() -> dict[str, str]:
    """Read the scripts, by the name of the file and their number in it."""
    return {
        f"{file.stem}-{number}": text.removesuffix("\n")
        for file in sorted((Path(__file__).parent / "scripts").glob("*.txt"))
        for number, text in enumerate(file.read_text().split("\n%%\n"), 1)
    }


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> RealShell:
    """Give the real one."""
    return RealShell(tmp_path_factory.mktemp("real"))


@pytest.mark.oracle
@pytest.mark.parametrize("script", list(scripts().values()), ids=scripts())
def test_a_script(real: RealShell, script: str) -> None:
    """What it writes, what it complains of, and how it ends."""
    argv, given = ["sh", "-c", script], ""
    if script.startswith("#!file"):
        argv, given = ["sh", "-c", "cat > /s; sh /s x 'y z'"], script
    elif script.startswith("#!stdin"):
        argv, given = ["sh"], script
    box = Box(busybox_layer(), pid=_PID)
    box.fs.mkdir("/dev")

    expected = real(*argv, stdin=given)

    assert expected == box.run(*argv, stdin=given.encode())
