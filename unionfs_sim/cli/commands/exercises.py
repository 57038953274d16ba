"""``exercises``: the ladder for learners, and the grader for teachers."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from unionfs_sim.cli import progress as progressing
from unionfs_sim.cli import view
from unionfs_sim.cli.report import (
    FAILED,
    GOOD,
    BrokenError,
    Line,
    Lines,
    Report,
    Style,
    Table,
    UsageError,
    line,
    tally,
)
from unionfs_sim.errors import SpecError
from unionfs_sim.teaching.exercises import formats, grading, ladder, progress, texts
from unionfs_sim.teaching.exercises.ladder import MARKER, Exercise
from unionfs_sim.teaching.exercises.report import Report as Graded
from unionfs_sim.teaching.exercises.sealed import Sealed

_POLL_SECONDS: Final = 0.3
_STYLES: Final[Mapping[str, Style]] = {"  + ": "good", "  - ": "error", "  ! ": "error"}


def language(options: Namespace, folder: Path | None = None) -> str:
    """Give the language that was asked for, now or when the folder was made."""
    if options.lang is None and folder is not None:
        return ladder.language_of(folder)
    return options.lang or texts.LANGUAGES[0]


def _exercises(options: Namespace) -> Mapping[str, Exercise]:
    return ladder.ladder(Path(options.ladder) if options.ladder else None)


def _paragraph(*texts_: str) -> Report:
    return Report(
        blocks=[Lines([line(text) for text in texts_])],
        data=lambda: {"text": list(texts_)},
    )


def welcome(options: Namespace, _: ExitStack) -> Report:
    """Say where to start."""
    exercises = _exercises(options)
    first = next(iter(exercises.values()))
    return _paragraph(
        texts.say(
            language(options), "welcome.1", total=len(exercises), minutes=first.minutes
        ),
        texts.say(language(options), "welcome.2", first=first.id),
    )


def _state(folder: Path, lang: str) -> str:
    if not (folder / MARKER).is_file():
        return texts.say(lang, "state.new")
    known = progress.read(folder)
    if known.passed:
        return texts.say(lang, "state.done")
    if known.checks:
        return texts.say(lang, "state.points", score=f"{known.best:g}")
    return texts.say(lang, "state.started")


def listed(options: Namespace, _: ExitStack) -> Report:
    """List the exercises."""
    lang, folder = language(options), Path(options.folder)
    rows = [
        (each.id, each.title(lang), each.minutes, _state(folder / each.name, lang))
        for each in _exercises(options).values()
    ]
    header = [
        texts.say(lang, f"list.header.{name}")
        for name in ("number", "title", "minutes", "state")
    ]
    return Report(
        blocks=[
            Table(
                header,
                [
                    [
                        (number, "number"),
                        (title, ""),
                        (str(minutes), ""),
                        (state, "faint"),
                    ]
                    for number, title, minutes, state in rows
                ],
                right=frozenset({2}),
            )
        ],
        data=lambda: {
            "exercises": [
                dict(zip(("id", "title", "minutes", "state"), row, strict=True))
                for row in rows
            ]
        },
    )


def start(options: Namespace, _: ExitStack) -> Report:
    """Make an exercise's folder."""
    exercise = ladder.find(options.number, _exercises(options))
    folder, lang = Path(options.dir) / exercise.name, language(options)
    if folder.exists():
        msg = f"{folder} is there already; to start anew: exercises reset {folder}"
        raise UsageError(msg)
    folder.mkdir(parents=True)
    for file in sorted(exercise.starter.iterdir()):
        if file.is_file():  # beside it, pip leaves what it compiled
            shutil.copyfile(file, folder / file.name)
    formats.write(exercise.text(lang), folder / "README.md")
    formats.write(f'id = "{exercise.id}"\nlang = "{lang}"\n', folder / MARKER)
    return _paragraph(
        texts.say(lang, "started.1", folder=folder, files=", ".join(exercise.edit)),
        texts.say(lang, "started.2", folder=folder),
    )


def place(options: Namespace) -> tuple[Exercise, Path]:
    """Find the exercise and the folder that are meant."""
    exercises = _exercises(options)
    here = Path()
    folder = None
    if options.path is None:
        folder = here if (here / MARKER).is_file() else _latest(here, exercises)
    elif (Path(options.path) / MARKER).is_file():
        folder = Path(options.path)
    elif options.path.isdigit():
        exercise = ladder.find(options.path, exercises)
        folder = here / exercise.name
    elif Path(options.path).is_dir():
        folder = _latest(Path(options.path), exercises)
    if folder is None or not (folder / MARKER).is_file():
        asked = options.path or "this folder"
        msg = f"{asked} holds no exercise; make one: exercises start NUMBER"
        raise UsageError(msg)
    return ladder.of_folder(folder, exercises), folder


