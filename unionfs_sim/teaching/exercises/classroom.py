"""Grades a class: every submission by itself, on any executor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import attrs

from unionfs_sim.teaching.exercises.grading import Grading, Options, grade
from unionfs_sim.teaching.exercises.ladder import MARKER, Exercise, of_folder
from unionfs_sim.teaching.exercises.report import Report
from unionfs_sim.teaching.exercises.texts import say


@attrs.frozen
class Submission:
    """
    A student's folder.

    Attributes:
        name: Where it is, seen from the class's folder.
        folder: Where it is.
        exercise: What it is of.
    """

    name: str
    folder: Path
    exercise: Exercise


def submissions(
    folder: Path, exercises: Mapping[str, Exercise], named: Exercise | None = None
) -> list[Submission]:
    """
    Find the submissions in a folder: it may be one, or hold one or two levels of them.

    Without an ``exercise.toml``, *named* says what a folder is of that has its files.
    """
    found = []
    for level in (
        (folder,),
        _below(folder),
        [g for f in _below(folder) for g in _below(f)],
    ):
        for each in level:
            if named is not None:
                if all((each / name).is_file() for name in named.edit):
                    found.append((each, named))
            elif (each / MARKER).is_file():
                found.append((each, of_folder(each, exercises)))
        if found and level == (folder,):
            break
    if not found and named is not None:
        found = [(folder, named)]
    return [
        Submission(each.relative_to(folder).as_posix(), each, exercise)
        for each, exercise in found
    ]


def missing(folder: Path, jobs: Sequence[Submission]) -> list[str]:
    """Find the students of a class's folder of whom there is no submission."""
    known = {Path(job.name).parts[0] for job in jobs if job.folder != folder}
    return [
        each.name
        for each in _below(folder)
        if each.name not in known and not each.name.startswith("__")
    ]


def nothing(exercise: Exercise | None, options: Options) -> Report:
    """Make the report of a student who handed in nothing, of whatever exercise."""
    told = say(options.lang, "handed.nothing")
    if exercise is not None:
        return Grading(exercise, Path(), options).refused(told)
    return Report(
        exercise="",
        title="",
        passed=False,
        score=0,
        parts=[],
        lines=[told],
        broken=True,
    )


def _below(folder: Path) -> list[Path]:
    return sorted(
        each
        for each in folder.iterdir()
        if each.is_dir() and not each.is_symlink() and not each.name.startswith(".")
    )


def grade_class(
    jobs: Sequence[Submission], options: Options, executor: Executor
) -> Iterator[tuple[str, Report]]:
    """
    Grade submissions, and give them in order as they are done.

    Args:
        jobs: The submissions.
        options: How to grade them.
        executor: Where; `local`, a process pool, or a Dask client's ``get_executor()``.
    """
    futures = [
        (job.name, executor.submit(grade, job.exercise, job.folder, options))
        for job in jobs
    ]
    for name, future in futures:
        yield name, future.result()


def local(jobs: int) -> Executor:
    """Give an executor on this machine; threads do, as each job starts processes."""
    return ThreadPoolExecutor(max_workers=jobs)
