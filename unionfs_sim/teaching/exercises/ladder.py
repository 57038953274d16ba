"""
The exercises: folders of data, those of the package or of a teacher.

A folder holds ``exercise.toml`` (what it is and how it is graded), ``README.md`` and
``README.zh.md`` (the task), ``hints.toml``, and the folders ``starter``, ``solution``
and ``wrong-NAME``: submissions that are there to be edited, to get full marks, and to
get the feedback that ``exercise.toml`` states for them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import attrs

from unionfs_sim.errors import SpecError
from unionfs_sim.teaching.exercises.texts import LANGUAGES, pick

#: The file that makes a folder an exercise, and a student's folder one of it.
MARKER: Final = "exercise.toml"


@attrs.frozen(kw_only=True)
class Exercise:
    """
    An exercise of a ladder.

    Attributes:
        id: Its number, as text: ``"04"``.
        folder: Where its files are.
        kind: The judge that grades it.
        minutes: How long it takes who knows Python.
        edit: The files that a student edits.
        settings: All that ``exercise.toml`` says.
    """

    id: str
    folder: Path
    kind: str
    minutes: int
    edit: Sequence[str]
    settings: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def name(self) -> str:
        """The name of its folder, such as ``04-first-property``."""
        return self.folder.name

    def title(self, lang: str) -> str:
        """Give the title."""
        title: str = pick(self.settings["title"], lang)
        return title

    def text(self, lang: str) -> str:
        """Give the text of the task."""
        file = self.folder / f"README.{lang}.md"
        if not file.is_file():
            file = self.folder / "README.md"
        return file.read_text(encoding="utf-8")

    def hints(self, lang: str) -> list[str]:
        """Give the hints, from a nudge to nearly all."""
        text = (self.folder / "hints.toml").read_text(encoding="utf-8")
        hints: list[str] = pick(tomllib.loads(text), lang)
        return hints

    @property
    def starter(self) -> Path:
        """The submission that students start from."""
        return self.folder / "starter"

    @property
    def solution(self) -> Path:
        """The submission that gets full marks."""
        return self.folder / "solution"

    @property
    def wrong(self) -> list[Path]:
        """Submissions that are wrong in the way that their names say."""
        return sorted(self.folder.glob("wrong-*"))


def read_exercise(folder: Path) -> Exercise:
    """
    Read an exercise's folder.

    Raises:
        SpecError: ``exercise.toml`` is missing, is no TOML, or lacks a key.
    """
    try:
        settings = tomllib.loads((folder / MARKER).read_text(encoding="utf-8"))
        return Exercise(
            id=settings["id"],
            folder=folder,
            kind=settings["kind"],
            minutes=settings["minutes"],
            edit=tuple(settings["edit"]),
            settings=settings,
        )
    except OSError as error:
        msg = f"{folder}: no exercise: {error.strerror}"
        raise SpecError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{folder / MARKER}: {error}"
        raise SpecError(msg) from error
    except KeyError as error:
        msg = f"{folder / MARKER}: lacks {error}"
        raise SpecError(msg) from error


@cache
def ladder(folder: Path | None = None) -> Mapping[str, Exercise]:
    """
    Read all exercises of a folder, by id; those of the package if none is named.

    >>> [each.id for each in ladder().values()][:3]
    ['01', '02', '03']
    """
    if folder is None:
        with as_file(files("unionfs_sim.teaching") / "ladder") as place:
            folder = place
    if not folder.is_dir():
        msg = f"{folder}: no folder of exercises"
        raise SpecError(msg)
    found = [
        read_exercise(each)
        for each in sorted(folder.iterdir())
        if (each / MARKER).is_file()
    ]
    return {each.id: each for each in found}


def find(number: str, exercises: Mapping[str, Exercise]) -> Exercise:
    """
    Find an exercise by number or by name.

    >>> find("4", ladder()).id
    '04'

    Raises:
        SpecError: There is none.
    """
    for exercise in exercises.values():
        if number in {exercise.id, exercise.name, exercise.id.lstrip("0")}:
            return exercise
    msg = f"there is no exercise {number!r}; there are {', '.join(exercises)}"
    raise SpecError(msg)


def of_folder(folder: Path, exercises: Mapping[str, Exercise]) -> Exercise:
    """
    Find the exercise that a student's folder is of: its marker says the number.

    Raises:
        SpecError: The marker cannot be read, or there is no such exercise.
    """
    try:
        marker = tomllib.loads((folder / MARKER).read_text(encoding="utf-8"))
        number = str(marker["id"])
    except (OSError, ValueError, KeyError) as error:
        msg = f"{folder / MARKER}: does not say which exercise it is"
        raise SpecError(msg) from error
    return find(number, exercises)


def language_of(folder: Path) -> str:
    """Give the language in which a student's folder was made; English by default."""
    try:
        marker = tomllib.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return LANGUAGES[0]
    lang = marker.get("lang")
    return lang if lang in LANGUAGES else LANGUAGES[0]
