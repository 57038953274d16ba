"""The rows of the exercises' commands."""

from __future__ import annotations

from typing import Final

from unionfs_sim.cli.rows import JOBS, Command, Option, count, option

LANG: Final = option(
    "--lang",
    choices=("en", "zh"),
    help="the language of texts and feedback [that of the folder, else en]",
)
LADDER: Final = option(
    "--ladder",
    metavar="DIR",
    help="a folder of exercises of your own [those of the package]",
)
NUMBER: Final = option("number", metavar="NUMBER", help="the exercise, such as 04")
PLACE: Final = option(
    "path",
    metavar="PATH",
    nargs="?",
    help="the exercise's folder, a folder that holds it, or its number [the folder one "
    "is in]; of many that it holds, the one started last that is not done",
)
SEED: Final = option(
    "--seed",
    metavar="N",
    type=int,
    help="draw examples from this seed, such as one that students have not tried",
)
FORMAT: Final = option(
    "--format",
    choices=("text", "json", "junit", "gradescope", "exercism"),
    default="text",
    help="[text]",
)
OUT: Final = option("--out", metavar="FILE", help="write the report there, whole")
SEALED: Final = option(
    "--sealed",
    metavar="FILE",
    action="append",
    default=[],
    help="try the bugs of this sealed set as well; examples are drawn from its seed",
)
STATS: Final = option(
    "--stats",
    action="store_true",
    help="tell what the examples of your tests were like: how many met a whiteout ...",
)
TEACHER: Final = option(
    "--teacher", action="store_true", help="show it before the bar is reached"
)
MOUNTED: Final = (
    option(
        "--mount", metavar="DIR", help="16: grade a program of yours behind DIR ..."
    ),
    option("--lower", metavar="DIR", help="... over this lower directory"),
)
SHARED: Final[tuple[Option, ...]] = (LANG, LADDER)
#: The rows.
EXERCISES: Final = (
    Command(
        "exercises",
        "learn union file systems and property-based testing, step by step",
        "exercises:welcome",
        SHARED,
        about="Says where to start. The commands are list, start, check, watch, hint, show, "
        "reset, solution; for teachers grade, matrix, verify, seal and bundle.",
        example="exercises",
    ),
    Command(
        "exercises list",
        "list the exercises, and how far you are",
        "exercises:listed",
        (
            option("folder", metavar="DIR", nargs="?", default=".", help="where [.]"),
            *SHARED,
        ),
        example="exercises list",
    ),
    Command(
        "exercises start",
        "make the folder of an exercise",
        "exercises:start",
        (
            NUMBER,
            option("--dir", metavar="DIR", default=".", help="where to make it [.]"),
            *SHARED,
        ),
        about="Never writes over a folder that is there.",
        example="exercises start 01",
    ),
    Command(
        "exercises check",
        "check your work, and say what to do next",
        "exercises:check",
        (PLACE, SEED, STATS, FORMAT, OUT, *MOUNTED, *SHARED),
        about="Your code runs in a process of its own, under limits of time, memory and "
        "output. Exits with 0 if the bar is reached, 1 if not yet, 3 if the "
        "grader itself failed.",
        example="exercises check 01-read-a-lookup",
    ),
    Command(
        "exercises watch",
        "check your work each time you save it",
        "exercises:watch",
        (PLACE, *SHARED),
        about="Ends when the bar is reached.",
        example="exercises watch 01-read-a-lookup",
    ),
    Command(
        "exercises hint",
        "show the next hint",
        "exercises:hint",
        (PLACE, *SHARED),
        about="There are three, each saying more than the one before.",
        example="exercises hint 01-read-a-lookup",
    ),
    Command(
        "exercises show",
        "show the planted bugs that your tests have caught, and what is behind them",
        "killedbugs:killed",
        (
            PLACE,
            option("--bug", metavar="NAME", help="tell the story of this one"),
            *SHARED,
        ),
        about="A story has the misconception, where the bug was met, and a smallest "
        "example with the lookup that decides it.",
        example="exercises show 04-first-property",
    ),
    Command(
        "exercises reset",
        "start an exercise anew, and keep what you had beside it",
        "exercises:reset",
        (PLACE, *SHARED),
        example="exercises reset 01-read-a-lookup",
    ),
    Command(
        "exercises solution",
        "show a solution, once the bar is reached",
        "exercises:solution",
        (PLACE, TEACHER, *SHARED),
        example="exercises solution 01 --teacher",
    ),
    Command(
        "exercises grade",
        "grade a submission, or a folder of many",
        "exercises:grade",
        (
            option("folder", metavar="DIR", help="a submission, or a folder of them"),
            option(
                "--exercise",
                metavar="NUMBER",
                help="what they are of [as their exercise.toml says]",
            ),
            SEED,
            SEALED,
            FORMAT,
            OUT,
            JOBS,
            *SHARED,
        ),
        about="Of one submission: exits with 0 if the bar is reached, 1 if not; "
        "with --format exercism, gradescope, or many submissions: 0 if the grader worked.",
        example="exercises grade class --jobs 2",
    ),
    Command(
        "exercises matrix",
        "which property rejects which planted bug, and how soon",
        "killmatrix:matrix",
        (
            option("--out", metavar="FILE", help="save the whole table as JSON"),
            option(
                "--examples",
                metavar="N",
                type=count,
                default=400,
                help="examples a cell at most [400]",
            ),
            option(
                "--seeds", metavar="N", type=count, default=1, help="seeds a cell [1]"
            ),
            option("--load", metavar="FILE", help="show a table that was saved"),
            JOBS,
        ),
        about="For each planted bug: how many properties reject it, the best of them, "
        "and its examples to failure. Two usual suites of hand-written tests stand "
        "beside it. Exits with 1 if a property rejects a correct variant.",
        example="exercises matrix --jobs 2",
    ),
    Command(
        "exercises verify",
        "prove that the exercises are fair",
        "exercises:verify",
        (
            option("numbers", metavar="NUMBER", nargs="*", help="only these exercises"),
            JOBS,
            *SHARED,
        ),
        about="Each solution gets full marks, each starter less, each wrong solution "
        "the feedback it should. Without NUMBER: each planted bug is rejected by a "
        "reference property too, and no correct variant by any.",
        example="exercises verify 01",
    ),
    Command(
        "exercises seal",
        "choose bugs that are not in the package as they are, by a seed",
        "exercises:seal",
        (
            NUMBER,
            option(
                "--seed",
                metavar="N",
                type=int,
                required=True,
                help="known to you alone",
            ),
            option("--count", metavar="N", type=count, default=5, help="how many [5]"),
            option("--out", metavar="FILE", help="the file [sealed-NUMBER.json]"),
            *SHARED,
        ),
        about="Each is a planted bug of the exercise that shows only at times, and that "
        "the exercise's own solution rejects. Give the file to grade or bundle; it is "
        "not for students.",
        example="exercises seal 04 --seed 2026",
    ),
    Command(
        "exercises bundle",
        "write an autograder for Gradescope",
        "exercises:bundle",
        (
            NUMBER,
            option("--out", metavar="FILE", help="the zip [autograder-NUMBER.zip]"),
            option(
                "--seed",
                metavar="N",
                type=int,
                help="what the examples are drawn from [1, or that of the sealed set]",
            ),
            option("--sealed", metavar="FILE", help="a sealed set, to be put in"),
            option(
                "--wheel",
                metavar="FILE",
                help="a wheel of the package [asked of the package index]",
            ),
            *SHARED,
        ),
        about="The archive holds setup.sh and run_autograder, and is uploaded as it is.",
        example="exercises bundle 04 --seed 2026",
    ),
)
