"""A call of the API, and what can be answered to one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, final

import attrs

from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import InvalidParameter

JSON: Final = "application/json"
TAR: Final = "application/x-tar"
RAW_STREAM: Final = "application/vnd.docker.raw-stream"

_PIECE_BYTES: Final = 64 * 1024

#: What Go's side of the API takes for no.
_NO: Final = frozenset({"", "0", "no", "false", "none"})


class Wire(Protocol):
    """The client's end of a connection, for answers that take long."""

    def receive(self) -> bytes:
        """Wait for what the client sends; nothing at the end of it."""
        ...  # pragma: no cover

    def send(self, data: bytes) -> None:
        """
        Send the client something.

        Raises:
            OSError: It is gone, or takes nothing for too long.
        """
        ...  # pragma: no cover

    def gone(self) -> bool:
        """Tell whether nobody is there any more."""
        ...  # pragma: no cover


@final
@attrs.frozen(kw_only=True)
class Call:
    """
    One call.

    Attributes:
        engine: The engine that it is for.
        method: ``GET``, ``POST`` ...
        path: The path, without the version.
        names: The parts of the path that the route names.
        query: The parameters, each with all its values.
        headers: The headers, names in small letters.
        body: What came with it.
        wire: The connection.
    """

    engine: Engine
    method: str
    path: str
    names: Mapping[str, str] = attrs.field(factory=dict)
    query: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    wire: Wire

    @property
    def name(self) -> str:
        """What the path names."""
        return self.names["name"]

    def text(self, key: str, default: str = "") -> str:
        """Give a parameter, the first of its values."""
        return (self.query.get(key) or [default])[0]

    def texts(self, key: str) -> list[str]:
        """Give all values of a parameter."""
        return list(self.query.get(key) or ())

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Give a parameter as yes or no, as Docker reads it."""
        if key not in self.query:
            return default
        return self.text(key).strip().lower() not in _NO

    def number(self, key: str, default: int) -> int:
        """
        Give a parameter as a number.

        Raises:
            InvalidParameter: It is none.
        """
        text = self.text(key)
        if not text:
            return default
        try:
            return int(text)
        except ValueError as error:
            msg = f'strconv.Atoi: parsing "{text}": invalid syntax'
            raise InvalidParameter(msg) from error

    def document(self, *, needed: bool = False) -> dict[str, Any]:
        """
        Give the body as a JSON object; without a body an empty one.

        Args:
            needed: Whether there must be one.

        Raises:
            InvalidParameter: It is none.
        """
        if not self.body.strip():
            if needed:
                msg = "EOF"
                raise InvalidParameter(msg)
            return {}
        kind = self.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != JSON:
            msg = f"Content-Type specified ({kind}) must be '{JSON}'"
            raise InvalidParameter(msg)
        found = parse_json(self.body)
        if found is None:
            return {}
        if not isinstance(found, dict):
            msg = f"json: cannot unmarshal {_go_kind(found)} into a Go struct"
            raise InvalidParameter(msg)
        return found

    def filters(self, key: str = "filters") -> dict[str, list[str]]:
        """
        Give the filters: to each name its values.

        Raises:
            InvalidParameter: They are no JSON of that kind.
        """
        text = self.text(key)
        if not text:
            return {}
        found = parse_json(text.encode())
        if not isinstance(found, dict):
            msg = f"json: cannot unmarshal {_go_kind(found)} into filters"
            raise InvalidParameter(msg)
        made: dict[str, list[str]] = {}
        for name, values in found.items():
            if isinstance(values, dict):
                made[name] = [value for value, wanted in values.items() if wanted]
            elif isinstance(values, list):
                made[name] = [str(value) for value in values]
            else:
                msg = f"json: cannot unmarshal {_go_kind(values)} into filters"
                raise InvalidParameter(msg)
        return made


def parse_json(data: bytes) -> Any:  # noqa: ANN401 - what JSON can be
    """
    Read JSON.

    Raises:
        InvalidParameter: It is none.

    >>> parse_json(b'{"a": 1}')
    {'a': 1}
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        msg = f"invalid JSON: {error}"
        raise InvalidParameter(msg) from error


def _go_kind(value: object) -> str:
    kinds = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    return kinds.get(type(value), "null")


# --- answers -----------------------------------------------------------------------


@final
@attrs.frozen(kw_only=True)
class Answer:
    """
    An answer as HTTP knows them.

    Attributes:
        status: The status.
        body: What is answered; pieces are sent as they come.
        kind: What it is, as a media type; nothing says nothing.
        headers: Further headers.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    kind: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)


@final
@attrs.frozen
class Hijack:
    """
    An answer that takes the connection over for a stream in both directions.

    Attributes:
        run: Does so, and returns at the end of the stream.
        kind: The media type.
    """

    run: Callable[[Wire], None]
    kind: str = RAW_STREAM


Answered: TypeAlias = "Answer | Hijack"
Handler: TypeAlias = Callable[[Call], Answered]


def encoded(value: object) -> bytes:
    r"""
    Give JSON as Go writes it, a newline at the end.

    >>> encoded({"a": "<é>"}).decode()
    '{"a":"\\u003cé\\u003e"}\n'
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text.encode("utf-8", "surrogateescape") + b"\n"


def of_json(value: object, status: int = 200) -> Answer:
    """Answer with a JSON document."""
    return Answer(status=status, body=encoded(value), kind=JSON)


def pieces(data: bytes) -> Iterator[bytes]:
    """Give a body piece by piece."""
    for at in range(0, len(data), _PIECE_BYTES):
        yield data[at : at + _PIECE_BYTES]


def nothing(status: int = 204) -> Answer:
    """Answer that it is done."""
    return Answer(status=status)
