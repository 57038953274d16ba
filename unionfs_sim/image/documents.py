"""JSON documents of unknown origin: limits first, then types, then values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.errors import FormatError
from unionfs_sim.image.limits import NUMBER_MAX, Limits

#: A string, even one that does not end, or a bracket.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[\[\]{}]', re.DOTALL)

_OPENING: Final = frozenset((b"[", b"{"))
_CLOSING: Final = frozenset((b"]", b"}"))


def load(content: Content, *, place: str, limits: Limits) -> tuple[Any, bytes]:
    """
    Read and parse a JSON document.

    Returns:
        The value, and the bytes as they are stored.

    Raises:
        FormatError: It is too large, nested too deep, or not JSON.
    """
    if content.size > limits.json_bytes_max:
        msg = f"{place}: {content.size} bytes, more than {limits.json_bytes_max}"
        raise FormatError(msg)
    raw = content.read_all()
    return parse(raw, place=place, depth_max=limits.json_depth_max), raw


def parse(raw: bytes, *, place: str, depth_max: int) -> Any:  # noqa: ANN401 - JSON
    """
    Parse a JSON document whose depth is checked first.

    Raises:
        FormatError: It is nested deeper than *depth_max*, or not JSON.

    >>> parse(b"[" * 100_000, place="index.json", depth_max=64)
    Traceback (most recent call last):
    unionfs_sim.errors.FormatError: index.json: nested deeper than 64 levels
    """
    depth = 0
    for match in _TOKEN.finditer(raw):
        token = match.group()
        if token in _OPENING:
            depth += 1
            if depth > depth_max:
                msg = f"{place}: nested deeper than {depth_max} levels"
                raise FormatError(msg)
        elif token in _CLOSING:
            depth -= 1
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except ValueError as error:
        msg = f"{place}: not JSON: {error}"
        raise FormatError(msg) from error


def _refuse(constant: str) -> None:
    msg = f"{constant} is not a number"
    raise ValueError(msg)


@attrs.frozen
class Members:
    """
    A JSON object whose members are asked for by name and type.

    An optional member that is ``null`` counts as missing.

    Attributes:
        place: What errors call the object.
        values: Its members.

    >>> Members("config", {"os": "linux", "user": None}).text("os")
    'linux'
    """

    place: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, value: object, place: str) -> Members:
        """
        Check that a value is an object.

        Raises:
            FormatError: It is not.
        """
        if not isinstance(value, dict):
            msg = f"{place}: an object is wanted, not {_kind(value)}"
            raise FormatError(msg)
        return cls(place, value)

    def _get(self, name: str, kind: type, word: str, *, needed: bool) -> Any:  # noqa: ANN401 - JSON
        value = self.values.get(name)
        if value is None and not needed:
            return None
        # bool is an int in Python, and is not a number in JSON.
        if not isinstance(value, kind) or isinstance(value, bool):
            found = f"is {_kind(value)}" if name in self.values else "is missing"
            msg = f"{self.place}: {name!r} {found}; it must be {word}"
            raise FormatError(msg)
        return value

    def text(self, name: str) -> str:
        """Give a text that must be there."""
        value: str = self._get(name, str, "a text", needed=True)
        return value

    def optional_text(self, name: str) -> str:
        """Give a text, or the empty text."""
        value: str | None = self._get(name, str, "a text", needed=False)
        return value or ""

    def size(self, name: str) -> int:
        """Give a number of bytes that must be there."""
        value: int = self._get(name, int, "a number", needed=True)
        if not 0 <= value <= NUMBER_MAX:
            msg = f"{self.place}: {name!r} is {value}, which is no size"
            raise FormatError(msg)
        return value

    def members(self, name: str) -> Members:
        """Give an object that must be there."""
        value = self._get(name, dict, "an object", needed=True)
        return Members(f"{self.place}: {name}", value)

    def optional_members(self, name: str) -> Members:
        """Give an object, or an empty one."""
        value = self._get(name, dict, "an object", needed=False)
        return Members(f"{self.place}: {name}", value or {})

    def each(self, name: str, *, needed: bool = True) -> list[Members]:
        """Give a list of objects."""
        values = self._get(name, list, "a list", needed=needed) or []
        return [
            Members.of(value, f"{self.place}: {name}[{index}]")
            for index, value in enumerate(values)
        ]

    def texts(self, name: str, *, needed: bool = True) -> tuple[str, ...]:
        """Give a list of texts."""
        values = self._get(name, list, "a list", needed=needed) or []
        for index, value in enumerate(values):
            if not isinstance(value, str):
                msg = (
                    f"{self.place}: {name}[{index}] must be a text, not {_kind(value)}"
                )
                raise FormatError(msg)
        return tuple(values)

    def text_map(self, name: str) -> Mapping[str, str]:
        """Give an object whose members are all texts, or an empty one."""
        found = self.optional_members(name)
        return {key: found.text(key) for key in found.values}


def _kind(value: object) -> str:
    """Name a JSON value's type."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    return names.get(type(value), "a number")
