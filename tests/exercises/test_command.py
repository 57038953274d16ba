"""``unionfs-sim exercises``: the way of a new student, and of a teacher."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli  # noqa: PLC0414 - a fixture
from tests.exercises.conftest import exercise
from unionfs_sim.teaching.exercises import classroom, grading, progress


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def solve(folder: Path, number: str) -> None:
    """Put the solution where the student works."""
    for file in exercise(number).solution.iterdir():
        shutil.copyfile(file, folder / file.name)


def test_from_nothing_to_the_first_green_exercise(cli: Cli, here: Path) -> None:
    """Four commands, each of which the one before it names."""
    welcome = cli("exercises")
    assert "unionfs-sim exercises start 01" in welcome.out
    assert welcome.out.startswith("Welcome.")

    started = cli("exercises", "start", "01")
    assert "unionfs-sim exercises check 01-read-a-lookup" in started.out
    assert ["README.md", "answers.toml", "exercise.toml"] == sorted(
        file.name for file in Path("01-read-a-lookup").iterdir()
    )

    first = cli("exercises", "check", "01-read-a-lookup")
    assert 1 == first.status
    assert "Question 1 has no answer yet." in first.out
    assert "unionfs-sim exercises hint 01-read-a-lookup" in first.out

    solve(here / "01-read-a-lookup", "01")
    second = cli("exercises", "check", "01-read-a-lookup")
    assert 0 == second.status
    assert "100/100" in second.out
    assert second.out.endswith("unionfs-sim exercises start 02\n")
    assert len(second.out.splitlines()) <= 24
    assert "done" in cli("exercises", "list").out


def test_list_gives_minutes_as_a_number(cli: Cli) -> None:
    """Scripts add them up."""
    listed = cli("exercises", "list", "--json").json["exercises"]

    assert (exercise("01").minutes, "new") == (
        listed[0]["minutes"],
        listed[0]["state"],
    )
    assert all(isinstance(each["minutes"], int) for each in listed)


def test_check_finds_the_folder_itself(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number, in the folder, or the one that was started last."""
    cli("exercises", "start", "1")

    for words in (["check"], ["check", "1"], ["check", "01-read-a-lookup"]):
        assert 1 == cli("exercises", *words).status
    monkeypatch.chdir("01-read-a-lookup")
    assert 1 == cli("exercises", "check").status
    assert "2 checks" not in cli("exercises", "list").out
    assert 4 == progress.read(Path()).checks


def test_check_finds_the_exercise_in_a_folder_that_is_named(
    cli: Cli, here: Path
) -> None:
    """As if one stood in it; a folder without an exercise is refused."""
    cli("exercises", "start", "1", "--dir", "course")
    (here / "empty").mkdir()

    assert 1 == cli("exercises", "check", "course").status
    assert 1 == progress.read(here / "course" / "01-read-a-lookup").checks
    refused = cli("exercises", "check", "empty")
    assert 2 == refused.status
    assert "empty holds no exercise" in refused.err


def test_start_refuses_to_overwrite(cli: Cli) -> None:
    """What a student wrote is safe."""
    cli("exercises", "start", "01")
    again = cli("exercises", "start", "01")

    assert 2 == again.status
    assert "is there already" in again.err


def test_start_leaves_out_what_pip_compiled(cli: Cli, here: Path) -> None:
    """An installed package has ``__pycache__`` beside its starters."""
    copy = here / "ladder" / "04-first-property"
    shutil.copytree(exercise("04").folder, copy)
    (copy / "starter" / "__pycache__").mkdir(exist_ok=True)

    assert 0 == cli("exercises", "start", "04", "--ladder", str(copy.parent)).status
    assert ["README.md", "exercise.toml", "props.py"] == sorted(
        file.name for file in (here / "04-first-property").iterdir()
    )


