"""
The planted bugs: small faults that a person would make, one misconception each.

What they are stands in `data/mutants.toml`; the one place of each in the lab is marked
``bug("switch")``.  A new one takes a line there and a paragraph here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Final

import attrs

from unionfs_sim.teaching.examples import Example
from unionfs_sim.teaching.lab import Lab

#: What the bugs are about.
GROUPS: Final[Mapping[str, str]] = {
    "R": "resolver",
    "D": "listing",
    "C": "writing and copy-up",
    "X": "deleting",
    "K": "directories",
    "N": "renaming",
    "G": "layers as values",
    "V": "containers and volumes",
}

#: Bugs that leave what shows as it is: only a look into the writable layer finds them.
UNSEEN: Final = frozenset({"M28", "M37", "M45"})

#: Bugs of layer algebra: no operation on a union comes to them.
_ALGEBRA: Final = frozenset(
    ["M56", "M57", "M58", "M59", "M60", "M61", "M62", "M63", "M64", "M65", "M79"]
)


@attrs.frozen
class Mutant:
    """
    A planted bug.

    Attributes:
        id: Its number, as ``"M01"``.
        switch: What the lab asks for.
        group: A key of `GROUPS`.
        title: What is wrong.
        misconception: What one has to believe to write it.
        example: The smallest example that shows it.
        origin: Where it was met, or that it is plausible.
    """

    id: str
    switch: str
    group: str
    title: str
    misconception: str
    example: Example
    origin: str

    def lab(self) -> Lab:
        """
        Give an implementation that has the bug.

        >>> MUTANTS["M03"].lab()
        <Lab M03>
        """
        return Lab(self.id, bug=frozenset({self.switch}).__contains__)


def _load() -> dict[str, Mutant]:
    text = (
        files("unionfs_sim.teaching")
        .joinpath("data", "mutants.toml")
        .read_text("utf-8")
    )
    found = {}
    for row in tomllib.loads(text)["mutant"]:
        example = Example(row.pop("layers"), row.pop("program"), row.pop("look"))
        found[row["id"]] = Mutant(example=example, **row)
    return found


#: All planted bugs, by their ids.
MUTANTS: Final[Mapping[str, Mutant]] = _load()


_SWITCHES: Final = {mutant.switch: mutant for mutant in MUTANTS.values()}


def find(name: str) -> Mutant:
    """
    Give a planted bug by its number or its switch.

    >>> find("wh_ignored").id, find("M03").switch
    ('M03', 'wh_ignored')

    Raises:
        KeyError: There is none.
    """
    return _SWITCHES[name] if name in _SWITCHES else MUTANTS[name]


def reachable() -> list[str]:
    """
    List the planted bugs that operations on a union can show, commits among them.

    >>> len(reachable()), len(MUTANTS)
    (64, 87)
    """
    return [
        mutant.id
        for mutant in MUTANTS.values()
        if mutant.group != "V" and mutant.id not in _ALGEBRA
    ]


def recording(seen: set[str]) -> Callable[[str], bool]:
    """Give a ``bug`` that plants none, and notes which switches are asked for."""

    def bug(switch: str) -> bool:
        seen.add(switch)
        return False

    return bug
