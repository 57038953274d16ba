"""
Runs a student's code in a process of its own, and comes back whatever it does.

The parent starts ``python -m unionfs_sim.teaching.exercises.child`` in a session of its
own.  The child loads the submission and carries out tasks one by one; it appends a line
to a file for each that starts and each that ends, so what the student prints goes
elsewhere and cannot be taken for a result.  A task that hangs, floods, forks or leaves
costs that task alone: the parent kills the session and starts a new child with the rest.

This guards against accidents.  It is no sandbox: a student who means harm needs a
container around the whole grader.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import attrs

from unionfs_sim.teaching.exercises import faults
from unionfs_sim.teaching.exercises.faults import Fault
from unionfs_sim.teaching.exercises.limits import Limits

_CHILD: Final = "unionfs_sim.teaching.exercises.child"
_POLL_SECONDS: Final = 0.02
_COUNT_SECONDS: Final = 0.1
_DUMP_SECONDS: Final = 0.5
_KEPT_BYTES: Final = 4096
_SUBMISSION_BYTES_MAX: Final = 4 << 20
#: How often one test may end its process before it is given up.
_DEATHS_MAX: Final = 2


class GraderError(Exception):
    """The grader itself failed, before it came to the submission."""


@attrs.frozen(kw_only=True)
class Result:
    """
    What came of a task.

    Attributes:
        task: The task.
        data: What the child told, if it came to an end.
        fault: What ended it otherwise, or the student's error that it told of.
    """

    task: Mapping[str, Any]
    data: Mapping[str, Any] | None = None
    fault: Fault | None = None

    @classmethod
    def told(cls, task: Mapping[str, Any], data: Mapping[str, Any]) -> Result:
        """Make the result of a task that the child came to an end with."""
        fault = data.get("fault")
        return cls(task=task, data=data, fault=fault and Fault.from_json(fault))


@attrs.frozen(kw_only=True)
class Run:
    """
    What came of a submission.

    Attributes:
        results: One for each task, in order.
        loading: Why the submission could not be loaded, if so.
        about: What the child told of the submission when it had loaded it.
        output: The beginning of what was printed.
    """

    results: Sequence[Result]
    loading: Fault | None = None
    about: Mapping[str, Any] = attrs.field(factory=dict)
    output: str = ""


def run(
    folder: Path,
    kind: str,
    tasks: Sequence[Mapping[str, Any]],
    *,
    settings: Mapping[str, Any] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
) -> Run:
    """
    Carry out tasks with the submission in a folder, which is copied first.

    Args:
        folder: The submission.
        kind: The module of `unionfs_sim.teaching.exercises.kinds` that knows how.
        tasks: What is to be done; each may name the ``test`` that it is of.
        settings: What the kind needs to load the submission.
        limits: What it may take.

    Returns:
        What came of each task.

    Raises:
        GraderError: The process came to its end before the submission was touched.
    """
    with scratch() as place:
        copy = copied(folder, place / "submission")
        return _Watch(place, copy, kind, settings or {}, limits).all(tasks)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a new folder, and take it away at the end, with all that was left in it."""
    place = Path(tempfile.mkdtemp(prefix="unionfs-sim-exercise-")).resolve()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def copied(folder: Path, target: Path) -> Path:
    """
    Copy the files of a submission; folders, links and large files stay behind.

    Returns:
        The copy.
    """
    target.mkdir(parents=True)
    for each in sorted(folder.iterdir()):
        if (
            each.is_file()
            and not each.is_symlink()
            and each.stat().st_size <= _SUBMISSION_BYTES_MAX
        ):
            shutil.copyfile(each, target / each.name)
    return target