def _latest(here: Path, exercises: Mapping[str, Exercise]) -> Path | None:
    """Find the exercise that was started last and is not done."""
    names = {exercise.name for exercise in exercises.values()}
    found = [
        each
        for each in here.iterdir()
        if each.name in names and (each / MARKER).is_file()
    ]
    left = [each for each in found if not progress.read(each).passed]
    return max(left or found, key=lambda each: each.stat().st_mtime, default=None)


def _need_hypothesis(exercise: Exercise) -> None:
    if exercise.settings.get("hypothesis", True) and not importlib.util.find_spec(
        "hypothesis"
    ):
        msg = (
            f"exercise {exercise.id} needs Hypothesis: "
            "pip install 'unionfs-sim[testing]'"
        )
        raise UsageError(msg)


def _grading(options: Namespace, folder: Path | None = None) -> grading.Options:
    """Give how to grade: in which language, from which seed, with what is sealed."""
    sealed = [Sealed.read(Path(file)) for file in getattr(options, "sealed", ())]
    seeds = [getattr(options, "seed", None), *(one.seed for one in sealed)]
    return grading.Options(
        lang=language(options, folder),
        seed=next((seed for seed in seeds if seed is not None), grading.SEED),
        sealed=sealed,
    )


def _grade(options: Namespace, exercise: Exercise, folder: Path) -> Graded:
    _need_hypothesis(exercise)
    lang, chosen = language(options, folder), _grading(options, folder)
    if getattr(options, "mount", None):
        return _grade_mounted(options, grading.Grading(exercise, folder, chosen))
    with progressing.line() as tell, _own_failures():
        tell(f"{exercise.id} {exercise.title(lang)} …")
        return grading.grade(exercise, folder, chosen)


@contextmanager
def _own_failures() -> Iterator[None]:
    """Tell what fails in the grader from what is wrong with a submission."""
    try:
        yield
    except (OSError, SpecError):
        raise
    except Exception as error:
        kind = type(error).__name__
        msg = f"the grader itself failed, which is not your fault: {kind}: {error}"
        raise BrokenError(msg) from error


def _grade_mounted(options: Namespace, submission: grading.Grading) -> Graded:
    from unionfs_sim.teaching.exercises import mounted  # noqa: PLC0415

    if submission.exercise.settings.get("makes") != "union":
        msg = "--mount is for exercise 16"
        raise UsageError(msg)
    if not options.lower or not Path(options.lower).is_dir():
        msg = "--mount needs --lower, the lower directory of the mount"
        raise UsageError(msg)
    return mounted.judge(submission, Path(options.mount), lower=Path(options.lower))


def _lines(text: str) -> list[Line]:
    return [line(each, _STYLES.get(each[:4], "")) for each in text.splitlines()]


def _stats(graded: Graded, lang: str) -> list[Line]:
    """Tell what the examples of each test were like."""
    tests = graded.data.get("tests") or {}
    lines = [
        line(
            texts.say(
                lang,
                "stats.test",
                test=name,
                useful=round(100 * of["useful_share"]),
                **{key: round(100 * share) for key, share in of["met"].items()},
            )
        )
        for name, of in tests.items()
        if of["met"]
    ]
    return lines or [line(texts.say(lang, "stats.none"))]


def _told(
    options: Namespace, exercise: Exercise, folder: Path, graded: Graded
) -> list[Line]:
    """Give the lines of a report, and the next command to type."""
    lang, lines = language(options, folder), _lines(formats.to_text(graded))
    if getattr(options, "stats", False):
        lines += _stats(graded, lang)
    if not graded.passed:
        return [*lines, line(texts.say(lang, "check.hint", folder=folder), "faint")]
    following = [each for each in _exercises(options) if each > exercise.id]
    if following:
        return [*lines, line(texts.say(lang, "check.next", next=following[0]), "faint")]
    return [*lines, line(texts.say(lang, "check.last"), "faint")]


def _note(folder: Path, graded: Graded) -> None:
    known = progress.read(folder)
    progress.save(
        folder,
        attrs.evolve(
            known,
            checks=known.checks + 1,
            best=max(known.best, graded.score),
            passed=known.passed or graded.passed,
            killed=sorted({*known.killed, *graded.data.get("bugs", ())}),
        ),
    )


def check(options: Namespace, _: ExitStack) -> Report:
    """Check a student's work."""
    exercise, folder = place(options)
    graded = _grade(options, exercise, folder)
    _note(folder, graded)
    return _shown(options, graded, _told(options, exercise, folder, graded))


