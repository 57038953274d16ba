"""The exercises are whole: texts in both languages, hints, solutions, wrong ones."""

from __future__ import annotations

import string
import tomllib
from pathlib import Path

import pytest

from unionfs_sim.errors import SpecError
from unionfs_sim.teaching.exercises.ladder import (
    Exercise,
    find,
    ladder,
    read_exercise,
)
from unionfs_sim.teaching.exercises.texts import LANGUAGES, catalog, pick
from unionfs_sim.teaching.lab import Stack, error_name, stack

EXERCISES = list(ladder().values())
NAMES = [exercise.name for exercise in EXERCISES]


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_exercise_is_whole(exercise: Exercise) -> None:
    """All that an exercise needs is in its folder."""
    assert exercise.name.startswith(f"{exercise.id}-")
    assert exercise.minutes > 0
    for lang in LANGUAGES:
        assert exercise.title(lang)
        assert exercise.text(lang).startswith(
            f"# {exercise.id} · {exercise.title(lang)}"
        )
        assert 3 == len(exercise.hints(lang))
    assert exercise.text("en") != exercise.text("zh")
    for folder in (exercise.starter, exercise.solution, *exercise.wrong):
        assert set(exercise.edit) <= {file.name for file in folder.iterdir()}
    stated = {f"wrong-{name}" for name in exercise.settings["wrong"]}
    assert stated == {folder.name for folder in exercise.wrong}
    assert stated


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_task_fits_a_screen_or_two(exercise: Exercise) -> None:
    """A task is read in two minutes."""
    for lang in LANGUAGES:
        assert len(exercise.text(lang).splitlines()) <= 60


def test_every_text_is_in_every_language() -> None:
    """The catalogs have the same keys, and the texts the same values to put in."""
    first, *others = (catalog(lang) for lang in LANGUAGES)

    for other in others:
        assert first.keys() == other.keys()
        for key, text in first.items():
            assert placeholders(text) == placeholders(other[key]), key


def placeholders(text: str) -> set[str]:
    """Give the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_texts_of_exercises_are_in_every_language() -> None:
    """Names and questions in ``exercise.toml`` come in pairs."""

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if "en" in value:
                assert set(LANGUAGES) == value.keys()
                assert pick(value, "en") != pick(value, "zh")
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    for exercise in EXERCISES:
        walk(exercise.settings)


def test_an_exercise_is_found_by_number_or_name() -> None:
    """With or without the zero."""
    exercises = ladder()

    assert "02" == find("2", exercises).id == find("02-smallest-stack", exercises).id
    with pytest.raises(SpecError, match="there is no exercise '99'; there are 01, 02"):
        find("99", exercises)


def test_a_folder_that_is_no_exercise_is_explained(tmp_path: Path) -> None:
    """The error says what is missing."""
    with pytest.raises(SpecError, match="no exercise: No such file"):
        read_exercise(tmp_path)
    (tmp_path / "exercise.toml").write_text("id = ", encoding="utf-8")
    with pytest.raises(SpecError, match=r"exercise.toml: Invalid value"):
        read_exercise(tmp_path)
    (tmp_path / "exercise.toml").write_text('id = "1"', encoding="utf-8")
    with pytest.raises(SpecError, match=r"exercise.toml: lacks 'kind'"):
        read_exercise(tmp_path)
    with pytest.raises(SpecError, match="no folder of exercises"):
        ladder(tmp_path / "nowhere")


def test_lookup_answers_are_what_the_lab_says() -> None:
    """The answers of exercise 01 are right: asked of the lab itself."""
    exercise = find("01", ladder())
    text = (exercise.solution / "answers.toml").read_text(encoding="utf-8")
    answers = tomllib.loads(text)
    for question in exercise.settings["question"]:
        union = Stack(stack(question["stack"]))
        answer = answers[question["key"]]
        try:
            shown = union.read(question["path"]).decode()
        except OSError as error:
            shown = error_name(error)
        assert shown == answer["answer"]
        story = union.explain(question["path"])
        assert int(answer["decided_by"]) in {step.layer for step in story}
