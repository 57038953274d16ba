"""``exercises show``: the stories of the planted bugs that a student has caught."""

from __future__ import annotations

from argparse import Namespace
from contextlib import ExitStack

from unionfs_sim.cli.commands.exercises import language, place
from unionfs_sim.cli.report import Lines, Report, Table, UsageError, line
from unionfs_sim.teaching import mutants
from unionfs_sim.teaching.examples import Difference, first_difference
from unionfs_sim.teaching.exercises import progress
from unionfs_sim.teaching.exercises.texts import say
from unionfs_sim.teaching.lab import Lab, show
from unionfs_sim.teaching.mutants import Mutant


def killed(options: Namespace, _: ExitStack) -> Report:
    """List the bugs that were caught in an exercise, or tell the story of one."""
    _exercise, folder = place(options)
    lang = language(options, folder)
    caught = [mutants.find(name) for name in progress.read(folder).killed]
    if options.bug is None:
        return _listed(caught, lang)
    for bug in caught:
        if options.bug in {bug.id, bug.switch}:
            return _story(bug, lang)
    raise UsageError(say(lang, "show.locked", bug=options.bug))


def _listed(caught: list[Mutant], lang: str) -> Report:
    def data() -> dict[str, object]:
        return {"bugs": [{"id": bug.id, "title": bug.title} for bug in caught]}

    if not caught:
        return Report(blocks=[Lines([line(say(lang, "show.none"))])], data=data)
    rows = [[(bug.id, "path"), (bug.title, "")] for bug in caught]
    closing = line(say(lang, "show.next", bug=caught[0].id), "faint")
    header = (say(lang, "show.header.bug"), say(lang, "list.header.title"))
    return Report(
        blocks=[Table(header, rows), Lines([line(), closing])],  # type: ignore[arg-type]
        data=data,
    )


def _story(bug: Mutant, lang: str) -> Report:
    difference = first_difference(bug.example, Lab(), bug.lab())
    told = [
        say(lang, "show.belief", text=bug.misconception),
        say(lang, "show.origin", text=bug.origin),
        say(lang, "show.example", text=str(bug.example)),
    ]
    if difference is not None:
        told += _picture(difference, lang)
    return Report(
        blocks=[Lines([line(f"{bug.id} {bug.title}", "title"), *map(line, told)])],
        data=lambda: {
            "id": bug.id,
            "switch": bug.switch,
            "title": bug.title,
            "misconception": bug.misconception,
            "origin": bug.origin,
            "example": str(bug.example),
            "story": told[3:],
        },
    )


def _picture(difference: Difference, lang: str) -> list[str]:
    """Tell what differs, and how a correct lookup comes to its answer."""
    told = [
        say(
            lang,
            "show.differs",
            where=difference.where,
            right=difference.right or say(lang, "uppers.nothing"),
            wrong=difference.wrong or say(lang, "uppers.nothing"),
        )
    ]
    return told + [
        "  "
        + say(
            lang,
            "show.step",
            path=show(step.path),
            layer=step.layer,
            verdict=step.verdict,
        )
        for step in difference.steps
    ]