def _shown(options: Namespace, graded: Graded, lines: list[Line]) -> Report:
    """Give the report in the format asked for, or write it to a file."""
    status = GOOD if graded.passed else FAILED
    if options.format in {"exercism", "gradescope"}:
        status = GOOD  # the runner's status is not the student's mark
    text = formats.FORMATS[options.format](graded)
    if options.out:
        formats.write(text, Path(options.out))
    elif options.format != "text":
        return Report(raw=[text.encode()], data=lambda: formats.to_data(graded))
    return Report(
        blocks=[Lines(lines)], data=lambda: formats.to_data(graded), status=status
    )


def watch(options: Namespace, _: ExitStack) -> Report:
    """Check a student's work each time it is saved."""
    exercise, folder = place(options)
    seen: object = None
    while True:
        now = [
            (folder / name).stat().st_mtime_ns if (folder / name).is_file() else 0
            for name in exercise.edit
        ]
        if now == seen:
            time.sleep(_POLL_SECONDS)
            continue
        seen = now
        graded = _grade(options, exercise, folder)
        _note(folder, graded)
        report = Report(
            blocks=[Lines(_told(options, exercise, folder, graded))],
            data=lambda graded=graded: formats.to_data(graded),  # type: ignore[misc]
        )
        if graded.passed:
            return report
        view.show(report, sys.stdout, as_json=options.json, color=options.color)


def hint(options: Namespace, _: ExitStack) -> Report:
    """Show the next hint, and write down that it was shown."""
    exercise, folder = place(options)
    lang = language(options, folder)
    hints, known = exercise.hints(lang), progress.read(folder)
    number = min(known.hints + 1, len(hints))
    said = [
        texts.say(lang, "hint.count", number=number, total=len(hints)),
        hints[number - 1],
    ]
    if known.hints >= len(hints):
        said.append(texts.say(lang, "hint.none"))
    progress.save(folder, attrs.evolve(known, hints=number))
    return _paragraph(*said)


def reset(options: Namespace, _: ExitStack) -> Report:
    """Put the starter's files back; the student's stay beside them."""
    exercise, folder = place(options)
    kept = []
    for name in exercise.edit:
        file = folder / name
        if file.is_file():
            number = 1
            while (folder / f"{name}.{number}").exists():
                number += 1
            file.rename(folder / f"{name}.{number}")
            kept.append(f"{name}.{number}")
        shutil.copyfile(exercise.starter / name, file)
    return _paragraph(
        texts.say(
            language(options, folder),
            "reset.done",
            folder=folder,
            files=", ".join(exercise.edit),
            kept=", ".join(kept),
        )
    )


def solution(options: Namespace, _: ExitStack) -> Report:
    """Show the reference solution."""
    if options.teacher and options.path and options.path.isdigit():
        exercise = ladder.find(options.path, _exercises(options))
    else:
        exercise, folder = place(options)
        if not options.teacher and not progress.read(folder).passed:
            raise UsageError(texts.say(language(options, folder), "solution.locked"))
    contents = {
        name: (exercise.solution / name).read_text(encoding="utf-8")
        for name in exercise.edit
    }
    lines: list[Line] = []
    for name, text in contents.items():
        lines += [line(f"# {name}", "title"), *map(line, text.splitlines())]
    return Report(blocks=[Lines(lines)], data=lambda: contents)


def _need_use(options: Namespace, numbers: Collection[str]) -> None:
    """Refuse a sealed set that no submission is of."""
    for file in options.sealed:
        number = Sealed.read(Path(file)).exercise
        if number not in numbers:
            msg = f"{file} is for exercise {number}, and no submission is of that"
            raise UsageError(msg)