def test_grader_that_fails_blames_nobody(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its status is its own, and the student's file has no mark."""

    def judge(*_: object) -> None:
        msg = "no process left"
        raise RuntimeError(msg)

    cli("exercises", "start", "01")
    monkeypatch.setattr(grading, "grade", judge)
    outcome = cli("exercises", "check", "01")

    assert 3 == outcome.status
    assert "the grader itself failed" in outcome.err
    assert "no process left" in outcome.err
    assert 0 == progress.read(Path("01-read-a-lookup")).checks


def test_reset_keeps_what_was_written(cli: Cli, here: Path) -> None:
    """The student's file moves aside, and the starter's comes back."""
    cli("exercises", "start", "01")
    file = here / "01-read-a-lookup" / "answers.toml"
    file.write_text("mine", encoding="utf-8")

    assert 0 == cli("exercises", "reset", "01").status
    assert "mine" == file.with_name("answers.toml.1").read_text(encoding="utf-8")
    assert file.read_bytes() == (exercise("01").starter / "answers.toml").read_bytes()


def test_hints_come_one_by_one(cli: Cli) -> None:
    """Three of them, and they are counted."""
    cli("exercises", "start", "01")
    said = [cli("exercises", "hint", "01").out for _ in range(4)]

    assert [text.splitlines()[1] for text in said[:3]] == exercise("01").hints("en")
    assert "That was the last hint." in said[3]


def test_stories_of_bugs_that_were_caught(cli: Cli, here: Path) -> None:
    """What is not caught is not shown; a story has its example and the lookup."""
    cli("exercises", "start", "04")
    folder = here / "04-first-property"
    assert "check first" in cli("exercises", "show", "04").out
    progress.save(folder, progress.Progress(killed=["wh_ignored", "mkdir_no_eexist"]))

    assert "M03  A whiteout is passed over." in cli("exercises", "show", "04").out
    story = cli("exercises", "show", "04", "--bug", "M03").out
    assert "Whoever writes it believes: A layer that has only a whiteout" in story
    assert (
        "/a: right is nothing; the bug gives 1 (644).\n  /a in layer 1: whiteout"
        in story
    )
    assert (
        "M03"
        == json.loads(cli("exercises", "show", "--bug", "M03", "--json").out)["id"]
    )
    assert "mkdir d: right is EEXIST; the bug gives ok." in (
        cli("exercises", "show", "04", "--bug", "mkdir_no_eexist").out
    )
    locked = cli("exercises", "show", "04", "--bug", "M01")
    assert 2 == locked.status
    assert "M01 has not been caught here" in locked.err


def test_solution_is_locked_until_the_bar_is_reached(cli: Cli, here: Path) -> None:
    """Teachers see it at once."""
    cli("exercises", "start", "01")
    assert 2 == cli("exercises", "solution", "01").status
    teacher = cli("exercises", "solution", "01", "--teacher")
    assert "[q12]" in teacher.out
    solve(here / "01-read-a-lookup", "01")
    cli("exercises", "check", "01")

    assert teacher.out == cli("exercises", "solution", "01").out


def test_watch_ends_when_the_bar_is_reached(cli: Cli, here: Path) -> None:
    """A solved exercise is checked once."""
    cli("exercises", "start", "01")
    solve(here / "01-read-a-lookup", "01")

    assert 0 == cli("exercises", "watch", "01").status


def test_chinese_from_start_to_end(cli: Cli) -> None:
    """The folder remembers the language."""
    assert "欢迎" in cli("exercises", "--lang", "zh").out
    assert "读懂一次查找" in cli("exercises", "list", "--lang", "zh").out
    cli("exercises", "start", "01", "--lang", "zh")
    assert "第 1 题还没有回答。" in cli("exercises", "check", "01").out
    readme = Path("01-read-a-lookup/README.md").read_text(encoding="utf-8")
    assert readme.startswith("# 01 · 读懂一次查找")


@pytest.mark.parametrize("form", ["json", "junit", "gradescope", "exercism"])
def test_report_goes_to_a_file(form: str, cli: Cli, here: Path) -> None:
    """Formats of CI and autograders; the status is the student's for text and JSON."""
    cli("exercises", "start", "01")
    outcome = cli("exercises", "check", "01", "--format", form, "--out", "report")

    assert (form not in {"gradescope", "exercism"}) == outcome.status
    text = (here / "report").read_text(encoding="utf-8")
    assert text.startswith("<?xml" if form == "junit" else "{")


def test_json_stays_json(cli: Cli) -> None:
    """``--json`` gives the same document as ``--format json``."""
    cli("exercises", "start", "01")
    outcome = cli("exercises", "check", "01", "--json")

    assert 1 == outcome.status
    assert "01" == outcome.json["exercise"]


def test_wrong_use_is_told_in_a_line(cli: Cli) -> None:
    """And the status is 2."""
    for words in (
        ["check"],
        ["check", "nowhere"],
        ["start", "99"],
        ["grade", "nowhere"],
        ["list", "--ladder", "nowhere"],
    ):
        outcome = cli("exercises", *words)
        assert (2, "") == (outcome.status, outcome.out)
        assert 1 == outcome.err.count("\n")


def test_a_class_is_graded(cli: Cli, here: Path) -> None:
    """Two students, two exercises: a table, a spreadsheet, JSON."""
    for student in ("ada", "bob"):
        cli("exercises", "start", "01", "--dir", f"class/{student}")
    solve(here / "class" / "ada" / "01-read-a-lookup", "01")
    cli("exercises", "start", "02", "--dir", "class/bob")

    outcome = cli("exercises", "grade", "class", "--jobs", "2", "--out", "class.csv")

    assert 0 == outcome.status
    with (here / "class.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert ["submission", "exercise", "points", "bar", "why"] == rows[0]
    assert ["ada/01-read-a-lookup", "01", "100", "yes", ""] == rows[1]
    assert ["bob/02-smallest-stack", "02", "0", "no"] == rows[3][:4]
    document = json.loads(cli("exercises", "grade", "class", "--format", "json").out)
    assert [100, 0, 0] == [each["report"]["score"] for each in document["submissions"]]


@pytest.mark.parametrize("named", [True, False])
def test_a_student_who_handed_in_nothing_has_a_row(
    named: bool, cli: Cli, here: Path
) -> None:
    """No points, and why; hidden folders and plain files are nobody."""
    cli("exercises", "start", "01", "--dir", "class/ada")
    solve(here / "class" / "ada" / "01-read-a-lookup", "01")
    for folder in ("bob", "cem/notes", ".git", "__MACOSX"):
        (here / "class" / folder).mkdir(parents=True)
    (here / "class" / "README").touch()
    words = ["--exercise", "01"] if named else []

    outcome = cli("exercises", "grade", "class", "--out", "class.csv", *words)

    assert 0 == outcome.status
    with (here / "class.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert ["ada/01-read-a-lookup", "01", "100", "yes", ""] == rows[0]
    why = "Nothing was handed in that can be graded."
    assert [[name, "01", "0", "no", why] for name in ("bob", "cem")] == rows[1:]
    document = cli("exercises", "grade", "class", "--json", *words).json
    assert [["ada/01-read-a-lookup", 100], ["bob", 0], ["cem", 0]] == [
        [each["name"], each["report"]["score"]] for each in document["submissions"]
    ]


def test_nothing_handed_in_of_several_exercises(cli: Cli, here: Path) -> None:
    """The row names no exercise where it could be any; the reason is in the language."""
    cli("exercises", "start", "01", "--dir", "class/ada")
    cli("exercises", "start", "02", "--dir", "class/ada")
    (here / "class" / "bob").mkdir()

    cli("exercises", "grade", "class", "--out", "class.csv", "--lang", "zh")
    with (here / "class.csv").open(encoding="utf-8") as file:
        last = list(csv.reader(file))[-1]
    assert ["bob", "", "0", "no", "没有交上任何可以评分的内容。"] == last


def test_grader_that_fails_on_a_class_has_its_own_status(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for one submission; and whose it was is told."""

    def judge(*_: object) -> None:
        msg = "no process left"
        raise RuntimeError(msg)

    cli("exercises", "start", "01", "--dir", "class/ada")
    monkeypatch.setattr(classroom, "grade", judge)
    outcome = cli("exercises", "grade", "class")

    assert 3 == outcome.status
    assert "no process left" in outcome.err


def test_bare_files_are_graded_as_what_is_named(cli: Cli, here: Path) -> None:
    """As Gradescope hands them over: no marker, just the files."""
    solve(here, "01")
    outcome = cli(
        "exercises", "grade", ".", "--exercise", "01", "--format", "gradescope"
    )

    assert 0 == outcome.status
    assert 100 == json.loads(outcome.out)["score"]


def test_bundle_is_an_autograder(cli: Cli, here: Path) -> None:
    """Two scripts that may be run; the same bytes each time."""
    (here / "unionfs_sim-1-py3-none-any.whl").write_bytes(b"wheel")
    for name in ("one.zip", "two.zip"):
        words = [
            "--out",
            name,
            "--seed",
            "7",
            "--wheel",
            "unionfs_sim-1-py3-none-any.whl",
        ]
        assert 0 == cli("exercises", "bundle", "02", *words).status

    assert (here / "one.zip").read_bytes() == (here / "two.zip").read_bytes()
    with zipfile.ZipFile(here / "one.zip") as archive:
        assert ["setup.sh", "run_autograder", "unionfs_sim-1-py3-none-any.whl"] == (
            archive.namelist()
        )
        assert 0o755 == archive.getinfo("run_autograder").external_attr >> 16
        assert b"--exercise 02 --seed 7" in archive.read("run_autograder")


def test_bundle_warns_if_nothing_is_hidden(cli: Cli) -> None:
    """In a line on stderr; a seed of the teacher's own is enough."""
    open_to_all = cli("exercises", "bundle", "02")

    assert 0 == open_to_all.status
    assert 1 == open_to_all.err.count("\n")
    assert "warning: no hidden checks" in open_to_all.err
    assert "" == cli("exercises", "bundle", "02", "--seed", "7").err


def test_verify_says_what_is_as_stated(cli: Cli) -> None:
    """Starter, solution and wrong ones of the quick exercises."""
    outcome = cli("exercises", "verify", "01", "02", "03")

    assert 0 == outcome.status, outcome.out
    assert outcome.out.endswith("passed=12 failed=0 total=12\n")


def test_verify_notices_an_unfair_exercise(cli: Cli, here: Path) -> None:
    """A starter that is full, a solution that is not, a wrong one that says else."""
    copy = here / "ladder" / "01-read-a-lookup"
    shutil.copytree(exercise("01").folder, copy)
    shutil.copyfile(copy / "starter/answers.toml", copy / "solution/answers.toml")

    outcome = cli("exercises", "verify", "--ladder", "ladder")

    assert 1 == outcome.status
    assert "BAD  01 starter: 100 points" in outcome.out
