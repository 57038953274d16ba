"""Results that are written as they come: one JSON document a line, the first a head."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self, TextIO, final

import unionfs_sim
from unionfs_sim.errors import FormatError

#: What the first line says it is.
FORMAT: Final = "unionfs-sim-bench"


def machine() -> dict[str, object]:
    """Describe the machine, without its name."""
    return {
        "system": _system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "unionfs_sim": unionfs_sim.__version__,
    }


def commit() -> str | None:
    """
    Give the commit that is measured, with a plus if files differ from it.

    ``None`` where the package does not run from a checkout of its own.
    """
    package = Path(unionfs_sim.__file__).resolve().parent
    own = ["ls-files", "--error-unmatch", f"{package.name}/__init__.py"]
    if _git(package.parent, *own) is None:
        return None
    return _git(
        package.parent,
        "describe",
        "--always",
        "--dirty=+",
        "--abbrev=12",
        "--exclude=*",
    )


def here() -> dict[str, object]:
    """Say on what a run is made: machine, load averages and commit."""
    load = [round(each, 1) for each in os.getloadavg()]
    return {"machine": machine(), "load": load, "commit": commit()}


def _git(folder: Path, *words: str) -> str | None:
    try:
        run = subprocess.run(  # noqa: S603 - words of ours
            ["git", *words],  # noqa: S607 - whichever is on the path
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()


def _system() -> str:
    """Name the system with its version, without what its builder called it."""
    version = re.match(r"[0-9.]*[0-9]", platform.release())
    return f"{platform.system()} {version[0] if version else ''}".rstrip()


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor()


def _memory_gib() -> float | None:
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    return round(pages * size / 2**30, 1)


@final
class ResultFile:
    """
    A file of results that an interrupted run left, or that a new one starts.

    Args:
        path: The file.
        about: What was asked for; a file that says something else is refused.

    Attributes:
        found: The results that are in it.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._path = path
        self.found: list[dict[str, Any]] = []
        if path.exists() and path.stat().st_size:
            self._read(about)
            self._file: TextIO = path.open("a", encoding="utf-8")
        else:
            self._file = path.open("w", encoding="utf-8")
            self._write(
                {
                    "format": FORMAT,
                    "about": about,
                    "machine": machine(),
                    "commit": commit(),
                }
            )

    def _read(self, about: Mapping[str, Any]) -> None:
        raw = self._path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        try:
            documents = [json.loads(line) for line in whole.splitlines()]
            head = documents[0]
            wrong = head["format"] != FORMAT
        except (ValueError, LookupError, TypeError) as error:
            msg = f"{self._path}: not a file of results"
            raise FormatError(msg) from error
        if wrong or head.get("about") != json.loads(json.dumps(about)):
            msg = f"{self._path}: results of another run; take another file"
            raise FormatError(msg)
        self.found = documents[1:]
        if len(whole) < len(raw):  # the last line was cut off by a kill
            with self._path.open("r+b") as file:
                file.truncate(len(whole))

    def add(self, result: Mapping[str, Any]) -> None:
        """Write one result; it is on its way to the disk when this returns."""
        self.found.append(dict(result))
        self._write(result)

    def _write(self, value: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(value) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Give the file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()
