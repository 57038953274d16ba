"""The command as a process: bytes on stdout, closed pipes, start-up."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "unionfs_sim"]

#: What `--help` has no use for.
LATER = {
    "datetime",
    "json",
    "rich",
    "shutil",
    "tempfile",
    "unionfs_sim.cli.view",
    "unionfs_sim.image",
    "zlib",
}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, check=False
    )


def test_module_runs() -> None:
    """`python -m unionfs_sim` is the command, and gives its exit status."""
    good = run("cat", "@tour", "/etc/motd")
    bad = run("cat", "@tour", "/nope")

    assert (0, b"Patched.\n", b"") == (good.returncode, good.stdout, good.stderr)
    assert (1, b"") == (bad.returncode, bad.stdout)


def test_cat_of_bytes(whiteouts: Path) -> None:
    """Bytes that are no text come as they are, and as base64 in JSON."""
    raw = run("cat", whiteouts, "/bin/busybox").stdout
    document = json.loads(run("cat", whiteouts, "/bin/busybox", "--json").stdout)

    assert b"\x7fELF" == raw[:4]
    assert raw == base64.b64decode(document["base64"])
    assert len(raw) == document["size"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell with pipes")
@pytest.mark.parametrize("command", ["find", "manifest --json", "tree", "ls -R"])
def test_closed_pipe(command: str, whiteouts: Path) -> None:
    """Nobody who stops reading gets a traceback, and the status is a shell's."""
    name, *rest = command.split()
    line = " ".join([*COMMAND, name, str(whiteouts), *rest])
    script = f"({line}; echo $? >&2) | head -c 1 > /dev/null"
    ended = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False)

    assert ended.stderr in {b"141\n", b"0\n"}  # 0: all was written before it closed


def test_help_imports_little() -> None:
    """`--help` imports neither readers nor renderers: counted, not timed."""
    script = """
import sys
from unionfs_sim.cli import main
main(["--help"])
print(*sys.modules, file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert not LATER & set(ended.stderr.split())