class _Watch:
    """Starts children until all tasks are done, and ends those that go too far."""

    def __init__(
        self,
        place: Path,
        folder: Path,
        kind: str,
        settings: Mapping[str, Any],
        limits: Limits,
    ) -> None:
        self.place = place
        self.folder = folder
        self.kind = kind
        self.settings = settings
        self.limits = limits
        self.end = time.monotonic() + limits.total_seconds
        self.printed = 0
        self.output = b""
        self.loading: Fault | None = None
        self.about: Mapping[str, Any] = {}
        self.lock = threading.Lock()

    def all(self, tasks: Sequence[Mapping[str, Any]]) -> Run:
        """Carry out all tasks."""
        results: dict[int, Result] = {}
        deaths: dict[Any, int] = {}
        pending = list(range(len(tasks)))
        starts = 0
        while (pending or not starts) and self.loading is None:
            starts += 1
            child = _Child(
                self, starts, [(number, tasks[number]) for number in pending]
            )
            for number, data in child.done.items():
                results[number] = Result.told(tasks[number], data)
            if not child.ready:
                raise GraderError(self.output.decode("utf-8", "replace"))
            if child.fault is not None:
                if child.current is None:
                    self.loading = child.fault
                    break
                task = tasks[child.current]
                results[child.current] = Result(task=task, fault=child.fault)
                test = task.get("test")
                deaths[test] = deaths.get(test, 0) + 1
                flood = child.fault.kind == "output"
                if flood:
                    self.printed = 0  # the others have room of their own
                if deaths[test] >= _DEATHS_MAX or (flood and test is not None):
                    _skip(results, tasks, pending, child.fault, test)
            pending = [number for number in pending if number not in results]
            if time.monotonic() > self.end:
                break
        left = self.loading or Fault(kind="skipped", type="time")
        for number in range(len(tasks)):
            results.setdefault(number, Result(task=tasks[number], fault=left))
        return Run(
            results=[results[number] for number in range(len(tasks))],
            loading=self.loading,
            about=self.about,
            output=self.output.decode("utf-8", "replace"),
        )

    def drain(self, stream: IO[bytes]) -> None:
        """Read what is printed, keep the beginning, count the rest."""
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(stream.fileno(), 1 << 16):
                with self.lock:
                    self.output += chunk[: max(0, _KEPT_BYTES - len(self.output))]
                    self.printed += len(chunk)


def _skip(
    results: dict[int, Result],
    tasks: Sequence[Mapping[str, Any]],
    pending: Sequence[int],
    fault: Fault,
    test: object,
) -> None:
    """Give up a test that ended its process again and again."""
    for number in pending:
        if number not in results and tasks[number].get("test") == test:
            results[number] = Result(task=tasks[number], fault=fault)


