"""Ids of 64 hexadecimal digits: the same in every run, or random as Docker's are."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Final, TypeAlias, final

#: Gives an id that it has not given before.
Ids: TypeAlias = Callable[[], str]

#: How many digits people see.
SHORT_DIGITS: Final = 12


@final
class CountedIds:
    """
    Ids that are hashes of a counter, so that two runs of one program see the same.

    >>> ids = CountedIds("test")
    >>> first, second = ids(), ids()
    >>> len(first), first == second, first == CountedIds("test")()
    (64, False, True)
    """

    def __init__(self, seed: str = "unionfs_sim") -> None:
        self._seed = seed
        self._count = 0

    @property
    def count(self) -> int:
        """How many there have been."""
        return self._count

    def skip_to(self, count: int) -> None:
        """Leave out ids that were given in an earlier process."""
        self._count = max(self._count, count)

    def __call__(self) -> str:
        """Give the next id."""
        while True:
            self._count += 1
            text = f"{self._seed}:{self._count}"
            found = hashlib.sha256(text.encode()).hexdigest()
            # Docker takes no short id that reads as a number: a host name must not.
            if not short(found).isdecimal():
                return found


def random_id() -> str:
    """
    Give a random id, as a real engine does.

    >>> len(random_id())
    64
    """
    return secrets.token_hex(32)


def short(identifier: str) -> str:
    """
    Give the form of an id that people see.

    >>> short("sha256:" + "0123456789abcdef" * 4)
    '0123456789ab'
    """
    return identifier.removeprefix("sha256:")[:SHORT_DIGITS]
