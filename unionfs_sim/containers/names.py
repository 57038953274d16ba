"""Names of containers: which are allowed, and one for those that were given none."""

from __future__ import annotations

import re
from collections.abc import Container as Collection
from typing import Final

from unionfs_sim.containers.errors import InvalidParameter

_NAME: Final = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+")

_LEFT: Final = [
    "agile",
    "bold",
    "brave",
    "calm",
    "clever",
    "eager",
    "fair",
    "gentle",
    "happy",
    "jolly",
    "keen",
    "kind",
    "lucid",
    "merry",
    "modest",
    "noble",
    "patient",
    "quick",
    "quiet",
    "sharp",
    "steady",
    "sunny",
    "tidy",
    "vivid",
    "warm",
    "wise",
]
_RIGHT: Final = [
    "babbage",
    "bartik",
    "curie",
    "darwin",
    "dijkstra",
    "euler",
    "faraday",
    "franklin",
    "gauss",
    "goldberg",
    "hamilton",
    "hopper",
    "hypatia",
    "johnson",
    "kepler",
    "knuth",
    "lamarr",
    "liskov",
    "lovelace",
    "mccarthy",
    "meitner",
    "newton",
    "noether",
    "perlman",
    "ritchie",
    "shannon",
    "thompson",
    "turing",
    "wing",
    "wozniak",
]


def check_name(name: str) -> str:
    """
    Give the name of a container without a leading slash.

    Raises:
        InvalidParameter: No container can have it.

    >>> check_name("/web")
    'web'
    >>> check_name("w")
    Traceback (most recent call last):
    unionfs_sim.containers.errors.InvalidParameter: Invalid container name (w), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed
    """
    if not _NAME.fullmatch(name):
        msg = (
            f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are"
            " allowed"
        )
        raise InvalidParameter(msg)
    return name.removeprefix("/")


def name_for(identifier: str, taken: Collection[str]) -> str:
    """
    Make up a name, the same for each id.

    >>> name_for("0" * 64, {"agile_babbage"})
    'agile_babbage1'
    """
    number = int(identifier[:8], 16)
    left = _LEFT[number % len(_LEFT)]
    base = f"{left}_{_RIGHT[number // len(_LEFT) % len(_RIGHT)]}"
    name, count = base, 0
    while name in taken:
        count += 1
        name = f"{base}{count}"
    return name