class _Child:
    """One process with the tasks that are left, from its start to its end."""

    def __init__(
        self, watch: _Watch, number: int, tasks: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> None:
        self.watch = watch
        self.limits = watch.limits
        self.done: dict[int, Mapping[str, Any]] = {}
        self.current: int | None = None
        self.fault: Fault | None = None
        self.ready = self.finished = False
        self.channel = watch.place / f"results-{number}"
        self.dump = watch.place / f"frames-{number}"
        self.channel.touch()
        self.dump.touch()
        self.position = 0
        self.rest = b""
        self.began_cpu = 0.0
        self.began = self.counted = time.monotonic()
        job = {
            "channel": str(self.channel),
            "dump": str(self.dump),
            "folder": str(watch.folder),
            "kind": watch.kind,
            "settings": watch.settings,
            "limits": watch.limits.to_json(),
            "tasks": [[index, task] for index, task in tasks],
        }
        plan = watch.place / f"job-{number}.json"
        plan.write_text(json.dumps(job), encoding="utf-8")
        self.process = subprocess.Popen(  # noqa: S603 - our own child
            [sys.executable, "-P", "-X", "utf8", "-m", _CHILD, str(plan)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=watch.folder,
            env=_environment(watch.place),
            start_new_session=True,
        )
        assert self.process.stdout is not None
        output = self.process.stdout
        reader = threading.Thread(target=watch.drain, args=(output,), daemon=True)
        reader.start()
        try:
            self._follow()
        finally:
            self._kill()
            reader.join(1.0)
            if not reader.is_alive():
                output.close()

    def _follow(self) -> None:
        while True:
            ended = self.process.poll() is not None
            self._read()
            if self.fault is not None or self.finished:
                return
            if ended:
                self.fault = _left(self.process.returncode)
                return
            self.fault = self._exceeded()
            if self.fault is not None:
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_POLL_SECONDS)

    def _read(self) -> None:
        """Take in the lines that the child has written since."""
        with self.channel.open("rb") as file:
            file.seek(self.position)
            text = file.read()
        self.position += len(text)
        *lines, self.rest = (self.rest + text).split(b"\n")
        for line in lines:
            try:
                self._event(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue  # a line of ours is whole: this one is not ours

    def _event(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "ready":
                self.ready = True
            case "loaded":
                self.watch.about = event["about"]
            case "unloadable":
                self.fault = Fault.from_json(event["fault"])
            case "start":
                self.current = event["task"]
                self.began = time.monotonic()
                self.began_cpu = self._cpu()
            case "end":
                self.done[event["task"]] = event["data"]
                self.current = None
                self.began = time.monotonic()
            case "finished":
                self.finished = True
            case _:
                pass

    def _exceeded(self) -> Fault | None:
        """Tell which limit is exceeded, if any."""
        now = time.monotonic()
        limits = self.limits
        with self.watch.lock:
            printed = self.watch.printed
        if printed > limits.output_kib << 10:
            return Fault(kind="output", type=f"{limits.output_kib} KiB")
        if now > self.watch.end:
            return self._timed(f"{limits.total_seconds:g} s in all")
        if (
            now - self.began > limits.task_wall_seconds
            or self._cpu() - self.began_cpu > limits.task_seconds
        ):
            return self._timed(f"{limits.task_seconds:g} s")
        if now - self.counted > _COUNT_SECONDS:
            self.counted = now
            if len(_session(self.process.pid)) > limits.processes:
                return Fault(kind="processes", type=str(limits.processes))
        return None

    def _timed(self, limit: str) -> Fault:
        """Ask the child where it is, by a signal that `faulthandler` answers."""
        text = ""
        if hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(OSError):
                os.kill(self.process.pid, signal.SIGUSR1)
                until = time.monotonic() + _DUMP_SECONDS
                while "\n" not in text and time.monotonic() < until:
                    time.sleep(_POLL_SECONDS)
                    text = self.dump.read_text("utf-8", "replace")
        place = faults.from_dump(text, self.watch.folder)
        return Fault(kind="time", type=limit, place=place)

    def _cpu(self) -> float:
        """Give the seconds of CPU that the child has used; 0 where nobody tells."""
        try:
            text = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8", "replace")
        except OSError:
            return 0.0
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _kill(self) -> None:
        """End the child and all that it has started, and wait for it."""
        if sys.platform == "win32":
            self.process.kill()
            self.process.wait()
            return
        for _ in range(20):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            left = _session(self.process.pid)
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            if not left:
                break


def _left(status: int) -> Fault:
    """Describe a child that ended before its tasks did."""
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return Fault(kind="signal", type=name)
    return Fault(kind="exit", type=str(status))


def _session(leader: int) -> list[int]:
    """Give the living processes of a session; none where there is no ``/proc``."""
    found: list[int] = []
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - often asked
    except OSError:
        return found
    for name in names:
        if name.isdigit():
            try:
                text = Path(f"/proc/{name}/stat").read_text("utf-8", "replace")
            except OSError:
                continue
            state, _, _, session = text.rpartition(")")[2].split()[:4]
            if int(session) == leader and state not in "ZX":
                found.append(int(name))
    return found


def _environment(place: Path) -> dict[str, str]:
    """Give an environment without anything of the parent's that is not needed."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
        if name in os.environ
    }
    return kept | {
        "HOME": str(place),
        "TMPDIR": str(place),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "PYTHONUNBUFFERED": "1",
    }