def grade(options: Namespace, resources: ExitStack) -> Report:
    """Grade one submission, or a class."""
    from unionfs_sim.teaching.exercises import classroom  # noqa: PLC0415

    exercises = _exercises(options)
    folder = Path(options.folder)
    if not folder.is_dir():
        msg = f"{folder}: no such folder"
        raise UsageError(msg)
    named = ladder.find(options.exercise, exercises) if options.exercise else None
    jobs = classroom.submissions(folder, exercises, named)
    _need_use(options, {job.exercise.id for job in jobs})
    if not jobs:
        msg = f"{folder} holds no submission: none has an {MARKER}; see --exercise"
        raise UsageError(msg)
    if len(jobs) == 1 and jobs[0].folder == folder:
        graded = _grade(options, jobs[0].exercise, folder)
        return _shown(options, graded, _lines(formats.to_text(graded)))
    for job in jobs:
        _need_hypothesis(job.exercise)
    if options.format not in {"text", "json"}:
        msg = f"--format {options.format} is for one submission"
        raise UsageError(msg)
    chosen = _grading(options)
    executor = resources.enter_context(classroom.local(options.jobs))
    with progressing.line() as tell, _own_failures():
        done = []
        for name, graded in classroom.grade_class(jobs, chosen, executor):
            done.append((name, graded))
            tell(f"{len(done)} of {len(jobs)} submissions")
    handed = {job.exercise.id: job.exercise for job in jobs}
    only = next(iter(handed.values())) if len(handed) == 1 else None
    lacking = classroom.missing(folder, jobs)
    done += [(name, classroom.nothing(only, chosen)) for name in lacking]

    def data() -> dict[str, Any]:
        return {
            "submissions": [
                {"name": name, "report": formats.to_data(graded)}
                for name, graded in done
            ]
        }

    header = ("SUBMISSION", "EXERCISE", "POINTS", "BAR", "WHY")
    rows: list[list[tuple[str, Style]]] = [
        [(text, "") for text in row] for row in formats.to_table(done)
    ]
    if options.out:
        formats.write(
            formats.to_class_json(done)
            if options.format == "json"
            else formats.to_csv(header, done),
            Path(options.out),
        )
    elif options.format == "json":
        return Report(raw=[formats.to_class_json(done).encode()], data=data)
    return Report(
        blocks=[Table(header, rows, right=frozenset({2}), flexible=True)], data=data
    )


def verify(options: Namespace, resources: ExitStack) -> Report:
    """Prove that the exercises are fair."""
    from unionfs_sim.teaching.exercises import classroom, verifying  # noqa: PLC0415

    exercises = _exercises(options)
    chosen = [ladder.find(number, exercises) for number in options.numbers]
    for exercise in chosen or exercises.values():
        _need_hypothesis(exercise)
    executor = resources.enter_context(classroom.local(options.jobs))
    with progressing.line() as tell:
        findings = []
        for finding in verifying.verify(chosen or list(exercises.values()), executor):
            findings.append(finding)
            tell(f"{len(findings)}: {finding.what}")
        if not chosen and not options.ladder:
            tell("properties and planted bugs")
            findings += verifying.catalog(
                resources.enter_context(ProcessPoolExecutor(options.jobs))
            )
    failed = [finding for finding in findings if not finding.good]
    lines = [
        line(
            f"{'ok  ' if each.good else 'BAD '} {each.what}: {each.told}",
            "" if each.good else "error",
        )
        for each in findings
    ]
    passed = len(findings) - len(failed)
    lines.append(tally(passed, len(failed)))
    return Report(
        blocks=[Lines(lines)],
        data=lambda: {
            "passed": passed,
            "failed": len(failed),
            "total": len(findings),
            "findings": [attrs.asdict(each) for each in findings],
        },
        status=FAILED if failed else GOOD,
    )


def seal(options: Namespace, _: ExitStack) -> Report:
    """Choose a sealed set, and write it down."""
    from unionfs_sim.teaching.exercises import sealing  # noqa: PLC0415

    exercise = ladder.find(options.number, _exercises(options))
    _need_hypothesis(exercise)
    with progressing.line() as tell:
        tell(f"{exercise.id} {exercise.title(language(options))} …")
        made = sealing.seal(exercise, options.seed, options.count)
    file = Path(options.out or f"sealed-{exercise.id}.json")
    formats.write(made.to_json(), file)
    return _paragraph(
        f"{file}: {len(made.bugs)} bugs, chosen by seed {made.seed}. "
        "Keep it from students.",
        f"Then:  unionfs-sim exercises grade DIR --sealed {file}",
        f"   or  unionfs-sim exercises bundle {exercise.id} --sealed {file}",
    )


def bundle(options: Namespace, _: ExitStack) -> Report:
    """Write an autograder."""
    from unionfs_sim.teaching.exercises import gradescope  # noqa: PLC0415

    exercise = ladder.find(options.number, _exercises(options))
    sealed = Sealed.read(Path(options.sealed)) if options.sealed else None
    if sealed is not None and sealed.exercise != exercise.id:
        msg = f"{options.sealed} is for exercise {sealed.exercise}, not {exercise.id}"
        raise UsageError(msg)
    if sealed is None and options.seed is None:
        sys.stderr.write(
            "unionfs-sim: warning: no hidden checks: examples are drawn from seed 1, "
            "which students can try; give --seed or --sealed\n"
        )
    file = Path(options.out or f"autograder-{exercise.id}.zip")
    names = gradescope.bundle(
        exercise,
        file,
        seed=options.seed,
        sealed=sealed,
        lang=options.lang or "en",
        wheel=Path(options.wheel) if options.wheel else None,
    )
    return _paragraph(f"{file}: {', '.join(names)}")
