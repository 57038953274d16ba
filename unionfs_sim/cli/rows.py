"""What the rows of the table of commands are made of, and how their options are read."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Final

import attrs


@attrs.frozen
class Option:
    """
    An argument of a command.

    Attributes:
        flags: Its names; one without dashes is positional.
        settings: What else `argparse` is told of it.
        exclusive: Whether it goes with no other exclusive option.
    """

    flags: tuple[str, ...]
    settings: Mapping[str, Any]
    exclusive: bool = False


@attrs.frozen
class Command:
    """
    A command.

    Attributes:
        name: Its name.
        help: What it does, in a few words.
        run: Module and function that do it, imported when it runs.
        options: What it takes.
        about: What else there is to say.
        example: A command line that works.
    """

    name: str
    help: str
    run: str
    options: tuple[Option, ...] = ()
    about: str = ""
    example: str = ""


def option(*flags: str, exclusive: bool = False, **settings: Any) -> Option:
    """Describe an option."""
    return Option(flags, settings, exclusive)


def levels(text: str) -> int:
    """Read a number of levels."""
    if text.isascii() and text.isdigit():
        return int(text)
    msg = f"{text!r} is no number of levels"
    raise argparse.ArgumentTypeError(msg)


def jobs(text: str) -> int:
    """Read a number of processes."""
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    msg = f"{text!r} is no number of processes"
    raise argparse.ArgumentTypeError(msg)


#: Of commands that do several things of one kind.
JOBS: Final = option(
    "--jobs", metavar="N", type=jobs, default=1, help="how many at a time [1]"
)

#: Whether what is there may be written over.
FORCE: Final = option(
    "--force", action="store_true", help="replace the file if it is there"
)


def letters(text: str) -> str:
    """Read the letters of types."""
    wrong = set(text) - set("fdlcbpsw")
    if text and not wrong:
        return text
    msg = f"{text!r} is not made of the letters f d l c b p s w"
    raise argparse.ArgumentTypeError(msg)


def count(text: str) -> int:
    """Read a number of at least one."""
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    msg = f"{text!r} is no number from 1 up"
    raise argparse.ArgumentTypeError(msg)


def numbers(text: str) -> tuple[int, ...]:
    """
    Read numbers with commas between them, in order and each once.

    >>> numbers("1,500,16")
    (1, 16, 500)
    """
    parts = text.split(",")
    if all(part.isascii() and part.isdigit() and int(part) for part in parts):
        return tuple(sorted({int(part) for part in parts}))
    msg = f"{text!r} is no list of numbers like 1,16,500"
    raise argparse.ArgumentTypeError(msg)


def words(text: str) -> tuple[str, ...]:
    """
    Read words with commas between them.

    >>> words("top,miss")
    ('top', 'miss')
    """
    return tuple(word for word in text.split(",") if word)
