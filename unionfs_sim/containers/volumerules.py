"""
What volumes may be called, what their options may be, and which a filter means.

The sentences are those of the engine; whoever refuses puts ``create NAME: `` before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.filters import check, labelled

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_OPTIONS: Final = ("type", "o", "device", "size")

#: The filters of a listing.
FILTERS: Final = frozenset({"dangling", "name", "driver", "label"})

#: The filters of a prune.
PRUNE_FILTERS: Final = frozenset({"label", "label!", "all"})


class Labelled(Protocol):
    """What filters look at."""

    @property
    def name(self) -> str:
        """The name."""
        ...  # pragma: no cover

    @property
    def driver(self) -> str:
        """The driver."""
        ...  # pragma: no cover

    @property
    def labels(self) -> dict[str, str] | None:
        """The labels."""
        ...  # pragma: no cover

    @property
    def users(self) -> list[str]:
        """The containers that refer to it."""
        ...  # pragma: no cover


def name_error(name: str) -> str:
    """
    Give what is wrong with a name, or an empty text.

    >>> name_error("a")
    'volume name is too short, names should be at least two alphanumeric characters'
    """
    if len(name) < 2:
        return (
            "volume name is too short, names should be at least two alphanumeric"
            " characters"
        )
    if not _NAME.fullmatch(name):
        return (
            f'"{name}" includes invalid characters for a local volume name, only'
            ' "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host'
            " directory, use absolute path"
        )
    return ""


def options_error(options: Mapping[str, str]) -> str:
    """
    Give what is wrong with the options of the local driver, or an empty text (7).

    >>> options_error({"o": "bind"})
    'missing required option: "device"'
    """
    for key in options:
        if key not in _OPTIONS:
            return f'invalid option: "{key}"'
    if "size" in options and "device" not in options:
        return "quota size requested but no quota support"
    if not options:
        return ""
    for key in ("device", "type"):
        if key not in options:
            return f'missing required option: "{key}"'
    return ""


def natural(name: str) -> list[tuple[int, int, str]]:
    """
    Give what names are sorted by: numbers in them by their value (3.1).

    >>> sorted(["hb_a", "hb_10", "hb_B", "hb_2", "hb_1"], key=natural)
    ['hb_1', 'hb_2', 'hb_10', 'hb_B', 'hb_a']
    """
    parts = re.findall(r"\d+|\D", name)
    return [(0, int(x), x) if x.isdigit() else (1, ord(x), "") for x in parts]


def check_filters(filters: Mapping[str, list[str]], known: frozenset[str]) -> None:
    """
    See that filters are known, and have values that they can have.

    Raises:
        InvalidParameter: One is not.
    """
    check(filters, known)
    for value in filters.get("dangling", []):
        if value not in {"true", "1", "false", "0"}:
            raise InvalidParameter(f"Invalid filter 'dangling=[{value}]'")


def matches(volume: Labelled, filters: Mapping[str, list[str]]) -> bool:
    """Tell whether a volume is among those that filters mean."""
    dangling = filters.get("dangling")
    if dangling is not None:
        wanted = dangling[0] in {"true", "1"}
        if wanted is bool(volume.users):
            return False
    names = filters.get("name")
    if names is not None and not any(re.search(x, volume.name) for x in names):
        return False
    drivers = filters.get("driver")
    if drivers is not None and volume.driver not in drivers:
        return False
    return labelled(volume.labels or {}, filters.get("label", []))
