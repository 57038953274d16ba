"""The real ``docker`` client, run for one step, and its words made comparable."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, final

import attrs

#: How long one command may take.
_SECONDS: Final = 60
_LOG_LINE: Final = re.compile(r'time="[^"]*" level=error msg="error waiting [^\n]*\n')
_TABLES: Final = frozenset({"ps", "images", "history"})
RECORDED: Final = "20.10"


@final
@attrs.frozen
class Said:
    """
    What a command gave.

    Attributes:
        code: Its exit code.
        out: Its output.
        err: Its complaints.
    """

    code: int
    out: str
    err: str


@final
class DockerClient:
    """
    A client that talks to one engine.

    Args:
        program: The path of ``docker``.
        address: The engine's address.
        folder: A directory for its configuration.
    """

    def __init__(self, program: str, address: str, folder: Path) -> None:
        self._program = program
        self._environment = {
            **{key: os.environ[key] for key in ("PATH",) if key in os.environ},
            "HOME": str(folder),
            "DOCKER_HOST": address,
            "DOCKER_CONFIG": str(folder / "config"),
            "DOCKER_BUILDKIT": "0",
            "DOCKER_CLI_HINTS": "false",
            "LC_ALL": "C",
        }
        self._folder = folder

    def run(self, argv: list[str]) -> Said:
        """
        Run one command line.

        Raises:
            TimeoutError: It takes longer than a minute.
        """
        try:
            done = subprocess.run(  # noqa: S603 - the client that was asked for
                [self._program, *argv],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            msg = f"docker {' '.join(argv)} takes longer than {_SECONDS} seconds"
            raise TimeoutError(msg) from error
        return Said(
            done.returncode,
            done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"),
        )


def find_client() -> str | None:
    """Find ``docker``: of several, one as old as the recording, whose words it has."""
    found = [
        program
        for folder in dict.fromkeys(os.get_exec_path())
        if (program := shutil.which("docker", path=folder)) is not None
    ]
    old = (program for program in found if RECORDED in version_of(program))
    return next(old, found[0] if found else None)


def version_of(program: str) -> str:
    """Give what a client says of its version; nothing if it says nothing."""
    try:
        done = subprocess.run(  # noqa: S603 - likewise
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


# --- making words comparable ---------------------------------------------------------


def normal_out(argv: list[str], text: str) -> str:
    """
    Give the output of a command without what differs from run to run.

    >>> normal_out(["diff", "web"], "C /etc\\nA /a\\n")
    'A /a\\nC /etc\\n'
    >>> normal_out(["ps"], "ID   NAMES  \\n1    web\\n")
    'ID  NAMES\\n1  web\\n'
    """
    lines = text.splitlines(keepends=True)
    if argv[:1] == ["diff"]:
        return "".join(sorted(lines, key=lambda line: line[2:]))
    if argv[:2] == ["volume", "prune"] and "Deleted Volumes:\n" in lines:
        start = lines.index("Deleted Volumes:\n") + 1
        end = lines.index("\n", start)
        names = sorted(lines[start:end], key=lambda name: (len(name) == 65, name))
        lines[start:end] = names
        return "".join(lines)
    if argv[:1] and argv[0] in _TABLES and "--format" not in argv:
        return "".join(re.sub(" {2,}", "  ", line.rstrip()) + "\n" for line in lines)
    return text


def normal_err(text: str) -> str:
    """Give complaints without the lines of the client's log."""
    return _LOG_LINE.sub("", text)


def normal_json(text: str) -> Any:  # noqa: ANN401 - what JSON can be
    """
    Read output as JSON, what has no fixed order sorted.

    Raises:
        ValueError: It is no JSON.
    """
    return canonical(json.loads(text))


def canonical(value: Any) -> Any:  # noqa: ANN401 - likewise
    """
    Sort what has no fixed order: mounts by destination.

    >>> canonical([{"Destination": "/b"}, {"Destination": "/a"}])
    [{'Destination': '/a'}, {'Destination': '/b'}]
    """
    if isinstance(value, list):
        made = [canonical(each) for each in value]
        if made and all(isinstance(x, dict) and "Destination" in x for x in made):
            made.sort(key=lambda each: str(each["Destination"]))
        return made
    if isinstance(value, Mapping):
        return {key: canonical(each) for key, each in value.items()}
    return value


#: Where the paths of real files stand in a command line: after a flag, or anywhere.
_LOCAL_FLAGS: Final = {"save": "-o", "export": "-o", "load": "-i"}


def with_local_paths(argv: list[str], local: Callable[[str], str]) -> list[str] | None:
    """
    Give a command line whose real files are elsewhere; ``None`` if it names none.

    >>> with_local_paths(["cp", "web:/f", "/data/f"], "/tmp{}".format)
    ['cp', 'web:/f', '/tmp/data/f']
    >>> with_local_paths(["run", "-v", "/data:/x", "busybox"], "/tmp{}".format)
    """
    verb = argv[0] if argv else ""
    if verb in {"cp", "import"}:
        return [local(arg) if arg.startswith("/") else arg for arg in argv]
    flag = _LOCAL_FLAGS.get(verb)
    if flag is None or flag not in argv:
        return None
    at = argv.index(flag) + 1
    return [*argv[:at], local(argv[at]), *argv[at + 1 :]]
