"""Processes that may mount: each with mounts of its own, which end with it."""

from __future__ import annotations

import multiprocessing
import os
import queue
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, Final

from unionfs_sim.testing.conformance import fuzz, syscalls
from unionfs_sim.testing.conformance.cases import Case
from unionfs_sim.testing.conformance.driver import observe, recorded
from unionfs_sim.testing.conformance.kernel import KernelDriver
from unionfs_sim.testing.conformance.narrow import to_user_namespace
from unionfs_sim.testing.conformance.simulator import SimulatorDriver
from unionfs_sim.testing.conformance.spare import spare

#: How often a process tells how far it is.
REPORT_SECONDS: Final = 0.5

_context: Final = multiprocessing.get_context("spawn")

Progress = Callable[[fuzz.FuzzReport], None]


class WorkerError(RuntimeError):
    """A process that was to mount ended in an error; the text says which."""


@contextmanager
def own_kernel(folder: str) -> Iterator[KernelDriver]:
    """
    Give a driver on a memory file system that only this process sees.

    To be used in a process of its own: its mounts are not what they were afterwards.

    Args:
        folder: An empty folder to mount on.

    Raises:
        OSError: The kernel lets this user mount neither directly nor in a user
            namespace.
    """
    syscalls.unshare_mounts(user=os.geteuid() != 0)
    syscalls.mount("tmpfs", folder, "tmpfs", 0, "mode=755,size=64m")
    try:
        with KernelDriver(folder) as driver:
            yield driver
    finally:
        syscalls.unmount(folder)


def _send(
    channel: Any,  # noqa: ANN401 - a queue, whose class is private
    job: Callable[..., None],
    folder: str,
    args: Sequence[Any],
) -> None:
    stage = "no overlay can be mounted here"
    try:
        with own_kernel(folder) as driver:
            stage = "a process failed"
            job(channel, driver, *args)
    except Exception as error:
        channel.put(("error", f"{stage}: {type(error).__name__}: {error}"))


def _probe(channel: Any, driver: KernelDriver) -> None:  # noqa: ANN401
    failure = driver.mount(Case(id="probe", lower=[{}]))
    channel.put(("done", failure))


def refusal() -> str | None:
    """Tell why no overlay can be mounted here, or ``None`` if one can."""
    try:
        (failure,) = _run([(_probe, ())], lambda _: None)
    except WorkerError as error:
        return str(error)
    return f"no overlay can be mounted here: {failure}" if failure else None


def _record(channel: Any, driver: KernelDriver, cases: Sequence[Case]) -> None:  # noqa: ANN401
    channel.put(("done", [recorded(case, observe(case, driver)) for case in cases]))


def record(cases: Sequence[Case]) -> list[Case]:
    """
    Give cases with what this kernel answers as their expectations.

    Raises:
        WorkerError: No overlay can be mounted here, or a process failed.
    """
    (found,) = _run([(_record, (list(cases),))], lambda _: None)
    result: list[Case] = found
    return result


def _fuzz(
    channel: Any,  # noqa: ANN401
    driver: KernelDriver,
    work: tuple[int, float, int, int, bool],
) -> None:
    seed, seconds, first, step, narrow = work
    told = time.monotonic()

    def progress(report: fuzz.FuzzReport) -> None:
        nonlocal told
        if time.monotonic() - told >= REPORT_SECONDS:
            told = time.monotonic()
            summary = fuzz.FuzzReport(report.programs, report.failed, report.calls)
            channel.put((f"progress {first}", summary))

    report = fuzz.fuzz(
        driver,
        SimulatorDriver(),
        seed=seed,
        until=time.monotonic() + seconds,
        programs=fuzz.numbers(first, step),
        narrow=(lambda case: spare(to_user_namespace(case))) if narrow else spare,
        progress=progress,
    )
    channel.put(("done", report))


def run_fuzz(
    *, seed: int, seconds: float, jobs: int, progress: Progress = lambda _: None
) -> fuzz.FuzzReport:
    """
    Fuzz for some time in some processes.

    Raises:
        WorkerError: No overlay can be mounted here, or a process failed.
    """
    narrow = os.geteuid() != 0
    work = [(_fuzz, ((seed, seconds, job, jobs, narrow),)) for job in range(jobs)]
    total = fuzz.FuzzReport()
    for report in _run(work, progress):
        total.add(report)
    return total


def _run(
    work: Sequence[tuple[Callable[..., None], Sequence[Any]]], progress: Progress
) -> list[Any]:
    """Run jobs at once, each in its process, and give what they came to."""
    channel: Any = _context.Queue()
    with ExitStack() as folders:
        processes = []
        for job, args in work:
            # Ours to remove: a process that is ended cannot.
            folder = folders.enter_context(
                tempfile.TemporaryDirectory(prefix="unionfs-sim-")
            )
            processes.append(
                _context.Process(
                    target=_send, args=(channel, job, folder, args), daemon=True
                )
            )
        for process in processes:
            process.start()
        try:
            return _collected(channel, processes, progress)
        finally:
            for process in processes:
                if process.exitcode is None:
                    process.join(timeout=1)
                process.terminate()
                process.join()


def _collected(
    channel: Any,  # noqa: ANN401
    processes: Sequence[BaseProcess],
    progress: Progress,
) -> list[Any]:
    results: list[Any] = []
    partial: dict[str, fuzz.FuzzReport] = {}
    while len(results) < len(processes):
        try:
            kind, value = channel.get(timeout=1)
        except queue.Empty:
            if not any(process.is_alive() for process in processes):
                msg = "a process ended without a word"
                raise WorkerError(msg) from None
            continue
        if kind == "error":
            raise WorkerError(value)
        if kind == "done":
            results.append(value)
            continue
        partial[kind] = value
        sums = fuzz.FuzzReport()
        for report in partial.values():
            sums.add(report)
        progress(sums)
    return results
