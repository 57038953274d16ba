"""Processes that may mount: each with mounts of its own, which end with it."""

from __future__ import annotations

import multiprocessing
import os
import queue
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from unionfs_sim.testing.conformance import fuzz, syscalls
from unionfs_sim.testing.conformance.cases import Case
from unionfs_sim.testing.conformance.driver import observe, recorded
from unionfs_sim.testing.conformance.kernel import KernelDriver
from unionfs_sim.testing.conformance.simulator import SimulatorDriver

#: How often a process tells how far it is.
REPORT_SECONDS: Final = 0.5

_context: Final = multiprocessing.get_context("spawn")

Progress = Callable[[fuzz.FuzzReport], None]


class WorkerError(RuntimeError):
    """A process that was to mount ended in an error; the text says which."""


@contextmanager
def own_kernel() -> Iterator[KernelDriver]:
    """
    Give a driver on a memory file system that only this process sees.

    To be used in a process of its own: its mounts are not what they were afterwards.

    Raises:
        OSError: The kernel lets this user mount neither directly nor in a user
            namespace.
    """
    syscalls.unshare_mounts(user=os.geteuid() != 0)
    folder = tempfile.mkdtemp(prefix="unionfs-sim-")
    try:
        syscalls.mount("tmpfs", folder, "tmpfs", 0, "mode=755,size=64m")
        try:
            with KernelDriver(folder) as driver:
                yield driver
        finally:
            syscalls.unmount(folder)
    finally:
        os.rmdir(folder)  # noqa: PTH106


def _send(channel: Any, job: Callable[..., Any], args: Sequence[Any]) -> None:  # noqa: ANN401
    try:
        job(channel, *args)
    except Exception as error:
        channel.put(("error", f"{type(error).__name__}: {error}"))


def _probe(channel: Any) -> None:  # noqa: ANN401
    with own_kernel() as driver:
        failure = driver.mount(Case(id="probe", lower=[{}]))
        channel.put(("done", failure))


def refusal() -> str | None:
    """Tell why no overlay can be mounted here, or ``None`` if one can."""
    try:
        (failure,) = _run([(_probe, ())], lambda _: None)
    except WorkerError as error:
        return str(error)
    return f"mount: {failure}" if failure else None


def _record(channel: Any, cases: Sequence[Case]) -> None:  # noqa: ANN401
    with own_kernel() as driver:
        channel.put(("done", [recorded(case, observe(case, driver)) for case in cases]))


def record(cases: Sequence[Case]) -> list[Case]:
    """
    Give cases with what this kernel answers as their expectations.

    Raises:
        WorkerError: No overlay can be mounted here.
    """
    (found,) = _run([(_record, (list(cases),))], lambda _: None)
    result: list[Case] = found
    return result


def _fuzz(channel: Any, seed: int, seconds: float, first: int, step: int) -> None:  # noqa: ANN401
    told = time.monotonic()

    def progress(report: fuzz.FuzzReport) -> None:
        nonlocal told
        if time.monotonic() - told >= REPORT_SECONDS:
            told = time.monotonic()
            summary = fuzz.FuzzReport(report.programs, report.failed, report.calls)
            channel.put((f"progress {first}", summary))

    with own_kernel() as driver:
        report = fuzz.fuzz(
            driver,
            SimulatorDriver(),
            seed=seed,
            until=time.monotonic() + seconds,
            programs=fuzz.numbers(first, step),
            progress=progress,
        )
    channel.put(("done", report))


def run_fuzz(
    *, seed: int, seconds: float, jobs: int, progress: Progress = lambda _: None
) -> fuzz.FuzzReport:
    """
    Fuzz for some time in some processes.

    Raises:
        WorkerError: No overlay can be mounted here.
    """
    work = [(_fuzz, (seed, seconds, job, jobs)) for job in range(jobs)]
    total = fuzz.FuzzReport()
    for report in _run(work, progress):
        total.add(report)
    return total


def _run(
    work: Sequence[tuple[Callable[..., None], Sequence[Any]]], progress: Progress
) -> list[Any]:
    """Run jobs at once, each in its process, and give what they came to."""
    channel: Any = _context.Queue()
    processes = [
        _context.Process(target=_send, args=(channel, job, args), daemon=True)
        for job, args in work
    ]
    for process in processes:
        process.start()
    results: list[Any] = []
    partial: dict[str, fuzz.FuzzReport] = {}
    try:
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
    finally:
        for process in processes:
            if len(results) < len(processes):
                process.terminate()
            process.join()
    return results
