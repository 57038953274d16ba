"""
The process that a student's code runs in; `process` starts it and watches over it.

A module of `unionfs_sim.teaching.exercises.kinds` offers ``load(folder, settings)``, which
gives the submission and what is to be told of it, and ``carry_out(submission, task)``,
which gives what came of one task.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from unionfs_sim.teaching.exercises.faults import describe
from unionfs_sim.teaching.exercises.limits import Limits, hold


def load_module(folder: Path, name: str) -> ModuleType:
    """
    Load a file of a submission.

    Raises:
        ImportError: There is no such file, or it imports what is not there.
        SyntaxError: It is no Python.
    """
    file = folder / name
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None or not file.is_file():
        msg = f"{name} is not there"
        raise ImportError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


class _Channel:
    """Writes events to a file; opens it each time, as a student may close anything."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pid = os.getpid()

    def tell(self, event: str, **data: Any) -> None:
        """Append one line, if this is the process that was started."""
        if os.getpid() != self.pid:
            os._exit(0)  # a fork that came back from the student's code
        line = json.dumps({"event": event, **data}, default=repr) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def main(plan: str) -> None:
    """Carry out the tasks of a plan."""
    job = json.loads(Path(plan).read_text(encoding="utf-8"))
    channel = _Channel(job["channel"])
    folder = Path(job["folder"])
    dump = open(job["dump"], "w", encoding="utf-8")  # noqa: PTH123, SIM115 - kept
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1, file=dump, all_threads=True)
    kind: Any = importlib.import_module(
        f"unionfs_sim.teaching.exercises.kinds.{job['kind']}"
    )
    sys.path.append(str(folder))
    hold(Limits.from_json(job["limits"]))
    channel.tell("ready")
    try:
        submission, about = kind.load(folder, job["settings"])
    except BaseException as error:
        channel.tell("unloadable", fault=describe(error, folder).to_json())
        _end()
    channel.tell("loaded", about=about)
    for number, task in job["tasks"]:
        channel.tell("start", task=number)
        try:
            data = kind.carry_out(submission, task)
        except BaseException as error:
            data = {"fault": describe(error, folder).to_json()}
        channel.tell("end", task=number, data=data)
    channel.tell("finished")
    _end()


def _end() -> NoReturn:
    """Leave at once: what the student left for the exit must not run."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
